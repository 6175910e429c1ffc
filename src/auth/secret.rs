//! The key that signs and checks tokens. It never shows itself, not even to `Debug`.

use std::fmt;

use aws_lc_rs::hmac;
use jsonwebtoken::EncodingKey;

use super::AuthError;
use super::key::VerifyingKey;

/// A secret that is long enough for HS256.
#[derive(Clone)]
pub struct Secret {
    // Invariant: at least `Secret::BYTES_MIN` bytes.
    bytes: Vec<u8>,
}

impl Secret {
    /// As long as the hash: RFC 7518 asks for it, and a shorter secret can be guessed offline from one token.
    pub const BYTES_MIN: usize = 32;

    pub fn new(text: &str) -> Result<Self, AuthError> {
        let bytes = text.trim().as_bytes().to_vec();
        if bytes.len() < Self::BYTES_MIN {
            return Err(AuthError::SecretTooShort { bytes: bytes.len(), minimum: Self::BYTES_MIN });
        }
        Ok(Self { bytes })
    }

    pub(super) fn to_derive(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.bytes)
    }

    pub(super) fn to_sign(&self) -> EncodingKey {
        EncodingKey::from_secret(&self.bytes)
    }

    pub(super) fn to_verify(&self) -> VerifyingKey {
        VerifyingKey::secret(hmac::Key::new(hmac::HMAC_SHA256, &self.bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_is_refused_with_advice() {
        let error = Secret::new("only thirty-one bytes long here").unwrap_err();
        assert!(error.to_string().contains("openssl rand"), "{error}");
        assert!(!error.to_string().contains("thirty-one"), "{error}");
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::new("0123456789abcdef0123456789abcdef").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret([redacted])");
    }
}
