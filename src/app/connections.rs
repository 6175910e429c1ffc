//! The configured connections, made ready to take webhooks in.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use crate::ingest::connection::health::Health;
use crate::ingest::connection::{Connection, Connections};
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
    let mut options = config.options.clone();
    let in_words = || format!("the connection `{}` ({})", config.name, config.platform.name);
    let connector = (config.platform.open)(&config.accounts, &mut options).with_context(in_words)?;
    options.finish().with_context(in_words)?;
    Ok(Connection {
        name: config.name.clone(),
        tenant: config.tenant.clone(),
        platform: config.platform,
        accounts: config.accounts.clone(),
        connector,
        keep_days: config.keep_days,
        health: Health::default(),
    })
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
        for found in deliveries::read(&store.query(deliveries::select(tenant, None)).await?)? {
            let known = connections.find(&found.connection).filter(|connection| connection.tenant == tenant);
            if let (Some(connection), Some(at)) = (known, found.last_received_at) {
                connection.health.recall(at);
            }
        }
    }
    Ok(())
}
