//! The token of who may read `/metrics`.

use crate::ingest::connector::options::Hidden;

/// As long as a secret for tokens: it can be tried as often as one likes.
const CHARS_MIN: usize = 32;

/// The token that is configured, if there is one.
///
/// # Errors
/// When it can be guessed.
pub fn parse(written: Option<String>) -> Result<Option<Hidden>, TooShort> {
    let Some(token) = written else { return Ok(None) };
    match CHARS_MIN <= token.trim().chars().count() {
        true => Ok(Some(Hidden::new(token.trim()))),
        false => Err(TooShort),
    }
}

/// It can be guessed.
#[derive(Debug, thiserror::Error)]
#[error("`metrics_token` needs at least {CHARS_MIN} characters: make one with `openssl rand -hex 32`")]
pub struct TooShort;
