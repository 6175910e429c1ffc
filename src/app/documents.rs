//! The manifest of trusted documents from its file, and what `doctor` says of it. A renewed file counts from the next start on.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

use crate::api::Limits;
use crate::api::documents::manifest::Manifest;
use crate::api::documents::trusted::TrustedDocuments;
use crate::api::documents::{DocumentPolicy, PersistedQueries, TrustedPolicy};
use crate::api::execution::{Introspection, finish_schema};
use crate::api::schema::{builder, rules::rules};

use super::config::documents::{DocumentsConfig, TrustedConfig};

/// What the configuration says of documents, with the manifest read.
///
/// # Errors
/// When there is a manifest and it cannot be read. Whether its documents can be run is checked with the schema.
pub fn policy(config: &DocumentsConfig) -> Result<DocumentPolicy> {
    let trusted = match &config.trusted {
        TrustedConfig::Off => TrustedPolicy::Off,
        TrustedConfig::Allow(path) => TrustedPolicy::Allow(read(path)?),
        TrustedConfig::Require(path) => TrustedPolicy::Require(read(path)?),
    };
    Ok(DocumentPolicy { trusted, persisted_queries: config.persisted_queries })
}

fn read(path: &Path) -> Result<Manifest> {
    let about = || format!("the manifest of trusted documents, {} (`documents_file`)", path.display());
    let mut bytes = Vec::new();
    // One byte more than is allowed, so that a larger file is seen to be larger and no more of it is read.
    let limit = Manifest::BYTES_MAX as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    read.with_context(|| format!("cannot read {}", about()))?;
    Manifest::parse(&bytes).with_context(|| format!("cannot use {}", about()))
}

/// For `doctor`: what may be run.
///
/// # Errors
/// When the manifest, or a document of it, is not in order.
pub fn describe(config: &DocumentsConfig, limits: &Limits) -> Result<String> {
    let policy = policy(config)?;
    let (manifest, path, others) = match (&policy.trusted, &config.trusted) {
        (TrustedPolicy::Allow(manifest), TrustedConfig::Allow(path)) => (manifest, path, "allow: others run too"),
        (TrustedPolicy::Require(manifest), TrustedConfig::Require(path)) => (manifest, path, "require: no others run"),
        _ => return Ok(format!("any; persisted queries {}", describe_persisted(config.persisted_queries))),
    };
    let schema = finish_schema(builder(), rules(), config.introspection)?;
    TrustedDocuments::check(manifest, &schema, limits)
        .with_context(|| format!("the manifest {} (`documents_file`) is not in order", path.display()))?;
    let count = manifest.documents().len();
    let persisted = match policy.trusted {
        TrustedPolicy::Require(_) => PersistedQueries::Off,
        _ => config.persisted_queries,
    };
    let persisted = describe_persisted(persisted);
    Ok(format!("{count} trusted, of {} ({others}); persisted queries {persisted}", path.display()))
}

fn describe_persisted(persisted_queries: PersistedQueries) -> &'static str {
    match persisted_queries {
        PersistedQueries::On => "on",
        PersistedQueries::Off => "off",
    }
}

/// For `doctor`: who may ask for the schema.
pub fn describe_introspection(introspection: Introspection) -> &'static str {
    match introspection {
        Introspection::Allowed => "on: every token may ask for the schema, and the page shows it",
        Introspection::Managers => "managers: the roles MANAGER and ADMIN may ask for the schema",
        Introspection::Forbidden => "off: nobody may ask for the schema",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe_file(text: &str, trusted: fn(std::path::PathBuf) -> TrustedConfig) -> Result<String, String> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("documents.json");
        std::fs::write(&path, text).expect("written");
        describe_path(trusted(path))
    }

    fn describe_path(trusted: TrustedConfig) -> Result<String, String> {
        let config =
            DocumentsConfig { trusted, persisted_queries: PersistedQueries::On, introspection: Introspection::Allowed };
        describe(&config, &Limits::default()).map_err(|error| format!("{error:#}"))
    }

    const VIEWER: &str = r#"{"a": "query A { limits { name } }", "b": "mutation B($input: BusinessHoursInput!) { setBusinessHours(input: $input) { validFrom } }"}"#;

    #[test]
    fn what_is_in_order_is_told_in_a_line() {
        let told = describe_file(VIEWER, TrustedConfig::Allow).expect("in order");
        assert!(told.starts_with("2 trusted, of ") && told.ends_with("(allow: others run too); persisted queries on"));
        let told = describe_file(VIEWER, TrustedConfig::Require).expect("in order");
        assert!(told.ends_with("(require: no others run); persisted queries off"), "{told}");
        assert_eq!(describe_path(TrustedConfig::Off).expect("in order"), "any; persisted queries on");
    }

    #[test]
    fn what_is_wrong_with_a_manifest_is_told_with_its_file() {
        for (text, expected) in [
            ("[", "cannot use the manifest of trusted documents, "),
            ("{}", "(`documents_file`): it has no documents"),
            (
                r#"{"a": "query A { limits { name } }", "b": "query B { limit }"}"#,
                "1 of 2 documents cannot be run: \"b\" (\"B\"): ",
            ),
        ] {
            let told = describe_file(text, TrustedConfig::Require).expect_err(text);
            assert!(told.contains(expected) && told.contains("documents.json"), "{told}");
            assert!(!told.contains('\n'), "{told}");
        }
        let told = describe_path(TrustedConfig::Allow("nowhere/documents.json".into())).expect_err("not there");
        assert!(told.starts_with("cannot read the manifest of trusted documents, nowhere/documents.json"), "{told}");
        let told = describe_path(TrustedConfig::Allow("src".into())).expect_err("a directory");
        assert!(told.starts_with("cannot read"), "{told}");
    }
}
