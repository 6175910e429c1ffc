//! What came and could not be stored: kept with its reason for a time, to be looked at and submitted again.
//!
//! Nothing is written where nothing is rejected. To keep a line never makes a request fail that would have succeeded,
//! and nobody fills the disk by sending nonsense: see [`budget`]. The table is written and read in [`stored`], what the
//! engine refused is written as an event again by [`row`], and [`resubmit`] takes kept lines in anew, or, where they
//! are stored and only not counted, [`mod@recount`]. Lines can hold what people wrote: nothing of them is logged.

pub mod budget;
mod recount;
pub mod resubmit;
pub mod row;
pub mod stored;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use self::budget::Budget;
use self::stored::{Head, Row};
use super::group::Groups;
use super::item::LINE_BYTES_MAX;
use super::raw;
use super::{IngestError, Origin};
use crate::model::Clock;
use crate::model::clock::{DAY_SECONDS, Millis};
use crate::model::hex;
use crate::store::Store;

/// Invalid lines of one request that are kept: as many as its receipt lists.
pub const KEPT_LINES_MAX: usize = 1_000;

/// Bytes of them, but for the last: 1,000 lines of 4 KiB, or four of the longest. Eight bodies at once, each three times in memory
/// on its way into the engine, are 120 MiB.
pub const KEPT_BYTES_MAX: usize = 4 << 20;

/// Days for which rejected lines are kept unless something else is configured.
pub const DAYS_DEFAULT: u16 = 30;

/// Rows of one insert of rejected lines: those of ten requests.
const GROUP_ROWS_MAX: usize = 10 * KEPT_LINES_MAX;

/// How an event came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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

    /// What a later version wrote is submitted as an event.
    fn parse(name: &str) -> Self {
        [Self::Sends, Self::Platform].into_iter().find(|way| way.as_str() == name).unwrap_or_default()
    }
}

/// Who did not take a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectedBy {
    /// We: it is no event, or breaks a rule.
    Rules,
    /// The engine: it took the batch without it and not with it.
    Engine,
    /// A table that follows from events: the log has it, and no figure does.
    Views,
}

impl RejectedBy {
    pub const ALL: [Self; 3] = [Self::Rules, Self::Engine, Self::Views];

    pub fn name(self) -> &'static str {
        match self {
            Self::Rules => "INVALID",
            Self::Engine => "REFUSED",
            Self::Views => "UNCOUNTED",
        }
    }

    pub fn definition(self) -> &'static str {
        match self {
            Self::Rules => "It is no event, or breaks a rule of events.",
            Self::Engine => "The store did not take it; its text is the event as it was read.",
            Self::Views => "The store has it and could not count it; submitted again it is counted.",
        }
    }

    fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|by| by.name() == name).unwrap_or(Self::Rules)
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
    /// The text of the next line, if it is kept.
    pub fn take(&mut self, text: impl FnOnce() -> Bytes) -> Option<Bytes> {
        if self.lines == 0 || self.bytes == 0 {
            return None;
        }
        let text = text();
        self.lines -= 1;
        self.bytes = self.bytes.saturating_sub(text.len().min(LINE_BYTES_MAX));
        Some(text)
    }

    /// Leaves of the next lines those that are kept.
    pub fn cut(&mut self, lines: &mut Vec<Line>) {
        lines.retain(|line| self.take(|| line.text.clone()).is_some());
    }
}

/// The way of rejected lines into one store.
pub struct Rejections {
    days: u16,
    clock: Arc<dyn Clock>,
    budget: Budget,
    writes: Groups<Arc<Vec<Row>>, (), IngestError>,
    /// Whose turn it is to submit lines again, by tenant. There are as many as tokens are issued for.
    turns: Mutex<HashMap<String, Arc<Turn<()>>>>,
}

impl Rejections {
    /// 0 days keeps nothing.
    pub fn keeping(days: u16, clock: Arc<dyn Clock>) -> Self {
        let writes = Groups::of(GROUP_ROWS_MAX);
        Self { days, clock, budget: Budget::default(), writes, turns: Mutex::default() }
    }

