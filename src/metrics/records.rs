//! The records behind a number: a page of them, and how many there are.
//!
//! ```text
//! SELECT <columns>, <place> FROM (
//!     SELECT <columns> AS c…, <place> AS p… FROM (<the rows of the number>) WHERE <its conditions> [GROUP BY …]
//! ) WHERE <place> < <the page before> ORDER BY <place> DESC LIMIT <records>
//! ```
//!
//! The rows are those of the number's own statement (see [`compile`](super::compile)): same view, scope, range, filter
//! and terms. Pages go on from a place, never from an offset, so rows that arrive meanwhile shift nothing.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field};

use crate::model::clock::Millis;
use crate::model::{TimeRange, TimeRangeError};
use crate::sql::Sql;

use super::answer::{AnswerError, Line, column};
use super::calendar::Calendar;
use super::catalogue::facts::Rows;
use super::catalogue::{Column, ColumnKind, Dimension, Metric, Record, RecordKind};
use super::compile::{condition, rows};
use super::query::{Grouping, MetricQuery, QueryError, Question};

/// Which rows of a number are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Those that are counted or measured; of a share, those above the line.
    Numerator,
    /// Of a share, those below the line; of anything else the same.
    Denominator,
}

/// A place in the order of records: a time and two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub [i64; 3]);

/// The records behind one number of a total, a step or a group.
#[derive(Clone, Debug)]
pub struct RecordQuery {
    query: MetricQuery,
    metric: &'static Metric,
    record: &'static Record,
    part: Part,
    /// Of a group: what its rows have in common. An absent key is the empty text.
    keys: Vec<(Dimension, String)>,
}

