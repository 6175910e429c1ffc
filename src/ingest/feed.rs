//! What follows from events is written behind them, where this process is the only one that writes: the sender waits for one
//! insert into `events`, and the tables that views fill from `inbox` get larger batches, which cost a tenth as much an event.
//!
//! What is not written yet stands in memory, within bounds, and in `events` with a greater `batch` than `fed` has: after a crash
//! it is read from there. Whoever asks waits until what was stored before is written. One of the places outside `sql/` with SQL
//! text: see `lib.rs`.

use std::collections::{BTreeSet, VecDeque};
use std::iter;
use std::ops::{Range, RangeInclusive};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as PlainMutex, PoisonError};
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch, UInt8Array, UInt64Array};
use arrow::compute::concat_batches;
use arrow::datatypes::UInt64Type;
use arrow::error::ArrowError;
use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio::task::spawn_blocking;

use super::bisect::{bisect, is_about_rows};
use super::rejected::{RejectedBy, Rejections, row};
use super::{Origin, batch};
use crate::sql::Sql;
use crate::store::{Insert, Store, StoreError};

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
    turn: Mutex<()>,
    /// Told when something waits.
    arrived: Notify,
    /// The number of the batch that was stored last.
    last: AtomicU64,
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
    /// Writes what a process that broke off had not, and goes on from there.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn open(store: Arc<dyn Store>, rejections: Arc<Rejections>) -> Result<Self, StoreError> {
        let fed = number(&store, Sql::new("SELECT max(batch) FROM fed")).await?;
        let mut found = Sql::new("SELECT max(batch) FROM events WHERE batch > ");
        // Batches are counted from 1 up: no number is too large for the parameter.
        found.bind(fed.cast_signed());
        let last = number(&store, found).await?.max(fed);
        if fed < last {
            tracing::info!(batches = last - fed, "what a process that broke off had stored is counted in");
            read_back(store.as_ref(), fed, last).await?;
        }
        Ok(Self {
            store,
            rejections,
            waiting: PlainMutex::default(),
            turn: Mutex::new(()),
            arrived: Notify::new(),
            last: AtomicU64::new(last),
        })
    }

    /// The number of the next batch. Called under the turn of those who store.
    pub fn next_number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Waits until there is room for more, and works for it.
    pub async fn make_room(&self) -> Result<(), StoreError> {
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
    pub async fn settle(&self, tenant: &str) -> Result<(), StoreError> {
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
    pub async fn settle_all(&self) -> Result<(), StoreError> {
        while !self.lock().batches.is_empty() {
            self.pass().await?;
        }
        Ok(())
    }

    /// Writes what waits, for as long as the store is open; `fed` is called after each pass.
    pub async fn keep_up(&self, fed: impl Fn() + Send) {
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
    async fn pass(&self) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let first = self.first();
        let (Some(start), Some(end)) = (first.first(), first.last()) else { return Ok(()) };
        let last = *end.numbers.end();
        match first.iter().map(|stored| stored.rows.clone()).collect() {
            Some(rows) => self.write_all(rows, last).await?,
            None => read_back(self.store.as_ref(), start.numbers.start() - 1, last).await?,
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
            .map_err(|error| wrong(&error))?;
        match self.write(&joined, last).await {
            Err(error) if is_about_rows(&error) => self.write_takeable(&joined, last).await,
            written => written,
        }
    }

    async fn write(&self, rows: &RecordBatch, last: u64) -> Result<(), StoreError> {
        self.store.insert_all(inserts(rows, last).map_err(|error| wrong(&error))?).await
    }

    /// Writes what the engine takes: what one event says costs no other. It stays in the log of events, and it is kept among what
    /// is rejected.
    async fn write_takeable(&self, rows: &RecordBatch, last: u64) -> Result<(), StoreError> {
        // How far it is is told at the end, with nothing.
        let write = async |range: Range<usize>| self.write(&rows.slice(range.start, range.len()), 0).await;
        let refused = bisect(rows.num_rows(), is_about_rows, write).await?;
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

/// First what follows from the events, then the mark that something is to be derived from it, then how far that is: all can
/// be written twice without harm.
fn inserts(rows: &RecordBatch, last: u64) -> Result<Vec<Insert>, ArrowError> {
    let fed = RecordBatch::try_from_iter([
        ("whole", Arc::new(UInt8Array::from(vec![0])) as _),
        ("batch", Arc::new(UInt64Array::from(vec![last])) as _),
    ])?;
    let arrivals = batch::arrivals(rows)?;
    let insert = |table, rows| Insert { table, rows };
    Ok(vec![insert("inbox", rows.clone()), insert("arrivals", arrivals), insert("fed", fed)])
}

fn join(batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    match batches {
        [one] => Ok(one.clone()),
        several => concat_batches(&several[0].schema(), several),
    }
}

/// All batches have the columns of one program.
fn wrong(error: &ArrowError) -> StoreError {
    StoreError::WrongColumns { table: "inbox", reason: error.to_string() }
}

/// Writes what follows from the batches after one number up to another as the log has them.
async fn read_back(store: &dyn Store, after: u64, last: u64) -> Result<(), StoreError> {
    let behind = |text| {
        let mut sql = Sql::new(text);
        // Batches are counted from 1 up: no number is too large for the parameter.
        sql.push(" FROM events WHERE batch > ").bind(after.cast_signed());
        sql.push(" AND batch <= ").bind(last.cast_signed());
        sql
    };
    // The columns of `inbox` are those of `events` in their order, but for the last: a test holds it.
    let inbox = behind("INSERT INTO inbox SELECT * EXCEPT (batch)");
    let arrivals =
        behind("INSERT INTO arrivals SELECT tenant, kind, channel, account, chat, dialog, contact, identities");
    let mut done = Sql::new("INSERT INTO fed (whole, batch) SELECT 0, toUInt64(");
    done.bind(last.cast_signed()).push(")");
    store.execute_all(vec![inbox, arrivals, done]).await
}

async fn number(store: &Arc<dyn Store>, sql: Sql) -> Result<u64, StoreError> {
    let answer = store.query(sql).await?;
    let column = answer.first().and_then(|batch| batch.column(0).as_primitive_opt::<UInt64Type>());
    Ok(column.filter(|column| !column.is_empty()).map_or(0, |column| column.value(0)))
}
