//! A token taken apart, and what can be refused before anybody knows whose it is.
//!
//! Nothing here is trusted: the signature is checked in [`super::verify`]. Of the header only `alg`, `typ`, `kid` and
//! `crit` are read; `jku`, `x5u`, `jwk` and `x5c`, by which a token would bring its own key, are not.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::key::Algorithm;
use super::{AuthError, json};

/// 8 KiB: hundreds of team names fit, and no proxy passes on longer headers.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// The payload's `typ` of Keycloak's tokens that are not for access. They have the same signature and, some of them,
/// the same audience.
const NOT_FOR_ACCESS: [&str; 4] = ["ID", "Refresh", "Offline", "Logout"];

/// Claims that only ID tokens (OpenID Connect Core 2 and 3.3.2.11) and logout tokens have, whoever makes them. Not `nonce`:
/// some providers repeat it in access tokens.
const OF_OTHER_TOKENS: [&str; 4] = ["at_hash", "c_hash", "s_hash", "events"];

/// The parts of a token.
pub struct Token<'a> {
    /// What was signed.
    pub message: &'a [u8],
    pub signature: Vec<u8>,
    pub algorithm: String,
    /// The name of the key, `kid`.
    pub key: Option<String>,
    pub claims: Map<String, Value>,
}

impl<'a> Token<'a> {
    pub fn read(text: &'a str) -> Result<Self, AuthError> {
        if TOKEN_BYTES_MAX < text.len() {
            return Err(AuthError::TooLong { bytes: text.len(), maximum: TOKEN_BYTES_MAX });
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [header, payload, signature] = parts[..] else { return Err(AuthError::Malformed) };
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthError::Malformed);
        let (header, payload, signature_bytes) = (decode(header)?, decode(payload)?, decode(signature)?);
        let (algorithm, key) = read_header(&header)?;
        let claims =
            json::parse_object(&payload).map_err(|error| AuthError::Claims { reason: format!("payload: {error}") })?;
        let message = &text.as_bytes()[..text.len() - signature.len() - 1];
        Ok(Self { message, signature: signature_bytes, algorithm, key, claims })
    }

    /// The issuer that the token says it has: one text.
    pub fn issuer(&self) -> Result<&str, AuthError> {
        self.claims.get("iss").and_then(Value::as_str).ok_or_else(|| wrong("iss", "one text"))
    }

    /// Refuses tokens that are for something else, as far as their payload tells.
    pub fn check_purpose(&self) -> Result<(), AuthError> {
        let purpose = self.claims.get("typ").and_then(Value::as_str);
        let is_named =
            purpose.is_some_and(|purpose| NOT_FOR_ACCESS.iter().any(|other| purpose.eq_ignore_ascii_case(other)));
        match is_named || OF_OTHER_TOKENS.iter().any(|claim| self.claims.contains_key(*claim)) {
            true => Err(AuthError::NotForAccess),
            false => Ok(()),
        }
    }
}

/// The refusal of a claim that is missing or has another form.
pub fn wrong(claim: &str, form: &str) -> AuthError {
    AuthError::Claims { reason: format!("`{claim}` must be {form}") }
}

/// Algorithm and name of the key.
fn read_header(header: &[u8]) -> Result<(String, Option<String>), AuthError> {
    let header = json::parse_object(header).map_err(|error| AuthError::Header { reason: error.to_string() })?;
    let text = |name: &str| match header.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(AuthError::Header { reason: format!("`{name}` must be a text") }),
    };
    let algorithm = text("alg")?.filter(|name| Algorithm::ALL.iter().any(|algorithm| algorithm.is_named(name)));
    let algorithm = algorithm.ok_or(AuthError::UnknownAlgorithm)?;
    if text("typ")?.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT") && !typ.eq_ignore_ascii_case("at+jwt")) {
        return Err(AuthError::Type);
    }
    if header.contains_key("crit") {
        return Err(AuthError::Critical);
    }
    Ok((algorithm, text("kid")?))
}
