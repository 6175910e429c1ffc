//! Which ids of a batch the store has already. One of the places outside `sql/` with SQL text: see `lib.rs`.

use std::collections::HashSet;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::IngestError;
use crate::sql::Sql;
use crate::store::Store;

/// Bytes of the ids of one question: with their quoting well below what the engine takes as one statement (4 MiB).
const IDS_BYTES_MAX: usize = 1 << 20;

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
    // The ids travel as one parameter. They contain no line break: normalising refuses control characters.
    for ids in joined(ids) {
        let mut sql = Sql::new("SELECT DISTINCT id FROM events WHERE tenant = ");
        sql.bind(tenant).push(r" AND id IN (SELECT arrayJoin(splitByChar('\n', ").bind(ids).push(")))");
        for batch in store.query(sql).await? {
            let ids = cast(batch.column(0), &DataType::Utf8).map_err(IngestError::Batch)?;
            let ids = ids.as_string::<i32>();
            known.extend((0..ids.len()).map(|row| ids.value(row).to_owned()));
        }
    }
    Ok(known)
}

/// The ids in texts of at most [`IDS_BYTES_MAX`], one a line; an id has 200 characters at most.
fn joined<'a>(ids: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut texts = vec![String::new()];
    for id in ids {
        if let Some(text) = texts.last()
            && IDS_BYTES_MAX < text.len() + id.len()
        {
            texts.push(String::new());
        }
        if let Some(text) = texts.last_mut() {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(id);
        }
    }
    texts
}
