//! How long who reads waits for what is still to be derived.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::Derivation;
use crate::store::StoreError;

/// What deriving a thread costs, roughly: two seconds for four thousand.
const PER_THREAD: Duration = Duration::from_micros(500);

/// What writing an event to the tables that follow from it costs, roughly.
const PER_EVENT: Duration = Duration::from_micros(5);

/// How long nobody waits after somebody has waited in vain.
const IN_VAIN: Duration = Duration::from_secs(10);

/// Who waits for less learns nothing about the others.
const TRUE_PATIENCE: Duration = Duration::from_secs(1);

/// The tenants of whom more comes than can be caught up with, and since when that is known.
#[derive(Debug, Default)]
pub(super) struct Overtaken {
    since: Mutex<HashMap<String, Instant>>,
}

impl Overtaken {
    fn note(&self, tenant: &str, now: Instant) {
        let mut since = self.lock();
        since.retain(|_, since| now.saturating_duration_since(*since) < IN_VAIN);
        since.insert(tenant.to_owned(), now);
    }

    fn is(&self, tenant: &str, now: Instant) -> bool {
        self.lock().get(tenant).is_some_and(|since| now.saturating_duration_since(*since) < IN_VAIN)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Derivation {
    /// Catches up for as long as `patience` lasts. Returns whether anything is still to be derived: who reads is told so
    /// and not refused, whatever keeps it from being derived.
    ///
    /// # Errors
    /// When the store is closed.
    pub async fn catch_up_within(&self, tenant: &str, patience: Duration) -> Result<bool, StoreError> {
        // Who cannot get it in time does not wait in vain, and asks for nothing more: during an import everybody would.
        let is_overtaken = self.shared.overtaken.is(tenant, Instant::now());
        if is_overtaken && self.waits_for(tenant) {
            return Ok(true);
        }
        let expected = match self.expected(tenant).await {
            // What has to be read from the log first is not counted.
            Ok(Duration::ZERO) if !self.waits_for(tenant) => return Ok(false),
            Err(StoreError::Closed) => return Err(StoreError::Closed),
            // Trying tells what is wrong.
            Err(_) => Duration::ZERO,
            Ok(expected) => expected,
        };
        if patience < expected || is_overtaken {
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
            Err(_) => {
                if TRUE_PATIENCE <= patience {
                    self.shared.overtaken.note(tenant, Instant::now());
                }
                Ok(self.waits_for(tenant) || 0 < self.count_stale(tenant).await?)
            }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_in_vain_spares_the_next_the_same_for_a_while() {
        let overtaken = Overtaken::default();
        let began = Instant::now();
        assert!(!overtaken.is("acme", began));
        overtaken.note("acme", began);
        assert!(overtaken.is("acme", began + Duration::from_millis(9_999)));
        assert!(!overtaken.is("other", began));
        assert!(!overtaken.is("acme", began + IN_VAIN));
        // What is over takes no memory.
        overtaken.note("other", began + IN_VAIN);
        assert_eq!(overtaken.lock().len(), 1);
    }
}
