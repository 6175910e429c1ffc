//! Erasing a contact: everything that is known of it goes, and what is left of others is as it was.
//!
//! First it is found out what there is ([`found`], [`escaped`]) and written into the table `erasing` ([`listed`]); then it is
//! noted that the erasure began; then rows go, table by table ([`tables`], [`removing`]), and each table's number is noted as
//! evidence ([`evidence`]). What breaks off is gone on with by [`Ingest::keep_erasing`] and by the next start. Rows are
//! rewritten without what goes, not only hidden, and the files of before are removed. It never looks into backups nor into a
//! queue, and what comes of the contact later counts as new.
//!
//! One of the places outside `sql/` with SQL text: see `lib.rs`.

mod escaped;
mod evidence;
mod found;
mod listed;
mod removing;
pub mod report;
pub mod tables;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use self::evidence::Step;
use self::listed::Listed;
use self::report::Erasure;
use super::derive::Derivation;
use super::normalise::ID_CHARS_MAX;
use super::{Door, Ingest, IngestError};
use crate::model::Clock;
use crate::store::StoreError;

/// How far an erasure goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The contact under this name alone.
    Contact,
    /// All names that links join to it.
    Person,
}

/// Whether anything is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Counts what there is.
    Trial,
    Erase,
}

/// What is to be erased, and who wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    tenant: String,
    contact: String,
    reach: Reach,
    mode: Mode,
    asked_by: String,
}

/// What is listed of erasures that never began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftovers {
    /// Nobody counts anything now: they can go.
    All,
    /// Somebody may be counting: only what is a day old goes.
    Old,
}

/// How often to look whether an erasure broke off.
const LOOK: Duration = Duration::from_secs(60);

impl Reach {
    pub fn name(self) -> &'static str {
        match self {
            Self::Contact => "CONTACT",
            Self::Person => "PERSON",
        }
    }
}

impl Request {
    /// # Errors
    /// When no event can have such a contact.
    pub fn new(
        tenant: String,
        contact: String,
        (reach, mode): (Reach, Mode),
        asked_by: String,
    ) -> Result<Self, RequestError> {
        match contact.trim().is_empty() || ID_CHARS_MAX < contact.chars().count() {
            true => Err(RequestError { chars_max: ID_CHARS_MAX }),
            false => Ok(Self { tenant, contact, reach, mode, asked_by }),
        }
    }
}

/// Why nobody can be erased under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the contact must be a name as events have it: not empty, at most {chars_max} characters")]
pub struct RequestError {
    chars_max: usize,
}

impl Ingest {
    /// Erases a contact, or counts what would go. A task of its own: who hangs up does not stop it half way. One at a time.
    ///
    /// # Errors
    /// [`IngestError::Erasing`] while another one runs here, and when the engine fails: what was begun then is gone on with.
    pub async fn erase(&self, request: Request) -> Result<Erasure, IngestError> {
        let turn = Arc::clone(&self.door.erasing).try_lock_owned().map_err(|_| IngestError::Erasing)?;
        let ingest = self.clone();
        let work = async move {
            let _turn = turn;
            match request.mode {
                Mode::Trial => ingest.count_now(&request).await,
                Mode::Erase => ingest.erase_now(&request).await,
            }
        };
        tokio::spawn(work).await?
    }

    /// Holds nobody up: what comes meanwhile may be counted or not.
    async fn count_now(&self, request: &Request) -> Result<Erasure, IngestError> {
        // Whose a name is must be known.
        self.door.derivation.catch_up(&request.tenant).await?;
        let store = self.door.store.as_ref();
        let mut erasure = Erasure::asked(request, self.door.clock.now());
        let counted = async {
            let listed = Listed::of(&erasure);
            for statements in [found::events(request, &listed), found::rest(&listed)] {
                store.execute_all(statements).await?;
            }
            escaped::add(store, &listed).await?;
            store.execute_all(found::texts(&listed)).await?;
            let counts = tables::erased().map(|(table, condition)| listed.count(table, table, condition)).collect();
            store.execute_all(counts).await
        };
        let counted = counted.await;
        let described = match counted {
            Ok(()) => erasure.describe(store).await,
            Err(error) => Err(error),
        };
        // Names in clear do not stay, whatever happened.
        let emptied = Listed::of(&erasure).empty(store).await;
        described.and(emptied)?;
        Ok(erasure)
    }

