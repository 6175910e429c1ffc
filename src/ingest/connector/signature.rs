//! Signatures over raw bytes, compared in constant time.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

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

/// A header that must be there once, as text.
///
/// # Errors
/// When it is missing, there twice, or no text.
pub fn header<'a>(delivery: &Delivery<'a>, name: &'static str) -> Result<&'a str, Refusal> {
    let mut values = delivery.headers.get_all(name).iter();
    let value = values.next().ok_or(Refusal::Unsigned { what: name })?;
    if values.next().is_some() {
        return Err(Refusal::BadSignature { what: name });
    }
    value.to_str().map_err(|_| Refusal::BadSignature { what: name })
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
}
