//! The worked examples of the metric definitions, through HTTP, exactly.

use serde_json::{Value, json};

use crate::world::{World, instant};

const MARCH: &str = r#"range: {from: "2026-03-01", to: "2026-04-01"}"#;

/// An event about message `message` of chat `c`.
fn status(id: &str, channel: &str, kind: &str, message: &str, at: &str) -> Value {
    json!({"id": id, "kind": kind, "at": at, "channel": channel, "account": "a", "chat": "c", "message": message})
}

#[tokio::test]
pub async fn example_1_a_read_message_was_delivered() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world
        .take(&[
            status("1", "WHATSAPP", "message.read", "m", "2026-03-10T10:02:00Z"),
            status("2", "WHATSAPP", "message.sent", "m", "2026-03-10T10:00:00Z"),
        ])
        .await;
    let answer = world
        .analytics(
            MARCH,
            "delivery { total { rate outbound delivered failed pending } } reads { total { ofSent ofDelivered read } }",
        )
        .await;
    assert_eq!(
        answer,
        json!({
            "delivery": {"total": {"rate": 1.0, "outbound": 1, "delivered": 1, "failed": 0, "pending": 0}},
            "reads": {"total": {"ofSent": 1.0, "ofDelivered": 1.0, "read": 1}},
        })
    );
    // Delivered at 10:02, not later: within an hour of sending it was read.
    let answer = world.analytics(MARCH, "reads(withinHours: 1) { total { ofDelivered } }").await;
    assert_eq!(answer["reads"]["total"]["ofDelivered"], 1.0);
}

#[tokio::test]
pub async fn example_2_unknown_is_not_zero() {
    // 72 hours after the range, statuses have settled.
    let world = World::at("2026-04-04T00:00:00Z").await;
    let mut events = vec![
        status("w1", "WHATSAPP", "message.sent", "w", "2026-03-10T10:00:00Z"),
        status("w2", "WHATSAPP", "message.delivered", "w", "2026-03-10T10:00:01Z"),
        status("w3", "WHATSAPP", "message.read", "w", "2026-03-10T10:05:00Z"),
    ];
    for id in ["t1", "t2", "t3"] {
        events.push(status(id, "TELEGRAM", "message.sent", id, "2026-03-10T10:00:00Z"));
    }
    world.take(&events).await;
    let answer = world
        .analytics(
            MARCH,
            "reads { total { ofSent read quality { level coverage provisional warnings { code } } }
                     by(dimensions: [CHANNEL]) { keys metrics { ofSent read quality { level coverage } } } }",
        )
        .await;
    assert_eq!(
        answer["reads"],
        json!({
            // 1 of the 1 that can be known; 1 of 4 messages can be.
            "total": {"ofSent": 1.0, "read": 1, "quality": {
                "level": "LOWER_BOUND", "coverage": 0.25, "provisional": false,
                "warnings": [{"code": "PARTIAL_COVERAGE"}]}},
            "by": [
                {"keys": ["TELEGRAM"], "metrics": {"ofSent": null, "read": null,
                    "quality": {"level": "UNAVAILABLE", "coverage": 0.0}}},
                {"keys": ["WHATSAPP"], "metrics": {"ofSent": 1.0, "read": 1,
                    "quality": {"level": "LOWER_BOUND", "coverage": 1.0}}},
            ],
        })
    );
}

#[tokio::test]
pub async fn example_7_duplicates_and_order_change_nothing() {
    let mut events = Vec::new();
    for (index, minute) in [5, 1, 9, 3, 7].iter().enumerate() {
        let sent = format!("2026-03-10T10:0{minute}:00Z");
        events.push(status(&format!("s{index}"), "WHATSAPP", "message.sent", &index.to_string(), &sent));
        events.push(status(
            &format!("d{index}"),
            "WHATSAPP",
            "message.delivered",
            &index.to_string(),
            "2026-03-10T10:30:00Z",
        ));
        events.push(status(&format!("r{index}"), "WHATSAPP", "message.received", &format!("in{index}"), &sent));
    }
    let fields = "delivery { total { rate outbound delivered } series(every: HOUR) { metrics { outbound } } }
                  reads { total { ofSent engagedRate } } activity { total { messages turns } }";
    let range = r#"range: {from: "2026-03-10", to: "2026-03-11"}"#;
    let once = World::at("2026-03-20T00:00:00Z").await;
    once.take(&events).await;
    let expect = once.analytics(range, fields).await;
    assert_eq!(expect["delivery"]["total"], json!({"rate": 1.0, "outbound": 5, "delivered": 5}));

    let many = World::at("2026-03-20T00:00:00Z").await;
    let mut accepted = 0;
    let mut duplicates = 0;
    for round in 0..5 {
        // Another order in each round: backwards, and turned by a prime step.
        let mut shuffled: Vec<Value> =
            (0..events.len()).map(|index| events[(index * 7 + round) % events.len()].clone()).collect();
        if round % 2 == 0 {
            shuffled.reverse();
        }
        for part in shuffled.chunks(4) {
            let receipt = many.take(part).await;
            accepted += receipt["accepted"].as_u64().expect("a count");
            duplicates += receipt["duplicates"].as_u64().expect("a count");
        }
    }
    assert_eq!((accepted, duplicates), (15, 60));
    assert_eq!(many.analytics(range, fields).await, expect);
}

