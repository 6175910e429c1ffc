//! Phone numbers as people and CRMs write them become the identity `phone:+…`.
//!
//! A number whose country cannot be told is none: a wrong one would make one person of two.

/// In which country numbers without a country code were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Country {
    /// All numbers begin with their country code, with or without `+`.
    Named,
    /// The digits of the country's code.
    Code(String),
}

/// Digits of a number with its country code, as normalising wants them (E.164).
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Digits behind the code of most countries, at least: with fewer, a number that begins like the code is a national one.
const NATIONAL_DIGITS_MIN: usize = 9;

impl Country {
    /// `international`, or a code such as `+7`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "international" {
            return Some(Self::Named);
        }
        let digits = text.strip_prefix('+')?;
        let is_code = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        (is_code && !digits.starts_with('0')).then(|| Self::Code(digits.to_owned()))
    }

    /// The number as an identity.
    pub fn identity(&self, text: &str) -> Option<String> {
        let text = text.trim();
        let (is_international, rest) = match text.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if !rest.chars().all(|char| char.is_ascii_digit() || " -().\u{a0}".contains(char)) {
            return None;
        }
        let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
        let full = match (self, digits.strip_prefix("00")) {
            _ if is_international => digits,
            (_, Some(rest)) => rest.to_owned(),
            (Self::Named, None) => digits,
            (Self::Code(code), None) => from_national(code, &digits)?,
        };
        (DIGITS.contains(&full.len()) && !full.starts_with('0')).then(|| format!("phone:+{full}"))
    }
}

fn from_national(code: &str, digits: &str) -> Option<String> {
    match (code, digits.len()) {
        // Numbers of these countries have ten digits; 8 is dialled before them at home where the code is 7.
        ("7", 11) if digits.starts_with(['7', '8']) => Some(format!("7{}", &digits[1..])),
        ("1", 11) if digits.starts_with('1') => Some(digits.to_owned()),
        ("7" | "1", 10) => Some(format!("{code}{digits}")),
        ("7" | "1", _) => None,
        _ if digits.starts_with(code) && code.len() + NATIONAL_DIGITS_MIN <= digits.len() => Some(digits.to_owned()),
        _ => Some(format!("{code}{}", digits.strip_prefix('0').unwrap_or(digits))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(country: &str, text: &str, expect: Option<&str>) {
        let country = Country::parse(country).unwrap();
        assert_eq!(country.identity(text).as_deref(), expect, "{country:?} {text}");
    }

    #[test]
    fn a_number_is_one_identity_however_it_is_written() {
        for same in ["+7 (912) 345-67-89", "8 912 345 67 89", "79123456789", "912 345-67-89", "007 912 3456789"] {
            check("+7", same, Some("phone:+79123456789"));
        }
        check("+49", "0151 12345678", Some("phone:+4915112345678"));
        check("+49", "4915112345678", Some("phone:+4915112345678"));
        check("+375", "29 123-45-67", Some("phone:+375291234567"));
        check("+7", "7012345678", Some("phone:+77012345678"));
        check("international", "79123456789", Some("phone:+79123456789"));
    }

    #[test]
    fn what_is_no_number_is_no_identity() {
        for none in ["", "+", "anna", "89123456789x", "12", "+0123456789", "1234567890123456", "912345678"] {
            check("+7", none, None);
        }
        for wrong in ["7", "+", "+0", "+12345", "RU"] {
            assert_eq!(Country::parse(wrong), None, "{wrong}");
        }
    }
}
