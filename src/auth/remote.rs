//! An issuer's keys behind an address: fetched when they are needed, kept while they are good.
//!
//! Requests share one fetch and never start one each; a fetch outlives the request that began it. What is due when is
//! decided in [`age`], which knows no network; a single fetch is in [`fetch`], over [`crate::outbound`].

mod age;
mod fetch;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub use fetch::{FetchError, Source};

use super::AuthError;
use super::jwks::KeySet;
use super::key::VerifyingKey;
use crate::model::Clock;
use crate::outbound::with_causes;
use age::{Cached, Freshness, Why};

/// The keys of one issuer.
pub struct RemoteKeys {
    issuer: String,
    source: Source,
    clock: Arc<dyn Clock>,
    cached: Mutex<Cached>,
    /// Counts the fetches that ended, for those who wait for one.
    ended: watch::Sender<u64>,
}

impl RemoteKeys {
    pub fn new(issuer: String, source: Source, clock: Arc<dyn Clock>) -> Self {
        Self { issuer, source, clock, cached: Mutex::default(), ended: watch::Sender::new(0) }
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The key of this name. An unknown name is reason to ask the source again, once in a while.
    pub async fn key(self: &Arc<Self>, name: Option<&str>) -> Result<Arc<VerifyingKey>, AuthError> {
        let freshness = self.lock().freshness(self.clock.now());
        match freshness {
            Freshness::Fresh => {}
            Freshness::Due => _ = self.begin(Why::Due),
            Freshness::Needed => self.fetch(Why::Due).await,
        }
        if let Some(key) = self.usable()?.choose(name) {
            return Ok(Arc::clone(key));
        }
        // A token that names no key cannot be waiting for a new one.
        if name.is_none() {
            return Err(AuthError::UnknownKey);
        }
        self.fetch(Why::UnknownName).await;
        let keys = self.usable()?;
        keys.choose(name).cloned().ok_or_else(|| {
            // A key that is new, or none: while the source is down nobody knows, so the client must not be told that it is none.
            let (cached, now) = (self.lock(), self.clock.now());
            match cached.is_failing() {
                true => AuthError::KeysUnavailable { retry_after_seconds: cached.retry_after_seconds(now) },
                false => AuthError::UnknownKey,
            }
        })
    }

    pub fn fetch_ahead(self: &Arc<Self>) {
        self.begin(Why::Due);
    }

    fn usable(&self) -> Result<Arc<KeySet>, AuthError> {
        let now = self.clock.now();
        let cached = self.lock();
        let retry_after_seconds = cached.retry_after_seconds(now);
        cached.usable(now).ok_or(AuthError::KeysUnavailable { retry_after_seconds })
    }

    /// Waits for a fetch: for the one that runs, else for one begun now, if one may begin.
    async fn fetch(self: &Arc<Self>, why: Why) {
        // Before it is begun, or its end could be missed.
        let mut ended = self.ended.subscribe();
        if self.begin(why) {
            // It fails only if `self` is gone.
            let _ = ended.changed().await;
        }
    }

    /// Begins a fetch if one may begin, and says whether one runs.
    fn begin(self: &Arc<Self>, why: Why) -> bool {
        let now = self.clock.now();
        {
            let mut cached = self.lock();
            if cached.is_fetching() {
                return true;
            }
            if !cached.begin(now, why) {
                return false;
            }
        }
        let keys = Arc::clone(self);
        tokio::spawn(async move {
            let fetching = Arc::clone(&keys);
            // In a task of its own, so that a panic ends as a failure and not as a fetch that runs for ever.
            let fetched = tokio::spawn(async move { fetching.source.fetch().await }).await;
            keys.settle(fetched.unwrap_or(Err(FetchError::Broken)));
        });
        true
    }

    fn settle(&self, fetched: Result<KeySet, FetchError>) {
        let (issuer, url) = (self.issuer.as_str(), self.source.url());
        let mut cached = self.lock();
        match fetched {
            // A source that loses its keys by mistake must not lock everybody out: the old ones stay for their day.
            Ok(set) if set.is_empty() => {
                cached.fail();
                tracing::warn!(issuer, %url, "the issuer's source has no key that can be used: {set}");
            }
            Ok(set) => {
                for refused in &set.refused {
                    tracing::warn!(issuer, %url, "a key of the issuer is not used: {refused}");
                }
                tracing::info!(issuer, %url, "the issuer's keys were fetched: {set}");
                cached.succeed(set);
            }
            Err(error) => {
                cached.fail();
                let retry_after_seconds = cached.retry_after_seconds(self.clock.now());
                let cause = with_causes(&error);
                tracing::warn!(issuer, %url, cause, retry_after_seconds, "the issuer's keys could not be fetched");
            }
        }
        drop(cached);
        self.ended.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Nothing that holds it can panic half-way, so what a panic left is whole.
    fn lock(&self) -> MutexGuard<'_, Cached> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RemoteKeys({})", self.source.url())
    }
}

#[cfg(test)]
#[path = "remote_tests.rs"]
mod tests;
