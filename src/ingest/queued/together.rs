//! The events of one message into the store: one batch for each tenant in it, whatever requests they came by.
//!
//! A message is the same whenever it is delivered, so its batches are too: in the order of the message, an id's first
//! event first.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use crate::ingest::commit::{Batch, Coming, Stretch};
use crate::ingest::prepare::{Prepared, prepare};
use crate::ingest::{Door, Ingest, IngestError, Origin, Rejection, lines::Lines};

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
    pub(super) async fn accept_together(&self, parts: Parts, coming: Coming) -> Result<Refused, IngestError> {
        let ingest = self.clone();
        // A task of its own, as every write of events is.
        tokio::spawn(async move {
            let door = Arc::clone(&ingest.door);
            let (batch, refused) = spawn_blocking(move || join(parts, coming, &ingest.door)).await?;
            if let Some(batch) = batch {
                let written = door.commits.write(Arc::new(batch), door.commits.announce()).await?;
                // The API has said that they are accepted: the queue keeps them until something else does.
                if 0 < written.unkept {
                    return Err(IngestError::Unkept { events: written.unkept });
                }
                door.derivation.tell_stored();
            }
            Ok(refused)
        })
        .await?
    }
}

fn join(parts: Parts, coming: Coming, door: &Door) -> (Option<Batch>, Refused) {
    let mut seen: HashSet<String> = HashSet::new();
    let mut stretches = Vec::new();
    let mut refused = Refused::default();
    for (origin, mut lines) in parts {
        let origin = Arc::new(origin);
        loop {
            let Prepared { mut events, rejected, is_last, .. } =
                prepare(&origin, &mut lines, door.clock.as_ref(), &door.retention);
            refused.count += rejected.listed.len() as u64 + rejected.unlisted;
            refused.first = refused.first.or_else(|| rejected.listed.into_iter().next());
            events.retain(|event| seen.insert(event.id.clone()));
            if !events.is_empty() {
                stretches.push(Stretch { origin: Arc::clone(&origin), events });
            }
            if is_last {
                break;
            }
        }
    }
    let batch = (!stretches.is_empty()).then_some(Batch { stretches, coming });
    (batch, refused)
}
