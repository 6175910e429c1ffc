//! Removing rows physically, for an erasure and for what is too old: counted, rewritten without them, and the files of before
//! removed.
//!
//! Conditions name rows by a table that lists them (`erasing`, `retiring`). It never says which rows go: who calls does. Counts
//! are made by changes, which have no limits of readers: a large tenant's rows are more than a question may read.
//!
//! One of the places outside `sql/` with SQL text: see `lib.rs`.

use std::time::Duration;

use super::derive::first_number;
use crate::sql::Sql;
use crate::store::{Sharing, Store, StoreError};

/// Rows that were removed of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    pub table: String,
    pub rows: u64,
}

/// `FROM …`: the rows of a tenant that a condition is true for.
pub(super) fn rows(tenant: &str, table: &'static str, condition: &Sql) -> Sql {
    let mut sql = Sql::new("FROM ");
    sql.push(table).push(" WHERE tenant = ").bind_tenant(tenant).push(" AND (").append(condition).push(")");
    sql
}

/// What a change of rows that another table lists needs: it is waited for, and replicated tables take it only with the second.
/// That every replica has the same list is seen to before ([`same_everywhere`]).
pub(super) const BY_LIST: &str = " SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1";

/// Rows are deleted by a mutation that the statement waits for: a lightweight delete only hides them. What it writes is to be on
/// disk before the files of before go, which the engine does not see to by itself.
pub(super) fn delete(tenant: &str, table: &'static str, condition: &Sql) -> Vec<Sql> {
    let mut sync = Sql::new("ALTER TABLE ").of_tenant(tenant);
    sync.push(table).push(" MODIFY SETTING min_rows_to_fsync_after_merge = 1");
    let mut sql = Sql::new("ALTER TABLE ");
    sql.push(table).push(" DELETE WHERE tenant = ").bind_tenant(tenant).push(" AND (").append(condition);
    sql.push(")").push(BY_LIST);
    vec![sync, sql]
}

/// Waits until all copies have the rows of a list: each of them removes by its own. A change of nothing does it: a replica has
/// done it when it has all rows from before it, and the statement waits for every replica.
///
/// # Errors
/// When the engine fails, or a replica is away: nothing may be removed then.
pub(super) async fn same_everywhere(store: &dyn Store, tenant: &str, list: &'static str) -> Result<(), StoreError> {
    match store.sharing() {
        Sharing::Own => Ok(()),
        Sharing::Shared { .. } => store.execute(nothing_on_all_replicas(tenant, list)).await,
    }
}

fn nothing_on_all_replicas(tenant: &str, list: &'static str) -> Sql {
    let mut sql = Sql::new("ALTER TABLE ");
    sql.push(list).push(" DELETE WHERE tenant = ").bind_tenant(tenant);
    sql.push(" AND what = 'NOTHING' SETTINGS mutations_sync = 2");
    sql
}

/// How often the files of before are looked after while a query still reads them, half a second each.
const CLEANINGS: u32 = 20;

/// Removes the files of before, which the engine would keep for eight minutes. Returns how many parts are still being read:
/// the engine removes those when it is done with them.
pub(super) async fn clean(store: &dyn Store, tenant: &str, table: &'static str) -> Result<u64, StoreError> {
    let alter = |what: &'static str| {
        let mut sql = Sql::new("ALTER TABLE ").of_tenant(tenant);
        sql.push(table).push(what);
        sql
    };
    let mut old = 0;
    for cleaning in 0..CLEANINGS {
        if 0 < cleaning {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        // To drop a partition that is not there makes the engine look for what it can remove, and wait for it.
        let steps = [
            " MODIFY SETTING old_parts_lifetime = 0",
            " DROP PARTITION ID 'none'",
            " RESET SETTING old_parts_lifetime, min_rows_to_fsync_after_merge",
        ];
        store.execute_all(steps.map(alter).into()).await?;
        let mut sql =
            Sql::new("SELECT count() FROM system.parts WHERE database = currentDatabase() AND NOT active AND table = ");
        sql.bind(table);
        let sql = sql.of_tenant(tenant);
        old = first_number(&store.query(sql).await?, 0)?;
        if old == 0 {
            break;
        }
    }
    Ok(old)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No replicated table is here to be asked: the texts are what servers want by their sources.
    #[test]
    fn replicas_are_told_to_remove_by_a_list_that_all_of_them_have() {
        let condition = Sql::new("id IN (SELECT name FROM erasing WHERE what = 'EVENT')");
        let statements = delete("acme", "events", &condition);
        let text = statements.last().map(Sql::text).unwrap_or_default();
        assert_eq!(
            text,
            "ALTER TABLE events DELETE WHERE tenant = ? AND (id IN (SELECT name FROM erasing WHERE what = 'EVENT')) \
             SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1"
        );
        assert_eq!(
            nothing_on_all_replicas("acme", "erasing").text(),
            "ALTER TABLE erasing DELETE WHERE tenant = ? AND what = 'NOTHING' SETTINGS mutations_sync = 2"
        );
    }
}
