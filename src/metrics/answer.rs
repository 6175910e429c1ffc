//! What the engine returned, as typed numbers with their quality; missing steps filled.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, UInt64Type};

use crate::model::Level;

use super::calendar::{CalendarError, Point};
use super::catalogue::facts::Rows as Extent;
use super::catalogue::{Fact, Metric, Unit};
use super::query::{Grouping, MetricQuery, Question};
use super::statement::Part;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    Count(u64),
    /// A share, seconds or a mean.
    Real(f64),
    /// Milliseconds since the epoch.
    Instant(i64),
    /// An amount or a code.
    Text(String),
}

/// Values and how far to trust them.
#[derive(Clone, Debug)]
pub struct Metrics {
    values: HashMap<&'static str, Number>,
    /// How many rows lie in each bin; empty when nobody asked.
    pub bins: Vec<u64>,
    pub quality: Quality,
}

impl Metrics {
    /// `None` when the value is unknown or has nothing to be a share of.
    pub fn value(&self, name: &str) -> Option<&Number> {
        self.values.get(name)
    }
}

/// How far to trust the values of one total, step or group.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    pub level: Level,
    /// Share (0 to 1) of the cohort on channels that report the signal; `None` when the cohort is empty.
    pub coverage: Option<f64>,
    /// Whether late events can be expected to change the values.
    pub provisional: bool,
    pub warnings: Vec<Warning>,
}

/// Something a reader of the number should know.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    pub code: &'static str,
    pub message: String,
}

/// One line of an answer.
#[derive(Clone, Debug)]
pub struct Line {
    /// The keys of a breakdown, in the order of its dimensions; `None` where a row has none.
    pub keys: Vec<Option<String>>,
    /// The step of a series.
    pub point: Option<Point>,
    pub metrics: Metrics,
}

/// One statement's rows by their keys.
pub type Rows = BTreeMap<Vec<Key>, Cells>;

/// A key that sorts as people expect: texts, then numbers by their value. The text decides which key it is:
/// `7` and `007` are two operators.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    number: Option<i64>,
    text: String,
}

#[derive(Clone, Debug, Default)]
pub struct Cells {
    values: HashMap<&'static str, Number>,
    /// Rows of the cohort by the level at which their channel reports the signal.
    levels: [u64; 4],
    /// What the family's checks counted.
    checks: Vec<u64>,
    bins: Vec<u64>,
}

/// Reads a query's rows out of the batches of a statement.
pub struct Reader<'a> {
    part: &'a Part,
    /// What the column `g` says of the query's own rows; `None` when all are.
    mask: Option<u64>,
    rows: Rows,
}

impl<'a> Reader<'a> {
    pub fn new(part: &'a Part, mask: Option<u64>) -> Self {
        Self { part, mask, rows: Rows::new() }
    }

    /// # Errors
    /// When a column is not of the type that the compiler asked for.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), AnswerError> {
        let part = self.part;
        let number = |place: &usize| counts(batch, &format!("c{place}"));
        let keys = part.keys.iter().map(|key| texts(batch, &format!("k{key}"))).collect::<Result<Vec<_>, _>>()?;
        let mut values = Vec::new();
        for (metric, place) in part.query.metrics().iter().zip(&part.values) {
            values.push((*metric, Values::of(batch, &format!("c{place}"), metric)?));
        }
        let levels = part.levels.iter().map(number).collect::<Result<Vec<_>, _>>()?;
        let checks = part.checks.iter().map(number).collect::<Result<Vec<_>, _>>()?;
        let bins = part.bins.map(|place| column::<ListArray>(batch, &format!("c{place}"), &bins_type())).transpose()?;
        let groupings = self.mask.map(|_| counts(batch, "g")).transpose()?;
        let all = counts(batch, "n")?;
        for row in 0..batch.num_rows() {
            let is_own = groupings.as_ref().is_none_or(|groupings| Some(groupings.value(row)) == self.mask);
            // A total over nothing: every number is what it is without rows.
            if !is_own || all.value(row) == 0 {
                continue;
            }
            let key = keys.iter().map(|column| key_of(column.value(row))).collect();
            let mut cells = Cells::default();
            for (metric, column) in &values {
                if let Some(number) = column.at(row) {
                    cells.values.insert(metric.name, number);
                }
            }
            for (level, column) in levels.iter().enumerate() {
                cells.levels[level] = column.value(row);
            }
            cells.checks = checks.iter().map(|column| column.value(row)).collect();
            if let Some(bins) = &bins {
                cells.bins = bins.value(row).as_primitive::<UInt64Type>().values().to_vec();
            }
            self.rows.insert(key, cells);
        }
        Ok(())
    }

    /// # Errors
    /// When there are more groups than `groups_max`.
    pub fn rows(self, groups_max: usize) -> Result<Rows, AnswerError> {
        if groups_max < self.rows.len() {
            return Err(AnswerError::TooManyGroups { limit: groups_max });
        }
        Ok(self.rows)
    }
}

