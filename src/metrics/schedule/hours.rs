//! When the versions of a schedule are open.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;

use super::boundaries::{BOUNDARIES_MAX, Boundaries, TooManyBoundaries};
use super::{Interval, Schedule};
use crate::metrics::calendar::instant_of;
use crate::model::clock::Millis;

/// Versions of a tenant: a change every week for ten years, rounded down.
pub const VERSIONS_MAX: usize = 500;

/// A schedule and from when on it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub valid_from: Millis,
    pub set_at: Millis,
    /// The token's `sub`. It is kept for the tenant's own audits and shown to nobody.
    pub set_by: String,
    pub schedule: Schedule,
}

/// All versions that a tenant has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusinessHours {
    // Invariant: not empty; in the order of `valid_from`, then of `set_at`.
    versions: Vec<Version>,
}

impl BusinessHours {
    /// None when there are no versions. Of two with the same times the one that stands later in the list wins.
    pub fn new(mut versions: Vec<Version>) -> Option<Self> {
        versions.sort_by_key(|version| (version.valid_from, version.set_at));
        (!versions.is_empty()).then_some(Self { versions })
    }

    /// Every version, the one that is valid from the latest instant first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Version> {
        self.versions.iter().rev()
    }

    pub fn into_versions(self) -> Vec<Version> {
        self.versions
    }

    /// The version that holds at an instant: the latest that is valid from then or before, else the first one.
    pub fn in_force_at(&self, at: Millis) -> &Version {
        let begun = self.versions.partition_point(|version| version.valid_from <= at);
        let first = self.versions[0].valid_from;
        let index = match begun {
            0 => self.versions.partition_point(|version| version.valid_from <= first),
            begun => begun,
        };
        &self.versions[index - 1]
    }

    /// When it is open in `[from, to)`: in order, disjoint, adjacent ones merged.
    pub fn open_spans(&self, from: Millis, to: Millis) -> Vec<(Millis, Millis)> {
        self.some_spans(from, to, usize::MAX)
    }

    /// What the engine gets to count the open milliseconds between two instants of `[from, to)`.
    ///
    /// # Errors
    /// When there would be more than [`BOUNDARIES_MAX`].
    pub fn boundaries(&self, from: Millis, to: Millis) -> Result<Boundaries, TooManyBoundaries> {
        let spans_max = (BOUNDARIES_MAX - 1) / 2;
        let spans = self.some_spans(from, to, spans_max + 1);
        if spans_max < spans.len() {
            return Err(TooManyBoundaries);
        }
        Ok(Boundaries::of_spans(from, &spans))
    }

    /// The first spans, and no work for those after them.
    fn some_spans(&self, from: Millis, to: Millis, count: usize) -> Vec<(Millis, Millis)> {
        let mut spans = Vec::new();
        let mut start = from;
        while start < to && spans.len() < count {
            let version = self.in_force_at(start);
            // Before the first version this cuts at its beginning, where the same version goes on and the spans merge.
            let after = self.versions.partition_point(|next| next.valid_from <= start);
            let end = self.versions.get(after).map_or(to, |next| next.valid_from.min(to));
            add_spans(&version.schedule, start, end, count, &mut spans);
            start = end;
        }
        spans
    }
}

/// Adds when a schedule is open in `[from, to)`, cut at both ends, to spans that end at `from` or before.
fn add_spans(schedule: &Schedule, from: Millis, to: Millis, count: usize, spans: &mut Vec<(Millis, Millis)>) {
    let zone = schedule.zone();
    // No interval is longer than a day, so one that reaches into the first day began at most a day before it.
    let before = local_date(zone, from).pred_opt();
    // `instant_of` never goes back when local time goes on, so the spans come in the order in which they begin.
    let mut next = before;
    let last = local_date(zone, to - 1);
    while let Some(date) = next.filter(|date| *date <= last && spans.len() < count) {
        for interval in schedule.intervals_on(date) {
            let (start, end) = interval.instants(zone, date);
            add_span(start.max(from), end.min(to), spans);
        }
        next = date.succ_opt();
    }
}

fn add_span(start: Millis, end: Millis, spans: &mut Vec<(Millis, Millis)>) {
    if end <= start {
        return;
    }
    match spans.last_mut() {
        Some(last) if start <= last.1 => last.1 = last.1.max(end),
        _ => spans.push((start, end)),
    }
}

impl Interval {
    fn instants(self, zone: Tz, date: NaiveDate) -> (Millis, Millis) {
        let midnight = date.and_time(NaiveTime::MIN);
        let at = |minutes| {
            let local = midnight.checked_add_signed(TimeDelta::minutes(minutes));
            instant_of(zone, local.unwrap_or(midnight))
        };
        (at(self.from), at(self.to))
    }
}

fn local_date(zone: Tz, at: Millis) -> NaiveDate {
    DateTime::from_timestamp_millis(at).unwrap_or_default().with_timezone(&zone).date_naive()
}
