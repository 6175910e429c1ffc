//! What the engine returned, as typed numbers with their quality; missing steps filled.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use crate::model::Level;

use super::calendar::{CalendarError, Point};
use super::catalogue::{Metric, Unit};
use super::query::{Grouping, MetricQuery, Question};

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Count(u64),
    /// 0 to 1.
    Share(f64),
}

/// Values and how far to trust them.
#[derive(Clone, Debug)]
pub struct Metrics {
    values: HashMap<&'static str, Number>,
    pub quality: Quality,
}

impl Metrics {
    /// `None` when the value is unknown or has nothing to be a share of.
    pub fn value(&self, name: &str) -> Option<Number> {
        self.values.get(name).copied()
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
    /// Rows that are not in the cohort: statuses without a message.
    outside: u64,
}

/// Reads what the engine returned for one statement.
///
/// # Errors
/// When there are more groups than `groups_max`, or a column is not of the type that the compiler asked for.
pub fn read(query: &MetricQuery, batches: &[RecordBatch], groups_max: usize) -> Result<Rows, AnswerError> {
    let keys = match query.grouping() {
        Grouping::Total => 0,
        Grouping::Every(_) => 1,
        Grouping::By(dimensions) => dimensions.len(),
    };
    let mut rows = Rows::new();
    for batch in batches {
        let key_columns = (0..keys).map(|index| texts(batch, &format!("k{index}"))).collect::<Result<Vec<_>, _>>()?;
        let mut values = Vec::new();
        for (index, metric) in query.metrics().iter().enumerate() {
            values.push((*metric, Values::of(batch, &format!("m{index}"), metric)?));
        }
        let levels = match query.brings_quality() {
            true => (0..4).map(|level| counts(batch, &format!("q{level}"))).collect::<Result<Vec<_>, _>>()?,
            false => Vec::new(),
        };
        let all = counts(batch, "n")?;
        for row in 0..batch.num_rows() {
            let key = key_columns.iter().map(|column| key_of(column.value(row))).collect();
            let mut cells = Cells::default();
            for (metric, column) in &values {
                if let Some(number) = column.at(row) {
                    cells.values.insert(metric.name, number);
                }
            }
            for (level, column) in levels.iter().enumerate() {
                cells.levels[level] = column.value(row);
            }
            if query.brings_quality() {
                cells.outside = all.value(row) - cells.levels.iter().sum::<u64>();
            }
            rows.insert(key, cells);
        }
    }
    if groups_max < rows.len() {
        return Err(AnswerError::TooManyGroups { limit: groups_max });
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
    metrics: &[&'static Metric],
    parts: Vec<Arc<Rows>>,
) -> Result<Vec<Line>, AnswerError> {
    let mut rows = Rows::new();
    for part in parts {
        for (key, cells) in part.iter() {
            let merged = rows.entry(key.clone()).or_default();
            merged.values.extend(cells.values.iter().map(|(name, number)| (*name, *number)));
            for level in 0..4 {
                merged.levels[level] += cells.levels[level];
            }
            merged.outside += cells.outside;
        }
    }
    let range = question.calendar.range();
    match grouping {
        Grouping::Total => {
            let cells = rows.remove(&Vec::new()).unwrap_or_default();
            Ok(vec![Line { keys: Vec::new(), point: None, metrics: finish(question, metrics, cells, range.to()) }])
        }
        Grouping::Every(every) => {
            let line = |point: Point| {
                let cells = rows.remove(&vec![key_of(&point.key.to_string())]).unwrap_or_default();
                Line { keys: Vec::new(), point: Some(point), metrics: finish(question, metrics, cells, point.end) }
            };
            Ok(question.calendar.points(*every, usize::MAX)?.into_iter().map(line).collect())
        }
        Grouping::By(_) => {
            let told = |cells: &Cells| {
                0 < cells.levels.iter().sum::<u64>()
                    || metrics
                        .iter()
                        .any(|metric| !matches!(cells.values.get(metric.name), None | Some(Number::Count(0))))
            };
            let line = |(key, cells): (Vec<Key>, Cells)| Line {
                keys: key.into_iter().map(key_text).collect(),
                point: None,
                metrics: finish(question, metrics, cells, range.to()),
            };
            Ok(rows.into_iter().filter(|(_, cells)| told(cells)).map(line).collect())
        }
    }
}

/// Gives absent counts their zero, takes away what cannot be known, and says how good the rest is.
fn finish(question: &Question, metrics: &[&'static Metric], mut cells: Cells, end: i64) -> Metrics {
    let cohort: u64 = cells.levels.iter().sum();
    let unseen = cells.levels[Level::Unavailable as usize];
    for metric in metrics {
        if metric.unit() == Unit::Count {
            cells.values.entry(metric.name).or_insert(Number::Count(0));
        }
        if metric.needs.is_some() && 0 < cohort && unseen == cohort {
            cells.values.remove(metric.name);
        }
    }
    Metrics { values: cells.values, quality: quality(question, cells.levels, cells.outside, end) }
}

fn quality(question: &Question, levels: [u64; 4], outside: u64, end: i64) -> Quality {
    let family = question.family;
    let cohort: u64 = levels.iter().sum();
    let unseen = levels[Level::Unavailable as usize];
    let level = match levels {
        _ if cohort == 0 => Level::Exact,
        _ if unseen == cohort => Level::Unavailable,
        [_, _, approximate, _] if 0 < approximate => Level::Approximate,
        [_, lower, _, _] if 0 < lower => Level::LowerBound,
        _ => Level::Exact,
    };
    let signal = family.signal.name();
    let mut warnings = Vec::new();
    if 0 < cohort && unseen == cohort {
        warnings.push(Warning {
            code: "UNAVAILABLE",
            message: format!("No channel of these messages reports `{signal}`: what depends on it is null, not zero."),
        });
    } else if 0 < unseen {
        warnings.push(Warning {
            code: "PARTIAL_COVERAGE",
            message: format!("{unseen} of {cohort} messages are on channels that do not report `{signal}`: what depends on it is computed over the others."),
        });
    }
    if 0 < outside {
        warnings.push(Warning {
            code: "ORPHAN_STATUSES",
            message: format!(
                "{outside} messages are known only by a status; they count when the message itself is reported."
            ),
        });
    }
    Quality {
        level,
        coverage: (0 < cohort).then(|| (cohort - unseen) as f64 / cohort as f64),
        provisional: question.terms.now < end.saturating_add(family.settle_ms),
        warnings,
    }
}

fn key_of(text: &str) -> Key {
    Key { number: text.parse().ok(), text: text.to_owned() }
}

fn key_text(key: Key) -> Option<String> {
    (!key.text.is_empty()).then_some(key.text)
}

enum Values {
    Counts(UInt64Array),
    Shares(Float64Array),
}

impl Values {
    fn of(batch: &RecordBatch, name: &str, metric: &Metric) -> Result<Self, AnswerError> {
        Ok(match metric.unit() {
            Unit::Count => Self::Counts(counts(batch, name)?),
            Unit::Share => Self::Shares(column(batch, name, &DataType::Float64)?),
        })
    }

    fn at(&self, row: usize) -> Option<Number> {
        match self {
            Self::Counts(array) => Some(Number::Count(array.value(row))),
            Self::Shares(array) if array.is_null(row) => None,
            Self::Shares(array) => Some(Number::Share(array.value(row))),
        }
    }
}

fn counts(batch: &RecordBatch, name: &str) -> Result<UInt64Array, AnswerError> {
    column(batch, name, &DataType::UInt64)
}

fn texts(batch: &RecordBatch, name: &str) -> Result<StringArray, AnswerError> {
    column(batch, name, &DataType::Utf8)
}

/// A column by its name, in the type that is wanted: the engine may choose a narrower one.
fn column<A: Clone + 'static>(batch: &RecordBatch, name: &str, wanted: &DataType) -> Result<A, AnswerError> {
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
