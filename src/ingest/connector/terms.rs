//! What connections to CRMs that are asked have in common: the terms of their deals.

use super::json;
use super::options::{OptionError, Options};
use super::phone::Country;
use serde_json::Value;

/// What counts as a conversion, in which money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What conversions of deals are named.
    pub action: String,
    /// Of amounts that come without one; ISO 4217.
    pub currency: Option<String>,
    /// Of phone numbers without a country code.
    pub country: Option<Country>,
}

impl Terms {
    /// Takes the options `action`, `currency` and `country`.
    ///
    /// # Errors
    /// When one is not what it should be.
    pub fn from_options(options: &mut Options) -> Result<Self, OptionError> {
        let action = options.text_if_given("action")?.unwrap_or_else(|| "purchase".to_owned());
        let currency = letters(options, "currency", 3, "three letters, such as EUR")?;
        let country = Country::from_options(options)?;
        Ok(Self { action, currency, country })
    }
}

fn letters(
    options: &mut Options,
    name: &'static str,
    count: usize,
    expected: &'static str,
) -> Result<Option<String>, OptionError> {
    let Some(text) = options.text_if_given(name)? else { return Ok(None) };
    match text.len() == count && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        true => Ok(Some(text.to_ascii_uppercase())),
        false => Err(OptionError::WrongType { name, expected }),
    }
}

/// Digits of an amount before the point; an event takes no more.
const AMOUNT_DIGITS_MAX: usize = 14;

/// An amount as decimal text: digits, and a point with digits behind it.
pub fn amount(value: &Value, pointer: &str) -> Option<String> {
    let text = match value.pointer(pointer)? {
        Value::Number(number) => number.to_string(),
        _ => json::text(value, pointer)?,
    };
    decimal(&text)
}

/// The same of text alone.
pub fn decimal(text: &str) -> Option<String> {
    let text = text.trim();
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(whole) && whole.len() <= AMOUNT_DIGITS_MAX && is_number(part)).then(|| text.to_owned())
}

/// ISO 4217, in capitals.
pub fn currency(text: Option<String>) -> Option<String> {
    text.map(|text| text.to_ascii_uppercase())
        .filter(|text| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_currencies_are_taken_only_as_what_they_are() {
        for (text, expected) in
            [("4500.00", true), ("0", true), ("1e5", false), ("-1", false), ("1.", false), ("", false)]
        {
            assert_eq!(decimal(text).is_some(), expected, "{text}");
        }
        assert_eq!(currency(Some("rub".to_owned())).as_deref(), Some("RUB"));
        assert_eq!(currency(Some("ру".to_owned())), None);
    }
}
