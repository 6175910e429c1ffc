//! What came by the connections of a tenant: counts of the archive of raw payloads, for as long as that keeps its rows.
//!
//! It reads no body: the archive's bodies are nobody's to see.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, UInt64Type};

use crate::model::clock::Millis;
use crate::sql::Sql;

/// What came by one connection in a stretch of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deliveries {
    pub connection: String,
    pub received: u64,
    pub accepted: u64,
    pub duplicates: u64,
    pub rejected: u64,
    pub ignored: u64,
    pub lookups: u64,
    /// Deliveries of which something could not be taken.
    pub troubled: u64,
    pub last_trouble: Option<String>,
    pub lag_p50_seconds: Option<f64>,
    pub lag_p95_seconds: Option<f64>,
    pub last_received_at: Option<Millis>,
}

/// How often a kind came that its connector does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKind {
    pub connection: String,
    pub kind: String,
    pub deliveries: u64,
}

/// Counts by connection since an instant.
pub fn select(tenant: &str, since: Millis) -> Sql {
    // Of a payload that came twice the lag of the first counts: that of the second is the platform's patience.
    let mut sql = Sql::new(
        "SELECT toString(connection), count(), sum(toUInt64(accepted)), sum(toUInt64(duplicates)), sum(toUInt64(rejected)), \
         sum(toUInt64(ignored)), sum(toUInt64(lookups)), countIf(trouble != ''), argMaxIf(trouble, received_at, trouble != ''), \
         quantileExactInclusiveIf(0.5)(lag_ms / 1000, isNotNull(lag_ms) AND accepted > 0) AS p50, \
         quantileExactInclusiveIf(0.95)(lag_ms / 1000, isNotNull(lag_ms) AND accepted > 0) AS p95, \
         countIf(isNotNull(lag_ms) AND accepted > 0), toUnixTimestamp64Milli(max(received_at)) \
         FROM raw_payloads WHERE tenant = ",
    );
    sql.bind_tenant(tenant).push(" AND received_at >= fromUnixTimestamp64Milli(").bind(since);
    sql.push(") GROUP BY connection ORDER BY connection");
    sql
}

/// The rows of an answer to [`select`].
///
/// # Errors
/// When a column is not what it should be.
pub fn read(batches: &[RecordBatch]) -> Result<Vec<Deliveries>, DeliveriesError> {
    let mut found = Vec::new();
    for batch in batches {
        let wrong = |column| DeliveriesError { column };
        let count = |column| batch.column(column).as_primitive_opt::<UInt64Type>().ok_or(wrong(column));
        let text = |column| batch.column(column).as_string_opt::<i32>().ok_or(wrong(column));
        let (connections, troubles) = (text(0)?, text(8)?);
        let counts = [count(1)?, count(2)?, count(3)?, count(4)?, count(5)?, count(6)?, count(7)?];
        let (p50, p95) = (seconds(batch, 9)?, seconds(batch, 10)?);
        let lags = count(11)?;
        let last = batch.column(12).as_primitive_opt::<Int64Type>().ok_or(wrong(12))?;
        for row in 0..batch.num_rows() {
            let [received, accepted, duplicates, rejected, ignored, lookups, troubled] =
                counts.map(|column| column.value(row));
            let trouble = troubles.value(row);
            // Of nothing the engine's quantile is no number.
            let has_lag = 0 < lags.value(row);
            found.push(Deliveries {
                connection: connections.value(row).to_owned(),
                received,
                accepted,
                duplicates,
                rejected,
                ignored,
                lookups,
                troubled,
                last_trouble: (!trouble.is_empty()).then(|| trouble.to_owned()),
                lag_p50_seconds: has_lag.then(|| p50[row]),
                lag_p95_seconds: has_lag.then(|| p95[row]),
                last_received_at: Some(last.value(row)),
            });
        }
    }
    Ok(found)
}

fn seconds(batch: &RecordBatch, column: usize) -> Result<Vec<f64>, DeliveriesError> {
    let values = batch.column(column).as_primitive_opt::<Float64Type>().ok_or(DeliveriesError { column })?;
    Ok((0..values.len()).map(|row| if values.is_null(row) { f64::NAN } else { values.value(row) }).collect())
}

/// When something last came by each connection, as far back as the archive goes: one column of it.
pub fn select_last(tenant: &str) -> Sql {
    let mut sql = Sql::new(
        "SELECT toString(connection), toUnixTimestamp64Milli(max(received_at)) FROM raw_payloads WHERE tenant = ",
    );
    sql.bind_tenant(tenant).push(" GROUP BY connection");
    sql
}

/// The rows of an answer to [`select_last`]: connections and instants.
///
/// # Errors
/// When a column is not what it should be.
pub fn read_last(batches: &[RecordBatch]) -> Result<Vec<(String, Millis)>, DeliveriesError> {
    let mut found = Vec::new();
    for batch in batches {
        let connections = batch.column(0).as_string_opt::<i32>().ok_or(DeliveriesError { column: 0 })?;
        let last = batch.column(1).as_primitive_opt::<Int64Type>().ok_or(DeliveriesError { column: 1 })?;
        found.extend((0..batch.num_rows()).map(|row| (connections.value(row).to_owned(), last.value(row))));
    }
    Ok(found)
}

/// Kinds that connectors did not know, the most frequent of each connection first.
pub fn select_unknown(tenant: &str, since: Millis) -> Sql {
    let mut sql = Sql::new(
        "SELECT toString(connection), toString(arrayJoin(unknown)) AS kind, count() AS deliveries FROM raw_payloads WHERE tenant = ",
    );
    sql.bind_tenant(tenant).push(" AND received_at >= fromUnixTimestamp64Milli(").bind(since);
    // Enough to see what a platform has begun to send.
    sql.push(") GROUP BY connection, kind ORDER BY connection, deliveries DESC, kind LIMIT 20 BY connection");
    sql
}

/// The rows of an answer to [`select_unknown`].
///
/// # Errors
/// When a column is not what it should be.
pub fn read_unknown(batches: &[RecordBatch]) -> Result<Vec<UnknownKind>, DeliveriesError> {
    let mut found = Vec::new();
    for batch in batches {
        let text = |column| batch.column(column).as_string_opt::<i32>().ok_or(DeliveriesError { column });
        let (connections, kinds) = (text(0)?, text(1)?);
        let counts = batch.column(2).as_primitive_opt::<UInt64Type>().ok_or(DeliveriesError { column: 2 })?;
        found.extend((0..batch.num_rows()).map(|row| UnknownKind {
            connection: connections.value(row).to_owned(),
            kind: kinds.value(row).to_owned(),
            deliveries: counts.value(row),
        }));
    }
    Ok(found)
}

/// The engine answered with something else than was asked for.
#[derive(Debug, thiserror::Error)]
#[error("column {column} of what came by the connections has another type")]
pub struct DeliveriesError {
    column: usize,
}
