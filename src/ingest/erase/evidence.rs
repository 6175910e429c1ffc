//! Rows of `erasures`: that an erasure began, what it removed of each table, that it ended. Never whom.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use super::Reach;
use super::report::{Erasure, wrong_column};
use crate::model::clock::Millis;
use crate::sql::Sql;
use crate::store::{Store, StoreError};

/// What is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Begun,
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

pub(super) async fn note(
    store: &dyn Store,
    erasure: &Erasure,
    step: Step,
    rows: u64,
    now: Millis,
) -> Result<(), StoreError> {
    let mut sql =
        Sql::new("INSERT INTO erasures (tenant, erasure, step, contact_hash, reach, asked_by, at, removed) SELECT ");
    sql.bind_tenant(&erasure.tenant).push(", ").bind(erasure.id()).push(", '").push(step.name()).push("', ");
    sql.bind(erasure.contact_hash.as_str()).push(", '").push(erasure.reach.name()).push("', ");
    sql.bind(erasure.asked_by.as_str()).push(", fromUnixTimestamp64Milli(").bind(now).push(", 'UTC'), toUInt64(");
    sql.bind(rows.to_string()).push(")");
    store.execute_all(vec![sql]).await
}

/// The erasure that began and did not end. There is one at most: the next begins after it.
pub(super) async fn unfinished(store: &dyn Store) -> Result<Option<Erasure>, StoreError> {
    let sql = Sql::new(
        "SELECT CAST(tenant, 'String'), max(contact_hash), CAST(max(reach), 'String'), max(asked_by), \
         toUnixTimestamp64Milli(min(at)) FROM erasures \
         GROUP BY tenant, erasure HAVING countIf(step = 'BEGUN') > 0 AND countIf(step = 'FINISHED') = 0 LIMIT 1",
    );
    let batches = store.query(sql.of_everyone()).await?;
    let Some(batch) = batches.first().filter(|batch| 0 < batch.num_rows()) else { return Ok(None) };
    let text = |column: usize| {
        let texts = batch.column(column).as_string_opt::<i32>().ok_or_else(wrong_column)?;
        Ok::<_, StoreError>(texts.value(0).to_owned())
    };
    let asked_at = batch.column(4).as_primitive_opt::<Int64Type>().ok_or_else(wrong_column)?.value(0);
    let reach = if text(2)? == Reach::Person.name() { Reach::Person } else { Reach::Contact };
    Ok(Some(Erasure::begun(text(0)?, text(1)?, reach, text(3)?, asked_at)))
}
