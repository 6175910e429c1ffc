//! Configuration of rejected lines: for how long they are kept.

use super::list::Number;
use crate::ingest::rejected::DAYS_DEFAULT;

/// A year: they can hold what people wrote, and nobody repairs a line that is older.
const DAYS_MAX: u16 = 366;

/// The days that are configured; 0 keeps nothing.
///
/// # Errors
/// When it is no number of days that can be.
pub fn days(written: Option<Number>) -> Result<u16, RejectedConfigError> {
    match written {
        None => Ok(DAYS_DEFAULT),
        Some(days) => days.within(0..=DAYS_MAX).map_err(|days| RejectedConfigError { days }),
    }
}

/// It is no number of days.
#[derive(Debug, thiserror::Error)]
#[error("`rejected_days` is `{days}`: give a number of days from 0, which keeps nothing, to {DAYS_MAX}")]
pub struct RejectedConfigError {
    days: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_a_number_up_to_a_year() {
        let check = |text: &str| days(Some(Number(text.to_owned()))).ok();
        assert_eq!((check("0"), check("366"), days(None).ok()), (Some(0), Some(366), Some(30)));
        for wrong in ["", "-1", "367", "1.5", "ten", "70000"] {
            assert_eq!(check(wrong), None, "{wrong}");
        }
    }
}
