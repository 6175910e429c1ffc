//! What the archive still has of a stretch. Payloads are read in the order in which they came.

use super::{Databases, ReplayError, Stretch, first_row, instant, numbers, texts};
use crate::ingest::connector::Payload;
use crate::ingest::raw;
use crate::model::clock::Millis;
use crate::sql::Sql;
use crate::store::{Store, StoreError};

/// Payloads read at once: some megabytes, at worst 150.
const PAGE: i64 = 500;

/// One archived payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    pub received_at: Millis,
    content_type: String,
    body: Vec<u8>,
    hash: String,
}

impl Archived {
    pub fn payload(&self) -> Payload<'_> {
        Payload { body: &self.body, content_type: &self.content_type, received_at: self.received_at }
    }
}

/// What there is to read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub payloads: u64,
    /// Events of the stretch without an archived payload: what a sending system reported of its sends, what came while the
    /// connection kept nothing, or when a write broke off half way. They are copied as they stand.
    pub unarchived: u64,
}

/// Looks whether the archive covers the stretch.
///
/// # Errors
/// [`ReplayError::NotArchived`] when events came by the connection in the stretch before the archive begins,
/// [`ReplayError::NothingArchived`] when it has nothing of the stretch.
pub async fn examine(store: &dyn Store, databases: Databases, stretch: &Stretch) -> Result<Extent, ReplayError> {
    // The archive may well begin before the stretch.
    let mut whole = Sql::new("SELECT toInt64(count()), toInt64(toUnixTimestamp64Milli(min(received_at))) FROM ");
    whole.push(databases.main).push(".raw_payloads WHERE tenant = ").bind(stretch.tenant.as_str());
    whole.push(" AND connection = ").bind(stretch.connection.as_str()).append(&stretch.readable());
    let whole = first_row(&store.query(whole).await?)?;
    let archive_from = (0 < whole[0]).then_some(whole[1]);

    let mut lost = Sql::new("SELECT toInt64(count()), toInt64(toUnixTimestamp64Milli(min(received_at))), ");
    lost.push("toInt64(toUnixTimestamp64Milli(max(received_at))) FROM ").push(databases.main).push(".events WHERE");
    lost.append(&stretch.condition()).push(" AND received_at < ");
    lost.append(&instant(archive_from.unwrap_or(stretch.until)));
    let lost = first_row(&store.query(lost).await?)?;
    let connection = stretch.connection.clone();
    if 0 < lost[0] {
        let (events, first, last) = (lost[0], lost[1], lost[2]);
        return Err(ReplayError::NotArchived { connection, events, first, last, archive_from });
    }

    let mut payloads = Sql::new("SELECT toInt64(count())");
    payloads.append(&stretch.archived(databases));
    let payloads = first_row(&store.query(payloads).await?)?[0];
    if payloads == 0 {
        return Err(ReplayError::NothingArchived { connection, since: stretch.since, until: stretch.until });
    }
    let mut unarchived = Sql::new("SELECT toInt64(count()) FROM ");
    unarchived.push(databases.main).push(".events WHERE").append(&stretch.condition());
    unarchived.push(" AND NOT (").append(&stretch.told_again(databases)).push(")");
    let unarchived = first_row(&store.query(unarchived).await?)?[0];
    Ok(Extent { payloads: payloads.unsigned_abs(), unarchived: unarchived.unsigned_abs() })
}

/// The payloads after the given one, or the first ones. An empty page is the end.
///
/// # Errors
/// When the engine fails.
pub async fn page(
    store: &dyn Store,
    databases: Databases,
    stretch: &Stretch,
    after: Option<&Archived>,
) -> Result<Vec<Archived>, StoreError> {
    let mut sql =
        Sql::new("SELECT toInt64(toUnixTimestamp64Milli(received_at)) AS at, toString(content_type), body, hash");
    sql.append(&stretch.archived(databases));
    if let Some(last) = after {
        // One that is archived twice (an attempt that was repeated) says the same twice, so that it can be passed over.
        sql.push(" AND received_at >= ").append(&instant(last.received_at));
        sql.push(" AND (at, hash) > (").bind(last.received_at).push(", ").bind(last.hash.as_str()).push(")");
    }
    sql.push(" ORDER BY received_at, hash LIMIT ").bind(PAGE);
    let mut page = Vec::new();
    for batch in store.query(sql).await? {
        let (times, types) = (numbers(&batch, 0)?, texts(&batch, 1)?);
        let (bodies, hashes) = (texts(&batch, 2)?, texts(&batch, 3)?);
        for (row, received_at) in times.iter().enumerate() {
            page.push(Archived {
                received_at: *received_at,
                content_type: types.value(row).to_owned(),
                body: raw::read_back(bodies.value(row)),
                hash: hashes.value(row).to_owned(),
            });
        }
    }
    Ok(page)
}
