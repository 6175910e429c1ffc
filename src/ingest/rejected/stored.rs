//! Rejected lines into the store and out of it. One of the places outside `sql/` with SQL text: see `lib.rs`.
//!
//! Rows are only added: the engine merges those of one line.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMillisecondArray, TimestampSecondArray, UInt8Array,
    UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, UInt8Type, UInt64Type};
use arrow::error::ArrowError;

use super::{RejectedBy, Way};
use crate::ingest::feed::FOLLOWS;
use crate::model::TimeRange;
use crate::model::clock::Millis;
use crate::sql::Sql;

pub const TABLE: &str = "rejected_events";

/// What came of submitting a line again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Rejected,
    Stored,
}

impl Outcome {
    /// As the column `outcome` has it, where 0 is nothing: the greatest is the best.
    fn number(self) -> u8 {
        match self {
            Self::Rejected => 1,
            Self::Stored => 2,
        }
    }

    fn parse(number: u8) -> Option<Self> {
        [Self::Rejected, Self::Stored].into_iter().find(|outcome| outcome.number() == number)
    }
}

/// One row of `rejected_events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub tenant: String,
    pub raw: String,
    pub head: Head,
}

/// The rows as a batch with the columns of the table.
pub fn build<'a>(rows: impl Iterator<Item = &'a Row>) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<&Row> = rows.collect();
    let text = |field: fn(&Row) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| field(row))))
    };
    let number = |field: fn(&Row) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| field(row))))
    };
    let small = |field: fn(&Row) -> u8| -> ArrayRef {
        Arc::new(UInt8Array::from_iter_values(rows.iter().map(|row| field(row))))
    };
    let instant = |field: fn(&Row) -> Millis| -> ArrayRef {
        let instants = rows.iter().map(|row| field(row));
        Arc::new(TimestampMillisecondArray::from_iter_values(instants).with_timezone("UTC"))
    };
    let expires = rows.iter().map(|row| row.head.expires_at_seconds);
    let columns: [(&str, ArrayRef); 17] = [
        ("tenant", text(|row| &row.tenant)),
        ("key", text(|row| &row.head.key)),
        ("connection", text(|row| &row.head.connection)),
        ("way", text(|row| row.head.way.as_str())),
        ("origin", text(|row| row.head.by.name())),
        ("event_id", text(|row| &row.head.event_id)),
        ("code", text(|row| &row.head.code)),
        ("reason", text(|row| &row.head.reason)),
        ("raw", text(|row| &row.raw)),
        ("raw_bytes", number(|row| row.head.raw_bytes)),
        ("is_whole", small(|row| u8::from(row.head.is_whole))),
        ("times_seen", number(|row| row.head.times_seen)),
        ("first_at", instant(|row| row.head.first_at)),
        ("last_at", instant(|row| row.head.last_at)),
        ("resubmitted_at", instant(|row| row.head.resubmitted_at.unwrap_or(NEVER))),
        ("outcome", small(|row| row.head.outcome.map_or(0, Outcome::number))),
        ("expires_at", Arc::new(TimestampSecondArray::from_iter_values(expires).with_timezone("UTC"))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, false)))
}

/// Which lines of a tenant are meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Which {
    /// `None` means all; none of a tenant's means none.
    pub keys: Option<Vec<String>>,
    pub by: Option<RejectedBy>,
    pub connection: Option<String>,
    /// When they came first.
    pub range: Option<TimeRange>,
    /// Only those that can be submitted again: whole, and not stored by now.
    pub open_only: bool,
}

/// Where a line stands among those of a tenant: the latest is the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub first_at: Millis,
    pub key: String,
}

/// When a line was submitted again that never was.
const NEVER: Millis = 0;

/// A line without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub key: String,
    pub connection: String,
    pub way: Way,
    pub by: RejectedBy,
    pub event_id: String,
    pub code: String,
    pub reason: String,
    pub raw_bytes: u64,
    pub is_whole: bool,
    pub times_seen: u64,
    pub first_at: Millis,
    pub last_at: Millis,
    pub resubmitted_at: Option<Millis>,
    pub outcome: Option<Outcome>,
    pub expires_at_seconds: i64,
}

/// How many there are.
pub fn select_count(tenant: &str, which: &Which) -> Sql {
    let mut sql = Sql::new("SELECT count()");
    push_source(&mut sql, tenant, which);
    sql
}

/// The latest lines behind a position.
pub fn select_page(tenant: &str, which: &Which, after: Option<&Position>, most: usize) -> Sql {
    let mut sql = select_heads(tenant, which);
    if let Some(Position { first_at, key }) = after {
        sql.push(" AND (first_at, key) < (fromUnixTimestamp64Milli(").bind(*first_at);
        sql.push("), ").bind(key.as_str()).push(")");
    }
    sql.push(" ORDER BY first_at DESC, key DESC LIMIT ").bind(count(most));
    sql
}

/// The lines that were not submitted again, or not for the longest time; of those the ones that came first.
pub fn select_untried(tenant: &str, which: &Which, most: usize) -> Sql {
    let mut sql = select_heads(tenant, which);
    sql.push(" ORDER BY resubmitted_at, first_at, key LIMIT ").bind(count(most));
    sql
}

/// The texts of lines by their keys: read apart, for only those of a page are needed.
pub fn select_raw(tenant: &str, keys: &[&str]) -> Sql {
    let mut sql = Sql::new("SELECT key, max(raw) FROM rejected_events WHERE tenant = ");
    sql.bind_tenant(tenant);
    push_keys(&mut sql, keys);
    sql.push(" GROUP BY key");
    sql
}

