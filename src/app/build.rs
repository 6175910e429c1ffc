//! Everything put together: engine, tables, ingestion, schema, routes. Each part is built here and nowhere else.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::middleware::from_fn_with_state;
use chrono::DateTime;
use chrono_tz::Tz;

use crate::api::backups::{self, BackupState, Backups};
use crate::api::documents::DocumentPolicy;
use crate::api::execution::Introspection;
use crate::api::exposition::{self, ExpositionState};
use crate::api::meters::{Meters, measure};
use crate::api::rest::health::Health;
use crate::api::schema::asking::House;
use crate::api::schema::{self, Asking};
use crate::api::serve::Stopping;
use crate::api::server::{HttpParts, HttpState, Network, SetupError, router};
use crate::api::traces::Exported;
use crate::api::turns::Turns;
use crate::api::{LimitsByRole, audit, rest, webhooks};
use crate::auth::{Authenticator, Issuer, Seal, Secret, TokenConfig};
use crate::ingest::connection::Connections;
use crate::ingest::connector::options::Hidden;
use crate::ingest::queued::{Intake, Queued};
use crate::ingest::replay::Databases;
use crate::ingest::{Ingest, derive};
use crate::metrics;
use crate::model::Clock;
use crate::queue::Queue;
use crate::sql::Sql;
use crate::store::chosen::ChosenStore;
use crate::store::cluster::ClusterStore;
use crate::store::data_directory::DataDirectory;
use crate::store::embedded::EmbeddedStore;
use crate::store::engine::{self, EngineSource};
use crate::store::limits::Limits;
use crate::store::migrations::{Fact, MIGRATIONS, MigrationError, MigrationReport, Tables, migrate_to, places, plan};
use crate::store::parts;
use crate::store::server::ServerStore;
use crate::store::server::address::ServerConfig;
use crate::store::{self, Store};

use super::config::store::StoreConfig;
use super::config::{AuditConfig, Config};
use super::documents;
use super::issuers;
use super::replay::ending::finish_replay;

/// The databases of a data directory: the one that is read, and the one in which `replay` tries.
pub const DATABASES: Databases = Databases { main: "rapport", scratch: "rapport_replay" };

/// What is said of parts that the engine put aside.
pub const DETACHED: &str = "damaged parts were put aside by the engine, and their rows are missing from every answer: restore a backup \
     and send what is newer again";

/// An open store whose tables are up to date.
pub struct OpenStore {
    pub store: Arc<ChosenStore>,
    pub migrations: MigrationReport,
}

/// Finds or installs the engine and opens the data directory, or turns to the servers; and brings the tables up to date.
///
/// # Errors
/// When the engine cannot be had, the directory belongs to another process, no server can be reached, or a migration fails.
pub async fn open_store(config: &Config, clock: &dyn Clock) -> Result<OpenStore> {
    open_store_within(config, config.engine.clone(), clock).await
}

/// The same with other limits than those that are configured.
///
/// # Errors
/// As [`open_store`].
pub async fn open_store_within(config: &Config, limits: Limits, clock: &dyn Clock) -> Result<OpenStore> {
    let store = Arc::new(open_chosen(config, limits).await?);
    let migrations = update_tables(config, &store, clock).await.context("the tables cannot be brought up to date")?;
    // Before anything is derived or answered: a tenant may have been left half replaced.
    if let ChosenStore::Embedded(store) = store.as_ref() {
        finish_replay(store, DATABASES, clock).await?;
    }
    super::erase::finish_interrupted(&store, clock).await;
    derive::prepare(store.as_ref()).await.context("what follows from the events cannot be derived")?;
    warn_of_detached(store.as_ref()).await;
    Ok(OpenStore { store, migrations })
}

async fn update_tables(
    config: &Config,
    store: &ChosenStore,
    clock: &dyn Clock,
) -> Result<MigrationReport, MigrationError> {
    let tables = tables_of(store);
    if let (StoreConfig::Cluster(cluster), ChosenStore::Cluster(shards, _)) = (&config.store, store) {
        // Before anything is made: tables of two shards that are one would copy each other's rows.
        places::check_names(shards, &cluster.name).await?;
        places::hold(tables, shards).await?;
    }
    migrate_to(tables, store, clock, MIGRATIONS, &facts()).await
}

fn tables_of(store: &ChosenStore) -> Tables {
    match store {
        ChosenStore::Embedded(_) | ChosenStore::Server(_) => Tables::Plain,
        ChosenStore::Cluster(..) => Tables::Replicated,
    }
}

/// What opening the store would run to bring its tables up to date: names of files with their statements. Nothing is run.
///
/// # Errors
/// As [`open_store`].
pub async fn plan_tables(config: &Config) -> Result<Vec<(&'static str, Vec<Sql>)>> {
    let store = open_chosen(config, config.engine.clone()).await?;
    let planned = plan(tables_of(&store), &store, MIGRATIONS, &facts()).await;
    store.close().await;
    Ok(planned?)
}

