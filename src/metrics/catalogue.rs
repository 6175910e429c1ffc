//! Every metric, once.
//!
//! One struct literal a metric: its GraphQL field, description, SQL and quality derive from it. Conditions are SQL
//! over the columns of the fact and its derived columns (see [`facts`]); nothing a user sends is ever part of them.

pub mod activity;
pub mod delivery;
pub mod dimension;
pub mod facts;
pub mod reads;

pub use dimension::Dimension;
pub use facts::Fact;

use crate::model::Signal;

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
    /// Which rows of the fact are the cohort.
    pub cohort: &'static str,
    /// The signal on which quality and coverage rest.
    pub signal: Signal,
    /// How long after its cohort time a row can still change, in milliseconds.
    pub settle_ms: i64,
    pub metrics: &'static [Metric],
}

/// One number.
#[derive(Debug)]
pub struct Metric {
    /// The GraphQL field.
    pub name: &'static str,
    /// What the number means, in a sentence or two: the schema's description.
    pub definition: &'static str,
    pub fact: &'static Fact,
    pub measure: Measure,
    /// The signal without which the number is unknown rather than zero.
    pub needs: Option<Signal>,
}

/// How rows become a number. The shape decides the unit, and what an empty cohort gives: a count 0, a share null.
#[derive(Clone, Copy, Debug)]
pub enum Measure {
    /// The number of rows for which the condition holds.
    Count { rows: &'static str },
    /// Of the rows of `of`, the share (0 to 1) for which `rows` holds too.
    Share { rows: &'static str, of: &'static str },
}

/// What a number is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A whole number; parts add up to the whole.
    Count,
    /// 0 to 1; parts do not add up.
    Share,
}

impl Metric {
    pub fn unit(&self) -> Unit {
        match self.measure {
            Measure::Count { .. } => Unit::Count,
            Measure::Share { .. } => Unit::Share,
        }
    }

    /// Whether it uses a column that only whole dialogs can tell.
    pub fn needs_dialogs(&self) -> bool {
        match self.measure {
            Measure::Count { rows } => rows.contains(facts::TURN_COLUMN),
            Measure::Share { rows, of } => rows.contains(facts::TURN_COLUMN) || of.contains(facts::TURN_COLUMN),
        }
    }
}

impl Family {
    pub fn metric(&self, name: &str) -> Option<&'static Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

/// Statuses settle within 72 hours: later ones still count, but few come.
pub const STATUS_SETTLE_MS: i64 = 72 * 3_600_000;

/// All families, in the order of the API.
pub static FAMILIES: [&Family; 3] = [&delivery::DELIVERY, &reads::READS, &activity::ACTIVITY];

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
                assert!(metric.definition.ends_with('.'), "{}", metric.name);
                assert!(20 < metric.definition.len(), "{}", metric.name);
            }
        }
    }

    #[test]
    fn no_metric_takes_the_name_of_a_field_that_every_metrics_object_has() {
        for family in FAMILIES {
            assert!(family.metric("quality").is_none());
        }
    }
}
