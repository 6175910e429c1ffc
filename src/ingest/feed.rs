//! What follows from events is written behind them, where this process is the only one that writes: the sender waits for one
//! insert into `events`, and the tables that views fill from `inbox` get larger batches, which cost a tenth as much an event.
//!
//! What is not written yet stands in memory, within bounds, and in `events` with a greater `batch` than `fed` has: after a crash
//! it is read from there ([`log`]). Whoever asks waits until what was stored before is written.

mod log;

use std::collections::{BTreeSet, VecDeque};
use std::iter;
use std::ops::{Range, RangeInclusive};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as PlainMutex, PoisonError};
use std::time::Duration;

use arrow::array::{RecordBatch, UInt8Array, UInt64Array};
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio::task::spawn_blocking;

use super::bisect::bisect;
use super::rejected::{RejectedBy, Rejections, row};
use super::{Origin, batch};
use crate::store::token::Token;
use crate::store::{Insert, Store, StoreError};

pub use log::FOLLOWS;

/// Events of one pass: half a second of the engine's work.
const PASS_EVENTS_MAX: usize = 100_000;

/// With so many waiting nothing is gained by letting more come.
const PASS_EVENTS_ENOUGH: usize = 50_000;

/// How long what arrives may gather before it is written in the background. A question does not wait for it.
const PAUSE: Duration = Duration::from_millis(300);

/// How long to wait before what failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Bytes that wait; a sender beyond them waits too. Half a million events.
const WAITING_BYTES_MAX: usize = 256 << 20;

/// What is stored and still to be written to the tables that follow from it.
pub(super) struct Feed {
    store: Arc<dyn Store>,
    rejections: Arc<Rejections>,
    waiting: PlainMutex<Waiting>,
    /// One pass after the other.
    turn: Arc<Mutex<()>>,
    /// Told when something waits.
    arrived: Notify,
    /// The number of the batch that was stored last.
    last: AtomicU64,
    /// Of this opening of the log.
    name: String,
}

#[derive(Default)]
struct Waiting {
    batches: VecDeque<Stored>,
    events: usize,
    bytes: usize,
}

#[derive(Clone)]
struct Stored {
    /// Of the first batch of them, and of the last.
    numbers: RangeInclusive<u64>,
    tenants: Arc<BTreeSet<String>>,
    /// `None` where nobody knows whether they are stored: then what the log has of them is read.
    rows: Option<RecordBatch>,
}

impl Stored {
    fn events(&self) -> usize {
        self.rows.as_ref().map_or(0, RecordBatch::num_rows)
    }

    fn bytes(&self) -> usize {
        self.rows.as_ref().map_or(0, RecordBatch::get_array_memory_size)
    }
}

