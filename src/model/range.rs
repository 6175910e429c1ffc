//! Ranges of time that a report covers, and the steps that divide them.
//!
//! Ranges are half-open and never empty, so no other module checks for either.
//! Calendars and zones are in `metrics::calendar`.

use super::clock::{DAY_MS, Millis};

/// A period `[from, to)`, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    // Invariant: `from < to`, and but for `earlier` also `to - from <= TimeRange::LONGEST_MS`.
    from: Millis,
    to: Millis,
}

impl TimeRange {
    /// Two years: the longest retention we promise; longer reports read data that is not there.
    pub const LONGEST_DAYS: i64 = 731;
    pub const LONGEST_MS: i64 = Self::LONGEST_DAYS * DAY_MS;

    pub fn new(from: Millis, to: Millis) -> Result<Self, TimeRangeError> {
        if to <= from {
            return Err(TimeRangeError::Empty);
        }
        let length = to.saturating_sub(from);
        if Self::LONGEST_MS < length {
            return Err(TimeRangeError::TooLong { days: length / DAY_MS });
        }
        Ok(Self { from, to })
    }

    /// The range to compare another one with: a leap day can make it a day longer than any other.
    pub fn earlier(from: Millis, to: Millis) -> Result<Self, TimeRangeError> {
        if to <= from {
            return Err(TimeRangeError::Empty);
        }
        Ok(Self { from, to })
    }

    pub fn from(self) -> Millis {
        self.from
    }

    pub fn to(self) -> Millis {
        self.to
    }

    pub fn length_ms(self) -> i64 {
        self.to - self.from
    }
}

/// The step of a series. Weeks start on Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Granularity {
    Hour,
    Day,
    Week,
    Month,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeRangeError {
    #[error("the range is empty: `from` must be before `to`")]
    Empty,
    #[error("the range is {days} days long; the limit `rangeDays` is {}", TimeRange::LONGEST_DAYS)]
    TooLong { days: i64 },
}
