//! Business hours: a weekly schedule with exceptions in its own time zone, and versions of it.
//!
//! An interval belongs to the local day on which it begins and may end on the next one. What is written down is a
//! [`Draft`], from the API and from the store alike; a [`Schedule`] is a draft that holds. When versions are open is in
//! [`hours`], what the engine gets of it in [`boundaries`], the rows in [`stored`]. Nothing here does IO.

pub mod boundaries;
pub mod hours;
pub mod stored;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::period::{self, PeriodError};

pub use boundaries::{BOUNDARIES_MAX, Boundaries, TooManyBoundaries};
pub use hours::{BusinessHours, VERSIONS_MAX, Version};

/// Intervals of one weekday or one exceptional date: a shop with nine breaks a day.
pub const INTERVALS_MAX: usize = 10;

/// Exceptions of one version: more than a date for every day of a year.
pub const EXCEPTIONS_MAX: usize = 400;

/// Characters of an exception's note: a holiday's name in two languages.
pub const NOTE_CHARS_MAX: usize = 200;

const DAY_MINUTES: i64 = 24 * 60;

/// A schedule as somebody wrote it, whether it makes sense or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    pub timezone: String,
    pub weekly: Vec<WeeklyHours>,
    pub exceptions: Vec<Exception>,
}

/// An interval of every week: `weekday` is 1 (Monday) to 7, `from` and `to` are `HH:MM`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeeklyHours {
    pub weekday: i64,
    pub from: String,
    pub to: String,
}

/// A date whose own intervals replace the weekly ones; closed when it has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    pub date: String,
    pub note: Option<String>,
    pub intervals: Vec<DayHours>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayHours {
    pub from: String,
    pub to: String,
}

/// A draft that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    draft: Draft,
    zone: Tz,
    // Invariant: the intervals of a day are in the order in which they begin.
    weekly: [Vec<Interval>; 7],
    exceptions: BTreeMap<NaiveDate, Vec<Interval>>,
}

/// Minutes after the local midnight at which the interval's day begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Interval {
    // Invariant: 0 <= from < DAY_MINUTES and from < to <= from + DAY_MINUTES.
    from: i64,
    to: i64,
}

impl Schedule {
    /// # Errors
    /// When something in the draft cannot be; the error says what and where.
    pub fn new(draft: Draft) -> Result<Self, ScheduleError> {
        let zone = period::zone(&draft.timezone)?;
        let weekly = parse_weekly(&draft.weekly)?;
        let exceptions = parse_exceptions(&draft.exceptions)?;
        if weekly.iter().chain(exceptions.values()).all(Vec::is_empty) {
            return Err(ScheduleError::NeverOpen);
        }
        Ok(Self { draft, zone, weekly, exceptions })
    }

    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The intervals that begin on a date.
    fn intervals_on(&self, date: NaiveDate) -> &[Interval] {
        let weekday = date.weekday().num_days_from_monday() as usize;
        self.exceptions.get(&date).unwrap_or(&self.weekly[weekday])
    }
}

fn parse_weekly(hours: &[WeeklyHours]) -> Result<[Vec<Interval>; 7], ScheduleError> {
    let mut weekly: [Vec<Interval>; 7] = Default::default();
    for (index, WeeklyHours { weekday, from, to }) in hours.iter().enumerate() {
        let place = format!("weekly[{index}]");
        let day = usize::try_from(*weekday).ok().and_then(|number| weekly.get_mut(number.checked_sub(1)?));
        let Some(day) = day else {
            return Err(ScheduleError::Weekday { place, number: *weekday });
        };
        day.push(interval(&place, from, to)?);
        if INTERVALS_MAX < day.len() {
            return Err(ScheduleError::TooManyIntervals { place: format!("weekday {weekday}"), count: day.len() });
        }
    }
    weekly.iter_mut().for_each(|day| day.sort_unstable());
    Ok(weekly)
}

