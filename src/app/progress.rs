//! How far what follows from events has been derived, on a terminal.

use std::io::{self, IsTerminal};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::ingest::Ingest;

/// Derives what follows from a tenant's events, and shows how far it is.
///
/// # Errors
/// When the engine fails. What was taken in stays; the next start goes on.
pub async fn derive(ingest: &Ingest, tenant: &str) -> Result<()> {
    let derivation = ingest.derivation();
    let failed = "what follows from the events could not be derived; they are stored, and the next start goes on";
    let stale = derivation.count_stale(tenant).await.context(failed)?;
    if stale == 0 {
        return Ok(());
    }
    if !io::stderr().is_terminal() {
        eprintln!("Counting in {stale} chats …");
    }
    let bar = ProgressBar::new(stale);
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} chats counted in {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_position(0);
    let progress = |left| {
        bar.set_position(stale.saturating_sub(left));
        if left == 0 {
            bar.set_message("and put in order");
        }
    };
    derivation.take_in(tenant, progress).await.context(failed)?;
    bar.finish_and_clear();
    Ok(())
}
