//! Activity: how much clients write, and when.

use super::facts::CLIENT_MESSAGES;
use super::{Family, Measure, Metric};
use crate::model::Signal;

pub static ACTIVITY: Family = Family {
    name: "activity",
    type_name: "Activity",
    definition: "How much clients write, and when. A client message belongs to the operator who answers its turn, else \
                 to the assignee at that time, else to nobody.",
    fact: &CLIENT_MESSAGES,
    cohort: "true",
    signal: Signal::Inbound,
    settle_ms: 0,
    metrics: &[
        Metric {
            name: "messages",
            definition: "Messages that clients wrote.",
            fact: &CLIENT_MESSAGES,
            measure: Measure::Count { rows: "true" },
            needs: None,
        },
        Metric {
            name: "turns",
            definition: "Turns that began: runs of client messages of one dialog cycle with no public business message \
                         in between, each at its first message.",
            fact: &CLIENT_MESSAGES,
            measure: Measure::Count { rows: "starts_turn" },
            needs: None,
        },
    ],
};
