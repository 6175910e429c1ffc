//! The server store: what holds on both engines, and what only servers can do to it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use rapport::sql::Sql;
use rapport::store::limits::Limits;
use rapport::store::server::ServerStore;
use rapport::store::token::Token;
use rapport::store::{Store, StoreError};

use crate::double::{Data, Fault, Host};
use crate::engine::{limits, shown};
use crate::served::config;

mod both;
mod leases;
mod tls;

/// A table that keeps tokens.
const KEPT: &str = "CREATE TABLE IF NOT EXISTS kept (n Int64) ENGINE = MergeTree ORDER BY n \
                    SETTINGS non_replicated_deduplication_window = 1000";

/// Runs for minutes if nothing stops it.
const ENDLESS: &str = "SELECT uniqExact(number % 1000) FROM numbers(1000000000000)";

/// Hosts of the same data, and a store over them.
struct House {
    // Order matters: the store goes before what it speaks to.
    store: ServerStore,
    hosts: Vec<Host>,
    data: Arc<Data>,
}

async fn house(count: usize) -> House {
    house_with(count, limits()).await
}

async fn house_with(count: usize, limits: Limits) -> House {
    let data = Data::new();
    let hosts: Vec<Host> = (0..count).map(|number| Host::start(&data, number)).collect();
    let store = ServerStore::open(&config(&hosts), limits).unwrap();
    store.execute(Sql::new(KEPT)).await.unwrap();
    House { store, hosts, data }
}

fn numbers(numbers: &[i64]) -> RecordBatch {
    RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef)]).unwrap()
}

async fn count(store: &dyn Store) -> String {
    shown(store, "SELECT count() AS rows FROM kept").await
}

impl House {
    /// Which hosts had statements that begin so.
    fn seen(&self, beginning: &str) -> Vec<usize> {
        let seen = self.data.seen.lock().unwrap();
        seen.iter().filter(|(_, _, text)| text.starts_with(beginning)).map(|(host, _, _)| *host).collect()
    }
}

#[tokio::test]
async fn values_arrive_as_they_were_bound() {
    let house = house(1).await;
    let long = "я'\\\n\t\"`;--".repeat(9_000);
    let mut sql = Sql::new("SELECT ");
    sql.bind("it's \\ a\ttab,\na line, {p0:String}, \0 and ` \r\n--x").push(" AS text, length(").bind(long.as_str());
    sql.push(") AS bytes, ").bind(i64::MIN).push(" AS least, ").bind(0.1).push(" AS tenth, ").bind_list(["a", "b"]);
    sql.push(" AS list");
    let ours = house.store.query(sql.clone()).await.unwrap();
    assert_eq!(ours[0].column(0).as_string::<i32>().value(0), "it's \\ a\ttab,\na line, {p0:String}, \0 and ` \r\n--x");
    assert_eq!(ours, house.data.store().query(sql).await.unwrap());
    // No value was in a statement's text.
    assert!(house.data.seen.lock().unwrap().iter().all(|(_, _, text)| !text.contains("tab")));
}

/// The engine's own reading of a parameter: what the double cannot tell, for it has a way of its own.
#[tokio::test]
async fn the_engine_takes_the_places_of_parameters() {
    let house = house(1).await;
    let engine = house.data.store();
    let statements = [
        "SET param_p0 = 'it\\\\\\'s'",
        "SET param_p1 = '-5'",
        "SET param_p2 = '0.5'",
        "CREATE TABLE taken ENGINE = Memory AS SELECT concat({p0:String}, {p0:String}) AS t, {p1:Int64} AS i, {p2:Float64} AS f",
    ];
    engine.execute_all(statements.map(Sql::new).into()).await.unwrap();
    assert_eq!(shown(engine, "SELECT * FROM taken").await, "t: it'sit's\ni: -5\nf: 0.5\n\n");
}

#[tokio::test]
async fn inserts_and_answers_are_compressed() {
    let house = house(1).await;
    let rows: Vec<i64> = vec![7; 100_000];
    house.store.insert("kept", numbers(&rows), None).await.unwrap();
    let (sent, plain) = *house.data.inserted_bytes.lock().unwrap();
    assert!(0 < sent && sent * 20 < plain, "{sent} of {plain}");
    assert_eq!(house.store.query(Sql::new("SELECT n FROM kept")).await.unwrap()[0].num_columns(), 1);
}

