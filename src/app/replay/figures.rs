//! The figures of one tenant in two stores, by the same code that answers the API: what differs, and on which days.

use std::sync::Arc;

use anyhow::{Context, Result};
use chrono::NaiveTime;
use chrono_tz::Tz;

use crate::metrics::answer::{self, Line, Metrics, Number};
use crate::metrics::calendar::{Calendar, date_of_day, instant_of};
use crate::metrics::catalogue::{Dimension, FAMILIES, Family, Metric};
use crate::metrics::filter::Filter;
use crate::metrics::query::{Grouping, MetricQuery, Question};
use crate::metrics::statement::Statement;
use crate::metrics::terms::Terms;
use crate::model::clock::{DAY_MS, Millis};
use crate::model::{Granularity, Scope, TimeRange};
use crate::store::Store;

/// A point a day of the longest range.
const POINTS_MAX: usize = 800;

/// Channels, with room for names that nobody expects.
const GROUPS_MAX: usize = 10_000;

/// Both sides, who asks, and when.
pub struct Comparison<'a> {
    pub before: &'a dyn Store,
    pub after: &'a dyn Store,
    pub scope: Scope,
    pub now: Millis,
    pub zone: Tz,
}

/// A figure that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// `delivery.rate`; `delivery.quality.coverage` says how far its family can be trusted.
    pub name: String,
    /// `None`: of all channels together.
    pub channel: Option<String>,
    pub before: Option<Number>,
    pub after: Option<Number>,
}

impl Comparison<'_> {
    /// From the first to the last local day on which any figure differs, within the range.
    ///
    /// No definition has to be known for that: a conversion that counts for a dialog of last week, a reply that ends a
    /// wait of a month, a contact that turns out to be another one, each shows on the day whose figure it changes.
    ///
    /// # Errors
    /// When an engine fails.
    pub async fn differing_days(&self, range: TimeRange) -> Result<Option<(Millis, Millis)>> {
        let mut days: Option<(Millis, Millis)> = None;
        for family in FAMILIES {
            let question = self.question(family, range);
            let (before, after) = self.lines(&question, &Grouping::Every(Granularity::Day)).await?;
            for (before, after) in before.iter().zip(&after) {
                let Some(point) = before.point else { continue };
                if !differing(&question, Some(&before.metrics), Some(&after.metrics)).is_empty() {
                    days = join(days, (point.start, point.end));
                }
            }
        }
        Ok(days)
    }

    /// The figures that differ over the range, of all channels and of each.
    ///
    /// # Errors
    /// When an engine fails.
    pub async fn figures(&self, range: TimeRange) -> Result<Vec<Figure>> {
        let mut figures = Vec::new();
        for family in FAMILIES {
            let question = self.question(family, range);
            for grouping in [Grouping::Total, Grouping::By(vec![Dimension::Channel])] {
                let (before, after) = self.lines(&question, &grouping).await?;
                figures.extend(by_channel(&question, &before, &after));
            }
        }
        // A figure with its channels below it.
        let place = |figure: &Figure| figures_order(&figure.name);
        figures.sort_by(|left, right| place(left).cmp(&place(right)).then_with(|| left.channel.cmp(&right.channel)));
        Ok(figures)
    }

    fn question(&self, family: &'static Family, range: TimeRange) -> Question {
        Question {
            family,
            calendar: Calendar::new(range, self.zone),
            filter: Filter::default(),
            scope: self.scope.clone(),
            terms: Terms::at(self.now),
            histogram: false,
        }
    }

    async fn lines(&self, question: &Question, grouping: &Grouping) -> Result<(Vec<Line>, Vec<Line>)> {
        let metrics = question.family.metrics.iter().filter(|metric| divides(metric, grouping));
        let metrics: Vec<&'static Metric> = metrics.collect();
        let in_words = || format!("the figures of `{}` could not be computed", question.family.name);
        let before = ask(self.before, question, &metrics, grouping).await.with_context(in_words)?;
        let after = ask(self.after, question, &metrics, grouping).await.with_context(in_words)?;
        Ok((before, after))
    }
}

fn divides(metric: &Metric, grouping: &Grouping) -> bool {
    match grouping {
        Grouping::Total | Grouping::Every(_) => true,
        Grouping::By(dimensions) => dimensions.iter().all(|dimension| metric.divides_by(*dimension)),
    }
}

