//! `Retry-After`: when a place wants to be asked again.

use chrono::DateTime;
use hyper::header::HeaderValue;

use crate::model::clock::{DAY_MS, Millis};

/// When the other side wants to be asked again, as it said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    Wait(Millis),
    At(Millis),
}

/// A day: no limit that a platform sets lasts longer, and a slip of its pen must not end the asking for ever.
const WAIT_MAX: Millis = DAY_MS;

impl RetryAfter {
    /// Seconds or a date; `None` when it is neither.
    pub fn parse(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // Too many digits for a number are a long time.
            let seconds: i64 = text.parse().unwrap_or(i64::MAX);
            return Some(Self::Wait(seconds.saturating_mul(1_000).min(WAIT_MAX)));
        }
        DateTime::parse_from_rfc2822(text).ok().map(|at| Self::At(at.timestamp_millis()))
    }

    /// The earliest instant of the next question.
    pub fn earliest(self, now: Millis) -> Millis {
        match self {
            Self::Wait(wait) => now.saturating_add(wait),
            Self::At(at) => at.clamp(now, now.saturating_add(WAIT_MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_bounded() {
        let earliest =
            |text: &str, now| RetryAfter::parse(&HeaderValue::from_str(text).unwrap()).map(|after| after.earliest(now));
        assert_eq!(earliest("7", 1_000), Some(8_000));
        assert_eq!(earliest("0", 1_000), Some(1_000));
        assert_eq!(earliest("99999999999999999999999", 0), Some(WAIT_MAX));
        let noon = 1_777_636_800_000;
        assert_eq!(earliest("Fri, 01 May 2026 12:00:30 GMT", noon), Some(noon + 30_000));
        assert_eq!(earliest("Fri, 01 May 2026 11:00:00 GMT", noon), Some(noon));
        assert_eq!(earliest("Fri, 01 May 2099 11:00:00 GMT", noon), Some(noon + WAIT_MAX));
        for other in ["", "soon", "-1", "1.5"] {
            assert_eq!(earliest(other, 0), None, "{other}");
        }
    }
}
