//! Marks on what a client carries for the service and must not change: cursors.
//!
//! A mark proves that this service, and for this purpose, made a text; it hides nothing.

use aws_lc_rs::hmac;

use super::Secret;

/// Makes and checks the marks of one purpose.
#[derive(Clone)]
pub struct Seal {
    key: hmac::Key,
}

impl Seal {
    /// The bytes of a mark: a whole HMAC-SHA256.
    pub const MARK_BYTES: usize = 32;

    /// A key of its own for each purpose, so that a mark of one is none of another and says nothing of the secret.
    pub fn new(secret: &Secret, purpose: &str) -> Self {
        let derived = hmac::sign(&secret.to_derive(), purpose.as_bytes());
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()) }
    }

    pub fn mark(&self, text: &[u8]) -> Vec<u8> {
        hmac::sign(&self.key, text).as_ref().to_vec()
    }

    /// Compares in constant time.
    pub fn is_intact(&self, text: &[u8], mark: &[u8]) -> bool {
        hmac::verify(&self.key, text, mark).is_ok()
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Seal([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_holds_for_its_text_its_purpose_and_its_secret() {
        let secret = Secret::new("0123456789abcdef0123456789abcdef").unwrap();
        let seal = Seal::new(&secret, "cursor");
        let mark = seal.mark(b"text");
        assert_eq!(mark.len(), Seal::MARK_BYTES);
        assert!(seal.is_intact(b"text", &mark));
        assert!(!seal.is_intact(b"Text", &mark));
        assert!(!seal.is_intact(b"text", &mark[..31]));
        assert!(!Seal::new(&secret, "other").is_intact(b"text", &mark));
        let other = Secret::new("0123456789abcdef0123456789abcdeF").unwrap();
        assert!(!Seal::new(&other, "cursor").is_intact(b"text", &mark));
    }
}