/// How many rows a statement reads of all its tables, from the answer to [`estimate`](super::compile::estimate).
///
/// # Errors
/// When the engine answered something else.
pub fn read_estimate(batches: &[RecordBatch]) -> Result<u64, AnswerError> {
    let mut rows: u64 = 0;
    for batch in batches {
        rows = rows.saturating_add(counts(batch, "rows")?.values().iter().sum());
    }
    Ok(rows)
}

/// Puts the statements of one question together: one line a step, a group, or the whole.
///
/// # Errors
/// When the series has too many points; [`MetricQuery::plan`] has refused that before.
pub fn merge(
    question: &Question,
    grouping: &Grouping,
    queries: &[MetricQuery],
    parts: &[Arc<Rows>],
) -> Result<Vec<Line>, AnswerError> {
    let range = question.calendar.range();
    let whole = |cells: &[Option<&Cells>]| finish(question, queries, cells, (range.from(), range.to()));
    let find = |key: &Vec<Key>| -> Vec<Option<&Cells>> { parts.iter().map(|part| part.get(key)).collect() };
    match grouping {
        Grouping::Total => Ok(vec![Line { keys: Vec::new(), point: None, metrics: whole(&find(&Vec::new())) }]),
        Grouping::Every(every) => {
            let line = |point: Point| {
                let cells = find(&vec![key_of(&point.key.to_string())]);
                let metrics = finish(question, queries, &cells, (point.start, point.end));
                Line { keys: Vec::new(), point: Some(point), metrics }
            };
            Ok(question.calendar.points(*every, usize::MAX)?.into_iter().map(line).collect())
        }
        Grouping::By(_) => {
            let mut keys: Vec<&Vec<Key>> = parts.iter().flat_map(|part| part.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            let line = |key: &Vec<Key>| {
                let cells = find(key);
                let told = queries.iter().zip(&cells).any(|(query, cells)| {
                    cells.is_some_and(|cells| has_begun(query.fact(), question, range.from()) && tells(cells))
                });
                told.then(|| Line { keys: key.iter().map(key_text).collect(), point: None, metrics: whole(&cells) })
            };
            Ok(keys.into_iter().filter_map(line).collect())
        }
    }
}

/// Gives absent counts their zero, takes away what cannot be known, and says how good the rest is.
fn finish(question: &Question, queries: &[MetricQuery], parts: &[Option<&Cells>], (start, end): (i64, i64)) -> Metrics {
    let mut values = HashMap::new();
    let mut own = Cells::default();
    for (query, cells) in queries.iter().zip(parts) {
        if let (true, Some(cells)) = (query.brings_quality(), cells) {
            own = Cells { values: HashMap::new(), ..(*cells).clone() };
        }
        for metric in query.metrics() {
            let number = match cells {
                Some(cells) => cells.values.get(metric.name).cloned(),
                None => empty_value(metric),
            };
            if let (Some(number), true) = (number, has_begun(metric.fact, question, start)) {
                values.insert(metric.name, number);
            }
        }
    }
    let cohort: u64 = own.levels.iter().sum();
    if 0 < cohort && own.levels[Level::Unavailable as usize] == cohort {
        for metric in queries.iter().flat_map(MetricQuery::metrics).filter(|metric| metric.needs.is_some()) {
            values.remove(metric.name);
        }
    }
    let bins = match (question.histogram, queries.iter().find_map(|query| query.histogram().map(|_| query.bounds()))) {
        (true, Some(bounds)) if own.bins.is_empty() => vec![0; bounds.len() + 1],
        _ => std::mem::take(&mut own.bins),
    };
    let asked: Vec<&str> = queries.iter().flat_map(MetricQuery::metrics).map(|metric| metric.name).collect();
    Metrics { values, bins, quality: quality(question, &asked, &own, end) }
}

/// Of what lasts, nothing is known of a time that has not begun.
fn has_begun(fact: &Fact, question: &Question, start: i64) -> bool {
    fact.rows != Extent::Spans || start < question.terms.now
}

/// Whether a group has anything to tell.
fn tells(cells: &Cells) -> bool {
    0 < cells.levels.iter().sum::<u64>() || cells.values.values().any(|number| *number != Number::Count(0))
}

/// What a number is when there are no rows at all.
fn empty_value(metric: &Metric) -> Option<Number> {
    match metric.unit() {
        Unit::Count | Unit::Distinct => Some(Number::Count(0)),
        Unit::Mean if metric.fact.rows == Extent::Spans => Some(Number::Real(0.0)),
        Unit::Share | Unit::Seconds | Unit::Mean | Unit::Instant | Unit::Money | Unit::Code => None,
    }
}

/// What a number of the whole range is where its family has no rows.
pub fn without_rows(question: &Question, metric: &Metric) -> Option<Number> {
    let begun = metric.fact.rows != Extent::Spans || question.calendar.range().from() < question.terms.now;
    if begun { empty_value(metric) } else { None }
}

/// The order of two values; unknown ones stand last in both directions.
pub fn compare(left: Option<&Number>, right: Option<&Number>, ascending: bool) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) if ascending => ordered(left, right),
        (Some(left), Some(right)) => ordered(right, left),
        (left, right) => right.is_some().cmp(&left.is_some()),
    }
}

