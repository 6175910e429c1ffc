//! What `doctor` finds of TLS, other sites' pages, proxies, the audit log, servers, backups and damaged parts: a line for each.

use crate::api::audit::Files;
use crate::api::tls::Tls;
use crate::outbound::with_causes;
use crate::store::StoreError;
use crate::store::data_directory::free_bytes;
use crate::store::limits::Limits;
use crate::store::migrations::places::{self, Names};
use crate::store::parts::Detached;
use crate::store::server::ServerStore;
use crate::store::server::address::ServerConfig;

use super::build::DETACHED;
use super::config::store::ClusterConfig;
use super::config::{AuditConfig, Config, TracesConfig};

/// What is in order, or what is not.
pub type Finding = Result<String, String>;

/// What can be said of the configuration before anything is opened.
pub fn of_configuration(config: &Config) -> Vec<(&'static str, Finding)> {
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
        ("traces", Ok(of_traces(&config.traces))),
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

fn of_traces(config: &TracesConfig) -> String {
    match config {
        TracesConfig::Off if cfg!(feature = "otlp") => "none: RAPPORT_OTLP_ENDPOINT is not set".to_owned(),
        TracesConfig::Off => "none: this program was built without the feature `otlp`".to_owned(),
        // The path can have a key in it.
        TracesConfig::To { endpoint, share } => {
            format!("to {}, {} % of those that nobody began before", endpoint.origin(), share * 100.0)
        }
    }
}

fn of_tls(config: &Config) -> Finding {
    match &config.network.tls {
        Some(files) => match Tls::load(files.clone()) {
            Ok(_) => Ok(format!("{} is readable, and its key matches", files.certificate.display())),
            Err(error) => Err(with_causes(&error)),
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
            Files::check(directory).map_err(|error| with_causes(&error))?;
            Ok(format!("{} is writable; {days} days are kept", directory.display()))
        }
    }
}

/// Which hosts answer, and whether who asks there is kept from writing.
pub async fn of_servers(servers: &ServerConfig, limits: Limits) -> Vec<(&'static str, Finding)> {
    let store = match ServerStore::open(servers, limits) {
        Ok(store) => store,
        Err(error) => return vec![("server", Err(with_causes(&error)))],
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

/// The same of each shard, and how tenants lie on them.
pub async fn of_cluster(cluster: &ClusterConfig, limits: &Limits) -> Vec<(&'static str, Finding)> {
    let (placing, name) = (&cluster.placing, &cluster.name);
    let spread = format!("{name}: tenants are spread over {} of {} shards", placing.spread(), placing.shards());
    let mut findings = vec![("cluster", Ok(spread))];
    let mut known = Vec::new();
    for (index, servers) in cluster.shards.iter().enumerate() {
        let of_shard = |text: String| format!("shard {}: {text}", index + 1);
        for (what, finding) in of_servers(servers, limits.clone()).await {
            findings.push((what, finding.map(of_shard).map_err(of_shard)));
        }
        for host in &servers.hosts {
            let names = names_of(servers, host, limits.clone()).await;
            findings.push(("names", of_names(name, names, &mut known, index).map(of_shard).map_err(of_shard)));
        }
    }
    findings
}

/// Asks one host what it calls itself.
async fn names_of(servers: &ServerConfig, host: &str, limits: Limits) -> Result<(String, Names), String> {
    let alone = ServerConfig { hosts: vec![host.to_owned()], ..servers.clone() };
    let store = ServerStore::open(&alone, limits).map_err(|error| with_causes(&error))?;
    let names = places::names(&store).await;
    store.close().await;
    names.map(|names| (host.to_owned(), names)).map_err(|error| format!("{host} does not tell its macros: {error}"))
}

/// Hosts of one shard have its name and each another as a replica; no other shard has it. `known`: what hosts before said.
fn of_names(
    cluster: &str,
    names: Result<(String, Names), String>,
    known: &mut Vec<(usize, Names)>,
    shard: usize,
) -> Finding {
    let (host, names) = names?;
    let told = format!("{host} is replica `{}` of shard `{}` of `{}`", names.replica, names.shard, names.cluster);
    let others = || known.iter().map(|(at, others)| (*at == shard, others));
    let wrong = if names.cluster != cluster {
        Some("the cluster has another name")
    } else if others().any(|(is_here, others)| is_here != (others.shard == names.shard)) {
        Some("a shard's hosts, and no others, must have its name: tables of other shards would be copied here")
    } else if others().any(|(is_here, others)| is_here && others.replica == names.replica) {
        Some("another host of the shard has that name too")
    } else {
        None
    };
    known.push((shard, names));
    match wrong {
        None => Ok(told),
        Some(reason) => Err(format!("{told}: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_mix_shards_are_wrong() {
        let mut known = Vec::new();
        let mut say = |shard: usize, names: [&str; 3]| {
            let [cluster, of_shard, replica] = names.map(str::to_owned);
            let names = Names { cluster, shard: of_shard, replica };
            of_names("rapport", Ok(("h".to_owned(), names)), &mut known, shard).is_ok()
        };
        assert!(say(0, ["rapport", "1", "a"]));
        assert!(say(0, ["rapport", "1", "b"]));
        assert!(say(1, ["rapport", "2", "a"]));
        assert!(!say(1, ["rapport", "1", "b"]), "a name of the first shard");
        assert!(!say(0, ["rapport", "1", "a"]), "a replica twice");
        assert!(!say(2, ["other", "3", "a"]), "another cluster");
    }
}
