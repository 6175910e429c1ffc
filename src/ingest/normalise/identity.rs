//! Other names of a contact: `kind:value`, the same text for the same name.

use super::text;
use crate::ingest::reason::{Reason, excerpt};
use crate::model::event::Scalar;

/// Names that one event can give: phones, messengers, CRMs of one person.
pub const IDENTITIES_MAX: usize = 16;

/// Digits of a number with its country code, at least and at most (E.164).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

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
        "phone" => Some(format!("phone:{}", read_phone(value)?)),
        "email" => Some(format!("email:{}", value.to_lowercase())),
        _ => Some(format!("{kind}:{value}")),
    }
}

/// `+` and the digits of a number that begins with its country code; what people write between them is left out.
fn read_phone(value: &str) -> Option<String> {
    let digits = value.strip_prefix('+')?;
    if !digits.chars().all(|char| char.is_ascii_digit() || " -().\u{a0}".contains(char)) {
        return None;
    }
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    (PHONE_DIGITS.contains(&digits.len()) && !digits.starts_with('0')).then(|| format!("+{digits}"))
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
}
