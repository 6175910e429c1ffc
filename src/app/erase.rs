//! `rapport erase`: everything that is known of a contact goes, and a report says what it was.

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::ingest::Ingest;
use crate::ingest::erase::{Mode, Reach, Request};
use crate::model::{Clock, SystemClock};
use crate::store::OpenError;
use crate::store::limits::Limits;

use super::build;
use super::config::Config;
use super::options::EraseOptions;

/// A question of this command has the machine for itself, and may take an hour.
const QUERY_SECONDS: u64 = 3_600;

/// `rapport erase`.
///
/// # Errors
/// When a server runs, or the store fails.
pub async fn run(config: &Config, options: &EraseOptions) -> Result<()> {
    if options.contact.trim().is_empty() {
        bail!("`--contact` is empty: give the contact's name as events have it");
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let limits = Limits { seconds: QUERY_SECONDS, rows_read: i64::MAX.unsigned_abs(), ..config.engine.clone() };
    let open = match build::open_store_within(config, limits, clock.as_ref()).await {
        Err(error) if matches!(error.downcast_ref(), Some(OpenError::InUse { .. })) => {
            return Err(error
                .context("a server runs here: ask it by the mutation `eraseContact`, with a token of the role ADMIN"));
        }
        opened => opened?,
    };
    let request = Request {
        tenant: options.tenant.clone(),
        contact: options.contact.clone(),
        reach: if options.person { Reach::Person } else { Reach::Contact },
        mode: if options.dry_run { Mode::Trial } else { Mode::Erase },
        asked_by: options.asked_by.clone(),
    };
    let erased = Ingest::new(open.store.clone(), clock).erase(request).await;
    open.store.close().await;
    let erasure = erased.context("the erasure broke off; the next start of any command ends what it had begun")?;
    let text = match options.json {
        true => format!("{:#}\n", erasure.to_json()),
        false => erasure.to_string(),
    };
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
