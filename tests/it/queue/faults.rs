//! Workers and brokers that die at the worst moment: nothing that was acknowledged is lost, and nothing is stored twice.

use std::time::Duration;

use axum::http::StatusCode;

use rapport::ingest::queued::worker::Inserts;
use rapport::sql::Sql;
use rapport::store::Store;

use super::broker::Broker;
use super::house::{Door, House, messages};

#[tokio::test]
async fn a_worker_that_dies_before_or_after_its_insert_loses_and_doubles_nothing() {
    let broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    let mut next = 0;
    for door in [Door::LostBefore, Door::HeldAfter, Door::HeldAfter, Door::LostBefore, Door::HeldAfter] {
        house.store.set(door);
        assert_eq!(house.post(&messages(next..next + 20)).await.0, StatusCode::OK);
        next += 20;
        let worker = house.worker();
        house.store.until_held().await;
        // The insert was about to be done, or is done and not acknowledged.
        worker.abort();
    }
    assert!(0 < house.queue.lag().await.unwrap().messages, "nobody acknowledged it");
    house.store.set(Door::Open);
    house.drain().await;
    assert_eq!(house.stored().await, (100, 100));
}

#[tokio::test]
async fn a_message_that_is_delivered_again_and_again_is_stored_once() {
    let broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    assert_eq!(house.post(&messages(0..50)).await.0, StatusCode::OK);
    // Whoever takes it says nothing, so that it is delivered again, to somebody else too.
    for attempt in 1..=3 {
        let mut pulled = house.queue.puller().await.unwrap().pull(1).await.unwrap();
        let delivery = pulled.next().await.unwrap().expect("it is there");
        assert_eq!((delivery.sequence, delivery.attempt), (1, attempt));
    }
    house.store.set(Door::HeldAfter);
    let silent = house.worker();
    house.store.until_held().await;
    silent.abort();
    house.store.set(Door::Open);
    let workers = [house.worker_with(Inserts::OneEach), house.worker_with(Inserts::OneEach)];
    house.until_drained().await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(house.stored().await, (50, 50));
}

#[tokio::test]
async fn a_batch_that_the_engine_noted_and_never_had_is_stored_when_it_comes_again() {
    let broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    assert_eq!(house.post(&messages(0..20)).await.0, StatusCode::OK);
    house.store.set(Door::HeldAfter);
    let worker = house.worker_with(Inserts::OneEach);
    house.store.until_held().await;
    worker.abort();
    // As after an engine that was killed between the two: it knows the token, and the rows are not there.
    house.world.store.execute(Sql::new("DELETE FROM events WHERE 1")).await.unwrap();
    assert_eq!(house.stored().await, (0, 0));
    house.store.set(Door::Open);
    let worker = house.worker_with(Inserts::OneEach);
    house.until_drained().await;
    worker.stop().await;
    assert_eq!(house.stored().await, (20, 20));
}

#[tokio::test]
async fn an_event_that_two_workers_have_in_work_at_once_counts_once() {
    let broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    // Each message of the queue has one event that all have, and there are more than one worker has in work at a time.
    for start in (10..410).step_by(10) {
        let events = [messages(0..1), messages(start..start + 10)].concat();
        assert_eq!(house.post(&events).await.0, StatusCode::OK);
    }
    house.drain_by_two().await;
    let (rows, ids) = house.stored().await;
    assert!(ids == 401 && (ids..=ids + 1).contains(&rows), "the log may have twice what two found new: {rows}, {ids}");
    let range = r#"range: {from: "2035-05-01", to: "2035-05-02"}"#;
    let answer = house.world.analytics(range, "activity { total { messages } }").await;
    assert_eq!(answer["activity"]["total"]["messages"], 401);
}

#[tokio::test]
async fn two_workers_share_the_work() {
    let broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    // More messages than one has in work at a time.
    for start in (0..2_000).step_by(50) {
        assert_eq!(house.post(&messages(start..start + 50)).await.0, StatusCode::OK);
    }
    house.drain_by_two().await;
    assert_eq!(house.stored().await, (2_000, 2_000));
}

