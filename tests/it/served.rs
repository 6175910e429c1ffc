//! A server store for a test: over the double, or over a real ClickHouse where RAPPORT_TEST_CLICKHOUSE names one.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rapport::store::limits::Limits;
use rapport::store::server::ServerStore;
use rapport::store::server::address::{Login, ServerConfig};

use crate::double::{DATABASE, Data, Host, READER, WRITER};
use crate::engine;

/// What a server store needs while it is used.
pub enum Served {
    Double { _hosts: Vec<Host>, _data: Arc<Data> },
    Real { config: ServerConfig },
}

/// `http://user:password@host:8123`, whose user may make databases.
#[expect(clippy::disallowed_methods, reason = "tests on a real server run only where one is named")]
fn real() -> Option<String> {
    std::env::var("RAPPORT_TEST_CLICKHOUSE").ok()
}

/// An empty database.
pub fn open(limits: Limits) -> (ServerStore, Option<Served>) {
    let (config, served) = match real() {
        None => {
            let data = Data::new();
            let host = Host::start(&data, 0);
            let config = config(std::slice::from_ref(&host));
            (config, Served::Double { _hosts: vec![host], _data: data })
        }
        Some(address) => {
            let name = format!("rapport_{}_{}", std::process::id(), engine::next_name());
            let address = format!("{}/{name}", address.trim_end_matches('/'));
            let config =
                ServerConfig::parse(&address).expect("RAPPORT_TEST_CLICKHOUSE is http://user:password@host:8123");
            tell(&config, &format!("CREATE DATABASE {name}"));
            (config.clone(), Served::Real { config })
        }
    };
    (ServerStore::open(&config, limits).expect("certificates and random numbers"), Some(served))
}

/// How the double's hosts are spoken to.
pub fn config(hosts: &[Host]) -> ServerConfig {
    let login = |(user, password): (&str, &str)| Login { user: user.to_owned(), password: password.to_owned() };
    ServerConfig {
        hosts: hosts.iter().map(|host| format!("http://{}", host.address)).collect(),
        database: DATABASE.to_owned(),
        login: login(WRITER),
        reader: Some(login(READER)),
        ca_file: None,
    }
}

/// Tells a real server to do something, outside any database and without a runtime.
fn tell(config: &ServerConfig, statement: &str) {
    let host = config.hosts[0].strip_prefix("http://").expect("a real server is tested without TLS");
    let mut stream = TcpStream::connect(host).expect("the server is there");
    let Login { user, password } = &config.login;
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {host}\r\nX-ClickHouse-User: {user}\r\nX-ClickHouse-Key: {password}\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{statement}",
        statement.len()
    )
    .expect("it takes a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Self::Real { config } = self {
            tell(config, &format!("DROP DATABASE {}", config.database));
        }
    }
}
