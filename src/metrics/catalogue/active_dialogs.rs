//! Active dialogs: how many are open, at once and at all.

use super::activity::WRITTEN;
use super::facts::{CLIENT_MESSAGES, OPEN_DIALOGS};
use super::{Family, Measure, Metric, Sees, Unit};

pub static ACTIVE_DIALOGS: Family = Family {
    name: "activeDialogs",
    type_name: "ActiveDialogs",
    definition: "How many dialogs are open. A dialog cycle is open from its first message that is no automation, or from \
                 when its source says, until its source closes it, or until 24 hours after its last message where the \
                 source never closes. Only its overlap with the period counts, and no time after the present.",
    fact: &CLIENT_MESSAGES,
    cohort: WRITTEN,
    sees: Sees::Everything,
    settle_ms: |_| 0,
    checks: &[],
    histogram: None,
    arguments: &[],
    metrics: &[
        Metric {
            name: "distinct",
            what: "Different dialogs in which a client wrote in the period",
            fact: &CLIENT_MESSAGES,
            measure: Measure::Distinct { key: "dialog_key", rows: "true" },
            ..Metric::PLAIN
        },
        Metric {
            name: "peak",
            what: "The most dialogs that were open at one time",
            fact: &OPEN_DIALOGS,
            measure: Measure::Aggregate { sql: PEAK, rows: "true", unit: Unit::Distinct },
            ..Metric::PLAIN
        },
        Metric {
            name: "peakAt",
            what: "When the most dialogs were open at one time, the first time if there are several",
            note: "Null when no dialog was open.",
            fact: &OPEN_DIALOGS,
            measure: Measure::Aggregate { sql: PEAK_AT, rows: "true", unit: Unit::Instant },
            ..Metric::PLAIN
        },
        Metric {
            name: "meanConcurrent",
            what: "The mean number of dialogs open at a time, weighted by time",
            fact: &OPEN_DIALOGS,
            measure: Measure::Aggregate { sql: MEAN, rows: "true", unit: Unit::Mean },
            ..Metric::PLAIN
        },
        Metric {
            name: "openNow",
            what: "Dialogs open now, or at the last instant of the period when that is over",
            fact: &OPEN_DIALOGS,
            measure: Measure::Aggregate {
                sql: "countIf(at <= last_instant AND closed_at > last_instant)",
                rows: "at <= last_instant AND closed_at > last_instant",
                unit: Unit::Distinct,
            },
            ..Metric::PLAIN
        },
    ],
};

// Doubled, and the ends one less: a dialog that ends when another begins is not open together with it.
const PEAK: &str = "maxIntersectionsIf(greatest(at, clip_from) * 2, least(closed_at, clip_to) * 2 - 1, at < clip_to)";
const PEAK_AT: &str = "intDiv(maxIntersectionsPositionOrNullIf(greatest(at, clip_from) * 2, \
                       least(closed_at, clip_to) * 2 - 1, at < clip_to), 2)";
const MEAN: &str = "sumIf(least(closed_at, clip_to) - greatest(at, clip_from), at < clip_to) \
                    / nullIf(any(clip_to) - any(clip_from), 0)";