async fn ask(
    store: &dyn Store,
    question: &Question,
    metrics: &[&'static Metric],
    grouping: &Grouping,
) -> Result<Vec<Line>> {
    let queries = MetricQuery::plan(question, metrics, grouping, POINTS_MAX)?;
    let (statements, places) = Statement::all_of(&queries);
    let mut rows = Vec::new();
    for statement in &statements {
        let batches = store.query(statement.sql(GROUPS_MAX)).await?;
        let read = statement.read(&batches, GROUPS_MAX).into_iter();
        rows.push(read.map(|rows| rows.map(Arc::new)).collect::<Result<Vec<_>, _>>()?.into_iter());
    }
    // A statement has its queries in their order.
    let parts = places.iter().map(|place| rows[*place].next().context("a statement answers all of its queries"));
    let parts = parts.collect::<Result<Vec<_>>>()?;
    Ok(answer::merge(question, grouping, &queries, &parts)?)
}

/// Lines of both sides by their keys.
fn by_channel(question: &Question, before: &[Line], after: &[Line]) -> Vec<Figure> {
    let mut keys: Vec<&Vec<Option<String>>> = before.iter().chain(after).map(|line| &line.keys).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut figures = Vec::new();
    for key in keys {
        let find = |lines: &'_ [Line]| lines.iter().position(|line| line.keys == *key);
        let before = find(before).map(|place| &before[place].metrics);
        let after = find(after).map(|place| &after[place].metrics);
        let channel = key.first().map(|channel| channel.clone().unwrap_or_else(|| "no channel".to_owned()));
        figures.extend(differing(question, before, after).into_iter().map(|(name, before, after)| Figure {
            name,
            channel: channel.clone(),
            before,
            after,
        }));
    }
    figures
}

type Difference = (String, Option<Number>, Option<Number>);

/// What differs of one line. A side that does not know a channel has there what is without rows, and nothing to trust.
fn differing(question: &Question, before: Option<&Metrics>, after: Option<&Metrics>) -> Vec<Difference> {
    let family = question.family;
    let mut all: Vec<Difference> = Vec::new();
    for metric in family.metrics {
        let value = |metrics: Option<&Metrics>| match metrics {
            Some(metrics) => metrics.value(metric.name).cloned(),
            None => answer::without_rows(question, metric),
        };
        all.push((metric.name.to_owned(), value(before), value(after)));
    }
    if let (Some(before), Some(after)) = (before, after) {
        let level = |metrics: &Metrics| Some(Number::Text(metrics.quality.level.name().to_owned()));
        all.push(("quality.level".to_owned(), level(before), level(after)));
        let coverage = |metrics: &Metrics| metrics.quality.coverage.map(Number::Real);
        all.push(("quality.coverage".to_owned(), coverage(before), coverage(after)));
    }
    all.retain(|(_, before, after)| !is_same(before.as_ref(), after.as_ref()));
    all.into_iter().map(|(name, before, after)| (format!("{}.{name}", family.name), before, after)).collect()
}

/// Sums of fractions differ in their last digit by the order in which the engine adds them.
fn is_same(left: Option<&Number>, right: Option<&Number>) -> bool {
    match (left, right) {
        (Some(Number::Real(left)), Some(Number::Real(right))) => {
            (left - right).abs() <= 1e-9 * left.abs().max(right.abs())
        }
        (left, right) => left == right,
    }
}

/// Families and metrics in the order of the API.
fn figures_order(name: &str) -> (usize, usize) {
    let (family, metric) = name.split_once('.').unwrap_or((name, ""));
    let family_place = FAMILIES.iter().position(|known| known.name == family).unwrap_or(usize::MAX);
    let metrics = FAMILIES.get(family_place).map_or(&[][..], |family| family.metrics);
    let place = metrics.iter().position(|known| known.name == metric).unwrap_or(metrics.len());
    (family_place, place + usize::from(metric == "quality.coverage"))
}

/// The shortest range of local days that holds both ends, as long as a range may be: what is older is left out.
pub fn whole_days(zone: Tz, (first, last): (Millis, Millis)) -> Result<TimeRange> {
    let local_day = |at: Millis| {
        let range = TimeRange::new(at, at.saturating_add(1));
        range.map(|range| Calendar::new(range, zone).local_ms(at).div_euclid(DAY_MS))
    };
    let start = |day: i64| instant_of(zone, date_of_day(day).and_time(NaiveTime::MIN));
    let to = start(local_day(last)?.saturating_add(1));
    // A day less than the longest: a zone's clocks can make it an hour longer than its days are.
    let longest = TimeRange::LONGEST_DAYS - 2;
    let from = start(local_day(first)?.max(local_day(last)? - longest));
    Ok(TimeRange::new(from, to)?)
}

/// The hull of two spans of time.
pub fn join(one: Option<(Millis, Millis)>, other: (Millis, Millis)) -> Option<(Millis, Millis)> {
    Some(one.map_or(other, |one| (one.0.min(other.0), one.1.max(other.1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(first: &str, last: &str, from: &str, to: &str) {
        let instant = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
        let range = whole_days(Tz::Europe__Berlin, (instant(first), instant(last))).unwrap();
        assert_eq!((range.from(), range.to()), (instant(from), instant(to)));
    }

    #[test]
    fn days_are_those_of_the_zones_clocks() {
        // A day of 23 hours, and one instant alone.
        let (from, to) = ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
        check("2026-03-29T10:00:00Z", "2026-03-29T10:00:00Z", from, to);
        check(from, "2026-03-29T21:59:59.999Z", from, to);
        check("2026-03-28T22:59:59.999Z", to, "2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z");
    }

    #[test]
    fn of_more_than_two_years_the_last_are_taken() {
        check("1999-01-01T12:00:00Z", "2026-10-25T12:00:00Z", "2024-10-25T22:00:00Z", "2026-10-25T23:00:00Z");
    }

    #[test]
    fn the_last_digits_of_fractions_do_not_count() {
        let same = |left: f64, right: f64| is_same(Some(&Number::Real(left)), Some(&Number::Real(right)));
        assert!(same(0.1 + 0.2, 0.3) && same(0.0, 0.0));
        assert!(!same(0.3, 0.300_001) && !is_same(None, Some(&Number::Count(0))));
    }
}
