//! What the engine says of its parts: how many a table has, and which it could not load.
//!
//! A part that is damaged is put aside by the engine when it starts, and its rows are missing from every answer. Nothing
//! here repairs it: see [`super::backup`]. Of a store of several shards it is the sum of what each says.

use std::collections::BTreeMap;

use arrow::datatypes::UInt64Type;

use super::columns::{numbers, texts};
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

impl Parts {
    fn none(table: &str) -> Self {
        Self { table: table.to_owned(), parts: 0, rows: 0, bytes: 0 }
    }
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
    let mut found: BTreeMap<String, Parts> = BTreeMap::new();
    for batch in store.query(Sql::new(sql).of_everyone()).await? {
        let columns = [1, 2, 3].map(|column| numbers::<UInt64Type>(&batch, column));
        let [parts, rows, bytes] = columns;
        let (parts, rows, bytes) = (parts?, rows?, bytes?);
        for (row, table) in texts(&batch, 0)?.iter().enumerate() {
            let table = table.unwrap_or_default();
            let of = found.entry(table.to_owned()).or_insert_with(|| Parts::none(table));
            of.parts += parts.value(row);
            of.rows += rows.value(row);
            of.bytes += bytes.value(row);
        }
    }
    Ok(found.into_values().collect())
}

/// # Errors
/// When the engine fails.
pub async fn detached(store: &dyn Store) -> Result<Vec<Detached>, StoreError> {
    // What is covered by a part that was merged of it is no loss.
    let sql = "SELECT table, if(empty(reason), 'detached', toString(reason)) AS why, toUInt64(count()) \
               FROM system.detached_parts WHERE database = currentDatabase() AND reason NOT LIKE 'covered-by%' \
               GROUP BY table, why ORDER BY table, why";
    let mut found: BTreeMap<(String, String), u64> = BTreeMap::new();
    for batch in store.query(Sql::new(sql).of_everyone()).await? {
        let parts = numbers::<UInt64Type>(&batch, 2)?;
        for (row, (table, reason)) in texts(&batch, 0)?.iter().zip(texts(&batch, 1)?).enumerate() {
            let (table, reason) = (table.unwrap_or_default().to_owned(), reason.unwrap_or_default().to_owned());
            *found.entry((table, reason)).or_default() += parts.value(row);
        }
    }
    let found = found.into_iter();
    Ok(found.map(|((table, reason), parts)| Detached { table, reason, parts }).collect())
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
    let mut counts = EngineCounts::default();
    for batch in store.query(Sql::new(sql).of_everyone()).await? {
        let first = |column: usize| Ok::<_, StoreError>(numbers::<UInt64Type>(&batch, column)?.value(0));
        counts.rows_read += first(0)?;
        counts.rows_inserted += first(1)?;
        counts.rows_merged += first(2)?;
    }
    Ok(counts)
}
