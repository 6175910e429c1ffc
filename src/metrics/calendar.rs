//! Local time: where days begin, which hour an instant falls in, how a range divides into steps.
//!
//! One calendar serves Rust and SQL: the zone's offsets inside the range travel to the engine as bound numbers, so
//! that both sides cut every bucket at the same instant and no second time zone database has a say.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::period;
use crate::model::clock::{DAY_MS, Millis};
use crate::model::{Granularity, TimeRange};
use crate::sql::Sql;

pub const HOUR_MS: i64 = 3_600_000;

/// A range of time as a zone's clocks show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    range: TimeRange,
    zone: Tz,
    // Invariant: not empty; the first begins at or before `range.from()`; offsets of neighbours differ.
    spans: Vec<Span>,
    /// What the range was called, when it ends at the present and moves with it.
    moving: Option<Moving>,
}

/// `{last: …}`, or what is compared with it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Moving {
    last: String,
    compared: Option<Comparison>,
}

/// A time during which the zone's offset does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: Millis,
    offset_ms: i64,
}

/// A step of a series, cut at the ends of the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// What the engine calls it: see [`Calendar::bucket`].
    pub key: i64,
    pub start: Millis,
    pub end: Millis,
}

impl Calendar {
    pub fn new(range: TimeRange, zone: Tz) -> Self {
        let mut spans = vec![Span { from: range.from(), offset_ms: offset_ms(zone, range.from()) }];
        // No zone changes its clocks twice within six hours, so each step holds one change at most.
        let mut at = range.from();
        while at < range.to() {
            let next = (at + 6 * HOUR_MS).min(range.to());
            let offset = offset_ms(zone, next);
            if offset != spans[spans.len() - 1].offset_ms {
                spans.push(Span {
                    from: first_instant(at, next, |instant| offset_ms(zone, instant) == offset),
                    offset_ms: offset,
                });
            }
            at = next;
        }
        Self { range, zone, spans, moving: None }
    }

    /// The same, called by the duration that ended at the present: see [`Calendar::at`].
    pub fn called(self, last: &str) -> Self {
        Self { moving: Some(Moving { last: last.to_owned(), compared: None }), ..self }
    }

    /// What the same words meant at another instant: `{last: "P30D"}` moves with the present, dates and instants stay.
    pub fn at(&self, now: Millis) -> Calendar {
        let Some(Moving { last, compared }) = &self.moving else {
            return self.clone();
        };
        // Both were possible once, so they are but at the end of time.
        let Ok(range) = period::last(last, self.zone, now) else {
            return self.clone();
        };
        let calendar = Calendar::new(range, self.zone).called(last);
        match compared {
            Some(by) => calendar.compared(*by).unwrap_or(calendar),
            None => calendar,
        }
    }

    pub fn range(&self) -> TimeRange {
        self.range
    }

    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The local time of a column of instants, in milliseconds since 1970-01-01 00:00 on the zone's clocks.
    pub fn local(&self, at: &'static str) -> Sql {
        let mut sql = Sql::new(at);
        sql.push(" + ");
        self.append_by_span(&mut sql, at, |span| span.offset_ms);
        sql
    }

    /// The key of the step that a column of instants falls in, given the column of its local time: for hours the instant
    /// at which the step starts, else the number of the local day, week or month.
    pub fn bucket(&self, every: Granularity, at: &'static str, local: &'static str) -> Sql {
        let mut sql = Sql::new("");
        match every {
            Granularity::Hour => {
                sql.push("greatest(").push(at).push(" - ").push(local).push(" % 3600000, ");
                self.append_by_span(&mut sql, at, |span| span.from);
                sql.push(")");
            }
            Granularity::Day => {
                sql.push("intDiv(").push(local).push(", 86400000)");
            }
            Granularity::Week => {
                sql.push("intDiv(intDiv(").push(local).push(", 86400000) + 3, 7)");
            }
            Granularity::Month => {
                sql.push("toInt64(toRelativeMonthNum(toDate32(toInt32(intDiv(").push(local).push(", 86400000)))))");
            }
        }
        sql
    }

