//! Ids and short texts within their limits.

use crate::ingest::reason::{Reason, excerpt};
use crate::model::event::Scalar;

/// Characters of an id: a WhatsApp message id has 60, a UUID 36.
pub const ID_CHARS_MAX: usize = 200;
/// Characters of any other field: names and labels, no prose.
pub const TEXT_CHARS_MAX: usize = 256;
/// Labels of a contact; more cannot be told apart in a report.
pub const SEGMENTS_MAX: usize = 32;

/// An id: a string without control characters, or a whole number with all its digits. Empty when absent.
pub(super) fn id(field: &'static str, value: Option<Scalar>) -> Result<String, Reason> {
    let text = limited(field, value, ID_CHARS_MAX)?;
    // Ids travel to the engine as lines of one text, so a line break in one would make it two.
    if text.chars().any(char::is_control) {
        return Err(Reason::Control { field });
    }
    Ok(text)
}

/// A short text, or a whole number's digits. Empty when absent.
pub(super) fn short(field: &'static str, value: Option<Scalar>) -> Result<String, Reason> {
    limited(field, value, TEXT_CHARS_MAX)
}

/// A text that the caller cuts.
pub(super) fn long(field: &'static str, value: Option<Scalar>) -> Result<String, Reason> {
    limited(field, value, usize::MAX)
}

/// A text that is looked up in a closed list afterwards.
pub(super) fn unlimited(field: &'static str, value: Option<Scalar>) -> Result<String, Reason> {
    limited(field, value, usize::MAX)
}

pub(super) fn required(field: &'static str, text: String) -> Result<String, Reason> {
    if text.is_empty() { Err(Reason::Missing { field }) } else { Ok(text) }
}

/// Labels: without repeats, in the order given.
pub(super) fn segments(values: Option<Vec<Scalar>>) -> Result<Vec<String>, Reason> {
    let values = values.unwrap_or_default();
    if SEGMENTS_MAX < values.len() {
        return Err(Reason::TooManySegments { count: values.len(), max: SEGMENTS_MAX });
    }
    let mut labels: Vec<String> = Vec::with_capacity(values.len());
    for value in values {
        let label = short("segments", Some(value))?;
        if !label.is_empty() && !labels.contains(&label) {
            labels.push(label);
        }
    }
    Ok(labels)
}

fn limited(field: &'static str, value: Option<Scalar>, chars_max: usize) -> Result<String, Reason> {
    let text = match value {
        None => return Ok(String::new()),
        Some(Scalar::Text(text)) => text,
        // A float has lost digits already: two ids could have become one.
        Some(Scalar::Number(number)) if number.is_f64() => {
            return Err(Reason::NotWhole { field, value: excerpt(&number.to_string()) });
        }
        Some(Scalar::Number(number)) => number.to_string(),
        Some(Scalar::Other(got)) => {
            return Err(Reason::WrongType { field, expected: "a string or a whole number", got });
        }
    };
    if text.contains('\0') {
        return Err(Reason::Nul { field });
    }
    // A character has at least one byte, so counting is needed only for long texts.
    if chars_max < text.len() {
        let chars = text.chars().count();
        if chars_max < chars {
            return Err(Reason::TooLong { field, chars, max: chars_max });
        }
    }
    Ok(text)
}
