//! Configuration of where events are kept: the embedded engine, ClickHouse servers, or a cluster of them. It connects to nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::list::Number;
use crate::store::cluster::placing::{Placing, PlacingError};
use crate::store::server::address::{AddressError, Login, ServerConfig};

/// Where events are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreConfig {
    /// In the data directory.
    Embedded,
    Servers(ServerConfig),
    Cluster(ClusterConfig),
}

/// Servers in shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Its name in the servers' `remote_servers`.
    pub name: String,
    pub shards: Vec<ServerConfig>,
    pub placing: Placing,
}

/// A tenant that lies on a shard by name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenTenant {
    tenant: String,
    /// Counted from 1.
    shard: usize,
}

/// As written, apart from the key `store`.
#[derive(Default, Deserialize)]
pub(super) struct WrittenStore {
    pub password: Option<String>,
    pub password_file: Option<PathBuf>,
    pub reader: Option<String>,
    pub reader_password: Option<String>,
    pub reader_password_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub cluster: Option<String>,
    pub spread: Option<Number>,
    pub tenants: Vec<WrittenTenant>,
}

impl StoreConfig {
    pub(super) fn new(store: &str, written: WrittenStore) -> Result<Self, StoreConfigError> {
        let password = secret("store_password", written.password, written.password_file)?;
        let reader_password = secret("store_reader_password", written.reader_password, written.reader_password_file)?;
        if store == "embedded" {
            let for_servers = [
                ("store_password", password.is_some()),
                ("store_reader", written.reader.is_some()),
                ("store_reader_password", reader_password.is_some()),
                ("store_ca_file", written.ca_file.is_some()),
                ("cluster", written.cluster.is_some()),
                ("cluster_spread", written.spread.is_some()),
                ("cluster_tenants", !written.tenants.is_empty()),
            ];
            return match for_servers.into_iter().find(|(_, is_set)| *is_set) {
                Some((key, _)) => Err(StoreConfigError::NoServers { key }),
                None => Ok(Self::Embedded),
            };
        }
        let mut shards = ServerConfig::parse_shards(store)?;
        for shard in &mut shards {
            shard.ca_file.clone_from(&written.ca_file);
        }
        let [config, ..] = shards.as_mut_slice() else { return Err(StoreConfigError::Address(AddressError::None)) };
        match (config.login.password.is_empty(), password) {
            (_, None) => {}
            (true, Some(password)) => config.login.password = password,
            (false, Some(_)) => return Err(StoreConfigError::Twice),
        }
        config.reader = match (written.reader, reader_password) {
            (Some(user), password) => Some(Login { user, password: password.unwrap_or_default() }),
            (None, Some(_)) => return Err(StoreConfigError::NoReader),
            (None, None) => None,
        };
        let (login, reader) = (config.login.clone(), config.reader.clone());
        for shard in &mut shards {
            (shard.login, shard.reader) = (login.clone(), reader.clone());
        }
        let Some(name) = written.cluster else {
            return match shards.len() {
                _ if written.spread.is_some() => Err(StoreConfigError::NoCluster { key: "cluster_spread" }),
                _ if !written.tenants.is_empty() => Err(StoreConfigError::NoCluster { key: "cluster_tenants" }),
                1 => Ok(Self::Servers(shards.remove(0))),
                shards => Err(StoreConfigError::Nameless { shards }),
            };
        };
        let placing = placing(shards.len(), written.spread, written.tenants)?;
        Ok(Self::Cluster(ClusterConfig { name, shards, placing }))
    }
}

fn placing(shards: usize, spread: Option<Number>, tenants: Vec<WrittenTenant>) -> Result<Placing, StoreConfigError> {
    let spread = match spread {
        None => shards,
        Some(spread) => spread.0.parse().map_err(|_| StoreConfigError::Spread { written: spread.0 })?,
    };
    let mut named = BTreeMap::new();
    for WrittenTenant { tenant, shard } in tenants {
        // They are counted from 1. A shard 0 becomes a number that no shard has, and is told as what was written.
        if named.insert(tenant.clone(), shard.wrapping_sub(1)).is_some() {
            return Err(StoreConfigError::TenantTwice { tenant });
        }
    }
    Ok(Placing::new(shards, spread, named)?)
}

