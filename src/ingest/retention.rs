//! Removing what is older than its tenant lets it be kept, once a day and table by table.
//!
//! A chat goes with all that dialogs connect it with, when nothing happened there since `history` and a margin that figures of
//! the kept days need ([`crate::model::retention`]); what happened in no chat goes by its own time; the log of events goes
//! behind both; a name goes when no event that is left tells of it. What goes is found anew ([`found`]) before rows are
//! removed ([`tables`]), under the hold of an erasure and by the same means ([`removal`]). It never changes a figure of a range
//! that is kept, keeps no account of what it did but the log's lines, and needs none to go on after a crash.
//!
//! One of the places outside `sql/` with SQL text: see `lib.rs`.

mod found;
mod tables;

use std::time::Duration;

use super::derive::Held;
use super::rejected::DAYS_DEFAULT;
use super::{Ingest, IngestError, Reason, removal};
use crate::model::clock::{DAY_MS, Millis};
use crate::model::event::NormalEvent;
use crate::model::retention::{Keep, Retention};
use crate::sql::Sql;
use crate::store::{Store, StoreError, columns};

const HOUR_MS: i64 = 3_600_000;

/// How often the clock is looked at: it is the clock that says when a day is over.
const LOOK: Duration = Duration::from_secs(60);

/// For how long a way in keeps what comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Days for which rejected lines are kept; 0 keeps none.
    pub rejected_days: u16,
    pub retention: Retention,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { rejected_days: DAYS_DEFAULT, retention: Retention::default() }
    }
}

impl Keeping {
    /// Everything but what is rejected.
    pub fn nothing_rejected() -> Self {
        Self { rejected_days: 0, ..Self::default() }
    }
}

/// In this order: what the log tells is asked for by those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    History,
    Names,
    Log,
}

impl Stage {
    const ALL: [Self; 3] = [Self::History, Self::Names, Self::Log];
}

/// How far the removal of a tenant's rows came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// Another process has the right to derive where the tenant lies, and removes when it comes to it.
    Others,
}

/// What is from before these instants may go.
#[derive(Clone, Copy, Debug)]
struct Edges {
    history: Millis,
    log: Millis,
}

/// Rows that were removed of a table.
pub use removal::Removed;

/// Refuses an event of a time that its tenant does not keep: it would be counted in days of which the rest is gone.
pub(super) fn check(retention: &Retention, tenant: &str, event: NormalEvent) -> Result<NormalEvent, Reason> {
    match retention.of(tenant) {
        Some(keep) if event.at < keep.since(event.received_at) => {
            Err(Reason::BeyondRetention { at: event.at, days: keep.history_days() })
        }
        _ => Ok(event),
    }
}

impl Ingest {
    /// How long what comes in here is kept.
    pub fn retention(&self) -> &Retention {
        &self.door.retention
    }