#[tokio::test]
pub async fn the_first_arrival_of_an_event_id_wins() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&[status("1", "WHATSAPP", "message.received", "m", "2026-03-10T10:00:00Z")]).await;
    let receipt = world.take(&[status("1", "WHATSAPP", "message.received", "other", "2026-03-11T10:00:00Z")]).await;
    assert_eq!((&receipt["accepted"], &receipt["duplicates"]), (&json!(0), &json!(1)));
    let answer = world.analytics(MARCH, "activity { total { messages } }").await;
    assert_eq!(answer["activity"]["total"]["messages"], 1);
}

/// One client message in each UTC hour of `[from, to)`.
async fn hourly(world: &World, from: &str, to: &str) {
    let events: Vec<Value> = (instant(from)..instant(to))
        .step_by(3_600_000)
        .map(|at| json!({"id": at.to_string(), "kind": "message.received", "at": at, "channel": "WHATSAPP", "chat": "c", "message": at.to_string()}))
        .collect();
    world.take(&events).await;
}

#[tokio::test]
pub async fn example_8_local_days_of_23_and_25_hours() {
    let world = World::at("2026-11-20T00:00:00Z").await;
    hourly(&world, "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z").await;
    hourly(&world, "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z").await;
    let fields = "activity { total { messages } series(every: HOUR) { metrics { messages } }
                  heatmap { weekday hour occurrences messages perOccurrence } peak { weekday hour messages perOccurrence } }";

    let spring =
        world.analytics(r#"range: {from: "2026-03-29", to: "2026-03-30"}, timezone: "Europe/Berlin""#, fields).await;
    assert_eq!(spring["activity"]["total"]["messages"], 23);
    let series = spring["activity"]["series"].as_array().expect("a series");
    assert_eq!(series.len(), 23);
    assert!(series.iter().all(|point| point["metrics"]["messages"] == 1), "{series:?}");
    // Sunday 02:00 did not come round.
    let cell = &spring["activity"]["heatmap"][6 * 24 + 2];
    assert_eq!(*cell, json!({"weekday": 7, "hour": 2, "occurrences": 0, "messages": null, "perOccurrence": null}));
    let cell = &spring["activity"]["heatmap"][6 * 24 + 3];
    assert_eq!(*cell, json!({"weekday": 7, "hour": 3, "occurrences": 1, "messages": 1, "perOccurrence": 1.0}));

    let autumn =
        world.analytics(r#"range: {from: "2026-10-25", to: "2026-10-26"}, timezone: "Europe/Berlin""#, fields).await;
    assert_eq!(autumn["activity"]["total"]["messages"], 25);
    assert_eq!(autumn["activity"]["series"].as_array().expect("a series").len(), 25);
    let cell = &autumn["activity"]["heatmap"][6 * 24 + 2];
    assert_eq!(*cell, json!({"weekday": 7, "hour": 2, "occurrences": 2, "messages": 2, "perOccurrence": 1.0}));
    // Every hour is as busy as every other: the earliest is the peak.
    assert_eq!(autumn["activity"]["peak"], json!({"weekday": 7, "hour": 0, "messages": 1, "perOccurrence": 1.0}));
}

#[tokio::test]
pub async fn example_9_half_hour_offsets() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&[status("1", "WHATSAPP", "message.received", "m", "2026-03-10T18:45:00Z")]).await;
    let answer = world
        .analytics(
            r#"range: {from: "2026-03-11", to: "2026-03-12"}, timezone: "Asia/Kolkata""#,
            "activity { by(dimensions: [DAY, HOUR, WEEKDAY]) { keys metrics { messages } } series(every: HOUR) { start metrics { messages } } }",
        )
        .await;
    // 18:45 UTC is 00:15 of Wednesday 11 March in Kolkata.
    assert_eq!(answer["activity"]["by"], json!([{"keys": ["2026-03-11", "0", "3"], "metrics": {"messages": 1}}]));
    assert_eq!(
        answer["activity"]["series"][0],
        json!({"start": "2026-03-10T18:30:00.000Z", "metrics": {"messages": 1}})
    );
}