impl RecordQuery {
    /// The records behind `metric` on a line of an answer to `question`, as of `now`.
    ///
    /// A question whose range ends at the present is asked again as it was at that instant, so that all pages belong to
    /// the same number.
    ///
    /// # Errors
    /// When the metric counts nothing of the kind, or cannot stand on such a line.
    pub fn new(
        question: &Question,
        (grouping, line): (&Grouping, &Line),
        (metric, part): (&'static Metric, Part),
        kind: RecordKind,
        now: Millis,
    ) -> Result<Self, RecordError> {
        let mut known = metric.fact.records();
        let record = known.find(|record| record.kind == kind).ok_or_else(|| RecordError::NotOfKind {
            metric: metric.name,
            rows: metric.fact.name,
            kind: kind.name(),
            kinds: metric
                .fact
                .records()
                .map(|record| format!("`{}`", record.kind.name()))
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        let mut question = Question { calendar: question.calendar.at(now), histogram: false, ..question.clone() };
        question.terms.now = now;
        let mut keys = Vec::new();
        let grouping = match grouping {
            Grouping::Total => Grouping::Total,
            Grouping::Every(every) => {
                let key = line.point.map(|point| point.key);
                let points = question.calendar.points(*every, usize::MAX).map_err(QueryError::Calendar)?;
                let point = points.into_iter().find(|point| Some(point.key) == key).ok_or(RecordError::NoSuchStep)?;
                let range =
                    TimeRange::new(point.start, point.end).map_err(|_: TimeRangeError| RecordError::NoSuchStep)?;
                question.calendar = Calendar::new(range, question.calendar.zone());
                Grouping::Total
            }
            Grouping::By(dimensions) => {
                keys.extend(
                    dimensions.iter().copied().zip(line.keys.iter().map(|key| key.clone().unwrap_or_default())),
                );
                grouping.clone()
            }
        };
        let query = MetricQuery::plan(&question, &[metric], &grouping, usize::MAX)?
            .into_iter()
            .find(|query| std::ptr::eq(query.fact(), metric.fact))
            .expect("a plan asks the facts of its metrics");
        Ok(Self { query, metric, record, part, keys })
    }

    pub fn record(&self) -> &'static Record {
        self.record
    }

    /// How many records there are.
    pub fn count(&self) -> Sql {
        let mut sql = Sql::new("SELECT count() AS n FROM (SELECT 1");
        self.append_source(&mut sql);
        sql.push(")");
        sql
    }

    /// At most `records_max` records after a place.
    pub fn page(&self, columns: &[&'static Column], after: Option<Place>, records_max: usize) -> Sql {
        let mut sql = Sql::new("SELECT * FROM (SELECT ");
        append_columns(&mut sql, columns);
        for (index, part) in self.record.place.iter().enumerate() {
            if 0 < index {
                sql.push(", ");
            }
            sql.push(part).name(" AS p", index);
        }
        self.append_source(&mut sql);
        sql.push(")");
        if let Some(Place([at, first, second])) = after {
            sql.push(" WHERE (p0, p1, p2) < (").bind(at).push(", ").bind(first).push(", ").bind(second).push(")");
        }
        sql.push(" ORDER BY p0 DESC, p1 DESC, p2 DESC LIMIT ").bind(i64::try_from(records_max).unwrap_or(i64::MAX));
        sql
    }

    /// `FROM`, `WHERE` and `GROUP BY`.
    fn append_source(&self, sql: &mut Sql) {
        let query = &self.query;
        sql.push(" FROM (SELECT *");
        for (index, (dimension, _)) in self.keys.iter().enumerate() {
            sql.push(", ").push(dimension.expression()).name(" AS g", index);
        }
        sql.push(" FROM (").append(&rows(query)).push(")) WHERE ").append(&condition(query));
        match self.part {
            Part::Numerator => sql.push(" AND ").append(&self.metric.measure.numerator()),
            Part::Denominator => sql.push(" AND (").push(self.metric.measure.population()).push(")"),
        };
        sql.push(" AND ").push(self.record.rows);
        for (index, (_, key)) in self.keys.iter().enumerate() {
            sql.push(" AND ").name("g", index).push(" = ").bind(key.as_str());
        }
        // Nothing is known of a time that has not begun.
        if query.fact().rows == Rows::Spans && query.terms().now <= query.range().from() {
            sql.push(" AND false");
        }
        if !self.record.group.is_empty() {
            sql.push(" GROUP BY ").push(self.record.group);
        }
    }
}

/// What is shown of a record: the columns `c0`, `c1`, …, each with a comma after it.
pub fn append_columns(sql: &mut Sql, columns: &[&'static Column]) {
    for (index, column) in columns.iter().enumerate() {
        sql.push(column.sql).name(" AS c", index).push(", ");
    }
}

/// One record: its place, and what of it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub place: Place,
    cells: Vec<(&'static str, Cell)>,
}

impl Shown {
    /// `None` when the record has no such column or nothing in it.
    pub fn cell(&self, name: &str) -> Option<&Cell> {
        self.cells.iter().find(|(known, _)| *known == name).map(|(_, cell)| cell)
    }
}

/// A value of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Id(u64),
    Text(String),
    Texts(Vec<String>),
    Instant(Millis),
    Count(u64),
    Real(f64),
    Flag(bool),
}

/// Reads what the engine returned for a page.
///
/// # Errors
/// When a column is not of the type that was asked for.
pub fn read_page(columns: &[&'static Column], batches: &[RecordBatch]) -> Result<Vec<Shown>, AnswerError> {
    let mut records = Vec::new();
    for batch in batches {
        let arrays = columns
            .iter()
            .enumerate()
            .map(|(index, known)| Ok((*known, Cells::of(batch, &format!("c{index}"), known.kind)?)))
            .collect::<Result<Vec<_>, AnswerError>>()?;
        let place = |index: usize| column::<Int64Array>(batch, &format!("p{index}"), &DataType::Int64);
        let (at, first, second) = (place(0)?, place(1)?, place(2)?);
        for row in 0..batch.num_rows() {
            let cell = |(known, cells): &(&'static Column, Cells)| cells.at(row).map(|cell| (known.name, cell));
            records.push(Shown {
                place: Place([at.value(row), first.value(row), second.value(row)]),
                cells: arrays.iter().filter_map(cell).collect(),
            });
        }
    }
    Ok(records)
}

/// Reads what the engine returned for a count.
///
/// # Errors
/// When it is no count.
pub fn read_count(batches: &[RecordBatch]) -> Result<u64, AnswerError> {
    let mut count = 0;
    for batch in batches {
        count += column::<UInt64Array>(batch, "n", &DataType::UInt64)?.iter().flatten().sum::<u64>();
    }
    Ok(count)
}

enum Cells {
    Ids(UInt64Array),
    Texts(StringArray),
    Lists(ListArray),
    Instants(Int64Array),
    Counts(UInt64Array),
    Seconds(Float64Array),
    Reals(Float64Array),
    Flags(UInt64Array),
}

impl Cells {
    fn of(batch: &RecordBatch, name: &str, kind: ColumnKind) -> Result<Self, AnswerError> {
        Ok(match kind {
            ColumnKind::Id => Self::Ids(column(batch, name, &DataType::UInt64)?),
            ColumnKind::Name | ColumnKind::Text => Self::Texts(column(batch, name, &DataType::Utf8)?),
            ColumnKind::Texts => {
                let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
                Self::Lists(column(batch, name, &list)?)
            }
            ColumnKind::At | ColumnKind::Instant => Self::Instants(column(batch, name, &DataType::Int64)?),
            ColumnKind::Count => Self::Counts(column(batch, name, &DataType::UInt64)?),
            ColumnKind::Seconds => Self::Seconds(column(batch, name, &DataType::Float64)?),
            ColumnKind::Real => Self::Reals(column(batch, name, &DataType::Float64)?),
            ColumnKind::Flag => Self::Flags(column(batch, name, &DataType::UInt64)?),
        })
    }

    fn at(&self, row: usize) -> Option<Cell> {
        match self {
            Self::Ids(array) => Some(Cell::Id(array.value(row))),
            Self::Texts(array) => {
                let text = array.value(row);
                (!text.is_empty()).then(|| Cell::Text(text.to_owned()))
            }
            Self::Lists(array) => {
                let list = array.value(row);
                Some(Cell::Texts(list.as_string::<i32>().iter().flatten().map(str::to_owned).collect()))
            }
            Self::Instants(array) => (array.value(row) != 0).then(|| Cell::Instant(array.value(row))),
            Self::Counts(array) => Some(Cell::Count(array.value(row))),
            Self::Seconds(array) => array.is_valid(row).then(|| Cell::Real(array.value(row) / 1_000.0)),
            Self::Reals(array) => array.is_valid(row).then(|| Cell::Real(array.value(row))),
            Self::Flags(array) => Some(Cell::Flag(array.value(row) != 0)),
        }
    }
}

/// Why there are no such records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("`{metric}` has no `{kind}` behind it: it counts {rows}; ask for {kinds}")]
    NotOfKind { metric: &'static str, rows: &'static str, kind: &'static str, kinds: String },
    /// A cursor of another question can ask for it.
    #[error("the series has no such step")]
    NoSuchStep,
    #[error(transparent)]
    Query(#[from] QueryError),
}
