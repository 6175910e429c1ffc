//! How fast events come in: NDJSON over HTTP, a Parquet file, single webhooks, and the engine alone with the same rows.
//!
//! ```text
//! cargo bench --bench ingest -- [--events 200000] [--body-events 1000] [--connections 8]
//!     [--webhooks 20000] [--webhook-connections 64] [--json]
//! ```
//!
//! Each way runs in a process of its own, so that its peak memory is its own; the HTTP client is the parent.
//! Every way takes the same generated events of one tenant into an empty store on the same disk.

#[path = "ingest/client.rs"]
mod client;
#[path = "ingest/ways.rs"]
mod ways;
#[path = "ingest/webhooks.rs"]
mod webhooks;
mod world;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Parser;
use rapport::ingest::generate::{Plan, write};
use serde_json::{Value, json};

use self::ways::Way;

#[derive(Clone, Debug, Parser)]
struct Options {
    /// About how many events
    #[arg(long, default_value_t = 200_000)]
    events: u64,
    /// Events of one HTTP body
    #[arg(long, default_value_t = 1_000)]
    body_events: usize,
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Requests with one event each
    #[arg(long, default_value_t = 50_000)]
    singles: u64,
    #[arg(long, default_value_t = 256)]
    single_connections: usize,
    /// Deliveries of a platform, one event each
    #[arg(long, default_value_t = 20_000)]
    webhooks: u64,
    #[arg(long, default_value_t = 64)]
    webhook_connections: usize,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
    /// Run one way only, as a child of the benchmark
    #[arg(long, hide = true)]
    way: Option<Way>,
    #[arg(long, hide = true, default_value = ".")]
    directory: PathBuf,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    match options.way {
        Some(way) => {
            let runtime = tokio::runtime::Runtime::new().expect("the runtime starts");
            runtime.block_on(ways::run(way, &options.directory));
        }
        None => compare(&options),
    }
}

fn compare(options: &Options) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory can be made");
    let events = generate(options, directory.path());
    let mut rows = Vec::new();
    for way in [Way::Engine, Way::Http, Way::Single, Way::File, Way::Webhooks] {
        let mut measured = run_child(way, options, directory.path());
        let sent = match way {
            // One event each, and of single ones no more than there are.
            Way::Single | Way::Webhooks => measured["bodies"].as_u64().expect("the client tells how many it sent"),
            Way::Engine | Way::Http | Way::File => events,
        };
        measured["eventsPerSecond"] = json!((sent as f64 / seconds(&measured)).round());
        rows.push((way, measured));
    }
    let alone = rate(&rows[0].1);
    for (_, measured) in &mut rows {
        measured["ratioToEngine"] = json!(rate(measured) / alone);
    }
    print(options, events, &rows);
}

fn seconds(measured: &Value) -> f64 {
    measured["seconds"].as_f64().expect("every way tells its seconds")
}

fn rate(measured: &Value) -> f64 {
    measured["eventsPerSecond"].as_f64().expect("every way has its rate")
}

/// The same events in both formats. Nine events to four messages, as the generator says.
fn generate(options: &Options, directory: &Path) -> u64 {
    let plan = Plan {
        seed: 7,
        tenant_index: 0,
        from: world::NOW - 30 * world::DAY_MS,
        to: world::NOW,
        messages: options.events * 4 / 9,
        time_zone: chrono_tz::Tz::Europe__Berlin,
    };
    let create = |name| BufWriter::new(File::create(directory.join(name)).expect("a file can be made"));
    write::parquet(plan.events(), create(ways::PARQUET)).expect("the events can be written");
    write::ndjson(plan.events(), create(ways::NDJSON)).expect("the events can be written")
}

/// Runs one way in a process of its own. The child of `http` serves until its standard input ends.
fn run_child(way: Way, options: &Options, directory: &Path) -> Value {
    let mut child = Command::new(std::env::current_exe().expect("a process knows its program"))
        .args(["--way", way.name(), "--directory"])
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the benchmark starts itself");
    let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut sent = None;
    let messages = match way {
        Way::Http => Some((client::bodies(&directory.join(ways::NDJSON), options.body_events), options.connections)),
        Way::Single => {
            let mut singles = client::bodies(&directory.join(ways::NDJSON), 1);
            singles.truncate(usize::try_from(options.singles).unwrap_or(usize::MAX));
            Some((singles, options.single_connections))
        }
        Way::Webhooks => Some((webhooks::messages(options.webhooks), options.webhook_connections)),
        Way::Engine | Way::File => None,
    };
    if let Some((messages, connections)) = messages {
        let mut address = String::new();
        output.read_line(&mut address).expect("the server tells its address");
        sent = Some(client::send(address.trim(), messages, connections));
    }
    drop(child.stdin.take());
    let mut text = String::new();
    output.read_to_string(&mut text).expect("the child tells what it measured");
    assert!(child.wait().expect("the child ends").success(), "{} failed", way.name());
    let _ = fs::remove_dir_all(directory.join(way.name()));
    let mut measured: Value = serde_json::from_str(&text).expect("the child tells JSON");
    if let Some(sent) = sent {
        measured.as_object_mut().expect("an object").extend(sent);
    }
    measured
}

fn print(options: &Options, events: u64, rows: &[(Way, Value)]) {
    if options.json {
        let ways: serde_json::Map<String, Value> =
            rows.iter().map(|(way, measured)| (way.name().to_owned(), measured.clone())).collect();
        let document = json!({
            "benchmark": "ingest", "events": events, "bodyEvents": options.body_events,
            "connections": options.connections, "webhooks": options.webhooks,
            "webhookConnections": options.webhook_connections, "ways": ways,
        });
        println!("{document}");
        return;
    }
    println!(
        "{events} events; HTTP: {} events a body, {} connections; {} webhooks of one event, {} connections",
        options.body_events, options.connections, options.webhooks, options.webhook_connections
    );
    println!("{:<8} {:>10} {:>10} {:>10} {:>10}", "way", "seconds", "events/s", "to engine", "peak MiB");
    for (way, measured) in rows {
        println!(
            "{:<8} {:>10.2} {:>10} {:>10.2} {:>10}  {}",
            way.name(),
            seconds(measured),
            measured["eventsPerSecond"].as_f64().unwrap_or_default() as u64,
            measured["ratioToEngine"].as_f64().unwrap_or_default(),
            measured["peakMiB"],
            measured["more"].as_str().unwrap_or_default(),
        );
    }
}
