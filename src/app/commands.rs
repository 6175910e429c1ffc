//! What each command does, but for `demo`.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::api::Limits;
use crate::api::execution::{Introspection, finish_schema};
use crate::api::schema::{builder, rules::rules};
use crate::api::server::sdl;
use crate::api::traces::Exported;
use crate::auth::{Grant, TokenConfig, issue};
use crate::ingest::connection::Connections;
use crate::ingest::generate::{Plan, write};
use crate::ingest::{Ingest, file};
use crate::model::clock::DAY_MS;
use crate::model::{Clock, SystemClock, event};
use crate::sql::About;
use crate::store::engine::{self, EngineSource};
use crate::store::{OpenError, Store, parts};

use super::build::{self, Policy, Service, build_router};
use super::config::Config;
use super::config::store::StoreConfig;
use super::connections;
use super::demo;
use super::documents;
use super::findings::{self, Finding};
use super::issuers;
use super::options::{GenerateOptions, GeneratedFormat, IngestOptions, MigrateOptions, SchemaOptions, TokenOptions};
use super::print::print;
use super::progress;
use super::serve::{self, Background, Notice, StopSignal};
use super::worker;

/// `rapport serve`.
///
/// # Errors
/// When there is no secret, the address is taken, or the store cannot be opened.
pub async fn serve(config: &Config, traces: Option<Exported>) -> Result<()> {
    let secret = config.secret()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let connections = connections::open(&config.connections)?;
    let entrance = serve::enter(config).await?;
    let open = build::open_store(config, clock.as_ref()).await?;
    connections::recall(&connections, open.store.as_ref()).await?;
    let queue = worker::open(config).await?;
    let meters = entrance.meters.clone();
    let policy = Policy { meters, traces, queue: queue.clone(), ..Policy::of(config, &open.store, &clock)? };
    let audit = policy.audit.clone();
    let notice = Notice { stopping: policy.health.stopping.clone(), time: config.operations.stop_notice };
    let limits = config.limits.clone();
    let server_limits = limits.of_server();
    let ingest = Ingest::open_keeping(open.store.clone(), Arc::clone(&clock), config.keeping()).await?;
    let errands = connections::errands(&connections, &ingest)?;
    // One process owns an embedded store, so it is its only worker too.
    let worker = queue.map(|queue| worker::start(queue, &open.store, &ingest, &connections));
    let background = Background { ingest: ingest.clone(), errands, worker };
    let timezone = config.timezone;
    let queries_at_once = open.store.limits().connections;
    let service = Service { ingest, clock, secret, timezone, limits, queries_at_once, policy, connections };
    let router = build_router(service)?;
    let stop = StopSignal::new()?;
    eprintln!("Serving {}://{}/graphql; Ctrl-C ends it.", entrance.scheme(), entrance.listener.local_addr()?);
    serve::serve(entrance, router, server_limits, (&open.store, background), audit, (stop, notice)).await;
    Ok(())
}

/// `rapport ingest`. Exits with an error when nothing of a file that has lines was usable.
///
/// # Errors
/// When the file cannot be read or the store does not take it.
pub async fn ingest(config: &Config, options: &IngestOptions) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let open = build::open_store(config, clock.as_ref()).await?;
    let ingest = Ingest::open_keeping(open.store.clone(), clock, config.keeping()).await?;
    let keeping_up = tokio::spawn(ingest.clone().keep_up());
    let receipt = file::import(&ingest, &options.tenant, options.to_file_options()).await;
    let derived = progress::derive(&ingest, std::slice::from_ref(&options.tenant)).await;
    keeping_up.abort();
    ingest.end().await;
    open.store.close().await;
    let receipt = receipt?;
    derived?;
    let text = match options.json {
        true => serde_json::to_string(&receipt)?,
        false => receipt.to_string(),
    };
    print(&format!("{text}\n"))?;
    if receipt.accepted == 0 && receipt.duplicates == 0 && 0 < receipt.rejected_total {
        bail!("nothing of the file was usable: see the reasons above");
    }
    Ok(())
}

