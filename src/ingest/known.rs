//! Which ids of a batch the store has already. One of the places outside `sql/` with SQL text: see `lib.rs`.
//!
//! To look ids up costs more the longer the history is, because each lies somewhere else in it. Where this process is the only
//! one that writes, a [`filter`] in memory says of nearly every new id that it is new, and only the rest is looked up.

mod filter;

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use self::filter::Filter;
use super::IngestError;
use crate::sql::Sql;
use crate::store::{Store, StoreError, columns};

/// Bytes of the ids of one question: with their quoting well below what the engine takes as one statement (4 MiB).
const IDS_BYTES_MAX: usize = 1 << 20;

/// Ids that are read at a time while the filter is filled: about 20 MB.
const PAGE_IDS: usize = 500_000;

/// What this process knows of the ids by itself.
#[derive(Default)]
pub(super) struct Known {
    /// `None`: nothing.
    memory: Option<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    filter: Filter,
    /// Whether all that was stored before is in it.
    is_whole: bool,
}

impl Known {
    /// For a process that is the only one that writes. It has to be [filled](Known::fill) before it is of use.
    pub fn remembering() -> Self {
        Self { memory: Some(Mutex::default()) }
    }

    /// Those of the ids that may be stored.
    pub fn suspects<'a>(&self, tenant: &str, ids: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        match self.lock().filter(|memory| memory.is_whole) {
            None => ids.collect(),
            Some(memory) => ids.filter(|id| memory.filter.may_hold(tenant, id)).collect(),
        }
    }

    /// To be told before the ids are written, so that those of a write that failed are looked up the next time.
    pub fn note<'a>(&self, tenant: &str, ids: impl Iterator<Item = &'a str>) {
        if let Some(mut memory) = self.lock() {
            ids.for_each(|id| memory.filter.note(tenant, id));
        }
    }

    /// Reads the ids of the store; what is noted meanwhile is noted too. Until it has ended every id is looked up.
    pub async fn fill(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut after = (String::new(), String::new());
        while self.memory.is_some() {
            let ids = page(store, &after).await?;
            let Some(last) = ids.last() else { break };
            after.clone_from(last);
            let Some(mut memory) = self.lock() else { break };
            ids.iter().for_each(|(tenant, id)| memory.filter.note(tenant, id));
        }
        if let Some(mut memory) = self.lock() {
            memory.is_whole = true;
        }
        Ok(())
    }

    fn lock(&self) -> Option<MutexGuard<'_, Memory>> {
        Some(self.memory.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Ids after one, in their order.
async fn page(store: &dyn Store, after: &(String, String)) -> Result<Vec<(String, String)>, StoreError> {
    let mut sql = Sql::new("SELECT toString(tenant), id FROM events WHERE (tenant, id) > (");
    sql.bind(after.0.as_str()).push(", ").bind(after.1.as_str());
    sql.push(") ORDER BY tenant, id LIMIT ").bind(PAGE_IDS as i64);
    let mut ids = Vec::new();
    for batch in store.query(sql).await? {
        let (tenants, found) = (columns::texts(&batch, 0)?, columns::texts(&batch, 1)?);
        ids.extend((0..found.len()).map(|row| (tenants.value(row).to_owned(), found.value(row).to_owned())));
    }
    Ok(ids)
}

/// Whether the store has no event of the tenant.
pub(super) async fn is_empty(store: &dyn Store, tenant: &str) -> Result<bool, IngestError> {
    let mut sql = Sql::new("SELECT 1 FROM events WHERE tenant = ");
    sql.bind_tenant(tenant).push(" LIMIT 1");
    Ok(store.query(sql).await?.iter().all(|batch| batch.num_rows() == 0))
}

/// Those of the ids that are stored.
pub(super) async fn find(store: &dyn Store, tenant: &str, ids: &[&str]) -> Result<HashSet<String>, IngestError> {
    let mut known = HashSet::new();
    // Ids contain no line break: normalising refuses control characters.
    for ids in divided(ids) {
        let mut sql = Sql::new("SELECT DISTINCT id FROM events WHERE tenant = ");
        sql.bind_tenant(tenant).push(" AND id IN ").bind_lines(ids);
        for batch in store.query(sql).await? {
            let ids = cast(batch.column(0), &DataType::Utf8).map_err(IngestError::Batch)?;
            let ids = ids.as_string::<i32>();
            known.extend((0..ids.len()).map(|row| ids.value(row).to_owned()));
        }
    }
    Ok(known)
}

/// The ids in lists that take at most [`IDS_BYTES_MAX`], one a line; an id has 200 characters at most. No list for no ids.
fn divided<'a>(ids: &'a [&'a str]) -> Vec<&'a [&'a str]> {
    let mut lists = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, id) in ids.iter().enumerate() {
        if from < at && IDS_BYTES_MAX < bytes + id.len() {
            lists.push(&ids[from..at]);
            (from, bytes) = (at, 0);
        }
        // With its line break.
        bytes += id.len() + 1;
    }
    if from < ids.len() {
        lists.push(&ids[from..]);
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_divided_where_a_list_is_full() {
        assert!(divided(&[]).is_empty());
        // Two of them and the break between them fill a list.
        let (half, rest) = ("a".repeat(IDS_BYTES_MAX / 2), "b".repeat(IDS_BYTES_MAX / 2 - 1));
        assert_eq!(divided(&[&half, &rest, "c"]), [&[&half[..], &rest][..], &["c"]]);
        assert_eq!(divided(&[&half, &half, "c"]), [&[&half[..]][..], &[&half, "c"]]);
    }
}
