//! Configuration of the audit log: where it is kept and for how long. It opens nothing.

use std::path::{Path, PathBuf};

use super::list::Number;

/// The directory of the files, in the data directory, unless another is named.
const DIRECTORY: &str = "audit";

/// Ten years, which is longer than any period that we know to be asked for.
const DAYS_MAX: u32 = 3_660;

/// What is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditConfig {
    Off,
    On { directory: PathBuf, days: u32 },
}

impl AuditConfig {
    /// # Errors
    /// When a value is none of those that it can have.
    pub fn new(
        audit: Option<&str>,
        directory: Option<PathBuf>,
        days: Option<Number>,
        data_dir: &Path,
    ) -> Result<Self, AuditConfigError> {
        let days = match days {
            None => 90,
            Some(days) => days.within(1..=DAYS_MAX).map_err(|days| AuditConfigError::Days { days })?,
        };
        match audit {
            Some("off") => Ok(Self::Off),
            None | Some("on") => {
                Ok(Self::On { directory: directory.unwrap_or_else(|| data_dir.join(DIRECTORY)), days })
            }
            Some(audit) => Err(AuditConfigError::Audit { audit: audit.to_owned() }),
        }
    }
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum AuditConfigError {
    #[error("`audit` is `{audit}`: give `on` or `off`")]
    Audit { audit: String },
    #[error("`audit_days` is `{days}`: give a number of days from 1 to {DAYS_MAX}")]
    Days { days: String },
}
