//! What follows from events beyond one row of one table: which turn a message starts, which cycle it falls into, what
//! became of it. It is derived for the dialogs that changed and kept in tables that are sorted by day, so that a question
//! reads the days it is about, however long the history.
//!
//! Feeds mark the threads that events touch (`stale_threads`). A run takes a stretch of them, derives their dialogs anew
//! from the state tables, writes the rows that differ, and only then takes the marks away: one that breaks off is begun
//! again by the next. The rules are in `sql/derived`; this module only says when. Whose a name is comes before them and in the
//! same way: [`people`].

mod hold;
mod lease;
mod patience;
mod people;
mod run;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use futures_util::future::join_all;
use tokio::sync::{Mutex, Notify};
use tracing::Instrument;

pub(in crate::ingest) use self::hold::Held;
use self::lease::{Lease, Turn};
use self::patience::Overtaken;
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
    /// One for each shard of the store: they have nothing to do with each other.
    lanes: Vec<Lane>,
    /// Told when events were stored.
    stored: Notify,
    /// Whether the last attempt in the background failed.
    failing: AtomicBool,
    runs: Runs,
    overtaken: Overtaken,
}

/// What goes on one after the other on a shard.
struct Lane {
    /// One run after the other: a second one would find the first one's work to do.
    turn: Mutex<()>,
    /// One process after the other, where several share the store.
    lease: Option<Lease>,
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
        let lease = || match store.sharing() {
            Sharing::Own => None,
            Sharing::Shared { name } => Some(Lease::new(Arc::clone(&store), name)),
        };
        let lanes = (0..store.shards()).map(|_| Lane { turn: Mutex::new(()), lease: lease() }).collect();
        Self {
            shared: Arc::new(Shared {
                store,
                feed,
                stretch,
                lanes,
                stored: Notify::new(),
                failing: AtomicBool::new(false),
                runs: Runs::default(),
                overtaken: Overtaken::default(),
            }),
        }
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
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
        let lane = self.lane(tenant);
        while !lane.is_ours(tenant).await? {
            // Another process derives it, or it has died and its right comes to an end.
            tokio::time::sleep(LOOK).await;
            if self.count_stale(tenant).await? == 0 {
                return Ok(runs);
            }
        }
        runs += self.join_people(tenant, left).await?;
        let mut from = 0;
        loop {
            let _turn = lane.turn.lock().await;
            let Some(mut last) = next(from).await? else { break };
            if !lane.is_ours(tenant).await? {
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

    fn lane(&self, tenant: &str) -> &Lane {
        &self.shared.lanes[self.shared.store.shard_of(tenant)]
    }

    /// Derives whose the names are that links were told of. Returns how many runs it took.
    async fn join_people(&self, tenant: &str, left: Option<&(dyn Fn(u64) + Sync)>) -> Result<usize, StoreError> {
        let store = self.shared.store.as_ref();
        let lane = self.lane(tenant);
        let mut runs = 0;
        let mut after = (0, 0);
        loop {
            let _turn = lane.turn.lock().await;
            if !lane.is_ours(tenant).await? {
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
        let batches = self.shared.store.query(run::count_all_stale()).await?;
        batches.chunks(1).map(|of_shard| first_number(of_shard, 0)).sum()
    }

    /// The tenants of which anything is still to be derived.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn stale_tenants(&self) -> Result<Vec<String>, StoreError> {
        run::stale_tenants(self.shared.store.as_ref()).await
    }

    /// One that fails does not keep the others from it, and no shard waits for another.
    async fn catch_up_all(&self) -> Result<(), StoreError> {
        let mut by_shard: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for tenant in self.stale_tenants().await? {
            by_shard.entry(self.shared.store.shard_of(&tenant)).or_default().push(tenant);
        }
        let of_shard = async |tenants: Vec<String>| {
            let mut outcome = Ok(());
            for tenant in tenants {
                let derived = self.catch_up(&tenant).await;
                outcome = outcome.and(derived.map(drop));
            }
            outcome
        };
        join_all(by_shard.into_values().map(of_shard)).await.into_iter().collect()
    }
}

impl Lane {
    /// Whether this process may derive now, for a tenant of the shard.
    async fn is_ours(&self, tenant: &str) -> Result<bool, StoreError> {
        match &self.lease {
            None => Ok(true),
            Some(lease) => Ok(lease.take(tenant, Instant::now()).await? == Turn::Ours),
        }
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

pub(in crate::ingest) fn first_number(batches: &[RecordBatch], column: usize) -> Result<u64, StoreError> {
    let number = batches.first().and_then(|batch| {
        let column = batch.column(column).as_primitive_opt::<UInt64Type>()?;
        (!column.is_empty()).then(|| column.value(0))
    });
    number.ok_or_else(|| StoreError::Engine { code: 0, message: "a count is no number".to_owned() })
}
