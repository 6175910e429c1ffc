//! Group commit: batches that wait for the store at the same time are written together.
//!
//! An insert costs the engine tens of milliseconds whether it has a hundred rows or ten thousand, so a batch that had to
//! wait does not wait for an insert of its own. Each batch still gets its own count of what was new.
//!
//! Whoever has the store's turn writes for all who wait. If that fails nobody is told so: each then writes alone, and
//! pays only for its own rows.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex as PlainMutex, PoisonError};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::error::ArrowError;
use tokio::sync::{Mutex, oneshot};

use super::prepare::BATCH_EVENTS_MAX;
use super::{IngestError, batch, known};
use crate::store::Store;

/// Rows that are ready for the store, with different ids.
#[derive(Clone)]
pub(super) struct Batch {
    pub tenant: String,
    pub ids: Vec<String>,
    pub rows: RecordBatch,
}

/// Batches on their way into one store.
#[derive(Default)]
pub(super) struct Commits {
    waiting: PlainMutex<VecDeque<Waiting>>,
    /// Held from asking which ids are known until they are stored: two requests with the same id at the same time
    /// would otherwise both be told "accepted".
    turn: Mutex<()>,
}

struct Waiting {
    batch: Batch,
    /// Takes how many of its events were new. Dropped when the batch must be written alone.
    done: oneshot::Sender<Result<u64, IngestError>>,
}

impl Commits {
    /// Returns when the batch is stored, with the number of events that were new.
    pub async fn write(&self, store: &dyn Store, batch: Batch) -> Result<u64, IngestError> {
        let (done, mut stored) = oneshot::channel();
        self.lock_waiting().push_back(Waiting { batch: batch.clone(), done });
        let _turn = self.turn.lock().await;
        loop {
            match stored.try_recv() {
                Ok(outcome) => return outcome,
                // The group that it was in failed.
                Err(oneshot::error::TryRecvError::Closed) => {
                    return Ok(write_group(store, &[&batch]).await?[0]);
                }
                // Nobody took it yet, so it is among the first that wait.
                Err(oneshot::error::TryRecvError::Empty) => self.write_first(store).await,
            }
        }
    }

    /// Writes the batches that have waited longest: as many as make one insert.
    async fn write_first(&self, store: &dyn Store) {
        let group = self.take_group();
        let batches: Vec<&Batch> = group.iter().map(|waiting| &waiting.batch).collect();
        let is_alone = batches.len() == 1;
        let outcomes: Vec<Result<u64, IngestError>> = match write_group(store, &batches).await {
            Ok(accepted) => accepted.into_iter().map(Ok).collect(),
            Err(error) if is_alone => vec![Err(error)],
            // Everybody's own attempt will tell.
            Err(_) => return,
        };
        for (waiting, outcome) in group.into_iter().zip(outcomes) {
            // Nobody receives when the server shuts down; what was stored is stored.
            let _ = waiting.done.send(outcome);
        }
    }

    fn take_group(&self) -> Vec<Waiting> {
        let mut waiting = self.lock_waiting();
        let mut group = Vec::new();
        let mut rows = 0;
        while let Some(next) = waiting.front() {
            rows += next.batch.ids.len();
            if !group.is_empty() && BATCH_EVENTS_MAX < rows {
                break;
            }
            group.extend(waiting.pop_front());
        }
        group
    }

    fn lock_waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stores what is new of the batches, and says how much that is of each.
async fn write_group(store: &dyn Store, batches: &[&Batch]) -> Result<Vec<u64>, IngestError> {
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
        store.insert("inbox", rows.clone()).await?;
        store.insert("arrivals", batch::arrivals(&rows).map_err(IngestError::Batch)?).await?;
        store.insert("events", rows).await?;
    }
    Ok(accepted)
}

fn join(batches: &[RecordBatch]) -> Result<Option<RecordBatch>, ArrowError> {
    match batches {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        [first, ..] => concat_batches(&first.schema(), batches).map(Some),
    }
}
