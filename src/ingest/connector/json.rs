//! Payloads as JSON values, read tolerantly: a field of another type than expected is one that is not there.

use serde_json::Value;

use crate::model::event::Scalar;

/// Values that one payload may have: some hundred megabytes in memory, and more than the largest that platforms send.
const VALUES_MAX: usize = 1_000_000;

/// The payload as a value. Bytes that are no UTF-8 and halves of surrogate pairs become the mark U+FFFD: a client can write
/// them, and must not cost a delivery that others are in.
///
/// # Errors
/// Says why it is no JSON, or that it has too many values.
pub fn parse(body: &[u8]) -> Result<Value, String> {
    // Strings are counted too, which makes the bound lower and never higher.
    if VALUES_MAX < body.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count() {
        return Err(format!("it has more than {VALUES_MAX} values"));
    }
    let error = match serde_json::from_slice(body) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    serde_json::from_str(&whole_characters(&String::from_utf8_lossy(body))).map_err(|_| error.to_string())
}

/// The text with every escaped half of a pair that stands alone replaced.
fn whole_characters(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let taken = match half(escape) {
            Some(0xD800..=0xDBFF) if matches!(escape.get(6..).and_then(half), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                whole.push_str("\\ufffd");
                rest = &escape[6..];
                continue;
            }
            Some(_) => 6,
            // An escaped character, which may be a backslash.
            None => 1 + escape[1..].chars().next().map_or(0, char::len_utf8),
        };
        whole.push_str(&escape[..taken]);
        rest = &escape[taken..];
    }
    whole.push_str(rest);
    whole
}

/// The number of an escape `\uXXXX` that the text begins with.
fn half(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

/// The value of a text or a whole number as text; empty and absent are the same.
pub fn text(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        // A float has lost digits: two ids could have become one.
        Value::Number(number) if number.is_f64() => None,
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The same as the value of an event's field.
pub fn scalar(value: &Value, pointer: &str) -> Option<Scalar> {
    text(value, pointer).map(Scalar::Text)
}

/// A whole number, written as a number or as text.
pub fn number(value: &Value, pointer: &str) -> Option<i64> {
    match value.pointer(pointer)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Whether `true` stands there; anything else is `false`.
pub fn is_true(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool) == Some(true)
}

/// The entries of a list; nothing where there is none.
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// In which unit a platform writes instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Millis,
    /// The platform's documents disagree: seconds below 100,000,000,000 (the year 5138), else milliseconds.
    ByMagnitude,
}

/// Above it a number counts as milliseconds.
const SECONDS_MAX: i64 = 100_000_000_000;

/// An instant as milliseconds, as an event's `at`. One that no number can hold stays what it is, so that normalising
/// refuses it and says why.
pub fn instant(value: &Value, pointer: &str, unit: Unit) -> Option<Scalar> {
    let Some(number) = number(value, pointer) else {
        return scalar(value, pointer);
    };
    let is_seconds = match unit {
        Unit::Seconds => true,
        Unit::Millis => false,
        Unit::ByMagnitude => number.saturating_abs() < SECONDS_MAX,
    };
    Some(Scalar::from(if is_seconds { number.saturating_mul(1_000) } else { number }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_broken_character_costs_itself_alone() {
        let check = |body: &[u8], expect: Value| assert_eq!(parse(body).unwrap(), expect, "{}", body.escape_ascii());
        check(br#"{"a":"hi \ud83d"}"#, json!({ "a": "hi \u{fffd}" }));
        check(br#"{"a":"\udc00\ud83d\ude00\ud83dx"}"#, json!({ "a": "\u{fffd}\u{1f600}\u{fffd}x" }));
        check(br#"{"a":"\\ud83d \ud83d","b":"\"\ud83d"}"#, json!({ "a": "\\ud83d \u{fffd}", "b": "\"\u{fffd}" }));
        check(b"{\"a\":\"\xff\"}", json!({ "a": "\u{fffd}" }));
        check("{\"ä\":\"\\ud83dä\"}".as_bytes(), json!({ "ä": "\u{fffd}ä" }));
        for broken in [&b"{\"a\":\"\\ud83d\""[..], b"\\", b"\"\\u12", b"\"\\"] {
            assert!(parse(broken).is_err());
        }
        let many = format!("[{}1]", "1,".repeat(VALUES_MAX));
        assert_eq!(parse(many.as_bytes()), Err(format!("it has more than {VALUES_MAX} values")));
    }

    #[test]
    fn all_digits_of_an_id_survive() {
        let value =
            json!({ "n": 18446744073709551615_u64, "m": -9223372036854775808_i64, "f": 1e19, "e": "", "o": {} });
        assert_eq!(text(&value, "/n").as_deref(), Some("18446744073709551615"));
        assert_eq!(text(&value, "/m").as_deref(), Some("-9223372036854775808"));
        assert_eq!(
            (text(&value, "/f"), text(&value, "/e"), text(&value, "/o"), text(&value, "/x")),
            Default::default()
        );
    }

    #[test]
    fn an_instant_is_read_as_text_and_number_in_seconds_and_milliseconds() {
        let value = json!({ "s": 1777633200, "t": "1777633200", "m": 1777633200000_i64, "x": "soon", "big": i64::MAX });
        let millis = Some(Scalar::from(1_777_633_200_000));
        assert_eq!(instant(&value, "/s", Unit::Seconds), millis);
        assert_eq!(instant(&value, "/t", Unit::Seconds), millis);
        assert_eq!(instant(&value, "/m", Unit::Millis), millis);
        assert_eq!(instant(&value, "/s", Unit::ByMagnitude), millis);
        assert_eq!(instant(&value, "/m", Unit::ByMagnitude), millis);
        assert_eq!(instant(&value, "/x", Unit::Seconds), Some(Scalar::from("soon")));
        assert_eq!(instant(&value, "/big", Unit::Seconds), Some(Scalar::from(i64::MAX)));
        assert_eq!(instant(&value, "/none", Unit::Seconds), None);
    }
}