    /// Waits until nobody else submits lines of the tenant again: each submission holds all of their texts.
    async fn turn_of(&self, tenant: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(tenant.to_owned()).or_default())
        };
        turn.lock_owned().await
    }

    /// Lines of a tenant that were not kept today, because it had had its budget.
    pub fn unkept_today(&self, tenant: &str, now: Millis) -> u64 {
        self.budget.unkept_today(tenant, now)
    }

    /// Returns when they are kept, or cannot be: how many are.
    pub async fn keep(&self, store: &dyn Store, origin: &Origin, by: RejectedBy, lines: &[Line]) -> usize {
        self.keep_each(store, by, lines.iter().map(|line| (origin, line))).await
    }

    /// The same for lines of which each came in its own way.
    pub async fn keep_each<'a>(
        &self,
        store: &dyn Store,
        by: RejectedBy,
        lines: impl Iterator<Item = (&'a Origin, &'a Line)>,
    ) -> usize {
        let (rows, kept_already) = self.chosen(by, lines);
        if rows.is_empty() {
            return kept_already;
        }
        let (weight, rows) = (rows.len(), Arc::new(rows));
        let write = async |groups: Vec<Arc<Vec<Row>>>| {
            let rows = stored::build(groups.iter().flat_map(|rows| rows.iter())).map_err(IngestError::Batch)?;
            store.insert(stored::TABLE, rows, None).await?;
            Ok(vec![(); groups.len()])
        };
        match self.writes.write(rows, weight, None, write).await {
            Ok(()) => kept_already + weight,
            Err(error) => {
                // The sender is told the reasons all the same.
                tracing::warn!(lines = weight, %error, "rejected lines could not be kept");
                kept_already
            }
        }
    }

    /// The rows of those lines that are kept now, and how many are kept already.
    fn chosen<'a>(&self, by: RejectedBy, lines: impl Iterator<Item = (&'a Origin, &'a Line)>) -> (Vec<Row>, usize) {
        // A line can have arrived on another day; what it takes it takes today.
        let now = self.clock.now();
        let mut kept_already = 0;
        let mut rows: Vec<Row> = Vec::new();
        for (origin, line) in lines {
            if origin.way == Way::Again {
                kept_already += 1;
                continue;
            }
            let row = self.row(origin, by, line, origin.received_at.unwrap_or(now));
            if self.days != 0 && self.budget.take(&origin.tenant, by, row.raw.len(), now) {
                rows.push(row);
            }
        }
        (rows, kept_already)
    }

    fn row(&self, origin: &Origin, by: RejectedBy, line: &Line, received_at: Millis) -> Row {
        let written = || raw::written(shorten(&line.text));
        let (days, raw, reason) = match origin.raw_days {
            // A connection that keeps no payloads keeps no parts of them, and that something came as long as of any
            // payload.
            Some(0) => (raw::COUNTED_DAYS.min(self.days), String::new(), raw::without_values(&line.reason)),
            Some(days) => (days.min(self.days), written(), line.reason.clone()),
            None => (self.days, written(), line.reason.clone()),
        };
        let head = Head {
            key: key(origin, by, &line.text),
            connection: origin.connection.clone(),
            way: origin.way,
            by,
            event_id: line.id.clone().unwrap_or_default(),
            code: line.code.to_owned(),
            reason,
            raw_bytes: raw.len() as u64,
            is_whole: !raw.is_empty() && line.text.len() <= LINE_BYTES_MAX,
            times_seen: 1,
            first_at: received_at,
            last_at: received_at,
            resubmitted_at: None,
            outcome: None,
            expires_at_seconds: received_at / 1_000 + i64::from(days) * DAY_SECONDS,
        };
        Row { tenant: origin.tenant.clone(), raw, head }
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
    hex(&hash.finalize()[..16])
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

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Millis {
            0
        }
    }

    #[test]
    fn of_a_connection_that_keeps_no_payloads_no_value_is_kept_and_nothing_for_long() {
        let rejections = Rejections::keeping(365, Arc::new(Noon));
        let line = Line { reason: "unknown kind \"+49151\"".to_owned(), ..line(10) };
        let row = |raw_days| {
            let origin = Origin { raw_days, ..Origin::default() };
            let Row { raw, head, .. } = rejections.row(&origin, RejectedBy::Rules, &line, 0);
            (raw.len(), head.reason, head.expires_at_seconds / DAY_SECONDS)
        };
        assert_eq!(row(Some(0)), (0, "unknown kind \"…\"".to_owned(), 30));
        assert_eq!(row(Some(7)), (10, line.reason.clone(), 7));
        assert_eq!(row(None), (10, line.reason.clone(), 365));
    }

    #[test]
    fn a_line_of_another_day_does_not_begin_the_days_budget_anew() {
        let rejections = Rejections::keeping(30, Arc::new(Noon));
        let of = |received_at| Origin { received_at: Some(received_at), ..Origin::default() };
        let (yesterday, today) = (of(-DAY_SECONDS * 1_000), of(0));
        let line = line(LINE_BYTES_MAX);
        let lines = [(&yesterday, &line), (&today, &line)].into_iter().cycle().take(70);
        assert_eq!(rejections.chosen(RejectedBy::Rules, lines).0.len(), 63);
        assert_eq!(rejections.unkept_today("", 0), 7);
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