    fn append_by_span(&self, sql: &mut Sql, at: &'static str, value: fn(&Span) -> i64) {
        let last = self.spans[self.spans.len() - 1];
        if self.spans.len() == 1 {
            sql.push("toInt64(").bind(value(&last)).push(")");
            return;
        }
        sql.push("multiIf(");
        for pair in self.spans.windows(2) {
            sql.push(at).push(" < ").bind(pair[1].from).push(", toInt64(").bind(value(&pair[0])).push("), ");
        }
        sql.push("toInt64(").bind(value(&last)).push("))");
    }

    fn span_at(&self, at: Millis) -> Span {
        let index = self.spans.partition_point(|span| span.from <= at);
        self.spans[index.saturating_sub(1)]
    }

    /// The same as [`Calendar::local`], here.
    pub fn local_ms(&self, at: Millis) -> i64 {
        at + self.span_at(at).offset_ms
    }

    /// The same as [`Calendar::bucket`], here.
    pub fn bucket_key(&self, every: Granularity, at: Millis) -> i64 {
        let local = self.local_ms(at);
        match every {
            Granularity::Hour => (at - local.rem_euclid(HOUR_MS)).max(self.span_at(at).from),
            Granularity::Day => local.div_euclid(DAY_MS),
            Granularity::Week => (local.div_euclid(DAY_MS) + 3).div_euclid(7),
            Granularity::Month => {
                let date = date_of_day(local.div_euclid(DAY_MS));
                i64::from(date.year()) * 12 + i64::from(date.month0()) + 1
            }
        }
    }

    /// Every step of the range, without gaps.
    ///
    /// # Errors
    /// When there are more than `points_max`.
    pub fn points(&self, every: Granularity, points_max: usize) -> Result<Vec<Point>, CalendarError> {
        // A series in hours that passes has `points_max` hours at most, so the walk below is bounded by it.
        let step_ms = match every {
            Granularity::Hour => HOUR_MS,
            Granularity::Day => DAY_MS,
            Granularity::Week => 7 * DAY_MS,
            Granularity::Month => 31 * DAY_MS,
        };
        let estimate = usize::try_from(self.range.length_ms() / step_ms).unwrap_or(usize::MAX);
        if points_max < estimate {
            return Err(CalendarError::TooManyPoints { count: estimate, limit: points_max });
        }
        let mut points: Vec<Point> = Vec::new();
        let mut start = self.range.from();
        while start < self.range.to() {
            let key = self.bucket_key(every, start);
            // A step is at most an hour (a day, …) and a change of clocks longer.
            let horizon = start.saturating_add(step_ms + 3 * HOUR_MS).min(self.range.to());
            let end = if self.bucket_key(every, horizon - 1) == key && horizon == self.range.to() {
                horizon
            } else {
                first_instant(start, horizon, |instant| self.bucket_key(every, instant) != key)
            };
            points.push(Point { key, start, end });
            start = end;
        }
        if points_max < points.len() {
            return Err(CalendarError::TooManyPoints { count: points.len(), limit: points_max });
        }
        Ok(points)
    }

    /// The range that `by` says to compare with.
    ///
    /// # Errors
    /// When that range is before all time.
    pub fn compared(&self, by: Comparison) -> Result<Calendar, CalendarError> {
        let (from, to) = (self.local_time(self.range.from()), self.local_time(self.range.to()));
        let whole_days = from.time() == NaiveTime::MIN && to.time() == NaiveTime::MIN;
        let (from, to) = match by {
            Comparison::PreviousPeriod if whole_days => {
                let length = to - from;
                (self.instant(from - length), self.range.from())
            }
            Comparison::PreviousPeriod => (self.range.from() - self.range.length_ms(), self.range.from()),
            Comparison::PreviousWeek => {
                let week = chrono::Duration::days(7);
                (self.instant(from - week), self.instant(to - week))
            }
            Comparison::PreviousYear => (self.instant(year_before(from)), self.instant(end_year_before(to))),
        };
        let range = TimeRange::earlier(from, to).map_err(|_| CalendarError::NoSuchRange)?;
        let moving = self.moving.as_ref().map(|moving| Moving { last: moving.last.clone(), compared: Some(by) });
        Ok(Calendar { moving, ..Calendar::new(range, self.zone) })
    }

