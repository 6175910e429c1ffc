//! Payloads as JSON values, read tolerantly: a field of another type than expected is one that is not there.

use serde_json::Value;

use crate::model::event::Scalar;

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
