//! Rows of `erasures`: that an erasure began, what it removed of each table, that it ended. Never whom.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use super::listed::Listed;
use super::report::{Erasure, wrong_column};
use super::{Leftovers, Reach};
use crate::model::clock::Millis;
use crate::sql::Sql;
use crate::store::{Store, StoreError};

/// What is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Begun,
    /// With the rows that were counted of the table.
    Removed(&'static str),
    Finished,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Begun => "BEGUN",
            Self::Removed(table) => table,
            Self::Finished => "FINISHED",
        }
    }
}

/// Notes that the erasure began, when it was asked for.
pub(super) async fn note(store: &dyn Store, erasure: &Erasure, step: Step) -> Result<(), StoreError> {
    store.execute_all(vec![statement(erasure, step, erasure.asked_at)]).await
}

pub(super) fn statement(erasure: &Erasure, step: Step, now: Millis) -> Sql {
    let listed = Listed::of(erasure);
    let mut sql =
        Sql::new("INSERT INTO erasures (tenant, erasure, step, contact_hash, reach, asked_by, at, removed) SELECT ");
    sql.bind_tenant(listed.tenant).push(", ").bind(listed.erasure).push(", '").push(step.name()).push("', ");
    sql.bind(erasure.contact_hash.as_str()).push(", '").push(erasure.reach.name()).push("', ");
    sql.bind(erasure.asked_by.as_str()).push(", fromUnixTimestamp64Milli(").bind(now).push(", 'UTC'), ");
    match step {
        Step::Removed(table) => {
            listed.push(&mut sql, "max(key) FROM erasing WHERE what = 'COUNT' AND name = '");
            sql.push(table).push("'");
        }
        Step::Begun | Step::Finished => drop(sql.push("toUInt64(0)")),
    }
    sql
}

/// Erasures that began and did not end, of a tenant or of all.
pub(super) async fn unfinished(store: &dyn Store, tenant: Option<&str>) -> Result<Vec<Erasure>, StoreError> {
    let mut sql = Sql::new(
        "SELECT CAST(tenant, 'String'), max(contact_hash), CAST(max(reach), 'String'), max(asked_by), \
         toUnixTimestamp64Milli(min(at)) AS asked_at FROM erasures",
    );
    match tenant {
        Some(tenant) => drop(sql.push(" WHERE tenant = ").bind_tenant(tenant)),
        None => sql = sql.of_everyone(),
    }
    sql.push(
        " GROUP BY tenant, erasure HAVING countIf(step = 'BEGUN') > 0 AND countIf(step = 'FINISHED') = 0 ORDER BY asked_at",
    );
    let mut erasures = Vec::new();
    for batch in store.query(sql).await? {
        for row in 0..batch.num_rows() {
            let asked_at = batch.column(4).as_primitive_opt::<Int64Type>().ok_or_else(wrong_column)?.value(row);
            let reach = if text(&batch, 2, row)? == Reach::Person.name() { Reach::Person } else { Reach::Contact };
            let (tenant, hash, asked_by) = (text(&batch, 0, row)?, text(&batch, 1, row)?, text(&batch, 3, row)?);
            erasures.push(Erasure::begun(tenant, hash, reach, asked_by, asked_at));
        }
    }
    Ok(erasures)
}

/// Tenants and names of erasures that have listed something and never began: trials and erasures that broke off.
pub(super) async fn never_begun(store: &dyn Store, leftovers: Leftovers) -> Result<Vec<(String, String)>, StoreError> {
    let mut sql = Sql::new(
        "SELECT DISTINCT CAST(tenant, 'String'), erasure FROM erasing \
         WHERE (tenant, erasure) NOT IN (SELECT tenant, erasure FROM erasures WHERE step = 'BEGUN')",
    );
    match leftovers {
        Leftovers::All => {}
        // By the server's clock, by which it was noted when that was.
        Leftovers::Old => drop(sql.push(" AND listed_at < now64(3, 'UTC') - toIntervalDay(1)")),
    }
    let mut found = Vec::new();
    for batch in store.query(sql.of_everyone()).await? {
        for row in 0..batch.num_rows() {
            found.push((text(&batch, 0, row)?, text(&batch, 1, row)?));
        }
    }
    Ok(found)
}

fn text(batch: &RecordBatch, column: usize, row: usize) -> Result<String, StoreError> {
    let texts = batch.column(column).as_string_opt::<i32>().ok_or_else(wrong_column)?;
    Ok(texts.value(row).to_owned())
}
