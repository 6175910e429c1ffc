//! Ranges as users write them: dates in a zone, instants, or "the last 30 days".

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use crate::model::clock::Millis;
use crate::model::{TimeRange, TimeRangeError};

use super::calendar::{HOUR_MS, instant_of};

/// The longest text of a range's end or of a zone that is looked at: no real one is longer.
const CHARS_MAX: usize = 64;

/// Farther away than any data; beyond them calendars begin to overflow.
const YEAR_1900: Millis = -2_208_988_800_000;
const YEAR_2200: Millis = 7_258_118_400_000;

/// A zone by its IANA name.
///
/// # Errors
/// When there is no such zone.
pub fn zone(name: &str) -> Result<Tz, PeriodError> {
    if CHARS_MAX < name.len() {
        return Err(PeriodError::UnknownZone { name: shorten(name) });
    }
    name.parse().map_err(|_| PeriodError::UnknownZone { name: shorten(name) })
}

/// The range `[from, to)`. Each end is a date (its first instant in the zone) or an instant with an offset.
///
/// # Errors
/// When an end is neither, the range is empty or too long.
pub fn between(from: &str, to: &str, zone: Tz) -> Result<TimeRange, PeriodError> {
    let (from, to) = (instant("from", from, zone)?, instant("to", to, zone)?);
    TimeRange::new(from, to).map_err(PeriodError::Range)
}

/// The period that ends now: `P30D`, `P4W`, `P6M`, `P1Y` or `PT24H`. Days, weeks, months and years are those of the
/// zone's calendar: the range begins at the same local time so many days ago.
///
/// # Errors
/// When it is no such duration, or too long.
pub fn last(duration: &str, zone: Tz, now: Millis) -> Result<TimeRange, PeriodError> {
    let wrong = || PeriodError::Duration { text: shorten(duration) };
    let rest = duration.strip_prefix('P').ok_or_else(wrong)?;
    let (hours, digits) = match rest.strip_prefix('T') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let unit = digits.chars().last().ok_or_else(wrong)?;
    let digits = &digits[..digits.len() - unit.len_utf8()];
    if digits.is_empty() || 5 < digits.len() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(wrong());
    }
    let count: u32 = digits.parse().map_err(|_| wrong())?;
    let local = DateTime::from_timestamp_millis(now).unwrap_or_default().with_timezone(&zone).naive_local();
    let months = |months: u32| local.checked_sub_months(chrono::Months::new(months));
    let days = |days: u32| local.checked_sub_days(chrono::Days::new(u64::from(days)));
    let from = match (hours, unit) {
        (true, 'H') => Some(now - i64::from(count) * HOUR_MS),
        (false, 'D') => days(count).map(|local| instant_of(zone, local)),
        (false, 'W') => days(count * 7).map(|local| instant_of(zone, local)),
        (false, 'M') => months(count).map(|local| instant_of(zone, local)),
        (false, 'Y') => months(count * 12).map(|local| instant_of(zone, local)),
        _ => None,
    };
    TimeRange::new(from.ok_or_else(wrong)?, now).map_err(PeriodError::Range)
}

/// A date (its first instant in the zone) or an instant with an offset; `name` is what an error calls it.
///
/// # Errors
/// When it is neither, or farther away than any data.
pub fn instant(name: &'static str, text: &str, zone: Tz) -> Result<Millis, PeriodError> {
    let wrong = || PeriodError::End { name, text: shorten(text) };
    if CHARS_MAX < text.len() {
        return Err(wrong());
    }
    let at = if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        instant_of(zone, date.and_time(NaiveTime::MIN))
    } else if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        at.timestamp_millis()
    } else if NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").is_ok() {
        return Err(PeriodError::NoOffset { name, text: shorten(text) });
    } else {
        return Err(wrong());
    };
    if !(YEAR_1900..YEAR_2200).contains(&at) {
        return Err(PeriodError::FarAway { name, text: shorten(text) });
    }
    Ok(at)
}

/// What of a user's text an error repeats.
pub(super) fn shorten(text: &str) -> String {
    text.chars().take(CHARS_MAX).collect()
}

