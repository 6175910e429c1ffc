//! Events that the engine itself refuses: found among many, kept, and stored when the cause is gone.

use axum::http::StatusCode;
use rapport::ingest::Ingest;
use rapport::sql::Sql;
use rapport::store::Store;
use serde_json::{Value, json};

use super::{NOW, kept};
use crate::engine::shown;
use crate::world::{World, event};

/// A hundred messages; some of a chat that the engine will refuse.
fn events(poison: &[usize]) -> Vec<Value> {
    let at = |index: usize| format!("2035-05-01T10:{:02}:{:02}Z", index / 60, index % 60);
    let message = |index: usize| {
        let chat = if poison.contains(&index) { "poison" } else { "sound" };
        event("message.received", chat, &index.to_string(), &at(index), &json!({"contact": format!("c{index}")}))
    };
    (0..100).map(message).collect()
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
    let events = events(&[0, 41, 99]);
    // Another sender's events are in the same group.
    let alone = event("message.received", "sound", "alone", "2035-05-01T10:00:00Z", &json!({}));
    let body = Value::from(events.clone()).to_string();
    let token = world.service();
    let others = [alone];
    let (poisoned, sound) = tokio::join!(world.post_events(&token, None, body), world.take(&others));
    assert_eq!((&sound["accepted"], &sound["rejectedTotal"]), (&json!(1), &json!(0)));
    let (status, receipt) = poisoned;
    assert_eq!(
        (status, &receipt["accepted"], &receipt["duplicates"]),
        (StatusCode::OK, &json!(97), &json!(0)),
        "{receipt}"
    );
    let rejected = receipt["rejected"].as_array().unwrap();
    let lines: Vec<_> = rejected.iter().map(|rejection| rejection["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [1, 42, 100]);
    assert_eq!(stored(&world).await, "rows: 98\nids: 98\npoison: 0\n\n");

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
    assert_eq!(stored(&world).await, "rows: 101\nids: 101\npoison: 3\n\n");
    // Submitted again it is nothing, and sent again it is known.
    let answer = world.ask(&world.manager(), submit).await["resubmitRejected"].clone();
    assert_eq!(answer, json!({"accepted": 0, "duplicates": 0, "rejected": 0, "left": 0}));
    assert_eq!(world.take(&events).await["duplicates"], 100);
    assert_eq!(stored(&world).await, "rows: 101\nids: 101\npoison: 3\n\n");
    let fields = "outcome resubmittedAt timesSeen";
    let expect = json!({"outcome": "STORED", "resubmittedAt": "2035-05-01T12:00:00.000Z", "timesSeen": 1});
    assert_eq!(kept(&world, "", fields).await, json!([expect, expect, expect]));
}

#[tokio::test]
async fn a_table_that_is_gone_accuses_no_event() {
    let world = World::at(NOW).await;
    change(&world, "RENAME TABLE events TO elsewhere").await;
    let (status, answer) = world.post_events(&world.service(), None, Value::from(events(&[])).to_string()).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{answer}");
    assert_eq!(kept(&world, "", "id").await, json!([]));
}

#[tokio::test]
async fn what_cannot_be_counted_keeps_nothing_else_from_being_counted() {
    let world = World::at(NOW).await;
    change(&world, "ALTER TABLE messages ADD CONSTRAINT no_poison CHECK chat != 'poison'").await;
    world.take(&events(&[0, 41, 99])).await;
    let inbound = "{ analytics(range: {last: \"P30D\"}) { activity { total { messages } } } }";
    let answer = world.ask(&world.manager(), inbound).await;
    assert_eq!(answer["analytics"]["activity"]["total"]["messages"], 97);
    assert_eq!(kept(&world, "(origin: UNCOUNTED)", "id").await.as_array().unwrap().len(), 3);

    // They are in the log: submitted again they are counted, as soon as they can be.
    let submit = "mutation { resubmitRejected(origin: UNCOUNTED) { accepted duplicates rejected left } }";
    let answer = world.ask(&world.manager(), submit).await["resubmitRejected"].clone();
    assert_eq!(answer, json!({"accepted": 0, "duplicates": 0, "rejected": 3, "left": 0}));
    change(&world, "ALTER TABLE messages DROP CONSTRAINT no_poison").await;
    let answer = world.ask(&world.manager(), submit).await["resubmitRejected"].clone();
    assert_eq!(answer, json!({"accepted": 3, "duplicates": 0, "rejected": 0, "left": 0}));
    assert_eq!(stored(&world).await, "rows: 100\nids: 100\npoison: 3\n\n");
    let answer = world.ask(&world.manager(), inbound).await;
    assert_eq!(answer["analytics"]["activity"]["total"]["messages"], 100);
    let answer = world.ask(&world.manager(), submit).await["resubmitRejected"].clone();
    assert_eq!(answer, json!({"accepted": 0, "duplicates": 0, "rejected": 0, "left": 0}));
}

#[tokio::test]
async fn what_a_process_left_and_cannot_be_counted_keeps_the_next_from_nothing() {
    let world = World::at(NOW).await;
    change(&world, "ALTER TABLE messages ADD CONSTRAINT no_poison CHECK chat != 'poison'").await;
    let mut events = events(&[0, 41, 99]);
    let more = json!({"segments": ["vip", "new"], "identities": ["crm:1"], "x": "y", "text": null});
    events[41].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.take(&events).await;
    // The process ends before anything that follows is written.
    let next = Ingest::open(world.store.clone(), world.turning.clone()).await.unwrap();
    let world = world.with(next);
    let inbound = "{ analytics(range: {last: \"P30D\"}) { activity { total { messages } } } }";
    let answer = world.ask(&world.manager(), inbound).await;
    assert_eq!(answer["analytics"]["activity"]["total"]["messages"], 97);
    let nodes = kept(&world, "(origin: UNCOUNTED)", "eventId raw").await;
    let raw = |id: &str| {
        let node = nodes.as_array().unwrap().iter().find(|node| node["eventId"] == id).unwrap();
        serde_json::from_str::<Value>(node["raw"].as_str().unwrap()).unwrap()
    };
    let (plain, whole) = (raw(events[99]["id"].as_str().unwrap()), raw(events[41]["id"].as_str().unwrap()));
    assert_eq!((&plain["chat"], &plain["contact"]), (&json!("poison"), &json!("c99")));
    let told = json!([whole["segments"], whole["identities"], whole["attributes"], whole["contact"], whole["kind"]]);
    assert_eq!(told, json!([["vip", "new"], ["crm:1"], {"x": "y"}, "c41", "message.received"]));
    assert_eq!(nodes.as_array().unwrap().len(), 3);
}
