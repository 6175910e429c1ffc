//! The keys about documents: `documents`, `documents_file`, `persisted_queries`, `introspection`.
//!
//! Only says what is configured; the manifest is read by [`crate::app::documents`].

use std::path::PathBuf;

use serde::Deserialize;

use crate::api::documents::PersistedQueries;
use crate::api::execution::Introspection;

/// Which documents run, and who may ask for the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentsConfig {
    pub trusted: TrustedConfig,
    pub persisted_queries: PersistedQueries,
    pub introspection: Introspection,
}

/// The manifest of trusted documents and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedConfig {
    Off,
    Allow(PathBuf),
    Require(PathBuf),
}

/// The key `documents` as written.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WrittenMode {
    Off,
    Allow,
    Require,
}

/// The key `introspection` as written.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WrittenIntrospection {
    #[default]
    On,
    Managers,
    Off,
}

impl DocumentsConfig {
    /// A file without a mode is allowed; a mode without a file is a mistake.
    pub fn from_written(
        mode: Option<WrittenMode>,
        file: Option<PathBuf>,
        persisted_queries: bool,
        introspection: WrittenIntrospection,
    ) -> Result<Self, DocumentsConfigError> {
        let trusted = match (mode, file) {
            (None | Some(WrittenMode::Off), None) | (Some(WrittenMode::Off), Some(_)) => TrustedConfig::Off,
            (None | Some(WrittenMode::Allow), Some(file)) => TrustedConfig::Allow(file),
            (Some(WrittenMode::Require), Some(file)) => TrustedConfig::Require(file),
            (Some(WrittenMode::Allow), None) => return Err(DocumentsConfigError::NoFile { mode: "allow" }),
            (Some(WrittenMode::Require), None) => return Err(DocumentsConfigError::NoFile { mode: "require" }),
        };
        let persisted_queries = if persisted_queries { PersistedQueries::On } else { PersistedQueries::Off };
        let introspection = match introspection {
            WrittenIntrospection::On => Introspection::Allowed,
            WrittenIntrospection::Managers => Introspection::Managers,
            WrittenIntrospection::Off => Introspection::Forbidden,
        };
        Ok(Self { trusted, persisted_queries, introspection })
    }
}

/// What is wrong with these keys.
#[derive(Debug, thiserror::Error)]
pub enum DocumentsConfigError {
    #[error("`documents` is `{mode}`, but there is no manifest: name one by `documents_file` (RAPPORT_DOCUMENTS_FILE)")]
    NoFile { mode: &'static str },
}
