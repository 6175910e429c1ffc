//! A broker of three nodes of which one or two die under load: nothing that was acknowledged is lost, nothing is stored twice,
//! two of them go on, and one alone takes nothing.

use std::cell::Cell;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use futures_util::future::join_all;
use rapport::queue::{Queue, QueueError};

use super::broker::PATIENCE;
use super::house::{House, messages};
use super::nodes::Nodes;

/// Events of a body.
const BODY: u32 = 10;

/// How long the API waits for the stream, and what a slow machine adds to it.
const REFUSED_WITHIN: Duration = Duration::from_secs(10 + 10);

/// Senders that send each body until it is acknowledged, and never again.
#[derive(Debug, Default)]
struct Load {
    sent: Cell<u32>,
    acknowledged: Cell<u32>,
    refused: Cell<u32>,
    slowest: Cell<Duration>,
    /// Since when too few nodes are there to take anything.
    without_majority: Cell<Option<Instant>>,
    is_over: Cell<bool>,
}

impl Load {
    /// Sends with several senders while something else happens.
    async fn during(&self, house: &House, happens: impl Future<Output = ()>) {
        let sending = join_all((0..6).map(|_| self.send(house)));
        tokio::join!(sending, async {
            happens.await;
            self.is_over.set(true);
        });
    }

    async fn send(&self, house: &House) {
        while !self.is_over.get() {
            let start = self.sent.replace(self.sent.get() + BODY);
            let body = messages(start..start + BODY);
            while !self.is_acknowledged(house, &body).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            self.acknowledged.set(self.acknowledged.get() + BODY);
        }
    }

    async fn is_acknowledged(&self, house: &House, body: &[serde_json::Value]) -> bool {
        let begin = Instant::now();
        let (status, retry, text) = house.post_for_retry(body).await;
        self.slowest.set(self.slowest.get().max(begin.elapsed()));
        match status {
            StatusCode::OK => {
                let is_possible = self.without_majority.get().is_none_or(|since| begin < since);
                assert!(is_possible, "one node keeps nothing alone");
                return true;
            }
            StatusCode::SERVICE_UNAVAILABLE => assert_eq!(retry.as_deref(), Some("5"), "{text}"),
            other => panic!("{other} {text}"),
        }
        self.refused.set(self.refused.get() + 1);
        false
    }

    /// Waits until so many bodies more are acknowledged.
    async fn goes_on(&self, bodies: u32) {
        let enough = self.acknowledged.get() + bodies * BODY;
        self.until(|load| enough <= load.acknowledged.get()).await;
    }

    /// Waits until so many more are refused.
    async fn is_refused(&self, bodies: u32) {
        let enough = self.refused.get() + bodies;
        self.until(|load| enough <= load.refused.get()).await;
    }

    async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "{self:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// How it went, and whether all of it is stored once.
    async fn check(&self, house: &House, what: &str) {
        let (rows, ids) = house.stored().await;
        let (sent, acknowledged, refused) = (self.sent.get(), self.acknowledged.get(), self.refused.get());
        let slowest = self.slowest.get();
        println!(
            "{what}: {sent} sent, {acknowledged} acknowledged, {refused} bodies refused, {rows} stored, {ids} unique, \
             slowest answer {slowest:.1?}"
        );
        assert_eq!((rows, ids), (u64::from(acknowledged), u64::from(acknowledged)));
        assert!(slowest < REFUSED_WITHIN, "{slowest:?}");
    }
}

#[tokio::test]
async fn a_broker_of_three_that_loses_one_and_then_another_goes_on_and_loses_nothing() {
    let mut nodes = Nodes::start();
    let house = House::over(nodes.queue().await).await;
    let worker = house.worker();
    let load = Load::default();
    let happens = Box::pin(async {
        load.goes_on(20).await;
        let leader = nodes.leader().await;
        nodes.kill(leader);
        // More than were in the air: most are sent and taken while it is down.
        load.goes_on(40).await;
        nodes.restart(leader);
        nodes.until_whole().await;
        load.goes_on(20).await;
        let next = match nodes.leader().await {
            again if again == leader => (leader + 1) % 3,
            other => other,
        };
        nodes.kill(next);
        load.goes_on(40).await;
        nodes.restart(next);
    });
    load.during(&house, happens).await;
    house.until_drained().await;
    worker.stop().await;
    load.check(&house, "one of three killed, twice").await;
}

#[tokio::test]
async fn a_broker_of_three_that_loses_two_refuses_in_time_and_goes_on_when_one_is_back() {
    let mut nodes = Nodes::start();
    let house = House::over(nodes.queue().await).await;
    let worker = house.worker();
    let load = Load::default();
    let happens = Box::pin(async {
        load.goes_on(20).await;
        let leader = nodes.leader().await;
        let next = (leader + 1) % 3;
        nodes.kill(leader);
        nodes.kill(next);
        load.without_majority.set(Some(Instant::now()));
        // A process that begins now finds no fault with the stream: it would end, and it can answer questions.
        let begun = Queue::open(nodes.config()).await.unwrap();
        let begins = async {
            let error = begun.prepare().await.expect_err("there is no majority");
            assert!(matches!(error, QueueError::Away { .. }), "{error}");
        };
        // As many as there are senders.
        tokio::join!(begins, load.is_refused(6));
        load.without_majority.set(None);
        nodes.restart(next);
        load.goes_on(40).await;
        nodes.restart(leader);
    });
    load.during(&house, happens).await;
    house.until_drained().await;
    worker.stop().await;
    load.check(&house, "two of three killed").await;
}
