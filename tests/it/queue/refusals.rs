//! What the queue cannot take is not acknowledged, and the sender is told when to come again.

use axum::http::StatusCode;
use bytes::Bytes;
use rapport::queue::QueueConfig;
use serde_json::json;

use super::broker::{Broker, open};
use super::house::{Door, House, messages};
use crate::webhooks::letters;

#[tokio::test]
async fn a_broker_that_is_away_is_no_reason_to_say_yes() {
    let mut broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    assert_eq!(house.post(&messages(0..10)).await.0, StatusCode::OK);
    broker.kill();
    for numbers in [10..20, 20..21] {
        let (status, retry, text) = house.post_for_retry(&messages(numbers)).await;
        assert_eq!((status, retry.as_deref()), (StatusCode::SERVICE_UNAVAILABLE, Some("5")), "{text}");
        assert!(text.contains("UNAVAILABLE") && !text.contains("127.0.0.1"), "{text}");
    }
    assert_eq!(letters::post(&house.world, "post", "{}").await.0, StatusCode::SERVICE_UNAVAILABLE);
    broker.restart();
    // By itself: the connection is made again in the background.
    house.queue.prepare().await.unwrap();
    assert_eq!(house.post(&messages(10..20)).await.0, StatusCode::OK);
    house.drain().await;
    assert_eq!(house.stored().await, (20, 20));
}

#[tokio::test]
async fn a_full_stream_refuses_and_takes_again_when_workers_have_made_room() {
    let broker = Broker::start();
    let queue = open(QueueConfig { bytes_max: 100_000, ..broker.config() }).await;
    let house = House::over(queue).await;
    let mut acknowledged = 0;
    let refused = loop {
        let (status, retry, text) = house.post_for_retry(&messages(acknowledged..acknowledged + 500)).await;
        if status != StatusCode::OK {
            break (status, retry, text);
        }
        acknowledged += 500;
        assert!(acknowledged < 100_000, "100 kB are never full");
    };
    assert_eq!((refused.0, refused.1.as_deref()), (StatusCode::SERVICE_UNAVAILABLE, Some("30")), "{}", refused.2);
    assert!(refused.2.contains("the queue is full"), "{}", refused.2);
    assert!(0 < acknowledged);
    let worker = house.worker();
    house.until_drained().await;
    assert_eq!(house.stored().await, (acknowledged.into(), acknowledged.into()), "what was refused is not there");
    assert_eq!(house.post(&messages(acknowledged..acknowledged + 500)).await.0, StatusCode::OK);
    house.until_drained().await;
    worker.stop().await;
    assert_eq!(house.stored().await.1, u64::from(acknowledged) + 500);
}

#[tokio::test]
async fn what_cannot_be_read_is_put_aside_and_stops_nobody() {
    let broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    house.queue.publish("garbage", Bytes::from_static(b"9 what is this")).await.unwrap();
    let unknown = json!({"kind": "payload", "tenant": "acme", "connection": "gone", "contentType": "", "receivedAt": 1, "bytes": 2});
    house.queue.publish("unknown", Bytes::from(format!("1{unknown}\n{{}}"))).await.unwrap();
    // The connection is another tenant's.
    let event = messages(10..11)[0].to_string();
    let forged = json!({"kind": "events", "tenant": "rival", "connection": "post", "receivedAt": 1, "events": 1,
        "bytes": event.len()});
    house.queue.publish("forged", Bytes::from(format!("1{forged}\n{event}"))).await.unwrap();
    assert_eq!(house.post(&messages(0..10)).await.0, StatusCode::OK);
    house.drain().await;
    assert_eq!(house.stored().await, (10, 10));
    assert_eq!(house.queue.lag().await.unwrap().aside, 3);
}

#[tokio::test]
async fn what_the_engine_refuses_is_kept_among_the_rejected_and_blocks_nobody() {
    let broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    house.store.set(Door::Poisoned);
    let poisoned = house.world.token_of("poisoned", rapport::auth::Role::Service, None, &[]);
    let body = super::house::lines(&messages(0..3));
    assert_eq!(house.world.post_events(&poisoned, None, body).await.0, StatusCode::OK);
    assert_eq!(house.post(&messages(0..10)).await.0, StatusCode::OK);
    house.drain().await;
    assert_eq!((house.stored().await, house.queue.lag().await.unwrap().aside), ((10, 10), 0));
    let kept = "SELECT origin, toString(tenant) AS tenant, count() AS events FROM rejected_events FINAL GROUP BY ALL";
    let shown = crate::engine::shown(house.world.store.as_ref(), kept).await;
    assert_eq!(shown.trim(), "origin: REFUSED\ntenant: poisoned\nevents: 3");
}
