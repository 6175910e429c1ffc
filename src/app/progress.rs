//! How far long work has come, on a terminal.

use std::io::{self, IsTerminal};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::ingest::Ingest;
use crate::store::StoreError;

/// Derives what follows from the tenants' events, shows how far it is, and puts in order what was written.
///
/// # Errors
/// When the engine fails. What was taken in stays; the next start goes on.
pub async fn derive(ingest: &Ingest, tenants: &[String]) -> Result<()> {
    let failed = "what follows from the events could not be derived; they are stored, and the next start goes on";
    ingest.finish().await.context(failed)?;
    let mut runs = 0;
    for tenant in tenants {
        runs += derive_tenant(ingest, tenant).await.context(failed)?;
    }
    if 1 < runs {
        ingest.derivation().merge().await.context(failed)?;
    }
    Ok(())
}

/// What is being done now.
pub fn say(text: &str) {
    eprintln!("{text}");
}

/// A bar that counts what is done, on a terminal; elsewhere a line that says how much there is.
pub fn bar(total: u64, done: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        eprintln!("{total} {done} …");
    }
    let bar = ProgressBar::new(total);
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(done.to_owned());
    bar.set_position(0);
    bar
}

async fn derive_tenant(ingest: &Ingest, tenant: &str) -> Result<usize, StoreError> {
    let derivation = ingest.derivation();
    let stale = derivation.count_stale(tenant).await?;
    if stale == 0 {
        return Ok(0);
    }
    if !io::stderr().is_terminal() {
        eprintln!("Counting in {stale} chats …");
    }
    let bar = ProgressBar::new(stale);
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} chats counted in {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_position(0);
    let show = |left| {
        bar.set_position(stale.saturating_sub(left));
        if left == 0 {
            bar.set_message("and put in order");
        }
    };
    let runs = derivation.catch_up_telling(tenant, &show).await?;
    bar.finish_and_clear();
    Ok(runs)
}
