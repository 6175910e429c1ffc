//! What a question costs through the whole API, and what its statements alone cost the engine.
//!
//! ```text
//! cargo bench --bench queries -- [--messages 1000000] [--tenants 20] [--days 30,180] [--rounds 7] [--merged] [--fresh] [--only TEXT] [--json]
//! ```
//!
//! The traffic of the tenants is generated and taken in once and kept under the target directory (`--fresh` makes it
//! again: do that after a migration was edited). Each round asks for a range shifted by minutes, so that nothing that
//! was computed before can answer. `--merged` merges the derived messages for good and measures again: reading merges states
//! that are still in several parts. To measure before and after, start with `--fresh`.

#[path = "queries/data.rs"]
mod data;
#[path = "queries/questions.rs"]
mod questions;
mod world;

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use clap::Parser;
use futures_util::future::try_join_all;
use http_body_util::BodyExt;
use rapport::auth::{Role, Viewer};
use rapport::store::embedded::EmbeddedStore;
use rapport::store::{Store, StoreError};
use serde_json::{Value, json};
use tower::ServiceExt;

use self::questions::{QUESTIONS, Question};

#[derive(Clone, Debug, Parser)]
struct Options {
    /// Messages of all tenants, roughly; the largest of twenty has about 28 %
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// Tenants that share the messages
    #[arg(long, default_value_t = 20)]
    tenants: u32,
    /// Lengths of the ranges that are asked about
    #[arg(long, value_delimiter = ',', default_values_t = [30, 180])]
    days: Vec<i64>,
    /// Rounds; the median counts
    #[arg(long, default_value_t = 7)]
    rounds: u32,
    /// Merge the derived messages and measure once more
    #[arg(long)]
    merged: bool,
    /// Generate the traffic again
    #[arg(long)]
    fresh: bool,
    /// Only questions whose name has this in it
    #[arg(long, default_value = "")]
    only: String,
    /// Print one JSON document instead of tables
    #[arg(long)]
    json: bool,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// One question's figures, in milliseconds.
struct Measured {
    name: String,
    /// `None` where a round took longer than a question may.
    through_api: Option<f64>,
    statements_alone: Option<f64>,
    /// Rows of the fact that the statements aggregated.
    rows: u64,
}

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let store = data::open(options.messages, options.tenants, options.fresh).await;
    let mut documents = vec![measure_all(&options, &store, "as ingested").await];
    if options.merged {
        let start = Instant::now();
        store.execute(rapport::sql::Sql::new("OPTIMIZE TABLE derived_messages FINAL")).await.expect("the table merges");
        eprintln!("merged in {:.1} s", start.elapsed().as_secs_f64());
        documents.push(measure_all(&options, &store, "merged").await);
    }
    if options.json {
        println!("{}", json!({"benchmark": "queries", "messages": options.messages, "states": documents}));
    }
    store.close().await;
}

async fn measure_all(options: &Options, store: &std::sync::Arc<EmbeddedStore>, state: &str) -> Value {
    let router = world::router(store).await;
    let token = world::token(data::LARGEST, Role::Manager);
    let viewer = world::authenticator().verify(&token).await.expect("our own token");
    let parts = data::parts(store.as_ref()).await;
    if !options.json {
        println!(
            "\n{} messages, {state}: {parts} parts of `derived_…`; median of {} rounds",
            options.messages, options.rounds
        );
        println!(
            "{:<44} {:>10} {:>13} {:>7} {:>10} {:>10}",
            "question", "API ms", "statements ms", "ratio", "rows", "peak MiB"
        );
    }
    let mut lines = Vec::new();
    for days in options.days.clone() {
        for question in QUESTIONS.iter().filter(|question| question.name.contains(&options.only)) {
            let measured = measure(options, store.as_ref(), &router, &token, &viewer, question, days).await;
            if !options.json {
                print(&measured);
            }
            lines.push(json!({
                "question": measured.name, "apiMs": measured.through_api, "statementsMs": measured.statements_alone,
                "ratio": measured.ratio(), "rows": measured.rows,
                "peakMiB": world::peak_memory_mib(),
            }));
        }
    }
    json!({"state": state, "parts": parts, "questions": lines})
}

async fn measure(
    options: &Options,
    store: &dyn Store,
    router: &Router,
    token: &str,
    viewer: &Viewer,
    question: &Question,
    days: i64,
) -> Measured {
    let (mut through_api, mut alone, mut rows) = (Vec::new(), Vec::new(), 0);
    for round in 0..=i64::from(options.rounds) {
        let (first, second) = (question.range(days, 2 * round), question.range(days, 2 * round + 1));
        let start = Instant::now();
        let is_answered = ask(router, token, &question.document(first)).await;
        let api = is_answered.then(|| start.elapsed());
        let statements = question.statements(viewer, second);
        let start = Instant::now();
        let answers = try_join_all(statements.into_iter().map(|statement| store.query(statement))).await;
        let engine = match answers {
            Ok(answers) => {
                rows = data::sum_of_rows(&answers);
                Some(start.elapsed())
            }
            Err(StoreError::TimedOut { .. } | StoreError::Busy { .. }) => None,
            Err(error) => panic!("{error}"),
        };
        // The first round fills the caches of files and marks.
        if 0 < round {
            through_api.push(api.map(|time| time.as_secs_f64() * 1e3));
            alone.push(engine.map(|time| time.as_secs_f64() * 1e3));
        }
    }
    Measured {
        name: format!("{} {days} d", question.name),
        through_api: median(through_api),
        statements_alone: median(alone),
        rows,
    }
}

/// Whether it was answered in time.
async fn ask(router: &Router, token: &str, document: &str) -> bool {
    let request = Request::post("/graphql")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from(json!({"query": document}).to_string()))
        .expect("a request");
    let response = router.clone().oneshot(request).await.expect("the router answers");
    let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
    let answer: Value = serde_json::from_slice(&bytes).expect("an answer is JSON");
    let is_late = answer["errors"][0]["extensions"]["code"] == "TIMEOUT";
    assert!(is_late || answer.get("errors").is_none(), "{document}\n{answer:#}");
    !is_late
}

fn median(numbers: Vec<Option<f64>>) -> Option<f64> {
    let mut numbers = numbers.into_iter().collect::<Option<Vec<f64>>>()?;
    numbers.sort_by(f64::total_cmp);
    Some(numbers[numbers.len() / 2])
}

impl Measured {
    fn ratio(&self) -> Option<f64> {
        Some(self.through_api? / self.statements_alone?)
    }
}

fn shown(number: Option<f64>, decimals: usize) -> String {
    number.map_or("too long".to_owned(), |number| format!("{number:.decimals$}"))
}

fn print(measured: &Measured) {
    println!(
        "{:<44} {:>10} {:>13} {:>7} {:>10} {:>10}",
        measured.name,
        shown(measured.through_api, 1),
        shown(measured.statements_alone, 1),
        measured.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
        measured.rows,
        world::peak_memory_mib(),
    );
}