fn select_heads(tenant: &str, which: &Which) -> Sql {
    let mut sql = Sql::new(
        "SELECT key, toString(connection), toString(way), toString(origin), event_id, code, reason, raw_bytes, is_whole, \
         times_seen, toUnixTimestamp64Milli(first_at), toUnixTimestamp64Milli(last_at), \
         toUnixTimestamp64Milli(resubmitted_at), outcome, toInt64(toUnixTimestamp(expires_at))",
    );
    push_source(&mut sql, tenant, which);
    sql
}

fn push_source(sql: &mut Sql, tenant: &str, which: &Which) {
    sql.push(" FROM (SELECT * EXCEPT (raw) FROM rejected_events FINAL WHERE tenant = ").bind_tenant(tenant);
    if let Some(keys) = &which.keys {
        push_keys(sql, &keys.iter().map(String::as_str).collect::<Vec<_>>());
    }
    sql.push(") WHERE true");
    if let Some(by) = which.by {
        sql.push(" AND origin = ").bind(by.name());
    }
    if let Some(connection) = &which.connection {
        sql.push(" AND connection = ").bind(connection.as_str());
    }
    if let Some(range) = which.range {
        sql.push(" AND first_at >= fromUnixTimestamp64Milli(").bind(range.from());
        sql.push(") AND first_at < fromUnixTimestamp64Milli(").bind(range.to()).push(")");
    }
    if which.open_only {
        sql.push(" AND is_whole = 1 AND outcome < ").bind(i64::from(Outcome::Stored.number()));
    }
}

/// What writes to the tables that follow from events what the log has of these ids: from `inbox` every state table
/// follows, `arrivals` marks what is to be derived anew. Ids have no line break.
pub fn count_in(tenant: &str, ids: &[&str]) -> Vec<Sql> {
    let insert = |text| {
        let mut sql = Sql::new(text);
        sql.push(" FROM events WHERE tenant = ").bind_tenant(tenant);
        sql.push(" AND id IN ").bind_lines(ids);
        sql
    };
    FOLLOWS.map(insert).into()
}

fn push_keys(sql: &mut Sql, keys: &[&str]) {
    sql.push(" AND key IN ").bind_lines(keys);
}

fn count(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// The number that an answer to [`select_count`] has.
///
/// # Errors
/// When the engine answers something else.
pub fn read_count(batches: &[RecordBatch]) -> Result<u64, ArrowError> {
    let Some(batch) = batches.iter().find(|batch| 0 < batch.num_rows()) else { return Ok(0) };
    Ok(cast(batch.column(0), &DataType::UInt64)?.as_primitive::<UInt64Type>().value(0))
}

/// The lines of an answer, in its order.
///
/// # Errors
/// When the engine answers something else.
pub fn read_heads(batches: &[RecordBatch]) -> Result<Vec<Head>, ArrowError> {
    let mut heads = Vec::new();
    for batch in batches {
        let column = |index: usize, of: DataType| cast(batch.column(index), &of);
        let texts = (0..7).map(|index| column(index, DataType::Utf8)).collect::<Result<Vec<_>, _>>()?;
        let text = |index: usize, row: usize| texts[index].as_string::<i32>().value(row).to_owned();
        let (raw_bytes, times_seen) = (column(7, DataType::UInt64)?, column(9, DataType::UInt64)?);
        let (is_whole, outcome) = (column(8, DataType::UInt8)?, column(13, DataType::UInt8)?);
        let instants = [10, 11, 12, 14].map(|index| column(index, DataType::Int64));
        let [first_at, last_at, resubmitted_at, expires_at] = instants;
        let (first_at, last_at, resubmitted_at, expires_at) = (first_at?, last_at?, resubmitted_at?, expires_at?);
        let instant = |of: &ArrayRef, row: usize| of.as_primitive::<Int64Type>().value(row);
        heads.extend((0..batch.num_rows()).map(|row| Head {
            key: text(0, row),
            connection: text(1, row),
            way: Way::parse(&text(2, row)),
            by: RejectedBy::parse(&text(3, row)),
            event_id: text(4, row),
            code: text(5, row),
            reason: text(6, row),
            raw_bytes: raw_bytes.as_primitive::<UInt64Type>().value(row),
            is_whole: is_whole.as_primitive::<UInt8Type>().value(row) != 0,
            times_seen: times_seen.as_primitive::<UInt64Type>().value(row),
            first_at: instant(&first_at, row),
            last_at: instant(&last_at, row),
            resubmitted_at: Some(instant(&resubmitted_at, row)).filter(|at| *at != NEVER),
            outcome: Outcome::parse(outcome.as_primitive::<UInt8Type>().value(row)),
            expires_at_seconds: instant(&expires_at, row),
        }));
    }
    Ok(heads)
}

/// Keys and texts of an answer to [`select_raw`], in no order.
///
/// # Errors
/// When the engine answers something else.
pub fn read_raw(batches: &[RecordBatch]) -> Result<Vec<(String, String)>, ArrowError> {
    let mut found = Vec::new();
    for batch in batches {
        let (keys, texts) = (cast(batch.column(0), &DataType::Utf8)?, cast(batch.column(1), &DataType::Utf8)?);
        let (keys, texts) = (keys.as_string::<i32>(), texts.as_string::<i32>());
        found.extend((0..keys.len()).map(|row| (keys.value(row).to_owned(), texts.value(row).to_owned())));
    }
    Ok(found)
}

/// As many of the lines, from the first on, as have no more text together than this; at least one.
pub fn within_bytes(heads: &[Head], bytes_max: u64) -> usize {
    let mut bytes = 0_u64;
    let fits = |head: &&Head| {
        bytes = bytes.saturating_add(head.raw_bytes);
        bytes <= bytes_max
    };
    heads.iter().take_while(fits).count().max(usize::from(!heads.is_empty()))
}
