//! `[[retention]]` of the configuration: how long a tenant's data is kept. It removes nothing.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Config;
use crate::ingest::retention::Keeping;
use crate::model::retention::{Keep, Retention};

/// Ten years, as for the audit log.
const DAYS_MAX: u16 = 3_660;

/// All tenants that have no entry of their own.
const OTHERS: &str = "*";

/// An entry, as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenRetention {
    tenant: String,
    history: Option<String>,
    log: Option<String>,
}

impl Config {
    /// For how long what comes in is kept.
    pub fn keeping(&self) -> Keeping {
        Keeping { rejected_days: self.rejected_days, retention: self.retention.clone() }
    }
}

/// # Errors
/// When an entry names nobody, a tenant twice, or days that cannot be.
pub fn parse(written: Vec<WrittenRetention>) -> Result<Retention, RetentionConfigError> {
    let mut of_tenants: BTreeMap<String, Option<Keep>> = BTreeMap::new();
    for WrittenRetention { tenant, history, log } in written {
        if tenant.trim().is_empty() {
            return Err(RetentionConfigError::NoTenant);
        }
        let days = |name, value: Option<String>| value.map(|value| days(&tenant, name, value)).transpose();
        let keep = match (days("history", history)?, days("log", log)?) {
            (None, None) => None,
            (None, Some(_)) => return Err(RetentionConfigError::LogAlone { tenant }),
            (Some(history), log) => match Keep::new(history, log) {
                Some(keep) => Some(keep),
                None => return Err(RetentionConfigError::LogTooShort { tenant, history }),
            },
        };
        if of_tenants.insert(tenant.clone(), keep).is_some() {
            return Err(RetentionConfigError::Twice { tenant });
        }
    }
    let of_others = of_tenants.remove(OTHERS).flatten();
    Ok(Retention::new(of_tenants, of_others))
}

/// `730d`.
fn days(tenant: &str, name: &'static str, value: String) -> Result<u16, RetentionConfigError> {
    let number = value.trim().strip_suffix('d').and_then(|days| days.parse().ok());
    let fits = number.filter(|days| (1..=DAYS_MAX).contains(days));
    fits.ok_or_else(|| RetentionConfigError::Days { tenant: tenant.to_owned(), name, value })
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum RetentionConfigError {
    #[error("`tenant` of a `[[retention]]` is empty: name a tenant, or `*` for all that have no entry of their own")]
    NoTenant,
    #[error("`[[retention]]` has the tenant `{tenant}` twice: leave one of them")]
    Twice { tenant: String },
    #[error(
        "`{name}` of the `[[retention]]` of `{tenant}` is `{value}`: give days from 1d to {DAYS_MAX}d, such as 730d"
    )]
    Days { tenant: String, name: &'static str, value: String },
    #[error(
        "the `[[retention]]` of `{tenant}` has `log` and no `history`: the log of events knows what was sent already, and must \
         be kept as long as what is counted; give `history` too"
    )]
    LogAlone { tenant: String },
    #[error(
        "`log` of the `[[retention]]` of `{tenant}` is shorter than its `history`: the log of events knows what was sent \
         already; give at least {history}d, or leave it out"
    )]
    LogTooShort { tenant: String, history: u16 },
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format, Toml};

    use super::*;

    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        retention: Vec<WrittenRetention>,
    }

    fn read(toml: &str) -> Result<Retention, String> {
        let file: File = Figment::new().merge(Toml::string(toml)).extract().map_err(|error| error.to_string())?;
        parse(file.retention).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_removed_unless_it_is_configured() {
        assert!(read("").unwrap().is_for_ever());
        let retention = read(
            "[[retention]]\ntenant = 'acme'\nhistory = '30d'\nlog = '400d'\n[[retention]]\ntenant = '*'\nhistory = '730d'",
        )
        .unwrap();
        assert_eq!(retention.of("acme"), Keep::new(30, Some(400)));
        assert_eq!(retention.of("other"), Keep::new(730, None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (entry, expect) in [
            ("tenant = ''", "`tenant` of a `[[retention]]` is empty"),
            (
                "tenant = 'a'\nhistory = '2y'",
                "`history` of the `[[retention]]` of `a` is `2y`: give days from 1d to 3660d",
            ),
            ("tenant = 'a'\nhistory = '0d'", "is `0d`"),
            ("tenant = 'a'\nhistory = '9d'\nlog = '3661d'", "`log` of the `[[retention]]` of `a` is `3661d`"),
            ("tenant = 'a'\nlog = '9d'", "has `log` and no `history`"),
            ("tenant = 'a'\nhistory = '9d'\nlog = '8d'", "is shorter than its `history`"),
            ("tenant = 'a'\n[[retention]]\ntenant = 'a'", "has the tenant `a` twice"),
            ("tenant = 'a'\ndays = 3", "unknown field: found `days`"),
        ] {
            let error = read(&format!("[[retention]]\n{entry}")).expect_err(entry);
            assert!(error.contains(expect), "{entry}: {error}");
        }
    }
}
