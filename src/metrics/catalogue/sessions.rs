//! Sessions: how long people talk at a time.

use super::facts::SESSIONS as FACT;
use super::{Argument, Cohort, Family, Histogram, Measure, Metric, Sees, Unit};

const TALKS: &str = "messages > 1";

const fn of_talks(name: &'static str, what: &'static str, measure: Measure) -> Metric {
    Metric { name, what, fact: &FACT, measure, ..Metric::PLAIN }
}

pub static SESSIONS: Family = Family {
    name: "sessions",
    type_name: "Sessions",
    definition: "How long people talk at a time: runs of client, operator and bot messages of a dialog whose gaps are at \
                 most `inactivityMinutes`, from the first message to the last. A session counts at its start.",
    fact: &FACT,
    cohort: Cohort { rows: "true", distinct: None, called: "sessions", time: "when the session started" },
    sees: Sees::Everything,
    settle_ms: |_| 0,
    checks: &[],
    histogram: Some(Histogram {
        value: "duration_ms",
        rows: TALKS,
        unit: Unit::Seconds,
        bounds: &[60.0, 300.0, 900.0, 1_800.0, 3_600.0],
    }),
    arguments: &[Argument::InactivityMinutes, Argument::Bounds],
    metrics: &[
        of_talks(
            "p50Seconds",
            "The duration that half of the sessions of two messages or more do not exceed",
            Measure::Quantile { level: "0.5", value: "duration_ms", rows: TALKS, unit: Unit::Seconds },
        ),
        of_talks(
            "p90Seconds",
            "The duration that 90 % of the sessions of two messages or more do not exceed",
            Measure::Quantile { level: "0.9", value: "duration_ms", rows: TALKS, unit: Unit::Seconds },
        ),
        of_talks(
            "meanSeconds",
            "The mean duration of sessions of two messages or more",
            Measure::Mean { value: "duration_ms", rows: TALKS, unit: Unit::Seconds },
        ),
        of_talks("sessions", "Sessions of two messages or more", Measure::Count { rows: TALKS }),
        of_talks(
            "singleMessageSessions",
            "Sessions of one message, which have no duration",
            Measure::Count { rows: "messages = 1" },
        ),
    ],
};