async fn open_chosen(config: &Config, limits: Limits) -> Result<ChosenStore> {
    match &config.store {
        StoreConfig::Embedded => {
            let source = EngineSource { library: config.engine_library.clone(), cache_dir: config.cache_dir.clone() };
            let data_dir = config.data_dir.clone();
            let store = tokio::task::spawn_blocking(move || open_embedded(&source, &data_dir, limits)).await??;
            Ok(ChosenStore::Embedded(Arc::new(store)))
        }
        StoreConfig::Servers(servers) => Ok(ChosenStore::Server(open_server(config, servers, limits)?)),
        StoreConfig::Cluster(cluster) => {
            let mut shards = Vec::with_capacity(cluster.shards.len());
            for servers in &cluster.shards {
                shards.push(open_server(config, servers, limits.clone())?);
            }
            let name = shards.first().context("a cluster has a shard")?.process_name().to_owned();
            let stores = shards.iter().map(|shard| Arc::clone(shard) as Arc<dyn Store>).collect();
            let store = ClusterStore::new(stores, cluster.placing.clone(), name)?;
            Ok(ChosenStore::Cluster(Arc::new(store), shards))
        }
    }
}

/// Parts that the engine could not load are missing from every answer: nobody may overlook that.
async fn warn_of_detached(store: &dyn Store) {
    match parts::detached(store).await {
        Ok(detached) => {
            for found in detached {
                tracing::error!(table = found.table, reason = found.reason, parts = found.parts, "{DETACHED}");
            }
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "whether parts are damaged is not known")
        }
    }
}

fn open_server(config: &Config, servers: &ServerConfig, limits: Limits) -> Result<Arc<ServerStore>> {
    // The audit log and the demonstration's secret lie there all the same.
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("the data directory {} cannot be made", config.data_dir.display()))?;
    for host in servers.clear_text_hosts() {
        tracing::warn!(%host, "events and the store's password go over the network in clear text: use https://");
    }
    Ok(Arc::new(ServerStore::open(servers, limits)?))
}

/// Finds or installs the engine and opens the data directory, tables as they are. Blocking.
///
/// # Errors
/// When the engine cannot be had, or the directory belongs to another process.
pub fn open_embedded(source: &EngineSource, data_dir: &Path, limits: Limits) -> Result<EmbeddedStore> {
    let library = engine::find_or_install(source)?;
    let directory = DataDirectory::open(&library, data_dir)?;
    Ok(EmbeddedStore::open(&directory, DATABASES.main, limits)?)
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
    /// Who may read `/metrics`; nobody without it.
    pub metrics_token: Option<Hidden>,
    /// How backups are made; none without it.
    pub backups: Option<Backups>,
    pub health: Health,
    /// Requests, counted.
    pub meters: Meters,
    /// What the embedded engine counts of itself; `None` for another one.
    pub engine: Option<store::meters::Meters>,
    /// What becomes of traces; `None` where none are collected.
    pub traces: Option<Exported>,
    /// What stands between the routes and the store.
    pub queue: Option<Queue>,
}

impl Policy {
    /// What is configured. Begins the audit log, if there is to be one.
    ///
    /// # Errors
    /// When a file that is configured cannot be read or is not what it should be, or the audit log cannot be written.
    pub fn of(config: &Config, store: &ChosenStore, clock: &Arc<dyn Clock>) -> Result<Self> {
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
            metrics_token: config.metrics_token.clone(),
            backups: config
                .operations
                .backup_dir
                .clone()
                .zip(store.embedded())
                .map(|(dir, store)| Backups::new(Arc::clone(store), dir, Arc::clone(clock))),
            health: Health { stopping: Stopping::default(), data_dir: Some(config.data_dir.clone()) },
            meters: Meters::default(),
            engine: store.embedded().map(|store| store.meters().clone()),
            traces: None,
            queue: None,
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
            metrics_token: None,
            backups: None,
            health: Health::default(),
            meters: Meters::default(),
            engine: None,
            traces: None,
            queue: None,
        }
    }
}

/// The whole API over a store.
///
/// # Errors
/// When a trusted document cannot be run, or the schema contradicts itself: a mistake in the catalogue, which a test finds.
pub fn build_router(service: Service) -> Result<Router, SetupError> {
    let Service { ingest, clock, secret, timezone, limits, queries_at_once, policy, connections } = service;
    let Policy {
        introspection,
        issuers,
        documents,
        network,
        audit,
        metrics_token,
        backups,
        health,
        meters,
        engine,
        traces,
        queue,
    } = policy;
    let authenticator = Authenticator::new(&secret, TokenConfig::default(), Arc::clone(&clock)).with_issuers(issuers);
    let intake = match queue {
        Some(queue) => Intake::Queued(Queued::new(queue, ingest.clone(), Arc::clone(&clock))),
        None => Intake::Direct(ingest.clone()),
    };
    let house = House {
        default_zone: timezone,
        derivation: ingest.derivation().clone(),
        turns: Turns::new(queries_at_once),
        seal: Seal::new(&secret, "rapport cursors"),
        ways_in: connections.clone(),
        ingest: ingest.clone(),
        intake: intake.clone(),
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
    let exposed = ExpositionState {
        http: Arc::clone(&state),
        connections: connections.clone(),
        ingest: ingest.clone(),
        intake: intake.clone(),
        token: metrics_token,
        meters: meters.clone(),
        engine,
        traces,
    };
    let hooks =
        webhooks::WebhookState::new(Arc::clone(&state), intake.clone(), ingest.meters().clone(), connections.clone());
    let other = backups::routes(BackupState { http: Arc::clone(&state), backups });
    let other =
        other.merge(rest::routes(rest::RestState::new(Arc::clone(&state), ingest, intake, connections, health)));
    let other = other.merge(webhooks::routes(hooks)).merge(exposition::routes(exposed));
    Ok(router(state, other, started).layer(from_fn_with_state(meters, measure)))
}
