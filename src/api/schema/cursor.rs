//! Cursors: where a page ends, for the client to bring back.
//!
//! A cursor holds the instant as of which the first page was asked and a place in the order of records. Two marks protect
//! it: one of the whole cursor, which is checked before anything in it is used, and within that one of the question, so
//! that it holds for the same question, tenant and sight only.

use async_graphql::Error;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::api::errors::Code;
use crate::auth::Seal;
use crate::metrics::records::Place;
use crate::model::clock::Millis;

use super::refused;

const NUMBERS: usize = 4;
const NUMBERS_BYTES: usize = NUMBERS * 8;
const BYTES: usize = NUMBERS_BYTES + 2 * Seal::MARK_BYTES;

/// A cursor that this service made; whether for this question is not yet known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// As of when the first page was asked.
    pub now: Millis,
    pub place: Place,
    question_mark: [u8; Seal::MARK_BYTES],
}

/// The cursor of a place in the answer to a question.
pub fn write(seal: &Seal, question: &str, now: Millis, place: Place) -> String {
    let mut bytes = Vec::with_capacity(BYTES);
    for number in [&[now][..], &place.0].concat() {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&seal.mark(question.as_bytes()));
    let mark = seal.mark(&bytes);
    bytes.extend_from_slice(&mark);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// # Errors
/// When this service did not make it.
pub fn read(seal: &Seal, text: &str) -> Result<Cursor, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == BYTES).ok_or_else(refuse)?;
    let (told, mark) = bytes.split_at(BYTES - Seal::MARK_BYTES);
    if !seal.is_intact(told, mark) {
        return Err(refuse());
    }
    let number = |index: usize| -> i64 {
        let mut number = [0; 8];
        number.copy_from_slice(&told[index * 8..index * 8 + 8]);
        i64::from_be_bytes(number)
    };
    let mut question_mark = [0; Seal::MARK_BYTES];
    question_mark.copy_from_slice(&told[NUMBERS_BYTES..]);
    Ok(Cursor { now: number(0), place: Place([number(1), number(2), number(3)]), question_mark })
}

impl Cursor {
    /// # Errors
    /// When it belongs to another question.
    pub fn check(&self, seal: &Seal, question: &str) -> Result<(), Error> {
        match seal.is_intact(question.as_bytes(), &self.question_mark) {
            true => Ok(()),
            false => Err(refuse()),
        }
    }
}

/// One refusal for all that can be wrong: which it is would say what others ask.
pub fn refuse() -> Error {
    refused(
        Code::InvalidQuery,
        "`after` is no cursor of this question: take it from `pageInfo` of the same question, asked by the same viewer",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Secret;

    #[test]
    fn a_cursor_holds_as_it_was_made_and_in_no_other_way() {
        let seal = Seal::new(&Secret::new("0123456789abcdef0123456789abcdef").unwrap(), "test");
        let place = Place([1, i64::MIN, -1]);
        let text = write(&seal, "question", 7, place);
        let cursor = read(&seal, &text).unwrap();
        assert_eq!((cursor.now, cursor.place), (7, place));
        assert!(cursor.check(&seal, "question").is_ok());
        assert!(cursor.check(&seal, "another").is_err());
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            assert!(read(&seal, &String::from_utf8(changed).unwrap()).is_err(), "{index}");
        }
        for wrong in ["", "=", &text[1..], &format!("{text}A"), "\u{0}"] {
            assert!(read(&seal, wrong).is_err(), "{wrong}");
        }
    }
}