    fn local_time(&self, at: Millis) -> NaiveDateTime {
        to_utc(at).with_timezone(&self.zone).naive_local()
    }

    fn instant(&self, local: NaiveDateTime) -> Millis {
        instant_of(self.zone, local)
    }
}

/// What to compare a period with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// As long, and right before it.
    PreviousPeriod,
    /// The same local days and times a week earlier.
    PreviousWeek,
    /// The same local dates and times a year earlier; 29 February becomes the 28th.
    PreviousYear,
}

/// The first instant of a local time: the earlier one where clocks show it twice, the end of the gap where never.
pub fn instant_of(zone: Tz, local: NaiveDateTime) -> Millis {
    match zone.from_local_datetime(&local).earliest() {
        Some(instant) => instant.timestamp_millis(),
        None => {
            // In a gap: the first instant at which the clocks show this time or a later one.
            let near = local.and_utc().timestamp_millis();
            first_instant(near - DAY_MS, near + DAY_MS, |at| {
                local.and_utc().timestamp_millis() <= at + offset_ms(zone, at)
            })
        }
    }
}

/// The date of a day number (days since 1970-01-01).
pub fn date_of_day(day: i64) -> NaiveDate {
    let days = i32::try_from(day).unwrap_or(0);
    NaiveDate::from_epoch_days(days).unwrap_or(NaiveDate::MIN)
}

fn year_before(local: NaiveDateTime) -> NaiveDateTime {
    local.checked_sub_months(chrono::Months::new(12)).unwrap_or(local)
}

/// A range that ends with a day ends with the same day a year earlier: [28 February, 29 February) is not empty then.
fn end_year_before(local: NaiveDateTime) -> NaiveDateTime {
    let day = chrono::Duration::days(1);
    match local.time() == NaiveTime::MIN {
        true => year_before(local - day) + day,
        false => year_before(local),
    }
}

fn to_utc(at: Millis) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp_millis(at).unwrap_or(DateTime::UNIX_EPOCH)
}

fn offset_ms(zone: Tz, at: Millis) -> i64 {
    i64::from(zone.offset_from_utc_datetime(&to_utc(at).naive_utc()).fix().local_minus_utc()) * 1000
}

