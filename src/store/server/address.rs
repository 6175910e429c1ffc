//! Where the servers are and as whom they are spoken to: addresses as people write them. It opens no connection.

use std::fmt;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// The port of ClickHouse's HTTP interface, and of the same over TLS.
const PORTS: [(&str, u16); 2] = [("http", 8123), ("https", 8443)];

/// A user of the servers; its password is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
}

/// Servers that hold the same data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// `http://host:8123`, in the order in which they are tried.
    pub hosts: Vec<String>,
    pub database: String,
    pub login: Login,
    /// Who asks; without one it is the user that writes, held to reading by a setting.
    pub reader: Option<Login>,
    /// The certificates by which hosts are known; without it those of the system.
    pub ca_file: Option<PathBuf>,
}

impl ServerConfig {
    /// Addresses separated by commas, each `http(s)://user:password@host:8123/database`. What is the same for all, user,
    /// password and database, may stand in one of them only.
    ///
    /// # Errors
    /// [`AddressError`], which shows no password.
    pub fn parse(addresses: &str) -> Result<Self, AddressError> {
        let mut hosts = Vec::new();
        let (mut user, mut password, mut database) = (None, None, None);
        for address in addresses.split(',').map(str::trim).filter(|address| !address.is_empty()) {
            let url = Url::parse(address).map_err(|_| AddressError::Form { shown: shown(address) })?;
            let port = PORTS.iter().find(|(scheme, _)| *scheme == url.scheme()).map(|(_, port)| *port);
            let (Some(port), Some(host)) = (port, url.host_str()) else {
                return Err(AddressError::Form { shown: shown(address) });
            };
            if url.query().is_some() || url.fragment().is_some() {
                return Err(AddressError::Rest { shown: shown(address) });
            }
            // The parser leaves out the ports of the web, which are as good as others.
            let port = url.port().or(written_port(address)).unwrap_or(port);
            agree(&mut user, decode(url.username()), "user")?;
            agree(&mut password, decode(url.password().unwrap_or_default()), "password")?;
            agree(&mut database, url.path().trim_matches('/').to_owned(), "database")?;
            hosts.push(format!("{}://{host}:{port}", url.scheme()));
        }
        let Some(first) = hosts.first() else { return Err(AddressError::None) };
        let database = database.ok_or_else(|| AddressError::NoDatabase { host: first.clone() })?;
        let plain = |character: char| character.is_ascii_alphanumeric() || character == '_';
        if !database.chars().all(plain) {
            return Err(AddressError::DatabaseName { database });
        }
        let user = user.unwrap_or_else(|| "default".to_owned());
        let login = Login { user, password: password.unwrap_or_default() };
        Ok(Self { hosts, database, login, reader: None, ca_file: None })
    }

    /// Shards separated by semicolons, each with its hosts as [`ServerConfig::parse`] takes them. What is the same for all may
    /// stand at one host of one shard.
    ///
    /// # Errors
    /// As [`ServerConfig::parse`].
    pub fn parse_shards(addresses: &str) -> Result<Vec<Self>, AddressError> {
        let all = Self::parse(&addresses.replace(';', ","))?;
        let mut hosts = all.hosts.iter().cloned();
        let counts = addresses.split(';').map(|shard| shard.split(',').filter(|host| !host.trim().is_empty()).count());
        let shards: Vec<Self> =
            counts.map(|count| Self { hosts: hosts.by_ref().take(count).collect(), ..all.clone() }).collect();
        match shards.iter().any(|shard| shard.hosts.is_empty()) {
            true => Err(AddressError::None),
            false => Ok(shards),
        }
    }

    /// The hosts that are spoken to in clear text and are not this machine.
    pub fn clear_text_hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(String::as_str).filter(|host| {
            let is_here = |url: &Url| match url.host() {
                Some(Host::Domain(name)) => name == "localhost",
                Some(Host::Ipv4(address)) => address.is_loopback(),
                Some(Host::Ipv6(address)) => address.is_loopback(),
                None => false,
            };
            Url::parse(host).is_ok_and(|url| url.scheme() == "http" && !is_here(&url))
        })
    }
}

