//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::options::{
    BackupOptions, DemoOptions, EraseOptions, GenerateOptions, IngestOptions, MigrateOptions, ReplayOptions,
    RestoreOptions, SchemaOptions, TokenOptions,
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
    /// Store what the API put into the queue (RAPPORT_NATS); any number of them may run
    Worker,
    /// Read events from a file (NDJSON, CSV or Parquet), or from standard input
    Ingest(IngestOptions),
    /// Read what a connection's platform sent again, with the connector as it is now; shows what changes before it publishes
    Replay(ReplayOptions),
    /// Copy the store, checked and whole, while no server runs; a running one is asked over HTTP
    Backup(BackupOptions),
    /// Make a store of a backup, in an empty data directory
    Restore(RestoreOptions),
    /// Remove everything that is known of a contact, and print the act of it
    Erase(EraseOptions),
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