/// The first instant in `(from, to]` at which `holds`, which stays true once it is; `to` when it never is.
fn first_instant(from: Millis, to: Millis, holds: impl Fn(Millis) -> bool) -> Millis {
    let (mut low, mut high) = (from, to);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// Why a calendar cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    #[error(
        "the series would have {count} points; the limit `seriesPoints` is {limit}: take longer steps or a shorter range"
    )]
    TooManyPoints { count: usize, limit: usize },
    #[error("there is no such earlier range")]
    NoSuchRange,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(from: &str, to: &str, zone: Tz) -> Calendar {
        let instant = |text: &str| DateTime::parse_from_rfc3339(text).expect("a test's instant").timestamp_millis();
        Calendar::new(TimeRange::new(instant(from), instant(to)).expect("a test's range"), zone)
    }

    fn points(calendar: &Calendar, every: Granularity) -> Vec<Point> {
        let points = calendar.points(every, usize::MAX).expect("no limit");
        // What every series promises: no gap, no overlap, the whole range.
        assert_eq!(points[0].start, calendar.range().from());
        assert_eq!(points[points.len() - 1].end, calendar.range().to());
        assert!(points.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].key < pair[1].key));
        points
    }

    #[test]
    fn a_local_day_can_have_23_or_25_hours() {
        let spring = calendar("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", Tz::Europe__Berlin);
        assert_eq!((points(&spring, Granularity::Hour).len(), points(&spring, Granularity::Day).len()), (23, 1));
        let autumn = calendar("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", Tz::Europe__Berlin);
        assert_eq!((points(&autumn, Granularity::Hour).len(), points(&autumn, Granularity::Day).len()), (25, 1));
    }

    #[test]
    fn hours_begin_where_the_zones_clocks_say() {
        let kolkata = calendar("2026-01-01T18:30:00Z", "2026-01-02T18:30:00Z", Tz::Asia__Kolkata);
        let hours = points(&kolkata, Granularity::Hour);
        assert_eq!((hours.len(), points(&kolkata, Granularity::Day).len()), (24, 1));
        // Lord Howe Island goes back by half an hour at 02:00: the hour from 01:30 to 02:00 comes twice.
        let howe = calendar("2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z", Tz::Australia__Lord_Howe);
        assert_eq!(points(&howe, Granularity::Day).len(), 1);
        assert_eq!(points(&howe, Granularity::Hour).len(), 25);
    }

    #[test]
    fn days_whose_midnight_is_missing_begin_at_their_first_instant() {
        // Beirut's clocks went from 00:00 to 01:00 on 2024-03-31.
        let beirut = calendar("2024-03-29T22:00:00Z", "2024-04-01T21:00:00Z", Tz::Asia__Beirut);
        let days: Vec<_> =
            points(&beirut, Granularity::Day).iter().map(|point| (point.end - point.start) / HOUR_MS).collect();
        assert_eq!(days, [24, 23, 24]);
    }

    #[test]
    fn weeks_start_on_monday_and_ends_are_cut() {
        // 2026-01-01 is a Thursday.
        let january = calendar("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", Tz::UTC);
        let days: Vec<_> =
            points(&january, Granularity::Week).iter().map(|point| (point.end - point.start) / DAY_MS).collect();
        assert_eq!(days, [4, 7, 7, 7, 6]);
        let half_year = calendar("2026-01-15T00:00:00Z", "2026-06-15T00:00:00Z", Tz::UTC);
        assert_eq!(points(&half_year, Granularity::Month).len(), 6);
    }

    #[test]
    fn too_many_points_are_refused_before_they_are_made() {
        let years = calendar("2025-01-01T00:00:00Z", "2026-12-31T00:00:00Z", Tz::UTC);
        let error = years.points(Granularity::Hour, 10_000).expect_err("17,496 points");
        assert_eq!(
            error.to_string(),
            "the series would have 17496 points; the limit `seriesPoints` is 10000: take longer steps or a shorter range"
        );
    }

    #[test]
    fn comparisons_keep_local_time_across_a_change_of_clocks() {
        let zone = Tz::Europe__Berlin;
        let week = calendar("2026-03-29T22:00:00Z", "2026-04-05T22:00:00Z", zone);
        // The week before holds the change of clocks: it is an hour shorter and ends where this one begins.
        let before = calendar("2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z", zone);
        assert_eq!(week.compared(Comparison::PreviousPeriod), Ok(before.clone()));
        assert_eq!(week.compared(Comparison::PreviousWeek), Ok(before));
        let leap = calendar("2024-02-28T23:00:00Z", "2024-02-29T23:00:00Z", zone);
        let year_before = leap.compared(Comparison::PreviousYear).expect("2023 exists");
        assert_eq!(year_before.range(), calendar("2023-02-27T23:00:00Z", "2023-02-28T23:00:00Z", zone).range());
        // The day before the leap day ends where that day begins, and has a year before all the same.
        let eve = calendar("2024-02-27T23:00:00Z", "2024-02-28T23:00:00Z", zone);
        assert_eq!(eve.compared(Comparison::PreviousYear).expect("2023 exists").range(), year_before.range());
    }
}
