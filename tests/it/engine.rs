//! A ready store for a test: the real engine, once a process, and a database of its own for each test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::util::display::array_value_to_string;
use rapport::model::clock::{Clock, Millis};
use rapport::sql::Sql;
use rapport::store::Store;
use rapport::store::data_directory::DataDirectory;
use rapport::store::embedded::EmbeddedStore;
use rapport::store::engine::{EngineSource, find_or_install};
use rapport::store::limits::Limits;
use rapport::store::migrations::{FACTS, MIGRATIONS, migrate};

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

/// The directory that all tests of this process share, because the engine has one a process.
pub fn directory() -> &'static DataDirectory {
    static DIRECTORY: OnceLock<DataDirectory> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("engines");
        remove_old_directories(&parent);
        let path = parent.join(std::process::id().to_string());
        DataDirectory::open(&library(), &path).expect("a fresh directory opens")
    })
}

/// An empty database.
pub fn empty_store() -> EmbeddedStore {
    empty_store_with(limits())
}

pub fn empty_store_with(limits: Limits) -> EmbeddedStore {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    EmbeddedStore::open(directory(), &name, limits).expect("an open directory takes another database")
}

/// A database with all tables and facts.
pub async fn store() -> EmbeddedStore {
    let store = empty_store();
    migrate(&store, &FixedClock(NOW), MIGRATIONS, FACTS).await.expect("the migrations run on an empty database");
    store
}

/// The answer to a plain statement: a line for each value, an empty line after each row.
/// Times must be made text by the statement: the formatter knows no zones by name.
pub async fn shown(store: &dyn Store, statement: &'static str) -> String {
    let batches = store.query(Sql::new(statement)).await.expect("the statement is right");
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
