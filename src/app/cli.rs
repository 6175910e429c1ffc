//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::options::{
    DemoOptions, GenerateOptions, IngestOptions, MigrateOptions, ReplayOptions, SchemaOptions, TokenOptions,
};

/// Analytics API for customer conversations in messengers.
#[derive(Debug, Parser)]
#[command(name = "rapport", version, about, propagate_version = true)]
pub struct Cli {
    /// Configuration file [default: rapport.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fill an empty store with 90 days of traffic, print tokens, URL and a query, and serve
    Demo(DemoOptions),
    /// Serve the API
    Serve,
    /// Read events from a file (NDJSON, CSV or Parquet), or from standard input
    Ingest(IngestOptions),
    /// Read what a connection's platform sent again, with the connector as it is now; shows what changes before it publishes
    Replay(ReplayOptions),
    /// Write synthetic events, the same for the same seed
    Generate(GenerateOptions),
    /// Print a token and nothing else
    Token(TokenOptions),
    /// Bring the tables up to date and say what was done
    Migrate(MigrateOptions),
    /// Print a contract: the GraphQL schema, or the JSON Schema of an event
    Schema(SchemaOptions),
    /// Say what is configured, what works and what is wrong
    Doctor,
}
