//! What came and could not be stored: kept with its reason for a time, to be looked at and submitted again.
//!
//! Nothing is written where nothing is rejected. To keep a line never makes a request fail that would have succeeded, and nobody
//! fills the disk by sending nonsense: see [`budget`]. The table is written and read in [`stored`], what the engine refused is
//! written as an event again by [`row`], and [`resubmit`] takes kept lines in anew. Lines can hold what people wrote: nothing
//! of them is logged.

pub mod budget;
pub mod resubmit;
pub mod row;
pub mod stored;

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use self::budget::Budget;
use self::stored::Row;
use super::group::Groups;
use super::item::LINE_BYTES_MAX;
use super::raw;
use super::{IngestError, Origin};
use crate::model::clock::Millis;
use crate::store::Store;

/// Invalid lines of one request that are kept: as many as its receipt lists.
pub const KEPT_LINES_MAX: usize = 1_000;

/// Bytes of them, but for the last: 1,000 lines of 4 KiB, or four of the longest. Eight bodies at once, each three times in memory
/// on its way into the engine, are 120 MiB.
pub const KEPT_BYTES_MAX: usize = 4 << 20;

/// Days for which rejected lines are kept unless something else is configured.
pub const DAYS_DEFAULT: u16 = 30;

const DAY_SECONDS: i64 = 86_400;

/// Rows of one insert of rejected lines: those of ten requests.
const GROUP_ROWS_MAX: usize = 10 * KEPT_LINES_MAX;

/// How an event came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// As an event: by `POST /v1/events`, or from a file.
    #[default]
    Events,
    /// As the report of a send.
    Sends,
    /// From a platform, as an event that a connector made.
    Platform,
    /// From what was kept: of it nothing is kept again.
    Again,
}

impl Way {
    fn as_str(self) -> &'static str {
        match self {
            Self::Events => "EVENTS",
            Self::Sends => "SENDS",
            Self::Platform => "PLATFORM",
            Self::Again => "AGAIN",
        }
    }
}

/// Who did not take a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectedBy {
    /// We: it is no event, or breaks a rule.
    Rules,
    /// The engine: it took the batch without it and not with it.
    Engine,
}

impl RejectedBy {
    pub const ALL: [Self; 2] = [Self::Rules, Self::Engine];

    pub fn name(self) -> &'static str {
        match self {
            Self::Rules => "INVALID",
            Self::Engine => "REFUSED",
        }
    }

    pub fn definition(self) -> &'static str {
        match self {
            Self::Rules => "It is no event, or breaks a rule of events.",
            Self::Engine => "The store did not take it; its text is the event as it was read.",
        }
    }
}

/// A line that was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub id: Option<String>,
    pub code: &'static str,
    pub reason: String,
    /// As it came, whatever its length.
    pub text: Bytes,
}

/// What one request may still have kept.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    lines: usize,
    bytes: usize,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { lines: KEPT_LINES_MAX, bytes: KEPT_BYTES_MAX }
    }
}

impl Allowance {
    /// Leaves of the next lines those that are kept.
    pub fn cut(&mut self, lines: &mut Vec<Line>) {
        lines.retain(|line| {
            let is_kept = 0 < self.lines && 0 < self.bytes;
            if is_kept {
                self.lines -= 1;
                self.bytes = self.bytes.saturating_sub(line.text.len().min(LINE_BYTES_MAX));
            }
            is_kept
        });
    }
}

/// The way of rejected lines into one store.
pub struct Rejections {
    days: u16,
    budget: Budget,
    writes: Groups<Arc<Vec<Row>>, (), IngestError>,
}

impl Rejections {
    /// 0 days keeps nothing.
    pub fn keeping(days: u16) -> Self {
        Self { days, budget: Budget::default(), writes: Groups::of(GROUP_ROWS_MAX) }
    }

    /// Lines of a tenant that were not kept today, because it had had its budget.
    pub fn unkept_today(&self, tenant: &str, now: Millis) -> u64 {
        self.budget.unkept_today(tenant, now)
    }

