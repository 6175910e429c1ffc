//! One item of a body or file: an event as received, or the reason why it cannot be read.

use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use super::reason::Reason;
use crate::model::event::{Event, Scalar};

/// An event on its way in.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The line of the text, the position in the array, or the row of the file; the first is 1.
    pub line: u64,
    /// What it was read from, for the case that it is rejected.
    pub source: Source,
    pub event: Result<Event, Unreadable>,
}

/// What an item was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Text as it was sent: a part of the body, which is not copied.
    Text(Bytes),
    /// Something else, of which the program made an event: that one, written as JSON, is what can be kept.
    Made,
}

/// An item that is no event.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreadable {
    /// Its id, where that could be read.
    pub id: Option<String>,
    pub reason: Reason,
}

/// The longest line: a thousand times a usual event, and short enough that a million of them is not one.
pub const LINE_BYTES_MAX: usize = 1 << 20;

impl Item {
    /// Reads one JSON object.
    pub fn read(line: u64, json: Bytes) -> Self {
        let event = read_event(&json).map_err(|reason| Unreadable { id: find_id(&json), reason });
        Self { line, source: Source::Text(json), event }
    }

    /// The same for text that is somebody else's: it is copied.
    pub fn from_json(line: u64, json: &[u8]) -> Self {
        Self::read(line, Bytes::copy_from_slice(json))
    }

    /// An event that the program made of something else.
    pub fn of(line: u64, event: Event) -> Self {
        Self { line, source: Source::Made, event: Ok(event) }
    }

    /// A line that was longer than [`LINE_BYTES_MAX`]: `start` is what was kept of it, which is longer too.
    pub fn too_long(line: u64, start: Vec<u8>, bytes: usize) -> Self {
        let reason = Reason::LineTooLong { bytes, max: LINE_BYTES_MAX };
        let id = find_id(&start);
        Self { line, source: Source::Text(start.into()), event: Err(Unreadable { id, reason }) }
    }
}

fn read_event(json: &[u8]) -> Result<Event, Reason> {
    if LINE_BYTES_MAX < json.len() {
        return Err(Reason::LineTooLong { bytes: json.len(), max: LINE_BYTES_MAX });
    }
    let text = std::str::from_utf8(json).map_err(|error| Reason::InvalidUtf8 { byte: error.valid_up_to() + 1 })?;
    serde_json::from_str(text).map_err(|error| json_reason(&error))
}

/// Says what serde found, without its "at line 1": the line is in the receipt, and there it is another number.
fn json_reason(error: &serde_json::Error) -> Reason {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let mut message = error.to_string();
    if message.ends_with(&place) {
        message.truncate(message.len() - place.len());
    }
    let column = error.column();
    if message.contains("recursion limit exceeded") {
        return Reason::TooDeep { column };
    }
    match error.classify() {
        Category::Data => Reason::NotAnEvent { message, column },
        Category::Syntax | Category::Eof | Category::Io => Reason::InvalidJson { message, column },
    }
}

/// The id of an object that may be broken anywhere after it.
fn find_id(json: &[u8]) -> Option<String> {
    let mut found = None;
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    // The error, if any, is the one that was already reported; what counts is what was found before it.
    let _ = IdSearch { found: &mut found }.deserialize(&mut deserializer);
    found.filter(|id| id.chars().count() <= super::normalise::ID_CHARS_MAX)
}

struct IdSearch<'a> {
    found: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for IdSearch<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for IdSearch<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Key>()? {
            if key == Key::Other {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if let Some(id) = map.next_value::<Scalar>()?.to_text() {
                *self.found = Some(id);
            }
        }
        Ok(())
    }
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Key {
    Id,
    #[serde(other)]
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &[u8], id: Option<&str>, reason: &str) {
        let unreadable = Item::from_json(1, json).event.unwrap_err();
        assert_eq!((unreadable.id.as_deref(), unreadable.reason.to_string().as_str()), (id, reason));
    }

    #[test]
    fn what_is_no_event_says_why_and_where() {
        check(b"{\"id\":\"a\",", Some("a"), "the line is not valid JSON: EOF while parsing a value (column 10)");
        check(b"{\"id\":7 \"kind\"}", Some("7"), "the line is not valid JSON: expected `,` or `}` (column 9)");
        check(b"hello", None, "the line is not valid JSON: expected value (column 1)");
        check(
            b"[1]",
            None,
            "the line is not an event: invalid type: sequence, expected a JSON object with the fields of an event \
             (column 0)",
        );
        check(
            b"{\"id\":\"a\",\"survey\":5}",
            Some("a"),
            "the line is not an event: invalid type: integer `5`, expected an object {id, score, scale} (column 20)",
        );
        check(b"{\"id\":\"a\",\"id\":\"b\"}", Some("b"), "the line is not an event: duplicate field `id` (column 14)");
        check(b"{\"id\":\"a\",\"chat\":\"\xff\"}", Some("a"), "the line is not valid UTF-8 (byte 19)");
        check(
            br#"{"id":"a","chat":"\ud800"}"#,
            Some("a"),
            "the line is not valid JSON: unexpected end of hex escape (column 25)",
        );
    }

    #[test]
    fn deep_nesting_costs_one_line() {
        let deep = format!("{{\"id\":\"a\",\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        check(deep.as_bytes(), Some("a"), "the line is nested deeper than 128 levels (column 141)");
    }

    #[test]
    fn ten_megabytes_of_text_cost_one_line() {
        let long = format!("{{\"id\":\"a\",\"text\":\"{}\"}}", "x".repeat(10_000_000));
        check(long.as_bytes(), Some("a"), "the line is 10000020 bytes long; the longest is 1048576");
    }
}
