//! `rapport worker`, and the queue as the other commands use it.

use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::ingest::Ingest;
use crate::ingest::connection::Connections;
use crate::ingest::queued::worker::{Inserts, Pace, Worker, Working};
use crate::model::{Clock, SystemClock};
use crate::queue::{Queue, QueueConfig};
use crate::store::chosen::ChosenStore;
use crate::store::{OpenError, Sharing, Store};

use super::build;
use super::config::Config;
use super::connections;
use super::findings::Finding;
use super::serve::StopSignal;

/// The configured queue, if there is one. One that is away is no reason not to begin: questions are answered without it.
///
/// # Errors
/// When the configuration names a file that cannot be read, or a stream that is not ours.
pub async fn open(config: &Config) -> Result<Option<Queue>> {
    let Some(configured) = &config.queue else { return Ok(None) };
    let queue = Queue::open(configured.clone()).await.context("the queue cannot be used")?;
    if let Err(error) = queue.prepare().await {
        match error {
            crate::queue::QueueError::Stream { .. } => return Err(error.into()),
            error => tracing::warn!(%error, "nothing is taken in until the queue answers"),
        }
    }
    Ok(Some(queue))
}

/// A worker of this queue, at its usual pace.
pub fn start(queue: Queue, store: &ChosenStore, ingest: &Ingest, connections: &Connections) -> Working {
    let inserts = match store.sharing() {
        Sharing::Own => Inserts::Joined,
        Sharing::Shared { .. } => Inserts::OneEach,
    };
    Worker { queue, ingest: ingest.clone(), connections: connections.clone(), inserts, pace: Pace::default() }.start()
}

/// `rapport worker`: stores what the queue has until a signal says stop.
///
/// # Errors
/// When no queue is configured, or the store cannot be opened.
pub async fn run(config: &Config) -> Result<()> {
    let stop = StopSignal::new()?;
    let Some(queue) = open(config).await? else {
        bail!("no queue is configured: name its servers in RAPPORT_NATS, such as nats://127.0.0.1:4222");
    };
    let connections = connections::open(&config.connections)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let open = build::open_store(config, clock.as_ref()).await.map_err(|error| match error.downcast_ref() {
        Some(OpenError::InUse { .. }) => error.context(
            "with the embedded store `rapport serve` runs the worker itself, because one process owns the data directory",
        ),
        _ => error,
    })?;
    let ingest = Ingest::open_keeping(open.store.clone(), clock, config.keeping()).await?;
    let upkeep = ingest.start_upkeep();
    let working = start(queue, &open.store, &ingest, &connections);
    eprintln!("Storing what the queue has; Ctrl-C ends it.");
    stop.wait().await;
    eprintln!("\nStopping: storing what is in work …");
    working.stop().await;
    upkeep.end().await;
    open.store.close().await;
    eprintln!("Stopped. What is not stored is in the queue.");
    Ok(())
}

/// What `doctor` finds of the queue.
pub async fn examine(config: &QueueConfig) -> Finding {
    look(config).await.map_err(|error| format!("{error:#}"))
}

async fn look(config: &QueueConfig) -> Result<String> {
    let queue = Queue::open(config.clone()).await?;
    queue.prepare().await?;
    let lag = queue.lag().await?;
    let oldest = match lag.oldest {
        Some(at) => format!(", the oldest {} s old", SystemClock.now().saturating_sub(at).max(0) / 1_000),
        None => String::new(),
    };
    let aside = match lag.aside {
        0 => String::new(),
        count => {
            format!("; {count} were put aside because they cannot be stored, see the stream {}_DEAD", config.stream)
        }
    };
    let copies = match config.replicas {
        1 => "one copy: its server needs `sync_interval: always`".to_owned(),
        count => format!("{count} copies"),
    };
    let largest = queue.body_bytes_max() >> 10;
    Ok(format!(
        "the stream {} answers, {copies}; {} messages wait to be stored{oldest}{aside}; a message has at most {largest} KiB, \
         compressed",
        config.stream, lag.messages
    ))
}
