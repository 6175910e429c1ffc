//! What follows from events is written behind them: nothing is answered without it, and nothing of it is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use rapport::ingest::Ingest;
use rapport::sql::Sql;
use rapport::store::{Store, StoreError};
use serde_json::{Value, json};

use crate::engine::{FixedClock, shown};
use crate::hindered::{After, Call, Hindered, Hindrance};
use crate::world::{World, event};

const MARCH: &str = r#"range: {from: "2026-03-01", to: "2026-04-01"}"#;
const FIELDS: &str = "activity { total { messages quality { warnings { code } } } }";

fn messages(chat: &str, count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| event("message.received", chat, &number.to_string(), "2026-03-09T10:00:00Z", &json!({})))
        .collect()
}

async fn rows(world: &World, table: &'static str) -> String {
    let mut sql = String::from("SELECT count() AS n FROM ");
    sql.push_str(table);
    shown(&*world.store, sql.leak()).await.trim().to_owned()
}

async fn counted(world: &World) -> Value {
    world.analytics(MARCH, FIELDS).await["activity"]["total"].clone()
}

#[tokio::test]
async fn a_sender_waits_for_the_events_alone_and_a_reader_for_all_that_follows() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&messages("c", 3)).await;
    assert_eq!((rows(&world, "events").await.as_str(), rows(&world, "messages").await.as_str()), ("n: 3", "n: 0"));
    assert_eq!(counted(&world).await, json!({"messages": 3, "quality": {"warnings": []}}));
    assert_eq!(rows(&world, "messages").await, "n: 3");
    // Nothing is left to be written: the same once more is known and changes nothing.
    assert_eq!(world.take(&messages("c", 3)).await["duplicates"], 3);
    assert_eq!(rows(&world, "messages").await, "n: 3");
}

#[tokio::test]
async fn what_a_process_had_stored_and_not_counted_is_counted_by_the_next() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&messages("before", 2)).await;
    assert_eq!(counted(&world).await["messages"], 2);
    let more = json!({"contact": "c1", "identities": ["phone:+49 151 2345678"], "segments": ["vip"], "x": "y"});
    world.take(&[event("message.received", "c", "1", "2026-03-09T10:00:00Z", &more)]).await;
    world.take(&messages("d", 2)).await;
    // The process ends here: what it had in memory is gone.
    let next = Ingest::open(world.store.clone(), Arc::new(FixedClock(world.now))).await.unwrap();
    let world = world.with(next);
    assert_eq!(counted(&world).await, json!({"messages": 5, "quality": {"warnings": []}}));
    assert_eq!(
        world.take(&messages("d", 3)).await,
        json!({"accepted": 1, "duplicates": 2, "rejected": [], "rejectedTotal": 0})
    );
    assert_eq!(counted(&world).await["messages"], 6);
    // Of all columns nothing is lost on the way.
    let differ = "SELECT count() AS n FROM (SELECT * EXCEPT (batch) FROM events WHERE chat = 'c') AS e
        WHERE e.identities = ['phone:+491512345678'] AND e.segments = ['vip'] AND e.attributes['x'] = 'y'";
    assert_eq!(shown(&*world.store, differ).await.trim(), "n: 1");
    let vip = world.analytics(&format!("{MARCH}, filter: {{segments: [\"vip\"]}}"), FIELDS).await;
    assert_eq!(vip["activity"]["total"]["messages"], 1);
    // The one after that finds nothing to do.
    let fed = "SELECT max(batch) = (SELECT max(batch) FROM events) AS whole FROM fed";
    assert_eq!(shown(&*world.store, fed).await.trim(), "whole: 1");
}

#[tokio::test]
async fn what_cannot_be_written_behind_events_is_missing_and_said_so() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&messages("c", 1)).await;
    assert_eq!(counted(&world).await["messages"], 1);
    world.store.execute(Sql::new("RENAME TABLE threads TO hidden")).await.unwrap();
    // Who sends is answered: the events are on disk.
    assert_eq!(world.take(&messages("d", 1)).await["accepted"], 1);
    assert_eq!(counted(&world).await, json!({"messages": 1, "quality": {"warnings": [{"code": "STALE"}]}}));
    world.store.execute(Sql::new("RENAME TABLE hidden TO threads")).await.unwrap();
    assert_eq!(counted(&world).await, json!({"messages": 2, "quality": {"warnings": []}}));
}

