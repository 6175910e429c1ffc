//! What `doctor` finds of TLS, other sites' pages, proxies, the audit log and servers: a line for each.

use crate::api::audit::Files;
use crate::api::tls::Tls;
use crate::store::limits::Limits;
use crate::store::server::ServerStore;
use crate::store::server::address::ServerConfig;

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
    ]
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

/// Which hosts answer, and whether who asks there is kept from writing.
pub async fn of_servers(servers: &ServerConfig, limits: Limits) -> Vec<(&'static str, Finding)> {
    let store = match ServerStore::open(servers, limits) {
        Ok(store) => store,
        Err(error) => return vec![("server", Err(format!("{:#}", anyhow::Error::from(error))))],
    };
    let mut findings = Vec::new();
    for report in store.examine().await {
        let host = report.host;
        findings.push(match (report.version, report.reader_can_write) {
            (Err(reason), _) => ("server", Err(format!("{host} does not answer: {reason}"))),
            (Ok(version), Ok(false)) => {
                ("server", Ok(format!("{host}, ClickHouse {version}; the user of queries cannot write")))
            }
            (Ok(version), Ok(true)) if servers.reader.is_none() => (
                "server",
                Ok(format!(
                    "{host}, ClickHouse {version}; queries are asked as the user that writes: set RAPPORT_STORE_READER"
                )),
            ),
            (Ok(_), Ok(true)) => (
                "server",
                Err(format!(
                    "{host}: the user of queries can write: let it read and nothing else (RAPPORT_STORE_READER)"
                )),
            ),
            (Ok(version), Err(reason)) => (
                "server",
                Ok(format!(
                    "{host}, ClickHouse {version}; whether the user of queries can write is not known: {reason}"
                )),
            ),
        });
    }
    store.close().await;
    for host in servers.clear_text_hosts() {
        findings.push(("server", Ok(format!("{host} is spoken to in clear text, passwords too: use https://"))));
    }
    findings
}
