//! An event's way in: bytes → items → normalised events → batches in the store → a receipt.
//!
//! Nothing is answered as accepted before the store, or where there is a queue the stream, has it on disk. A bad item
//! costs only itself; a repeated one is counted and changes nothing. This module does no HTTP, and knows no metric and
//! no viewer.
//!
//! Reading order: [`body`] (decompress), [`lines`] (take apart), [`item`] (one JSON object), [`normalise`] (the rules
//! of an event) with [`reason`] (why not), [`mod@prepare`] (a batch without repeats), [`batch`] (Arrow), [`commit`]
//! (into the store) in [`mod@group`]s, [`known`] (which ids are stored already), [`receipt`]. What platforms send comes
//! by [`receive`]: a [`connector`] reads it for its [`connection`], [`raw`] keeps it, [`deal`] makes conversions of it;
//! what they do not send is asked for by [`errands`], and what they answer to a send comes by [`sends`]. Where there is
//! a queue between the API and the store, [`queued`] is before all that. What cannot be stored is found by
//! [`mod@bisect`] and kept by [`rejected`]. What follows from the events is written by [`mod@feed`] and kept by
//! [`mod@derive`], afterwards. [`mod@replay`] reads the archive again beside what stands; [`mod@erase`] removes what is
//! known of a contact, [`mod@retention`] what is older than it may be kept, both by [`mod@removal`]. [`upkeep`] has all
//! this go on for as long as a store is open. What came in is counted by [`meters`]. Beside the API's way stand
//! [`mod@file`] (NDJSON, CSV, Parquet, chat histories) and [`generate`] (synthetic traffic).

pub mod batch;
mod bisect;
pub mod body;
mod commit;
pub mod connection;
pub mod connector;
pub mod deal;
pub mod derive;
pub mod erase;
pub mod errands;
mod feed;
pub mod file;
pub mod generate;
mod group;
pub mod item;
mod known;
pub mod lines;
pub mod meters;
pub mod normalise;
mod prepare;
pub mod queued;
pub mod raw;
pub mod reason;
pub mod receipt;
pub mod receive;
pub mod rejected;
mod removal;
pub mod replay;
pub mod retention;
pub mod sends;
mod spans;
mod threads;
pub mod upkeep;

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, OwnedRwLockReadGuard, RwLock};
use tokio::task::JoinError;
use tracing::Instrument;

use self::commit::{Batch, Commits, Following, Written};
use self::deal::Book;
use self::derive::Derivation;
use self::feed::Feed;
use self::group::{Announced, Groups};
pub use self::item::Item;
use self::meters::Meters;
use self::prepare::{Prepared, prepare};
use self::raw::RawPayload;
pub use self::reason::Reason;
pub use self::receipt::{Receipt, Rejection};
use self::rejected::{Allowance, Line, RejectedBy, Rejections, Way};
use self::retention::Keeping;
use self::threads::{Amount, work};
use crate::model::Clock;
use crate::model::clock::Millis;
use crate::model::retention::Retention;
use crate::queue::QueueError;
use crate::store::{Sharing, Store, StoreError};

/// The way into one store. Cloning it gives another handle to the same door.
#[derive(Clone)]
pub struct Ingest {
    door: Arc<Door>,
}

struct Door {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    commits: Commits,
    following: Following,
    archive: Groups<RawPayload, (), IngestError>,
    deals: Book,
    derivation: Derivation,
    meters: Meters,
    rejections: Arc<Rejections>,
    retention: Retention,
    /// One erasure, or trial of one, at a time.
    erasing: Arc<Mutex<()>>,
    /// Shared by whoever takes something in whose parts are stored one after the other; alone, while an erasure finds out what
    /// there is: of what it finds there is no part still to come.
    within: Arc<RwLock<()>>,
}

/// What a way in is built on, whichever way it follows.
struct Ground {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    rejections: Arc<Rejections>,
    retention: Retention,
}

impl Ground {
    fn of(store: Arc<dyn Store>, clock: Arc<dyn Clock>, keeping: Keeping) -> Self {
        let rejections = Arc::new(Rejections::keeping(keeping.rejected_days, Arc::clone(&clock)));
        Self { store, clock, rejections, retention: keeping.retention }
    }
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
    pub way: Way,
    /// Days for which their connection lets what came be kept, 0 for none; `None`: it says nothing.
    pub raw_days: Option<u16>,
}

