//! What it costs a small query that somebody checks who asks, how much, and writes it down: µs of each guard and of the whole.
//!
//! ```text
//! cargo bench --bench guards -- [--rounds 2000] [--json]
//! ```
//!
//! Each guard is run alone, as often as `--rounds` says, and the median of ten runs counts. The query is then asked of the
//! whole API in turns, with and without the audit log, so that what else the machine does falls on both. The audit log is
//! written to real files under the target directory.

#[path = "../src/auth/test_keys.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "the tests of `auth` use the rest, and tests may unwrap")]
mod test_keys;
mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::Variables;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use clap::Parser;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use rapport::api::document::{operation, parse};
use rapport::api::price::price;
use rapport::api::rates::Rates;
use rapport::api::schema::rules::rules;
use rapport::api::{Limits, audit};
use rapport::auth::issuer::{Audience, KeySource, Others};
use rapport::auth::{Authenticator, Issuer, IssuerConfig, Role};
use rapport::model::Clock;
use serde_json::json;
use tower::ServiceExt;

use self::test_keys::SigningKey;
use self::world::{FixedClock, NOW};

#[derive(Clone, Debug, Parser)]
struct Options {
    /// How often each guard is run in one of ten runs
    #[arg(long, default_value_t = 2_000)]
    rounds: u32,
    /// Print one JSON document instead of a table
    #[arg(long)]
    json: bool,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

const SMALL: &str = "{ viewer { sub } }";
const FIGURE: &str = r#"{ analytics(range: {last: "P1D"}) { delivery { total { outbound rate } } } }"#;

fn main() {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut lines = Vec::new();
    runtime.block_on(guards(&options, &mut lines));
    runtime.block_on(requests(&options, &mut lines));
    if options.json {
        let lines: Vec<_> = lines.iter().map(|(name, micros)| json!({"name": name, "us": micros})).collect();
        println!("{}", json!(lines));
        return;
    }
    println!("{:<58} {:>10}", "", "µs");
    for (name, micros) in lines {
        println!("{name:<58} {micros:>10.2}");
    }
}

/// The median of ten runs, µs each time.
fn micros(rounds: u32, mut work: impl FnMut()) -> f64 {
    let mut runs: Vec<f64> = (0..10)
        .map(|_| {
            let begin = Instant::now();
            (0..rounds).for_each(|_| work());
            begin.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    (runs[4] + runs[5]) / 2.0
}

async fn guards(options: &Options, lines: &mut Vec<(String, f64)>) {
    let clock: Arc<dyn Clock> = Arc::new(FixedClock);
    let manager = world::token("bench", Role::Manager);
    let own = world::authenticator();
    // With keys at hand nothing waits, so a poll is the whole of it.
    let mut verify = |name: String, authenticator: &Authenticator, token: &str| {
        let work = || {
            let viewer = authenticator.verify(token).now_or_never().expect("the keys are at hand");
            viewer.expect("a good token");
        };
        lines.push((name, micros(options.rounds, work)));
    };
    verify("authentication, HS256 with our secret".to_owned(), &own, &manager);
    for key in SigningKey::all() {
        let issuer = issuer(key, &clock);
        let claims = json!({"iss": "https://id.example.com", "aud": "rapport", "iat": NOW / 1_000, "exp": NOW / 1_000 + 3_600,
            "sub": "bench", "tenant": "bench", "role": "manager"});
        let token = key.sign(&json!({"alg": key.algorithm(), "typ": "JWT"}), &claims);
        let authenticator = world::authenticator().with_issuers(vec![issuer]);
        verify(format!("authentication, {} of an issuer", key.algorithm()), &authenticator, &token);
    }

    let limits = Limits { cost_per_minute: 1 << 30, tenant_cost_per_minute: 1 << 30, ..Limits::default() };
    let document = parse(FIGURE, &limits).expect("a good document").document;
    let asked = operation::select(&document, None).expect("one operation");
    let variables = Variables::default();
    let priced = micros(options.rounds, || {
        std::hint::black_box(price(&document, asked, &variables, &limits, NOW));
    });
    lines.push(("price of a document".to_owned(), priced));
    let viewer = own.verify(&manager).await.expect("a good token");
    let rates = Rates::new(&limits.clone().into(), Arc::clone(&clock));
    let admitted = micros(options.rounds, || {
        let place = rates.enter(&viewer, &limits).expect("there is a place");
        rates.spend(&place, viewer.role(), &limits, 1).expect("there are points left");
    });
    lines.push(("budgets and places of a request".to_owned(), admitted));
    let rules = rules();
    let looked_up = micros(options.rounds, || {
        std::hint::black_box(rules.readers("DeliveryMetrics", std::hint::black_box("rate")));
    });
    lines.push(("rule of a field".to_owned(), looked_up));
}

/// An issuer whose public key lies in a file.
fn issuer(key: &SigningKey, clock: &Arc<dyn Clock>) -> Issuer {
    let file = scratch().join(format!("{}.pem", key.algorithm()));
    std::fs::write(&file, key.pem()).expect("the target directory can be written");
    let config = IssuerConfig {
        issuer: "https://id.example.com".to_owned(),
        audience: Audience { name: "rapport".to_owned(), others: Others::Refused },
        keys: KeySource::PublicKeyFile(file),
        rules: Default::default(),
    };
    Issuer::open(config, Arc::clone(clock)).expect("a good key")
}

fn scratch() -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("guards");
    std::fs::create_dir_all(&directory).expect("the target directory can be written");
    directory
}

async fn requests(options: &Options, lines: &mut Vec<(String, f64)>) {
    let store = world::open_store(&scratch().join("store")).await;
    let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 1).expect("a day");
    let files = audit::Files::open(&scratch().join("audit"), 1, day).expect("the audit log can be opened");
    let log = audit::Log::start(files, Arc::new(FixedClock), Duration::from_secs(5)).expect("a writer");
    let (plain, recorded) = (world::router(&store).await, world::router_with(&store, log.clone()).await);
    let token = world::token("bench", Role::Manager);
    for (name, query) in [("`{ viewer { sub } }`", SMALL), ("one figure of an empty day", FIGURE)] {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..options.rounds.min(1_000) {
            for (router, times) in [&plain, &recorded].into_iter().zip(&mut times) {
                let begin = Instant::now();
                ask(router, &token, query).await;
                times.push(begin.elapsed().as_secs_f64() * 1e6);
            }
        }
        let [without, with] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        lines.push((format!("{name}, whole, without the audit log"), without));
        lines.push((format!("{name}, whole, with it"), with));
        lines.push((format!("{name}, the audit log"), with - without));
    }
    log.close().await;
    store.close().await;
}

async fn ask(router: &Router, token: &str, query: &str) {
    let request = Request::post("/graphql")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from(json!({"query": query}).to_string()));
    let response = router.clone().oneshot(request.expect("a request")).await.expect("the router answers");
    assert_eq!(response.status(), 200);
    let body = response.into_body().collect().await.expect("a whole body").to_bytes();
    assert!(!body.windows(8).any(|part| part == b"\"errors\""), "{}", String::from_utf8_lossy(&body));
}
