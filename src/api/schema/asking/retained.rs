//! From when on the tenant's data is kept: what is older is gone, and silence there is no zero.

use chrono::{DateTime, SecondsFormat};

use super::Asking;
use crate::metrics::answer::{Line, Warning};
use crate::metrics::query::Question;
use crate::model::clock::Millis;

/// Code of the warning that a range begins before what is kept.
pub const RETENTION: &str = "RETENTION";

impl Asking {
    /// The instant from which on everything is kept; `None` where nothing is removed.
    pub fn retained_since(&self) -> Option<Millis> {
        self.ingest.retention().since(self.viewer.tenant(), self.now)
    }

    /// Warns of lines that begin before it.
    pub(super) fn warn_of_retention(&self, question: &Question, lines: &mut [Line]) {
        let Some(since) = self.retained_since() else { return };
        let shown =
            DateTime::from_timestamp_millis(since).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true);
        let message = format!("Data is kept from {shown} on; what is older is gone or incomplete.");
        for line in lines {
            let begins = line.point.as_ref().map_or(question.calendar.range().from(), |point| point.start);
            if begins < since {
                line.metrics.quality.warnings.push(Warning { code: RETENTION, message: message.clone() });
            }
        }
    }
}