/// Why a period cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    #[error("there is no time zone `{name}`: give an IANA name such as `Europe/Berlin`, or `UTC`")]
    UnknownZone { name: String },
    #[error("`{name}` is `{text}`: give a date (2026-03-29) or an instant (2026-03-29T10:00:00Z)")]
    End { name: &'static str, text: String },
    #[error("`{name}` is `{text}`: the years 1900 to 2199 can be asked for")]
    FarAway { name: &'static str, text: String },
    #[error("`{name}` is `{text}`, which has no offset: add `Z` or an offset such as `+02:00`, or give a date")]
    NoOffset { name: &'static str, text: String },
    #[error("`last` is `{text}`: give a duration such as `P30D`, `P4W`, `P6M`, `P1Y` or `PT24H`")]
    Duration { text: String },
    #[error("{0}")]
    Range(TimeRangeError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(result: Result<TimeRange, PeriodError>, expect: Result<(i64, i64), &str>) {
        let result = result.map(|range| (range.from(), range.to())).map_err(|error| error.to_string());
        assert_eq!(result, expect.map_err(str::to_owned));
    }

    const BERLIN: Tz = Tz::Europe__Berlin;

    #[test]
    fn dates_are_local_midnights_and_instants_are_themselves() {
        check(between("2026-03-29", "2026-03-30", BERLIN), Ok((1_774_738_800_000, 1_774_821_600_000)));
        check(
            between("2026-03-29T00:00:00Z", "2026-03-29T01:00:00+00:00", BERLIN),
            Ok((1_774_742_400_000, 1_774_746_000_000)),
        );
    }

    #[test]
    fn wrong_ends_are_named() {
        check(between("2026-03-30", "2026-03-29", BERLIN), Err("the range is empty: `from` must be before `to`"));
        check(between("2026-03-29", "2026-03-29", BERLIN), Err("the range is empty: `from` must be before `to`"));
        check(
            between("2020-01-01", "2026-01-01", BERLIN),
            Err("the range is 2192 days long; the limit `rangeDays` is 731"),
        );
        check(
            between("yesterday", "2026-01-01", BERLIN),
            Err("`from` is `yesterday`: give a date (2026-03-29) or an instant (2026-03-29T10:00:00Z)"),
        );
        check(
            between("2026-01-01", "2026-01-02T00:00:00", BERLIN),
            Err(
                "`to` is `2026-01-02T00:00:00`, which has no offset: add `Z` or an offset such as `+02:00`, or give a date",
            ),
        );
        assert!(between("-262143-01-01", "2026-01-01", BERLIN).is_err());
        assert!(between("2026-01-01", "+262142-01-01", BERLIN).is_err());
    }

    #[test]
    fn the_last_days_begin_at_the_same_local_time() {
        // 2026-03-30 10:00 in Berlin, the day after clocks went forward: one local day back is 24 h, two are 47 h.
        let now = 1_774_857_600_000;
        check(last("P1D", BERLIN, now), Ok((now - 24 * HOUR_MS, now)));
        check(last("P2D", BERLIN, now), Ok((now - 47 * HOUR_MS, now)));
        check(last("PT48H", BERLIN, now), Ok((now - 48 * HOUR_MS, now)));
        for wrong in ["", "P", "30D", "P30", "PT", "P-1D", "P1.5D", "P999999D", "PT5D", "P5H", "P1Ü"] {
            assert!(matches!(last(wrong, BERLIN, now), Err(PeriodError::Duration { .. })), "{wrong}");
        }
        assert!(matches!(last("P0D", BERLIN, now), Err(PeriodError::Range(TimeRangeError::Empty))));
        assert!(matches!(last("P99999D", BERLIN, now), Err(PeriodError::Range(TimeRangeError::TooLong { .. }))));
    }

    #[test]
    fn zones_are_iana_names() {
        assert!(zone("Asia/Kolkata").is_ok());
        for wrong in ["", "Mars/Olympus", "../../etc/passwd", "+05:30", "Europe/Moscow') , (select 1"] {
            assert!(zone(wrong).is_err(), "{wrong}");
        }
    }
}
