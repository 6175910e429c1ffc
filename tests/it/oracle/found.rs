//! What random histories have found, in its smallest form.

use serde_json::{Value, json};

use crate::world::World;

const RANGE: &str = r#"range: {from: "2026-03-01", to: "2026-04-01"}"#;

fn event(id: &str, kind: &str, message: &str, minute: u32) -> Value {
    let at = format!("2026-03-10T10:{minute:02}:00Z");
    json!({"id": id, "kind": kind, "at": at, "channel": "VIBER", "account": "a", "chat": "c", "message": message})
}

#[tokio::test]
async fn a_clients_message_stays_the_clients_whatever_else_is_said_of_it() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let mut by_system = event("2", "message.sent", "m", 1);
    by_system["author"] = "SYSTEM".into();
    let mut by_anna = event("4", "message.sent", "n", 3);
    by_anna["operator"] = "anna".into();
    world.take(&[event("1", "message.received", "m", 0), by_system]).await;
    world.take(&[event("3", "message.received", "n", 2), by_anna]).await;
    // The same number whether or not the question needs whole dialogs; and nobody answers their own message.
    let alone = world.analytics(RANGE, "activity { total { messages } }").await;
    assert_eq!(alone["activity"]["total"], json!({"messages": 2}));
    let parts = "activity { total { messages turns } by(dimensions: [OPERATOR]) { keys metrics { messages } } }";
    let whole = world.analytics(RANGE, parts).await;
    assert_eq!(whole["activity"]["total"], json!({"messages": 2, "turns": 1}));
    assert_eq!(whole["activity"]["by"], json!([{"keys": [null], "metrics": {"messages": 2}}]));
}

#[tokio::test]
async fn the_highest_mark_reaches_no_id_that_is_no_number() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let highest = event("2", "read.watermark", "18446744073709551615", 5);
    world.take(&[event("1", "message.sent", "m", 0), event("3", "message.sent", "7", 0), highest]).await;
    let answer = world.analytics(RANGE, "reads { total { read } }").await;
    assert_eq!(answer["reads"]["total"]["read"], 1);
}

#[tokio::test]
async fn a_mark_reads_what_was_delivered_before_it() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&[event("1", "message.sent", "m", 0), event("2", "message.sent", "n", 0)]).await;
    world.take(&[event("3", "message.delivered", "m", 4), event("4", "message.delivered", "n", 5)]).await;
    let mut mark = event("5", "read.watermark", "", 5);
    mark.as_object_mut().unwrap().remove("message");
    world.take(&[mark]).await;
    let answer = world.analytics(RANGE, "reads { total { read } }").await;
    assert_eq!(answer["reads"]["total"]["read"], 1);
}

#[tokio::test]
async fn what_one_part_asks_for_does_not_forbid_another_part_its_dimension() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&[event("1", "message.sent", "m", 0), event("2", "message.failed", "m", 1)]).await;
    let parts = "reads { total { engagedRate } by(dimensions: [FAILURE_REASON]) { keys metrics { read } } }";
    let answer = world.analytics(RANGE, parts).await;
    assert_eq!(
        answer["reads"],
        json!({"total": {"engagedRate": 0.0}, "by": [{"keys": ["UNKNOWN"], "metrics": {"read": 0}}]})
    );
}
