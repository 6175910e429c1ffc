//! The configured issuers, made ready to check tokens, and what `doctor` says of them.

use std::sync::Arc;

use anyhow::{Context, Result};

use crate::auth::issuer::{KeySource, Others};
use crate::auth::{Issuer, IssuerConfig};
use crate::model::{Clock, SystemClock};

/// Reads the files of keys. Keys behind an address are on their way when this returns, and `serve` does not wait for them.
///
/// # Errors
/// When a file cannot be read or holds what cannot be used.
pub fn open(configured: &[IssuerConfig], clock: &Arc<dyn Clock>) -> Result<Vec<Issuer>> {
    let mut issuers = Vec::new();
    for config in configured {
        let issuer = open_one(config, Arc::clone(clock))?;
        issuer.fetch_ahead();
        issuers.push(issuer);
    }
    Ok(issuers)
}

/// A line about an issuer: its keys, which are fetched once, and for whom it may speak.
///
/// # Errors
/// When its keys cannot be had.
pub async fn examine(config: &IssuerConfig) -> Result<String> {
    let issuer = open_one(config, Arc::new(SystemClock))?;
    let keys = issuer.describe_keys().await.with_context(|| in_words(config))?;
    let tenant = match &config.rules.tenant {
        Some(tenant) => format!("speaks for the tenant {tenant} alone"),
        None => format!("speaks for the tenant in `{}`", config.rules.paths.tenant),
    };
    let others = match config.audience.others {
        Others::Refused => "",
        Others::Allowed => " among others",
    };
    Ok(format!("{}: {keys}; audience {}{others}; {tenant}", config.issuer, config.audience.name))
}

fn open_one(config: &IssuerConfig, clock: Arc<dyn Clock>) -> Result<Issuer> {
    Issuer::open(config.clone(), clock).with_context(|| in_words(config))
}

fn in_words(config: &IssuerConfig) -> String {
    let place = match &config.keys {
        KeySource::Url { url, .. } => format!(" from {url}"),
        KeySource::JwksFile(_) | KeySource::PublicKeyFile(_) => String::new(),
    };
    format!("the keys of the issuer {} cannot be had{place}", config.issuer)
}
