//! Filling the scratch database with all of the tenant that the archive does not tell again. The engine copies by itself;
//! no row passes through here.
//!
//! An event names its connection and the instant at which it was received, not its payload. What a sending system reports of
//! its sends names a connection too, and was never archived: as a rule it is known by an instant at which no payload came,
//! and copied first. Where a report and a payload share a millisecond the archive accounts for fewer events than there
//! are, and nobody can say which: of these, what was not told again is copied afterwards, so that none is lost.

use super::tables::{self, Door};
use super::{Databases, Stretch};
use crate::sql::Sql;
use crate::store::{Store, StoreError};

/// Blocks of a size that feeds can work on side by side without gigabytes in memory.
const IN_BLOCKS: &str = " SETTINGS min_insert_block_size_rows = 262144, min_insert_block_size_bytes = 134217728";

/// Copies what is kept, through the same doors by which it came. Before anything is read again.
///
/// # Errors
/// When the engine fails.
pub async fn copy_kept(scratch: &dyn Store, databases: Databases, stretch: &Stretch) -> Result<(), StoreError> {
    let mut kept = Sql::new(" AND NOT (");
    kept.append(&stretch.told_again(databases)).push(")");
    let logs = tables::told();
    let statements = logs.flat_map(|(log, doors, _)| copies(log, doors, databases, stretch, &kept));
    scratch.execute_all(statements.collect()).await
}

/// Copies the events that may be no payload's, and were not told again. After everything was read again.
///
/// # Errors
/// When the engine fails.
pub async fn copy_doubtful(scratch: &dyn Store, databases: Databases, stretch: &Stretch) -> Result<(), StoreError> {
    let of_stretch = stretch.condition();
    let mut doubtful = Sql::new(" AND");
    doubtful.append(&of_stretch).push(" AND received_at IN (SELECT received_at FROM");
    doubtful.push(" (SELECT received_at, count() AS stored FROM ").push(databases.main).push(".events WHERE");
    doubtful.append(&of_stretch).push(" GROUP BY received_at) AS e INNER JOIN");
    doubtful.push(" (SELECT received_at, sum(toUInt64(accepted)) AS told").append(&stretch.archived(databases));
    doubtful.push(" GROUP BY received_at) AS p USING (received_at) WHERE stored > told)");
    doubtful.push(" AND id NOT IN (SELECT id FROM ").push(databases.scratch).push(".events WHERE tenant = ");
    doubtful.bind(stretch.tenant.as_str()).push(")");
    let logs = tables::told().filter(|(log, ..)| *log == "events");
    let statements = logs.flat_map(|(log, doors, _)| copies(log, doors, databases, stretch, &doubtful));
    scratch.execute_all(statements.collect()).await
}

/// The tenant's rows of a log for which a condition holds, through each of its doors.
fn copies(
    log: &'static str,
    doors: &'static [Door],
    databases: Databases,
    stretch: &Stretch,
    condition: &Sql,
) -> Vec<Sql> {
    let copy = |door: &Door| {
        let mut sql = Sql::new("INSERT INTO ");
        sql.push(databases.scratch).push(".").push(door.table).push(" SELECT ");
        for (index, column) in door.columns.iter().enumerate() {
            sql.push(if index == 0 { "" } else { ", " }).push(column);
        }
        if door.columns.is_empty() {
            sql.push("*");
        }
        sql.push(" FROM ").push(databases.main).push(".").push(log).push(" WHERE tenant = ");
        sql.bind(stretch.tenant.as_str()).append(condition).push(IN_BLOCKS);
        sql
    };
    doors.iter().map(copy).collect()
}