    /// Returns when they are kept, or cannot be: how many are.
    pub async fn keep(&self, store: &dyn Store, origin: &Origin, by: RejectedBy, lines: &[Line], now: Millis) -> usize {
        if origin.way == Way::Again {
            // They are kept already.
            return lines.len();
        }
        if self.days == 0 || lines.is_empty() {
            return 0;
        }
        let received_at = origin.received_at.unwrap_or(now);
        let rows: Vec<Row> = lines
            .iter()
            .map(|line| self.row(origin, by, line, received_at))
            .filter(|row| self.budget.take(&origin.tenant, by, row.raw.len(), now))
            .collect();
        if rows.is_empty() {
            return 0;
        }
        let (weight, rows) = (rows.len(), Arc::new(rows));
        let write = async |groups: Vec<Arc<Vec<Row>>>| {
            let rows = stored::build(groups.iter().flat_map(|rows| rows.iter())).map_err(IngestError::Batch)?;
            store.insert(stored::TABLE, rows, None).await?;
            Ok(vec![(); groups.len()])
        };
        match self.writes.write(rows, weight, None, write).await {
            Ok(()) => weight,
            Err(error) => {
                // The sender is told the reasons all the same.
                tracing::warn!(tenant = origin.tenant, lines = weight, %error, "rejected lines could not be kept");
                0
            }
        }
    }

    fn row(&self, origin: &Origin, by: RejectedBy, line: &Line, received_at: Millis) -> Row {
        let days = match origin.raw_days {
            Some(days) if 0 < days => days.min(self.days),
            _ => self.days,
        };
        let (way, key) = (origin.way.as_str(), key(origin, by, &line.text));
        // A connection that keeps no payloads keeps no parts of them.
        let raw = if origin.raw_days == Some(0) { String::new() } else { raw::written(shorten(&line.text)) };
        Row {
            tenant: origin.tenant.clone(),
            key,
            connection: origin.connection.clone(),
            way,
            origin: by.name(),
            event_id: line.id.clone().unwrap_or_default(),
            code: line.code.to_owned(),
            reason: line.reason.clone(),
            is_whole: !raw.is_empty() && line.text.len() <= LINE_BYTES_MAX,
            raw,
            times_seen: 1,
            first_at: received_at,
            last_at: received_at,
            resubmitted_at: 0,
            outcome: 0,
            expires_at_seconds: received_at / 1_000 + i64::from(days) * DAY_SECONDS,
        }
    }
}

/// The same for the same text that came in the same way: 32 hexadecimal digits.
fn key(origin: &Origin, by: RejectedBy, text: &[u8]) -> String {
    let mut hash = Sha256::new();
    for part in [by.name(), origin.way.as_str(), &origin.connection] {
        hash.update(part.as_bytes());
        // In no part.
        hash.update(b"\0");
    }
    hash.update(text);
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As much as the longest line has; no letter is cut in two.
fn shorten(text: &[u8]) -> &[u8] {
    let Some(start) = text.get(..LINE_BYTES_MAX) else { return text };
    match std::str::from_utf8(start) {
        // A letter that goes on behind the cut.
        Err(error) if error.error_len().is_none() => &start[..error.valid_up_to()],
        Ok(_) | Err(_) => start,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: usize) -> Line {
        Line { id: None, code: "MISSING", reason: String::new(), text: vec![b'x'; bytes].into() }
    }

    #[test]
    fn a_request_has_a_thousand_lines_or_four_mebibytes_kept() {
        let mut allowance = Allowance::default();
        let mut lines = vec![line(10); 600];
        allowance.cut(&mut lines);
        assert_eq!(lines.len(), 600);
        let mut lines = vec![line(10); 600];
        allowance.cut(&mut lines);
        assert_eq!(lines.len(), 400);
        // Longer than is kept of a line, so each counts for the most of one.
        let mut lines = vec![line(LINE_BYTES_MAX + 7); 20];
        Allowance::default().cut(&mut lines);
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn a_line_has_the_same_key_whenever_it_comes_in_the_same_way() {
        let origin = Origin { tenant: "acme".to_owned(), ..Origin::default() };
        let by_max = Origin { connection: "max".to_owned(), ..origin.clone() };
        let as_report = Origin { way: Way::Sends, ..by_max.clone() };
        let first = key(&origin, RejectedBy::Rules, b"text");
        assert_eq!(first, key(&Origin { received_at: Some(5), ..origin.clone() }, RejectedBy::Rules, b"text"));
        let others = [
            key(&origin, RejectedBy::Rules, b"Text"),
            key(&origin, RejectedBy::Engine, b"text"),
            key(&by_max, RejectedBy::Rules, b"text"),
            key(&as_report, RejectedBy::Rules, b"text"),
        ];
        assert!(first.len() == 32 && others.iter().all(|other| *other != first), "{first} {others:?}");
    }

    #[test]
    fn a_long_line_is_cut_between_letters() {
        let long = "ж".repeat(LINE_BYTES_MAX);
        assert_eq!(shorten(long.as_bytes()).len(), LINE_BYTES_MAX);
        let odd = format!("x{long}");
        assert_eq!(shorten(odd.as_bytes()).len(), LINE_BYTES_MAX - 1);
        assert_eq!(shorten(b"short"), b"short");
    }
}