fn parse_exceptions(listed: &[Exception]) -> Result<BTreeMap<NaiveDate, Vec<Interval>>, ScheduleError> {
    if EXCEPTIONS_MAX < listed.len() {
        return Err(ScheduleError::TooManyExceptions { count: listed.len() });
    }
    let mut exceptions = BTreeMap::new();
    for (index, Exception { date: text, note, intervals }) in listed.iter().enumerate() {
        let place = format!("exceptions[{index}]");
        let date = date(&place, text)?;
        let note_chars = note.as_ref().map_or(0, |note| note.chars().count());
        if NOTE_CHARS_MAX < note_chars {
            return Err(ScheduleError::LongNote { place, count: note_chars });
        }
        if INTERVALS_MAX < intervals.len() {
            return Err(ScheduleError::TooManyIntervals { place: format!("`{place}`"), count: intervals.len() });
        }
        let mut day = Vec::with_capacity(intervals.len());
        for (number, DayHours { from, to }) in intervals.iter().enumerate() {
            day.push(interval(&format!("{place}.intervals[{number}]"), from, to)?);
        }
        day.sort_unstable();
        if exceptions.insert(date, day).is_some() {
            return Err(ScheduleError::DateTwice { place, date });
        }
    }
    Ok(exceptions)
}

fn interval(place: &str, from: &str, to: &str) -> Result<Interval, ScheduleError> {
    let wrong = |name, text: &str, bounds| ScheduleError::Time {
        place: format!("{place}.{name}"),
        text: period::shorten(text),
        bounds,
    };
    let bounds = "00:00 to 23:59";
    let from_minutes = minutes(from).filter(|from| *from < DAY_MINUTES).ok_or_else(|| wrong("from", from, bounds))?;
    let to_minutes = minutes(to).ok_or_else(|| wrong("to", to, "00:00 to 24:00"))?;
    // Only an end that is not after the beginning means the next day.
    let next_day = if to_minutes <= from_minutes { DAY_MINUTES } else { 0 };
    Ok(Interval { from: from_minutes, to: to_minutes + next_day })
}

/// The minutes of `HH:MM`, 24:00 included.
fn minutes(text: &str) -> Option<i64> {
    let digits = |part: &str| -> Option<i64> {
        let are_digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if are_digits { part.parse().ok() } else { None }
    };
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= DAY_MINUTES).then_some(total)
}

/// A date as it is written back: no other spelling, so that one date cannot be listed twice.
fn date(place: &str, text: &str) -> Result<NaiveDate, ScheduleError> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|date| date.to_string() == text);
    date.ok_or_else(|| ScheduleError::Date { place: place.to_owned(), text: period::shorten(text) })
}

/// Why a draft is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error(transparent)]
    Zone(#[from] PeriodError),
    #[error("`{place}.weekday` is {number}: give 1 (Monday) to 7 (Sunday)")]
    Weekday { place: String, number: i64 },
    #[error("`{place}` is `{text}`: give a time of day as HH:MM, {bounds}")]
    Time { place: String, text: String, bounds: &'static str },
    #[error("`{place}.date` is `{text}`: give a date such as 2026-12-25")]
    Date { place: String, text: String },
    #[error("`{place}.date` is {date}, which an exception before it has: put all intervals of a date into one")]
    DateTwice { place: String, date: NaiveDate },
    #[error("the schedule is never open: give at least one interval in `weekly` or in an exception")]
    NeverOpen,
    #[error("{place} has {count} intervals; the limit `businessHoursIntervals` is {INTERVALS_MAX}")]
    TooManyIntervals { place: String, count: usize },
    #[error("there are {count} exceptions; the limit `businessHoursExceptions` is {EXCEPTIONS_MAX}")]
    TooManyExceptions { count: usize },
    #[error("`{place}.note` has {count} characters; the limit `businessHoursNoteCharacters` is {NOTE_CHARS_MAX}")]
    LongNote { place: String, count: usize },
}
