//! Reads: are outbound messages read, and do they get any reaction.

use super::delivery::{ORPHANS, OUTBOUND};
use super::facts::{ENGAGEMENTS, MESSAGES};
use super::{Argument, Family, Measure, Metric, STATUS_SETTLE_MS, Sees};
use crate::model::Signal;

pub static READS: Family = Family {
    name: "reads",
    type_name: "Reads",
    definition: "Whether outbound messages are read. With `withinHours`, only reads that many hours after sending count.",
    fact: &MESSAGES,
    cohort: OUTBOUND,
    sees: Sees::Signals(&[Signal::Read]),
    settle_ms: |_| STATUS_SETTLE_MS,
    checks: &[ORPHANS],
    histogram: None,
    arguments: &[Argument::WithinHours],
    metrics: &[
        Metric {
            name: "ofSent",
            what: "Read messages",
            over: "outbound messages, on channels that report reads",
            measure: Measure::Share { rows: "known AND sees_read AND read_in_time", of: "known AND sees_read" },
            needs: Some(Signal::Read),
            ..Metric::PLAIN
        },
        Metric {
            name: "ofDelivered",
            what: "Read messages",
            over: "delivered messages, on channels that report both",
            measure: Measure::Share {
                rows: "known AND sees_read AND sees_delivered AND read_in_time",
                of: "known AND sees_read AND sees_delivered AND delivered_ms > 0",
            },
            needs: Some(Signal::Read),
            ..Metric::PLAIN
        },
        Metric {
            name: "read",
            what: "Outbound messages read, on channels that report reads",
            measure: Measure::Count { rows: "known AND sees_read AND read_in_time" },
            needs: Some(Signal::Read),
            ..Metric::PLAIN
        },
        Metric {
            name: "engagedRate",
            what: "Messages after which the contact wrote, clicked, pressed a button or reacted in the chat within 24 hours",
            over: "accepted outbound messages",
            note: "It compares all channels, also those that report no reads; `withinHours` does not change it.",
            fact: &ENGAGEMENTS,
            measure: Measure::Share { rows: "engaged", of: "true" },
            ..Metric::PLAIN
        },
    ],
};
