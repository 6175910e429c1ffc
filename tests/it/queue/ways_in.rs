//! What comes by the queue answers as what comes directly.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::broker::{Broker, open};
use super::house::{House, NOW, messages};
use crate::webhooks::letters;
use crate::world::World;

const FIELDS: &str = "delivery { total { rate outbound delivered failed pending } } \
    reads { total { ofSent ofDelivered read } } responseTime { total { p50Seconds answered unanswered } } \
    activity { total { messages turns } series(every: DAY) { start metrics { messages } } } \
    activeDialogs { total { distinct peak } }";

/// Ten minutes of a shop: questions, answers, statuses in the wrong order, a repeat, and a bad line.
fn day() -> Vec<Value> {
    let event = |id: &str, kind: &str, message: &str, at: &str, more: Value| {
        let mut event = json!({"id": id, "kind": kind, "at": at, "channel": "WHATSAPP", "account": "a", "chat": "c",
            "message": message, "contact": "k", "text": "what they wrote", "extra": {"deep": [1, 2.5, "x"]}});
        for (name, value) in more.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    };
    let anna = json!({"operator": "anna", "team": "north"});
    vec![
        event("1", "message.received", "q1", "2035-05-01T10:00:00Z", json!({})),
        event("4", "message.read", "a1", "2035-05-01T10:05:00Z", json!({})),
        event("2", "message.sent", "a1", "2035-05-01T10:02:00Z", anna.clone()),
        event("3", "message.delivered", "a1", "2035-05-01T10:02:03Z", json!({})),
        event("2", "message.sent", "other", "2035-05-01T11:00:00Z", anna),
        event("5", "message.exploded", "q1", "2035-05-01T10:00:00Z", json!({})),
        event("6", "message.received", "q2", "2035-05-01T11:59:00Z", json!({"chat": 9_007_199_254_740_993_u64})),
        // Without a time: that of its arrival, which the worker must not take for its own.
        event("7", "message.received", "q3", "", json!({"chat": "d"})),
    ]
}

#[tokio::test]
async fn what_comes_by_the_queue_answers_as_what_comes_directly() {
    let broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    let direct = World::at(NOW).await;
    let (_, mut receipt) = direct.post_events(&direct.service(), None, Value::from(day()).to_string()).await;
    receipt["queued"] = json!(true);
    assert_eq!(
        (&receipt["accepted"], &receipt["duplicates"], &receipt["rejectedTotal"]),
        (&json!(6), &json!(1), &json!(1))
    );
    let body = Value::from(day()).to_string();
    assert_eq!(house.world.post_events(&house.world.service(), None, body.clone()).await, (StatusCode::OK, receipt));
    // Sent again, the stream knows it; nothing is stored yet.
    let (_, again) = house.world.post_events(&house.world.service(), None, body).await;
    assert_eq!((&again["accepted"], &again["duplicates"]), (&json!(0), &json!(7)));
    assert_eq!((house.stored().await, house.queue.lag().await.unwrap().messages), ((0, 0), 1));

    house.drain().await;
    assert_eq!(house.stored().await, (6, 6));
    let range = r#"range: {from: "2035-05-01", to: "2035-05-02"}"#;
    assert_eq!(house.world.analytics(range, FIELDS).await, direct.analytics(range, FIELDS).await);
    let columns = "SELECT sum(cityHash64(* EXCEPT(attributes), toString(attributes))) FROM events";
    let hash = async |world: &World| {
        use arrow::array::AsArray;
        let rows = rapport::store::Store::query(&*world.store, rapport::sql::Sql::new(columns)).await.unwrap();
        rows[0].column(0).as_primitive::<arrow::datatypes::UInt64Type>().value(0)
    };
    assert_eq!(hash(&house.world).await, hash(&direct).await, "every column is the same");
}

#[tokio::test]
async fn webhooks_are_queued_as_they_came_and_read_by_the_worker() {
    let broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    let letter = |id: &str| json!({"kind": "letter", "id": id, "at": 2_061_633_600, "chat": "c"});
    let body = json!({"account": "post", "letters": [letter("1"), letter("2"), {"kind": "parcel"}]}).to_string();
    let ok = (StatusCode::OK, "ok".to_owned());
    assert_eq!(letters::post(&house.world, "post", body).await, ok);
    assert_eq!(letters::post(&house.world, "post", "no JSON").await, ok);
    assert_eq!(letters::deliver(&house.world, "post", &[], "{}").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(house.count("SELECT count() FROM raw_payloads").await, 0);
    house.drain().await;
    assert_eq!(house.stored().await, (2, 2));
    assert_eq!(house.count("SELECT count() FROM raw_payloads").await, 2);
    assert_eq!(house.count("SELECT sum(accepted) FROM raw_payloads WHERE has(unknown, 'parcel')").await, 2);
}

#[tokio::test]
async fn single_events_that_wait_at_the_same_time_share_a_message() {
    let broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    let events = messages(0..100);
    let posts = events.iter().map(|event| house.post(std::slice::from_ref(event)));
    for (status, receipt) in futures_util::future::join_all(posts).await {
        assert_eq!((status, &receipt["accepted"]), (StatusCode::OK, &json!(1)));
    }
    let lag = house.queue.lag().await.unwrap();
    assert!((1..100).contains(&lag.messages), "{lag:?}");
    house.drain().await;
    assert_eq!(house.stored().await, (100, 100));
}

#[tokio::test]
async fn a_body_that_no_message_can_hold_goes_in_several() {
    let broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    // Numbers that look like chance do not compress: 3 MB of them are more than a message's 1 MiB.
    let mut events = messages(0..3_000);
    let mut state = 1_u64;
    for event in &mut events {
        let noise = (0..64).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            format!("{:016x}", state.rotate_left(17) ^ (state >> 11))
        });
        event["noise"] = noise.collect::<String>().into();
    }
    let (status, receipt) = house.post(&events).await;
    assert_eq!((status, &receipt["accepted"]), (StatusCode::OK, &json!(3_000)), "{receipt}");
    let messages = house.queue.lag().await.unwrap().messages;
    assert!(1 < messages, "{messages}");
    let (_, again) = house.post(&events).await;
    assert_eq!((&again["accepted"], &again["duplicates"]), (&json!(0), &json!(3_000)), "cut in the same places");
    house.drain().await;
    assert_eq!(house.stored().await, (3_000, 3_000));
}

#[tokio::test]
async fn a_stream_that_is_another_ones_is_refused_with_advice() {
    let broker = Broker::start();
    let ours = broker.config();
    open(ours.clone()).await;
    // What the other stream of one name is, the stream of the other name is not.
    let stream = format!("{}_DEAD", ours.stream);
    let queue = rapport::queue::Queue::open(rapport::queue::QueueConfig { stream, ..ours }).await.unwrap();
    let error = queue.prepare().await.unwrap_err().to_string();
    assert!(error.contains("its retention is Limits, not WorkQueue: remove it, or choose another name"), "{error}");
    let config = rapport::queue::QueueConfig { stream: "LARGE".to_owned(), bytes_max: 100 << 30, ..broker.config() };
    let error = rapport::queue::Queue::open(config).await.unwrap().prepare().await.unwrap_err().to_string();
    assert!(error.contains("raise `max_file_store` of nats-server"), "{error}");
}
