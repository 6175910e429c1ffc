//! The configured connections, made ready to take webhooks in.

use anyhow::{Context, Result};

use crate::ingest::Ingest;
use crate::ingest::connection::{Connection, Connections};
use crate::ingest::errands::Runner;

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
        connector,
        keep_days: config.keep_days,
    })
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
