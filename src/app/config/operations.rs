//! Configuration of backups and of the server's end. It opens nothing.

use std::path::PathBuf;
use std::time::Duration;

use super::list::Number;

/// Longer than any balancer needs to look; what starts a service seldom waits longer for its end.
const STOP_NOTICE_SECONDS_MAX: u64 = 60;

/// What was said about operating it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationsConfig {
    /// Where backups are put; none are made over HTTP without it.
    pub backup_dir: Option<PathBuf>,
    /// How long readiness says "stopping" before no connection is accepted any more.
    pub stop_notice: Duration,
}

impl OperationsConfig {
    /// # Errors
    /// When the seconds are no number, or too many.
    pub fn new(backup_dir: Option<PathBuf>, seconds: Option<Number>) -> Result<Self, OperationsConfigError> {
        let stop_notice = match seconds {
            None => 0,
            Some(seconds) => seconds
                .within(0..=STOP_NOTICE_SECONDS_MAX)
                .map_err(|seconds| OperationsConfigError::StopNotice { seconds })?,
        };
        Ok(Self { backup_dir, stop_notice: Duration::from_secs(stop_notice) })
    }
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum OperationsConfigError {
    #[error("`stop_notice_seconds` is `{seconds}`: give a number of seconds from 0 to {STOP_NOTICE_SECONDS_MAX}")]
    StopNotice { seconds: String },
}
