//! What the log of events says of batches by their numbers: how far what follows from them is written, and what there is to
//! be written again. One of the places outside `sql/` with SQL text: see `lib.rs`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use arrow::array::{Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::UInt64Type;
use arrow::error::ArrowError;

use crate::ingest::batch;
use crate::sql::Sql;
use crate::store::{Store, StoreError, columns};

/// Rows that are read at a time, where they have to be tried one by one.
const PAGE_ROWS: i64 = 20_000;

/// What follows from events, written from the log: an insert into a table, before `FROM events`. The columns of `inbox` are
/// those of `events` in their order, but for the last: a test holds it.
pub const FOLLOWS: [&str; 2] = [
    "INSERT INTO inbox SELECT * EXCEPT (batch)",
    "INSERT INTO arrivals SELECT tenant, kind, channel, account, chat, dialog, contact, identities",
];

/// The number of the last batch that what follows from is written of; 0 where there is none.
pub async fn fed(store: &dyn Store) -> Result<u64, StoreError> {
    number(store, Sql::new("SELECT max(batch) FROM fed")).await
}

/// A name that no other opening of the log has or had.
pub async fn name_of_opening(store: &dyn Store) -> Result<String, StoreError> {
    let answer = store.query(Sql::new("SELECT toString(generateUUIDv4())")).await?;
    let names = answer.first().map(|batch| columns::texts(batch, 0)).transpose()?;
    let name = names.and_then(|names| names.iter().flatten().next().map(str::to_owned));
    name.ok_or_else(|| StoreError::Engine { code: 0, message: "the engine gives no name".to_owned() })
}

/// The number of the last batch of the log after one; 0 where there is none.
pub async fn last_after(store: &dyn Store, after: u64) -> Result<u64, StoreError> {
    let mut sql = Sql::new("SELECT max(batch) FROM events WHERE batch > ");
    // Batches are counted from 1 up: no number is too large for the parameter.
    sql.bind(after.cast_signed());
    number(store, sql).await
}

/// Whose the batches are.
pub async fn tenants(store: &dyn Store, numbers: &RangeInclusive<u64>) -> Result<BTreeSet<String>, StoreError> {
    let mut tenants = BTreeSet::new();
    for batch in store.query(of_batches("SELECT DISTINCT toString(tenant)", numbers)).await? {
        tenants.extend(columns::texts(&batch, 0)?.iter().flatten().map(str::to_owned));
    }
    Ok(tenants)
}

/// Writes what follows from the batches, and how far that is.
pub async fn follow(store: &dyn Store, numbers: &RangeInclusive<u64>) -> Result<(), StoreError> {
    let [inbox, arrivals] = FOLLOWS.map(|text| of_batches(text, numbers));
    let mut done = Sql::new("INSERT INTO fed (whole, batch) SELECT 0, toUInt64(");
    done.bind(numbers.end().cast_signed()).push(")");
    store.execute_all(vec![inbox, arrivals, done]).await
}

/// The rows of the batches from one place on as they were stored; none when there are no more.
pub async fn rows(store: &dyn Store, numbers: &RangeInclusive<u64>, from: i64) -> Result<RecordBatch, StoreError> {
    let columns = batch::build(&[]).map_err(|error| wrong(&error))?;
    let schema = columns.schema();
    let mut sql = of_batches("SELECT * EXCEPT (batch)", numbers);
    sql.push(" ORDER BY batch, tenant, id LIMIT ").bind(PAGE_ROWS).push(" OFFSET ").bind(from);
    let mut read = vec![columns];
    for batch in store.query(sql).await? {
        let columns = batch.columns().iter().zip(schema.fields());
        let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<Vec<_>, _>>();
        let batch = columns.and_then(|columns| RecordBatch::try_new(schema.clone(), columns));
        read.push(batch.map_err(|error| wrong(&error))?);
    }
    super::join(&read).map_err(|error| wrong(&error))
}

fn of_batches(select: &'static str, numbers: &RangeInclusive<u64>) -> Sql {
    let mut sql = Sql::new(select);
    sql.push(" FROM events WHERE batch >= ").bind(numbers.start().cast_signed());
    sql.push(" AND batch <= ").bind(numbers.end().cast_signed());
    sql
}

/// All batches have the columns of one program.
pub fn wrong(error: &ArrowError) -> StoreError {
    StoreError::WrongColumns { table: "inbox", reason: error.to_string() }
}

async fn number(store: &dyn Store, sql: Sql) -> Result<u64, StoreError> {
    let answer = store.query(sql).await?;
    let column = answer.first().map(|batch| columns::numbers::<UInt64Type>(batch, 0)).transpose()?;
    Ok(column.filter(|column| !column.is_empty()).map_or(0, |column| column.value(0)))
}
