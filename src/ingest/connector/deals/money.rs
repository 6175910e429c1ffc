//! Amounts and currencies as CRMs write them. What is none is left out: nothing here guesses or calculates.

use serde_json::Value;

use crate::ingest::connector::json;

/// Digits of an amount before the point; an event takes no more.
const WHOLE_DIGITS_MAX: usize = 14;

/// Digits behind it: more than a float of a CRM that calculates with floats has.
const PART_DIGITS_MAX: usize = 20;

/// An amount as decimal text: digits, and a point with digits behind it.
pub fn amount(value: &Value, pointer: &str) -> Option<String> {
    let text = match value.pointer(pointer)? {
        Value::Number(number) => number.to_string(),
        _ => json::text(value, pointer)?,
    };
    let text = text.trim();
    is_amount(text).then(|| text.to_owned())
}

/// Whether the text is an amount that is not below zero.
pub fn is_amount(text: &str) -> bool {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str, digits_max: usize| {
        (1..=digits_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    is_number(whole, WHOLE_DIGITS_MAX) && is_number(part, PART_DIGITS_MAX)
}

/// ISO 4217, in capitals.
pub fn currency(text: &str) -> Option<String> {
    let is_currency = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_currency.then(|| text.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_and_currencies_are_taken_only_as_what_they_are() {
        for text in ["4500.00", "0", "1500", "12345678901234"] {
            assert!(is_amount(text), "{text}");
        }
        for text in ["", ".", "1.", ".5", "1e5", "1e20", "1,5", "-1", "NaN", "123456789012345"] {
            assert!(!is_amount(text), "{text}");
        }
        let value = json!({ "text": " 99.50 ", "number": 99.5, "list": [1] });
        assert_eq!(amount(&value, "/text").as_deref(), Some("99.50"));
        assert_eq!(amount(&value, "/number").as_deref(), Some("99.5"));
        assert_eq!((amount(&value, "/list"), amount(&value, "/none")), (None, None));
        assert_eq!(currency("rub").as_deref(), Some("RUB"));
        assert_eq!((currency("ру"), currency("euro")), (None, None));
    }
}
