//! An event's way in: bytes → items → normalised events → batches in the store → a receipt.
//!
//! Nothing is answered as accepted before the store has it on disk. A bad item costs only itself; a repeated one
//! is counted and changes nothing. This module does no HTTP, and knows no metric and no viewer.
//!
//! Reading order: [`body`] (decompress), [`lines`] (take apart), [`item`] (one JSON object), [`normalise`] (the rules
//! of an event) with [`reason`] (why not), [`mod@prepare`] (a batch without repeats), [`batch`] (Arrow), [`commit`] (into the
//! store) in [`mod@group`]s, [`known`] (which ids are stored already), [`receipt`]. What platforms send comes by
//! [`receive`]: a [`connector`] reads it for its [`connection`], [`raw`] keeps it, [`deal`] makes conversions of it; what
//! they do not send is asked for by [`errands`], and what they answer to a send comes by [`sends`]. What follows from the
//! events is kept by [`mod@derive`], afterwards. [`mod@replay`] reads the archive again beside what stands; [`mod@erase`] removes what is known of a contact. Beside the API's
//! way stand [`mod@file`] (NDJSON, CSV,
//! Parquet, chat histories) and [`generate`] (synthetic traffic).

pub mod batch;
pub mod body;
mod commit;
pub mod connection;
pub mod connector;
pub mod deal;
pub mod derive;
pub mod erase;
pub mod errands;
pub mod file;
pub mod generate;
mod group;
pub mod item;
mod known;
pub mod lines;
pub mod normalise;
mod prepare;
pub mod raw;
pub mod reason;
pub mod receipt;
pub mod receive;
pub mod replay;
pub mod sends;

use std::sync::Arc;

use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use self::commit::{Batch, Commits};
use self::deal::Book;
use self::derive::Derivation;
use self::group::Groups;
pub use self::item::Item;
use self::prepare::{Prepared, prepare};
use self::raw::RawPayload;
pub use self::reason::Reason;
pub use self::receipt::{Receipt, Rejection};
use crate::model::Clock;
use crate::model::clock::Millis;
use crate::store::{Store, StoreError};

/// The way into one store. Cloning it gives another handle to the same door.
#[derive(Clone)]
pub struct Ingest {
    door: Arc<Door>,
}

struct Door {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    commits: Commits,
    archive: Groups<RawPayload, (), IngestError>,
    deals: Book,
    derivation: Derivation,
}

/// Whose events these are, and how they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    pub tenant: String,
    /// The connection by which they came or whose sends they report; empty for events that a sending system sent itself.
    pub connection: String,
    /// When they arrived; `None` is now.
    pub received_at: Option<Millis>,
    /// Until when times are believed, where that is later than their arrival: what follows from events of other deliveries
    /// can be later than this one.
    pub believed_until: Option<Millis>,
}

impl Ingest {
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let derivation = Derivation::new(Arc::clone(&store));
        let archive = Groups::of(receive::ARCHIVED_BYTES_MAX);
        Self {
            door: Arc::new(Door {
                store,
                clock,
                commits: Commits::default(),
                archive,
                deals: Book::default(),
                derivation,
            }),
        }
    }

    /// What is derived from what comes in here.
    pub fn derivation(&self) -> &Derivation {
        &self.door.derivation
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
        self.accept_from(Origin { tenant: tenant.to_owned(), ..Origin::default() }, items).await
    }

    /// The same for items of any origin.
    ///
    /// # Errors
    /// As [`Ingest::accept`].
    pub async fn accept_from<I>(&self, origin: Origin, items: I) -> Result<Receipt, IngestError>
    where
        I: Iterator<Item = Item> + Send + 'static,
    {
        let door = Arc::clone(&self.door);
        tokio::spawn(async move { door.accept(Arc::new(origin), items).await }).await?
    }

    /// Whether the tenant has no event at all.
    pub async fn is_empty(&self, tenant: &str) -> Result<bool, IngestError> {
        known::is_empty(self.door.store.as_ref(), tenant).await
    }
}

impl Door {
    async fn accept<I>(self: Arc<Self>, origin: Arc<Origin>, items: I) -> Result<Receipt, IngestError>
    where
        I: Iterator<Item = Item> + Send + 'static,
    {
        let mut receipt = Receipt::default();
        let mut preparing = Arc::clone(&self).prepare_next(&origin, items);
        loop {
            let (rest, prepared) = preparing.await?;
            let is_last = prepared.is_last;
            // The next batch is read and checked on another thread while the engine writes this one.
            let next = (!is_last).then(|| Arc::clone(&self).prepare_next(&origin, rest));
            self.write(&origin.tenant, prepared, &mut receipt).await?;
            match next {
                Some(next) => preparing = next,
                None => return Ok(receipt),
            }
        }
    }

    fn prepare_next<I>(self: Arc<Self>, origin: &Arc<Origin>, mut items: I) -> JoinHandle<(I, Prepared)>
    where
        I: Iterator<Item = Item> + Send + 'static,
    {
        let origin = Arc::clone(origin);
        spawn_blocking(move || {
            let prepared = prepare(&origin, &mut items, self.clock.as_ref());
            (items, prepared)
        })
    }

    async fn write(&self, tenant: &str, prepared: Prepared, receipt: &mut Receipt) -> Result<(), IngestError> {
        let Prepared { ids, rows, repeats, rejected, .. } = prepared;
        let distinct = ids.len() as u64;
        let mut accepted = 0;
        if let Some(rows) = rows.map_err(IngestError::Batch)? {
            let batch = Batch { tenant: tenant.to_owned(), ids, rows };
            accepted = self.commits.write(self.store.as_ref(), batch).await?;
            self.derivation.tell_stored();
        }
        receipt.accepted += accepted;
        receipt.duplicates += repeats + distinct - accepted;
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
