//! A house with a queue: an API that only publishes, a store whose doors a test can shut, and workers between them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::future::BoxFuture;
use rapport::ingest::Ingest;
use rapport::ingest::connection::{Connection, Connections};
use rapport::ingest::queued::worker::{Inserts, Pace, Worker, Working};
use rapport::queue::Queue;
use rapport::sql::Sql;
use rapport::store::{Store, StoreError};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::broker::PATIENCE;
use crate::engine::FixedClock;
use crate::hindered::{After, Call, Hindered, Hindrance, free, refused};
use crate::webhooks::letters;
use crate::world::World;

/// In the future, because the archive forgets by the engine's clock.
pub const NOW: &str = "2035-05-01T12:01:00Z";

/// What a store does with inserts of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Open,
    /// Says that it is away.
    Away,
    /// Refuses events whose tenant is `poisoned`, by a fault of the engine.
    Poisoned,
    /// Inserts wait before they begin.
    HeldBefore,
    /// They wait, and are never done: who began them is gone.
    LostBefore,
    /// They are done, and nobody hears of it.
    HeldAfter,
}

/// The door before the real store.
pub struct Switched {
    door: watch::Sender<Door>,
    /// Inserts that wait at the door.
    waiting: watch::Sender<usize>,
}

impl Switched {
    pub fn set(&self, door: Door) {
        self.door.send_replace(door);
    }

    /// Waits until something waits at the door.
    pub async fn until_held(&self) {
        self.until_holding(1).await;
    }

    /// Waits until so many inserts wait at the door.
    pub async fn until_holding(&self, inserts: usize) {
        let mut waiting = self.waiting.subscribe();
        let enough = waiting.wait_for(|count| inserts <= *count);
        tokio::time::timeout(PATIENCE, enough).await.expect("an insert comes").unwrap();
    }

    async fn hold(&self, at: Door) {
        if *self.door.borrow() != at {
            return;
        }
        self.waiting.send_modify(|count| *count += 1);
        let mut door = self.door.subscribe();
        door.wait_for(|door| *door != at).await.unwrap();
        self.waiting.send_modify(|count| *count -= 1);
    }
}

impl Hindrance for Switched {
    fn meet(self: Arc<Self>, call: Call<'_>) -> BoxFuture<'static, Result<After, StoreError>> {
        let is_away = *self.door.borrow() == Door::Away;
        let is_poisoned = match call {
            Call::Query(_) if is_away => return refused(StoreError::Closed),
            Call::Insert("events", batch) => {
                let tenants = batch.column_by_name("tenant").unwrap().as_string::<i32>();
                tenants.iter().any(|tenant| tenant == Some("poisoned"))
            }
            Call::Query(_) | Call::Insert(..) | Call::Changes(_) => return free(),
        };
        Box::pin(async move {
            let is_lost = *self.door.borrow() == Door::LostBefore;
            self.hold(Door::HeldBefore).await;
            self.hold(Door::LostBefore).await;
            let door = *self.door.borrow();
            if is_lost {
                return Err(StoreError::Closed);
            }
            if door == Door::Poisoned && is_poisoned {
                return Err(StoreError::Engine { code: 6, message: "cannot parse".to_owned() });
            }
            if door == Door::Away {
                return Err(StoreError::Closed);
            }
            let after: After = Box::pin(async move {
                self.hold(Door::HeldAfter).await;
                Ok(())
            });
            Ok(after)
        })
    }
}

pub struct House {
    /// Its API publishes.
    pub world: World,
    pub queue: Queue,
    /// How its workers reach the store.
    pub store: Arc<Switched>,
}

fn connections() -> [Connection; 1] {
    [letters::connection("post", "acme", "post")]
}

impl House {
    pub async fn over(queue: Queue) -> Self {
        let world = World::at(NOW).await.queued(connections(), queue.clone());
        let (door, waiting) = (watch::channel(Door::Open).0, watch::channel(0).0);
        let store = Arc::new(Switched { door, waiting });
        Self { world, queue, store }
    }

    /// A worker with a handle of its own, as another process has.
    pub fn worker(&self) -> Working {
        self.worker_with(Inserts::Joined)
    }

    pub fn worker_with(&self, inserts: Inserts) -> Working {
        let store = Hindered::new(self.world.store.clone(), self.store.clone());
        let ingest = Ingest::new(store, Arc::new(FixedClock(self.world.now)));
        let pace = Pace { pause: Duration::from_millis(50), pause_max: Duration::from_millis(400), ..Pace::default() };
        let connections = Connections::new(connections());
        Worker { queue: self.queue.clone(), ingest, connections, inserts, pace }.start()
    }

    /// Lets one worker store all that waits.
    pub async fn drain(&self) {
        let worker = self.worker();
        self.until_drained().await;
        worker.stop().await;
    }

    /// Lets two workers store all that waits, which has to be more messages than one has in work at a time. At some moment
    /// each has one in work.
    pub async fn drain_by_two(&self) {
        self.store.set(Door::HeldBefore);
        let workers = [self.worker_with(Inserts::OneEach), self.worker_with(Inserts::OneEach)];
        // Each inserts one message after the other: two inserts are two workers'.
        self.store.until_holding(2).await;
        self.store.set(Door::Open);
        self.until_drained().await;
        for worker in workers {
            worker.stop().await;
        }
    }

    /// Waits until the stream has nothing that is not stored.
    pub async fn until_drained(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lag = self.queue.lag().await;
            if lag.as_ref().is_ok_and(|lag| lag.messages == 0) {
                return;
            }
            assert!(Instant::now() < deadline, "{lag:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Rows of events, and different ids among them.
    pub async fn stored(&self) -> (u64, u64) {
        let sql = "SELECT count(), uniqExact(tenant, id) FROM events";
        let rows = self.world.store.query(Sql::new(sql)).await.expect("the store answers");
        let number = |column: usize| rows[0].column(column).as_primitive::<UInt64Type>().value(0);
        (number(0), number(1))
    }

    pub async fn count(&self, sql: &'static str) -> u64 {
        let rows = self.world.store.query(Sql::new(sql)).await.expect("the store answers");
        rows.first().map_or(0, |batch| batch.column(0).as_primitive::<UInt64Type>().value(0))
    }

    pub async fn post(&self, events: &[Value]) -> (StatusCode, Value) {
        self.world.post_events(&self.world.service(), None, lines(events)).await
    }

    /// Posts and returns status and `Retry-After`.
    pub async fn post_for_retry(&self, events: &[Value]) -> (StatusCode, Option<String>, String) {
        let request = Request::post("/v1/events")
            .header("authorization", format!("Bearer {}", self.world.service()))
            .body(Body::from(lines(events)))
            .unwrap();
        let response = tower::ServiceExt::oneshot(self.world.router.clone(), request).await.unwrap();
        let retry = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status();
        let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        (status, retry, String::from_utf8_lossy(&body).into_owned())
    }
}

pub fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

/// Messages of clients with these numbers, of the house's own day.
pub fn messages(numbers: std::ops::Range<u32>) -> Vec<Value> {
    messages_before(2_061_637_200_000, numbers)
}

/// The same within the hour before an instant.
pub fn messages_before(end: i64, numbers: std::ops::Range<u32>) -> Vec<Value> {
    let at = |number: u32| end - 3_600_000 + i64::from(number);
    let event = |number: u32| {
        json!({"id": format!("e{number}"), "kind": "message.received", "at": at(number), "channel": "VK", "account": "a",
            "chat": format!("c{}", number % 7), "message": number.to_string()})
    };
    numbers.map(event).collect()
}
