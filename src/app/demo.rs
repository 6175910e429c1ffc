//! `rapport demo`: a running, filled API on a fresh machine.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::api::Limits;
use crate::auth::{Grant, Role, Secret, TokenConfig, issue};
use crate::ingest::{Ingest, Receipt};
use crate::metrics::answer::integers;
use crate::model::{Clock, SystemClock};
use crate::sql::Sql;
use crate::store::Store;

use super::build::{self, Service, build_router};
use super::config::Config;
use super::serve;

/// The tenant of the demonstration.
pub const TENANT: &str = "demo";
const DAYS: u32 = 90;
const MESSAGES: u64 = 200_000;
const SEED: u64 = 2026;

/// The file in the data directory that holds the demonstration's own secret, so that tokens outlive a restart.
const SECRET_FILE: &str = "demo-secret";

/// Fills an empty store, says how to ask, and serves until a signal.
///
/// # Errors
/// When the address is taken, the engine cannot be had, or the store cannot be opened or filled.
pub async fn run(config: &Config) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let listener = serve::listen(config.listen).await?;
    let open = build::open_store(config, clock.as_ref()).await?;
    let store: Arc<dyn Store> = open.store.clone();
    let secret = match &config.jwt_secret {
        Some(secret) => secret.clone(),
        None => own_secret(&config.data_dir)?,
    };
    let events = count_events(store.as_ref()).await?;
    if events == 0 {
        fill(&store, &clock).await?;
    } else {
        println!("The store in {} has {events} events of the demonstration: kept as they are.", config.data_dir.display());
    }
    let token = |role: Role, operator: Option<&str>| {
        let grant = Grant {
            sub: format!("demo-{}", role.name().to_ascii_lowercase()),
            tenant: TENANT.to_owned(),
            role,
            operator: operator.map(str::to_owned),
            teams: Vec::new(),
        };
        issue(&secret, &TokenConfig::default(), &grant, clock.now(), Duration::from_secs(86_400))
    };
    let operator = busiest_operator(store.as_ref()).await?;
    let manager = token(Role::Manager, None)?;
    let own = operator.as_deref().map(|operator| token(Role::Operator, Some(operator))).transpose()?;
    print_how_to_ask(config.listen, &manager, operator.as_deref().zip(own.as_deref()));
    let router = build_router(Service { store, clock, secret, timezone: config.timezone, limits: Limits::default() })?;
    serve::serve(listener, router, &open.store).await
}

async fn fill(store: &Arc<dyn Store>, clock: &Arc<dyn Clock>) -> Result<()> {
    println!("Filling the empty store with {DAYS} days of traffic (about {MESSAGES} messages) through the ingestion …");
    let plan = crate::ingest::generate::Plan::days(SEED, DAYS, clock.now(), MESSAGES);
    let ingest = Ingest::new(Arc::clone(store), Arc::clone(clock));
    let receipt: Receipt = super::commands::take_in(&ingest, TENANT, plan.events().map(Ok), None).await?;
    println!("{} events accepted, {} repeated ones ignored.", receipt.accepted, receipt.duplicates);
    Ok(())
}

async fn count_events(store: &dyn Store) -> Result<i64> {
    let mut sql = Sql::new("SELECT count() AS n FROM events WHERE tenant = ");
    sql.bind(TENANT);
    let batches = store.query(sql).await?;
    let counts = batches.first().map(|batch| integers(batch, "n")).transpose()?;
    Ok(counts.map_or(0, |counts| counts.value(0)))
}

/// Somebody whose own figures are worth looking at.
async fn busiest_operator(store: &dyn Store) -> Result<Option<String>> {
    use arrow::array::AsArray;
    let mut sql = Sql::new("SELECT toString(operator) AS o FROM events WHERE kind = 'message.sent' AND operator != '' AND tenant = ");
    sql.bind(TENANT).push(" GROUP BY operator ORDER BY count() DESC, operator LIMIT 1");
    let batches = store.query(sql).await?;
    let column = batches.first().and_then(|batch| batch.column(0).as_string_opt::<i32>());
    Ok(column.map(|column| column.value(0).to_owned()))
}

fn print_how_to_ask(listen: SocketAddr, manager: &str, operator: Option<(&str, &str)>) {
    println!("\nThe API:        http://{listen}/graphql   (a browser gets a page that explains it)");
    println!("\nManager token (sees everything of the tenant `{TENANT}`, valid for 24 h):\n{manager}");
    if let Some((operator, token)) = operator {
        println!("\nOperator token (sees what belongs to {operator}):\n{token}");
    }
    println!("\nTry:\n{}", curl(listen, manager));
    println!("\nCtrl-C ends it; the data stays.");
}

/// A command that works as printed, in any shell.
fn curl(listen: SocketAddr, token: &str) -> String {
    let query = "{ analytics(range: {last: \\\"P30D\\\"}) { \
                 delivery { total { rate outbound delivered quality { level coverage } } by(dimensions: [CHANNEL]) { keys metrics { rate outbound } } } \
                 reads { total { ofSent engagedRate } } \
                 activity { total { messages turns } peak { weekday hour perOccurrence } } } }";
    format!(
        "curl -s http://{listen}/graphql \\\n  -H 'Authorization: Bearer {token}' \\\n  -H 'Content-Type: application/json' \\\n  -d '{{\"query\": \"{query}\"}}'"
    )
}

/// The demonstration's secret: made once, kept beside the data, readable by its owner alone.
///
/// # Errors
/// When it can be neither read nor written.
pub fn own_secret(data_dir: &Path) -> Result<Secret> {
    let path = data_dir.join(SECRET_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make_secret(&path)?,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    Ok(Secret::new(&text)?)
}

fn make_secret(path: &Path) -> Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("the system gives no random numbers: {error}"))?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    Ok(text)
}

/// The demonstration's secret, if there is one.
pub fn secret_if_made(data_dir: &Path) -> Option<Secret> {
    fs::read_to_string(data_dir.join(SECRET_FILE)).ok().and_then(|text| Secret::new(&text).ok())
}
