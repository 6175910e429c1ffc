//! What the benchmarks share: an engine with its tables, a clock that stands still, tokens, and peak memory.
//!
//! Nothing here is timed.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use rapport::api::Limits;
use rapport::api::audit::Log;
use rapport::app::build::{Policy, Service, build_router, facts};
use rapport::auth::{Authenticator, Grant, Role, Secret, TokenConfig, issue};
use rapport::ingest::Ingest;
use rapport::ingest::connection::Connections;
use rapport::model::clock::{Clock, Millis};
use rapport::store::data_directory::DataDirectory;
use rapport::store::embedded::EmbeddedStore;
use rapport::store::engine::{EngineSource, find_or_install};
use rapport::store::migrations::{MIGRATIONS, migrate};

/// 2026-11-01T00:00:00Z: when all generated traffic ends, and what every clock shows.
pub const NOW: Millis = 1_793_491_200_000;
pub const DAY_MS: i64 = 86_400_000;
const SECRET: &str = "a secret for benchmarks that is long enough";

pub struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Millis {
        NOW
    }
}

/// Opens the store in a directory, with all tables and facts.
pub async fn open_store(directory: &Path) -> Arc<EmbeddedStore> {
    let directory = DataDirectory::open(&library(), directory).expect("the data directory opens");
    let store = EmbeddedStore::open(&directory, "rapport", rapport::store::limits::Limits::default());
    let store = Arc::new(store.expect("the database opens"));
    migrate(store.as_ref(), &FixedClock, MIGRATIONS, &facts()).await.expect("the migrations run");
    store
}

/// The only way into a store.
pub async fn ingest(store: &Arc<EmbeddedStore>) -> Ingest {
    Ingest::open(store.clone(), Arc::new(FixedClock)).await.expect("nothing is left to be written")
}

/// The whole API over a store.
pub async fn router(store: &Arc<EmbeddedStore>) -> axum::Router {
    router_with(store, Log::off()).await
}

/// The same, recorded.
pub async fn router_with(store: &Arc<EmbeddedStore>, audit: Log) -> axum::Router {
    router_for(&ingest(store).await, store, Connections::default(), audit)
}

/// The same for platforms that send by these.
pub fn router_for(ingest: &Ingest, store: &Arc<EmbeddedStore>, connections: Connections, audit: Log) -> axum::Router {
    build_router(Service {
        ingest: ingest.clone(),
        clock: Arc::new(FixedClock),
        secret: secret(),
        timezone: Tz::Europe__Berlin,
        // A benchmark asks as fast as it can, and its clock stands still.
        limits: Limits { cost_per_minute: 1 << 30, tenant_cost_per_minute: 1 << 30, ..Limits::default() }.into(),
        queries_at_once: store.limits().connections,
        connections,
        policy: Policy { audit, ..Policy::default() },
    })
    .expect("the schema is sound")
}

pub fn token(tenant: &str, role: Role) -> String {
    let grant = Grant { sub: "bench".to_owned(), tenant: tenant.to_owned(), role, operator: None, teams: Vec::new() };
    issue(&secret(), &TokenConfig::default(), &grant, NOW, Duration::from_secs(86_400)).expect("a sound grant")
}

pub fn authenticator() -> Authenticator {
    Authenticator::new(&secret(), TokenConfig::default(), Arc::new(FixedClock))
}

fn secret() -> Secret {
    Secret::new(SECRET).expect("long enough")
}

/// The engine's library, found or installed as the program itself does.
#[expect(clippy::disallowed_methods, reason = "a benchmark looks where the user's cache directory is")]
pub fn library() -> PathBuf {
    let home = std::env::home_dir().expect("a user has a home directory").join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or(home, PathBuf::from);
    let library = std::env::var_os("RAPPORT_ENGINE_LIBRARY").map(PathBuf::from);
    find_or_install(&EngineSource { library, cache_dir: cache.join("rapport") }).expect("the engine can be had")
}

/// The most memory that this process has held at a time, in MiB; 0 where the system does not tell.
pub fn peak_memory_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
