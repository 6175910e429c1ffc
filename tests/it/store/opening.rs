//! Opening, locking and closing.

use std::fs::{self, File};
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use rapport::sql::Sql;
use rapport::store::data_directory::DataDirectory;
use rapport::store::embedded::EmbeddedStore;
use rapport::store::{OpenError, Store, StoreError};

use crate::engine;

#[test]
fn a_second_process_is_told_whose_the_directory_is_and_what_to_do() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    // A lock counts by open file, so that this stands for another process.
    let mut owner = File::create(directory.path().join("rapport.lock")).expect("the directory is writable");
    owner.lock().expect("nobody has it");
    writeln!(owner, "4711").expect("the file is writable");
    let library = directory.path().join("no-library-is-needed.so");
    let refused = DataDirectory::open(&library, directory.path()).expect_err("it is locked");
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused:?}");
    let message = refused.to_string();
    for part in [&*directory.path().to_string_lossy(), "process 4711", "RAPPORT_DATA_DIR", "HTTP"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_file_that_is_no_engine_is_an_error() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let library = directory.path().join("libchdb.so");
    fs::write(&library, "no library").expect("the directory is writable");
    let refused = DataDirectory::open(&library, &directory.path().join("data")).expect_err("it is no library");
    assert!(matches!(refused, OpenError::Library { .. }), "{refused:?}");
}

#[test]
fn a_database_name_that_needs_quoting_is_refused() {
    for name in ["", "a b", "a`; DROP DATABASE x", "A"] {
        let refused = EmbeddedStore::open(&engine::directory(), name, engine::limits()).expect_err("a bad name");
        assert!(matches!(refused, OpenError::DatabaseName { .. }), "{refused:?}");
    }
}

#[test]
fn debug_shows_no_data() {
    let shown = format!("{:?}", engine::empty_store());
    assert!(shown.starts_with("EmbeddedStore { directory: DataDirectory {"), "{shown}");
}

#[tokio::test]
async fn a_closed_store_answers_nobody_and_has_stopped_its_queries() {
    let store = engine::empty_store();
    let endless = Sql::new("SELECT uniqExact(number % 1000), 'closing' FROM numbers(1000000000)");
    let close = async {
        // The query was polled first and holds a connection.
        tokio::task::yield_now().await;
        store.close().await;
    };
    let (answer, ()) =
        tokio::time::timeout(Duration::from_secs(5), async { tokio::join!(store.query(endless), close) })
            .await
            .expect("closing stops the query");
    assert!(matches!(answer, Err(StoreError::Closed)), "{answer:?}");
    let late = store.query(Sql::new("SELECT 1")).await;
    assert!(matches!(late, Err(StoreError::Closed)), "{late:?}");
    let change = store.execute(Sql::new("CREATE TABLE t (a Int8) ENGINE = Null")).await;
    assert!(matches!(change, Err(StoreError::Closed)), "{change:?}");
    store.close().await;
}

/// Set for the process that the next test starts: the engine has one directory at a time in a process, and the other
/// tests use it.
const ALONE: &str = "RAPPORT_TEST_ALONE";

#[test]
#[expect(clippy::disallowed_methods, reason = "the test starts itself in another process and must know where it is")]
fn a_directory_that_was_closed_opens_again_with_its_data_and_the_process_ends_cleanly() {
    const NAME: &str =
        "store::opening::a_directory_that_was_closed_opens_again_with_its_data_and_the_process_ends_cleanly";
    if std::env::var_os(ALONE).is_some() {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
        return runtime.block_on(close_and_open_again());
    }
    let program = std::env::current_exe().expect("a running program has a path");
    let output = Command::new(program).args(["--exact", NAME]).env(ALONE, "1").output().expect("it can be started");
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stdout));
}

async fn close_and_open_again() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (round, statement) in
        ["CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a", "INSERT INTO t SELECT 1", "INSERT INTO t SELECT 2"]
            .into_iter()
            .enumerate()
    {
        let start = Instant::now();
        let open = DataDirectory::open(&engine::library(), directory.path()).expect("nobody has it open");
        let store = EmbeddedStore::open(&open, "rapport", engine::limits()).expect("the directory is sound");
        println!("open {round}: {:?}", start.elapsed());
        store.execute(Sql::new(statement)).await.expect("the statement is right");
        let rows = store.query(Sql::new("SELECT a FROM t")).await.expect("the table is there");
        assert_eq!(rows.iter().map(|batch| batch.num_rows()).sum::<usize>(), round);
        store.close().await;
    }
}