impl Feed {
    /// Goes on from where a process that broke off was: what it had stored and not written waits to be written.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn open(store: Arc<dyn Store>, rejections: Arc<Rejections>) -> Result<Self, StoreError> {
        let fed = log::fed(store.as_ref()).await?;
        let last = log::last_after(store.as_ref(), fed).await?.max(fed);
        let name = log::name_of_opening(store.as_ref()).await?;
        let mut waiting = Waiting::default();
        if fed < last {
            tracing::info!(batches = last - fed, "what a process that broke off had stored is counted in");
            let numbers = fed + 1..=last;
            let tenants = Arc::new(log::tenants(store.as_ref(), &numbers).await?);
            waiting.batches.push_back(Stored { numbers, tenants, rows: None });
        }
        let arrived = Notify::new();
        arrived.notify_one();
        Ok(Self {
            store,
            rejections,
            waiting: PlainMutex::new(waiting),
            turn: Arc::default(),
            arrived,
            last: AtomicU64::new(last),
            name,
        })
    }

    /// The number of the next batch. Called under the turn of those who store.
    pub fn next_number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What the insert of a batch is known by. The engine notes it before the rows are in their place: a process that breaks off in
    /// between leaves a note of a batch that is not there, and the next one gives its number again. By the number alone the engine
    /// would take that one for done, and leave it out.
    pub fn token(&self, number: u64) -> Token {
        Token::of(&format!("batch {number} of {}", self.name))
    }

    /// Waits until there is room for more, and works for it.
    pub async fn make_room(self: &Arc<Self>) -> Result<(), StoreError> {
        while WAITING_BYTES_MAX <= self.lock().bytes {
            self.pass().await?;
        }
        Ok(())
    }

    /// Takes over what was stored under its number; no rows where it failed, and may be stored all the same.
    pub fn push(&self, number: u64, tenants: BTreeSet<String>, rows: Option<RecordBatch>) {
        let mut stored = Stored { numbers: number..=number, tenants: Arc::new(tenants), rows };
        let mut waiting = self.lock();
        // An engine that refuses everything for hours makes one entry of it.
        let doubtful = waiting.batches.pop_back_if(|last| last.rows.is_none() && stored.rows.is_none());
        if let Some(doubtful) = doubtful {
            stored.numbers = *doubtful.numbers.start()..=number;
            stored.tenants = Arc::new(doubtful.tenants.union(&stored.tenants).cloned().collect());
        }
        waiting.events += stored.events();
        waiting.bytes += stored.bytes();
        waiting.batches.push_back(stored);
        drop(waiting);
        self.arrived.notify_one();
    }

    /// How many events of any tenant wait.
    pub fn waiting_events(&self) -> usize {
        self.lock().events
    }

    /// Whether something of the tenant waits.
    pub fn holds(&self, tenant: &str) -> bool {
        self.lock().batches.iter().any(|stored| stored.tenants.contains(tenant))
    }

    /// Keeps anything from being written until the guard is dropped.
    pub async fn hold(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Writes all of the tenant that waits now. Dropping the future ends it after the pass that goes on.
    ///
    /// # Errors
    /// When the engine fails; nothing is lost.
    pub async fn settle(self: &Arc<Self>, tenant: &str) -> Result<(), StoreError> {
        let last = {
            let waiting = self.lock();
            waiting
                .batches
                .iter()
                .rev()
                .find(|stored| stored.tenants.contains(tenant))
                .map(|stored| *stored.numbers.end())
        };
        let Some(last) = last else { return Ok(()) };
        while self.lock().batches.front().is_some_and(|stored| *stored.numbers.start() <= last) {
            self.pass().await?;
        }
        Ok(())
    }

    /// Writes all that waits.
    ///
    /// # Errors
    /// As [`Feed::settle`].
    pub async fn settle_all(self: &Arc<Self>) -> Result<(), StoreError> {
        while !self.lock().batches.is_empty() {
            self.pass().await?;
        }
        Ok(())
    }

    /// Writes what waits, for as long as the store is open; `fed` is called after each pass.
    pub async fn keep_up(self: &Arc<Self>, fed: impl Fn() + Send) {
        loop {
            if self.lock().batches.is_empty() {
                self.arrived.notified().await;
                continue;
            }
            // More comes with it.
            let _ = tokio::time::timeout(PAUSE, self.enough()).await;
            match self.pass().await {
                Ok(()) => fed(),
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "what is stored is not counted yet; it is tried again"
                    );
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Returns when enough waits for a pass.
    async fn enough(&self) {
        while self.lock().events < PASS_EVENTS_ENOUGH {
            self.arrived.notified().await;
        }
    }

    /// Writes what has waited longest: as much as makes one good insert.
    ///
    /// It is a task of its own: the engine goes on writing when nobody waits for it any more, and until it is done nobody else
    /// may have the turn.
    async fn pass(self: &Arc<Self>) -> Result<(), StoreError> {
        let feed = Arc::clone(self);
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let pass = tokio::spawn(async move {
            let _turn = turn;
            feed.write_first().await
        });
        // Only a runtime that is shutting down drops the work.
        pass.await.map_err(|_| StoreError::Closed)?
    }

    async fn write_first(&self) -> Result<(), StoreError> {
        let first = self.first();
        let (Some(start), Some(end)) = (first.first(), first.last()) else { return Ok(()) };
        let last = *end.numbers.end();
        match first.iter().map(|stored| stored.rows.clone()).collect() {
            Some(rows) => self.write_all(rows, last).await?,
            None => self.follow(&(*start.numbers.start()..=last)).await?,
        }
        let mut waiting = self.lock();
        // What became more meanwhile is read once more.
        while waiting.batches.front().is_some_and(|stored| *stored.numbers.end() <= last) {
            let Some(stored) = waiting.batches.pop_front() else { break };
            waiting.events -= stored.events();
            waiting.bytes -= stored.bytes();
        }
        Ok(())
    }

    async fn write_all(&self, rows: Vec<RecordBatch>, last: u64) -> Result<(), StoreError> {
        // Only a runtime that is shutting down drops the work.
        let joined = spawn_blocking(move || join(&rows))
            .await
            .map_err(|_| StoreError::Closed)?
            .map_err(|error| log::wrong(&error))?;
        match self.write(&joined, last).await {
            Err(error) if error.is_about_rows() => self.write_takeable(&joined, last).await,
            written => written,
        }
    }

    /// Writes what follows from what the log has of batches.
    async fn follow(&self, numbers: &RangeInclusive<u64>) -> Result<(), StoreError> {
        match log::follow(self.store.as_ref(), numbers).await {
            Err(error) if error.is_about_rows() => {}
            followed => return followed,
        }
        let mut from = 0;
        loop {
            let rows = log::rows(self.store.as_ref(), numbers, from).await?;
            if rows.num_rows() == 0 {
                return self.write(&rows, *numbers.end()).await;
            }
            from += rows.num_rows() as i64;
            self.write_takeable(&rows, 0).await?;
        }
    }

    async fn write(&self, rows: &RecordBatch, last: u64) -> Result<(), StoreError> {
        self.store.insert_all(inserts(rows, last).map_err(|error| log::wrong(&error))?).await
    }

    /// Writes what the engine takes: what one event says costs no other. It stays in the log of events, and it is kept among what
    /// is rejected.
    async fn write_takeable(&self, rows: &RecordBatch, last: u64) -> Result<(), StoreError> {
        // How far it is is told at the end, with nothing.
        let write = async |range: Range<usize>| self.write(&rows.slice(range.start, range.len()), 0).await;
        let refused = bisect(rows.num_rows(), StoreError::is_about_rows, write).await?;
        tracing::error!(events = refused.len(), "events are stored and cannot be counted: they are among the rejected");
        let origins: Vec<Origin> = refused.iter().map(|refused| row::origin(rows, refused.row)).collect();
        let lines = row::lines(rows, &refused);
        self.rejections.keep_each(self.store.as_ref(), RejectedBy::Views, origins.iter().zip(&lines)).await;
        self.write(&rows.slice(0, 0), last).await
    }

    /// What one pass writes: batches whose rows are here, or what has to be read.
    fn first(&self) -> Vec<Stored> {
        let waiting = self.lock();
        let mut batches = waiting.batches.iter();
        let Some(first) = batches.next() else { return Vec::new() };
        let mut events = first.events();
        let fits = |stored: &&Stored| {
            events += stored.events();
            first.rows.is_some() && stored.rows.is_some() && events <= PASS_EVENTS_MAX
        };
        iter::once(first).chain(batches.take_while(fits)).cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What follows from the rows, and then how far that is.
fn inserts(rows: &RecordBatch, last: u64) -> Result<Vec<Insert>, ArrowError> {
    let fed = RecordBatch::try_from_iter([
        ("whole", Arc::new(UInt8Array::from(vec![0])) as _),
        ("batch", Arc::new(UInt64Array::from(vec![last])) as _),
    ])?;
    let mut inserts = Vec::from(batch::followers(rows)?);
    inserts.push(Insert { table: "fed", rows: fed });
    Ok(inserts)
}

fn join(batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    match batches {
        [one] => Ok(one.clone()),
        several => concat_batches(&several[0].schema(), several),
    }
}
