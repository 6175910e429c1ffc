//! What is still to be asked, and how far histories were read, in the store. One of the places outside `sql/` with SQL text:
//! see `lib.rs`.
//!
//! Rows are only added, and say the same when they are added twice.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, TimestampMillisecondArray, UInt64Array};
use arrow::datatypes::{Int64Type, UInt64Type};
use arrow::error::ArrowError;

use crate::ingest::IngestError;
use crate::ingest::connection::Connection;
use crate::model::clock::{DAY_MS, Millis};
use crate::sql::Sql;
use crate::store::columns::{numbers, texts};
use crate::store::{Store, StoreError};

/// After so long nobody asks any more; the table forgets a day later.
const PENDING_MS: Millis = 90 * DAY_MS;

/// How long a lookup rests that the platform refused: who may see it changes seldom.
pub const REFUSED_REST_MS: Millis = 3_600_000;

/// Lookups that one payload may name; platforms name one.
const NAMED_MAX: usize = 1_000;

/// Something that was named and not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    pub lookup: String,
    /// When it was named last.
    pub named_at: Millis,
}

/// Notes what a payload names: later than all that was named before, so that no answer to that covers it, also where the
/// clock was stepped back.
pub async fn note(
    store: &dyn Store,
    of: &Connection,
    lookups: &[String],
    received_at: Millis,
) -> Result<(), IngestError> {
    let lookups = &lookups[..lookups.len().min(NAMED_MAX)];
    if lookups.is_empty() {
        return Ok(());
    }
    let named_at = received_at.max(last_named(store, of, lookups).await?.saturating_add(1));
    insert(store, of, lookups, Marks { named_at, answered_to: 0, not_before: 0 }).await
}

/// When the latest of them was named; 0 when none was.
async fn last_named(store: &dyn Store, of: &Connection, lookups: &[String]) -> Result<Millis, StoreError> {
    let mut sql = Sql::new("SELECT toUnixTimestamp64Milli(max(named_at)) FROM pending_lookups WHERE tenant = ");
    sql.bind_tenant(&of.tenant).push(" AND connection = ").bind(of.name.as_str());
    sql.push(" AND lookup IN ").bind_list(lookups.iter().map(String::as_str));
    Ok(first_of::<Int64Type>(&store.query(sql).await?).unwrap_or_default())
}

/// Notes that an answer covers all that was named until then.
pub async fn settle(store: &dyn Store, of: &Connection, pending: &Pending) -> Result<(), IngestError> {
    let marks = Marks { named_at: pending.named_at, answered_to: pending.named_at, not_before: 0 };
    insert(store, of, std::slice::from_ref(&pending.lookup), marks).await
}

/// Notes that it was asked for in vain: it goes behind what was not asked for since, and waits until then.
pub async fn postpone(
    store: &dyn Store,
    of: &Connection,
    pending: &Pending,
    not_before: Millis,
) -> Result<(), IngestError> {
    let marks = Marks { named_at: pending.named_at, answered_to: 0, not_before };
    insert(store, of, std::slice::from_ref(&pending.lookup), marks).await
}

/// The instants of a row; 0 says nothing.
struct Marks {
    named_at: Millis,
    answered_to: Millis,
    not_before: Millis,
}

async fn insert(store: &dyn Store, of: &Connection, lookups: &[String], marks: Marks) -> Result<(), IngestError> {
    let count = lookups.len();
    let columns: [(&str, ArrayRef); 6] = [
        ("tenant", repeated(&of.tenant, count)),
        ("connection", repeated(&of.name, count)),
        ("lookup", Arc::new(StringArray::from_iter_values(lookups))),
        ("named_at", instants(marks.named_at, count)),
        ("answered_to", instants(marks.answered_to, count)),
        ("not_before", instants(marks.not_before, count)),
    ];
    let rows = rows(columns).map_err(IngestError::Batch)?;
    Ok(store.insert("pending_lookups", rows, None).await?)
}

/// What is to be asked next: what was asked in vain comes last, and before that what was named first.
pub async fn next(store: &dyn Store, of: &Connection, now: Millis) -> Result<Option<Pending>, StoreError> {
    let mut sql = Sql::new("SELECT lookup, toUnixTimestamp64Milli(max(named_at)) AS named FROM pending_lookups WHERE ");
    push_pending(&mut sql, of, now);
    sql.push(" AND (max(not_before) <= fromUnixTimestamp64Milli(").bind(now);
    // Further ahead than anything is put off: the clock was stepped back.
    sql.push(") OR fromUnixTimestamp64Milli(").bind(now.saturating_add(REFUSED_REST_MS)).push(") < max(not_before))");
    sql.push(" ORDER BY max(not_before), named, lookup LIMIT 1");
    for batch in store.query(sql).await? {
        let named = numbers::<Int64Type>(&batch, 1)?;
        let mut pairs =
            texts(&batch, 0)?.iter().zip(named.iter()).filter_map(|(lookup, named_at)| lookup.zip(named_at));
        if let Some((lookup, named_at)) = pairs.next() {
            return Ok(Some(Pending { lookup: lookup.to_owned(), named_at }));
        }
    }
    Ok(None)
}