/// A secret that is given or stands in a file.
fn secret(key: &'static str, given: Option<String>, file: Option<PathBuf>) -> Result<Option<String>, StoreConfigError> {
    match (given, file) {
        (given, None) => Ok(given),
        (Some(_), Some(_)) => Err(StoreConfigError::Both { key }),
        (None, Some(path)) => match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
            Err(source) => Err(StoreConfigError::File { key, path, source }),
        },
    }
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum StoreConfigError {
    #[error("`store` is `embedded` or addresses of ClickHouse servers, separated by commas: {0}")]
    Address(#[from] AddressError),
    #[error("`store` names {shards} shards: say with `cluster` how the servers call it in `remote_servers`")]
    Nameless { shards: usize },
    #[error("`{key}` is for a cluster, and `cluster`, its name, is not set")]
    NoCluster { key: &'static str },
    #[error("`cluster_spread` is `{written}`: give the number of shards that tenants are spread over")]
    Spread { written: String },
    #[error("`[[cluster_tenants]]` has the tenant `{tenant}` twice")]
    TenantTwice { tenant: String },
    #[error(transparent)]
    Placing(#[from] PlacingError),
    #[error("`{key}` is for ClickHouse servers, and `store` names none")]
    NoServers { key: &'static str },
    #[error("the password stands in `store` and in `store_password`: leave it out of the first, which more people see")]
    Twice,
    #[error("`store_reader_password` is set and `store_reader`, whose it is, is not")]
    NoReader,
    #[error("`{key}` and `{key}_file` are both set: give one")]
    Both { key: &'static str },
    #[error("`{key}_file` names {path}, which cannot be read")]
    File {
        key: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_with_the_secrets_beside_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("password");
        std::fs::write(&path, "the writer's\n").expect("a file");
        let written = WrittenStore {
            password_file: Some(path),
            reader: Some("asks".to_owned()),
            reader_password: Some("the reader's".to_owned()),
            ..WrittenStore::default()
        };
        let config = StoreConfig::new("http://writes@one.example/rapport", written).expect("valid");
        let StoreConfig::Servers(config) = &config else { panic!("{config:?}") };
        assert_eq!((config.login.user.as_str(), config.login.password.as_str()), ("writes", "the writer's"));
        assert_eq!(config.reader.as_ref().map(|reader| reader.password.as_str()), Some("the reader's"));
        assert_eq!(StoreConfig::new("embedded", WrittenStore::default()).expect("valid"), StoreConfig::Embedded);
    }

    #[test]
    fn a_cluster_has_shards_with_the_secrets_of_all() {
        let written = |spread: Option<&str>, tenants: &[(&str, usize)]| WrittenStore {
            cluster: Some("rapport".to_owned()),
            password: Some("p".to_owned()),
            reader: Some("asks".to_owned()),
            spread: spread.map(|spread| Number(spread.to_owned())),
            tenants: tenants
                .iter()
                .map(|(tenant, shard)| WrittenTenant { tenant: (*tenant).to_owned(), shard: *shard })
                .collect(),
            ..WrittenStore::default()
        };
        let store = "http://w@a/r,http://b;http://c,http://d";
        let config = StoreConfig::new(store, written(Some("1"), &[("acme", 2)])).expect("valid");
        let StoreConfig::Cluster(config) = &config else { panic!("{config:?}") };
        assert_eq!(config.shards.iter().map(|shard| shard.hosts.len()).collect::<Vec<_>>(), [2, 2]);
        assert!(config.shards.iter().all(|shard| shard.login.password == "p" && shard.reader.is_some()));
        assert_eq!((config.placing.spread(), config.placing.shard_of("acme"), config.placing.shard_of("b")), (1, 1, 0));
        for (written, expect) in [
            (written(Some("3"), &[]), "spread over 3 of 2 shards"),
            (written(Some("all"), &[]), "`cluster_spread` is `all`"),
            (written(None, &[("acme", 3)]), "`acme` is to lie on shard 3, and there are 2"),
            (written(None, &[("acme", 0)]), "`acme` is to lie on shard 0, and there are 2"),
            (written(None, &[("acme", 1), ("acme", 2)]), "`acme` twice"),
            (WrittenStore::default(), "names 2 shards: say with `cluster`"),
        ] {
            let error = StoreConfig::new(store, written).expect_err(expect).to_string();
            assert!(error.contains(expect), "{error}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_named() {
        let text = |text: &str| Some(text.to_owned());
        let none = WrittenStore::default;
        for (store, written, expect) in [
            ("clickhouse", none(), "`store` is `embedded` or addresses"),
            ("embedded", WrittenStore { reader: text("r"), ..none() }, "`store_reader` is for ClickHouse servers"),
            ("embedded", WrittenStore { cluster: text("c"), ..none() }, "`cluster` is for ClickHouse servers"),
            (
                "http://u@h/r",
                WrittenStore { spread: Some(Number("1".to_owned())), ..none() },
                "`cluster_spread` is for a cluster",
            ),
            ("http://u:p@h/r", WrittenStore { password: text("p"), ..none() }, "leave it out of the first"),
            ("http://u@h/r", WrittenStore { reader_password: text("p"), ..none() }, "whose it is, is not"),
            (
                "http://u@h/r",
                WrittenStore { password: text("p"), password_file: Some("f".into()), ..none() },
                "`store_password` and `store_password_file`",
            ),
            (
                "http://u@h/r",
                WrittenStore { password_file: Some("/nowhere/at/all".into()), ..none() },
                "which cannot be read",
            ),
        ] {
            let error = StoreConfig::new(store, written).expect_err(store).to_string();
            assert!(error.contains(expect), "{store}: {error}");
        }
    }
}
