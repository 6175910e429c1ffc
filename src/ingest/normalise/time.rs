//! When an event happened: the source's time where it can be believed, ours where it cannot.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::ingest::reason::{Reason, excerpt};
use crate::model::clock::Millis;
use crate::model::event::{Scalar, TimeSource};

const MINUTE_MS: i64 = 60_000;

/// Clocks of healthy machines differ by seconds; more than this is a wrong clock, and our time is better.
const AHEAD_MS_MAX: i64 = 5 * MINUTE_MS;
/// A wrong zone or a wrong day is repaired up to here; beyond it the value is not a time at all.
const AHEAD_REPAIRED_MS_MAX: i64 = 24 * 60 * MINUTE_MS;
/// 2009-01-01: the year of the oldest messenger's first release, so nothing real is older.
const EARLIEST: Millis = 1_230_768_000_000;

/// The time of an event, and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Occurrence {
    pub at: Millis,
    pub clock: TimeSource,
    /// The source's time, where ours is used instead.
    pub original: Option<String>,
}

pub(super) fn decide(at: Option<Scalar>, received_at: Millis) -> Result<Occurrence, Reason> {
    let Some(given) = read(at)? else {
        return Ok(Occurrence { at: received_at, clock: TimeSource::Missing, original: None });
    };
    let latest = received_at.saturating_add(AHEAD_REPAIRED_MS_MAX);
    if given.millis < EARLIEST {
        return Err(Reason::TooEarly { value: given.show(), hint: given.hint(latest) });
    }
    if latest < given.millis {
        return Err(Reason::TooFarAhead { value: given.show(), hint: given.hint(latest) });
    }
    if received_at.saturating_add(AHEAD_MS_MAX) < given.millis {
        return Ok(Occurrence { at: received_at, clock: TimeSource::Ahead, original: Some(show(given.millis)) });
    }
    Ok(Occurrence { at: given.millis, clock: TimeSource::Occurred, original: None })
}

struct Given {
    millis: Millis,
    written: Written,
}

#[derive(PartialEq)]
enum Written {
    AsDate,
    AsNumber,
}

impl Given {
    fn show(&self) -> String {
        match self.written {
            Written::AsDate => show(self.millis),
            Written::AsNumber => format!("{} ({})", self.millis, show(self.millis)),
        }
    }

    /// What a number outside the range probably is: the same number in another unit lies inside.
    fn hint(&self, latest: Millis) -> &'static str {
        if self.written == Written::AsDate {
            return "";
        }
        let possible = |millis: i64| EARLIEST <= millis && millis <= latest;
        if possible(self.millis.saturating_mul(1_000)) {
            "; it looks like seconds: multiply by 1000"
        } else if possible(self.millis / 1_000) {
            "; it looks like microseconds: divide by 1000"
        } else if possible(self.millis / 1_000_000) {
            "; it looks like nanoseconds: divide by 1000000"
        } else {
            ""
        }
    }
}

fn read(at: Option<Scalar>) -> Result<Option<Given>, Reason> {
    let text = match at {
        None => return Ok(None),
        Some(Scalar::Text(text)) if text.is_empty() => return Ok(None),
        Some(Scalar::Text(text)) => text,
        Some(Scalar::Number(number)) => number.to_string(),
        Some(Scalar::Other(got)) => {
            return Err(Reason::WrongType { field: "at", expected: "a string or a whole number", got });
        }
    };
    if let Ok(millis) = text.parse::<i64>() {
        return Ok(Some(Given { millis, written: Written::AsNumber }));
    }
    match DateTime::parse_from_rfc3339(&text) {
        Ok(instant) => Ok(Some(Given { millis: instant.timestamp_millis(), written: Written::AsDate })),
        Err(_) => Err(Reason::UnreadableTime { value: excerpt(&text) }),
    }
}

pub fn show(millis: Millis) -> String {
    match DateTime::<Utc>::from_timestamp_millis(millis) {
        Some(instant) => instant.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => "beyond any calendar".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-05-01T12:00:00Z.
    const NOW: Millis = 1_777_636_800_000;

    fn check(at: impl Into<Scalar>, expect: &str) {
        let shown = match decide(Some(at.into()), NOW) {
            Ok(found) => format!("{} {} {}", show(found.at), found.clock.as_str(), found.original.unwrap_or_default()),
            Err(reason) => reason.to_string(),
        };
        assert_eq!(shown.trim_end(), expect);
    }

    #[test]
    fn a_time_is_read_in_every_way_that_sources_write_it() {
        check("2026-05-01T11:00:00Z", "2026-05-01T11:00:00Z OCCURRED");
        check("2026-05-01T11:00:00.123456+03:00", "2026-05-01T08:00:00.123Z OCCURRED");
        check(1_777_633_200_000, "2026-05-01T11:00:00Z OCCURRED");
        check("1777633200000", "2026-05-01T11:00:00Z OCCURRED");
        check("2009-01-01T00:00:00Z", "2009-01-01T00:00:00Z OCCURRED");
        check("", "2026-05-01T12:00:00Z MISSING");
    }

    #[test]
    fn a_clock_that_runs_ahead_is_replaced_by_ours() {
        check("2026-05-01T12:05:00Z", "2026-05-01T12:05:00Z OCCURRED");
        check("2026-05-01T12:05:00.001Z", "2026-05-01T12:00:00Z AHEAD 2026-05-01T12:05:00.001Z");
        check("2026-05-02T12:00:00Z", "2026-05-01T12:00:00Z AHEAD 2026-05-02T12:00:00Z");
        check("2026-05-02T12:00:00.001Z", "`at` 2026-05-02T12:00:00.001Z is more than 24 hours ahead of its arrival");
    }

    #[test]
    fn what_cannot_be_true_is_rejected_with_its_value() {
        check("1970-01-01T00:00:00Z", "`at` 1970-01-01T00:00:00Z is before 2009-01-01");
        check(0, "`at` 0 (1970-01-01T00:00:00Z) is before 2009-01-01");
        check(-1, "`at` -1 (1969-12-31T23:59:59.999Z) is before 2009-01-01");
        check("2106-02-07T06:28:15Z", "`at` 2106-02-07T06:28:15Z is more than 24 hours ahead of its arrival");
        check("9999-12-31T23:59:59Z", "`at` 9999-12-31T23:59:59Z is more than 24 hours ahead of its arrival");
        check(
            1_777_633_200,
            "`at` 1777633200 (1970-01-21T13:47:13.200Z) is before 2009-01-01; it looks like seconds: multiply by 1000",
        );
        check(
            1_777_633_200_000_000,
            "`at` 1777633200000000 (+58300-12-15T08:00:00Z) is more than 24 hours ahead of its arrival; it looks like \
             microseconds: divide by 1000",
        );
        check(i64::MAX, "`at` 9223372036854775807 (beyond any calendar) is more than 24 hours ahead of its arrival");
        let unreadable = "is neither RFC 3339 with an offset (2026-05-01T13:45:10Z) nor Unix milliseconds";
        check("2026-05-01T11:00:00", &format!("`at` \"2026-05-01T11:00:00\" {unreadable}"));
        check("yesterday", &format!("`at` \"yesterday\" {unreadable}"));
        check(Scalar::Other("a list"), "`at` must be a string or a whole number, not a list");
    }
}
