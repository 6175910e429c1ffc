//! What the engine says of its parts: how many a table has, and which it could not load.
//!
//! A part that is damaged is put aside by the engine when it starts, and its rows are missing from every answer. Nothing
//! here repairs it: see [`super::backup`].

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;

use super::{Store, StoreError};
use crate::sql::Sql;

/// The active parts of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    pub table: String,
    pub parts: u64,
    pub rows: u64,
    pub bytes: u64,
}

/// Parts of a table that the engine put aside for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detached {
    pub table: String,
    /// The engine's own word, such as `broken-on-start`.
    pub reason: String,
    pub parts: u64,
}

/// # Errors
/// When the engine fails.
pub async fn by_table(store: &dyn Store) -> Result<Vec<Parts>, StoreError> {
    let sql = "SELECT table, toUInt64(count()), toUInt64(sum(rows)), toUInt64(sum(bytes_on_disk)) FROM system.parts \
               WHERE active AND database = currentDatabase() GROUP BY table ORDER BY table";
    let mut found = Vec::new();
    for batch in store.query(Sql::new(sql).of_everyone()).await? {
        let tables = batch.column(0).as_string::<i32>();
        let number = |column: usize, row: usize| batch.column(column).as_primitive::<UInt64Type>().value(row);
        for (row, table) in tables.iter().enumerate() {
            let (parts, rows, bytes) = (number(1, row), number(2, row), number(3, row));
            found.push(Parts { table: table.unwrap_or_default().to_owned(), parts, rows, bytes });
        }
    }
    Ok(found)
}

/// # Errors
/// When the engine fails.
pub async fn detached(store: &dyn Store) -> Result<Vec<Detached>, StoreError> {
    // What is covered by a part that was merged of it is no loss.
    let sql = "SELECT table, if(empty(reason), 'detached', toString(reason)) AS why, toUInt64(count()) \
               FROM system.detached_parts WHERE database = currentDatabase() AND reason NOT LIKE 'covered-by%' \
               GROUP BY table, why ORDER BY table, why";
    let mut found = Vec::new();
    for batch in store.query(Sql::new(sql).of_everyone()).await? {
        let (tables, reasons) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        for (row, (table, reason)) in tables.iter().zip(reasons).enumerate() {
            let parts = batch.column(2).as_primitive::<UInt64Type>().value(row);
            let (table, reason) = (table.unwrap_or_default().to_owned(), reason.unwrap_or_default().to_owned());
            found.push(Detached { table, reason, parts });
        }
    }
    Ok(found)
}

/// What the engine counted since the process began, in all databases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineCounts {
    pub rows_read: u64,
    pub rows_inserted: u64,
    pub rows_merged: u64,
}

/// # Errors
/// When the engine fails.
pub async fn counts(store: &dyn Store) -> Result<EngineCounts, StoreError> {
    let sql = "SELECT toUInt64(sumIf(value, event = 'SelectedRows')), toUInt64(sumIf(value, event = 'InsertedRows')), \
               toUInt64(sumIf(value, event = 'MergedRows')) FROM system.events";
    let batches = store.query(Sql::new(sql).of_everyone()).await?;
    let Some(batch) = batches.first() else { return Ok(EngineCounts::default()) };
    let number = |column: usize| batch.column(column).as_primitive::<UInt64Type>().value(0);
    Ok(EngineCounts { rows_read: number(0), rows_inserted: number(1), rows_merged: number(2) })
}
