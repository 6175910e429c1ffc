//! Everything put together: engine, tables, ingestion, schema, routes. Each part is built here and nowhere else.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use chrono::DateTime;
use chrono_tz::Tz;

use crate::api::documents::DocumentPolicy;
use crate::api::execution::Introspection;
use crate::api::schema::asking::House;
use crate::api::schema::{self, Asking};
use crate::api::server::{HttpParts, HttpState, Network, SetupError, router};
use crate::api::turns::Turns;
use crate::api::{LimitsByRole, audit, rest};
use crate::auth::{Authenticator, Issuer, Seal, Secret, TokenConfig};
use crate::ingest::connection::Connections;
use crate::ingest::{Ingest, derive};
use crate::metrics;
use crate::model::Clock;
use crate::store::data_directory::DataDirectory;
use crate::store::embedded::EmbeddedStore;
use crate::store::engine::{self, EngineSource};
use crate::store::migrations::{Fact, MIGRATIONS, MigrationReport, migrate};

use super::config::{AuditConfig, Config};
use super::documents;
use super::issuers;

/// The name of the one database in a data directory.
const DATABASE: &str = "rapport";

/// An open store whose tables are up to date.
pub struct OpenStore {
    pub store: Arc<EmbeddedStore>,
    pub migrations: MigrationReport,
}

/// Finds or installs the engine, opens the data directory and brings its tables up to date.
///
/// # Errors
/// When the engine cannot be had, the directory belongs to another process, or a migration fails.
pub async fn open_store(config: &Config, clock: &dyn Clock) -> Result<OpenStore> {
    let source = EngineSource { library: config.engine_library.clone(), cache_dir: config.cache_dir.clone() };
    let (data_dir, limits) = (config.data_dir.clone(), config.engine.clone());
    let store = tokio::task::spawn_blocking(move || open_embedded(&source, &data_dir, limits)).await??;
    let store = Arc::new(store);
    let migrations = migrate(store.as_ref(), clock, MIGRATIONS, &facts())
        .await
        .context("the tables cannot be brought up to date")?;
    derive::prepare(store.as_ref()).await.context("what follows from the events cannot be derived")?;
    Ok(OpenStore { store, migrations })
}

/// Finds or installs the engine and opens the data directory, tables as they are. Blocking.
///
/// # Errors
/// When the engine cannot be had, or the directory belongs to another process.
pub fn open_embedded(
    source: &EngineSource,
    data_dir: &Path,
    limits: crate::store::limits::Limits,
) -> Result<EmbeddedStore> {
    let library = engine::find_or_install(source)?;
    let directory = DataDirectory::open(&library, data_dir)?;
    Ok(EmbeddedStore::open(&directory, DATABASE, limits)?)
}

/// The views of the metrics, for the migrations.
pub fn facts() -> Vec<Fact> {
    metrics::FACTS.iter().map(|(name, text)| Fact { name, text }).collect()
}

/// What the routes need.
pub struct Service {
    pub ingest: Ingest,
    pub clock: Arc<dyn Clock>,
    pub secret: Secret,
    pub timezone: Tz,
    pub limits: LimitsByRole,
    /// Statements that the engine answers at once.
    pub queries_at_once: usize,
    pub policy: Policy,
    pub connections: Connections,
}

/// What the house allows and keeps beyond what it needs to run; the default is the least.
#[derive(Clone, Debug)]
pub struct Policy {
    pub introspection: Introspection,
    /// Whose tokens are accepted beside our own.
    pub issuers: Vec<Issuer>,
    pub documents: DocumentPolicy,
    pub network: Network,
    pub audit: audit::Log,
}

impl Policy {
    /// What is configured. Begins the audit log, if there is to be one.
    ///
    /// # Errors
    /// When a file that is configured cannot be read or is not what it should be, or the audit log cannot be written.
    pub fn of(config: &Config, clock: &Arc<dyn Clock>) -> Result<Self> {
        let audit = match &config.audit {
            AuditConfig::Off => audit::Log::off(),
            AuditConfig::On { directory, days } => {
                let today = DateTime::from_timestamp_millis(clock.now()).unwrap_or_default().date_naive();
                let files = audit::Files::open(directory, *days, today)?;
                audit::Log::start(files, Arc::clone(clock), audit::PATIENCE)?
            }
        };
        Ok(Self {
            introspection: config.documents.introspection,
            issuers: issuers::open(&config.issuers, clock)?,
            documents: documents::policy(&config.documents)?,
            network: config.network.network.clone(),
            audit,
        })
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            introspection: Introspection::Allowed,
            issuers: Vec::new(),
            documents: DocumentPolicy::default(),
            network: Network::default(),
            audit: audit::Log::off(),
        }
    }
}

/// The whole API over a store.
///
/// # Errors
/// When a trusted document cannot be run, or the schema contradicts itself: a mistake in the catalogue, which a test finds.
pub fn build_router(service: Service) -> Result<Router, SetupError> {
    let Service { ingest, clock, secret, timezone, limits, queries_at_once, policy, connections } = service;
    let Policy { introspection, issuers, documents, network, audit } = policy;
    let authenticator = Authenticator::new(&secret, TokenConfig::default(), Arc::clone(&clock)).with_issuers(issuers);
    let house = House {
        default_zone: timezone,
        derivation: ingest.derivation().clone(),
        turns: Turns::new(queries_at_once),
        seal: Seal::new(&secret, "rapport cursors"),
    };
    let started = clock.now();
    let parts = HttpParts {
        schema: schema::builder(),
        rules: schema::rules::rules(),
        authenticator,
        limits,
        introspection,
        documents,
        network,
        audit,
        clock: Arc::clone(&clock),
    };
    let state = HttpState::new(parts)?.with_per_request(Box::new(move |request, arrival| {
        request.data(Arc::new(Asking::new(arrival, clock.now(), &house)))
    }));
    let state = Arc::new(state);
    let other = rest::routes(rest::RestState::new(Arc::clone(&state), ingest, connections));
    Ok(router(state, other, started))
}
