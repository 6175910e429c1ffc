//! Values that the file writes as a list or a number, and a variable as text.

use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::Deserialize;

/// `["a", "b"]` in the file, `a, b` in a variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "ListWritten")]
pub struct List(pub Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum ListWritten {
    List(Vec<String>),
    Text(String),
}

impl From<ListWritten> for List {
    fn from(written: ListWritten) -> Self {
        match written {
            ListWritten::List(items) => Self(items),
            ListWritten::Text(text) => {
                Self(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
            }
        }
    }
}

/// `90` or `0.5` in the file, `"90"` in a variable; what it must be is for its setting to say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "NumberWritten")]
pub struct Number(pub String);

impl Number {
    /// # Errors
    /// With what was written, when it is no number in the range.
    pub fn within<T: FromStr + PartialOrd>(self, range: RangeInclusive<T>) -> Result<T, String> {
        let parsed = self.0.trim().parse().ok();
        parsed.filter(|number| range.contains(number)).ok_or(self.0)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberWritten {
    Number(i64),
    Share(f64),
    Text(String),
}

impl From<NumberWritten> for Number {
    fn from(written: NumberWritten) -> Self {
        match written {
            NumberWritten::Number(number) => Self(number.to_string()),
            NumberWritten::Share(share) => Self(share.to_string()),
            NumberWritten::Text(text) => Self(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_in_its_range_or_told_as_it_was_written() {
        let check = |text: &str| Number(text.to_owned()).within(1..=60_u16);
        assert_eq!((check("1"), check(" 60\n")), (Ok(1), Ok(60)));
        for wrong in ["", "0", "61", "-1", "1.5", "ten", "70000"] {
            assert_eq!(check(wrong), Err(wrong.to_owned()));
        }
    }
}
