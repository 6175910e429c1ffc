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
use rapport::ingest::connection::Connections;
use rapport::ingest::file::{self, AdapterOptions};
use rapport::ingest::{Item, Origin, batch, normalise};
use rapport::store::embedded::EmbeddedStore;
use rapport::store::{Insert, Store};
use serde_json::json;

use super::webhooks;
use crate::world::{self, NOW};

pub const NDJSON: &str = "events.ndjson";
pub const PARQUET: &str = "events.parquet";
pub const TENANT: &str = "acme";
/// As large as the ingestion makes its own batches.
const BATCH_EVENTS: usize = 50_000;

/// A way that events come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// The inserts and nothing else: no HTTP, no JSON, no search for duplicates.
    Engine,
    Http,
    /// One event a request.
    Single,
    File,
    /// Single deliveries of a platform.
    Webhooks,
}

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Http => "http",
            Self::Single => "single",
            Self::File => "file",
            Self::Webhooks => "webhooks",
        }
    }
}

pub async fn run(way: Way, directory: &Path) {
    let store = world::open_store(&directory.join(way.name())).await;
    let idle = world::peak_memory_mib();
    let mut drained = None;
    let seconds = match way {
        Way::Engine => Some(engine(&store, directory).await),
        Way::File => Some(parquet(&store, directory).await),
        // The client counts the time.
        Way::Http | Way::Single => {
            drained = Some(serve(&store, Connections::default()).await);
            None
        }
        Way::Webhooks => {
            drained = Some(serve(&store, webhooks::connections()).await);
            None
        }
    };
    let mut measured = json!({"peakMiB": world::peak_memory_mib(), "idleMiB": idle});
    if let Some(drained) = drained {
        measured["drainSeconds"] = json!(drained.as_secs_f64());
    }
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
    let origin = Origin { tenant: TENANT.to_owned(), ..Origin::default() };
    let rows: Vec<batch::Row> = events.iter().map(|event| batch::Row { origin: &origin, event }).collect();
    let rows = batch::build(&rows).expect("the events fit");
    let numbered = batch::numbered(&rows, 0).expect("the rows are sound");
    let followers = batch::followers(&rows).expect("the rows are sound");
    let start = Instant::now();
    for Insert { table, rows } in [Insert { table: "events", rows: numbered }].into_iter().chain(followers) {
        store.insert(table, rows, None).await.expect("the store takes them");
    }
    start.elapsed()
}

async fn parquet(store: &Arc<EmbeddedStore>, directory: &Path) -> Duration {
    let ingest = world::ingest(store).await;
    let keeping_up = tokio::spawn(ingest.clone().keep_up());
    let options = file::Options { path: directory.join(PARQUET), format: None, adapter: AdapterOptions::default() };
    let start = Instant::now();
    let receipt = file::import(&ingest, TENANT, options).await.expect("the file can be read");
    assert_eq!(receipt.rejected_total, 0, "{receipt}");
    ingest.finish().await.expect("the store takes them");
    let spent = start.elapsed();
    keeping_up.abort();
    spent
}

/// Serves on a loopback port as the program does, tells its address, and ends when standard input does. Returns how long it took
/// until what follows from the last events was written.
async fn serve(store: &Arc<EmbeddedStore>, connections: Connections) -> Duration {
    let ingest = world::ingest(store).await;
    let router = world::router_for(&ingest, store, connections, Log::off());
    let feeding = tokio::spawn(ingest.clone().keep_up());
    let deriving = tokio::spawn(ingest.derivation().clone().keep_up());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    println!("{}", listener.local_addr().expect("it has an address"));
    let stop = async {
        let wait = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        let _ = wait.await;
    };
    rapport::api::serve(listener, router, Limits::default(), stop).await;
    deriving.abort();
    let start = Instant::now();
    ingest.finish().await.expect("the store takes them");
    feeding.abort();
    start.elapsed()
}
