//! The SHA-256 of a document's text, by which clients name it. It says nothing of who may run the document.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::model::hex;

/// The hash of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TextHash([u8; 32]);

impl TextHash {
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Reads 64 hexadecimal digits, of either case.
    pub fn parse(digits: &str) -> Option<Self> {
        let digits: &[u8; 64] = digits.as_bytes().try_into().ok()?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
        }
        Some(Self(bytes))
    }
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16)?.try_into().ok()
}

impl fmt::Display for TextHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of FIPS 180-2.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        assert_eq!(TextHash::of("abc").to_string(), ABC);
        assert_eq!(TextHash::parse(ABC), Some(TextHash::of("abc")));
        assert_eq!(TextHash::parse(&ABC.to_uppercase()), Some(TextHash::of("abc")));
        assert_ne!(TextHash::parse(ABC), Some(TextHash::of("abd")));
    }

    #[test]
    fn what_is_no_hash_is_not_read() {
        let long = format!("{ABC}0");
        let signed = format!("+{}", &ABC[1..]);
        let wide = "é".repeat(32);
        for wrong in ["", "abc", &ABC[1..], &long, &ABC.replace('b', "g"), &signed, &wide] {
            assert_eq!(TextHash::parse(wrong), None, "{wrong}");
        }
    }
}
