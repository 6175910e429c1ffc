//! How a replay is published, also by a start that finds one broken off, and the scratch database that it tries in.
//!
//! What the statements are is in `ingest::replay`. It compares nothing.

use anyhow::{Context, Result};

use crate::app::build::facts;
use crate::ingest::replay::{Databases, publish};
use crate::model::Clock;
use crate::store::Store;
use crate::store::embedded::EmbeddedStore;
use crate::store::migrations::{MIGRATIONS, migrate};

/// Ends what a `replay` that broke off had begun to publish, and drops what is left of it.
///
/// # Errors
/// When the engine fails; the next start tries again.
pub async fn finish_replay(main: &EmbeddedStore, databases: Databases, clock: &dyn Clock) -> Result<()> {
    let failed = "a replay that broke off cannot be ended";
    match publish::find_mark(main, databases).await.context(failed)? {
        Some(tenant) => {
            tracing::warn!(%tenant, "a replay broke off while it was published; it is published now");
            // An earlier version may have made its tables; their columns must be those of the main database.
            open_scratch(main, databases, clock).await.context(failed)?.close().await;
            publish_marked(main, databases, &tenant).await.context(failed)
        }
        None => publish::drop_scratch(main, databases).await.context(failed),
    }
}

/// The scratch database, its tables up to date.
///
/// # Errors
/// When the engine fails.
pub async fn open_scratch(main: &EmbeddedStore, databases: Databases, clock: &dyn Clock) -> Result<EmbeddedStore> {
    let scratch = main.open_beside(databases.scratch)?;
    migrate(&scratch, clock, MIGRATIONS, &facts()).await.context("the scratch database cannot be made")?;
    Ok(scratch)
}

/// Publishes what is marked, takes the mark away and drops the scratch database.
///
/// # Errors
/// When the engine fails; the next start begins again.
pub async fn publish_marked(main: &EmbeddedStore, databases: Databases, tenant: &str) -> Result<()> {
    let unfinished =
        "the replay is published in part; start any command again and it is ended before anything is answered";
    main.execute_all(publish::statements(databases, tenant)).await.context(unfinished)?;
    publish::unmark(main, databases).await.context(unfinished)?;
    publish::drop_scratch(main, databases).await.context("the scratch database cannot be dropped")
}
