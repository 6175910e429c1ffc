//! The program `rapport`: see `rapport --help`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use rapport::app::cli::{Cli, Command};
use rapport::app::config::{self, Config};
use rapport::app::traces::Traces;
use rapport::app::{backup, commands, demo, erase, logging, replay, worker};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rapport: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<()> {
    if let Command::Generate(options) = &cli.command {
        return commands::generate(options);
    }
    if let Command::Schema(options) = &cli.command {
        return commands::schema(options);
    }
    let config = Config::read(cli.config.as_deref())?;
    let (traces, layer) = Traces::begin(&config.traces)?;
    logging::begin(config.log_format, &config::log_filter(), layer);
    let done = command(&cli.command, &config, &traces).await;
    traces.close().await;
    done
}

async fn command(command: &Command, config: &Config, traces: &Traces) -> Result<()> {
    match command {
        Command::Demo(options) => demo::run(config, options).await,
        Command::Serve => commands::serve(config, traces.exported.clone()).await,
        Command::Worker => worker::run(config).await,
        Command::Ingest(options) => commands::ingest(config, options).await,
        Command::Replay(options) => replay::run(config, options).await,
        Command::Backup(options) => backup::backup(config, options).await,
        Command::Restore(options) => backup::restore(config, options).await,
        Command::Erase(options) => erase::run(config, options).await,
        Command::Token(options) => commands::token(config, options),
        Command::Migrate(options) => commands::migrate(config, options).await,
        Command::Doctor => commands::doctor(config).await,
        Command::Generate(_) | Command::Schema(_) => Ok(()),
    }
}
