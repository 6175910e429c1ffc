//! Which ids of a batch the store has already. One of the two places outside `sql/` with SQL text: see `lib.rs`.

use std::collections::HashSet;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::IngestError;
use crate::sql::Sql;
use crate::store::Store;

/// Ids of one question: at most 2 MB of parameters (200 characters each), and 10,000 rows of answer.
const IDS_MAX: usize = 10_000;

/// Whether the store has no event of the tenant.
pub(super) async fn is_empty(store: &dyn Store, tenant: &str) -> Result<bool, IngestError> {
    let mut sql = Sql::new("SELECT 1 FROM events WHERE tenant = ");
    sql.bind(tenant).push(" LIMIT 1");
    Ok(store.query(sql).await?.iter().all(|batch| batch.num_rows() == 0))
}

pub(super) async fn find(
    store: &dyn Store,
    tenant: &str,
    ids: impl Iterator<Item = &String> + Send,
) -> Result<HashSet<String>, IngestError> {
    let mut known = HashSet::new();
    let ids: Vec<&str> = ids.map(String::as_str).collect();
    for ids in ids.chunks(IDS_MAX) {
        // The ids travel as one parameter. They contain no line break: normalising refuses control characters.
        let mut sql = Sql::new("SELECT DISTINCT id FROM events WHERE tenant = ");
        sql.bind(tenant).push(r" AND id IN (SELECT arrayJoin(splitByChar('\n', ").bind(ids.join("\n")).push(")))");
        for batch in store.query(sql).await? {
            let ids = cast(batch.column(0), &DataType::Utf8).map_err(IngestError::Batch)?;
            let ids = ids.as_string::<i32>();
            known.extend((0..ids.len()).map(|row| ids.value(row).to_owned()));
        }
    }
    Ok(known)
}
