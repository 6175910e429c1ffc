//! How long who reads waits for what is still to be derived.

use std::time::Duration;

use tokio::time::timeout;

use super::Derivation;
use crate::store::StoreError;

/// What deriving a thread costs, roughly: two seconds for four thousand.
const PER_THREAD: Duration = Duration::from_micros(500);

/// What writing an event to the tables that follow from it costs, roughly.
const PER_EVENT: Duration = Duration::from_micros(5);

impl Derivation {
    /// Catches up for as long as `patience` lasts. Returns whether anything is still to be derived: who reads is told so
    /// and not refused, whatever keeps it from being derived.
    ///
    /// # Errors
    /// When the store is closed.
    pub async fn catch_up_within(&self, tenant: &str, patience: Duration) -> Result<bool, StoreError> {
        let expected = match self.expected(tenant).await {
            // What has to be read from the log first is not counted.
            Ok(Duration::ZERO) if !self.waits_for(tenant) => return Ok(false),
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
}
