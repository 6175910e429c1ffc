//! Configuration of the queue between the API and the store. It reads no files.

use std::path::PathBuf;

use serde::Deserialize;

use crate::queue::QueueConfig;

use super::list::{List, Number};

/// Variables of this prefix, and `NATS` itself, which names the servers, are keys of `[queue]`.
const PREFIX: &str = "nats";

/// Two years: as long as anything is promised to be kept.
const DEAD_DAYS_MAX: u16 = 731;

/// `[queue]`, as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenQueue {
    servers: List,
    credentials: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    stream: Option<String>,
    replicas: Option<Number>,
    max_gib: Option<Number>,
    dead_days: Option<Number>,
}

/// The key of a variable: its own, or one of `[queue]`.
pub(super) fn key(variable: String) -> String {
    match variable.strip_prefix(PREFIX) {
        Some("") => "queue.servers".to_owned(),
        Some(rest) => rest.strip_prefix('_').map_or(variable.clone(), |name| format!("queue.{name}")),
        None => variable,
    }
}

/// `None` where there is no queue.
///
/// # Errors
/// When a value cannot be what it stands for, or there is a queue without servers.
pub(super) fn parse(written: WrittenQueue) -> Result<Option<QueueConfig>, QueueConfigError> {
    let WrittenQueue { servers, credentials, ca_file, stream, replicas, max_gib, dead_days } = written;
    if servers.0.is_empty() {
        let numbers = [&replicas, &max_gib, &dead_days].map(Option::is_some);
        let others = [credentials.is_some(), ca_file.is_some(), stream.is_some(), numbers.contains(&true)];
        return if others.contains(&true) { Err(QueueConfigError::NoServers) } else { Ok(None) };
    }
    for server in &servers.0 {
        let rest = server.strip_prefix("nats://").or_else(|| server.strip_prefix("tls://"));
        if rest.is_none_or(str::is_empty) {
            return Err(QueueConfigError::Server { server: without_secret(server) });
        }
        if rest.is_some_and(|rest| rest.contains('@')) {
            return Err(QueueConfigError::SecretInServer { server: without_secret(server) });
        }
    }
    let mut config = QueueConfig::at(servers.0);
    config.credentials = credentials;
    config.ca_file = ca_file;
    if let Some(stream) = stream {
        let is_name = |name: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            (1..=32).contains(&name.len()) && name.bytes().all(fits)
        };
        if !is_name(&stream) {
            return Err(QueueConfigError::Stream { stream });
        }
        config.stream = stream;
    }
    if let Some(Number(replicas)) = replicas {
        let count = replicas.parse().ok().filter(|count| [1, 3, 5].contains(count));
        config.replicas = count.ok_or(QueueConfigError::Replicas { replicas })?;
    }
    if let Some(gib) = max_gib {
        let count = gib.within(1..=u16::MAX).map_err(|gib| QueueConfigError::MaxGib { gib })?;
        config.bytes_max = i64::from(count) << 30;
    }
    if let Some(days) = dead_days {
        let count = days.within(1..=DEAD_DAYS_MAX).map_err(|days| QueueConfigError::DeadDays { days })?;
        config.aside_age = QueueConfig::days(count);
    }
    Ok(Some(config))
}

/// What stands before an `@` is a password.
fn without_secret(server: &str) -> String {
    match server.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => server.to_owned(),
    }
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum QueueConfigError {
    #[error("`[queue]` has no `servers`: name them there or in RAPPORT_NATS, such as nats://127.0.0.1:4222")]
    NoServers,
    #[error("`servers` of `[queue]` has `{server}`: give nats://host:4222 or tls://host:4222")]
    Server { server: String },
    #[error(
        "`servers` of `[queue]` has `{server}` with a password: put it into a file and name that in RAPPORT_NATS_CREDENTIALS"
    )]
    SecretInServer { server: String },
    #[error("`stream` of `[queue]` is `{stream}`: give at most 32 letters, digits, `_` and `-`")]
    Stream { stream: String },
    #[error("`replicas` of `[queue]` is `{replicas}`: give 1, 3 or 5")]
    Replicas { replicas: String },
    #[error("`dead_days` of `[queue]` is `{days}`: give a whole number from 1 to {DEAD_DAYS_MAX}")]
    DeadDays { days: String },
    #[error("`max_gib` of `[queue]` is `{gib}`: give a whole number from 1 to 65535")]
    MaxGib { gib: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<Option<QueueConfig>, String> {
        let written: WrittenQueue = toml::from_str(toml).map_err(|error| error.to_string())?;
        parse(written).map_err(|error| error.to_string())
    }

    #[test]
    fn a_queue_is_there_when_its_servers_are_named() {
        assert_eq!(read("").unwrap(), None);
        let config = read("servers = 'nats://a:4222, tls://b:4222'\nreplicas = '3'\nmax_gib = 2\ndead_days = '7'")
            .unwrap()
            .unwrap();
        assert_eq!(config.servers, ["nats://a:4222", "tls://b:4222"]);
        assert_eq!((config.replicas, config.bytes_max, config.stream.as_str()), (3, 2 << 30, "RAPPORT"));
        assert_eq!(config.aside_age, QueueConfig::days(7));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (toml, expect) in [
            ("stream = 'X'", "`[queue]` has no `servers`"),
            ("servers = 'localhost:4222'", "`localhost:4222`: give nats://host:4222"),
            ("servers = 'nats://'", "give nats://host:4222"),
            ("servers = 'nats://me:hunter2@host:4222'", "`…@host:4222` with a password"),
            ("servers = 'me:hunter2@host'", "`…@host`: give"),
            ("servers = 'nats://a'\nstream = 'a.b'", "`a.b`: give at most 32 letters"),
            ("servers = 'nats://a'\nreplicas = 2", "`2`: give 1, 3 or 5"),
            ("servers = 'nats://a'\nmax_gib = 0", "`0`: give a whole number"),
            ("servers = 'nats://a'\ndead_days = 0", "`0`: give a whole number from 1 to 731"),
            ("dead_days = 5", "`[queue]` has no `servers`"),
            ("server = 'nats://a'", "unknown field"),
        ] {
            let error = read(toml).expect_err(toml);
            assert!(error.contains(expect) && !error.contains("hunter2"), "{toml}: {error}");
        }
    }

    #[test]
    fn variables_of_the_queue_are_keys_of_its_table() {
        let key = |variable: &str| key(variable.to_owned());
        assert_eq!(
            [key("nats"), key("nats_ca_file"), key("listen"), key("natsx")],
            ["queue.servers", "queue.ca_file", "listen", "natsx"]
        );
    }
}