    async fn erase_now(&self, request: &Request) -> Result<Erasure, IngestError> {
        let store = self.door.store.as_ref();
        let (derivation, clock) = (&self.door.derivation, self.door.clock.as_ref());
        // Whose a name is must be known.
        derivation.catch_up(&request.tenant).await?;
        let held = derivation.hold(&request.tenant).await?;
        // Before the feed is held: who is within may wait for it.
        let outside = self.door.within.write().await;
        let held = held.with_feed().await;
        // One that failed.
        removing::finish(store, clock, &held, &request.tenant).await?;
        let mut erasure = Erasure::asked(request, clock.now());
        let listing = async {
            let listed = Listed::of(&erasure);
            store.execute_all(found::events(request, &listed)).await?;
            // What is taken in from now on is later than the erasure, all of it.
            drop(outside);
            store.execute_all(found::rest(&listed)).await?;
            escaped::add(store, &listed).await?;
            store.execute_all(found::texts(&listed)).await
        };
        let begun = match listing.await {
            Ok(()) => erasure.describe(store).await,
            Err(error) => Err(error),
        };
        if let Err(error) = begun {
            // Nothing is removed yet, and names in clear do not stay. If this fails too, the next start does it.
            _ = Listed::of(&erasure).empty(store).await;
            return Err(error.into());
        }
        // Where nobody knows whether this was noted, the list stays: without it what has begun could not be ended.
        evidence::note(store, &erasure, Step::Begun).await?;
        removing::remove(store, clock, &held, &mut erasure).await?;
        drop(held);
        derivation.tell_stored();
        // Who reads next finds the others' figures as they were. What fails here is tried again in the background.
        if let Err(error) = derivation.catch_up(&request.tenant).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                erasure = erasure.id(),
                "an erasure is done; what it touched is not derived anew yet"
            );
        }
        Ok(erasure)
    }

    /// Ends erasures that broke off, here or in another process, for as long as the store is open.
    pub async fn keep_erasing(self) {
        let Door { derivation, clock, .. } = self.door.as_ref();
        loop {
            match finish_interrupted(derivation, clock.as_ref(), Leftovers::Old).await {
                Ok(false) => {}
                Ok(true) => {
                    tracing::warn!("an erasure had broken off; it is ended now");
                    derivation.tell_stored();
                }
                Err(StoreError::Closed) => return,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "an erasure that broke off is not ended; it is tried again in a minute");
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Goes on with erasures that broke off, while nothing is derived where their tenants lie. Those of other processes, which may
/// run, are left alone. Returns whether there was one.
///
/// # Errors
/// When the engine fails; the next attempt goes on. One tenant that fails does not keep the others from it.
pub async fn finish_interrupted(
    derivation: &Derivation,
    clock: &dyn Clock,
    leftovers: Leftovers,
) -> Result<bool, StoreError> {
    let store = derivation.store().as_ref();
    let mut outcome = Ok(false);
    let unfinished = evidence::unfinished(store, None).await?;
    let tenants: BTreeSet<&str> = unfinished.iter().map(|erasure| erasure.tenant.as_str()).collect();
    for tenant in tenants {
        let finished = async {
            let Some(held) = derivation.try_hold(tenant).await? else { return Ok(false) };
            // What was found is asked for again: whoever had the right may have ended it.
            removing::finish(store, clock, &held.with_feed().await, tenant).await
        };
        outcome = match (outcome, finished.await) {
            (Ok(before), Ok(now)) => Ok(before || now),
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
    }
    for (tenant, erasure) in evidence::never_begun(store, leftovers).await? {
        Listed { tenant: &tenant, erasure: &erasure }.empty(store).await?;
    }
    outcome
}
