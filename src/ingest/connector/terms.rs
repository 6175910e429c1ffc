//! What connections to CRMs have in common: the terms of their deals, and names of people in their cards.

use super::json;
use super::options::{OptionError, Options};
use super::sender::Sender;
use crate::ingest::normalise::IDENTITIES_MAX;
use crate::model::clock::Millis;
use crate::model::event::{Event, Kind, Scalar};
use serde_json::Value;

/// What counts as a conversion, in which money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What conversions of deals are named.
    pub action: String,
    /// Of amounts that come without one; ISO 4217.
    pub currency: Option<String>,
    /// Of phone numbers without a country code; two letters.
    pub country: Option<String>,
}

impl Terms {
    /// Takes the options `action`, `currency` and `country`.
    ///
    /// # Errors
    /// When one is not what it should be.
    pub fn from_options(options: &mut Options) -> Result<Self, OptionError> {
        let action = options.text_if_given("action")?.unwrap_or_else(|| "purchase".to_owned());
        let currency = letters(options, "currency", 3, "three letters, such as EUR")?;
        let country = letters(options, "country", 2, "two letters, such as KZ")?;
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

/// A phone number as an identity. Numbers without a country code are none yet: `_country` is what will read them.
pub fn phone(text: &str, _country: Option<&str>) -> Option<String> {
    // What follows a letter, a comma or a semicolon is an extension.
    let number: String =
        text.trim().chars().take_while(|char| !char.is_alphabetic() && !",;#".contains(*char)).collect();
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let is_international = number.starts_with('+') && (7..=15).contains(&digits.len());
    // Eleven digits that begin with 8 are a number inside Russia or Kazakhstan, where 8 is no country.
    let has_country = (11..=15).contains(&digits.len()) && !(digits.len() == 11 && digits.starts_with('8'));
    let is_phone = !digits.starts_with('0') && (is_international || has_country);
    is_phone.then(|| format!("phone:+{digits}"))
}

/// An email address as an identity.
pub fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let (name, host) = text.rsplit_once('@')?;
    let is_address = !name.is_empty() && host.contains('.') && !text.contains(char::is_whitespace);
    is_address.then(|| format!("email:{}", text.to_lowercase()))
}

/// Events that say that the contact has these names; none where there are no names.
pub fn links(sender: &Sender, account: &str, contact: &str, mut names: Vec<String>, at: Millis) -> Vec<Event> {
    names.sort();
    names.dedup();
    let link = |names: &[String]| {
        let mut parts = vec![contact];
        parts.extend(names.iter().map(String::as_str));
        // Without the time: the same link told again is the same.
        let mut event = sender.event(Kind::ContactLinked, account, &parts);
        event.at = Some(Scalar::from(at));
        event.contact = Some(Scalar::from(contact));
        event.identities = Some(names.iter().map(|name| Scalar::from(name.as_str())).collect());
        event
    };
    names.chunks(IDENTITIES_MAX).map(link).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_with_a_country_become_identities() {
        for (text, expected) in [
            ("+7 (912) 345-67-89", Some("phone:+79123456789")),
            ("7 912 345 67 89", Some("phone:+79123456789")),
            ("+49 151 12345678 ext. 12", Some("phone:+4915112345678")),
            ("+49 151 12345678,12", Some("phone:+4915112345678")),
            ("8 912 345 67 89", None),
            ("912 345-67-89", None),
            ("0049 151 12345678", None),
            ("+12", None),
            ("+1234567890123456", None),
            ("none", None),
            ("", None),
        ] {
            assert_eq!(phone(text, None).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn amounts_and_addresses_are_taken_only_as_what_they_are() {
        for (text, expected) in
            [("4500.00", true), ("0", true), ("1e5", false), ("-1", false), ("1.", false), ("", false)]
        {
            assert_eq!(decimal(text).is_some(), expected, "{text}");
        }
        assert_eq!(email(" Anna@Example.com ").as_deref(), Some("email:anna@example.com"));
        assert_eq!((email("anna@host"), email("a b@c.d"), email("@c.d")), (None, None, None));
        assert_eq!(currency(Some("rub".to_owned())).as_deref(), Some("RUB"));
        assert_eq!(currency(Some("ру".to_owned())), None);
    }

    #[test]
    fn many_names_make_several_events_and_no_names_none() {
        let names = |count: usize| (0..count).map(|number| format!("email:{number:02}@example.com")).collect();
        let count = |names| links(&Sender { channel: "BITRIX24" }, "a", "bitrix24:a:contact:5", names, 0).len();
        assert_eq!((count(names(0)), count(names(16)), count(names(17))), (0, 1, 2));
        assert_eq!(count(vec!["email:a@example.com".to_owned(); 20]), 1);
    }
}
