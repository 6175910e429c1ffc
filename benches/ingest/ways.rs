//! The ways in, each as a child process runs it. What a way measured goes to standard output as JSON.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use rapport::api::Limits;
use rapport::api::audit::Log;
use rapport::ingest::file::{self, AdapterOptions};
use rapport::ingest::{Ingest, Item, batch, normalise};
use rapport::store::Store;
use rapport::store::embedded::EmbeddedStore;
use serde_json::json;

use super::webhooks;
use crate::world::{self, FixedClock, NOW};

pub const NDJSON: &str = "events.ndjson";
pub const PARQUET: &str = "events.parquet";
pub const TENANT: &str = "acme";
/// As large as the ingestion makes its own batches.
const BATCH_EVENTS: usize = 50_000;

/// A way that events come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// The two inserts and nothing else: no HTTP, no JSON, no search for duplicates.
    Engine,
    Http,
    File,
    /// Single deliveries of a platform.
    Webhooks,
}

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Http => "http",
            Self::File => "file",
            Self::Webhooks => "webhooks",
        }
    }
}

pub async fn run(way: Way, directory: &Path) {
    let store = world::open_store(&directory.join(way.name())).await;
    let idle = world::peak_memory_mib();
    let seconds = match way {
        Way::Engine => Some(engine(&store, directory).await),
        Way::File => Some(parquet(&store, directory).await),
        // The client counts the time.
        Way::Http => {
            serve(world::router(&store)).await;
            None
        }
        Way::Webhooks => {
            serve(world::router_for(&store, webhooks::connections(), Log::off())).await;
            None
        }
    };
    let mut measured = json!({"peakMiB": world::peak_memory_mib(), "idleMiB": idle});
    if let Some(seconds) = seconds {
        measured["seconds"] = json!(seconds.as_secs_f64());
    }
    store.close().await;
    println!("{measured}");
}

async fn engine(store: &EmbeddedStore, directory: &Path) -> Duration {
    let lines = BufReader::new(File::open(directory.join(NDJSON)).expect("the events are there"));
    let mut ids = HashSet::new();
    let mut events = Vec::new();
    let mut spent = Duration::ZERO;
    for (line, text) in (1..).zip(lines.lines()) {
        let item = Item::from_json(line, text.expect("the file is text").as_bytes());
        let event = normalise::normalise(item.event.expect("an event"), NOW).expect("a sound event");
        if ids.insert(event.id.clone()) {
            events.push(event);
        }
        if events.len() == BATCH_EVENTS {
            spent += insert(store, &std::mem::take(&mut events)).await;
        }
    }
    spent + insert(store, &events).await
}

async fn insert(store: &EmbeddedStore, events: &[rapport::model::event::NormalEvent]) -> Duration {
    let rows = batch::build(TENANT, "", events).expect("the events fit");
    let start = Instant::now();
    store.insert("inbox", rows.clone(), None).await.expect("the store takes them");
    store.insert("events", rows, None).await.expect("the store takes them");
    start.elapsed()
}

async fn parquet(store: &Arc<EmbeddedStore>, directory: &Path) -> Duration {
    let ingest = Ingest::new(store.clone(), Arc::new(FixedClock));
    let options = file::Options { path: directory.join(PARQUET), format: None, adapter: AdapterOptions::default() };
    let start = Instant::now();
    let receipt = file::import(&ingest, TENANT, options).await.expect("the file can be read");
    assert_eq!(receipt.rejected_total, 0, "{receipt}");
    start.elapsed()
}

/// Serves on a loopback port, tells its address, and ends when standard input does.
async fn serve(router: axum::Router) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    println!("{}", listener.local_addr().expect("it has an address"));
    let stop = async {
        let wait = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        let _ = wait.await;
    };
    rapport::api::serve(listener, router, Limits::default(), stop).await;
}
