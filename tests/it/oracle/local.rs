//! Local time, the slow way: one instant after the other.

use chrono::{DateTime, Datelike, Duration, NaiveDateTime, Offset, TimeZone, Timelike};
use chrono_tz::Tz;

use super::events::{DAY, MINUTE};

/// Every zone of these tests moves its clocks, and begins its hours, at a quarter of an hour.
const QUARTER: i64 = 15 * MINUTE;

pub fn local(zone: Tz, at: i64) -> NaiveDateTime {
    DateTime::from_timestamp_millis(at).unwrap().with_timezone(&zone).naive_local()
}

fn offset(zone: Tz, at: i64) -> i64 {
    let utc = DateTime::from_timestamp_millis(at).unwrap().naive_utc();
    i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()) * 1000
}

/// The first instant at which the zone's clocks show `time`, or the first after the gap that it falls in.
pub fn instant_of(zone: Tz, time: NaiveDateTime) -> i64 {
    let wanted = time.and_utc().timestamp_millis();
    let shows = |at: &i64| local(zone, *at) == time;
    if let Some(at) =
        [wanted - DAY, wanted + DAY].map(|near| wanted - offset(zone, near)).into_iter().filter(shows).min()
    {
        return at;
    }
    let mut at = quarter_from(wanted - DAY);
    while local(zone, at) < time {
        at += QUARTER;
    }
    at
}

/// The first quarter of an hour at or after an instant.
fn quarter_from(at: i64) -> i64 {
    (at + QUARTER - 1).div_euclid(QUARTER) * QUARTER
}

/// The key of a local time as one of the dimensions that time has.
pub fn part(zone: Tz, at: i64, dimension: &str) -> String {
    let time = local(zone, at);
    match dimension {
        "HOUR" => time.hour().to_string(),
        "WEEKDAY" => time.weekday().number_from_monday().to_string(),
        "DAY" => time.date().to_string(),
        "WEEK" => {
            let days = i64::from(time.weekday().num_days_from_monday());
            (time.date() - Duration::days(days)).to_string()
        }
        "MONTH" => time.format("%Y-%m").to_string(),
        other => unreachable!("{other} is no time"),
    }
}

/// The steps of a series. An hour ends where the clocks move, even if they show the same hour again.
pub fn steps(zone: Tz, from: i64, to: i64, every: &str) -> Vec<(i64, i64)> {
    let label = |at: i64| match every {
        "HOUR" => format!("{} {} {}", part(zone, at, "DAY"), part(zone, at, "HOUR"), offset(zone, at)),
        every => part(zone, at, every),
    };
    let mut steps = Vec::new();
    let mut start = from;
    let mut at = quarter_from(from + 1);
    let mut last = label(from);
    while at < to {
        let next = label(at);
        if next != last {
            steps.push((start, at));
            start = at;
            last = next;
        }
        at += QUARTER;
    }
    steps.push((start, to));
    steps
}

/// The range that a comparison reads. Whole local days are compared with as many whole local days, and a range that
/// ends with 28 February with one that does.
pub fn compared(zone: Tz, from: i64, to: i64, with: &str) -> (i64, i64) {
    let (begin, end) = (local(zone, from), local(zone, to));
    let midnight = |time: NaiveDateTime| time.time() == chrono::NaiveTime::MIN;
    let day = Duration::days(1);
    match with {
        "PREVIOUS_WEEK" => (instant_of(zone, begin - day * 7), instant_of(zone, end - day * 7)),
        "PREVIOUS_YEAR" if midnight(end) => {
            (instant_of(zone, year_before(begin)), instant_of(zone, year_before(end - day) + day))
        }
        "PREVIOUS_YEAR" => (instant_of(zone, year_before(begin)), instant_of(zone, year_before(end))),
        _ if midnight(begin) && midnight(end) => (instant_of(zone, begin - (end - begin)), from),
        _ => (from - (to - from), from),
    }
}

fn year_before(time: NaiveDateTime) -> NaiveDateTime {
    let time = if (time.month(), time.day()) == (2, 29) { time.with_day(28).unwrap() } else { time };
    time.with_year(time.year() - 1).unwrap()
}

/// As the API writes an instant.
pub fn written(at: i64) -> String {
    DateTime::from_timestamp_millis(at).unwrap().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
