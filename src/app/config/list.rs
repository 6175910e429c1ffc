//! Values that the file writes as a list or a number, and a variable as text.

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
