//! What follows from events beyond one row of one table: which turn a message starts, which cycle it falls into, what
//! became of it. It is derived for the dialogs that changed and kept in tables that are sorted by day, so that a question
//! reads the days it is about, however long the history.
//!
//! Feeds mark the threads that events touch (`stale_threads`). A run takes a stretch of them, derives their dialogs anew
//! from the state tables, writes the rows that differ, and only then takes the marks away: one that breaks off is begun
//! again by the next. The rules are in `sql/derived`; this module only says when. Whose a name is comes before them and in the
//! same way: [`people`].

mod lease;
mod people;
mod run;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio::time::timeout;
use tracing::Instrument;

use self::lease::{Lease, Turn};
use super::feed::Feed;
use super::meters::Runs;
use super::spans;
use crate::store::{Sharing, Store, StoreError};

/// How much one run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub threads_max: i64,
    /// Messages of its chats, roughly: one more chat may go beyond.
    pub messages_max: i64,
    /// Links between names.
    pub links_max: i64,
}

impl Default for Stretch {
    /// Some hundred megabytes, about two seconds.
    fn default() -> Self {
        Self { threads_max: 4_000, messages_max: 200_000, links_max: 20_000 }
    }
}

/// Rows of a table that is merged in one go: about half a minute. The engine merges larger ones bit by bit by itself.
const ROWS_MERGED_MAX: u64 = 30_000_000;

/// How long what arrives may gather before it is derived in the background. A question does not wait for it.
const PAUSE: Duration = Duration::from_millis(300);

/// In the background it is derived for a quarter of the time, so that those who send and those who ask have the rest.
const REST: u32 = 3;

/// The longest rest.
const REST_MAX: Duration = Duration::from_secs(5);

/// What deriving a thread costs, roughly: two seconds for four thousand.
const PER_THREAD: Duration = Duration::from_micros(500);

/// What writing an event to the tables that follow from it costs, roughly.
const PER_EVENT: Duration = Duration::from_micros(5);
/// How often to look whether another process has derived it.
const LOOK: Duration = Duration::from_millis(100);

/// How long to wait before what failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What is derived from the events of one store. Cloning it gives another handle.
#[derive(Clone)]
pub struct Derivation {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    /// What is still to be written that things are derived from.
    feed: Option<Arc<Feed>>,
    stretch: Stretch,
    /// One run after the other: a second one would find the first one's work to do.
    turn: Mutex<()>,
    /// One process after the other, where several share the store.
    lease: Option<Lease>,
    /// Told when events were stored.
    stored: Notify,
    /// Whether the last attempt in the background failed.
    failing: AtomicBool,
    runs: Runs,
}

