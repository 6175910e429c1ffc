//! `rapport erase`: everything that is known of a contact goes, and a report says what it was.

use std::sync::Arc;

use anyhow::{Context, Result};

use crate::ingest::Ingest;
use crate::ingest::derive::Derivation;
use crate::ingest::erase::report::{Erasure, Waiting};
use crate::ingest::erase::{self, Leftovers, Mode, Reach, Request};
use crate::model::{Clock, SystemClock};
use crate::queue::{Lag, Queue, QueueError};
use crate::store::chosen::ChosenStore;
use crate::store::limits::Limits;
use crate::store::{OpenError, Sharing, Store};

use super::build;
use super::config::Config;
use super::options::EraseOptions;
use super::print::print;

/// A question of this command has the machine for itself, and may take an hour.
const QUERY_SECONDS: u64 = 3_600;

/// `rapport erase`.
///
/// # Errors
/// When a server runs, or the store fails.
pub async fn run(config: &Config, options: &EraseOptions) -> Result<()> {
    let reach = if options.person { Reach::Person } else { Reach::Contact };
    let mode = if options.dry_run { Mode::Trial } else { Mode::Erase };
    let (tenant, asked_by) = (options.tenant.clone(), options.asked_by.clone());
    let request = Request::new(tenant, options.contact.clone(), (reach, mode), asked_by).context("`--contact`")?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let limits = Limits { seconds: QUERY_SECONDS, rows_read: i64::MAX.unsigned_abs(), ..config.engine.clone() };
    let open = match build::open_store_within(config, limits, clock.as_ref()).await {
        Err(error) if matches!(error.downcast_ref(), Some(OpenError::InUse { .. })) => {
            return Err(error
                .context("a server runs here: ask it by the mutation `eraseContact`, with a token of the role ADMIN"));
        }
        opened => opened?,
    };
    let waiting = Waiting::of(&lag(config).await);
    let store: Arc<dyn Store> = open.store.clone();
    let erased = async {
        // What is stored and not counted yet is counted first: it could not be found otherwise.
        let ingest = Ingest::open_keeping(store, clock, config.keeping()).await?;
        let erased = ingest.erase(request).await;
        ingest.end().await;
        erased
    };
    let erased = erased.await;
    open.store.close().await;
    let erasure = erased.context("the erasure broke off; the next start ends what it had begun")?;
    let erasure = Erasure { waiting, ..erasure };
    let text = match options.json {
        true => format!("{:#}\n", erasure.to_json()),
        false => erasure.to_string(),
    };
    Ok(print(&text)?)
}

/// What waits in the configured queue.
async fn lag(config: &Config) -> Result<Option<Lag>, QueueError> {
    match &config.queue {
        Some(queue) => Queue::open(queue.clone()).await?.lag().await.map(Some),
        None => Ok(None),
    }
}

/// Ends erasures that broke off, where no other process can be at it. One that cannot be ended keeps nobody from starting:
/// [`Ingest::keep_erasing`] tries again. Where others share the store it also begins.
pub async fn finish_interrupted(store: &Arc<ChosenStore>, clock: &dyn Clock) {
    if store.sharing() != Sharing::Own {
        return;
    }
    let derivation = Derivation::new(Arc::clone(store) as Arc<dyn Store>);
    match erase::finish_interrupted(&derivation, clock, Leftovers::All).await {
        Ok(false) => {}
        Ok(true) => tracing::warn!("an erasure broke off; it is ended now"),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(
                error,
                "an erasure that broke off cannot be ended now; a server tries it again every minute"
            );
        }
    }
}
