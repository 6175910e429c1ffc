//! Delivery: do outbound messages arrive, and why not.

use super::facts::MESSAGES;
use super::{Check, Cohort, Family, Measure, Metric, STATUS_SETTLE_MS, Sees};
use crate::model::Signal;

/// What both families of outbound messages have as their population.
pub const OUTBOUND: Cohort = Cohort {
    rows: "known",
    distinct: None,
    called: "messages",
    time: "when the message was sent, else accepted, else failed",
};

pub const ORPHANS: Check = Check {
    code: "ORPHAN_STATUSES",
    count: "countIf(NOT known)",
    message: |count| {
        format!("{count} messages are known only by a status; they count when the message itself is reported.")
    },
    about: &[],
    lowers_to: None,
};

pub static DELIVERY: Family = Family {
    name: "delivery",
    type_name: "Delivery",
    definition: "Whether outbound messages arrive. A message counts at the time it was sent, else accepted, else failed.",
    fact: &MESSAGES,
    cohort: OUTBOUND,
    sees: Sees::Signals(&[Signal::Delivered]),
    settle_ms: |_| STATUS_SETTLE_MS,
    checks: &[ORPHANS],
    histogram: None,
    arguments: &[],
    metrics: &[
        Metric {
            name: "rate",
            what: "Delivered messages",
            over: "outbound messages accepted, sent or failed, on channels that report delivery",
            measure: Measure::Share {
                rows: "known AND sees_delivered AND delivered_ms > 0",
                of: "known AND sees_delivered",
            },
            needs: Some(Signal::Delivered),
            ..Metric::PLAIN
        },
        Metric {
            name: "outbound",
            what: "Outbound messages accepted, sent or failed, on every channel",
            measure: Measure::Count { rows: "known" },
            ..Metric::PLAIN
        },
        Metric {
            name: "delivered",
            what: "Outbound messages delivered, or read (which implies delivered), on channels that report delivery",
            measure: Measure::Count { rows: "known AND sees_delivered AND delivered_ms > 0" },
            needs: Some(Signal::Delivered),
            ..Metric::PLAIN
        },
        Metric {
            name: "failed",
            what: "Outbound messages that failed and were never delivered, and those without any status 72 hours after \
                   sending on channels that report delivery (reason NO_STATUS)",
            measure: Measure::Count { rows: "known AND reason != ''" },
            ..Metric::PLAIN
        },
        Metric {
            name: "pending",
            what: "Outbound messages younger than 72 hours that are neither delivered nor failed, on channels that \
                   report delivery",
            measure: Measure::Count {
                rows: "known AND sees_delivered AND delivered_ms = 0 AND NOT failed AND NOT settled",
            },
            needs: Some(Signal::Delivered),
            ..Metric::PLAIN
        },
        Metric {
            name: "acceptanceRate",
            what: "Messages that the channel accepted for sending",
            over: "outbound messages accepted, sent or failed",
            measure: Measure::Share { rows: "known AND accepted", of: "known" },
            ..Metric::PLAIN
        },
        Metric {
            name: "addressableRate",
            what: "Messages whose recipient can be addressed: they did not fail for the reasons RECIPIENT or OPT_OUT",
            over: "outbound messages accepted, sent or failed",
            measure: Measure::Share { rows: "known AND reason NOT IN ('RECIPIENT', 'OPT_OUT')", of: "known" },
            ..Metric::PLAIN
        },
        Metric {
            name: "failedAfterDelivered",
            what: "Outbound messages with a failure although they were delivered",
            note: "An anomaly of the channel that is counted here and nowhere else.",
            measure: Measure::Count { rows: "known AND failed_after_delivered" },
            ..Metric::PLAIN
        },
        Metric {
            name: "orphanStatuses",
            what: "Messages of which only a delivered or read status is known so far",
            note: "They join the other figures when the message itself is reported.",
            measure: Measure::Count { rows: "NOT known" },
            ..Metric::PLAIN
        },
    ],
};
