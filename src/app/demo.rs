//! `rapport demo`: a running, filled API on a fresh machine.

mod business_hours;

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono_tz::Tz;
use indicatif::{ProgressBar, ProgressStyle};

use crate::auth::{Grant, Role, Secret, TokenConfig, issue};
use crate::ingest::generate::Plan;
use crate::ingest::{Ingest, Item};
use crate::model::clock::{DAY_MS, DAY_SECONDS, Millis};
use crate::model::{Clock, SystemClock, hex};
use crate::store::Store;

use super::build::{self, Policy, Service, build_router};
use super::config::Config;
use super::connections;
use super::options::DemoOptions;
use super::progress;
use super::serve::{self, Background, Notice, StopSignal};

/// The tenant of the demonstration.
pub const TENANT: &str = "demo";
/// An operator of the generated company.
const OPERATOR: &str = "anna";
const DAYS: i64 = 90;
/// Where the generated company is.
const ZONE: Tz = Tz::Europe__Berlin;
const SEED: u64 = 2026;

/// The file in the data directory that holds the demonstration's own secret, so that tokens outlive a restart.
const SECRET_FILE: &str = "demo-secret";

/// The file in the data directory that is there while the store is being filled.
const FILLING_FILE: &str = "demo-filling";

/// Fills an empty store, says how to ask, and serves until a signal.
///
/// # Errors
/// When the address is taken, the engine cannot be had, or the store cannot be opened or filled.
pub async fn run(config: &Config, options: &DemoOptions) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let connections = connections::open(&config.connections)?;
    let entrance = serve::enter(config).await?;
    let base = format!("{}://{}", entrance.scheme(), reachable(entrance.listener.local_addr()?));
    let open = build::open_store(config, clock.as_ref()).await?;
    connections::recall(&connections, open.store.as_ref()).await?;
    let policy = Policy { meters: entrance.meters.clone(), ..Policy::of(config, &open.store, &clock)? };
    let audit = policy.audit.clone();
    let notice = Notice { stopping: policy.health.stopping.clone(), time: config.operations.stop_notice };
    let store: Arc<dyn Store> = open.store.clone();
    let secret = match &config.jwt_secret {
        Some(secret) => secret.clone(),
        None => own_secret(&config.data_dir)?,
    };
    let ingest = Ingest::open_keeping(Arc::clone(&store), Arc::clone(&clock), config.keeping()).await?;
    let mark = config.data_dir.join(FILLING_FILE);
    match read_filling(&mark)? {
        Some(filling) => {
            println!("An earlier start was stopped while it filled the store: finishing that.");
            fill(&ingest, filling, &mark).await?;
        }
        None if ingest.is_empty(TENANT).await? => {
            fill(&ingest, Filling { end: clock.now(), messages: options.messages }, &mark).await?;
        }
        None => println!(
            "The store in {} has the demonstration's events already: they are kept.",
            config.data_dir.display()
        ),
    }
    progress::derive(&ingest, &[TENANT.to_owned()]).await?;
    business_hours::set_if_none(store.as_ref(), clock.now()).await?;
    let token = |role: Role, operator: Option<&str>| {
        let grant = Grant {
            sub: format!("demo-{}", role.name().to_ascii_lowercase()),
            tenant: TENANT.to_owned(),
            role,
            operator: operator.map(str::to_owned),
            teams: Vec::new(),
        };
        issue(&secret, &TokenConfig::default(), &grant, clock.now(), Duration::from_secs(DAY_SECONDS.unsigned_abs()))
    };
    let manager = token(Role::Manager, None)?;
    let own = token(Role::Operator, Some(OPERATOR))?;
    let service = token(Role::Service, None)?;
    // Before it is said that Ctrl-C ends it.
    let stop = StopSignal::new()?;
    print_how_to_ask(&base, &manager, &own, &service);
    let limits = config.limits.clone();
    let server_limits = limits.of_server();
    let errands = connections::errands(&connections, &ingest)?;
    let background = Background { ingest: ingest.clone(), errands, worker: None };
    let timezone = config.timezone;
    let queries_at_once = open.store.limits().connections;
    let service = Service { ingest, clock, secret, timezone, limits, queries_at_once, policy, connections };
    serve::serve(entrance, build_router(service)?, server_limits, (&open.store, background), audit, (stop, notice))
        .await;
    Ok(())
}

/// What is being filled in: the same events again if it is cut off.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Filling {
    end: Millis,
    messages: u64,
}

fn read_filling(mark: &Path) -> Result<Option<Filling>> {
    let text = match fs::read_to_string(mark) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", mark.display())),
    };
    let numbers =
        text.trim().split_once(' ').and_then(|(end, messages)| Some((end.parse().ok()?, messages.parse().ok()?)));
    let (end, messages) = numbers.with_context(|| format!("{} is damaged: remove it", mark.display()))?;
    Ok(Some(Filling { end, messages }))
}

async fn fill(ingest: &Ingest, filling: Filling, mark: &Path) -> Result<()> {
    let Filling { end, messages } = filling;
    fs::write(mark, format!("{end} {messages}")).with_context(|| format!("cannot write {}", mark.display()))?;
    println!("Filling the store with {DAYS} days of traffic through the ingestion …");
    let plan = Plan { seed: SEED, tenant_index: 0, from: end - DAYS * DAY_MS, to: end, messages, time_zone: ZONE };
    // Nine events to four messages, as the generator says.
    let bar = ProgressBar::new(messages / 4 * 9);
    let style = ProgressStyle::with_template("{bar:40} {human_pos} events {per_sec}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let shown = bar.clone();
    let items = plan.events().zip(1..).map(move |(event, line)| {
        shown.inc(1);
        Item::of(line, event)
    });
    let receipt = ingest.accept(TENANT, items).await?;
    bar.finish_and_clear();
    println!("{} events accepted; {} were known and changed nothing.", receipt.accepted, receipt.duplicates);
    fs::remove_file(mark).with_context(|| format!("cannot remove {}", mark.display()))?;
    Ok(())
}

fn print_how_to_ask(base: &str, manager: &str, operator: &str, service: &str) {
    println!("\nThe API: {base}/graphql (a browser gets a page that explains it)");
    println!("\nTokens of the tenant `{TENANT}`, valid for 24 hours:");
    println!("\nA manager sees everything of the tenant:\n{manager}");
    println!("\nThe operator {OPERATOR} sees what belongs to {OPERATOR}:\n{operator}");
    println!("\nA service sends events to /v1/events:\n{service}");
    println!("\nTry:\n\n{}", curl(base, manager));
    println!("\nCtrl-C ends it; the data stays.");
}

/// Where a client on this machine finds a server that listens on every address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen.ip().is_unspecified() {
        true => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), listen.port()),
        false => listen,
    }
}

/// A command that works as printed, in any shell.
fn curl(base: &str, token: &str) -> String {
    let query = "{ analytics(range: {last: \\\"P30D\\\"}) { \
                 delivery { total { rate outbound delivered quality { level coverage } } by(dimensions: [CHANNEL]) { keys metrics { rate outbound } } } \
                 reads { total { ofSent engagedRate } } \
                 activity { total { messages turns } peak { weekday hour perOccurrence } } } }";
    format!(
        "curl -s {base}/graphql \\\n  -H 'Authorization: Bearer {token}' \\\n  -H 'Content-Type: application/json' \\\n  -d '{{\"query\": \"{query}\"}}'"
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
    let text = hex(&bytes);
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
