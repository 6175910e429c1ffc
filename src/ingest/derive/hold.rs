//! Keeping what is derived still, for who changes what it is derived from: an erasure, and the removal of what is old.
//!
//! It never waits in the background's turn for another process: who cannot have the right tries again later. And the end of all
//! deriving in this process, when others may go on.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::MutexGuard;
use tokio::time::timeout;

use super::{Derivation, LOOK, Lane, lease};
use crate::store::StoreError;

/// While it lives, nothing is derived where the tenant lies.
pub(in crate::ingest) struct Held<'a> {
    derivation: &'a Derivation,
    lane: &'a Lane,
    tenant: String,
    _turn: MutexGuard<'a, ()>,
    feed: Option<MutexGuard<'a, ()>>,
}

/// While it lives, this process derives nothing where it has given its right back.
#[must_use]
pub struct Ended<'a>(#[expect(dead_code, reason = "it is held, not read")] Vec<Option<MutexGuard<'a, ()>>>);

impl Derivation {
    /// Waits for the runs that go on, for so long at most, and gives the right to derive to the processes that share the store;
    /// this one takes it no more. Where it does not come to it, the others wait until the right has come to its end.
    pub async fn end(&self, within: Duration) -> Ended<'_> {
        Ended(join_all(self.shared.lanes.iter().map(|lane| lane.end(within))).await)
    }

    /// Holds where the tenant lies. Waits for another process that derives there.
    ///
    /// # Errors
    /// When the engine fails.
    pub(in crate::ingest) async fn hold(&self, tenant: &str) -> Result<Held<'_>, StoreError> {
        loop {
            if let Some(held) = self.try_hold(tenant).await? {
                return Ok(held);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The same, and `None` where another process has the right to derive.
    ///
    /// # Errors
    /// When the engine fails.
    pub(in crate::ingest) async fn try_hold(&self, tenant: &str) -> Result<Option<Held<'_>>, StoreError> {
        let lane = self.lane(tenant);
        let turn = lane.turn.lock().await;
        Ok(match lane.is_ours(tenant).await? {
            true => Some(Held { derivation: self, lane, tenant: tenant.to_owned(), _turn: turn, feed: None }),
            false => None,
        })
    }
}

impl Lane {
    async fn end(&self, within: Duration) -> Option<MutexGuard<'_, ()>> {
        let turn = timeout(within, self.turn.lock()).await.ok()?;
        if let Some(lease) = &self.lease
            && let Err(error) = lease.give_back(Instant::now()).await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "the right to derive is not given back");
        }
        Some(turn)
    }
}

impl Held<'_> {
    /// Nothing is written behind events either.
    pub async fn with_feed(mut self) -> Self {
        if self.feed.is_none()
            && let Some(feed) = &self.derivation.shared.feed
        {
            self.feed = Some(feed.hold().await);
        }
        self
    }

    /// Keeps the right for longer. Called before each step that may take long.
    ///
    /// # Errors
    /// When the engine fails, or when another process has taken the right: it derives, and what is changed now would mix with it.
    pub async fn keep(&self) -> Result<(), StoreError> {
        match self.lane.is_ours(&self.tenant).await? {
            true => Ok(()),
            false => Err(lease::lost()),
        }
    }
}
