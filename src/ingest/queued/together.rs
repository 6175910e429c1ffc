//! The events of one message into the store: one batch for each tenant in it, whatever requests they came by.
//!
//! A message is the same whenever it is delivered, so its batches are too: in the order of the message, an id's first
//! event first.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::error::ArrowError;
use tokio::task::spawn_blocking;

use crate::ingest::commit::Batch;
use crate::ingest::prepare::{Prepared, prepare};
use crate::ingest::{Ingest, IngestError, Origin, Rejection, lines::Lines};
use crate::model::Clock;
use crate::store::token::Token;

/// One tenant's events of a message: how each stretch came, and its lines.
pub(super) type Parts = Vec<(Origin, Lines)>;

/// Events that a worker refuses although the API let them pass.
#[derive(Default)]
pub(super) struct Refused {
    pub count: u64,
    pub first: Option<Rejection>,
}

impl Ingest {
    /// Stores the parts of one tenant as one batch. The same parts with the same token are stored once.
    pub(super) async fn accept_together(
        &self,
        tenant: String,
        parts: Parts,
        token: Option<Token>,
    ) -> Result<Refused, IngestError> {
        let ingest = self.clone();
        // A task of its own, as every write of events is.
        tokio::spawn(async move {
            let door = Arc::clone(&ingest.door);
            let (batch, refused) =
                spawn_blocking(move || join(tenant, parts, token, ingest.door.clock.as_ref())).await??;
            if let Some(batch) = batch {
                door.commits.write(door.store.as_ref(), batch).await?;
                door.derivation.tell_stored();
            }
            Ok(refused)
        })
        .await?
    }
}

fn join(
    tenant: String,
    parts: Parts,
    token: Option<Token>,
    clock: &dyn Clock,
) -> Result<(Option<Batch>, Refused), IngestError> {
    let mut seen: HashSet<String> = HashSet::new();
    let (mut all_ids, mut all_rows) = (Vec::new(), Vec::new());
    let mut refused = Refused::default();
    for (origin, mut lines) in parts {
        loop {
            let Prepared { ids, rows, rejected, is_last, .. } = prepare(&origin, &mut lines, clock);
            refused.count += rejected.listed.len() as u64 + rejected.unlisted;
            refused.first = refused.first.or_else(|| rejected.listed.into_iter().next());
            if let Some(rows) = rows.map_err(IngestError::Batch)? {
                let is_new: Vec<bool> = ids.iter().map(|id| seen.insert(id.clone())).collect();
                all_ids.extend(ids.into_iter().zip(&is_new).filter(|(_, is_new)| **is_new).map(|(id, _)| id));
                all_rows.push(only(rows, is_new).map_err(IngestError::Batch)?);
            }
            if is_last {
                break;
            }
        }
    }
    let Some(first) = all_rows.first() else { return Ok((None, refused)) };
    let rows = concat_batches(&first.schema(), &all_rows).map_err(IngestError::Batch)?;
    Ok((Some(Batch { tenant, ids: all_ids, rows, token }), refused))
}

fn only(rows: RecordBatch, wanted: Vec<bool>) -> Result<RecordBatch, ArrowError> {
    match wanted.iter().all(|wanted| *wanted) {
        true => Ok(rows),
        false => filter_record_batch(&rows, &BooleanArray::from(wanted)),
    }
}
