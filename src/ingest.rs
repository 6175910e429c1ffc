//! An event's way in: bytes → items → normalised events → batches in the store → a receipt.
//!
//! Nothing is answered as accepted before the store has it on disk. A bad item costs only itself; a repeated one
//! is counted and changes nothing. This module does no HTTP, and knows no metric and no viewer.
//!
//! Reading order: [`body`] (decompress), [`lines`] (take apart), [`item`] (one JSON object), [`normalise`] (the rules
//! of an event) with [`reason`] (why not), [`prepare`] (a batch without repeats), [`known`] (which ids are stored
//! already), [`batch`] (Arrow), [`receipt`]. Beside the API's way stand [`file`] (NDJSON, CSV, Parquet, chat
//! histories) and [`generate`] (synthetic traffic).

pub mod batch;
pub mod body;
pub mod file;
pub mod generate;
pub mod item;
mod known;
pub mod lines;
pub mod normalise;
mod prepare;
pub mod reason;
pub mod receipt;

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::{JoinError, spawn_blocking};

pub use self::item::Item;
use self::prepare::{Prepared, prepare};
pub use self::reason::Reason;
pub use self::receipt::{Receipt, Rejection};
use crate::model::Clock;
use crate::store::{Store, StoreError};

/// The way into one store. Cloning it gives another handle to the same door.
#[derive(Clone)]
pub struct Ingest {
    door: Arc<Door>,
}

struct Door {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Held from asking which ids are known until they are stored: two requests with the same id at the same time
    /// would otherwise both be told "accepted".
    writing: Mutex<()>,
}

impl Ingest {
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { door: Arc::new(Door { store, clock, writing: Mutex::new(()) }) }
    }

    /// Takes the items in, in batches. On an error the batches before it are stored: sending everything again is
    /// safe and completes it.
    ///
    /// The work is a task of its own: a client that hangs up stops waiting, it does not stop a write half way, where
    /// the next request could come between its two inserts.
    pub async fn accept<I>(&self, tenant: &str, items: I) -> Result<Receipt, IngestError>
    where
        I: Iterator<Item = Item> + Send + 'static,
    {
        let door = Arc::clone(&self.door);
        let tenant = tenant.to_owned();
        tokio::spawn(async move { door.accept(&tenant, items).await }).await?
    }

    /// Whether the tenant has no event at all.
    pub async fn is_empty(&self, tenant: &str) -> Result<bool, IngestError> {
        known::is_empty(self.door.store.as_ref(), tenant).await
    }
}

impl Door {
    async fn accept<I>(self: Arc<Self>, tenant: &str, items: I) -> Result<Receipt, IngestError>
    where
        I: Iterator<Item = Item> + Send + 'static,
    {
        let mut receipt = Receipt::default();
        let mut preparing = Arc::clone(&self).prepare_next(items);
        loop {
            let (rest, prepared) = preparing.await?;
            let is_last = prepared.is_last;
            // The next batch is read and checked on another thread while the engine writes this one.
            let next = (!is_last).then(|| Arc::clone(&self).prepare_next(rest));
            self.write(tenant, prepared, &mut receipt).await?;
            match next {
                Some(next) => preparing = next,
                None => return Ok(receipt),
            }
        }
    }

    fn prepare_next<I>(self: Arc<Self>, mut items: I) -> tokio::task::JoinHandle<(I, Prepared)>
    where
        I: Iterator<Item = Item> + Send + 'static,
    {
        spawn_blocking(move || {
            let prepared = prepare(&mut items, self.clock.as_ref());
            (items, prepared)
        })
    }

    async fn write(&self, tenant: &str, prepared: Prepared, receipt: &mut Receipt) -> Result<(), IngestError> {
        let Prepared { mut events, repeats, rejected, .. } = prepared;
        let distinct = events.len();
        if distinct != 0 {
            let _writing = self.writing.lock().await;
            let known = known::find(self.store.as_ref(), tenant, &events).await?;
            events.retain(|event| !known.contains(&event.id));
            if !events.is_empty() {
                let rows = batch::build(tenant, &events).map_err(IngestError::Batch)?;
                // First what follows from the events, then the events, which are what "known" means: after a crash
                // in between the sender tries again, and the state tables take the same rows twice without harm.
                self.store.insert("inbox", rows.clone()).await?;
                self.store.insert("events", rows).await?;
            }
        }
        receipt.accepted += events.len() as u64;
        receipt.duplicates += repeats + (distinct - events.len()) as u64;
        for rejection in rejected.listed {
            receipt.reject(rejection);
        }
        receipt.rejected_total += rejected.unlisted;
        Ok(())
    }
}

/// Why items could not be taken in. What was not stored was not accepted: send it again.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error("the store did not take the events")]
    Store(#[from] StoreError),
    #[error("the events do not fit into a batch")]
    Batch(#[source] arrow::error::ArrowError),
    #[error("the work was interrupted")]
    Interrupted(#[from] JoinError),
}

#[cfg(test)]
mod tests;
