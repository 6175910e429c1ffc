//! The configuration as it is written, read.

use super::documents::TrustedConfig;
use super::*;
use crate::api::documents::PersistedQueries;
use crate::api::execution::Introspection;
use crate::api::http::client::Proxies;

fn read(toml: &str) -> Result<Config, String> {
    let written: Written = Figment::new().merge(Toml::string(toml)).extract().map_err(|error| error.to_string())?;
    Config::from_written(written, None).map_err(|error| error.to_string())
}

#[test]
fn an_empty_file_gives_the_defaults() {
    let config = read("cache_dir = '/c'").expect("valid");
    assert_eq!((config.listen.port(), config.timezone), (8080, Tz::UTC));
    assert!(config.jwt_secret.is_none());
}

#[test]
fn what_is_wrong_is_named() {
    for (toml, expect) in [
        ("lisen = 'x'", "unknown field: found `lisen`"),
        ("listen = 'here'", "`listen` is `here`"),
        ("timezone = 'Mars'", "`timezone` is `Mars`"),
        ("store = 'http://localhost:8123'", "no database is named"),
        ("jwt_secret = 'short'", "needs at least 32"),
        ("[limits]\ngroup = 5", "`group` is no limit"),
        ("[limits.boss]\ngroups = 5", "`[limits.boss]`: `boss` is not a role"),
        ("[limits.operator]\ngroups = 'five'", "the limit `groups` is \"five\"; it must be a whole number"),
        ("[limits.operator]\ntenantCostPerMinute = 5", "move it from `[limits.operator]` to `[limits]`"),
        ("[engine]\nmemory_bytes = 0", "`memory_bytes` of `[engine]` is 0"),
        ("[engine]\nmemory = 1", "unknown field: found `memory`"),
        ("documents = 'require'", "`documents` is `require`, but there is no manifest"),
        ("documents = 'allow'", "`documents` is `allow`, but there is no manifest"),
        ("documents = 'maybe'\ndocuments_file = 'd.json'", "unknown variant: found `maybe`"),
        ("introspection = 'some'", "unknown variant: found `some`"),
        ("persisted_queries = 'perhaps'", "persisted_queries"),
        ("tls_certificate = 'c.pem'", "`tls_certificate` is set and `tls_key` is not"),
        ("tls_key = 'k.pem'", "`tls_key` is set and `tls_certificate` is not"),
        ("cors_origins = ['https://a.example', '*']", "`cors_origins` has `*`, which has a `*`: name each origin"),
        ("cors_origins = 'https://a.example/'", "leave out what follows the host"),
        ("trusted_proxies = ['proxy.example']", "`trusted_proxies` has `proxy.example`"),
        ("audit = 'maybe'", "`audit` is `maybe`: give `on` or `off`"),
        ("audit_days = 0", "`audit_days` is `0`: give a number of days from 1 to 3660"),
        ("audit_days = 'many'", "`audit_days` is `many`"),
        ("stop_notice_seconds = 90", "`stop_notice_seconds` is `90`: give a number of seconds from 0 to 60"),
        ("[[retention]]\ntenant = 'a'\nhistory = '2y'", "`history` of the `[[retention]]` of `a` is `2y`"),
        ("log_format = 'xml'", "`log_format` is `xml`"),
    ] {
        let error = read(&format!("cache_dir = '/c'\n{toml}")).expect_err(toml);
        assert!(error.contains(expect), "{toml}: {error}");
    }
}

#[test]
fn documents_are_trusted_as_configured() {
    let trusted = |toml: &str| read(&format!("cache_dir = '/c'\n{toml}")).expect("valid").documents.trusted;
    let file = || PathBuf::from("d.json");
    assert_eq!(trusted(""), TrustedConfig::Off);
    assert_eq!(trusted("documents = 'off'"), TrustedConfig::Off);
    assert_eq!(trusted("documents_file = 'd.json'"), TrustedConfig::Allow(file()));
    assert_eq!(trusted("documents_file = 'd.json'\ndocuments = 'allow'"), TrustedConfig::Allow(file()));
    assert_eq!(trusted("documents_file = 'd.json'\ndocuments = 'require'"), TrustedConfig::Require(file()));
    assert_eq!(trusted("documents_file = 'd.json'\ndocuments = 'off'"), TrustedConfig::Off);
}

#[test]
fn persisted_queries_and_introspection_are_on_unless_configured() {
    let documents = |toml: &str| read(&format!("cache_dir = '/c'\n{toml}")).expect("valid").documents;
    assert_eq!(documents("").persisted_queries, PersistedQueries::On);
    // A variable's value is a text.
    for off in ["false", "'false'"] {
        assert_eq!(documents(&format!("persisted_queries = {off}")).persisted_queries, PersistedQueries::Off);
    }
    for (name, expected) in
        [("on", Introspection::Allowed), ("managers", Introspection::Managers), ("off", Introspection::Forbidden)]
    {
        assert_eq!(documents(&format!("introspection = '{name}'")).introspection, expected);
    }
    assert_eq!(documents("").introspection, Introspection::Allowed);
}

#[test]
fn a_list_and_a_number_are_read_from_a_variable_as_from_the_file() {
    let file = "cors_origins = ['https://a.example', 'http://b.example:81']\ntrusted_proxies = ['10.0.0.0/8', '::1']\naudit_days = 7";
    let variables = "cors_origins = 'https://a.example, http://b.example:81'\ntrusted_proxies = '10.0.0.0/8,::1,'\naudit_days = '7'";
    for toml in [file, variables] {
        let config = read(&format!("cache_dir = '/c'\n{toml}")).expect("valid");
        assert_eq!(config.network.network.origins.len(), 2);
        assert_eq!(config.network.network.proxies, Proxies::parse(["10.0.0.0/8", "::1"]).expect("valid"));
        assert_eq!(config.audit, AuditConfig::On { directory: "./data/audit".into(), days: 7 });
    }
}

#[test]
fn a_file_that_is_no_toml_is_told_without_its_lines() {
    let toml = "cache_dir = '/c'\njwt_secret = \"abcdefghijklmnopqrstuvwxyz";
    let error = Figment::new().merge(Toml::string(toml)).extract::<Written>().expect_err("no TOML").to_string();
    assert!(error.contains("abcdef"), "the parser repeats the line: {error}");
    let told = without_lines(&error);
    assert!(!told.contains("abcdef") && told.contains("line 2"), "{told}");
}

#[test]
fn the_secret_is_never_shown() {
    let config = read("cache_dir = '/c'\njwt_secret = 'abcdefghijklmnopqrstuvwxyz0123456789'").expect("valid");
    assert!(!format!("{config:?}").contains("abcdef"));
}
