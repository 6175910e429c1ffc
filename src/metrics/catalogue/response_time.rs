//! Response time: how long clients wait for an answer.

use super::facts::TURNS;
use super::{Argument, Check, Cohort, Family, Histogram, Measure, Metric, Sees, Unit};

/// Somebody wrote of whom it is not told whether it was a person: the answer may be there and not be known as one.
pub const UNKNOWN_AUTHORS: Check = Check {
    code: "UNKNOWN_AUTHORS",
    count: "countIf(of_kind AND follows_unknown)",
    message: |count| {
        format!(
            "After {count} turns the next message has no known author, so it counts as no answer: name `author` or \
             `operator` in the events."
        )
    },
    about: &[],
    lowers_to: None,
};

const ANSWERED: &str = "of_kind AND is_answered";

const fn seconds(name: &'static str, what: &'static str, level: &'static str) -> Metric {
    Metric {
        name,
        what,
        fact: &TURNS,
        measure: Measure::Quantile { level, value: "response_ms", rows: ANSWERED, unit: Unit::Seconds },
        ..Metric::PLAIN
    }
}

pub static RESPONSE_TIME: Family = Family {
    name: "responseTime",
    type_name: "ResponseTime",
    definition: "How long clients wait: from the first message of a turn to the first reply of an operator in the same \
                 dialog cycle. A bot's reply does not stop the clock unless `botStopsClock` says so. A turn counts at \
                 its start and belongs to the operator who answers it, else to the assignee at its start.",
    fact: &TURNS,
    cohort: Cohort { rows: "of_kind", distinct: None, called: "turns", time: "when the turn started" },
    sees: Sees::Everything,
    settle_ms: |_| 0,
    checks: &[UNKNOWN_AUTHORS],
    histogram: Some(Histogram {
        value: "response_ms",
        rows: ANSWERED,
        unit: Unit::Seconds,
        bounds: &[60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0],
    }),
    arguments: &[
        Argument::Kind,
        Argument::BusinessHours,
        Argument::BotStopsClock,
        Argument::TargetSeconds,
        Argument::Bounds,
    ],
    metrics: &[
        seconds("p50Seconds", "The time within which half of the answered turns were answered", "0.5"),
        seconds("p90Seconds", "The time within which 90 % of the answered turns were answered", "0.9"),
        seconds("p95Seconds", "The time within which 95 % of the answered turns were answered", "0.95"),
        seconds("p99Seconds", "The time within which 99 % of the answered turns were answered", "0.99"),
        Metric {
            name: "meanSeconds",
            what: "The mean time to the answer of answered turns",
            fact: &TURNS,
            measure: Measure::Mean { value: "response_ms", rows: ANSWERED, unit: Unit::Seconds },
            ..Metric::PLAIN
        },
        Metric {
            name: "answered",
            what: "Turns that were answered",
            fact: &TURNS,
            measure: Measure::Count { rows: ANSWERED },
            ..Metric::PLAIN
        },
        Metric {
            name: "unanswered",
            what: "Turns without an answer so far, abandoned ones included",
            fact: &TURNS,
            measure: Measure::Count { rows: "of_kind AND NOT is_answered" },
            ..Metric::PLAIN
        },
        Metric {
            name: "abandoned",
            what: "Turns without an answer whose dialog cycle has closed",
            fact: &TURNS,
            measure: Measure::Count { rows: "of_kind AND NOT is_answered AND is_closed" },
            ..Metric::PLAIN
        },
        Metric {
            name: "withinTarget",
            what: "Turns answered within `targetSeconds`",
            over: "answered turns",
            note: "Null without `targetSeconds`.",
            fact: &TURNS,
            measure: Measure::Share { rows: "in_target", of: "of_kind AND is_answered AND has_target = 1" },
            ..Metric::PLAIN
        },
    ],
};
