//! Checking tokens.
//!
//! The library checks algorithm and signature; everything about time, issuer and audience is checked here, with
//! the injected clock and without the library's gaps (it lets `exp` be a fraction or 2^64 - 1, and an audience
//! be absent).

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode_header, errors::ErrorKind};
use serde::Deserialize;

use super::{AuthError, Grant, Role, Secret, Viewer, seconds};
use crate::model::Clock;

/// 24 hours: nothing can revoke a token, so none may live longer than a working day with its night.
pub const LIFETIME_MAX_SECONDS: u64 = 24 * 60 * 60;

/// How far the issuer's clock may run ahead of ours. Expiry has no leeway: late is late.
pub const LEEWAY_SECONDS: u64 = 5;

/// 8 KiB: hundreds of team names fit, and no proxy passes on longer headers.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Who makes the tokens and for whom.
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
    key: DecodingKey,
    config: TokenConfig,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    pub fn new(secret: &Secret, config: TokenConfig, clock: Arc<dyn Clock>) -> Self {
        Self { key: secret.to_verify(), config, clock }
    }

    /// The holder of this token.
    pub fn verify(&self, token: &str) -> Result<Viewer, AuthError> {
        if TOKEN_BYTES_MAX < token.len() {
            return Err(AuthError::TooLong { bytes: token.len(), maximum: TOKEN_BYTES_MAX });
        }
        if token.split('.').count() != 3 {
            return Err(AuthError::Malformed);
        }
        // An algorithm that the library does not know, `none` among them, is an unreadable header.
        let header = decode_header(token).map_err(|error| match error.kind() {
            ErrorKind::Json(_) | ErrorKind::InvalidAlgorithmName => AuthError::Algorithm,
            _ => AuthError::Malformed,
        })?;
        if header.alg != Algorithm::HS256 {
            return Err(AuthError::Algorithm);
        }
        if header.typ.as_deref().is_some_and(|typ| !is_accepted_type(typ)) {
            return Err(AuthError::Type);
        }
        if header.crit.is_some() {
            return Err(AuthError::Critical);
        }
        let claims = self.signed_claims(token)?;
        self.check_times(&claims)?;
        self.check_parties(&claims)?;
        Viewer::new(Grant {
            sub: claims.sub,
            tenant: claims.tenant,
            role: claims.role,
            operator: claims.operator,
            teams: claims.teams.unwrap_or_default(),
        })
    }

    fn signed_claims(&self, token: &str) -> Result<Claims, AuthError> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let data =
            jsonwebtoken::decode::<Claims>(token, &self.key, &validation).map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => AuthError::Signature,
                // The signature holds by now, so the reason shows only what the issuer wrote itself.
                ErrorKind::Json(reason) => AuthError::Claims { reason: reason.to_string().chars().take(200).collect() },
                _ => AuthError::Malformed,
            })?;
        Ok(data.claims)
    }

    fn check_times(&self, claims: &Claims) -> Result<(), AuthError> {
        let now = seconds(self.clock.now());
        if claims.exp <= now {
            return Err(AuthError::Expired { at: claims.exp });
        }
        let latest_start = now.saturating_add(LEEWAY_SECONDS);
        if latest_start < claims.iat {
            return Err(AuthError::IssuedInFuture { at: claims.iat });
        }
        if let Some(from) = claims.nbf.filter(|from| latest_start < *from) {
            return Err(AuthError::NotYetValid { from });
        }
        let lifetime =
            claims.exp.checked_sub(claims.iat).filter(|seconds| (1..=LIFETIME_MAX_SECONDS).contains(seconds));
        if lifetime.is_none() {
            let difference = i128::from(claims.exp) - i128::from(claims.iat);
            let seconds = i64::try_from(difference).unwrap_or(i64::MAX);
            return Err(AuthError::Lifetime { seconds, maximum: LIFETIME_MAX_SECONDS });
        }
        Ok(())
    }

    fn check_parties(&self, claims: &Claims) -> Result<(), AuthError> {
        if claims.iss != self.config.issuer {
            return Err(AuthError::Issuer { expected: self.config.issuer.clone() });
        }
        // A token for several audiences can be replayed by each of them, so ours must be the only one.
        let ours = match &claims.aud {
            Audience::One(audience) => *audience == self.config.audience,
            Audience::Many(audiences) => {
                !audiences.is_empty() && audiences.iter().all(|audience| *audience == self.config.audience)
            }
        };
        if !ours {
            return Err(AuthError::Audience { expected: self.config.audience.clone() });
        }
        Ok(())
    }
}

fn is_accepted_type(typ: &str) -> bool {
    typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt")
}

/// Typed, so that serde refuses a claim given twice and a time that is no integer.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    iat: u64,
    exp: u64,
    nbf: Option<u64>,
    sub: String,
    tenant: String,
    role: Role,
    operator: Option<String>,
    teams: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
