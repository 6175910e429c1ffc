//! What came in, counted, for whoever watches the server. It holds numbers only, and no tenant's name.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::Receipt;

/// By which way events came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Source {
    Http,
    Webhook,
    File,
    Queue,
}

/// Seconds of what a disk takes part in: 1 ms to 8 s.
pub fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 14))
}

/// The counters of one way into the store. Cloning gives another handle.
#[derive(Clone, Debug)]
pub struct Meters {
    events: Family<Events, Counter>,
    batches: Counter,
    rows: Histogram,
    seconds: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Events {
    source: Source,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Outcome {
    Accepted,
    Duplicate,
    Rejected,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            events: Family::default(),
            batches: Counter::default(),
            // 1 to 262,144 rows.
            rows: Histogram::new(exponential_buckets(1.0, 4.0, 10)),
            seconds: seconds(),
        }
    }
}

impl Meters {
    /// What became of a body, a delivery or a file.
    pub fn count(&self, source: Source, receipt: &Receipt) {
        for (outcome, count) in [
            (Outcome::Accepted, receipt.accepted),
            (Outcome::Duplicate, receipt.duplicates),
            (Outcome::Rejected, receipt.rejected_total),
        ] {
            self.events.get_or_create(&Events { source, outcome }).inc_by(count);
        }
    }

    /// A batch that was written, and how long that took.
    pub fn note_batch(&self, rows: usize, took: Duration) {
        self.batches.inc();
        self.rows.observe(rows as f64);
        self.seconds.observe(took.as_secs_f64());
    }

    pub fn register(&self, registry: &mut Registry) {
        registry.register("ingest_events", "Events that were received, by what became of them", self.events.clone());
        registry.register("ingest_batches", "Batches that were written", self.batches.clone());
        registry.register("ingest_batch_rows", "Rows of a batch", self.rows.clone());
        registry.register("ingest_batch_seconds", "From a batch that is ready to one on disk", self.seconds.clone());
    }
}

/// The counters of deriving. Cloning gives another handle.
#[derive(Clone, Debug)]
pub struct Runs {
    seconds: Histogram,
    failures: Counter,
}

impl Default for Runs {
    fn default() -> Self {
        Self { seconds: seconds(), failures: Counter::default() }
    }
}

impl Runs {
    pub(super) fn note_run(&self, took: Duration) {
        self.seconds.observe(took.as_secs_f64());
    }

    pub(super) fn note_failure(&self) {
        self.failures.inc();
    }

    pub fn register(&self, registry: &mut Registry) {
        registry.register("derivation_run_seconds", "Runs that derive what follows from events", self.seconds.clone());
        registry.register("derivation_failures", "Attempts in the background that failed", self.failures.clone());
    }
}