#[tokio::test]
async fn a_stream_that_is_made_anew_loses_nothing_though_it_counts_from_one_again() {
    let broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    for numbers in [0..20, 20..40] {
        // The first attempt finds out that the stream is gone.
        while house.post(&messages(numbers.clone())).await.0 != StatusCode::OK {}
        let worker = house.worker_with(Inserts::OneEach);
        house.until_drained().await;
        worker.stop().await;
        let client = async_nats::connect(broker.address()).await.unwrap();
        let stream = &house.queue.config().stream;
        async_nats::jetstream::new(client).delete_stream(stream).await.unwrap();
    }
    assert_eq!(house.stored().await, (40, 40));
}

#[tokio::test]
async fn a_broker_that_is_killed_under_load_loses_nothing_that_it_acknowledged() {
    let mut broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    let workers = [house.worker_with(Inserts::OneEach), house.worker_with(Inserts::OneEach)];
    let (mut acknowledged, mut refused, mut killed) = (Vec::new(), 0, 0);
    let mut start = 0;
    while acknowledged.len() < 60 || killed < 3 {
        assert!(start < 100_000, "{} acknowledged, {refused} refused", acknowledged.len());
        // Several at once: some are in the air when it is killed.
        let starts: Vec<u32> = (0..6).map(|step| start + step * 10).collect();
        start += 60;
        let posts = starts.iter().map(async |start| house.post(&messages(*start..start + 10)).await.0);
        let posts = futures_util::future::join_all(posts);
        let statuses = if killed < 3 && killed * 20 <= acknowledged.len() {
            killed += 1;
            let kill = async {
                // Some polls later than the first of them.
                for _ in 0..killed * 3 {
                    tokio::task::yield_now().await;
                }
                broker.kill();
                broker.restart();
            };
            tokio::join!(posts, kill).0
        } else {
            posts.await
        };
        for (start, status) in starts.iter().zip(statuses) {
            match status {
                StatusCode::OK => acknowledged.push(*start),
                StatusCode::SERVICE_UNAVAILABLE => refused += 1,
                other => panic!("{other}"),
            }
        }
        // Until the broker is back: what is sent before that is only refused.
        let _ = house.queue.prepare().await;
    }
    house.until_drained().await;
    for worker in workers {
        worker.stop().await;
    }
    let (rows, ids) = house.stored().await;
    assert_eq!(rows, ids, "nothing is stored twice");
    assert!(acknowledged.len() as u64 * 10 <= ids, "{} were acknowledged, {ids} are stored", acknowledged.len() * 10);
    for start in acknowledged {
        // Sent again, all of them are known to the store: the worker finds nothing new.
        assert_eq!(house.post(&messages(start..start + 10)).await.0, StatusCode::OK);
    }
    house.drain().await;
    assert_eq!(house.stored().await, (ids, ids), "each of them was there");
}

#[tokio::test]
async fn while_the_store_is_away_the_queue_takes_everything_and_drains_after() {
    let broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    house.store.set(Door::Away);
    let worker = house.worker();
    for start in (0..3_000).step_by(100) {
        assert_eq!(house.post(&messages(start..start + 100)).await.0, StatusCode::OK);
    }
    // Longer than a silent worker would keep them.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let lag = house.queue.lag().await.unwrap();
    assert_eq!((lag.messages, lag.aside, house.stored().await), (30, 0, (0, 0)));
    assert!(lag.oldest.is_some() && 0 < lag.bytes, "{lag:?}");
    house.store.set(Door::Open);
    house.until_drained().await;
    worker.stop().await;
    assert_eq!(house.stored().await, (3_000, 3_000));
}

#[tokio::test]
async fn a_worker_that_stops_stores_and_acknowledges_what_it_has_in_work() {
    let broker = Broker::start();
    let house = House::over(broker.queue().await).await;
    house.store.set(Door::HeldBefore);
    let worker = house.worker();
    assert_eq!(house.post(&messages(0..20)).await.0, StatusCode::OK);
    house.store.until_held().await;
    let (stopping, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(60), worker.stop()), async {
        tokio::task::yield_now().await;
        house.store.set(Door::Open);
    });
    stopping.expect("it ends");
    assert_eq!((house.stored().await, house.queue.lag().await.unwrap().messages), ((20, 20), 0));

    // One that can store nothing gives back what it has, at once.
    house.store.set(Door::Away);
    let worker = house.worker();
    assert_eq!(house.post(&messages(20..40)).await.0, StatusCode::OK);
    tokio::time::timeout(Duration::from_secs(60), worker.stop()).await.expect("it ends");
    assert_eq!(house.queue.lag().await.unwrap().messages, 1);
}
