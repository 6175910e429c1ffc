//! A question that can be answered: valid by construction, so the compiler has no error path.

use crate::model::{Granularity, Scope, TimeRange};

use super::calendar::{Calendar, CalendarError};
use super::catalogue::{Dimension, Fact, Family, Histogram, Metric};
use super::filter::Filter;
use super::terms::Terms;

/// What to divide the answer by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Grouping {
    Total,
    Every(Granularity),
    By(Vec<Dimension>),
}

/// One statement's worth of a question: metrics of one fact, one grouping, one range.
#[derive(Clone, Debug)]
pub struct MetricQuery {
    family: &'static Family,
    fact: &'static Fact,
    metrics: Vec<&'static Metric>,
    grouping: Grouping,
    calendar: Calendar,
    filter: Filter,
    scope: Scope,
    terms: Terms,
    histogram: bool,
}

/// The parts of a question that its statements share.
#[derive(Clone, Debug)]
pub struct Question {
    pub family: &'static Family,
    pub calendar: Calendar,
    pub filter: Filter,
    pub scope: Scope,
    pub terms: Terms,
    /// Whether the family's histogram is wanted.
    pub histogram: bool,
}

/// The most dimensions of one breakdown: beyond four, no table can be read.
pub const DIMENSIONS_MAX: usize = 4;

impl MetricQuery {
    /// Divides a question into statements, one a fact. Metrics of other families and doubles are ignored.
    ///
    /// The family's own fact is always asked: quality comes from it.
    ///
    /// # Errors
    /// When a metric is not for the scope's role, the grouping has too many dimensions or one that a fact does not have, or a
    /// series too many points.
    pub fn plan(
        question: &Question,
        metrics: &[&'static Metric],
        grouping: &Grouping,
        points_max: usize,
    ) -> Result<Vec<MetricQuery>, QueryError> {
        check_readers(&question.scope, metrics)?;
        if let Grouping::Every(every) = grouping {
            question.calendar.points(*every, points_max)?;
        }
        if let Grouping::By(dimensions) = grouping {
            check_dimensions(question.family, metrics, dimensions)?;
        }
        let mut facts = vec![question.family.fact];
        for metric in metrics {
            if !facts.iter().any(|fact| std::ptr::eq(*fact, metric.fact)) {
                facts.push(metric.fact);
            }
        }
        for fact in &facts {
            check_filter(question, metrics, fact)?;
        }
        let query = |fact: &'static Fact| MetricQuery {
            family: question.family,
            fact,
            metrics: question
                .family
                .metrics
                .iter()
                .filter(|known| {
                    std::ptr::eq(known.fact, fact) && metrics.iter().any(|metric| std::ptr::eq(*metric, *known))
                })
                .collect(),
            grouping: grouping.clone(),
            calendar: question.calendar.clone(),
            filter: question.filter.clone(),
            scope: question.scope.clone(),
            terms: question.terms.clone(),
            histogram: question.histogram && std::ptr::eq(fact, question.family.fact),
        };
        Ok(facts.into_iter().map(query).collect())
    }

    pub fn family(&self) -> &'static Family {
        self.family
    }

    pub fn fact(&self) -> &'static Fact {
        self.fact
    }

    pub fn metrics(&self) -> &[&'static Metric] {
        &self.metrics
    }

    pub fn grouping(&self) -> &Grouping {
        &self.grouping
    }

    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The distribution that the statement brings.
    pub fn histogram(&self) -> Option<&'static Histogram> {
        if self.histogram { self.family.histogram.as_ref() } else { None }
    }

    /// The bounds of the histogram's bins, ascending.
    pub fn bounds(&self) -> &[f64] {
        match (&self.terms.bounds, &self.family.histogram) {
            (Some(bounds), _) => bounds,
            (None, Some(histogram)) => histogram.bounds,
            (None, None) => &[],
        }
    }

    pub fn range(&self) -> TimeRange {
        self.calendar.range()
    }

    /// Whether the statement brings the cohort's quality.
    pub fn brings_quality(&self) -> bool {
        std::ptr::eq(self.fact, self.family.fact)
    }
}

fn check_dimensions(family: &Family, metrics: &[&'static Metric], dimensions: &[Dimension]) -> Result<(), QueryError> {
    if dimensions.is_empty() {
        return Err(QueryError::NoDimension);
    }
    if DIMENSIONS_MAX < dimensions.len() {
        return Err(QueryError::TooManyDimensions { count: dimensions.len() });
    }
    for (index, dimension) in dimensions.iter().enumerate() {
        if dimensions[..index].contains(dimension) {
            return Err(QueryError::DimensionTwice { dimension: dimension.name() });
        }
        if !family.fact.dimensions.contains(dimension) {
            return Err(QueryError::NotADimension {
                metric: family.name,
                rows: family.fact.name,
                dimension: dimension.name(),
            });
        }
        if let Some(metric) = metrics.iter().find(|metric| !metric.divides_by(*dimension)) {
            let has = metric.fact.dimensions.contains(dimension);
            let (metric, rows, dimension) = (metric.name, metric.fact.name, dimension.name());
            return Err(match has {
                true => QueryError::NotOfParts { metric, dimension },
                false => QueryError::NotADimension { metric, rows, dimension },
            });
        }
    }
    Ok(())
}

/// The one place that every way to a number goes through: selected, sorted by, divided, explained or drilled into.
pub fn check_readers(scope: &Scope, metrics: &[&'static Metric]) -> Result<(), QueryError> {
    match metrics.iter().find(|metric| !scope.may_read(metric.readers)) {
        None => Ok(()),
        Some(metric) => Err(QueryError::NotForRole { reason: metric.readers.refusal(metric.name, scope.role()) }),
    }
}

/// A filter that a fact's rows cannot answer would keep nothing, or everything: it is refused.
fn check_filter(question: &Question, metrics: &[&'static Metric], fact: &'static Fact) -> Result<(), QueryError> {
    let unknown = question
        .filter
        .lists()
        .find(|(_, dimension)| dimension.is_some_and(|dimension| !fact.dimensions.contains(&dimension)));
    match unknown {
        None => Ok(()),
        Some((filter, _)) => {
            let metric = metrics.iter().find(|metric| std::ptr::eq(metric.fact, fact));
            let metric = metric.map_or(question.family.name, |metric| metric.name);
            Err(QueryError::NotAFilter { metric, rows: fact.name, filter })
        }
    }
}

/// Why a question cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("{reason}")]
    NotForRole { reason: String },
    #[error("`dimensions` is empty: name at least one, or ask for `total`")]
    NoDimension,
    #[error("{count} dimensions asked for; the limit `dimensions` is {DIMENSIONS_MAX}")]
    TooManyDimensions { count: usize },
    #[error("the dimension {dimension} is named twice")]
    DimensionTwice { dimension: &'static str },
    #[error("`{metric}` cannot be divided by {dimension}: it counts {rows}, and they do not have it")]
    NotADimension { metric: &'static str, rows: &'static str, dimension: &'static str },
    #[error("`{metric}` cannot be divided by {dimension}: what it is a share of would be divided with it")]
    NotOfParts { metric: &'static str, dimension: &'static str },
    #[error("`{metric}` cannot be filtered by `{filter}`: it counts {rows}, and they do not have it")]
    NotAFilter { metric: &'static str, rows: &'static str, filter: &'static str },
    #[error(transparent)]
    Calendar(#[from] CalendarError),
}
