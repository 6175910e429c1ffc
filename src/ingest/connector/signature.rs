//! What proves whose a delivery is: signatures over its raw bytes and shared secrets, both compared in constant time.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::AsHeaderName;

use super::options::Hidden;
use super::{Delivery, Refusal};

/// Whether two secrets are the same; takes as long for every wrong one of the same length.
pub fn is_same(expected: &Hidden, got: &str) -> bool {
    constant_time::verify_slices_are_equal(expected.reveal().as_bytes(), got.as_bytes()).is_ok()
}

/// Whether `hex` is the HMAC of the bytes; upper and lower case count the same.
pub fn is_hmac_hex(algorithm: hmac::Algorithm, secret: &Hidden, bytes: &[u8], hex: &str) -> bool {
    let Some(tag) = from_hex(hex) else { return false };
    hmac::verify(&hmac::Key::new(algorithm, secret.reveal().as_bytes()), bytes, &tag).is_ok()
}

/// The same for a tag in Base64.
pub fn is_hmac_base64(algorithm: hmac::Algorithm, secret: &Hidden, bytes: &[u8], base64: &str) -> bool {
    let Ok(tag) = STANDARD.decode(base64) else { return false };
    hmac::verify(&hmac::Key::new(algorithm, secret.reveal().as_bytes()), bytes, &tag).is_ok()
}

/// Whether what was given is the secret. `what` names the place that it was given in.
///
/// # Errors
/// When nothing was given, or something else.
pub fn check(secret: &Hidden, given: Option<&str>, what: &'static str) -> Result<(), Refusal> {
    match given {
        Some(given) if is_same(secret, given) => Ok(()),
        Some(_) => Err(Refusal::BadSignature { what }),
        None => Err(Refusal::Unsigned { what }),
    }
}

/// Whether the header is the secret.
///
/// # Errors
/// When it is not, is missing, or is there twice.
pub fn check_header(secret: &Hidden, delivery: &Delivery<'_>, name: &'static str) -> Result<(), Refusal> {
    check(secret, Some(header(delivery, name)?), name)
}

/// A header that must be there once, as text.
///
/// # Errors
/// When it is missing, there twice, or no text.
pub fn header<'a>(delivery: &Delivery<'a>, name: &'static str) -> Result<&'a str, Refusal> {
    named_header(delivery, name, name)
}

/// The same of a header that a file names, which a refusal does not repeat.
///
/// # Errors
/// When it is missing, there twice, or no text.
pub fn named_header<'a>(
    delivery: &Delivery<'a>,
    name: impl AsHeaderName,
    what: &'static str,
) -> Result<&'a str, Refusal> {
    let mut values = delivery.headers.get_all(name).iter();
    let value = values.next().ok_or(Refusal::Unsigned { what })?;
    // Of two, one could be somebody else's.
    match (values.next(), value.to_str()) {
        (None, Ok(text)) => Ok(text),
        _ => Err(Refusal::BadSignature { what }),
    }
}

/// The parameter of a query; `None` where it is missing.
///
/// # Errors
/// When it is there twice: one of them could be somebody else's.
pub fn parameter(query: &str, name: &str, what: &'static str) -> Result<Option<String>, Refusal> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (given, None) => Ok(given.map(|(_, value)| value.into_owned())),
        _ => Err(Refusal::BadSignature { what }),
    }
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 2 of RFC 4231.
    #[test]
    fn an_hmac_is_known_by_its_hex() {
        let (secret, text) = (Hidden::new("Jefe"), b"what do ya want for nothing?");
        let hex = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert!(is_hmac_hex(hmac::HMAC_SHA256, &secret, text, hex));
        assert!(is_hmac_hex(hmac::HMAC_SHA256, &secret, text, &hex.to_uppercase()));
        for wrong in ["", "5b", &hex[..62], &hex.replace('5', "6"), "zz", "ä"] {
            assert!(!is_hmac_hex(hmac::HMAC_SHA256, &secret, text, wrong), "{wrong}");
        }
        assert!(!is_hmac_hex(hmac::HMAC_SHA256, &Hidden::new("jefe"), text, hex));
    }

    #[test]
    fn a_shared_secret_must_be_given_once_and_be_the_same() {
        let (secret, what) = (Hidden::new("not-a-real-secret"), "`key`");
        let checked =
            |query: &str| parameter(query, "key", what).and_then(|given| check(&secret, given.as_deref(), what));
        assert_eq!(checked("a=b&key=not%2Da-real-secret"), Ok(()));
        assert_eq!(checked("Key=not-a-real-secret"), Err(Refusal::Unsigned { what }));
        for wrong in ["key", "key=", "key=not-a-real-secre", "key=not-a-real-secret&key=not-a-real-secret"] {
            assert_eq!(checked(wrong), Err(Refusal::BadSignature { what }), "{wrong}");
        }
    }
}