#[tokio::test]
async fn when_a_host_dies_the_next_one_is_asked_and_the_first_again_later() {
    let mut house = house(2).await;
    house.store.insert("kept", numbers(&[1]), None).await.unwrap();
    assert!(house.seen("SELECT count()").is_empty());
    assert_eq!(count(&house.store).await, "rows: 1\n\n");
    drop(house.hosts.remove(0));
    assert_eq!(count(&house.store).await, "rows: 1\n\n");
    assert_eq!(house.seen("SELECT count()"), [0, 1]);
    // The dead one comes last now, so that a change without a token goes on too.
    house.store.insert("kept", numbers(&[2]), None).await.unwrap();
    house.store.execute(Sql::new("INSERT INTO kept SELECT 3")).await.unwrap();
    assert_eq!(count(&house.store).await, "rows: 3\n\n");
    drop(house.hosts.remove(0));
    let away = house.store.query(Sql::new("SELECT 1")).await.expect_err("nobody is there");
    assert!(matches!(away, StoreError::Unreachable { .. }), "{away}");
    let away = house.store.insert("kept", numbers(&[4]), None).await.expect_err("nobody is there");
    assert!(matches!(away, StoreError::Unreachable { .. }), "{away}");
}

#[tokio::test]
async fn a_question_that_is_cut_off_is_asked_of_the_next_host() {
    for fault in [Fault::CutBefore, Fault::CutWithin, Fault::CutAfter, Fault::BadGateway, Fault::TooManyQueries] {
        let house = house(2).await;
        house.store.insert("kept", numbers(&[1, 2, 3]), None).await.unwrap();
        house.hosts[0].fail("SELECT n", fault);
        let answer = house.store.query(Sql::new("SELECT n FROM kept ORDER BY n")).await.unwrap();
        assert_eq!(answer[0].num_rows(), 3, "{fault:?}");
        assert_eq!(house.seen("SELECT n FROM"), [0, 1], "{fault:?}");
        // The host that failed comes last now.
        house.store.query(Sql::new("SELECT n FROM kept")).await.unwrap();
        assert_eq!(house.seen("SELECT n FROM"), [0, 1, 1], "{fault:?}");
    }
}

#[tokio::test]
async fn an_insert_whose_answer_is_lost_is_stored_once() {
    for hosts in [1, 2] {
        let house = house(hosts).await;
        house.hosts[0].fail("INSERT", Fault::CutAfter);
        house.store.insert("kept", numbers(&[1, 2]), Some(Token::of("first"))).await.unwrap();
        assert!(house.hosts[0].has_failed());
        assert_eq!(house.seen("INSERT").len(), 2, "it was sent twice");
        assert_eq!(count(&house.store).await, "rows: 2\n\n", "with {hosts} hosts");
    }
}