/// `rapport generate`.
///
/// # Errors
/// When the output cannot be written.
pub fn generate(options: &GenerateOptions) -> Result<()> {
    let to = options.end.unwrap_or_else(|| SystemClock.now());
    let plan = Plan {
        seed: options.seed,
        tenant_index: options.tenant_index,
        from: to - i64::from(options.days) * DAY_MS,
        to,
        messages: options.messages,
        time_zone: options.time_zone,
    };
    let out: Box<dyn Write + Send> = match &options.output {
        Some(path) => Box::new(File::create(path).with_context(|| format!("cannot write {}", path.display()))?),
        None => Box::new(io::stdout()),
    };
    let events = plan.events();
    let written = match options.format {
        GeneratedFormat::Ndjson => write::ndjson(events, out),
        GeneratedFormat::Parquet => write::parquet(events, out),
    };
    match written {
        Ok(count) => eprintln!("{count} events written"),
        // Whoever read standard output has had enough, as `head` has.
        Err(write::WriteError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// `rapport token`. Uses the configured secret, else that of a demonstration in the data directory.
///
/// # Errors
/// When there is no secret, or the grant would give its bearer nothing.
pub fn token(config: &Config, options: &TokenOptions) -> Result<()> {
    let secret = match demo::secret_if_made(&config.data_dir) {
        Some(secret) if config.jwt_secret.is_none() => secret,
        _ => config.secret()?,
    };
    let grant = Grant {
        sub: options.sub.clone(),
        tenant: options.tenant.clone(),
        role: options.role,
        operator: options.operator.clone(),
        teams: options.teams.clone(),
    };
    println!("{}", issue(&secret, &TokenConfig::default(), &grant, SystemClock.now(), options.ttl)?);
    Ok(())
}

/// `rapport migrate`.
///
/// # Errors
/// When the store cannot be opened or a migration fails.
pub async fn migrate(config: &Config, options: &MigrateOptions) -> Result<()> {
    if options.plan {
        return plan(config).await;
    }
    let open = build::open_store(config, &SystemClock).await?;
    for name in &open.migrations.applied {
        println!("applied  {name}");
    }
    let shards = match open.store.shards() {
        1 => String::new(),
        shards => format!(" on each of {shards} shards"),
    };
    println!(
        "{} migrations applied{shards}, {} were there already",
        open.migrations.applied.len(),
        open.migrations.present.len()
    );
    let ingest = Ingest::open(open.store.clone(), Arc::new(SystemClock)).await?;
    let derived = match ingest.derivation().stale_tenants().await {
        Ok(tenants) => progress::derive(&ingest, &tenants).await,
        Err(error) => Err(error.into()),
    };
    ingest.end().await;
    open.store.close().await;
    derived
}

/// `rapport migrate --plan`: statements as they would be run, each after the file that it comes from and who gets it.
async fn plan(config: &Config) -> Result<()> {
    let mut text = String::new();
    for (name, statements) in build::plan_tables(config).await? {
        for statement in statements {
            let who = match (&config.store, statement.about()) {
                (StoreConfig::Cluster(_), About::Everyone) => ", on each shard",
                (StoreConfig::Cluster(_), _) => ", told to the whole cluster",
                _ => "",
            };
            text.push_str(&format!("-- {name}{who}\n{};\n\n", statement.text().trim_end()));
        }
    }
    Ok(print(&text)?)
}

/// `rapport schema`.
///
/// # Errors
/// When standard output cannot be written.
pub fn schema(options: &SchemaOptions) -> Result<()> {
    let text = match options.event {
        true => event::json_schema(),
        false => sdl(&finish_schema(builder(), rules(), Introspection::Allowed)?),
    };
    Ok(print(&text)?)
}

/// `rapport doctor`: a line for each thing, and an error when one is wrong.
///
/// # Errors
/// When anything is wrong.
pub async fn doctor(config: &Config) -> Result<()> {
    let mut wrong = 0;
    let mut line = |name: &str, finding: Finding| match finding {
        Ok(text) => println!("ok     {name:<14} {text}"),
        Err(text) => {
            wrong += 1;
            println!("WRONG  {name:<14} {text}");
        }
    };
    let file =
        config.file.as_ref().map_or("no file; variables and defaults".to_owned(), |path| path.display().to_string());
    line("configuration", Ok(file));
    line("time zone", Ok(config.timezone.name().to_owned()));
    line("data directory", Ok(config.data_dir.display().to_string()));
    line(
        "token secret",
        match (&config.jwt_secret, demo::secret_if_made(&config.data_dir)) {
            (Some(_), _) => Ok("configured".to_owned()),
            (None, Some(_)) => Ok("the demonstration's own".to_owned()),
            (None, None) => Err("RAPPORT_JWT_SECRET is not set: `serve` needs it (`demo` makes its own)".to_owned()),
        },
    );
    line("limits", Ok(limits(config)));
    for issuer in &config.issuers {
        line("issuer", issuers::examine(issuer).await.map_err(|error| format!("{error:#}")));
    }
    line(
        "documents",
        documents::describe(&config.documents, config.limits.of_all()).map_err(|error| format!("{error:#}")),
    );
    line("introspection", Ok(documents::describe_introspection(config.documents.introspection).to_owned()));
    for (name, finding) in findings::of_configuration(config) {
        line(name, finding);
    }
    line(
        "queue",
        match &config.queue {
            Some(queue) => worker::examine(queue).await,
            None => Ok("not configured: the API writes to the store itself".to_owned()),
        },
    );
    let opened = config.connections.iter().map(connections::open_one).collect::<Vec<_>>();
    let (connections, unfit): (Vec<_>, Vec<_>) = opened.into_iter().partition(|opened| opened.is_ok());
    let connections = Connections::new(connections.into_iter().flatten());
    let (address, engine) = look(config, &connections).await;
    line("address", address);
    for (name, finding) in engine {
        line(name, finding);
    }
    for connection in connections.all() {
        line("connection", Ok(connections::describe(connection, SystemClock.now())));
    }
    for error in unfit.into_iter().filter_map(Result::err) {
        line("connection", Err(format!("{error:#}")));
    }
    match wrong {
        0 => Ok(()),
        1 => bail!("1 thing is wrong"),
        count => bail!("{count} things are wrong"),
    }
}

/// What is configured beside the defaults.
fn limits(config: &Config) -> String {
    let defaults = Limits::default().rows();
    let changed = config.limits.of_all().rows().into_iter().filter(|row| !defaults.contains(row));
    let of_all = changed.map(|row| format!("{} {}", row.name, row.value));
    let of_roles = config.limits.own_rows().into_iter();
    let own = of_roles.map(|(role, row)| format!("{} {} for {role}", row.name, row.value));
    let all: Vec<String> = of_all.chain(own).collect();
    if all.is_empty() { "the defaults".to_owned() } else { all.join(", ") }
}

/// Whether the address is free and the store opens; both are in use, and that is no fault, while a server runs.
async fn look(config: &Config, connections: &Connections) -> (Finding, Vec<(&'static str, Finding)>) {
    if let StoreConfig::Servers(servers) = &config.store {
        return (address(config).await, findings::of_servers(servers, config.engine.clone()).await);
    }
    if let StoreConfig::Cluster(cluster) = &config.store {
        return (address(config).await, findings::of_cluster(cluster, &config.engine).await);
    }
    let source = EngineSource { library: config.engine_library.clone(), cache_dir: config.cache_dir.clone() };
    let (data_dir, limits) = (config.data_dir.clone(), config.engine.clone());
    let opened = tokio::task::spawn_blocking(move || build::open_embedded(&source, &data_dir, limits)).await;
    let store = match opened.map_err(anyhow::Error::from).flatten() {
        Ok(store) => store,
        Err(error) => {
            let finding = match error.downcast_ref() {
                Some(OpenError::InUse { owner, .. }) => Ok(format!("in use by a running rapport{owner}")),
                _ => Err(format!("{error:#}")),
            };
            return (Ok(format!("{}, not tried", config.listen)), vec![("engine", finding)]);
        }
    };
    let address = address(config).await;
    // A store that no server has opened yet knows of none.
    _ = connections::recall(connections, &store).await;
    let version = store.version().await;
    let damaged = findings::of_parts(parts::detached(&store).await);
    store.close().await;
    let version = version.map(|version| format!("ClickHouse {version}, embedded (package {})", engine::VERSION));
    (address, vec![("engine", version.map_err(|error| error.to_string())), ("parts", damaged)])
}

async fn address(config: &Config) -> Finding {
    match serve::listen(config.listen).await {
        Ok(_) => Ok(format!("{} is free", config.listen)),
        Err(error) => Err(format!("{error:#}")),
    }
}
