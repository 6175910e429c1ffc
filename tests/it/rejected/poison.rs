//! Events that the engine itself refuses: found among many, kept, and stored when the cause is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use rapport::ingest::bisect::{Refused, bisect, is_about_rows};
use rapport::ingest::normalise::normalise;
use rapport::ingest::rejected::{RejectedBy, row};
use rapport::ingest::{Ingest, Origin, batch};
use rapport::sql::Sql;
use rapport::store::{Store, StoreError};
use serde_json::{Value, json};

use super::{NOW, kept};
use crate::engine::{FixedClock, shown};
use crate::world::{TENANT, World, event, instant};

/// A hundred messages; some of a chat that the engine will refuse.
fn events(poison: &[usize]) -> Vec<Value> {
    let at = |index: usize| format!("2035-05-01T10:{:02}:{:02}Z", index / 60, index % 60);
    let message = |index: usize| {
        let chat = if poison.contains(&index) { "poison" } else { "sound" };
        event("message.received", chat, &index.to_string(), &at(index), &json!({"contact": format!("c{index}")}))
    };
    (0..100).map(message).collect()
}

fn rows(events: &[Value]) -> RecordBatch {
    let now = instant(NOW);
    let read = |event: &Value| normalise(serde_json::from_value(event.clone()).unwrap(), now).unwrap();
    batch::build(TENANT, "", &events.iter().map(read).collect::<Vec<_>>()).unwrap()
}

/// Writes as ingestion does and counts the writes.
async fn store_what_can_be(world: &World, rows: &RecordBatch) -> (Vec<Refused<StoreError>>, usize) {
    let writes = Arc::new(AtomicUsize::new(0));
    let write = |range: std::ops::Range<usize>| {
        let (store, part) = (world.store.clone(), rows.slice(range.start, range.len()));
        writes.fetch_add(1, Ordering::Relaxed);
        async move { store.insert("events", part).await }
    };
    let refused = bisect(rows.num_rows(), is_about_rows, write).await.unwrap();
    (refused, writes.load(Ordering::Relaxed))
}

async fn change(world: &World, statement: &'static str) {
    world.store.execute(Sql::new(statement)).await.unwrap();
}

async fn stored(world: &World) -> String {
    shown(&*world.store, "SELECT count() AS rows, uniqExact(id) AS ids, countIf(chat = 'poison') AS poison FROM events")
        .await
}

#[tokio::test]
async fn what_the_engine_refuses_costs_nobody_else_and_is_stored_when_it_can_be() {
    let world = World::at(NOW).await;
    change(&world, "ALTER TABLE events ADD CONSTRAINT no_poison CHECK chat != 'poison'").await;
    let (events, poison) = (events(&[0, 41, 99]), [0, 41, 99]);
    let rows = rows(&events);
    let (refused, writes) = store_what_can_be(&world, &rows).await;
    assert_eq!(refused.iter().map(|refused| refused.row).collect::<Vec<_>>(), poison);
    assert!(writes <= 1 + 2 * 3 * 7, "{writes}");
    assert_eq!(stored(&world).await, "rows: 97\nids: 97\npoison: 0\n\n");

    let ingest = Ingest::new(world.store.clone(), Arc::new(FixedClock(world.now)));
    let origin = Origin { tenant: TENANT.to_owned(), ..Origin::default() };
    let lines = row::lines(&rows, &refused);
    ingest.rejections().keep(&*world.store, &origin, RejectedBy::Engine, &lines, world.now).await;
    let nodes = kept(&world, "(origin: REFUSED)", "eventId reasonCode reason raw isWhole").await;
    assert_eq!(nodes.as_array().unwrap().len(), 3);
    for node in nodes.as_array().unwrap() {
        assert_eq!((&node["reasonCode"], &node["isWhole"]), (&json!("REFUSED"), &json!(true)));
        // No table, no constraint, no value.
        let reason = node["reason"].as_str().unwrap();
        assert_eq!(
            reason,
            "the store does not take this event (code 469); it is kept, and a manager can submit it again"
        );
        let kept: Value = serde_json::from_str(node["raw"].as_str().unwrap()).unwrap();
        assert_eq!((&kept["id"], &kept["chat"]), (&node["eventId"], &json!("poison")));
    }

    change(&world, "ALTER TABLE events DROP CONSTRAINT no_poison").await;
    let submit = "mutation { resubmitRejected(origin: REFUSED) { accepted duplicates rejected left } }";
    let answer = world.ask(&world.manager(), submit).await["resubmitRejected"].clone();
    assert_eq!(answer, json!({"accepted": 3, "duplicates": 0, "rejected": 0, "left": 0}));
    assert_eq!(stored(&world).await, "rows: 100\nids: 100\npoison: 3\n\n");
    // Submitted again it is nothing, and sent again it is known.
    let answer = world.ask(&world.manager(), submit).await["resubmitRejected"].clone();
    assert_eq!(answer, json!({"accepted": 0, "duplicates": 0, "rejected": 0, "left": 0}));
    assert_eq!(world.take(&events).await["duplicates"], 100);
    assert_eq!(stored(&world).await, "rows: 100\nids: 100\npoison: 3\n\n");
    let fields = "outcome resubmittedAt timesSeen";
    let expect = json!({"outcome": "STORED", "resubmittedAt": "2035-05-01T12:00:00.000Z", "timesSeen": 1});
    assert_eq!(kept(&world, "", fields).await, json!([expect, expect, expect]));
}

#[tokio::test]
async fn a_table_that_is_gone_accuses_no_event() {
    let world = World::at(NOW).await;
    change(&world, "RENAME TABLE events TO elsewhere").await;
    let rows = rows(&events(&[]));
    let insert = |range: std::ops::Range<usize>| {
        let (store, part) = (world.store.clone(), rows.slice(range.start, range.len()));
        async move { store.insert("events", part).await }
    };
    let error = bisect(rows.num_rows(), is_about_rows, insert).await.unwrap_err();
    assert!(!is_about_rows(&error), "{error}");
}
