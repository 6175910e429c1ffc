//! The number that a person shared as its own, as an identity. Whether it is its own, the platform's connector decides.

use crate::model::event::Scalar;

/// Digits of a number with its country code, at least and at most (E.164); normalising refuses any other.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// `phone:+…` of a number that begins with its country code, with or without `+`, as platforms write them. `None` for
/// anything else: an identity that is wrong would cost the whole event, or make one person of two.
pub fn identity(number: &str) -> Option<Scalar> {
    let number = number.trim();
    let written = number.strip_prefix('+').unwrap_or(number);
    if !written.chars().all(|char| char.is_ascii_digit() || " -().\u{a0}".contains(char)) {
        return None;
    }
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let is_number = DIGITS.contains(&digits.len()) && !digits.starts_with('0');
    is_number.then(|| Scalar::Text(format!("phone:+{digits}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_identity_however_it_is_written() {
        let expect = Some(Scalar::from("phone:+79161234567"));
        for written in ["79161234567", "+79161234567", "+7 (916) 123-45-67", " 7\u{a0}916 123 45 67 "] {
            assert_eq!(identity(written), expect, "{written}");
        }
        for wrong in
            ["", "+", "123456", "1234567890123456", "0791612345", "+7916x234567", "tel:79161234567", "++79161234567"]
        {
            assert_eq!(identity(wrong), None, "{wrong}");
        }
    }
}