/// What is to be asked of one connection's platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub tenant: String,
    pub connection: String,
    pub lookups: u64,
    /// When that was named that waits longest.
    pub since: Millis,
}

/// How much is to be asked, by connection: of one tenant, or of all.
pub fn select_waiting(tenant: Option<&str>, now: Millis) -> Sql {
    let mut sql = Sql::new(
        "SELECT toString(tenant), toString(connection), count(), toUnixTimestamp64Milli(min(named)) FROM \
         (SELECT tenant, connection, max(named_at) AS named FROM pending_lookups WHERE true",
    );
    if let Some(tenant) = tenant {
        sql.push(" AND tenant = ").bind_tenant(tenant);
    }
    sql.push(" GROUP BY tenant, connection, lookup");
    push_having(&mut sql, now);
    sql.push(") GROUP BY tenant, connection ORDER BY tenant, connection");
    // A tenant lies on one shard, so that no row of one shard continues one of another.
    if tenant.is_none() { sql.of_everyone() } else { sql }
}

/// The rows of an answer to [`select_waiting`].
///
/// # Errors
/// When the columns of it are others.
pub fn read_waiting(batches: &[RecordBatch]) -> Result<Vec<Waiting>, StoreError> {
    let mut found = Vec::new();
    for batch in batches {
        let (tenants, connections) = (texts(batch, 0)?, texts(batch, 1)?);
        let (counts, named) = (numbers::<UInt64Type>(batch, 2)?, numbers::<Int64Type>(batch, 3)?);
        found.extend((0..batch.num_rows()).map(|row| Waiting {
            tenant: tenants.value(row).to_owned(),
            connection: connections.value(row).to_owned(),
            lookups: counts.value(row),
            since: named.value(row),
        }));
    }
    Ok(found)
}

fn push_pending(sql: &mut Sql, of: &Connection, now: Millis) {
    sql.push("tenant = ").bind_tenant(&of.tenant).push(" AND connection = ").bind(of.name.as_str());
    sql.push(" GROUP BY lookup");
    push_having(sql, now);
}

fn push_having(sql: &mut Sql, now: Millis) {
    sql.push(" HAVING max(answered_to) < max(named_at)");
    sql.push(" AND fromUnixTimestamp64Milli(").bind(now.saturating_sub(PENDING_MS)).push(") < max(named_at)");
}

/// How far a history was read; `None`: not at all.
pub async fn position(store: &dyn Store, of: &Connection, history: &str) -> Result<Option<u64>, StoreError> {
    let mut sql = Sql::new("SELECT toUInt64(max(position)) FROM history_positions WHERE tenant = ");
    sql.bind_tenant(&of.tenant).push(" AND connection = ").bind(of.name.as_str());
    sql.push(" AND history = ").bind(history);
    let batches = store.query(sql).await?;
    Ok(first_of::<UInt64Type>(&batches).filter(|position| 0 < *position))
}

/// Notes that a history was read up to a position, and stored.
pub async fn move_to(
    store: &dyn Store,
    of: &Connection,
    history: &str,
    position: u64,
    read_at: Millis,
) -> Result<(), IngestError> {
    let columns: [(&str, ArrayRef); 5] = [
        ("tenant", repeated(&of.tenant, 1)),
        ("connection", repeated(&of.name, 1)),
        ("history", repeated(history, 1)),
        ("position", Arc::new(UInt64Array::from_iter_values([position]))),
        ("read_at", instants(read_at, 1)),
    ];
    let rows = rows(columns).map_err(IngestError::Batch)?;
    Ok(store.insert("history_positions", rows, None).await?)
}

fn first_of<T: arrow::datatypes::ArrowPrimitiveType>(batches: &[RecordBatch]) -> Option<T::Native> {
    let column = batches.first()?.column(0).as_primitive_opt::<T>()?;
    (!column.is_empty()).then(|| column.value(0))
}

fn repeated(text: &str, count: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, count)))
}

fn instants(at: Millis, count: usize) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from_iter_values(std::iter::repeat_n(at, count)).with_timezone("UTC"))
}

fn rows<const N: usize>(columns: [(&str, ArrayRef); N]) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, false)))
}
