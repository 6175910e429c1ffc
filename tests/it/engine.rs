//! A ready store for a test: the real engine, once a process, and a database of its own for each test.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::util::display::array_value_to_string;
use futures_util::future::BoxFuture;
use rapport::app::build::facts;
use rapport::model::clock::{Clock, Millis};
use rapport::sql::Sql;
use rapport::store::cluster::ClusterStore;
use rapport::store::cluster::placing::Placing;
use rapport::store::data_directory::DataDirectory;
use rapport::store::embedded::EmbeddedStore;
use rapport::store::engine::{EngineSource, find_or_install};
use rapport::store::limits::Limits;
use rapport::store::migrations::{MIGRATIONS, migrate};
use rapport::store::server::ServerStore;
use rapport::store::token::Token;
use rapport::store::{Insert, Sharing, Store, StoreError};

use crate::served::{self, Served};
use crate::world::TENANT;

/// 2026-03-01T12:00:00Z.
pub const NOW: Millis = 1_772_366_400_000;

/// A clock that stands still.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub Millis);

impl Clock for FixedClock {
    fn now(&self) -> Millis {
        self.0
    }
}

/// Limits that let tests run side by side on a small machine.
pub fn limits() -> Limits {
    Limits { connections: 2, threads: 2, ..Limits::default() }
}

/// The engine's library, found or installed as the program itself does.
#[expect(clippy::disallowed_methods, reason = "tests look where the user's cache directory is")]
pub fn library() -> PathBuf {
    let home = std::env::home_dir().expect("a user has a home directory").join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or(home, PathBuf::from);
    let library = std::env::var_os("RAPPORT_ENGINE_LIBRARY").map(PathBuf::from);
    let source = EngineSource { library, cache_dir: cache.join("rapport") };
    find_or_install(&source).expect("the engine is there or can be installed")
}

/// The directory that all tests of this process share, because the engine has one a process, while somebody uses it.
///
/// The last user closes it. A static that nobody closes would leave the engine's threads running while the process
/// exits and tears down what they use, which crashes it after the last test now and then.
struct Shared {
    directory: Option<DataDirectory>,
    users: usize,
}

static SHARED: Mutex<Shared> = Mutex::new(Shared { directory: None, users: 0 });

/// A use of the shared directory.
pub struct Lent {
    // `None` only while it is dropped.
    directory: Option<DataDirectory>,
}

pub fn directory() -> Lent {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.users += 1;
    let directory = shared.directory.get_or_insert_with(|| {
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("engines");
        remove_old_directories(&parent);
        let path = parent.join(std::process::id().to_string());
        DataDirectory::open(&library(), &path).expect("the directory is this process's own")
    });
    Lent { directory: Some(directory.clone()) }
}

impl Deref for Lent {
    type Target = DataDirectory;

    fn deref(&self) -> &DataDirectory {
        self.directory.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Under the lock, so that nobody opens it anew while it closes.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        self.directory = None;
        shared.users -= 1;
        if shared.users == 0 {
            shared.directory = None;
        }
    }
}

/// A store of either engine, and what it needs.
// Order matters: the store is dropped before its directory or its hosts.
#[allow(dead_code, reason = "what a store needs is held and not read")]
pub enum TestStore {
    Embedded(EmbeddedStore, Lent),
    Server(ServerStore, Option<Served>),
    Cluster(ClusterStore, Vec<Arc<EmbeddedStore>>, Lent),
}

impl TestStore {
    fn either(&self) -> &dyn Store {
        match self {
            Self::Embedded(store, _) => store,
            Self::Server(store, _) => store,
            Self::Cluster(store, ..) => store,
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Embedded(store, _) => store.close().await,
            Self::Server(store, _) => store.close().await,
            Self::Cluster(_, shards, _) => {
                for shard in shards {
                    shard.close().await;
                }
            }
        }
    }
}

impl std::fmt::Debug for TestStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Embedded(store, _) => store.fmt(f),
            Self::Server(store, _) => store.fmt(f),
            Self::Cluster(store, ..) => store.fmt(f),
        }
    }
}