impl Ingest {
    /// For a store that other processes may write to as well: all that follows from events is written when they are answered.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let derivation = Derivation::new(Arc::clone(&store));
        Self::following(Following::Before, derivation, Ground::of(store, clock, Keeping::default()))
    }

    /// The way in that suits the store. Where no other process writes to it, what follows from events is written behind them, by
    /// [`Ingest::keep_up`] and by whoever asks; what a process that broke off had not written is written first. There may be one
    /// such way in at a time.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn open(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Self::open_keeping(store, clock, Keeping::default()).await
    }

    /// The same, told for how long what comes is kept.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn open_keeping(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        keeping: Keeping,
    ) -> Result<Self, StoreError> {
        let ground = Ground::of(Arc::clone(&store), clock, keeping);
        if store.sharing() != Sharing::Own {
            return Ok(Self::following(Following::Before, Derivation::new(store), ground));
        }
        let feed = Arc::new(Feed::open(Arc::clone(&store), Arc::clone(&ground.rejections)).await?);
        let derivation = Derivation::behind(store, Arc::clone(&feed));
        Ok(Self::following(Following::Behind(feed), derivation, ground))
    }

    fn following(following: Following, derivation: Derivation, ground: Ground) -> Self {
        let Ground { store, clock, rejections, retention } = ground;
        let archive = Groups::of(receive::ARCHIVED_BYTES_MAX);
        let commits = Commits::new(Arc::clone(&store), following.clone(), Arc::clone(&rejections));
        Self {
            door: Arc::new(Door {
                store,
                clock,
                commits,
                following,
                archive,
                deals: Book::default(),
                derivation,
                meters: Meters::default(),
                rejections,
                retention,
                erasing: Arc::default(),
                within: Arc::default(),
            }),
        }
    }

    /// What is derived from what comes in here.
    pub fn derivation(&self) -> &Derivation {
        &self.door.derivation
    }

    async fn keep_rejected(&self, origin: &Origin, lines: &[Line]) {
        self.door.keep_rejected(origin, lines).await;
    }

    /// What came in here, counted.
    pub fn meters(&self) -> &Meters {
        &self.door.meters
    }

    /// What is kept of what is rejected here.
    pub fn rejections(&self) -> &Rejections {
        &self.door.rejections
    }

    /// Takes the items in, in batches. On an error the batches before it are stored: sending everything again is
    /// safe and completes it.
    ///
    /// The work is a task of its own: a client that hangs up stops waiting, it does not stop a write half way, where what is
    /// stored and what is known of it would part.
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
        let within = self.come_in().await;
        let door = Arc::clone(&self.door);
        let accepting = async move {
            let _within = within;
            door.accept(Arc::new(origin), items).await.inspect(spans::note)
        };
        tokio::spawn(accepting.instrument(spans::of_events())).await?
    }

    /// The same for who is within already: to come in twice would wait for an erasure that waits for the first time's end.
    async fn accept_within<I>(&self, origin: Origin, items: I) -> Result<Receipt, IngestError>
    where
        I: Iterator<Item = Item> + Send + 'static,
    {
        let door = Arc::clone(&self.door);
        let accepting = async move { door.accept(Arc::new(origin), items).await.inspect(spans::note) };
        tokio::spawn(accepting.instrument(spans::of_events())).await?
    }

    /// Until this is dropped no erasure finds out what there is.
    async fn come_in(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.door.within).read_owned().await
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
        let mut announced = self.commits.announce();
        let mut allowance = Allowance::default();
        let mut preparing = Arc::clone(&self).prepare_next(&origin, items);
        loop {
            let (rest, prepared) = preparing.await?;
            let is_last = prepared.is_last;
            // The next batch is read and checked on another thread while the engine writes this one.
            let next = (!is_last).then(|| (self.commits.announce(), Arc::clone(&self).prepare_next(&origin, rest)));
            self.write(&origin, prepared, (announced, &mut allowance), &mut receipt).await?;
            match next {
                Some(next) => (announced, preparing) = next,
                None => return Ok(receipt),
            }
        }
    }

    async fn keep_rejected(&self, origin: &Origin, lines: &[Line]) {
        self.rejections.keep(self.store.as_ref(), origin, RejectedBy::Rules, lines).await;
    }

    fn prepare_next<I>(
        self: Arc<Self>,
        origin: &Arc<Origin>,
        mut items: I,
    ) -> impl Future<Output = Result<(I, Prepared), JoinError>>
    where
        I: Iterator<Item = Item> + Send + 'static,
    {
        let origin = Arc::clone(origin);
        work(Amount::of(items.size_hint().1), move || {
            let prepared = prepare(&origin, &mut items, self.clock.as_ref(), &self.retention);
            (items, prepared)
        })
    }

    async fn write(
        &self,
        origin: &Arc<Origin>,
        prepared: Prepared,
        (announced, allowance): (Announced, &mut Allowance),
        receipt: &mut Receipt,
    ) -> Result<(), IngestError> {
        let Prepared { events, lines, repeats, mut rejected, .. } = prepared;
        let distinct = events.len() as u64;
        let mut written = Written::default();
        if 0 < distinct {
            let began = Instant::now();
            let batch = Arc::new(Batch::of(Arc::clone(origin), events));
            written = self.commits.write(Arc::clone(&batch), announced).await?;
            self.meters.note_batch(usize::try_from(distinct).unwrap_or(usize::MAX), began.elapsed());
            if matches!(self.following, Following::Before) {
                self.derivation.tell_stored();
            }
            for (place, line) in &written.refused {
                let (id, reason) = (line.id.clone(), line.reason.clone());
                let line_number = lines.get(*place).copied().unwrap_or_default();
                receipt.reject(Rejection { line: line_number, id, reason, code: line.code });
            }
        }
        receipt.accepted += written.new;
        receipt.duplicates += repeats + distinct - written.new - written.refused.len() as u64;
        for rejection in rejected.listed {
            receipt.reject(rejection);
        }
        receipt.rejected_total += rejected.unlisted;
        allowance.cut(&mut rejected.kept);
        self.keep_rejected(origin, &rejected.kept).await;
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
    #[error("the queue did not take it")]
    Queue(#[from] QueueError),
    #[error("a message of the queue cannot be used")]
    Message(#[source] queued::MessageError),
    #[error("the store does not take {events} events, and they could not be put among the rejected")]
    Unkept { events: usize },
    #[error("an erasure runs: ask again when it has ended")]
    Erasing,
    #[error("there is no connection `{name}` here: API and workers must have the same `[[connections]]`")]
    NoConnection { name: String },
}

#[cfg(test)]
mod tests;
