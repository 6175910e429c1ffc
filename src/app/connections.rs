//! The configured connections, made ready to take webhooks in.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use crate::ingest::Ingest;
use crate::ingest::connection::{Connection, Connections};
use crate::ingest::errands::Runner;
use crate::metrics::deliveries;
use crate::model::clock::Millis;
use crate::store::Store;

use super::config::connections::ConnectionConfig;

/// Reads the files of secrets and makes each connection ready.
///
/// # Errors
/// When an option is missing, unknown or wrong.
pub fn open(configured: &[ConnectionConfig]) -> Result<Connections> {
    Ok(Connections::new(configured.iter().map(open_one).collect::<Result<Vec<_>>>()?))
}

/// # Errors
/// As [`open`].
pub fn open_one(config: &ConnectionConfig) -> Result<Connection> {
    let names = (config.name.as_str(), config.tenant.as_str());
    let opened =
        Connection::open(names, config.platform, config.accounts.clone(), config.options.clone(), config.keep_days);
    opened.with_context(|| format!("the connection `{}` ({})", config.name, config.platform.name))
}

/// A line about a connection that is ready.
pub fn describe(connection: &Connection, now: Millis) -> String {
    let counts = connection.health.counts();
    let last = match counts.last_received_at {
        Some(at) => format!("{}, {} min ago", counts.state(now).name(), now.saturating_sub(at).max(0) / 60_000),
        None => "nothing is known to have come; a running server's /health/ready knows best".to_owned(),
    };
    format!(
        "{}: {} of {}, /webhooks/{}, {}: {last}",
        connection.name,
        connection.platform.name,
        connection.tenant,
        connection.name,
        connection.accounts.names().join(" "),
    )
}

/// When something last came, as the archive knows it: the process has only just begun.
///
/// # Errors
/// When the store fails.
pub async fn recall(connections: &Connections, store: &dyn Store) -> Result<()> {
    let tenants: BTreeSet<&str> = connections.all().map(|connection| connection.tenant.as_str()).collect();
    for tenant in tenants {
        for (name, at) in deliveries::read_last(&store.query(deliveries::select_last(tenant)).await?)? {
            if let Some(connection) = connections.find(&name).filter(|connection| connection.tenant == tenant) {
                connection.health.recall(at);
            }
        }
    }
    Ok(())
}

/// Those who ask the platforms of the connections.
///
/// # Errors
/// When there are no certificates to know a platform by.
pub fn errands(connections: &Connections, ingest: &Ingest) -> Result<Vec<Runner>> {
    let mut runners = Vec::new();
    for connection in connections.all() {
        let in_words = || format!("the platform of the connection `{}` cannot be asked", connection.name);
        runners.extend(Runner::new(ingest, connection).with_context(in_words)?);
    }
    Ok(runners)
}
