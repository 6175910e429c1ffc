//! What there is at all: the rows that name what a filter can be set to.
//!
//! No family of the API: the filter pickers ask it, with scope and filter as any other question has them.

use super::delivery::OUTBOUND;
use super::facts::{CLIENT_MESSAGES, MESSAGES};
use super::{Family, Measure, Metric, Sees, Unit};

pub static SEEN: Family = Family {
    name: "seen",
    type_name: "Seen",
    definition: "Messages in both directions, and when the last was.",
    fact: &MESSAGES,
    cohort: OUTBOUND,
    sees: Sees::Everything,
    settle_ms: |_| 0,
    checks: &[],
    histogram: None,
    arguments: &[],
    metrics: &[
        Metric { name: "sent", what: "Outbound messages", measure: Measure::Count { rows: "known" }, ..Metric::PLAIN },
        Metric {
            name: "sentAt",
            what: "When the last outbound message was sent",
            measure: Measure::Aggregate { sql: "maxOrNullIf(at, known)", rows: "known", unit: Unit::Instant },
            ..Metric::PLAIN
        },
        Metric {
            name: "received",
            what: "Client messages",
            fact: &CLIENT_MESSAGES,
            measure: Measure::Count { rows: "true" },
            ..Metric::PLAIN
        },
        Metric {
            name: "receivedAt",
            what: "When a client wrote last",
            fact: &CLIENT_MESSAGES,
            measure: Measure::Aggregate { sql: "maxOrNull(at)", rows: "true", unit: Unit::Instant },
            ..Metric::PLAIN
        },
    ],
};
