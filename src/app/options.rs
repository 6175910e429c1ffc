//! The options of each command, as the command line gives them.

use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use clap::{Args, ValueEnum};

use crate::auth::Role;
use crate::ingest::file::{self, AdapterOptions, Format};

#[derive(Debug, Args)]
pub struct DemoOptions {
    /// About how many messages an empty store is filled with
    #[arg(long, default_value_t = 200_000)]
    pub messages: u64,
}

#[derive(Debug, Args)]
pub struct TokenOptions {
    /// The tenant that the token speaks for
    #[arg(long)]
    pub tenant: String,
    /// operator, supervisor, manager, service or admin
    #[arg(long)]
    pub role: Role,
    /// Who bears it: a person or a system
    #[arg(long)]
    pub sub: String,
    /// The operator whose figures an operator's token shows
    #[arg(long, value_name = "ID")]
    pub operator: Option<String>,
    /// A team whose figures a supervisor's token shows; can be repeated
    #[arg(long = "team", value_name = "NAME")]
    pub teams: Vec<String>,
    /// How long it is valid, such as 30m, 12h or 1d; at most 1d
    #[arg(long, default_value = "1h", value_parser = parse_lifetime)]
    pub ttl: Duration,
}

#[derive(Debug, Args)]
pub struct IngestOptions {
    /// A file, or - for standard input. The name's ending tells the format; .gz and .zst are decompressed
    pub file: PathBuf,
    /// The tenant that the events belong to
    #[arg(long, value_parser = parse_tenant)]
    pub tenant: String,
    /// Format, where the name does not tell
    #[arg(long)]
    pub format: Option<FormatName>,
    /// Read the column NAME as the event's field FIELD; can be repeated
    #[arg(long = "map", value_name = "NAME=FIELD", value_parser = AdapterOptions::parse_pair)]
    pub renames: Vec<(String, String)>,
    /// Give FIELD this value where a row has none; can be repeated
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = AdapterOptions::parse_pair)]
    pub defaults: Vec<(String, String)>,
    /// IANA zone of times without an offset, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<Tz>,
    /// How times are written, in chrono's notation, such as "%d.%m.%Y %H:%M"
    #[arg(long, value_name = "FORMAT")]
    pub time_format: Option<String>,
    /// A name in the column `author` that is an operator's; all others are clients; can be repeated
    #[arg(long = "operator", value_name = "NAME")]
    pub operators: Vec<String>,
    /// Print the receipt as JSON
    #[arg(long)]
    pub json: bool,
}

impl IngestOptions {
    pub fn to_file_options(&self) -> file::Options {
        file::Options {
            path: self.file.clone(),
            format: self.format.map(|format| match format {
                FormatName::Ndjson => Format::Ndjson,
                FormatName::Csv => Format::Csv,
                FormatName::Parquet => Format::Parquet,
            }),
            adapter: AdapterOptions {
                renames: self.renames.clone(),
                defaults: self.defaults.clone(),
                time_zone: self.time_zone,
                time_format: self.time_format.clone(),
                operators: self.operators.clone(),
            },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    Ndjson,
    Csv,
    Parquet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GeneratedFormat {
    Ndjson,
    Parquet,
}

#[derive(Debug, Args)]
pub struct GenerateOptions {
    /// The same seed gives the same events
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// About how many messages; there are about nine events to four messages
    #[arg(long, default_value_t = 10_000)]
    pub messages: u64,
    /// Days that the traffic covers
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=731))]
    pub days: u32,
    /// The instant at which it ends, RFC 3339 [default: now]
    #[arg(long, value_parser = parse_instant)]
    pub end: Option<i64>,
    /// Which company of the seed: events hold no tenant, so write one file a tenant
    #[arg(long, default_value_t = 0)]
    pub tenant_index: u32,
    /// Where the company is: its days and shifts follow this zone
    #[arg(long, default_value = "Europe/Berlin")]
    pub time_zone: Tz,
    #[arg(long, value_enum, default_value_t = GeneratedFormat::Ndjson)]
    pub format: GeneratedFormat,
    /// Where to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ReplayOptions {
    /// The connection whose payloads are read again, as it is called in the configuration
    #[arg(long, value_name = "NAME")]
    pub connection: String,
    /// From when on what came by it is read again: a date in the configured zone, or an instant
    #[arg(long, value_name = "TIME")]
    pub since: String,
    /// Up to when, not included [default: now]
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Put the result in the place of what stands, after it was shown
    #[arg(long)]
    pub publish: bool,
    /// Print what changes as one JSON object
    #[arg(long)]
    pub json: bool,
    /// The days whose figures are compared, such as 2026-11-01..2026-12-01 [default: those that change]
    #[arg(long, value_name = "FROM..TO")]
    pub range: Option<String>,
}

#[derive(Debug, Args)]
pub struct BackupOptions {
    /// Where to put it [default: the configured directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub directory: Option<PathBuf>,
    /// What its name ends with: a-z, 0-9 and -
    #[arg(long)]
    pub label: Option<String>,
}

#[derive(Debug, Args)]
pub struct RestoreOptions {
    /// The directory of the backup
    pub backup: PathBuf,
    /// Only read the backup and compare it with its sums
    #[arg(long)]
    pub verify: bool,
}

#[derive(Debug, Args)]
pub struct EraseOptions {
    /// The tenant whose contact it is
    #[arg(long, value_parser = parse_tenant)]
    pub tenant: String,
    /// The contact's name, as events have it
    #[arg(long, value_name = "NAME")]
    pub contact: String,
    /// Erase all names that links join to it, too
    #[arg(long)]
    pub person: bool,
    /// Remove nothing: say what would go
    #[arg(long)]
    pub dry_run: bool,
    /// Who asks, for the evidence [default: the command line]
    #[arg(long, value_name = "NAME", default_value = "the command line")]
    pub asked_by: String,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct MigrateOptions {
    /// Print the statements that would be run, and run none
    #[arg(long)]
    pub plan: bool,
}

#[derive(Debug, Args)]
pub struct SchemaOptions {
    /// The JSON Schema of an event instead of the GraphQL schema
    #[arg(long)]
    pub event: bool,
}

/// A tenant that a token can speak for.
fn parse_tenant(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("the tenant is blank or has control characters: no token could read its events".to_owned());
    }
    Ok(text.to_owned())
}

fn parse_lifetime(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration: give a number and s, m, h or d, such as 30m or 12h");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

fn parse_instant(text: &str) -> Result<i64, String> {
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(instant) => Ok(instant.timestamp_millis()),
        Err(_) => Err(format!("`{text}` is no instant: write it as 2026-03-29T10:00:00Z")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_a_number_and_a_unit() {
        assert_eq!(parse_lifetime("30m"), Ok(Duration::from_secs(1_800)));
        assert_eq!(parse_lifetime("1d"), Ok(Duration::from_secs(86_400)));
        for wrong in ["", "h", "1", "1w", "-1h", "1.5h", "99999999999999999999h", "18446744073709551615d", "1ч"] {
            assert!(parse_lifetime(wrong).is_err(), "{wrong}");
        }
    }
}
