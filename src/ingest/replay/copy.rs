//! Filling the scratch database with all of the tenant that the archive does not tell again. The engine copies by itself;
//! no row passes through here.

use super::tables::{self, Door};
use super::{Databases, Stretch};
use crate::sql::Sql;
use crate::store::{Store, StoreError};

/// Blocks of a size that feeds can work on side by side without gigabytes in memory.
const IN_BLOCKS: &str = " SETTINGS min_insert_block_size_rows = 262144, min_insert_block_size_bytes = 134217728";

/// Copies what is kept, through the same doors by which it came.
///
/// # Errors
/// When the engine fails.
pub async fn copy_kept(scratch: &dyn Store, databases: Databases, stretch: &Stretch) -> Result<(), StoreError> {
    let mut statements = Vec::new();
    for (log, doors) in tables::told() {
        statements.extend(doors.iter().map(|door| copy(log, door, databases, stretch)));
    }
    scratch.execute_all(statements).await
}

fn copy(log: &'static str, door: &Door, databases: Databases, stretch: &Stretch) -> Sql {
    let mut sql = Sql::new("INSERT INTO ");
    sql.push(databases.scratch).push(".").push(door.table).push(" SELECT ");
    for (index, column) in door.columns.iter().enumerate() {
        sql.push(if index == 0 { "" } else { ", " }).push(column);
    }
    if door.columns.is_empty() {
        sql.push("*");
    }
    sql.push(" FROM ").push(databases.main).push(".").push(log).push(" WHERE tenant = ").bind(stretch.tenant.as_str());
    sql.push(" AND NOT (").append(&stretch.told_again(databases)).push(")").push(IN_BLOCKS);
    sql
}