#[tokio::test]
async fn an_insert_without_a_token_is_not_sent_again_when_it_may_have_been_done() {
    let house = house(2).await;
    house.hosts[0].fail("INSERT", Fault::CutAfter);
    let unknown = house.store.insert("kept", numbers(&[1]), None).await.expect_err("nobody knows");
    assert!(matches!(unknown, StoreError::Unreachable { .. }), "{unknown}");
    assert_eq!(house.seen("INSERT"), [0]);
    // The negative control: sent again, it is there twice.
    house.store.insert("kept", numbers(&[1]), None).await.unwrap();
    assert_eq!(count(&house.store).await, "rows: 2\n\n");
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_costs_no_change() {
    let house = house(1).await;
    house.store.insert("kept", numbers(&[1]), None).await.unwrap();
    assert_eq!(count(&house.store).await, "rows: 1\n\n");
    house.data.cuts_used.store(true, Ordering::Relaxed);
    // Nobody knows whether a host had what was sent by a connection that breaks off, so none that was used is used for these.
    house.store.insert("kept", numbers(&[2]), None).await.unwrap();
    house.store.execute(Sql::new("INSERT INTO kept SELECT 3")).await.unwrap();
    assert_eq!(shown(house.data.store(), "SELECT count() AS rows FROM kept").await, "rows: 3\n\n");
}

#[tokio::test]
async fn no_server_writes_down_what_it_is_asked() {
    let house = house(1).await;
    house.store.insert("kept", numbers(&[1]), None).await.unwrap();
    house.store.insert("kept", numbers(&[2]), Some(Token::of("second"))).await.unwrap();
    assert_eq!(count(&house.store).await, "rows: 2\n\n");
    house.store.examine().await;
    assert_eq!(*house.data.logged.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_larger_than_a_query_may_be_is_not_collected() {
    let house = house_with(1, Limits { memory_bytes: 2 << 20, ..limits() }).await;
    house.hosts[0].fail("SELECT 1", Fault::TooMuch);
    let large = house.store.query(Sql::new("SELECT 1")).await.expect_err("it is too large");
    assert!(matches!(large, StoreError::TooMuchMemory { limit_bytes } if limit_bytes == 2 << 20), "{large}");
}

#[tokio::test]
async fn a_list_of_changes_stays_on_the_host_where_it_began() {
    let house = house(2).await;
    house.hosts[0].fail("INSERT INTO kept SELECT 2", Fault::CutBefore);
    let list = ["INSERT INTO kept SELECT 1", "INSERT INTO kept SELECT 2", "INSERT INTO kept SELECT 3"];
    let broken = house.store.execute_all(list.map(Sql::new).into()).await.expect_err("its host died");
    assert!(matches!(broken, StoreError::Unreachable { .. }), "{broken}");
    assert_eq!(house.seen("INSERT INTO kept SELECT"), [0, 0]);
    house.store.execute_all(list.map(Sql::new).into()).await.unwrap();
    assert_eq!(house.seen("INSERT INTO kept SELECT"), [0, 0, 1, 1, 1]);
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_is_ended_in_the_server() {
    let house = house_with(1, Limits { seconds: 60, rows_read: u64::MAX >> 1, ..limits() }).await;
    let endless = house.store.query(Sql::new(ENDLESS));
    tokio::select! {
        answer = endless => panic!("it would run for years: {answer:?}"),
        () = until(|| !house.seen(ENDLESS).is_empty()) => {}
    }
    until(|| !house.seen("KILL QUERY").is_empty()).await;
    until(|| !house.data.is_running()).await;
}

#[tokio::test]
async fn closing_ends_what_runs_and_lets_nothing_begin() {
    let house = house_with(1, Limits { seconds: 60, rows_read: u64::MAX >> 1, ..limits() }).await;
    let endless = house.store.query(Sql::new(ENDLESS));
    let (answer, ()) = tokio::join!(endless, async {
        until(|| !house.seen(ENDLESS).is_empty()).await;
        house.store.close().await;
    });
    assert!(matches!(answer, Err(StoreError::Closed)), "{answer:?}");
    let late = house.store.insert("kept", numbers(&[1]), None).await;
    assert!(matches!(late, Err(StoreError::Closed)), "{late:?}");
    assert!(matches!(house.store.query(Sql::new("SELECT 1")).await, Err(StoreError::Closed)));
    house.store.close().await;
}

#[tokio::test]
async fn questions_are_asked_as_the_user_that_reads() {
    let house = house(1).await;
    house.store.query(Sql::new("SELECT 1")).await.unwrap();
    let refused = house.store.query(Sql::new("INSERT INTO kept SELECT 1")).await.expect_err("it only reads");
    assert!(matches!(refused, StoreError::Engine { code: 497, .. }), "{refused}");
    let seen = house.data.seen.lock().unwrap();
    let user_of = |beginning: &str| seen.iter().find(|(_, _, text)| text.starts_with(beginning)).unwrap().1.clone();
    assert_eq!((user_of("SELECT 1"), user_of("CREATE")), ("reader".to_owned(), "writer".to_owned()));
}

#[tokio::test]
async fn without_a_user_of_its_own_a_question_still_only_reads() {
    let house = house(1).await;
    let config = rapport::store::server::address::ServerConfig { reader: None, ..config(&house.hosts) };
    let store = ServerStore::open(&config, limits()).unwrap();
    let refused = store.query(Sql::new("INSERT INTO kept SELECT 1")).await.expect_err("it only reads");
    assert!(matches!(refused, StoreError::Engine { code: 164, .. }), "{refused}");
}

#[tokio::test]
async fn each_host_is_examined() {
    let mut house = house(2).await;
    house
        .store
        .execute(Sql::new("CREATE TABLE schema_migrations (n Int64) ENGINE = MergeTree ORDER BY n"))
        .await
        .unwrap();
    drop(house.hosts.remove(1));
    let [first, second] = &house.store.examine().await[..] else { panic!("two hosts") };
    assert!(first.version.as_ref().is_ok_and(|version| !version.is_empty()), "{first:?}");
    assert_eq!(first.reader_can_write, Ok(false));
    assert!(second.version.is_err() && second.reader_can_write.is_err(), "{second:?}");
    let wrong = rapport::store::server::address::ServerConfig { reader: None, ..config(&house.hosts) };
    let [writes] = &ServerStore::open(&wrong, limits()).unwrap().examine().await[..] else { panic!("one host") };
    assert_eq!(writes.reader_can_write, Ok(true));
}

/// Waits until something is so, which it soon is.
async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it happens within 30 s");
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_told_as_such() {
    let house = house_with(1, Limits { seconds: 1, rows_read: u64::MAX >> 1, ..limits() }).await;
    let endless = Sql::new(ENDLESS);
    let stopped = house.store.query(endless).await.expect_err("it would run for years");
    assert!(matches!(stopped, StoreError::TimedOut { seconds: 1 }), "{stopped}");
}
