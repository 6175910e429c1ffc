use std::collections::HashMap;
use std::sync::Mutex as PlainMutex;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::{AsArray, RecordBatch, StringArray};
use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::*;
use crate::sql::{Sql, Value};
use crate::store::token::Token;

/// 2026-05-01T12:00:00Z.
const NOW: i64 = 1_777_636_800_000;

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> i64 {
        NOW
    }
}

/// Remembers the ids of each table; fails the insert with the number `fails_at`.
struct FakeStore {
    ids: PlainMutex<HashMap<&'static str, Vec<String>>>,
    inserts: AtomicI64,
    fails_at: i64,
}

impl FakeStore {
    fn new(fails_at: i64) -> Arc<Self> {
        Arc::new(Self { ids: PlainMutex::default(), inserts: AtomicI64::new(0), fails_at })
    }

    fn ids(&self, table: &'static str) -> Vec<String> {
        self.ids.lock().unwrap().get(table).cloned().unwrap_or_default()
    }
}

impl Store for FakeStore {
    fn query(&self, statement: Sql) -> BoxFuture<'_, Result<Vec<RecordBatch>, StoreError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let [Value::Text(_), Value::Text(asked)] = statement.values() else { panic!("{statement:?}") };
            let known = self.ids("events");
            let found = StringArray::from_iter_values(asked.split('\n').filter(|id| known.iter().any(|k| k == id)));
            Ok(vec![RecordBatch::try_from_iter([("id", Arc::new(found) as _)]).unwrap()])
        })
    }

    fn insert(
        &self,
        table: &'static str,
        batch: RecordBatch,
        _: Option<Token>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            if self.inserts.fetch_add(1, Ordering::SeqCst) + 1 == self.fails_at {
                return Err(StoreError::DiskFull);
            }
            // What marks threads has no ids.
            if let Some(ids) = batch.column_by_name("id") {
                let ids = ids.as_string::<i32>().iter().map(|id| id.unwrap().to_owned());
                self.ids.lock().unwrap().entry(table).or_default().extend(ids);
            }
            Ok(())
        })
    }

    fn execute(&self, _: Sql) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn execute_all(&self, _: Vec<Sql>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn version(&self) -> BoxFuture<'_, Result<String, StoreError>> {
        Box::pin(async { Ok("fake".to_owned()) })
    }
}

