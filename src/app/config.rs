//! Configuration: `rapport.toml`, then variables, parsed once. The only place that reads the environment.

mod audit;
pub mod connections;
pub mod documents;
mod environment;
mod form;
mod issuers;
mod limits;
mod list;
mod metrics_token;
mod network;
mod operations;
mod queue;
mod rejected;
pub mod store;
mod traces;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use figment::Figment;
use figment::providers::{Format, Toml};
use serde::Deserialize;

use self::connections::{ConnectionConfig, ConnectionsConfigError, WrittenConnection};
use self::documents::{DocumentsConfig, DocumentsConfigError, WrittenIntrospection, WrittenMode};
use self::environment::variables;
pub(super) use self::form::without_lines;
use self::limits::WrittenLimits;
use self::store::{StoreConfig, StoreConfigError, WrittenStore};
use crate::api::LimitsByRole;
use crate::auth::{AuthError, IssuerConfig, Secret};
use crate::ingest::connector::options::Hidden;
use crate::store::limits::Limits as EngineLimits;

pub use self::audit::{AuditConfig, AuditConfigError};
pub use self::environment::{LOG_FILTER, default_cache_dir, log_filter};
pub use self::network::{NetworkConfig, NetworkConfigError};
pub use self::operations::{OperationsConfig, OperationsConfigError};
pub use self::queue::QueueConfigError;
pub use self::traces::{TracesConfig, TracesConfigError};
use super::logging::{LogFormat, UnknownFormat};

/// The configuration's file, in the working directory unless `--config` names another.
pub const FILE: &str = "rapport.toml";

/// What the file and the variables said, with defaults where they said nothing.
pub struct Config {
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    pub store: StoreConfig,
    pub jwt_secret: Option<Secret>,
    pub engine_library: Option<PathBuf>,
    pub cache_dir: PathBuf,
    pub timezone: Tz,
    pub limits: LimitsByRole,
    pub engine: EngineLimits,
    pub issuers: Vec<IssuerConfig>,
    pub connections: Vec<ConnectionConfig>,
    pub documents: DocumentsConfig,
    pub network: NetworkConfig,
    pub audit: AuditConfig,
    pub rejected_days: u16,
    pub log_format: LogFormat,
    pub metrics_token: Option<Hidden>,
    pub operations: OperationsConfig,
    pub traces: TracesConfig,
    /// `None`: the API writes to the store itself.
    pub queue: Option<crate::queue::QueueConfig>,
    /// Where the values came from, for `doctor`.
    pub file: Option<PathBuf>,
}

/// The same, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default = "default_listen")]
    listen: String,
    #[serde(default = "default_data_dir")]
    data_dir: PathBuf,
    jwt_secret: Option<String>,
    #[serde(default = "default_store")]
    store: String,
    store_password: Option<String>,
    store_password_file: Option<PathBuf>,
    store_reader: Option<String>,
    store_reader_password: Option<String>,
    store_reader_password_file: Option<PathBuf>,
    store_ca_file: Option<PathBuf>,
    engine_library: Option<PathBuf>,
    cache_dir: Option<PathBuf>,
    #[serde(default = "default_timezone")]
    timezone: String,
    #[serde(default)]
    limits: WrittenLimits,
    #[serde(default)]
    engine: EngineLimits,
    #[serde(default)]
    issuers: Vec<issuers::WrittenIssuer>,
    #[serde(default)]
    connections: Vec<WrittenConnection>,
    documents: Option<WrittenMode>,
    documents_file: Option<PathBuf>,
    #[serde(default = "default_persisted_queries", deserialize_with = "figment::util::bool_from_str_or_int")]
    persisted_queries: bool,
    #[serde(default)]
    introspection: WrittenIntrospection,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    #[serde(default)]
    cors_origins: list::List,
    #[serde(default)]
    trusted_proxies: list::List,
    audit: Option<String>,
    audit_dir: Option<PathBuf>,
    audit_days: Option<list::Number>,
    rejected_days: Option<list::Number>,
    log_format: Option<String>,
    metrics_token: Option<String>,
    backup_dir: Option<PathBuf>,
    stop_notice_seconds: Option<list::Number>,
    otlp_endpoint: Option<String>,
    otlp_sample: Option<list::Number>,
    #[serde(default)]
    queue: queue::WrittenQueue,
}

impl Config {
    /// Reads the file, if there is one, and the variables, which win.
    ///
    /// # Errors
    /// When a key is unknown, a value has the wrong form, or `--config` names a file that is not there.
    pub fn read(named: Option<&Path>) -> Result<Self, ConfigError> {
        let path = named.map_or_else(|| PathBuf::from(FILE), Path::to_path_buf);
        if named.is_some() && !path.exists() {
            return Err(ConfigError::NoFile { path });
        }
        let file = path.exists().then(|| path.clone());
        let written = variables().into_iter().fold(Figment::new().merge(Toml::file(&path)), Figment::merge);
        let written: Written =
            written.extract().map_err(|error| ConfigError::Form { reason: without_lines(&error.to_string()) })?;
        Self::from_written(written, file)
    }

