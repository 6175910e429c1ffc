//! Every metric, once.
//!
//! One struct literal a metric: its GraphQL field, description, SQL and quality derive from it. Conditions are SQL
//! over the columns of the fact and its derived columns (see [`facts`]); nothing a user sends is ever part of them.

pub mod active_dialogs;
pub mod activity;
pub mod automation;
pub mod conversion;
pub mod delivery;
pub mod dimension;
pub mod facts;
pub mod index;
pub mod measure;
pub mod reads;
pub mod record;
pub mod response_time;
pub mod satisfaction;
pub mod seen;
pub mod sessions;
pub mod sight;
pub mod unsubscribes;

pub use dimension::Dimension;
pub use facts::Fact;
pub use index::{ENTRIES, Entry};
pub use measure::{Measure, Unit};
pub use record::{Column, ColumnKind, Record, RecordKind};
pub use sight::Sees;

use crate::model::{Level, Readers, Signal};

use super::terms::Terms;

/// A group of metrics that share a population, and a field of `analytics`.
#[derive(Debug)]
pub struct Family {
    /// The GraphQL field, for example `delivery`.
    pub name: &'static str,
    /// The stem of its GraphQL types, for example `Delivery`.
    pub type_name: &'static str,
    pub definition: &'static str,
    /// The fact that holds the family's cohort; quality is computed on it.
    pub fact: &'static Fact,
    /// Which rows of the fact are the cohort, and what of them is counted.
    pub cohort: Cohort,
    /// How well the rows of the cohort are known.
    pub sees: Sees,
    /// How long after its cohort time a row can still change, in milliseconds.
    pub settle_ms: fn(&Terms) -> i64,
    /// What a reader of the numbers should be told.
    pub checks: &'static [Check],
    /// The measured value whose distribution can be asked for.
    pub histogram: Option<Histogram>,
    /// The arguments of the GraphQL field.
    pub arguments: &'static [Argument],
    pub metrics: &'static [Metric],
}

/// The population of a family.
#[derive(Debug)]
pub struct Cohort {
    /// Its rows among the rows of the fact.
    pub rows: &'static str,
    /// What is counted of them; `None`: rows.
    pub distinct: Option<&'static str>,
    /// In the plural, for people: "messages".
    pub called: &'static str,
    /// The time at which a row counts, for people.
    pub time: &'static str,
}

/// One number.
#[derive(Debug)]
pub struct Metric {
    /// The GraphQL field.
    pub name: &'static str,
    /// What is counted or measured; of a share, what stands above the line.
    pub what: &'static str,
    /// Of a share, what stands below the line; else empty.
    pub over: &'static str,
    /// What else one must know, in whole sentences.
    pub note: &'static str,
    pub fact: &'static Fact,
    pub measure: Measure,
    /// The signal without which the number is unknown rather than zero.
    pub needs: Option<Signal>,
    /// Dimensions of the fact by which this number cannot be divided, because it would lose what it is a share of.
    pub not_by: &'static [Dimension],
    pub readers: Readers,
}

/// A condition that deserves a warning.
#[derive(Debug)]
pub struct Check {
    pub code: &'static str,
    /// An aggregate over the fact's rows; the warning is given when it is above 0.
    pub count: &'static str,
    pub message: fn(u64) -> String,
    /// The metrics that it is about: nobody else is told. Empty: everybody.
    pub about: &'static [&'static str],
    /// The level at which the values stand at best when the condition holds.
    pub lowers_to: Option<Level>,
}

/// A value whose rows can be counted in bins.
#[derive(Debug)]
pub struct Histogram {
    pub value: &'static str,
    pub rows: &'static str,
    pub unit: Unit,
    pub bounds: &'static [f64],
}

/// An argument of a family's field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    WithinHours,
    Kind,
    BusinessHours,
    BotStopsClock,
    TargetSeconds,
    InactivityMinutes,
    WindowDays,
    Attribution,
    Actions,
    Bounds,
}

impl Metric {
    /// What every metric has that says nothing else.
    pub const PLAIN: Metric = Metric {
        name: "",
        what: "",
        over: "",
        note: "",
        fact: &facts::MESSAGES,
        measure: Measure::Count { rows: "true" },
        needs: None,
        not_by: &[],
        readers: Readers::Everyone,
    };

    /// The number's meaning in a sentence or two: the schema's description.
    pub fn definition(&self) -> String {
        let mut text = self.what.to_owned();
        if !self.over.is_empty() {
            text.push_str(" over ");
            text.push_str(self.over);
        }
        text.push('.');
        if !self.note.is_empty() {
            text.push(' ');
            text.push_str(self.note);
        }
        text.push_str(self.readers.told());
        text
    }

    pub fn unit(&self) -> Unit {
        self.measure.unit()
    }

    /// Whether it can be divided by the dimension.
    pub fn divides_by(&self, dimension: Dimension) -> bool {
        self.fact.dimensions.contains(&dimension) && !self.not_by.contains(&dimension)
    }
}

impl Family {
    pub fn metric(&self, name: &str) -> Option<&'static Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    pub fn takes(&self, argument: Argument) -> bool {
        self.arguments.contains(&argument)
    }

    /// What its population can be divided by; some of its metrics by less.
    pub fn dimensions(&self) -> &'static [Dimension] {
        self.fact.dimensions
    }
}

/// Statuses settle within 72 hours: later ones still count, but few come.
pub const STATUS_SETTLE_MS: i64 = 72 * 3_600_000;

/// All families, in the order of the API.
pub static FAMILIES: [&Family; 10] = [
    &delivery::DELIVERY,
    &reads::READS,
    &response_time::RESPONSE_TIME,
    &active_dialogs::ACTIVE_DIALOGS,
    &satisfaction::SATISFACTION,
    &conversion::CONVERSION,
    &automation::AUTOMATION,
    &sessions::SESSIONS,
    &activity::ACTIVITY,
    &unsubscribes::UNSUBSCRIBES,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_camel_case_and_unique_and_definitions_are_sentences() {
        for family in FAMILIES {
            let mut names = std::collections::HashSet::new();
            for metric in family.metrics {
                assert!(names.insert(metric.name), "{} twice in {}", metric.name, family.name);
                assert!(metric.name.chars().all(|c| c.is_ascii_alphanumeric()), "{}", metric.name);
                assert!(metric.name.starts_with(|c: char| c.is_ascii_lowercase()), "{}", metric.name);
                assert!(metric.what.starts_with(|c: char| c.is_ascii_uppercase()), "{}", metric.name);
                assert!(!metric.what.ends_with('.') && !metric.over.ends_with('.'), "{}", metric.name);
                assert!(metric.note.is_empty() || metric.note.ends_with('.'), "{}", metric.name);
                let share = matches!(metric.measure, Measure::Share { .. } | Measure::DistinctShare { .. });
                assert_eq!(share, !metric.over.is_empty(), "{}", metric.name);
            }
        }
    }

    #[test]
    fn no_metric_takes_the_name_of_a_field_that_every_metrics_object_has() {
        for family in FAMILIES {
            for name in ["quality", "histogram", "explain", "behind"] {
                assert!(family.metric(name).is_none(), "{name}");
            }
        }
    }
}
