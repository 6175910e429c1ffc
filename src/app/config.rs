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
mod retention;
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
use crate::model::retention::Retention;
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
    pub retention: Retention,
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
    cluster: Option<String>,
    cluster_spread: Option<list::Number>,
    #[serde(default)]
    cluster_tenants: Vec<store::WrittenTenant>,
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
    #[serde(default)]
    retention: Vec<retention::WrittenRetention>,
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
            cluster: written.cluster,
            spread: written.cluster_spread,
            tenants: written.cluster_tenants,
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
            retention: retention::parse(written.retention)?,
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
    Retention(#[from] retention::RetentionConfigError),
    #[error(transparent)]
    LogFormat(#[from] UnknownFormat),
}

#[cfg(test)]
mod tests;