fn ordered(left: &Number, right: &Number) -> Ordering {
    match (left, right) {
        (Number::Count(left), Number::Count(right)) => left.cmp(right),
        (Number::Instant(left), Number::Instant(right)) => left.cmp(right),
        (Number::Real(left), Number::Real(right)) => left.total_cmp(right),
        (Number::Text(left), Number::Text(right)) => match (left.parse::<f64>(), right.parse::<f64>()) {
            (Ok(left), Ok(right)) => left.total_cmp(&right),
            _ => left.cmp(right),
        },
        // One metric has numbers of one kind.
        _ => Ordering::Equal,
    }
}

fn quality(question: &Question, asked: &[&str], cells: &Cells, end: i64) -> Quality {
    let family = question.family;
    let cohort: u64 = cells.levels.iter().sum();
    let unseen = cells.levels[Level::Unavailable as usize];
    let mut level = match cells.levels {
        _ if cohort == 0 => Level::Exact,
        _ if unseen == cohort => Level::Unavailable,
        [_, _, approximate, _] if 0 < approximate => Level::Approximate,
        [_, lower, _, _] if 0 < lower => Level::LowerBound,
        _ => Level::Exact,
    };
    let (signal, called) = (family.sees.signal(), family.cohort.called);
    let mut warnings = Vec::new();
    if 0 < cohort && unseen == cohort {
        warnings.push(Warning {
            code: "UNAVAILABLE",
            message: format!("No channel of these {called} reports `{signal}`: what depends on it is null, not zero."),
        });
    } else if 0 < unseen {
        warnings.push(Warning {
            code: "PARTIAL_COVERAGE",
            message: format!("{unseen} of {cohort} {called} are on channels that do not report `{signal}`: what depends on it is computed over the others."),
        });
    }
    for (check, count) in family.checks.iter().zip(&cells.checks) {
        let concerns = check.about.is_empty() || check.about.iter().any(|name| asked.contains(name));
        if 0 < *count && concerns {
            warnings.push(Warning { code: check.code, message: (check.message)(*count) });
            level = check.lowers_to.map_or(level, |lower| level.max(lower));
        }
    }
    Quality {
        level,
        coverage: (0 < cohort).then(|| (cohort - unseen) as f64 / cohort as f64),
        provisional: question.terms.now < end.saturating_add((family.settle_ms)(&question.terms)),
        warnings,
    }
}

/// The key that a text stands for.
pub fn key_of(text: &str) -> Key {
    Key { number: text.parse().ok(), text: text.to_owned() }
}

fn key_text(key: &Key) -> Option<String> {
    (!key.text.is_empty()).then(|| key.text.clone())
}

enum Values {
    Counts(UInt64Array),
    Reals(Float64Array),
    Instants(Int64Array),
    Texts(StringArray),
}

impl Values {
    fn of(batch: &RecordBatch, name: &str, metric: &Metric) -> Result<Self, AnswerError> {
        Ok(match metric.unit() {
            Unit::Count | Unit::Distinct => Self::Counts(counts(batch, name)?),
            Unit::Share | Unit::Seconds | Unit::Mean => Self::Reals(column(batch, name, &DataType::Float64)?),
            Unit::Instant => Self::Instants(column(batch, name, &DataType::Int64)?),
            Unit::Money | Unit::Code => Self::Texts(texts(batch, name)?),
        })
    }

    fn at(&self, row: usize) -> Option<Number> {
        match self {
            Self::Counts(array) => array.is_valid(row).then(|| Number::Count(array.value(row))),
            Self::Reals(array) => array.is_valid(row).then(|| Number::Real(array.value(row))),
            Self::Instants(array) => array.is_valid(row).then(|| Number::Instant(array.value(row))),
            Self::Texts(array) => array.is_valid(row).then(|| Number::Text(array.value(row).to_owned())),
        }
    }
}

fn bins_type() -> DataType {
    DataType::List(Arc::new(arrow::datatypes::Field::new("item", DataType::UInt64, true)))
}

fn counts(batch: &RecordBatch, name: &str) -> Result<UInt64Array, AnswerError> {
    column(batch, name, &DataType::UInt64)
}

fn texts(batch: &RecordBatch, name: &str) -> Result<StringArray, AnswerError> {
    column(batch, name, &DataType::Utf8)
}

/// A column by its name, in the type that is wanted: the engine may choose a narrower one.
pub(super) fn column<A: Clone + 'static>(batch: &RecordBatch, name: &str, wanted: &DataType) -> Result<A, AnswerError> {
    let wrong = || AnswerError::Column { name: name.to_owned() };
    let array = batch.column_by_name(name).ok_or_else(wrong)?;
    let array = cast(array, wanted).map_err(|_| wrong())?;
    array.as_any().downcast_ref::<A>().cloned().ok_or_else(wrong)
}

/// Why an answer cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    #[error(
        "the answer has more than {limit} groups, the limit `groupsRead`: take fewer dimensions or a narrower filter"
    )]
    TooManyGroups { limit: usize },
    #[error("the engine returned no usable column {name}")]
    Column { name: String },
    #[error(transparent)]
    Calendar(#[from] CalendarError),
}