/// The next so many inserts into the log of events are done, and fail.
struct Doubt(AtomicUsize);

impl Hindrance for Doubt {
    fn meet(self: Arc<Self>, call: Call<'_>) -> BoxFuture<'static, Result<After, StoreError>> {
        let next = |left: usize| left.checked_sub(1);
        let is_doubtful = matches!(call, Call::Insert("events", _))
            && self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok();
        let after: After = Box::pin(async move { if is_doubtful { Err(StoreError::DiskFull) } else { Ok(()) } });
        Box::pin(async { Ok(after) })
    }
}

#[tokio::test]
async fn what_was_stored_by_an_insert_that_failed_is_counted_once() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&messages("c", 1)).await;
    let doubtful = Hindered::new(world.store.clone(), Arc::new(Doubt(AtomicUsize::new(2))));
    world.ingest.finish().await.unwrap();
    let world = world.with(Ingest::open(doubtful, Arc::new(FixedClock(world.now))).await.unwrap());
    let body = Value::from(messages("d", 3)).to_string();
    let (status, answer) = world.post_events(&world.service(), None, body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    // Two more, which are stored and not acknowledged either, and one that is.
    let body = Value::from(messages("d", 5)).to_string();
    assert_eq!(world.post_events(&world.service(), None, body).await.0, StatusCode::SERVICE_UNAVAILABLE);
    let receipt = world.take(&messages("d", 6)).await;
    assert_eq!((&receipt["accepted"], &receipt["duplicates"]), (&json!(1), &json!(5)));
    assert_eq!(counted(&world).await, json!({"messages": 7, "quality": {"warnings": []}}));
    assert_eq!(rows(&world, "messages").await, "n: 7");
    let fed = "SELECT max(batch) = (SELECT max(batch) FROM events) AS whole FROM fed";
    assert_eq!(shown(&*world.store, fed).await.trim(), "whole: 1");
}

#[tokio::test]
async fn a_batch_that_was_noted_and_never_came_into_its_place_keeps_no_other_from_being_stored() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&messages("c", 2)).await;
    // As after a process that was killed between the two: the engine knows the token, and the rows are not there.
    world.store.execute(Sql::new("DELETE FROM events WHERE 1")).await.unwrap();
    let next = Ingest::open(world.store.clone(), Arc::new(FixedClock(world.now))).await.unwrap();
    let world = world.with(next);
    assert_eq!(world.take(&messages("c", 2)).await["accepted"], 2);
    assert_eq!(rows(&world, "events").await, "n: 2");
    assert_eq!(counted(&world).await, json!({"messages": 2, "quality": {"warnings": []}}));
}

#[tokio::test]
async fn the_log_of_events_has_the_columns_of_the_inbox_in_their_order_and_a_batch() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let columns = |table: &'static str| {
        let store = world.store.clone();
        async move {
            let mut sql = Sql::new(
                "SELECT arrayStringConcat(groupArray(name), ' ') AS names FROM (SELECT name FROM system.columns \
                 WHERE database = currentDatabase() AND table = ",
            );
            sql.bind(table).push(" ORDER BY position)");
            let batches = store.query(sql).await.unwrap();
            arrow::array::AsArray::as_string::<i32>(batches[0].column(0)).value(0).to_owned()
        }
    };
    assert_eq!(columns("events").await, format!("{} batch", columns("inbox").await));
}

#[tokio::test]
async fn ids_are_known_by_the_memory_as_they_are_by_the_log() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&messages("c", 20)).await;
    let next = Ingest::open(world.store.clone(), Arc::new(FixedClock(world.now))).await.unwrap();
    let keeping_up = tokio::spawn(next.clone().keep_up());
    let world = world.with(next);
    // Before the memory is whole and after it: each time the first twenty are known.
    for count in 21..60 {
        let receipt = world.take(&messages("c", count)).await;
        assert_eq!((&receipt["accepted"], &receipt["duplicates"]), (&json!(1), &json!(count - 1)));
    }
    assert_eq!(rows(&world, "events").await, "n: 59");
    keeping_up.abort();
    let _ = keeping_up.await;
    assert_eq!(counted(&world).await["messages"], 59);
    world.store.close().await;
}
