//! Times without an offset, as people's exports write them, become instants.
//!
//! Read without a format: `2024-05-01 13:45`, `2024-05-01T13:45:10.5`, `01.05.2024 13:45`, `01.05.24, 13:45:10`,
//! `5/1/24, 1:45 PM`, `05/01/2024 13:45`. With slashes the month comes first; for the other order give a format.
//! In the hour that a clock repeats the first one is meant; in the hour that it skips, the time after the gap.

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::model::clock::Millis;

/// Two-digit years come first: `%Y` would read the year 24 out of `24`.
const SHAPES: [&str; 17] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%d.%m.%y %H:%M:%S",
    "%d.%m.%y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%m/%d/%y %I:%M:%S %p",
    "%m/%d/%y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%y %H:%M:%S",
    "%m/%d/%y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%Y/%m/%d %H:%M:%S",
];

/// The instant that `text` means in the zone, or `None` if it has none of the shapes.
pub(in crate::ingest) fn read(text: &str, zone: Tz, format: Option<&str>) -> Option<Millis> {
    // Telephones write narrow spaces before AM and PM.
    let text = text.replace(['\u{202f}', '\u{a0}'], " ");
    let text = text.trim();
    if let Some(format) = format {
        if let Ok(instant) = DateTime::parse_from_str(text, format) {
            return Some(instant.timestamp_millis());
        }
        return at_zone(NaiveDateTime::parse_from_str(text, format).ok()?, zone);
    }
    let plain = text.replacen(", ", " ", 1);
    let local = SHAPES.iter().find_map(|shape| NaiveDateTime::parse_from_str(&plain, shape).ok())?;
    at_zone(local, zone)
}

fn at_zone(local: NaiveDateTime, zone: Tz) -> Option<Millis> {
    let found = zone.from_local_datetime(&local).earliest();
    let found = found.or_else(|| zone.from_local_datetime(&(local + TimeDelta::hours(1))).earliest());
    found.map(|instant| instant.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, zone: Tz, format: Option<&str>, expect: Option<&str>) {
        let got = read(text, zone, format).and_then(DateTime::from_timestamp_millis);
        assert_eq!(got.map(|instant| instant.format("%FT%T").to_string()).as_deref(), expect, "{text}");
    }

    #[test]
    fn the_shapes_of_exports_are_read() {
        for text in [
            "2024-05-01 13:45",
            "2024-05-01T13:45:00",
            "2024-05-01 13:45:00.000",
            "01.05.2024 13:45",
            "01.05.24, 13:45",
            "1.5.2024 13:45:00",
            "5/1/24, 1:45 PM",
            "5/1/24, 1:45\u{202f}PM",
            "05/01/2024 13:45",
        ] {
            check(text, Tz::Europe__Berlin, None, Some("2024-05-01T11:45:00"));
        }
        check("yesterday", Tz::UTC, None, None);
        check("01.05.2024", Tz::UTC, None, None);
    }

    #[test]
    fn a_format_goes_before_the_shapes() {
        check("1/5/2024 13:45", Tz::Asia__Kolkata, Some("%d/%m/%Y %H:%M"), Some("2024-05-01T08:15:00"));
        check("01 May 2024 13:45 +0300", Tz::UTC, Some("%d %b %Y %H:%M %z"), Some("2024-05-01T10:45:00"));
        check("2024-05-01 13:45", Tz::UTC, Some("%d/%m/%Y %H:%M"), None);
    }

    #[test]
    fn clock_changes_lose_nothing() {
        check("2026-03-29 02:30", Tz::Europe__Berlin, None, Some("2026-03-29T01:30:00"));
        check("2026-10-25 02:30", Tz::Europe__Berlin, None, Some("2026-10-25T00:30:00"));
    }
}
