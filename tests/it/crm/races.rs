//! Two processes that share a store and hear of one deal at the same time.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use rapport::ingest::Ingest;
use rapport::store::{Sharing, StoreError};
use serde_json::json;
use tokio::sync::watch;

use super::book::{desk, tell};
use super::{Desk, worth};
use crate::engine::FixedClock;
use crate::hindered::{After, Call, Hindered, Hindrance, free};

/// Where the writer of events stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    /// Who comes waits.
    Shut,
    /// Somebody waits.
    Waiting,
}

/// The store as a process among several has it; what it writes of events waits at a gate.
struct Shared {
    name: &'static str,
    gate: watch::Sender<Gate>,
}

impl Shared {
    fn of(name: &'static str, gate: Gate) -> Arc<Self> {
        Arc::new(Self { name, gate: watch::channel(gate).0 })
    }
}

impl Hindrance for Shared {
    fn meet(self: Arc<Self>, call: Call<'_>) -> BoxFuture<'static, Result<After, StoreError>> {
        if !matches!(call, Call::Insert("inbox", _)) {
            return free();
        }
        Box::pin(async move {
            self.gate.send_if_modified(|gate| {
                let is_shut = *gate == Gate::Shut;
                if is_shut {
                    *gate = Gate::Waiting;
                }
                is_shut
            });
            self.gate.subscribe().wait_for(|gate| *gate == Gate::Open).await.unwrap();
            free().await
        })
    }

    fn sharing(&self, _: Sharing) -> Sharing {
        Sharing::Shared { name: self.name.to_owned() }
    }
}

#[tokio::test]
async fn two_processes_that_hear_of_one_deal_at_the_same_time_record_it_once() {
    let desk = desk().await;
    let (slow, quick) = (Shared::of("slow", Gate::Shut), Shared::of("quick", Gate::Open));
    let over = |process: &Arc<Shared>| {
        let store = Hindered::new(desk.world.store.clone(), Arc::clone(process));
        Ingest::new(store, Arc::new(FixedClock(desk.world.now)))
    };
    let (first, second) = (over(&slow), over(&quick));
    let body = |at: &str, amount: &str| json!([{"deal": 7, "at": at, "stage": "won", "amount": amount}]).to_string();
    let (dear, cheap) = (body("11T09:00:00", "7"), body("11T09:30:00", "5"));
    let payload = |body| rapport::ingest::connector::Payload {
        body,
        content_type: "application/json",
        received_at: crate::world::instant("2026-03-20T00:00:00Z"),
    };
    let held = first.receive(&desk.connection, payload(dear.as_bytes()));
    let other = async {
        // The first has read what is told and recorded, and is about to record.
        slow.gate.subscribe().wait_for(|gate| *gate == Gate::Waiting).await.unwrap();
        second.receive(&desk.connection, payload(cheap.as_bytes())).await.unwrap();
        slow.gate.send_replace(Gate::Open);
    };
    let (held, ()) = tokio::join!(held, other);
    held.unwrap();
    assert_eq!(desk.converted().await, worth(1, Some("5"), Some("EUR")));
    // Nothing is left to do.
    let desk = Desk { ingest: first, ..desk };
    assert_eq!(tell(&desk, &serde_json::from_str(&dear).unwrap()).await, (0, None));
}
