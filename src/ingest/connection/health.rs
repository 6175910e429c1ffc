//! How a connection fares since the process began: counts, and when something last came. What was taken in is also told by
//! the archive, for as long as that keeps it; what was refused is told only here, because nothing of it is stored.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ingest::receive::Received;
use crate::model::clock::{DAY_MS, Millis};

/// A day: who has clients hears from one of them within it.
const QUIET_AFTER_MS: i64 = DAY_MS;

/// Refusals of one cause are logged once in this time; the others are counted.
const LOGGED_EVERY_MS: i64 = 60_000;

/// So long nothing was taken in before what is refused says something of the connection: anybody can send what is refused.
const REFUSING_AFTER_MS: i64 = 900_000;

#[derive(Debug, Default)]
pub struct Health {
    counts: Mutex<Counts>,
}

/// What happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Deliveries that were taken in.
    pub received: u64,
    /// Events that were new.
    pub accepted: u64,
    pub duplicates: u64,
    /// Events that normalising refused.
    pub rejected: u64,
    pub ignored: u64,
    /// Deliveries with something of a kind that the connector does not know.
    pub unknown: u64,
    /// Deliveries that could not be read, as a whole or in part.
    pub unreadable: u64,
    /// Deliveries whose signature is missing, wrong or stale.
    pub refused: u64,
    /// Deliveries about another account.
    pub foreign: u64,
    /// Deliveries that the store did not take; the platform sends them again.
    pub failed: u64,
    pub last_received_at: Option<Millis>,
    pub last_refused_at: Option<Millis>,
    /// Between what happened and its arrival, of the delivery that came last.
    pub last_lag_ms: Option<i64>,
    /// When the platform last answered what it was asked, be it with nothing.
    pub last_answered_at: Option<Millis>,
    /// Since when what it is asked fails; `None` while it answers.
    pub failing_since: Option<Millis>,
    /// When a refusal of each cause was logged last.
    unsigned_logged_at: Option<Millis>,
    foreign_logged_at: Option<Millis>,
}

/// Why a delivery was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    Unsigned,
    Foreign,
    Unstored,
}

/// What a person should know first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing came yet.
    Waiting,
    Receiving,
    /// Nothing came for a day.
    Quiet,
    /// What came last was refused, and nothing was taken in shortly before.
    Refusing,
    /// What was asked last brought nothing in.
    Failing,
}

impl State {
    pub const ALL: [State; 5] = [State::Waiting, State::Receiving, State::Quiet, State::Refusing, State::Failing];

    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Receiving => "RECEIVING",
            Self::Quiet => "QUIET",
            Self::Refusing => "REFUSING",
            Self::Failing => "FAILING",
        }
    }

    pub fn definition(self) -> &'static str {
        match self {
            Self::Waiting => "Nothing came yet.",
            Self::Receiving => {
                "Something was taken in within the last 24 hours, or the platform answered that there is nothing new."
            }
            Self::Quiet => "Nothing was taken in for 24 hours, and the platform answered nothing.",
            Self::Refusing => {
                "What came last was refused, and nothing was taken in for 15 minutes before: its signature is wrong, or it is \
                 about another account."
            }
            Self::Failing => {
                "The platform does not answer what it is asked, or its answer could not be stored; it is asked again."
            }
        }
    }
}

impl Health {
    pub fn note_received(&self, at: Millis, received: &Received) {
        self.note_queued(at);
        self.note_read(received);
    }

    /// Something came that is stored later.
    pub fn note_queued(&self, at: Millis) {
        let mut counts = self.lock();
        counts.received += 1;
        counts.last_received_at = Some(at);
    }

    /// What something said that had come before.
    pub fn note_read(&self, received: &Received) {
        let mut counts = self.lock();
        counts.accepted += received.receipt.accepted;
        counts.duplicates += received.receipt.duplicates;
        counts.rejected += received.receipt.rejected_total;
        counts.ignored += u64::from(received.ignored);
        counts.unknown += u64::from(!received.unknown.is_empty());
        counts.unreadable += u64::from(received.unreadable.is_some());
        counts.last_lag_ms = received.lag_ms.or(counts.last_lag_ms);
    }

