//! Telephone numbers as people write them, as identities: `phone:+` and the digits that begin with the country code.
//!
//! A number that could be somebody else's is none: two people under one number would become one. So one that is not in use
//! anywhere, or has an extension, gives nothing. Numbers that a messenger vouches for are not guessed at: they are read by
//! [`crate::ingest::normalise::phone`].

use std::fmt;

use phonenumber::Mode;

use super::options::{OptionError, Options};

/// The country that numbers without a country code are of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Country(phonenumber::country::Id);

impl Country {
    /// The country of an ISO 3166 code of two letters; case does not matter.
    pub fn parse(code: &str) -> Option<Self> {
        code.trim().to_ascii_uppercase().parse().ok().map(Self)
    }

    /// Takes the option `country`.
    ///
    /// # Errors
    /// When it is no country.
    pub fn from_options(options: &mut Options) -> Result<Option<Self>, OptionError> {
        let Some(code) = options.text_if_given("country")? else { return Ok(None) };
        let invalid = || OptionError::Invalid {
            name: "country",
            reason: format!("`{code}` is no country: give two letters, such as \"RU\" or \"DE\""),
        };
        Self::parse(&code).map(Some).ok_or_else(invalid)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_ref())
    }
}

/// Characters of a number with all that people write between its digits.
const CHARS_MAX: usize = 40;

/// Digits from which on a number without `+` can have a country code in it.
const INTERNATIONAL_DIGITS_MIN: usize = 11;

/// The number as an identity, `phone:+4915112345678`. Without a country, a number counts that begins with `+` or `00`, or that
/// has 11 digits or more with its country code. `None`: it is no number, or cannot be told whose.
pub fn phone(text: &str, country: Option<Country>) -> Option<String> {
    let text = text.trim();
    let is_between = |char: char| " -().\u{a0}\u{2011}\u{2013}/".contains(char);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let rest = text.strip_prefix('+');
    let is_plain = rest.unwrap_or(text).chars().all(|char| char.is_ascii_digit() || is_between(char));
    if !is_plain || CHARS_MAX < text.chars().count() {
        return None;
    }
    // What people write between the digits differs from country to country; the digits do not. Only the bracketed zero of
    // `+44 (0)20` is read where it stands.
    if rest.is_some() {
        let digits: String = text.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
        return international(&digits);
    }
    if let Some(digits) = digits.strip_prefix("00") {
        return international(digits);
    }
    let national = country.and_then(|country| in_use(Some(country.0), &digits));
    let is_long = INTERNATIONAL_DIGITS_MIN <= digits.len();
    national.or_else(|| international(&digits).filter(|_| is_long))
}

/// The number that begins with its country code.
fn international(digits: &str) -> Option<String> {
    in_use(None, &format!("+{digits}"))
}

fn in_use(country: Option<phonenumber::country::Id>, text: &str) -> Option<String> {
    let number = phonenumber::parse(country, text).ok()?;
    number.is_valid().then(|| format!("phone:{}", number.format().mode(Mode::E164)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, country: &str, expect: Option<&str>) {
        let expect = expect.map(|number| format!("phone:{number}"));
        assert_eq!(phone(text, Country::parse(country)), expect, "{text} in {country:?}");
    }

    #[test]
    fn a_number_is_one_text_however_it_is_written() {
        for text in
            ["+7 (912) 345-67-89", "79123456789", "007 912 345 67 89", "+7\u{a0}912\u{a0}345\u{2011}67\u{2011}89"]
        {
            check(text, "", Some("+79123456789"));
            check(text, "RU", Some("+79123456789"));
        }
        for text in ["8 912 345-67-89", "89123456789", "912 345 67 89", "9123456789"] {
            check(text, "RU", Some("+79123456789"));
            check(text, "", None);
        }
        check("0151 12345678", "DE", Some("+4915112345678"));
        check("+49 151 12345678", "RU", Some("+4915112345678"));
        check("+44 (0)20 7946 0018", "", Some("+442079460018"));
        check("020 7946 0018", "GB", Some("+442079460018"));
        check("(212) 736-5000", "US", Some("+12127365000"));
        check("8 029 123-45-67", "BY", Some("+375291234567"));
        check("+375 29 123-45-67", "RU", Some("+375291234567"));
        check("8 707 123 45 67", "KZ", Some("+77071234567"));
    }

    #[test]
    fn what_is_nobodys_own_number_is_none() {
        for text in [
            "",
            "+",
            "anna",
            "112",
            "+70000000000",
            "+7 912 345-67-89 ext. 12",
            "+7 912 345-67-89 доб. 12",
            "89123456789, 89123456780",
            "89123456789;89123456780",
            "+7912345678901234567890",
            "٣٤٥٦٧٨٩",
            "0000000000000",
        ] {
            check(text, "RU", None);
        }
    }

    #[test]
    fn a_country_is_two_letters() {
        assert_eq!(format!("{:?}", Country::parse(" ru ")), "Some(RU)");
        for wrong in ["", "R", "RUS", "XX", "7"] {
            assert_eq!(Country::parse(wrong), None, "{wrong}");
        }
        let values = serde_json::json!({ "country": "Russia" }).as_object().cloned().unwrap();
        let refused = Country::from_options(&mut Options::new(values)).unwrap_err().to_string();
        assert_eq!(refused, "`country`: `Russia` is no country: give two letters, such as \"RU\" or \"DE\"");
    }

    proptest! {
        #[test]
        fn nothing_that_people_write_makes_it_panic(text in "[+0-9 ().,;#*xдٱ-]{0,30}", any in ".{0,30}") {
            for text in [text, any] {
                for country in ["", "RU", "US", "AR", "CI"] {
                    let found = phone(&text, Country::parse(country));
                    let is_e164 = |name: &str| {
                        name.strip_prefix("phone:+").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                    };
                    prop_assert!(found.is_none_or(|name| is_e164(&name)));
                }
            }
        }
    }
}