impl Derivation {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self::in_stretches(store, Stretch::default())
    }

    /// Of what is written behind events.
    pub(super) fn behind(store: Arc<dyn Store>, feed: Arc<Feed>) -> Self {
        Self::of(store, Some(feed), Stretch::default())
    }

    pub fn in_stretches(store: Arc<dyn Store>, stretch: Stretch) -> Self {
        Self::of(store, None, stretch)
    }

    fn of(store: Arc<dyn Store>, feed: Option<Arc<Feed>>, stretch: Stretch) -> Self {
        let lease = match store.sharing() {
            Sharing::Own => None,
            Sharing::Shared { name } => Some(Lease::new(Arc::clone(&store), name)),
        };
        Self {
            shared: Arc::new(Shared {
                store,
                feed,
                stretch,
                turn: Mutex::new(()),
                lease,
                stored: Notify::new(),
                failing: AtomicBool::new(false),
                runs: Runs::default(),
            }),
        }
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// Keeps anything from being derived, and from being written behind events, until the guards are dropped: for who changes
    /// what it is derived from.
    pub(super) async fn hold(&self) -> (MutexGuard<'_, ()>, Option<MutexGuard<'_, ()>>) {
        let turn = self.shared.turn.lock().await;
        match &self.shared.feed {
            Some(feed) => (turn, Some(feed.hold().await)),
            None => (turn, None),
        }
    }

    pub(super) fn tell_stored(&self) {
        self.shared.stored.notify_one();
    }

    /// Derives all that had changed of a tenant when it was called. Dropping the future ends it after the run that goes on.
    /// Returns how many runs it took.
    ///
    /// # Errors
    /// When the engine fails; nothing is lost.
    pub async fn catch_up(&self, tenant: &str) -> Result<usize, StoreError> {
        self.pass(tenant, None).await
    }

    /// The same, and tells after each run how many threads are left.
    ///
    /// # Errors
    /// When the engine fails; nothing is lost.
    pub async fn catch_up_telling(&self, tenant: &str, left: &(dyn Fn(u64) + Sync)) -> Result<usize, StoreError> {
        self.pass(tenant, Some(left)).await
    }

    async fn pass(&self, tenant: &str, left: Option<&(dyn Fn(u64) + Sync)>) -> Result<usize, StoreError> {
        let store = self.shared.store.as_ref();
        let next = |from| run::next_stretch(store, tenant, from, self.shared.stretch);
        let mut runs = 0;
        if let Some(feed) = &self.shared.feed {
            feed.settle(tenant).await?;
        }
        // Who has nothing to derive does not wait for others.
        if self.count_stale(tenant).await? == 0 {
            return Ok(runs);
        }
        while !self.is_ours().await? {
            // Another process derives it, or it has died and its right comes to an end.
            tokio::time::sleep(LOOK).await;
            if self.count_stale(tenant).await? == 0 {
                return Ok(runs);
            }
        }
        runs += self.join_people(tenant, left).await?;
        let mut from = 0;
        loop {
            let _turn = self.shared.turn.lock().await;
            let Some(mut last) = next(from).await? else { break };
            if !self.is_ours().await? {
                return Err(lease::lost());
            }
            if run::closes_for_the_first_time(store, tenant).await? {
                store.execute_all(run::note_closing(tenant)).await?;
                from = 0;
                last = next(from).await?.unwrap_or(last);
            }
            let began = Instant::now();
            store.execute_all(run::run(tenant, from, last)).instrument(spans::of_run()).await?;
            self.shared.runs.note_run(began.elapsed());
            runs += 1;
            if let Some(left) = left {
                left(self.count_stale(tenant).await?);
            }
            // What changes behind this point while the pass goes on is the next pass's.
            let Some(after) = last.checked_add(1) else { break };
            from = after;
        }
        Ok(runs)
    }

    /// Whether this process may derive now.
    async fn is_ours(&self) -> Result<bool, StoreError> {
        match &self.shared.lease {
            None => Ok(true),
            Some(lease) => Ok(lease.take(Instant::now()).await? == Turn::Ours),
        }
    }

    /// Derives whose the names are that links were told of. Returns how many runs it took.
    async fn join_people(&self, tenant: &str, left: Option<&(dyn Fn(u64) + Sync)>) -> Result<usize, StoreError> {
        let store = self.shared.store.as_ref();
        let mut runs = 0;
        let mut after = (0, 0);
        loop {
            let _turn = self.shared.turn.lock().await;
            if !self.is_ours().await? {
                return Err(lease::lost());
            }
            let links = people::next_links(store, tenant, after, self.shared.stretch.links_max).await?;
            let Some(last) = links.last() else { return Ok(runs) };
            people::run(store, tenant, &links).await?;
            runs += 1;
            after = last.place();
            if let Some(left) = left {
                left(self.count_stale(tenant).await?);
            }
        }
    }

    /// Merges what was written, after an import of more than one run: each run has written a part with rows of all days, and
    /// to merge those in every question costs ten times as much as to read them. A server leaves that to the engine.
    ///
    /// # Errors
    /// When the engine fails; nothing is lost.
    pub async fn merge(&self) -> Result<(), StoreError> {
        let store = self.shared.store.as_ref();
        store.execute_all(run::merges(store, ROWS_MERGED_MAX).await?).await
    }

    /// Catches up for as long as `patience` lasts. Returns whether anything is still to be derived: who reads is told so
    /// and not refused, whatever keeps it from being derived.
    ///
    /// # Errors
    /// When the store is closed.
    pub async fn catch_up_within(&self, tenant: &str, patience: Duration) -> Result<bool, StoreError> {
        let expected = match self.expected(tenant).await {
            Ok(Duration::ZERO) => return Ok(false),
            Err(StoreError::Closed) => return Err(StoreError::Closed),
            // Trying tells what is wrong.
            Err(_) => Duration::ZERO,
            Ok(expected) => expected,
        };
        // Who cannot get it in time does not wait in vain: during an import everybody would.
        if patience < expected {
            return Ok(true);
        }
        match timeout(patience, self.catch_up(tenant)).await {
            Ok(Ok(_)) => Ok(false),
            Ok(Err(StoreError::Closed)) => Err(StoreError::Closed),
            Ok(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "deriving failed; answers may lack the latest"
                );
                Ok(true)
            }
            Err(_) => Ok(self.waits_for(tenant) || 0 < self.count_stale(tenant).await?),
        }
    }

    /// How long it would take to catch up, roughly.
    async fn expected(&self, tenant: &str) -> Result<Duration, StoreError> {
        let events = match &self.shared.feed {
            Some(feed) if feed.holds(tenant) => feed.waiting_events(),
            _ => 0,
        };
        let threads = self.count_stale(tenant).await?;
        let times = |each: Duration, count: u64| each.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
        Ok(times(PER_EVENT, events as u64).saturating_add(times(PER_THREAD, threads)))
    }

    /// Whether something of the tenant is stored that nothing is derived from yet.
    fn waits_for(&self, tenant: &str) -> bool {
        self.shared.feed.as_ref().is_some_and(|feed| feed.holds(tenant))
    }

    /// How many threads and links of a tenant have changed since they were derived.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn count_stale(&self, tenant: &str) -> Result<u64, StoreError> {
        first_number(&self.shared.store.query(run::count_stale(tenant)).await?, 0)
    }

    /// Runs, counted.
    pub fn runs(&self) -> &Runs {
        &self.shared.runs
    }

    /// Whether what arrives cannot be derived at present.
    pub fn is_failing(&self) -> bool {
        self.shared.failing.load(Ordering::Relaxed)
    }

    /// Derives what changes, for as long as the store is open.
    pub async fn keep_up(self) {
        loop {
            let begin = Instant::now();
            let caught_up = self.catch_up_all().await;
            self.shared.failing.store(caught_up.is_err(), Ordering::Relaxed);
            match caught_up {
                Ok(()) => {
                    let until = begin.elapsed() + (begin.elapsed() * REST).min(REST_MAX);
                    self.shared.stored.notified().await;
                    // More comes with it, and a run costs almost as much for one message as for a thousand.
                    tokio::time::sleep(until.saturating_sub(begin.elapsed()).max(PAUSE)).await;
                }
                Err(StoreError::Closed) => return,
                Err(error) => {
                    self.shared.runs.note_failure();
                    tracing::error!(error = &error as &dyn std::error::Error, "deriving failed; it is tried again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// How many threads and links of all tenants have changed since they were derived.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn count_all_stale(&self) -> Result<u64, StoreError> {
        first_number(&self.shared.store.query(run::count_all_stale()).await?, 0)
    }

    /// The tenants of which anything is still to be derived.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn stale_tenants(&self) -> Result<Vec<String>, StoreError> {
        run::stale_tenants(self.shared.store.as_ref()).await
    }

    /// One that fails does not keep the others from it.
    async fn catch_up_all(&self) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        for tenant in self.stale_tenants().await? {
            let derived = self.catch_up(&tenant).await;
            outcome = outcome.and(derived.map(drop));
        }
        outcome
    }
}

/// Marks everything as stale when the rules are others than those by which it was derived.
///
/// # Errors
/// When the engine fails.
pub async fn prepare(store: &dyn Store) -> Result<(), StoreError> {
    if run::is_derived_by_these_rules(store).await? {
        return Ok(());
    }
    store.execute_all(run::derive_everything_anew()).await
}

fn first_number(batches: &[RecordBatch], column: usize) -> Result<u64, StoreError> {
    let number = batches.first().and_then(|batch| {
        let column = batch.column(column).as_primitive_opt::<UInt64Type>()?;
        (!column.is_empty()).then(|| column.value(0))
    });
    number.ok_or_else(|| StoreError::Engine { code: 0, message: "a count is no number".to_owned() })
}
