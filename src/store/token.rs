//! What tells the repeat of an insert from a new one.
//!
//! The engine keeps the tokens of a table's latest inserts and takes a batch with a token that it knows for done. This module
//! only makes the token; how many the engine keeps stands in the table's settings.

use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

/// A deduplication token. It is a digest, so that no id and no name of what is inserted reaches the engine's logs, and so
/// that it can stand in a statement as it is.
///
/// The same token must stand for the same rows: the engine looks at nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token([u8; 32]);

impl Token {
    /// The token of a text that says which batch it is, such as a stream and its range of numbers.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }
}

/// Hexadecimal digits.
impl fmt::Display for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(")?;
        fmt::Display::fmt(self, formatter)?;
        formatter.write_char(')')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_plain_text_that_tells_batches_apart() {
        let token = Token::of("anna's '; DROP TABLE events").to_string();
        assert_eq!(token.len(), 64);
        assert!(token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
        assert_eq!(Token::of("stream 1-10"), Token::of("stream 1-10"));
        assert_ne!(Token::of("stream 1-10"), Token::of("stream 1-11"));
    }
}