    /// Removes what is too old, now and once a day, for as long as the store is open.
    pub async fn keep_retention(self) {
        if self.retention().is_for_ever() {
            return;
        }
        loop {
            let began = self.door.clock.now();
            let mut pause = DAY_MS;
            match self.retain_all().await {
                Err(IngestError::Store(StoreError::Closed)) => return,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        error,
                        "what is older than it may be kept is not all removed; tomorrow it is tried again"
                    );
                }
                Ok(Outcome::Done) => {}
                // It may never come to it: whoever has the right by then does it.
                Ok(Outcome::Others) => pause = HOUR_MS,
            }
            while self.door.clock.now() < began + pause {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// One tenant after the other; one that fails does not keep the others from it.
    async fn retain_all(&self) -> Result<Outcome, IngestError> {
        let mut outcome = Ok(Outcome::Done);
        for tenant in tenants(self.door.store.as_ref()).await? {
            outcome = match (outcome, self.retain_telling(&tenant).await) {
                (Err(error), _) | (Ok(_), Err(error)) => Err(error),
                (Ok(Outcome::Done), Ok((now, _))) => Ok(now),
                (Ok(Outcome::Others), Ok(_)) => Ok(Outcome::Others),
            };
        }
        outcome
    }

    /// Removes what of a tenant is older than it may be kept. Returns how many rows went, by table; nothing where another process
    /// has the right to derive, which does it.
    ///
    /// # Errors
    /// When the engine fails. What was begun is gone on with the next time.
    pub async fn retain(&self, tenant: &str) -> Result<Vec<Removed>, IngestError> {
        self.retain_telling(tenant).await.map(|(_, removed)| removed)
    }

    async fn retain_telling(&self, tenant: &str) -> Result<(Outcome, Vec<Removed>), IngestError> {
        let Some(keep) = self.retention().of(tenant) else { return Ok((Outcome::Done, Vec::new())) };
        let mut removed: Vec<Removed> = Vec::new();
        let outcome = self.remove_old(tenant, keep, &mut removed).await;
        // What went is told also of one that broke off.
        for Removed { table, rows } in &removed {
            tracing::info!(%tenant, %table, rows, "rows older than they may be kept were removed");
        }
        outcome.map(|outcome| (outcome, removed))
    }

    async fn remove_old(&self, tenant: &str, keep: Keep, removed: &mut Vec<Removed>) -> Result<Outcome, IngestError> {
        let store = self.door.store.as_ref();
        let derivation = &self.door.derivation;
        let now = self.door.clock.now();
        let edges = Edges { history: keep.history_ends(now), log: keep.log_ends(now) };
        for stage in Stage::ALL {
            for (table, condition) in tables::of(stage).iter().copied() {
                // Whose a name is, and which dialog is open, must be known.
                derivation.catch_up(tenant).await?;
                // Only for a table at a time, so that nobody waits for long; what came meanwhile is found.
                let Some(held) = derivation.try_hold(tenant).await? else { return Ok(Outcome::Others) };
                let held = held.with_feed().await;
                let rows = remove_of(store, (tenant, edges, stage), (table, condition), &held).await;
                // Under the hold too: another process may fill it next.
                found::empty(store, tenant).await?;
                match rows? {
                    None => break,
                    Some(0) => {}
                    Some(rows) => removed.push(Removed { table: table.to_owned(), rows }),
                }
            }
        }
        Ok(Outcome::Done)
    }
}

/// Removes of one table what is found anew. Returns how many rows went, `None` where nothing of the stage is to go.
async fn remove_of(
    store: &dyn Store,
    (tenant, edges, stage): (&str, Edges, Stage),
    (table, condition): (&'static str, &'static str),
    held: &Held<'_>,
) -> Result<Option<u64>, StoreError> {
    if !found::fill(store, tenant, edges, stage).await? {
        return Ok(None);
    }
    store.execute_all(found::keepsakes(tenant, stage)).await?;
    let condition = found::part(tenant, condition);
    let rows = found::count(store, tenant, table, &condition).await?;
    if rows == 0 {
        return Ok(Some(0));
    }
    removal::same_everywhere(store, tenant, "retiring").await?;
    // What is filled is of this hold: whoever has taken it over fills for itself.
    held.keep().await?;
    store.execute_all(removal::delete(tenant, table, &condition)).await?;
    removal::clean(store, tenant, table).await?;
    Ok(Some(rows))
}

/// The tenants that have events, one after the other: to read them all at once would read the whole log.
async fn tenants(store: &dyn Store) -> Result<Vec<String>, StoreError> {
    let mut tenants: Vec<String> = Vec::new();
    loop {
        let mut sql = Sql::new("SELECT CAST(tenant, 'String') AS name FROM events WHERE tenant > ");
        sql.bind(tenants.last().map(String::as_str).unwrap_or_default()).push(" ORDER BY tenant LIMIT 1");
        let mut next: Option<String> = None;
        // Each shard tells its own.
        for batch in store.query(sql.of_everyone()).await? {
            let found = columns::texts(&batch, 0)?.iter().flatten().min().map(str::to_owned);
            next = next.into_iter().chain(found).min();
        }
        match next {
            Some(tenant) => tenants.push(tenant),
            None => return Ok(tenants),
        }
    }
}