/// Takes over what an address says; what two say must be the same.
fn agree(known: &mut Option<String>, said: String, what: &'static str) -> Result<(), AddressError> {
    match known {
        _ if said.is_empty() => Ok(()),
        Some(known) if *known != said => Err(AddressError::Differ { what }),
        _ => {
            *known = Some(said);
            Ok(())
        }
    }
}

fn decode(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

fn written_port(address: &str) -> Option<u16> {
    let (_, rest) = address.split_once("://")?;
    let authority = rest.split('/').next()?;
    authority.rsplit_once('@').map_or(authority, |(_, host)| host).rsplit_once(':')?.1.parse().ok()
}

/// An address without what may be a password.
fn shown(address: &str) -> String {
    match (address.split_once("://"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        (None, Some((_, host))) => format!("…@{host}"),
        (_, None) => address.to_owned(),
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What is wrong with the addresses of the servers.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AddressError {
    #[error("{shown:?} is no address of a server: give http://user@host:8123/database, or https:// with port 8443")]
    Form { shown: String },
    #[error("{shown:?} has more than a host and a database: settings are the program's own, leave out what follows")]
    Rest { shown: String },
    #[error("no host is named")]
    None,
    #[error("no database is named: give {host}/rapport")]
    NoDatabase { host: String },
    #[error("a database's name has letters, digits and _ only, not {database:?}")]
    DatabaseName { database: String },
    #[error("the hosts are named with different values for the {what}: they must hold the same data for the same user")]
    Differ { what: &'static str },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_share_user_password_and_database() {
        let config =
            ServerConfig::parse("https://app:p%40ss@one.example/rapport, https://two.example:9443,").expect("valid");
        assert_eq!(config.hosts, ["https://one.example:8443", "https://two.example:9443"]);
        assert_eq!((config.database.as_str(), config.login.user.as_str()), ("rapport", "app"));
        assert_eq!(config.login.password, "p@ss");
        assert_eq!(config.clear_text_hosts().count(), 0);
        let config = ServerConfig::parse("http://10.0.0.1:80/r,http://[::1]/r,http://localhost").expect("valid");
        assert_eq!(config.hosts, ["http://10.0.0.1:80", "http://[::1]:8123", "http://localhost:8123"]);
        assert_eq!(config.login.user, "default");
        assert_eq!(config.clear_text_hosts().collect::<Vec<_>>(), ["http://10.0.0.1:80"]);
    }

    #[test]
    fn shards_share_user_password_and_database() {
        let shards = ServerConfig::parse_shards("http://app:p@a/r,http://b; http://c:9000,http://d").expect("valid");
        let hosts: Vec<_> = shards.iter().map(|shard| shard.hosts.join(" ")).collect();
        assert_eq!(hosts, ["http://a:8123 http://b:8123", "http://c:9000 http://d:8123"]);
        assert!(shards.iter().all(|shard| shard.login.user == "app" && shard.database == "r"));
        for wrong in ["http://a/r;", ";http://a/r", "http://a/r;,;http://b"] {
            assert_eq!(ServerConfig::parse_shards(wrong), Err(AddressError::None), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_without_passwords() {
        for (addresses, expect) in [
            ("one.example", "is no address"),
            ("tcp://u:secret@one.example:9000/r", "tcp://…@one.example:9000/r"),
            ("http://u:secret@one.example:99999/r", "http://…@one.example:99999/r"),
            ("http://one.example", "no database is named"),
            ("http://one.example/a;b", "letters, digits and _"),
            ("http://a:secret@one.example/r,http://b@two.example", "different values for the user"),
            ("http://one.example/r,http://two.example/s", "different values for the database"),
            ("http://one.example/r?max_threads=1", "settings are the program's own"),
            (" , ", "no host"),
        ] {
            let error = ServerConfig::parse(addresses).expect_err(addresses).to_string();
            assert!(error.contains(expect) && !error.contains("secret"), "{addresses}: {error}");
        }
        let config = ServerConfig::parse("http://app:secret@one.example/r").expect("valid");
        assert!(!format!("{config:?}").contains("secret"));
    }
}
