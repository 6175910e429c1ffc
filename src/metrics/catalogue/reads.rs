//! Reads: are outbound messages read, and do they get any reaction.

use super::facts::{ENGAGEMENTS, MESSAGES};
use super::{Family, Measure, Metric, STATUS_SETTLE_MS};
use crate::model::Signal;

pub static READS: Family = Family {
    name: "reads",
    type_name: "Reads",
    definition: "Whether outbound messages are read. With `withinHours`, only reads that many hours after sending count.",
    fact: &MESSAGES,
    cohort: "known",
    signal: Signal::Read,
    settle_ms: STATUS_SETTLE_MS,
    metrics: &[
        Metric {
            name: "ofSent",
            definition: "Read messages over outbound messages, on channels that report reads.",
            fact: &MESSAGES,
            measure: Measure::Share { rows: "known AND sees_read AND read_in_time", of: "known AND sees_read" },
            needs: Some(Signal::Read),
        },
        Metric {
            name: "ofDelivered",
            definition: "Read messages over delivered messages, on channels that report both.",
            fact: &MESSAGES,
            measure: Measure::Share {
                rows: "known AND sees_read AND sees_delivered AND read_in_time",
                of: "known AND sees_read AND sees_delivered AND delivered_ms > 0",
            },
            needs: Some(Signal::Read),
        },
        Metric {
            name: "read",
            definition: "Outbound messages read, on channels that report reads.",
            fact: &MESSAGES,
            measure: Measure::Count { rows: "known AND sees_read AND read_in_time" },
            needs: Some(Signal::Read),
        },
        Metric {
            name: "engagedRate",
            definition: "Share of accepted outbound messages after which the contact wrote, clicked, pressed a button \
                         or reacted in the chat within 24 hours. It compares all channels, also those that report no \
                         reads; `withinHours` does not change it.",
            fact: &ENGAGEMENTS,
            measure: Measure::Share { rows: "engaged", of: "true" },
            needs: None,
        },
    ],
};
