//! Activity: how much clients write, and when.

use super::facts::CLIENT_MESSAGES;
use super::{Cohort, Family, Measure, Metric, Sees};

/// What families of client messages have as their population.
pub const WRITTEN: Cohort =
    Cohort { rows: "true", distinct: None, called: "client messages", time: "when the client wrote the message" };

pub static ACTIVITY: Family = Family {
    name: "activity",
    type_name: "Activity",
    definition: "How much clients write, and when. A client message belongs to the operator who answers its turn, else \
                 to the assignee at that time, else to nobody.",
    fact: &CLIENT_MESSAGES,
    cohort: WRITTEN,
    sees: Sees::Everything,
    settle_ms: |_| 0,
    checks: &[],
    histogram: None,
    arguments: &[],
    metrics: &[
        Metric {
            name: "messages",
            what: "Messages that clients wrote",
            fact: &CLIENT_MESSAGES,
            measure: Measure::Count { rows: "true" },
            ..Metric::PLAIN
        },
        Metric {
            name: "turns",
            what: "Turns that began: runs of client messages of one dialog cycle with no public business message in \
                   between, each at its first message",
            fact: &CLIENT_MESSAGES,
            measure: Measure::Count { rows: "starts_turn" },
            ..Metric::PLAIN
        },
    ],
};
