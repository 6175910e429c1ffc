//! Amounts of money: decimal text to ten-thousandths, without a float in between.

use crate::ingest::reason::{Reason, excerpt};
use crate::model::event::{Amount, Scalar};

/// Beyond 15 significant digits a 64-bit float no longer tells neighbours apart.
const FLOAT_DIGITS_MAX: usize = 15;
/// `Decimal(18, 4)` leaves 14 digits before the point.
const WHOLE_DIGITS_MAX: usize = (Amount::DIGITS - Amount::DECIMALS) as usize;

pub(super) fn read(field: &'static str, value: Option<Scalar>) -> Result<Option<Amount>, Reason> {
    let text = match value {
        None => return Ok(None),
        Some(Scalar::Text(text)) if text.is_empty() => return Ok(None),
        Some(Scalar::Text(text)) => text,
        Some(Scalar::Number(number)) => {
            let text = number.to_string();
            let digits = text.chars().filter(char::is_ascii_digit).count();
            if number.is_f64() && FLOAT_DIGITS_MAX < digits {
                return Err(Reason::AmountTooPrecise { field, value: text });
            }
            text
        }
        Some(Scalar::Other(got)) => return Err(Reason::WrongType { field, expected: "a number or a string", got }),
    };
    match parse(text.trim()) {
        Some(amount) => Ok(Some(amount)),
        None => Err(Reason::BadAmount { field, value: excerpt(&text) }),
    }
}

fn parse(text: &str) -> Option<Amount> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let fraction = if fraction == "0" { "" } else { fraction.trim_end_matches('0') };
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || WHOLE_DIGITS_MAX < whole.len() || !plain(whole) || !plain(fraction) {
        return None;
    }
    if usize::from(Amount::DECIMALS) < fraction.len() || digits.ends_with('.') {
        return None;
    }
    // At most 18 digits, which fit.
    let scaled: i64 = format!("{whole}{fraction:0<4}").parse().ok()?;
    Some(Amount(sign * scaled))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: Scalar, expect: Result<i64, &str>) {
        let got = read("conversion.value", Some(value)).map(|amount| amount.unwrap().0);
        assert_eq!(got.map_err(|reason| reason.to_string()), expect.map_err(str::to_owned));
    }

    fn number(json: &str) -> Scalar {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn amounts_keep_every_digit() {
        check("19.99".into(), Ok(199_900));
        check(number("19.99"), Ok(199_900));
        check(number("0.1"), Ok(1_000));
        check(number("5.0"), Ok(50_000));
        check(number("-3"), Ok(-30_000));
        check("+7.5000000".into(), Ok(75_000));
        check("99999999999999.9999".into(), Ok(999_999_999_999_999_999));
    }

    #[test]
    fn what_is_no_amount_is_named() {
        let form = "is not a decimal number with at most 14 digits before the point and 4 after it";
        for bad in ["1,50", "1e5", "1.23456", "100000000000000", "12 rub", ".5", "5.", "--1", "NaN", "٣"] {
            check(bad.into(), Err(&format!("`conversion.value` \"{bad}\" {form}")));
        }
        check(
            number("1234567890123.4567"),
            Err("`conversion.value` 1234567890123.4568 has more digits than a JSON number keeps; write it as a string"),
        );
        check(Scalar::Other("a list"), Err("`conversion.value` must be a number or a string, not a list"));
    }
}