    /// Returns whether this one is to be logged.
    pub fn note_turned(&self, at: Millis, turned: Turned) -> bool {
        let mut counts = self.lock();
        let counts = &mut *counts;
        let logged_at = match turned {
            Turned::Unsigned => {
                counts.refused += 1;
                &mut counts.unsigned_logged_at
            }
            Turned::Foreign => {
                counts.foreign += 1;
                &mut counts.foreign_logged_at
            }
            // The store's failure is logged where it happens.
            Turned::Unstored => {
                counts.failed += 1;
                return false;
            }
        };
        counts.last_refused_at = Some(at);
        let is_due = logged_at.is_none_or(|logged| LOGGED_EVERY_MS <= at.saturating_sub(logged));
        if is_due {
            *logged_at = Some(at);
        }
        is_due
    }

    /// The platform answered what it was asked, be it with nothing.
    pub fn note_answered(&self, at: Millis) {
        let mut counts = self.lock();
        counts.last_answered_at = Some(at);
        counts.failing_since = None;
    }

    /// What the platform was asked brought nothing in.
    pub fn note_unanswered(&self, at: Millis) {
        self.lock().failing_since.get_or_insert(at);
    }

    /// What the archive knows of the time before the process began.
    pub fn recall(&self, last_received_at: Millis) {
        let mut counts = self.lock();
        counts.last_received_at = counts.last_received_at.max(Some(last_received_at));
    }

    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    pub fn state(&self, now: Millis) -> State {
        // First, because it is ours to mend: what is refused can be anybody's.
        if self.failing_since.is_some() {
            return State::Failing;
        }
        match (self.last_received_at.max(self.last_answered_at), self.last_refused_at) {
            (received, Some(refused))
                if received.is_none_or(|received| received.saturating_add(REFUSING_AFTER_MS) <= refused) =>
            {
                State::Refusing
            }
            (Some(received), _) if now.saturating_sub(received) < QUIET_AFTER_MS => State::Receiving,
            (Some(_), _) => State::Quiet,
            (None, _) => State::Waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_what_came_last() {
        let health = Health::default();
        let state = |now| health.counts().state(now);
        assert_eq!(state(0), State::Waiting);
        assert!(health.note_turned(1_000, Turned::Unsigned));
        assert_eq!(state(1_000), State::Refusing);
        health.note_received(2_000, &Received::default());
        assert_eq!((state(2_000), state(2_000 + QUIET_AFTER_MS)), (State::Receiving, State::Quiet));
        assert!(!health.note_turned(3_000, Turned::Unsigned), "one line a minute");
        assert!(health.note_turned(3_000, Turned::Foreign), "one line a cause");
        // A stranger's call says nothing of a connection that receives.
        assert_eq!(state(3_000), State::Receiving);
        let later = 2_000 + REFUSING_AFTER_MS;
        assert!(health.note_turned(later, Turned::Foreign));
        assert_eq!(state(later), State::Refusing);
        assert!(!health.note_turned(later, Turned::Unstored));
        let counts = health.counts();
        assert_eq!((counts.refused, counts.foreign, counts.failed, counts.received), (2, 2, 1, 1));
    }

    #[test]
    fn a_platform_that_is_asked_fares_as_it_answers() {
        let health = Health::default();
        let state = |now| health.counts().state(now);
        health.note_unanswered(1_000);
        assert_eq!(state(1_000), State::Failing);
        health.note_turned(2_000, Turned::Unsigned);
        // A call from outside is no answer.
        health.note_received(2_500, &Received::default());
        health.note_unanswered(3_000);
        assert_eq!((state(3_000), health.counts().failing_since), (State::Failing, Some(1_000)));
        health.note_answered(4_000);
        assert_eq!((state(4_000), state(4_000 + QUIET_AFTER_MS)), (State::Receiving, State::Quiet));
        assert_eq!(health.counts().last_received_at, Some(2_500));
    }

    #[test]
    fn what_the_archive_recalls_is_no_later_than_what_came() {
        let health = Health::default();
        health.recall(5_000);
        assert_eq!(health.counts().state(6_000), State::Receiving);
        health.note_received(9_000, &Received::default());
        health.recall(5_000);
        assert_eq!(health.counts().last_received_at, Some(9_000));
    }
}
