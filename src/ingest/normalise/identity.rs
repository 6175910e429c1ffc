//! Other names of a contact: `kind:value`, the same text for the same name.

use super::text;
use crate::ingest::reason::{Reason, excerpt};
use crate::model::event::Scalar;

/// Names that one event can give: phones, messengers, CRMs of one person.
pub const IDENTITIES_MAX: usize = 16;

/// Digits of a number with its country code, at least and at most (E.164).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// `phone:+…` of a number that begins with its country code, with or without `+`; what people write between the digits is
/// left out. `None` for anything else: an identity that is wrong would cost the whole event, or make one person of two.
pub fn phone(number: &str) -> Option<String> {
    let number = number.trim();
    let written = number.strip_prefix('+').unwrap_or(number);
    if !written.chars().all(|char| char.is_ascii_digit() || " -().\u{a0}".contains(char)) {
        return None;
    }
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let is_number = PHONE_DIGITS.contains(&digits.len()) && !digits.starts_with('0');
    is_number.then(|| format!("phone:+{digits}"))
}

/// The names, without repeats, in the order given.
pub(super) fn read(values: Option<Vec<Scalar>>) -> Result<Vec<String>, Reason> {
    let values = values.unwrap_or_default();
    if IDENTITIES_MAX < values.len() {
        return Err(Reason::TooManyIdentities { count: values.len(), max: IDENTITIES_MAX });
    }
    let mut names: Vec<String> = Vec::with_capacity(values.len());
    for value in values {
        let name = text::id("identities", Some(value))?;
        if name.is_empty() {
            continue;
        }
        let name = read_one(&name).ok_or_else(|| Reason::BadIdentity { identity: excerpt(&name) })?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn read_one(name: &str) -> Option<String> {
    let (kind, value) = name.split_once(':')?;
    let value = value.trim();
    let is_kind = !kind.is_empty() && kind.chars().all(|char| char.is_ascii_alphanumeric() || "_-.@".contains(char));
    if !is_kind || value.is_empty() {
        return None;
    }
    let kind = kind.to_ascii_lowercase();
    match kind.as_str() {
        // Only the `+` says that it begins with its country code.
        "phone" => value.starts_with('+').then(|| phone(value)).flatten(),
        "email" => Some(format!("email:{}", value.to_lowercase())),
        _ => Some(format!("{kind}:{value}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expect: Option<&str>) {
        assert_eq!(read_one(name).as_deref(), expect, "{name}");
    }

    #[test]
    fn a_name_is_one_text_however_it_is_written() {
        check("phone:+49 151 1234-5678", Some("phone:+4915112345678"));
        check("Phone:+7 (912) 345-67-89", Some("phone:+79123456789"));
        check("email:Anna@Example.com", Some("email:anna@example.com"));
        check("telegram:7264", Some("telegram:7264"));
        check("hubspot:8812:deal:7", Some("hubspot:8812:deal:7"));
        for wrong in
            ["phone:89123456789", "phone:+123", "phone:+0123456789", "phone:+49151x", "7264", ":7", "a b:7", "crm: "]
        {
            check(wrong, None);
        }
    }

    #[test]
    fn a_number_with_its_country_code_is_one_identity_however_it_is_written() {
        for written in ["79161234567", "+79161234567", "+7 (916) 123-45-67", " 7\u{a0}916.123.45.67 "] {
            assert_eq!(phone(written).as_deref(), Some("phone:+79161234567"), "{written}");
        }
        for wrong in [
            "",
            "+",
            "123456",
            "1234567890123456",
            "0791612345",
            "+7916x234567",
            "tel:79161234567",
            "++79161234567",
            "7916+1234567",
            "DE.12345678",
        ] {
            assert_eq!(phone(wrong), None, "{wrong}");
        }
    }
}