    fn from_written(written: Written, file: Option<PathBuf>) -> Result<Self, ConfigError> {
        if let Some(name) = written.engine.missing() {
            return Err(ConfigError::Engine { name });
        }
        let store = WrittenStore {
            password: written.store_password,
            password_file: written.store_password_file,
            reader: written.store_reader,
            reader_password: written.store_reader_password,
            reader_password_file: written.store_reader_password_file,
            ca_file: written.store_ca_file,
        };
        let (origins, proxies) = (written.cors_origins, written.trusted_proxies);
        let documents = DocumentsConfig::from_written(
            written.documents,
            written.documents_file,
            written.persisted_queries,
            written.introspection,
        );
        Ok(Self {
            documents: documents?,
            network: NetworkConfig::new(written.tls_certificate, written.tls_key, &origins, &proxies)?,
            audit: AuditConfig::new(
                written.audit.as_deref(),
                written.audit_dir,
                written.audit_days,
                &written.data_dir,
            )?,
            rejected_days: rejected::days(written.rejected_days)?,
            log_format: written.log_format.map_or(Ok(LogFormat::default()), |format| format.parse())?,
            metrics_token: metrics_token::parse(written.metrics_token)?,
            traces: TracesConfig::new(written.otlp_endpoint, written.otlp_sample)?,
            operations: OperationsConfig::new(written.backup_dir, written.stop_notice_seconds)?,
            listen: written.listen.parse().map_err(|_| ConfigError::Listen { listen: written.listen })?,
            data_dir: written.data_dir,
            store: StoreConfig::new(&written.store, store)?,
            jwt_secret: written
                .jwt_secret
                .map(|secret| Secret::new(&secret))
                .transpose()
                .map_err(ConfigError::Secret)?,
            engine_library: written.engine_library,
            cache_dir: match written.cache_dir {
                Some(directory) => directory,
                None => default_cache_dir().ok_or(ConfigError::NoHome)?,
            },
            timezone: written.timezone.parse().map_err(|_| ConfigError::Timezone { timezone: written.timezone })?,
            limits: written.limits.limits()?,
            engine: written.engine,
            issuers: issuers::parse(written.issuers)?,
            connections: connections::parse(written.connections)?,
            queue: queue::parse(written.queue)?,
            file,
        })
    }

    /// The secret for tokens.
    ///
    /// # Errors
    /// When none is configured.
    pub fn secret(&self) -> Result<Secret, ConfigError> {
        self.jwt_secret.clone().ok_or(ConfigError::NoSecret)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("listen", &self.listen).field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

fn default_listen() -> String {
    "127.0.0.1:8080".to_owned()
}

fn default_data_dir() -> PathBuf {
    PathBuf::from("./data")
}

fn default_store() -> String {
    "embedded".to_owned()
}

fn default_persisted_queries() -> bool {
    true
}

fn default_timezone() -> String {
    "UTC".to_owned()
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("there is no configuration file {path}")]
    NoFile { path: PathBuf },
    #[error("the configuration cannot be read: {reason}")]
    Form { reason: String },
    #[error("`listen` is `{listen}`: give an address and a port, such as 127.0.0.1:8080")]
    Listen { listen: String },
    #[error("`timezone` is `{timezone}`: give an IANA name such as Europe/Berlin")]
    Timezone { timezone: String },
    #[error("`{name}` of `[engine]` is 0, which would be no limit: give at least 1")]
    Engine { name: &'static str },
    #[error(transparent)]
    MetricsToken(#[from] metrics_token::TooShort),
    #[error("there is no home directory for the engine's library: set RAPPORT_CACHE_DIR")]
    NoHome,
    #[error(
        "RAPPORT_JWT_SECRET is not set: make one with `openssl rand -base64 48`, and keep it, or no token and no cursor is \
         valid any more. It seals cursors also where all tokens come from `[[issuers]]`"
    )]
    NoSecret,
    #[error(transparent)]
    Secret(AuthError),
    #[error(transparent)]
    Issuers(#[from] issuers::IssuersError),
    #[error(transparent)]
    Connections(#[from] ConnectionsConfigError),
    #[error(transparent)]
    Documents(#[from] DocumentsConfigError),
    #[error(transparent)]
    Network(#[from] NetworkConfigError),
    #[error(transparent)]
    Store(#[from] StoreConfigError),
    #[error(transparent)]
    Audit(#[from] AuditConfigError),
    #[error(transparent)]
    Operations(#[from] OperationsConfigError),
    #[error(transparent)]
    Traces(#[from] TracesConfigError),
    #[error(transparent)]
    Queue(#[from] QueueConfigError),
    #[error(transparent)]
    Rejected(#[from] rejected::RejectedConfigError),
    #[error(transparent)]
    LogFormat(#[from] UnknownFormat),
}

#[cfg(test)]
mod tests {
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
}
