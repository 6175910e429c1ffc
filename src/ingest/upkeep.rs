//! What goes on beside requests for as long as a store is open, and how it ends.
//!
//! It does none of it itself: it starts what does, and ends it so that the next start, or another process that shares the store,
//! goes on at once.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::Ingest;
use super::commit::Following;
use crate::store::StoreError;

/// How long what is stored may be written to the tables that follow from it, and then how long a run that goes on may take,
/// after the last request.
const FINISHING: Duration = Duration::from_secs(10);

/// Writing what follows from events, deriving, retention, and erasures that broke off.
pub struct Upkeep {
    ingest: Ingest,
    tasks: [JoinHandle<()>; 4],
}

impl Ingest {
    /// Starts all of it.
    pub fn start_upkeep(&self) -> Upkeep {
        let tasks = [
            tokio::spawn(self.clone().keep_up()),
            tokio::spawn(self.derivation().clone().keep_up()),
            tokio::spawn(self.clone().keep_retention()),
            tokio::spawn(self.clone().keep_erasing()),
        ];
        Upkeep { ingest: self.clone(), tasks }
    }

    /// Derives nothing more, and lets other processes that share the store derive from here on.
    pub async fn end(&self) {
        let _ended = self.derivation().end(FINISHING).await;
    }

    /// Writes what follows from events behind them, for as long as the store is open, and learns which ids are stored.
    pub async fn keep_up(self) {
        let Following::Behind(feed) = &self.door.following else { return };
        let fed = || self.door.derivation.tell_stored();
        let learn = async {
            if let Err(error) = self.door.commits.learn().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the ids that are stored could not be read: each is looked up"
                );
            }
        };
        tokio::join!(feed.keep_up(fed), learn);
    }

    /// Returns when all that was accepted is written to every table that follows from it.
    ///
    /// # Errors
    /// When the engine fails; the next start goes on.
    pub async fn finish(&self) -> Result<(), StoreError> {
        match &self.door.following {
            Following::Before => Ok(()),
            Following::Behind(feed) => feed.settle_all().await,
        }
    }
}

impl Upkeep {
    /// Ends it after the last request, before the store is closed. What is not done by then is the next start's.
    pub async fn end(self) {
        match tokio::time::timeout(FINISHING, self.ingest.finish()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "what follows from the last events is not written; the next start does it");
            }
            Err(_) => {
                let seconds = FINISHING.as_secs();
                tracing::warn!(seconds, "what follows from the last events is not all written; the next start goes on");
            }
        }
        let _ended = self.ingest.derivation().end(FINISHING).await;
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
