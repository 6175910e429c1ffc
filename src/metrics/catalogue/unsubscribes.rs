//! Unsubscribes: who leaves.

use super::facts::REACH;
use super::{Check, Cohort, Family, Measure, Metric, Sees, Unit};
use crate::model::{Level, Signal};

const EXPOSED: &str = "what = 'EXPOSED'";
const LEFT: &str = "what = 'LEFT'";

const fn of_contacts(name: &'static str, what: &'static str, measure: Measure) -> Metric {
    Metric { name, what, fact: &REACH, measure, ..Metric::PLAIN }
}

pub static UNSUBSCRIBES: Family = Family {
    name: "unsubscribes",
    type_name: "Unsubscribes",
    definition: "Who leaves: contacts that unsubscribe, block or stop the sender, beside those reached in the same period. \
                 Contacts that are one person count once. Leaving belongs to the last outbound message to the contact at most 72 hours before it.",
    fact: &REACH,
    cohort: Cohort {
        rows: EXPOSED,
        distinct: Some("contact_key"),
        called: "contacts",
        time: "when the message to the contact was sent, when the contact left",
    },
    sees: Sees::Signals(&[Signal::OptedOut, Signal::Blocked]),
    settle_ms: |_| 0,
    checks: &[Check {
        code: "SEEN_BY_FAILURE",
        count: "uniqExactIf(contact_key, what = 'LEFT' AND by_failure = 1)",
        message: |count| {
            format!("Contacts known to have left only by a message that failed: {count}. They count at that time.")
        },
        about: &[],
        lowers_to: Some(Level::Approximate),
    }],
    histogram: None,
    arguments: &[],
    metrics: &[
        Metric {
            over: "contacts reached: at least one outbound message was accepted or delivered in the period",
            note: "Above 1 where contacts leave that were not reached in the period: take periods as long as your broadcasts.",
            ..of_contacts(
                "rate",
                "Contacts that left",
                Measure::DistinctShare { key: "contact_key", rows: LEFT, of: EXPOSED },
            )
        },
        of_contacts(
            "unsubscribed",
            "Contacts that unsubscribed, blocked or stopped the sender",
            Measure::Distinct { key: "contact_key", rows: LEFT },
        ),
        of_contacts(
            "netUnsubscribed",
            "Contacts that left and have not come back since",
            Measure::Distinct { key: "contact_key", rows: "what = 'LEFT' AND is_back = 0" },
        ),
        of_contacts(
            "exposed",
            "Contacts to whom at least one outbound message was accepted or delivered in the period",
            Measure::Distinct { key: "contact_key", rows: EXPOSED },
        ),
        Metric {
            over: "contacts reached on channels that report it",
            note: "A mute is no unsubscribe.",
            needs: Some(Signal::Muted),
            ..of_contacts(
                "muteRate",
                "Contacts that switched notifications off",
                Measure::DistinctShare {
                    key: "contact_key",
                    rows: "what = 'MUTED' AND sees_muted",
                    of: "what = 'EXPOSED' AND sees_muted",
                },
            )
        },
        Metric {
            needs: Some(Signal::Muted),
            ..of_contacts(
                "muted",
                "Contacts that switched notifications off, on channels that report it",
                Measure::Aggregate { sql: MUTED, rows: "what = 'MUTED' AND sees_muted", unit: Unit::Distinct },
            )
        },
    ],
};

/// Unknown where contacts were reached and no channel of theirs could tell.
const MUTED: &str = "if(countIf(what = 'EXPOSED') > 0 AND countIf(what = 'EXPOSED' AND sees_muted) = 0, NULL, \
                     uniqExactIf(contact_key, what = 'MUTED' AND sees_muted))";
