//! All metrics of all families in one list, each under names that are its own among all.

use std::sync::LazyLock;

use crate::metrics::filter::{Filter, known_lists};
use crate::metrics::query::QueryError;
use crate::metrics::terms::Terms;
use crate::model::Level;
use crate::model::channel::{CAPABILITIES, Capabilities, OTHER};

use super::{Dimension, FAMILIES, Family, Metric};

/// A metric with its family.
#[derive(Debug)]
pub struct Entry {
    pub family: &'static Family,
    pub metric: &'static Metric,
    /// For people: `responseTime.p50Seconds`.
    pub full_name: String,
    /// Where a dot cannot stand: `responseTime_p50Seconds`.
    pub enum_name: String,
}

/// Every metric, in the order of the API.
pub static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let entry = |family: &'static Family, metric: &'static Metric| Entry {
        family,
        metric,
        full_name: format!("{}.{}", family.name, metric.name),
        enum_name: format!("{}_{}", family.name, metric.name),
    };
    FAMILIES.iter().flat_map(|family| family.metrics.iter().map(move |metric| entry(family, metric))).collect()
});

impl Entry {
    pub fn by_enum_name(name: &str) -> Option<&'static Entry> {
        ENTRIES.iter().find(|entry| entry.enum_name == name)
    }

    /// What it can be divided by. Its quality is that of its family's cohort, so both must have the dimension.
    pub fn dimensions(&self) -> impl Iterator<Item = Dimension> {
        let has = |dimension: &Dimension| self.rows_without(*dimension).is_none() && self.metric.divides_by(*dimension);
        Dimension::ALL.into_iter().filter(has)
    }

    /// The filters that it can be asked under.
    pub fn filters(&self) -> impl Iterator<Item = &'static str> {
        let lacks = |dimension: Dimension| self.rows_without(dimension).is_some();
        known_lists().filter(move |(_, dimension)| !dimension.is_some_and(lacks)).map(|(name, _)| name)
    }

    /// Refuses dimensions and filters that its rows do not have.
    ///
    /// # Errors
    /// Which names the metric and what it does not have.
    pub fn check(&'static self, dimensions: &[Dimension], filter: &Filter) -> Result<(), QueryError> {
        if let Some(error) = dimensions.iter().find_map(|dimension| self.refusal_of(*dimension)) {
            return Err(error);
        }
        let refused = |(filter, dimension): (&'static str, Option<Dimension>)| {
            let rows = self.rows_without(dimension?)?;
            Some(QueryError::NotAFilter { metric: &self.full_name, rows, filter })
        };
        filter.lists().find_map(refused).map_or(Ok(()), Err)
    }

    fn refusal_of(&'static self, dimension: Dimension) -> Option<QueryError> {
        let metric = self.full_name.as_str();
        match self.rows_without(dimension) {
            Some(rows) => Some(QueryError::NotADimension { metric, rows, dimension: dimension.name() }),
            None if self.metric.divides_by(dimension) => None,
            None => Some(QueryError::NotOfParts { metric, dimension: dimension.name() }),
        }
    }

    /// Which of the rows that it needs do not have the property.
    fn rows_without(&self, dimension: Dimension) -> Option<&'static str> {
        let facts = [self.metric.fact, self.family.fact];
        facts.into_iter().find(|fact| !fact.dimensions.contains(&dimension)).map(|fact| fact.name)
    }

    /// How well each channel supplies it: as well as what its family rests on, and as the signal that it needs.
    pub fn channels(&self) -> impl Iterator<Item = (&'static str, Level)> {
        let level = |channel: &Capabilities| {
            let of_family = self.family.sees.level_on(channel);
            self.metric.needs.map_or(of_family, |signal| of_family.max(channel.level(signal)))
        };
        CAPABILITIES.iter().chain([&OTHER]).map(move |channel| (channel.channel, level(channel)))
    }

    /// How long after its time a value can still change, with the arguments' defaults.
    pub fn settle_hours(&self) -> i64 {
        (self.family.settle_ms)(&Terms::at(0)) / 3_600_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        for entry in ENTRIES.iter() {
            let found = Entry::by_enum_name(&entry.enum_name).expect("found");
            assert!(std::ptr::eq(found.metric, entry.metric), "{}", entry.full_name);
        }
    }

    #[test]
    fn a_metric_of_another_fact_has_what_both_have() {
        let peak = Entry::by_enum_name("activeDialogs_peak").expect("known");
        assert!(peak.dimensions().all(|dimension| dimension != Dimension::Day && dimension != Dimension::Author));
        assert!(peak.filters().all(|filter| filter != "hours" && filter != "authors"));
        assert!(peak.filters().any(|filter| filter == "contacts"));
    }
}
