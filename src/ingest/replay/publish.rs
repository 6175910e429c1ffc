//! The scratch database in the place of the main one, for one tenant.
//!
//! A mark in the scratch database says first whose it is. Then, table by table, the tenant's rows are deleted and those of
//! the scratch database inserted; doing so twice gives the same as once, so that whatever breaks off is begun again from
//! the start. At last the mark goes, and only then the scratch database. So a scratch database with a mark is whole and
//! waits to be published; one without is what is left of a trial.

use super::{Databases, first_row, instant, tables, texts};
use crate::model::clock::Millis;
use crate::sql::Sql;
use crate::store::{Store, StoreError};

/// Makes the mark: from here on the replay is published, now or by the next start.
///
/// # Errors
/// When the engine fails; nothing is published then.
pub async fn mark(scratch: &dyn Store, tenant: &str, now: Millis) -> Result<(), StoreError> {
    let table = Sql::new(
        "CREATE TABLE IF NOT EXISTS publishing (tenant String, begun_at DateTime64(3, 'UTC')) ENGINE = MergeTree \
         ORDER BY tenant SETTINGS fsync_after_insert = 1, fsync_part_directory = 1",
    );
    let mut row = Sql::new("INSERT INTO publishing SELECT ");
    row.bind(tenant).push(", ").append(&instant(now));
    scratch.execute_all(vec![table, row]).await
}

/// The tenant whose publication was begun and not ended.
///
/// # Errors
/// When the engine fails.
pub async fn find_mark(main: &dyn Store, databases: Databases) -> Result<Option<String>, StoreError> {
    let mut sql = Sql::new("SELECT toInt64(count()) FROM system.tables WHERE name = 'publishing' AND database = ");
    sql.bind(databases.scratch);
    if first_row(&main.query(sql).await?)?[0] == 0 {
        return Ok(None);
    }
    let mut sql = Sql::new("SELECT tenant FROM ");
    sql.push(databases.scratch).push(".publishing LIMIT 1");
    let batches = main.query(sql).await?;
    let first = batches.first().filter(|batch| 0 < batch.num_rows());
    first.map(|batch| texts(batch, 0).map(|texts| texts.value(0).to_owned())).transpose()
}

/// The statements that put the tenant's rows of the scratch database in the place of those of the main one.
///
/// Rows are deleted by a mutation that the statement waits for, and not hidden by a lightweight delete: what is replaced
/// or added up by merges must not meet rows of before in any of them.
pub fn statements(databases: Databases, tenant: &str) -> Vec<Sql> {
    let mut statements = Vec::new();
    for table in tables::published() {
        let mut delete = Sql::new("ALTER TABLE ");
        delete.push(databases.main).push(".").push(table).push(" DELETE WHERE tenant = ").bind(tenant);
        delete.push(" SETTINGS mutations_sync = 2");
        let mut insert = Sql::new("INSERT INTO ");
        insert.push(databases.main).push(".").push(table).push(" SELECT ");
        insert.push(if table == "events" { tables::OF_NO_BATCH } else { "*" }).push(" FROM ");
        insert.push(databases.scratch).push(".").push(table).push(" WHERE tenant = ").bind(tenant);
        statements.extend([delete, insert]);
    }
    statements
}

/// Takes the mark away: the main database has everything now.
///
/// # Errors
/// When the engine fails.
pub async fn unmark(main: &dyn Store, databases: Databases) -> Result<(), StoreError> {
    let mut sql = Sql::new("DROP TABLE IF EXISTS ");
    sql.push(databases.scratch).push(".publishing SYNC");
    main.execute(sql).await
}

/// Drops the scratch database. Nobody may have it open, and it must have no mark.
///
/// # Errors
/// When the engine fails.
pub async fn drop_scratch(main: &dyn Store, databases: Databases) -> Result<(), StoreError> {
    let mut sql = Sql::new("DROP DATABASE IF EXISTS ");
    sql.push(databases.scratch).push(" SYNC");
    main.execute(sql).await
}
