//! Queries: values, limits, and how they are stopped.

use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use rapport::sql::Sql;
use rapport::store::limits::Limits;
use rapport::store::{Store, StoreError};
use tokio::time::timeout;

use crate::engine;

/// Runs for minutes if nothing stops it; a word makes it known among the queries of other tests.
fn endless(word: &'static str) -> Sql {
    let mut statement = Sql::new("SELECT uniqExact(number % 1000), ");
    statement.bind(word).push(" FROM numbers(1000000000000)");
    statement
}

/// How many queries with the word run now, this one not counted.
async fn count_running(store: &dyn Store, word: &'static str) -> u64 {
    let mut statement = Sql::new("SELECT count() FROM system.processes WHERE query LIKE concat('%uniq', 'Exact%', ");
    statement.bind(word).push(", '%')");
    let batches = store.query(statement).await.expect("a plain query");
    batches[0].column(0).as_primitive::<UInt64Type>().value(0)
}

/// Waits until so many run; the engine's list is the only thing that tells.
async fn until_running(store: &dyn Store, word: &'static str, count: u64) {
    let reached = async {
        while count_running(store, word).await != count {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(5), reached).await.expect("the engine's list changes within seconds");
}

fn unlimited_rows(seconds: u64) -> Limits {
    Limits { seconds, rows_read: u64::MAX, ..engine::limits() }
}

#[tokio::test]
pub async fn values_of_every_kind_are_bound() {
    let store = engine::empty_store();
    let mut statement = Sql::new("SELECT concat(");
    statement.bind("it's \\' ? \u{0}\u{1f600}").push(", toString(").bind(-7).push("), toString(").bind(1.5);
    statement.push("), arrayStringConcat(").bind_list(["a'", "b"]).push("))");
    let batches = store.query(statement).await.expect("the values are bound");
    assert_eq!(batches[0].column(0).as_string::<i32>().value(0), "it's \\' ? \u{0}\u{1f600}-71.5a'b");
}

#[tokio::test]
pub async fn a_question_for_twenty_thousand_ids_is_not_too_long() {
    let store = engine::empty_store();
    let mut statement = Sql::new("SELECT length(");
    statement.bind_list((0..20_000).map(|number| format!("an-id-of-some-length-{number}"))).push(")");
    let batches = store.query(statement).await.expect("4 MiB are enough");
    assert_eq!(batches[0].column(0).as_primitive::<UInt64Type>().value(0), 20_000);
}

#[tokio::test]
pub async fn no_rows_are_no_batches() {
    let store = engine::empty_store();
    assert!(store.query(Sql::new("SELECT 1 WHERE 0")).await.expect("a plain query").is_empty());
}

#[tokio::test]
pub async fn the_engine_tells_its_version() {
    let version = engine::empty_store().version().await.expect("every engine has a version");
    assert!(version.starts_with("26.7."), "{version}");
}

#[tokio::test]
async fn a_query_cannot_change_anything() {
    let store = engine::store().await;
    for statement in ["DROP TABLE events", "SET readonly = 0", "SELECT 1 SETTINGS max_execution_time = 0"] {
        let refused = store.query(Sql::new(statement)).await.expect_err("readers only read");
        assert!(matches!(refused, StoreError::Engine { code: 164, .. }), "{statement}: {refused}");
    }
}

#[tokio::test]
pub async fn an_error_does_not_repeat_the_values_of_the_statement() {
    let store = engine::empty_store();
    for text in
        ["SELECT no_such_function(", "SELECT no_such_column, upper(", "SELECT throwIf(1), (SELECT 1 FROM x WHERE y = "]
    {
        let mut statement = Sql::new(text);
        statement.bind("anna@example.com").push(if text.contains('W') { "))" } else { ")" });
        let refused = store.query(statement).await.expect_err("the statement is wrong").to_string();
        assert!(!refused.contains("anna"), "{refused}");
    }
}

#[tokio::test]
pub async fn limits_have_their_own_errors() {
    let limits = Limits { memory_bytes: 50_000_000, rows_read: 100_000, rows_returned: 10, ..engine::limits() };
    let store = engine::empty_store_with(limits);
    let error = async |text| store.query(Sql::new(text)).await.expect_err("a limit is passed");
    let read = error("SELECT sum(number) FROM numbers(1000000)").await;
    assert!(matches!(read, StoreError::TooManyRows { limit: "max_rows_to_read", rows: 100_000 }), "{read}");
    let returned = error("SELECT number FROM numbers(100)").await;
    assert!(matches!(returned, StoreError::TooManyRows { limit: "max_result_rows", rows: 10 }), "{returned}");
    let memory = error("SELECT count() FROM (SELECT 1 FROM numbers(90000) GROUP BY number, repeat('x', 2000))").await;
    assert!(matches!(memory, StoreError::TooMuchMemory { limit_bytes: 50_000_000 }), "{memory}");
}

#[tokio::test]
pub async fn a_query_that_takes_too_long_is_stopped() {
    let store = engine::empty_store_with(unlimited_rows(1));
    let start = Instant::now();
    let stopped = store.query(endless("slow")).await.expect_err("it would run for minutes");
    assert!(matches!(stopped, StoreError::TimedOut { seconds: 1 }), "{stopped}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    until_running(&store, "slow", 0).await;
}

#[tokio::test]
pub async fn dropping_the_future_stops_the_query_in_the_engine() {
    let store = engine::empty_store_with(unlimited_rows(60));
    let query = store.query(endless("dropped"));
    tokio::select! {
        answer = query => panic!("it would run for minutes: {answer:?}"),
        () = until_running(&store, "dropped", 1) => {}
    }
    until_running(&store, "dropped", 0).await;
}

#[tokio::test]
pub async fn a_query_dropped_before_it_reached_the_engine_gives_its_connection_back() {
    let store = engine::empty_store_with(unlimited_rows(60));
    for _ in 0..20 {
        let dropped = timeout(Duration::from_micros(50), store.query(endless("early"))).await;
        assert!(dropped.is_err());
    }
    until_running(&store, "early", 0).await;
}

#[tokio::test]
pub async fn waiting_for_a_connection_ends_with_the_limit() {
    let store = engine::empty_store_with(Limits { connections: 1, ..unlimited_rows(1) });
    let other = engine::empty_store();
    let (first, second) = tokio::join!(store.query(endless("first")), async {
        until_running(&other, "first", 1).await;
        // The first is stopped after 1 s and a little, this one gives up or gets its turn at about that time.
        store.query(Sql::new("SELECT 1")).await
    });
    assert!(matches!(first, Err(StoreError::TimedOut { .. })), "{first:?}");
    assert!(matches!(second, Ok(_) | Err(StoreError::Busy { seconds: 1 })), "{second:?}");
}

#[tokio::test]
pub async fn more_queries_than_connections_all_get_their_turn() {
    let store = engine::empty_store();
    let queries = (0..50).map(|_| store.query(Sql::new("SELECT 1")));
    for answer in futures_util::future::join_all(queries).await {
        assert_eq!(answer.expect("a plain query").len(), 1);
    }
    let start = Instant::now();
    for _ in 0..100 {
        store.query(Sql::new("SELECT 1")).await.expect("a plain query");
    }
    println!("SELECT 1: {:?}", start.elapsed() / 100);
}
