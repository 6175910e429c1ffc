//! Delivery: do outbound messages arrive, and why not.

use super::facts::MESSAGES;
use super::{Family, Measure, Metric, STATUS_SETTLE_MS};
use crate::model::Signal;

pub static DELIVERY: Family = Family {
    name: "delivery",
    type_name: "Delivery",
    definition: "Whether outbound messages arrive. A message counts at the time it was sent, else accepted, else failed.",
    fact: &MESSAGES,
    cohort: "known",
    signal: Signal::Delivered,
    settle_ms: STATUS_SETTLE_MS,
    metrics: &[
        Metric {
            name: "rate",
            definition: "Delivered messages over outbound messages accepted, sent or failed, on channels that report \
                         delivery.",
            fact: &MESSAGES,
            measure: Measure::Share {
                rows: "known AND sees_delivered AND delivered_ms > 0",
                of: "known AND sees_delivered",
            },
            needs: Some(Signal::Delivered),
        },
        Metric {
            name: "outbound",
            definition: "Outbound messages accepted, sent or failed, on every channel.",
            fact: &MESSAGES,
            measure: Measure::Count { rows: "known" },
            needs: None,
        },
        Metric {
            name: "delivered",
            definition: "Outbound messages delivered, or read (which implies delivered), on channels that report \
                         delivery.",
            fact: &MESSAGES,
            measure: Measure::Count { rows: "known AND sees_delivered AND delivered_ms > 0" },
            needs: Some(Signal::Delivered),
        },
        Metric {
            name: "failed",
            definition: "Outbound messages that failed and were never delivered, and those without any status 72 hours \
                         after sending on channels that report delivery (reason NO_STATUS).",
            fact: &MESSAGES,
            measure: Measure::Count { rows: "known AND reason != ''" },
            needs: None,
        },
        Metric {
            name: "pending",
            definition: "Outbound messages younger than 72 hours that are neither delivered nor failed, on channels \
                         that report delivery.",
            fact: &MESSAGES,
            measure: Measure::Count {
                rows: "known AND sees_delivered AND delivered_ms = 0 AND NOT failed AND NOT settled",
            },
            needs: Some(Signal::Delivered),
        },
        Metric {
            name: "acceptanceRate",
            definition: "Share of outbound messages that the channel accepted for sending.",
            fact: &MESSAGES,
            measure: Measure::Share { rows: "known AND accepted", of: "known" },
            needs: None,
        },
        Metric {
            name: "addressableRate",
            definition: "Share of outbound messages whose recipient can be addressed: they did not fail for the \
                         reasons RECIPIENT or OPT_OUT.",
            fact: &MESSAGES,
            measure: Measure::Share { rows: "known AND reason NOT IN ('RECIPIENT', 'OPT_OUT')", of: "known" },
            needs: None,
        },
        Metric {
            name: "failedAfterDelivered",
            definition: "Outbound messages with a failure although they were delivered: an anomaly of the channel that \
                         is counted here and nowhere else.",
            fact: &MESSAGES,
            measure: Measure::Count { rows: "known AND failed_after_delivered" },
            needs: None,
        },
        Metric {
            name: "orphanStatuses",
            definition: "Messages of which only a delivered or read status is known so far. They join the other \
                         figures when the message itself is reported.",
            fact: &MESSAGES,
            measure: Measure::Count { rows: "NOT known" },
            needs: None,
        },
    ],
};