impl Store for TestStore {
    fn query(&self, statement: Sql) -> BoxFuture<'_, Result<Vec<RecordBatch>, StoreError>> {
        self.either().query(statement)
    }

    fn insert(
        &self,
        table: &'static str,
        batch: RecordBatch,
        token: Option<Token>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        self.either().insert(table, batch, token)
    }

    fn insert_all(&self, inserts: Vec<Insert>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.either().insert_all(inserts)
    }

    fn execute(&self, statement: Sql) -> BoxFuture<'_, Result<(), StoreError>> {
        self.either().execute(statement)
    }

    fn execute_all(&self, statements: Vec<Sql>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.either().execute_all(statements)
    }

    fn sharing(&self) -> Sharing {
        self.either().sharing()
    }

    fn shards(&self) -> usize {
        self.either().shards()
    }

    fn shard_of(&self, tenant: &str) -> usize {
        self.either().shard_of(tenant)
    }

    fn version(&self) -> BoxFuture<'_, Result<String, StoreError>> {
        self.either().version()
    }
}

/// Where a test's stores are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ground {
    Embedded,
    Server,
    Cluster,
}

thread_local! {
    static GROUND: Cell<Ground> = const { Cell::new(Ground::Embedded) };
}

/// Runs a test over servers that it would else run over the embedded engine.
pub fn on_server(test: impl FnOnce()) {
    // The thread is the test's own: nothing sets this back.
    GROUND.set(Ground::Server);
    test();
}

/// Runs a test over a cluster of two shards that it would else run over one embedded database.
pub fn on_cluster(test: impl FnOnce()) {
    GROUND.set(Ground::Cluster);
    test();
}

/// Two empty databases as one store. The usual tenant lies on one of them, `other` and `globex` on the other.
pub fn empty_cluster(limits: &Limits) -> TestStore {
    let directory = directory();
    let open = || Arc::new(EmbeddedStore::open(&directory, &next_name(), limits.clone()).expect("another database"));
    let shards = vec![open(), open()];
    let usual = Placing::new(2, 2, BTreeMap::new()).expect("two shards").shard_of(TENANT);
    let apart = ["other", "globex"].map(|tenant| (tenant.to_owned(), 1 - usual));
    let placing = Placing::new(2, 2, apart.into()).expect("two shards");
    let stores = shards.iter().map(|shard| Arc::clone(shard) as Arc<dyn Store>).collect();
    TestStore::Cluster(ClusterStore::new(stores, placing, "test".to_owned()).expect("two shards"), shards, directory)
}

/// A name for a database that no other test has.
pub fn next_name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// An empty database.
pub fn empty_store() -> TestStore {
    empty_store_with(limits())
}

pub fn empty_store_with(limits: Limits) -> TestStore {
    match GROUND.get() {
        Ground::Embedded => {}
        Ground::Server => {
            let (store, served) = served::open(limits);
            return TestStore::Server(store, served);
        }
        Ground::Cluster => return empty_cluster(&limits),
    }
    let directory = directory();
    let store =
        EmbeddedStore::open(&directory, &next_name(), limits).expect("an open directory takes another database");
    TestStore::Embedded(store, directory)
}

/// A database with all tables and facts.
pub async fn store() -> TestStore {
    let store = empty_store();
    migrate(&store, &FixedClock(NOW), MIGRATIONS, &facts()).await.expect("the migrations run on an empty database");
    store
}

/// The answer to a plain statement: a line for each value, an empty line after each row.
/// On shards it is asked where the usual tenant lies. Times must be made text by the statement: the formatter knows no zones by name.
pub async fn shown(store: &dyn Store, statement: &'static str) -> String {
    let batches = store.query(Sql::new(statement).of_tenant(TENANT)).await.expect("the statement is right");
    let mut text = String::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                let value = array_value_to_string(column, row).expect("every type can be shown");
                text.push_str(&format!("{}: {value}\n", field.name()));
            }
            text.push('\n');
        }
    }
    text
}

/// Removes what earlier runs left: a static directory is never closed. A lock that can be taken has no owner.
fn remove_old_directories(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let lock = File::open(entry.path().join("rapport.lock"));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
