//! Satisfaction: what clients answer when they are asked for a rating (CSAT).

use super::facts::SURVEYS;
use super::measure::End;
use super::{Argument, Check, Cohort, Family, Histogram, Measure, Metric, Sees, Unit};
use crate::model::clock::DAY_MS;

const fn of_ratings(name: &'static str, what: &'static str, measure: Measure) -> Metric {
    Metric { name, what, fact: &SURVEYS, measure, ..Metric::PLAIN }
}

pub static SATISFACTION: Family = Family {
    name: "satisfaction",
    type_name: "Satisfaction",
    definition: "What clients answer when they are asked for a rating. A survey has one rating: the last within 7 days. It \
                 counts at the time it was sent and belongs to the operator who wrote last before it in the dialog; a \
                 dialog that only a bot held has none.",
    fact: &SURVEYS,
    cohort: Cohort {
        rows: "true",
        distinct: None,
        called: "surveys",
        time: "when the survey was sent, else when it was first rated",
    },
    sees: Sees::Everything,
    settle_ms: |_| 7 * DAY_MS,
    checks: &[
        Check {
            code: "SMALL_SAMPLE",
            count: "if(countIf(is_rated) < 10, countIf(is_rated), 0)",
            message: |count| format!("There are {count} ratings: shares and means of fewer than 10 say little."),
            about: &[],
            lowers_to: None,
        },
        Check {
            code: "MIXED_SCALES",
            count: MIXED_SCALES,
            message: |count| {
                format!("Ratings are on {count} different scales: `meanScore` is null, `normalisedMean` compares them.")
            },
            about: &[],
            lowers_to: None,
        },
        Check {
            code: "RATINGS_WITHOUT_SURVEY",
            count: "countIf(is_rated AND NOT is_sent)",
            message: |count| {
                format!(
                    "{count} ratings are of surveys of which no `survey.sent` is known: they count at their own time, \
                     and `responseRate` leaves them out."
                )
            },
            about: &[],
            lowers_to: None,
        },
    ],
    histogram: Some(Histogram {
        value: "score",
        rows: "is_rated",
        unit: Unit::Mean,
        bounds: &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0],
    }),
    arguments: &[Argument::Bounds],
    metrics: &[
        Metric {
            over: "ratings",
            note: "Satisfied are 4 and 5 of 5 points, 3 of 3, 2 of 2, 9 and 10 of 10.",
            ..of_ratings("satisfiedShare", "Satisfied ratings", Measure::Share { rows: "is_satisfied", of: "is_rated" })
        },
        of_ratings(
            "satisfiedLow",
            "The lower end of the Wilson interval at 95 % of `satisfiedShare`",
            Measure::Wilson { end: End::Low, rows: "is_satisfied", of: "is_rated" },
        ),
        of_ratings(
            "satisfiedHigh",
            "The upper end of the Wilson interval at 95 % of `satisfiedShare`",
            Measure::Wilson { end: End::High, rows: "is_satisfied", of: "is_rated" },
        ),
        Metric {
            note: "Null when the ratings are on different scales.",
            ..of_ratings(
                "meanScore",
                "The mean rating, on its own scale",
                Measure::Aggregate { sql: MEAN_SCORE, rows: "is_rated", unit: Unit::Mean },
            )
        },
        of_ratings(
            "normalisedMean",
            "The mean of ratings brought to 0 (worst) to 1 (best), whatever their scales",
            Measure::Mean { value: "normal_score", rows: "is_rated", unit: Unit::Mean },
        ),
        of_ratings("rated", "Surveys with a rating", Measure::Count { rows: "is_rated" }),
        of_ratings("surveyed", "Surveys that were sent", Measure::Count { rows: "is_sent" }),
        Metric {
            over: "surveys that were sent",
            ..of_ratings(
                "responseRate",
                "Surveys that were sent and rated",
                Measure::Share { rows: "is_sent AND is_rated", of: "is_sent" },
            )
        },
    ],
};

const MIXED_SCALES: &str = "if(uniqExactIf(scale, is_rated) > 1, uniqExactIf(scale, is_rated), 0)";
const MEAN_SCORE: &str = "if(uniqExactIf(scale, is_rated) = 1, sumIf(score, is_rated) / countIf(is_rated), NULL)";
