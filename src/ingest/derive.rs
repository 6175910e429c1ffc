//! What follows from events beyond one row of one table: which turn a message starts, which cycle it falls into, what
//! became of it. It is derived for the dialogs that changed and kept in tables that are sorted by day, so that a question
//! reads the days it is about, however long the history.
//!
//! Feeds mark the threads that events touch (`stale_threads`). A run takes a stretch of them, derives their dialogs anew
//! from the state tables, writes the rows that differ, and only then takes the marks away: one that breaks off is begun
//! again by the next. The rules are in `sql/derived`; this module only says when. Whose a name is comes before them and in the
//! same way: [`people`].

mod people;
mod run;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio::time::timeout;

use crate::store::{Store, StoreError};

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

/// How long to wait before what failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What is derived from the events of one store. Cloning it gives another handle.
#[derive(Clone)]
pub struct Derivation {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    stretch: Stretch,
    /// One run after the other: a second one would find the first one's work to do.
    turn: Mutex<()>,
    /// Told when events were stored.
    stored: Notify,
}

impl Derivation {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self::in_stretches(store, Stretch::default())
    }

    pub fn in_stretches(store: Arc<dyn Store>, stretch: Stretch) -> Self {
        Self { shared: Arc::new(Shared { store, stretch, turn: Mutex::new(()), stored: Notify::new() }) }
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// Keeps anything from being derived until the guard is dropped: for who changes what it is derived from.
    pub(super) async fn hold(&self) -> MutexGuard<'_, ()> {
        self.shared.turn.lock().await
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
        // Who has nothing to derive does not wait for others.
        if self.count_stale(tenant).await? == 0 {
            return Ok(runs);
        }
        runs += self.join_people(tenant, left).await?;
        let mut from = 0;
        loop {
            let _turn = self.shared.turn.lock().await;
            let Some(mut last) = next(from).await? else { break };
            if run::closes_for_the_first_time(store, tenant).await? {
                store.execute_all(run::note_closing(tenant)).await?;
                from = 0;
                last = next(from).await?.unwrap_or(last);
            }
            store.execute_all(run::run(tenant, from, last)).await?;
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

    /// Derives whose the names are that links were told of. Returns how many runs it took.
    async fn join_people(&self, tenant: &str, left: Option<&(dyn Fn(u64) + Sync)>) -> Result<usize, StoreError> {
        let store = self.shared.store.as_ref();
        let mut runs = 0;
        let mut after = (0, 0);
        loop {
            let _turn = self.shared.turn.lock().await;
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
            Err(_) => Ok(0 < self.count_stale(tenant).await?),
        }
    }

    /// How many threads and links of a tenant have changed since they were derived.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn count_stale(&self, tenant: &str) -> Result<u64, StoreError> {
        first_number(&self.shared.store.query(run::count_stale(tenant)).await?, 0)
    }

    /// Derives what changes, for as long as the store is open.
    pub async fn keep_up(self) {
        loop {
            match self.catch_up_all().await {
                Ok(()) => {
                    self.shared.stored.notified().await;
                    // More comes with it, and a run costs almost as much for one message as for a thousand.
                    tokio::time::sleep(PAUSE).await;
                }
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "deriving failed; it is tried again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
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
