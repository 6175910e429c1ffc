//! Everything put together: engine, tables, ingestion, schema, routes. Each part is built here and nowhere else.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use chrono_tz::Tz;

use crate::api::documents::DocumentPolicy;
use crate::api::execution::Introspection;
use crate::api::schema::{self, Asking};
use crate::api::server::{HttpParts, HttpState, SetupError, router};
use crate::api::turns::Turns;
use crate::api::{LimitsByRole, rest};
use crate::auth::{Authenticator, Issuer, Seal, Secret, TokenConfig};
use crate::ingest::{Ingest, derive};
use crate::metrics;
use crate::model::Clock;
use crate::store::data_directory::DataDirectory;
use crate::store::embedded::EmbeddedStore;
use crate::store::engine::{self, EngineSource};
use crate::store::migrations::{Fact, MIGRATIONS, MigrationReport, migrate};

use super::config::Config;
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
}

/// What the house allows beyond what it needs to run; the default is what `serve` does when nothing is configured.
#[derive(Clone, Debug)]
pub struct Policy {
    pub introspection: Introspection,
    /// Whose tokens are accepted beside our own.
    pub issuers: Vec<Issuer>,
    pub documents: DocumentPolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Self { introspection: Introspection::Allowed, issuers: Vec::new(), documents: DocumentPolicy::default() }
    }
}

impl Policy {
    /// What is configured.
    ///
    /// # Errors
    /// When a file that is configured cannot be read, or is not what it should be.
    pub fn of(config: &Config, clock: &Arc<dyn Clock>) -> Result<Self> {
        let documents = documents::policy(&config.documents)?;
        let issuers = issuers::open(&config.issuers, clock)?;
        Ok(Self { introspection: config.documents.introspection, issuers, documents })
    }
}

/// The whole API over a store.
///
/// # Errors
/// When a trusted document cannot be run, or the schema contradicts itself: a mistake in the catalogue, which a test finds.
pub fn build_router(service: Service) -> Result<Router, SetupError> {
    let Service { ingest, clock, secret, timezone, limits, queries_at_once, policy } = service;
    let Policy { introspection, issuers, documents } = policy;
    let authenticator = Authenticator::new(&secret, TokenConfig::default(), Arc::clone(&clock)).with_issuers(issuers);
    let seal = Seal::new(&secret, "rapport cursors");
    let by_role = limits.clone();
    let turns = Turns::new(queries_at_once);
    let started = clock.now();
    let derivation = ingest.derivation().clone();
    let parts = HttpParts {
        schema: schema::builder(),
        rules: schema::rules::rules(),
        authenticator,
        limits,
        introspection,
        documents,
        clock: Arc::clone(&clock),
    };
    let state = HttpState::new(parts)?.with_per_request(Box::new(move |request, viewer, bearer, request_id| {
        request.data(Arc::new(Asking::new(
            viewer.clone(),
            clock.now(),
            timezone,
            Arc::clone(by_role.of(viewer.role())),
            request_id.clone(),
            (derivation.clone(), turns.clone(), bearer.clone()),
            seal.clone(),
        )))
    }));
    let state = Arc::new(state);
    let other = rest::routes(rest::RestState::new(Arc::clone(&state), ingest));
    Ok(router(state, other, started))
}
