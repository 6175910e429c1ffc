//! Open time as a table of few numbers, which the engine searches for each row.
//!
//! B(t), the open milliseconds until `t`, is that of the last boundary at or before `t`, and the time since then if it
//! is open there. The open time between two instants is the difference. Without business hours B(t) = t.

use std::fmt::Write;

use crate::model::clock::Millis;

/// Two intervals a day, six days a week, are 1,250 boundaries a year: 40 years. As texts they have 1.5 MB, and the
/// engine takes statements of 4 MiB.
pub const BOUNDARIES_MAX: usize = 50_000;

/// An instant from which on it is open, or closed, until the next boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boundary {
    pub at: Millis,
    pub is_open: bool,
    /// Open milliseconds from the first boundary until this one.
    pub open_ms: i64,
}

/// Where opening and closing times are, for one range. It is closed after the end of the range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundaries {
    // Invariant: not empty; `at` grows strictly.
    list: Vec<Boundary>,
}

impl Boundaries {
    /// Open at all times.
    pub fn always() -> Self {
        Self { list: vec![Boundary { at: 0, is_open: true, open_ms: 0 }] }
    }

    /// `spans` are in order, disjoint, not adjacent, and begin at `from` or later.
    pub(super) fn of_spans(from: Millis, spans: &[(Millis, Millis)]) -> Self {
        let mut list = Vec::with_capacity(2 * spans.len() + 1);
        if spans.first().is_none_or(|(start, _)| from < *start) {
            list.push(Boundary { at: from, is_open: false, open_ms: 0 });
        }
        let mut open_ms = 0;
        for &(start, end) in spans {
            list.push(Boundary { at: start, is_open: true, open_ms });
            open_ms += end - start;
            list.push(Boundary { at: end, is_open: false, open_ms });
        }
        Self { list }
    }

    pub fn list(&self) -> &[Boundary] {
        &self.list
    }

    /// B(t). An instant before the first boundary is not in the range; it has 0.
    pub fn open_ms_until(&self, at: Millis) -> i64 {
        let after = self.list.partition_point(|boundary| boundary.at <= at);
        let Some(last) = after.checked_sub(1).map(|index| self.list[index]) else {
            return 0;
        };
        last.open_ms + if last.is_open { at - last.at } else { 0 }
    }

    /// Open milliseconds in `[from, to)`, for `from <= to`.
    pub fn open_ms_between(&self, from: Millis, to: Millis) -> i64 {
        self.open_ms_until(to) - self.open_ms_until(from)
    }

    /// The instants, comma-separated: one bound text, which the engine splits.
    pub fn at_text(&self) -> String {
        self.text(|boundary| boundary.at)
    }

    /// 1 where it is open, else 0, in the order of the instants.
    pub fn is_open_text(&self) -> String {
        self.text(|boundary| i64::from(boundary.is_open))
    }

    /// The open milliseconds, in the order of the instants.
    pub fn open_ms_text(&self) -> String {
        self.text(|boundary| boundary.open_ms)
    }

    fn text(&self, number: fn(&Boundary) -> i64) -> String {
        let mut text = String::new();
        for boundary in &self.list {
            let comma = if text.is_empty() { "" } else { "," };
            let _ = write!(text, "{comma}{}", number(boundary));
        }
        text
    }
}

/// The range and the schedule together have too many opening and closing times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "from the beginning of the range until now the business hours open and close too often; the limit \
     `businessHoursBoundaries` is {BOUNDARIES_MAX}: take a later range"
)]
pub struct TooManyBoundaries;
