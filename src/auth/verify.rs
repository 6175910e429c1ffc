//! Checking tokens.
//!
//! The `iss` that a token says it has chooses the issuer, and from there on only that issuer's keys, audience and claims
//! count. Times are checked with the injected clock; a missing claim is refused, whatever it would allow.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::issuer::Issuer;
use super::token::{Token, wrong};
use super::{AuthError, Secret, Viewer, seconds};
use crate::model::Clock;

/// 24 hours: nothing can revoke a token, so none may live longer than a working day with its night.
pub const LIFETIME_MAX_SECONDS: u64 = 24 * 60 * 60;

/// How far the issuer's clock may run ahead of ours. Expiry has no leeway: late is late.
pub const LEEWAY_SECONDS: u64 = 5;

/// Who makes our own tokens and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenConfig {
    pub issuer: String,
    pub audience: String,
}

impl Default for TokenConfig {
    fn default() -> Self {
        Self { issuer: "rapport".to_owned(), audience: "rapport".to_owned() }
    }
}

/// Turns tokens into viewers.
#[derive(Clone)]
pub struct Authenticator {
    issuers: HashMap<String, Issuer>,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// For tokens made with our own secret, and no others.
    pub fn new(secret: &Secret, config: TokenConfig, clock: Arc<dyn Clock>) -> Self {
        Self { issuers: HashMap::new(), clock }.with_issuers([Issuer::own(secret, config)])
    }

    /// For these issuers' tokens too. An issuer that is there already is kept: nobody takes the place of our own.
    #[must_use]
    pub fn with_issuers(mut self, issuers: impl IntoIterator<Item = Issuer>) -> Self {
        for issuer in issuers {
            self.issuers.entry(issuer.name().to_owned()).or_insert(issuer);
        }
        self
    }

    /// The holder of this token. Waits only where a key set must be fetched first.
    pub async fn verify(&self, token: &str) -> Result<Viewer, AuthError> {
        let token = Token::read(token)?;
        let issuer = self.issuers.get(token.issuer()?).ok_or(AuthError::Issuer)?;
        let key = issuer.key(token.key.as_deref()).await?;
        if !key.algorithm().is_named(&token.algorithm) {
            return Err(AuthError::Algorithm { expected: key.algorithm().name() });
        }
        if !key.is_signature_of(token.message, &token.signature) {
            return Err(AuthError::Signature);
        }
        token.check_purpose()?;
        self.check_times(&token.claims)?;
        issuer.audience.check(&token.claims)?;
        Viewer::new(issuer.rules.grant(&token.claims)?, issuer.name())
    }

    fn check_times(&self, claims: &Map<String, Value>) -> Result<(), AuthError> {
        let (issued, expires) = (second(claims, "iat")?, second(claims, "exp")?);
        let now = seconds(self.clock.now());
        if expires <= now {
            return Err(AuthError::Expired { at: expires });
        }
        let latest_start = now.saturating_add(LEEWAY_SECONDS);
        if latest_start < issued {
            return Err(AuthError::IssuedInFuture { at: issued });
        }
        if claims.get("nbf").is_some_and(|value| !value.is_null()) {
            let from = second(claims, "nbf")?;
            if latest_start < from {
                return Err(AuthError::NotYetValid { from });
            }
        }
        let lifetime = expires.checked_sub(issued).filter(|seconds| (1..=LIFETIME_MAX_SECONDS).contains(seconds));
        if lifetime.is_none() {
            let difference = i128::from(expires) - i128::from(issued);
            let seconds = i64::try_from(difference).unwrap_or(i64::MAX);
            return Err(AuthError::Lifetime { seconds, maximum: LIFETIME_MAX_SECONDS });
        }
        Ok(())
    }
}

/// A time as tokens give it: whole seconds since the Unix epoch. A fraction or a text is refused.
fn second(claims: &Map<String, Value>, claim: &str) -> Result<u64, AuthError> {
    claims.get(claim).and_then(Value::as_u64).ok_or_else(|| wrong(claim, "a whole number of seconds"))
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
