//! Batches of events into the store: what waits at the same time is written together, and each batch gets its own count
//! of what was new.

use std::collections::HashSet;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::error::ArrowError;

use super::group::Groups;
use super::prepare::BATCH_EVENTS_MAX;
use super::{IngestError, batch, known};
use crate::store::Store;
use crate::store::token::Token;

/// Rows that are ready for the store, with different ids.
#[derive(Clone)]
pub(super) struct Batch {
    pub tenant: String,
    pub ids: Vec<String>,
    pub rows: RecordBatch,
    /// What the batch is known by, where the very same one can come again. It is then never joined with others.
    pub token: Option<Token>,
}

/// Batches on their way into one store. The turn of a group is held from asking which ids are known until they are stored:
/// two requests with the same id at the same time would otherwise both be told "accepted".
pub(super) struct Commits {
    groups: Groups<Batch, u64, IngestError>,
}

impl Default for Commits {
    fn default() -> Self {
        Self { groups: Groups::of(BATCH_EVENTS_MAX) }
    }
}

impl Commits {
    /// Returns when the batch is stored, with the number of events that were new.
    pub async fn write(&self, store: &dyn Store, batch: Batch) -> Result<u64, IngestError> {
        let weight = if batch.token.is_some() { BATCH_EVENTS_MAX } else { batch.ids.len() };
        self.groups.write(batch, weight, async |batches| write_group(store, &batches).await).await
    }
}

/// Stores what is new of the batches, and says how much that is of each.
async fn write_group(store: &dyn Store, batches: &[Batch]) -> Result<Vec<u64>, IngestError> {
    let mut known: HashSet<(&str, String)> = HashSet::new();
    let tenants: HashSet<&str> = batches.iter().map(|batch| batch.tenant.as_str()).collect();
    for tenant in tenants {
        let ids = batches.iter().filter(|batch| batch.tenant == tenant).flat_map(|batch| &batch.ids);
        let found = known::find(store, tenant, ids).await?;
        known.extend(found.into_iter().map(|id| (tenant, id)));
    }
    let mut accepted = Vec::with_capacity(batches.len());
    let mut new = Vec::with_capacity(batches.len());
    for batch in batches {
        // An id that two batches bring is the first one's.
        let is_new: Vec<bool> = batch.ids.iter().map(|id| known.insert((&batch.tenant, id.clone()))).collect();
        let count = is_new.iter().filter(|is_new| **is_new).count();
        accepted.push(count as u64);
        if count == batch.ids.len() {
            new.push(batch.rows.clone());
        } else if 0 < count {
            new.push(filter_record_batch(&batch.rows, &BooleanArray::from(is_new)).map_err(IngestError::Batch)?);
        }
    }
    if let Some(rows) = join(&new).map_err(IngestError::Batch)? {
        // First what follows from the events, then the mark that something is to be derived from it, then the events,
        // which are what "known" means: after a crash in between the sender tries again, and the state tables take the
        // same rows twice without harm.
        store.insert("inbox", rows.clone(), None).await?;
        store.insert("arrivals", batch::arrivals(&rows).map_err(IngestError::Batch)?, None).await?;
        store.insert("events", rows, token_of(batches)).await?;
    }
    Ok(accepted)
}

/// Only what is alone keeps its token: another group would be other rows.
fn token_of(batches: &[Batch]) -> Option<Token> {
    match batches {
        [one] => one.token,
        _ => None,
    }
}

fn join(batches: &[RecordBatch]) -> Result<Option<RecordBatch>, ArrowError> {
    match batches {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        [first, ..] => concat_batches(&first.schema(), batches).map(Some),
    }
}