fn event(id: &str) -> String {
    format!(r#"{{"id":"{id}","kind":"message.received","channel":"vk","chat":1,"message":1}}"#)
}

async fn accept(store: &Arc<FakeStore>, body: &str) -> Result<Receipt, IngestError> {
    let ingest = Ingest::new(Arc::clone(store) as _, Arc::new(FixedClock));
    ingest.accept("acme", lines::split(Bytes::copy_from_slice(body.as_bytes())).unwrap()).await
}

#[tokio::test]
async fn new_events_are_accepted_and_repeats_are_counted() {
    let store = FakeStore::new(0);
    let body = [event("a"), event("b"), event("a")].join("\n");
    let first = accept(&store, &body).await.unwrap();
    assert_eq!((first.accepted, first.duplicates, first.rejected_total), (2, 1, 0));
    let again = accept(&store, &[body, event("c")].join("\n")).await.unwrap();
    assert_eq!((again.accepted, again.duplicates), (1, 3));
    assert_eq!(store.ids("events"), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_bad_line_is_named_and_costs_no_good_one() {
    let store = FakeStore::new(0);
    let bad = r#"{"id":"x","kind":"message.exploded","channel":"vk"}"#;
    let receipt =
        accept(&store, &[event("a").as_str(), "nonsense", bad, event("b").as_str()].join("\n")).await.unwrap();
    assert_eq!((receipt.accepted, receipt.rejected_total), (2, 2));
    let shown = receipt.to_string();
    assert_eq!(
        shown,
        "accepted 2, duplicates 0, rejected 2\n  \
         line 2: the line is not valid JSON: expected ident (column 2)\n  \
         line 3 (id x): unknown kind \"message.exploded\""
    );
}

#[tokio::test]
async fn a_failure_between_the_inserts_is_healed_by_sending_again() {
    for fails_at in [2, 3] {
        let store = FakeStore::new(fails_at);
        assert_eq!(accept(&store, &event("a")).await.unwrap_err().to_string(), "the store did not take the events");
        assert_eq!((store.ids("inbox"), store.ids("events")), (vec!["a".to_owned()], vec![]));
        assert_eq!(accept(&store, &event("a")).await.unwrap().accepted, 1);
        assert_eq!(store.ids("events"), ["a"]);
    }
}

#[tokio::test]
async fn nothing_is_inserted_for_nothing() {
    let store = FakeStore::new(1);
    assert_eq!(accept(&store, "[]").await.unwrap(), Receipt::default());
    assert_eq!(accept(&store, "5").await.unwrap().rejected_total, 1);
}

#[tokio::test]
async fn a_store_that_does_not_keep_what_is_rejected_fails_no_request() {
    // The event takes three inserts.
    let store = FakeStore::new(4);
    let receipt = accept(&store, &[event("a").as_str(), "nonsense"].join("\n")).await.unwrap();
    assert_eq!((receipt.accepted, receipt.rejected_total, receipt.rejected[0].code), (1, 1, "INVALID_JSON"));
    assert_eq!(store.inserts.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn one_id_sent_many_times_at_once_is_accepted_once() {
    let store = FakeStore::new(0);
    let ingest = Ingest::new(Arc::clone(&store) as _, Arc::new(FixedClock));
    let mut requests = Vec::new();
    for _ in 0..20 {
        let ingest = ingest.clone();
        let items = lines::split(event("a").into()).unwrap();
        requests.push(tokio::spawn(async move { ingest.accept("acme", items).await.unwrap() }));
    }
    let mut accepted = 0;
    for request in requests {
        accepted += request.await.unwrap().accepted;
    }
    assert_eq!((accepted, store.ids("events").len()), (1, 1));
}

#[tokio::test]
async fn large_bodies_go_in_several_batches() {
    let store = FakeStore::new(0);
    let many: Vec<String> = (0..prepare::BATCH_EVENTS_MAX + 10).map(|number| event(&number.to_string())).collect();
    let receipt = accept(&store, &many.join("\n")).await.unwrap();
    assert_eq!(receipt.accepted, 50_010);
    assert_eq!(store.inserts.load(Ordering::SeqCst), 6);
}

/// Writes batches at once, each with an event of its own and one that all share.
async fn write_at_once(store: &Arc<FakeStore>, batches: usize) -> Vec<u64> {
    let commits =
        Commits::new(Arc::clone(store) as _, Following::Before, Arc::new(Rejections::keeping(0, Arc::new(FixedClock))));
    let origin = Arc::new(Origin { tenant: "acme".to_owned(), ..Origin::default() });
    let mut writes = Vec::new();
    for number in 0..batches {
        let mut items = lines::split([event(&format!("own{number}")), event("shared")].join("\n").into()).unwrap();
        let Prepared { events, .. } = prepare(&origin, &mut items, &FixedClock, &Retention::default());
        writes.push(commits.write(Arc::new(Batch::of(Arc::clone(&origin), events)), commits.announce()));
    }
    let written = futures_util::future::try_join_all(writes).await.unwrap();
    written.iter().map(|written| written.new).collect()
}

#[tokio::test]
async fn batches_that_wait_are_stored_together_and_counted_apart() {
    let store = FakeStore::new(0);
    assert_eq!(write_at_once(&store, 4).await, [2, 1, 1, 1]);
    assert_eq!(store.ids("events"), ["own0", "shared", "own1", "own2", "own3"]);
    // The first waited for the others, which had said that they would come.
    assert_eq!(store.inserts.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_group_that_fails_costs_nobody_anything() {
    let store = FakeStore::new(2);
    assert_eq!(write_at_once(&store, 4).await, [2, 1, 1, 1]);
    assert_eq!(store.ids("events"), ["own0", "shared", "own1", "own2", "own3"]);
}
