//! How long the engine takes, counted, for whoever watches the server. Tables are the only names in it.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::StoreError;

/// The counters of one store. Cloning gives another handle.
#[derive(Clone, Debug)]
pub struct Meters {
    queries: Family<Query, Histogram, fn() -> Histogram>,
    inserts: Family<Insert, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Query {
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Outcome {
    Answered,
    TimedOut,
    Busy,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Insert {
    table: &'static str,
}

/// 1 ms to 16 s: a query may take 10.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 15))
}

impl Default for Meters {
    fn default() -> Self {
        Self { queries: Family::new_with_constructor(seconds), inserts: Family::new_with_constructor(seconds) }
    }
}

impl Meters {
    /// With the time of waiting for a connection: that is what a client feels.
    pub(super) fn note_query<T>(&self, answer: &Result<T, StoreError>, took: Duration) {
        let outcome = match answer {
            Ok(_) => Outcome::Answered,
            Err(StoreError::TimedOut { .. }) => Outcome::TimedOut,
            Err(StoreError::Busy { .. }) => Outcome::Busy,
            Err(_) => Outcome::Failed,
        };
        self.queries.get_or_create(&Query { outcome }).observe(took.as_secs_f64());
    }

    pub(super) fn note_insert(&self, table: &'static str, took: Duration) {
        self.inserts.get_or_create(&Insert { table }).observe(took.as_secs_f64());
    }

    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "engine_query_seconds",
            "Reading statements, with waiting for a connection",
            self.queries.clone(),
        );
        registry.register("engine_insert_seconds", "Inserts, with waiting for their turn", self.inserts.clone());
    }
}
