//! What each command does, but for `demo`.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::api::Limits;
use crate::api::execution::{Introspection, finish_schema};
use crate::api::schema::builder;
use crate::api::server::sdl;
use crate::auth::{Grant, TokenConfig, issue};
use crate::ingest::generate::{Plan, write};
use crate::ingest::{Ingest, file};
use crate::model::{Clock, SystemClock, event};
use crate::store::{Store, engine};

use super::build::{self, Service, build_router};
use super::config::Config;
use super::demo;
use super::options::{GenerateOptions, GeneratedFormat, IngestOptions, SchemaOptions, TokenOptions};
use super::serve;

const DAY_MS: i64 = 86_400_000;

/// `rapport serve`.
///
/// # Errors
/// When there is no secret, the address is taken, or the store cannot be opened.
pub async fn serve(config: &Config) -> Result<()> {
    let secret = config.secret()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let listener = serve::listen(config.listen).await?;
    let open = build::open_store(config, clock.as_ref()).await?;
    let limits = Limits::default();
    let service =
        Service { store: open.store.clone(), clock, secret, timezone: config.timezone, limits: limits.clone() };
    let router = build_router(service)?;
    eprintln!("Serving http://{}/graphql; Ctrl-C ends it.", config.listen);
    serve::serve(listener, router, limits, &open.store).await;
    Ok(())
}

/// `rapport ingest`. Exits with an error when nothing of a file that has lines was usable.
///
/// # Errors
/// When the file cannot be read or the store does not take it.
pub async fn ingest(config: &Config, options: &IngestOptions) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let open = build::open_store(config, clock.as_ref()).await?;
    let ingest = Ingest::new(open.store.clone(), clock);
    let receipt = file::import(&ingest, &options.tenant, options.to_file_options()).await;
    open.store.close().await;
    let receipt = receipt?;
    match options.json {
        true => println!("{}", serde_json::to_string(&receipt)?),
        false => println!("{receipt}"),
    }
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
pub async fn migrate(config: &Config) -> Result<()> {
    let open = build::open_store(config, &SystemClock).await?;
    for name in &open.migrations.applied {
        println!("applied  {name}");
    }
    println!(
        "{} migrations applied, {} were there already",
        open.migrations.applied.len(),
        open.migrations.present.len()
    );
    open.store.close().await;
    Ok(())
}

/// `rapport schema`.
///
/// # Errors
/// When standard output cannot be written.
pub fn schema(options: &SchemaOptions) -> Result<()> {
    let text = match options.event {
        true => event::json_schema(),
        false => sdl(&finish_schema(builder(), Introspection::Allowed)?),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// `rapport doctor`: a line for each thing, and an error when one is wrong.
///
/// # Errors
/// When anything is wrong.
pub async fn doctor(config: &Config) -> Result<()> {
    let mut wrong = 0;
    let mut line = |name: &str, finding: Result<String, String>| match finding {
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
    line(
        "address",
        match serve::listen(config.listen).await {
            Ok(_) => Ok(format!("{} is free", config.listen)),
            Err(error) => Err(format!("{error:#}")),
        },
    );
    match build::open_store(config, &SystemClock).await {
        Ok(open) => {
            line(
                "engine",
                match open.store.version().await {
                    Ok(version) => Ok(format!("ClickHouse {version}, embedded (package {})", engine::VERSION)),
                    Err(error) => Err(error.to_string()),
                },
            );
            line(
                "tables",
                Ok(format!("{} migrations applied", open.migrations.applied.len() + open.migrations.present.len())),
            );
            open.store.close().await;
        }
        Err(error) => line("engine", Err(format!("{error:#}"))),
    }
    match wrong {
        0 => Ok(()),
        1 => bail!("1 thing is wrong"),
        count => bail!("{count} things are wrong"),
    }
}
