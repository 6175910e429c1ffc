//! What `doctor` finds of TLS, other sites' pages, proxies, the audit log, backups and damaged parts: a line for each.

use crate::api::audit::Files;
use crate::api::tls::Tls;

use crate::store::StoreError;
use crate::store::backup::files::free_bytes;
use crate::store::parts::Detached;

use super::build::DETACHED;
use super::config::{AuditConfig, Config};

/// What is in order, or what is not.
pub type Finding = Result<String, String>;

pub fn of_network(config: &Config) -> Vec<(&'static str, Finding)> {
    let network = &config.network.network;
    let origins = match network.origins.len() {
        0 => "closed: pages of other sites get no answer".to_owned(),
        count => format!("pages of {count} configured {} may ask", if count == 1 { "origin" } else { "origins" }),
    };
    let proxies = match network.proxies.is_empty() {
        true => "none: X-Forwarded-For is ignored".to_owned(),
        false => "X-Forwarded-For counts from those configured".to_owned(),
    };
    vec![
        ("tls", of_tls(config)),
        ("other sites", Ok(origins)),
        ("proxies", Ok(proxies)),
        ("audit log", of_audit(&config.audit)),
        ("backups", of_backups(config)),
    ]
}

/// What the engine put aside when it started.
pub fn of_parts(detached: Result<Vec<Detached>, StoreError>) -> Finding {
    let detached = detached.map_err(|error| error.to_string())?;
    if detached.is_empty() {
        return Ok("none is damaged, as far as the engine saw when it started".to_owned());
    }
    let told = detached.iter().map(|found| format!("{} of {} ({})", found.parts, found.table, found.reason));
    Err(format!("{}: {DETACHED}", told.collect::<Vec<_>>().join(", ")))
}

fn of_backups(config: &Config) -> Finding {
    let Some(directory) = &config.operations.backup_dir else {
        return Ok("none over HTTP: RAPPORT_BACKUP_DIR is not set".to_owned());
    };
    if !directory.exists() {
        return Ok(format!("{} is made by the first", directory.display()));
    }
    let failed = |error| format!("{} cannot be used: {error}", directory.display());
    let free = free_bytes(directory).map_err(failed)?;
    Ok(format!("into {}, which has room for {} MiB", directory.display(), free >> 20))
}

fn of_tls(config: &Config) -> Finding {
    match &config.network.tls {
        Some(files) => match Tls::load(files.clone()) {
            Ok(_) => Ok(format!("{} is readable, and its key matches", files.certificate.display())),
            Err(error) => Err(format!("{:#}", anyhow::Error::from(error))),
        },
        None if config.listen.ip().is_loopback() => Ok("not configured; only this machine can connect".to_owned()),
        None => {
            Ok(format!("not configured: {} is clear text, tokens too, unless a proxy in front encrypts", config.listen))
        }
    }
}

fn of_audit(config: &AuditConfig) -> Finding {
    match config {
        AuditConfig::Off => Ok("off: nobody can say later who asked for what".to_owned()),
        AuditConfig::On { directory, days } => {
            Files::check(directory).map_err(|error| format!("{:#}", anyhow::Error::from(error)))?;
            Ok(format!("{} is writable; {days} days are kept", directory.display()))
        }
    }
}
