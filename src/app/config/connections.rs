//! `[[connections]]`: platforms whose webhooks are taken in, as written, and checked for form. Reads no file.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::ingest::connector::options::Options;
use crate::ingest::connector::{Accounts, PLATFORMS, Platform, platform};

/// One connection as written.
#[derive(Deserialize)]
pub struct WrittenConnection {
    name: String,
    platform: String,
    tenant: String,
    #[serde(default = "default_keep_days")]
    keep_days: u16,
    /// The account or accounts, and what the platform needs; each platform's connector knows its own.
    #[serde(flatten)]
    options: Map<String, Value>,
}

impl std::fmt::Debug for WrittenConnection {
    /// Without the options: there are secrets among them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WrittenConnection").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A connection whose form is in order.
#[derive(Clone, Debug)]
pub struct ConnectionConfig {
    pub name: String,
    pub platform: &'static Platform,
    pub tenant: String,
    pub accounts: Accounts,
    pub keep_days: u16,
    pub options: Options,
}

/// A month: long enough to see that a reading is wrong and to mend it.
fn default_keep_days() -> u16 {
    30
}

/// Ten years, as the audit log.
const KEEP_DAYS_MAX: u16 = 3_660;

const NAME_CHARS_MAX: usize = 64;

/// The connections in the order in which they are written.
///
/// # Errors
/// When one could not be told from another, or says nothing that its platform could be known by.
pub fn parse(written: Vec<WrittenConnection>) -> Result<Vec<ConnectionConfig>, ConnectionsConfigError> {
    let mut names = BTreeSet::new();
    written
        .into_iter()
        .map(|written| {
            let connection = parse_one(written)?;
            match names.insert(connection.name.clone()) {
                true => Ok(connection),
                false => Err(ConnectionsConfigError::Taken { name: connection.name }),
            }
        })
        .collect()
}

fn parse_one(written: WrittenConnection) -> Result<ConnectionConfig, ConnectionsConfigError> {
    let WrittenConnection { name, platform: platform_name, tenant, keep_days, mut options } = written;
    let is_name = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || "-_".contains(char);
    if name.is_empty() || NAME_CHARS_MAX < name.len() || !name.chars().all(is_name) {
        return Err(ConnectionsConfigError::Name { name });
    }
    let Some(platform) = platform(&platform_name) else {
        let known = PLATFORMS.iter().map(|platform| platform.name).collect::<Vec<_>>().join(", ");
        return Err(ConnectionsConfigError::Platform { name, platform: platform_name, known });
    };
    if tenant.trim().is_empty() {
        return Err(ConnectionsConfigError::Tenant { name });
    }
    if KEEP_DAYS_MAX < keep_days {
        return Err(ConnectionsConfigError::KeepDays { name, keep_days, maximum: KEEP_DAYS_MAX });
    }
    let accounts = match (options.remove("account"), options.remove("accounts")) {
        (Some(one), None) => texts(&[one]),
        (None, Some(Value::Array(several))) => texts(&several),
        _ => None,
    };
    let Some(accounts) = accounts.and_then(Accounts::new) else {
        return Err(ConnectionsConfigError::Accounts { name });
    };
    Ok(ConnectionConfig { name, platform, tenant, accounts, keep_days, options: Options::new(options) })
}

fn texts(values: &[Value]) -> Option<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    };
    values.iter().map(text).collect()
}

/// What is wrong with `[[connections]]`.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionsConfigError {
    #[error(
        "a connection's `name` is `{name}`: it ends the address /webhooks/…, so give lower-case letters, digits, `-` and `_`, at most 64"
    )]
    Name { name: String },
    #[error("two connections have the name `{name}`")]
    Taken { name: String },
    #[error("the connection `{name}`: `platform` is `{platform}`; give one of {known}")]
    Platform { name: String, platform: String, known: String },
    #[error("the connection `{name}`: `tenant` is empty")]
    Tenant { name: String },
    #[error("the connection `{name}`: give `account` (one text) or `accounts` (a list): whose messages come by it")]
    Accounts { name: String },
    #[error("the connection `{name}`: `keep_days` is {keep_days}; give 0 to {maximum}")]
    KeepDays { name: String, keep_days: u16, maximum: u16 },
}
