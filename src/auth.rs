//! Who is asking: a signed token becomes a [`Viewer`], and a viewer has a `Scope`.
//!
//! Tokens are JWTs: our own, signed with HS256 and one secret, and those of configured issuers, signed with key pairs.
//! This module never looks at what is asked for and reads no headers (see `api::http::bearer`). Of an issuer whose keys
//! are behind an address it fetches them from there ([`remote`]), and it opens no other connection: nothing in a token
//! makes it ask anybody. Checking a token is in [`verify`], making one in [`tokens`].
//!
//! `jsonwebtoken` makes our tokens and checks none: of a claim that is given twice it keeps the last where names of claims are
//! not known beforehand, it passes over `crit`, and it takes any key of a type for each of its algorithms. Signatures are
//! checked by `aws-lc-rs`, which it uses itself.

pub mod claims;
pub mod issuer;
mod json;
pub mod jwks;
pub mod key;
pub mod remote;
pub mod seal;
pub mod secret;
#[cfg(test)]
mod test_keys;
mod token;
pub mod tokens;
pub mod verify;
pub mod viewer;

pub use issuer::{Issuer, IssuerConfig};
pub use seal::Seal;
pub use secret::Secret;
pub use tokens::{Grant, issue};
pub use verify::{Authenticator, TokenConfig};
pub use viewer::{Viewer, owner};

pub use crate::model::Role;
use crate::model::clock::Millis;

/// Why a token is refused or cannot be made. No message holds the token, the signature or the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    #[error(
        "the secret has {bytes} bytes and needs at least {minimum}: make one with `openssl rand -base64 48` and set it as RAPPORT_JWT_SECRET"
    )]
    SecretTooShort { bytes: usize, minimum: usize },
    #[error("the token has {bytes} bytes and the longest accepted has {maximum}")]
    TooLong { bytes: usize, maximum: usize },
    #[error("this is not a JWT: it must have three parts in base64url without padding")]
    Malformed,
    #[error("the token's header cannot be read: {reason}")]
    Header { reason: String },
    #[error("the token's algorithm must be HS256, RS256, ES256 or EdDSA")]
    UnknownAlgorithm,
    #[error("the token's algorithm must be that of its key, {expected}")]
    Algorithm { expected: &'static str },
    #[error("the token's type must be `JWT` or `at+jwt`")]
    Type,
    #[error("the token has a `crit` header, which names extensions that this service does not know")]
    Critical,
    #[error("this is an ID token or a refresh token: send the access token that came with it")]
    NotForAccess,
    #[error(
        "the token names no key of its issuer (`kid`): it is made up, or its key was withdrawn; with several keys a name is needed"
    )]
    UnknownKey,
    #[error("the keys of the token's issuer cannot be had at present: try again in {retry_after_seconds} s")]
    KeysUnavailable { retry_after_seconds: u32 },
    #[error("the token's signature does not match: it was made with another key, or changed")]
    Signature,
    #[error("the token's claims cannot be read: {reason}")]
    Claims { reason: String },
    #[error("the token expired at {}", instant(*.at))]
    Expired { at: u64 },
    #[error("the token is not valid before {}", instant(*.from))]
    NotYetValid { from: u64 },
    #[error("the token was issued in the future, at {}: compare the clocks of issuer and service", instant(*.at))]
    IssuedInFuture { at: u64 },
    #[error("the token is valid for {seconds} s from `iat` to `exp`; it must be more than 0 s and at most {maximum} s")]
    Lifetime { seconds: i64, maximum: u64 },
    #[error("the token's issuer (`iss`) is none of those that this service knows: `rapport doctor` lists them")]
    Issuer,
    #[error("the token's audience must be `{expected}` and nothing else")]
    Audience { expected: String },
    #[error("the token's audience must contain `{expected}`")]
    NotInAudience { expected: String },
    #[error("the token's `{claim}` claim is missing or blank")]
    Blank { claim: String },
    #[error("a token of role {role} needs the `{claim}` claim")]
    Needed { role: Role, claim: String },
    #[error("the token's tenant is not the one that its issuer may speak for")]
    ForeignTenant,
    #[error("no name in the token's `{claim}` claim is a role here")]
    NoRole { claim: String },
    #[error("the token's `{claim}` claim names the role SERVICE beside another: a service sends and never reads")]
    ServiceAndMore { claim: String },
    #[error("the token could not be signed")]
    Signing,
}

impl AuthError {
    /// Its name for the audit log, such as `ISSUED_IN_FUTURE`: the variant's own, so that nothing is declared twice.
    pub fn name(&self) -> String {
        let shown = format!("{self:?}");
        let mut name = String::new();
        for letter in shown.chars().take_while(char::is_ascii_alphanumeric) {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
        }
        name
    }
}

/// A second since the Unix epoch as people read it; a number when it lies outside the calendar.
fn instant(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0))
        .map_or_else(|| seconds.to_string(), |at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The clock's milliseconds as the seconds that tokens count in. A clock before 1970 counts as 1970.
fn seconds(now: Millis) -> u64 {
    u64::try_from(now.div_euclid(1_000)).unwrap_or(0)
}
