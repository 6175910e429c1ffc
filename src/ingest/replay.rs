//! Reading the archive of raw payloads again, with the connectors as they are now, beside what stands.
//!
//! Events are only ever added, and everything else follows from them, so a better reading cannot be put in the place of a
//! worse one. Instead the tenant is built a second time in a scratch database: what did not come by the connection in the
//! stretch is copied ([`copy`]), what did is read again from the [`archive`] and taken in as it was the first time
//! ([`mod@read`]). What differs is in [`differences`]; [`publish`] puts the second in the place of the first. Which tables
//! there are, and what becomes of each, is in [`tables`].
//!
//! Until it is published the main database is read and never changed. One of the places outside `sql/` with SQL text: see
//! `lib.rs`. Figures are compared by `app::replay`, which may know the metrics.

pub mod archive;
pub mod copy;
pub mod differences;
pub mod publish;
pub mod read;
pub mod tables;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;

use super::IngestError;
use crate::model::clock::Millis;
use crate::sql::Sql;
use crate::store::StoreError;

/// The database that everybody reads, and the one in which a replay is tried.
#[derive(Clone, Copy, Debug)]
pub struct Databases {
    pub main: &'static str,
    pub scratch: &'static str,
}

/// What is read again: all that came by a connection within `[since, until)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub tenant: String,
    pub connection: String,
    pub since: Millis,
    pub until: Millis,
    /// A payload that has expired by then may be gone at any time, and so counts as gone.
    pub now: Millis,
}

impl Stretch {
    /// ` tenant = … AND connection = … AND received_at …`: the rows of a table that came by the connection in the stretch.
    fn condition(&self) -> Sql {
        let mut sql = Sql::new(" tenant = ");
        sql.bind(self.tenant.as_str()).push(" AND connection = ").bind(self.connection.as_str());
        sql.push(" AND received_at >= ").append(&instant(self.since));
        sql.push(" AND received_at < ").append(&instant(self.until));
        sql
    }

    /// ` FROM … WHERE …`: the payloads that can be read again.
    fn archived(&self, databases: Databases) -> Sql {
        let mut sql = Sql::new(" FROM ");
        sql.push(databases.main).push(".raw_payloads WHERE").append(&self.condition()).append(&self.readable());
        sql
    }

    /// A connection that keeps nothing has rows without bodies.
    fn readable(&self) -> Sql {
        let mut sql = Sql::new(" AND notEmpty(body) AND toInt64(toUnixTimestamp(expires_at)) * 1000 > ");
        sql.bind(self.now);
        sql
    }

    /// The rows of the stretch that the archive tells again: each was received at the instant of its payload.
    fn told_again(&self, databases: Databases) -> Sql {
        let mut sql = self.condition();
        sql.push(" AND received_at IN (SELECT received_at").append(&self.archived(databases)).push(")");
        sql
    }
}

fn instant(at: Millis) -> Sql {
    let mut sql = Sql::new("fromUnixTimestamp64Milli(");
    sql.bind(at).push(", 'UTC')");
    sql
}

/// A column of whole numbers; statements make them `Int64`.
fn numbers(batch: &RecordBatch, column: usize) -> Result<&[i64], StoreError> {
    let numbers = batch.column(column).as_primitive_opt::<Int64Type>().filter(|numbers| numbers.null_count() == 0);
    numbers.map(|numbers| numbers.values().as_ref()).ok_or_else(wrong_column)
}

fn texts(batch: &RecordBatch, column: usize) -> Result<&StringArray, StoreError> {
    batch.column(column).as_string_opt::<i32>().filter(|texts| texts.null_count() == 0).ok_or_else(wrong_column)
}

/// The first row of an answer that has one row of numbers.
fn first_row(batches: &[RecordBatch]) -> Result<Vec<i64>, StoreError> {
    let batch = batches.first().filter(|batch| 0 < batch.num_rows()).ok_or_else(wrong_column)?;
    (0..batch.num_columns()).map(|column| numbers(batch, column).map(|numbers| numbers[0])).collect()
}

fn wrong_column() -> StoreError {
    StoreError::Engine {
        code: 0,
        message: "an answer about a replay has other columns than it was asked for".to_owned(),
    }
}

/// Why a replay cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(
        "{events} events came by `{connection}` from {} to {}, when its archive had not begun (or not any more): they cannot be \
         read again. {}",
        shown(*.first), shown(*.last), advice(*.archive_from)
    )]
    NotArchived { connection: String, events: i64, first: Millis, last: Millis, archive_from: Option<Millis> },
    #[error(
        "nothing that came by `{connection}` from {} to {} is archived: nothing to read again (is `keep_days` of the \
         connection 0, or does the stretch lie elsewhere?)",
        shown(*.since), shown(*.until)
    )]
    NothingArchived { connection: String, since: Millis, until: Millis },
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("a payload of the archive could not be taken in again")]
    Ingest(#[from] IngestError),
}

fn advice(archive_from: Option<Millis>) -> String {
    match archive_from {
        Some(at) => format!("The archive begins at {0}: give --since {0} or a later time", shown(at)),
        None => "Nothing of this connection is archived".to_owned(),
    }
}

/// An instant as it can be given back to `--since`.
pub fn shown(at: Millis) -> String {
    let time = chrono::DateTime::from_timestamp_millis(at).unwrap_or_default();
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
