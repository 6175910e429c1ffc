//! Key sets (RFC 7517): from a document to keys by their names. It reads no file and opens no connection.

use std::fmt;
use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::json;
use super::key::{Algorithm, KeyError, VerifyingKey};

/// 256 KiB: a hundred RSA keys with their certificates.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// Real issuers have two or three: one in use, one before it, one after it.
pub const KEYS_MAX: usize = 100;

/// The usable keys of a document, and what of it is not usable.
#[derive(Debug)]
pub struct KeySet {
    // Invariant: no two have the same name.
    keys: Vec<NamedKey>,
    pub refused: Vec<RefusedKey>,
}

#[derive(Debug)]
struct NamedKey {
    name: Option<String>,
    key: Arc<VerifyingKey>,
}

/// A key of a document that is not used.
#[derive(Debug, PartialEq)]
pub struct RefusedKey {
    /// From 1, as it stands in the document.
    position: usize,
    name: Option<String>,
    pub reason: KeyError,
}

impl KeySet {
    pub fn parse(document: &[u8]) -> Result<Self, SetError> {
        if DOCUMENT_BYTES_MAX < document.len() {
            return Err(SetError::TooLarge);
        }
        let mut object = json::parse_object(document).map_err(SetError::Json)?;
        let Some(Value::Array(items)) = object.remove("keys") else { return Err(SetError::NoKeys) };
        if KEYS_MAX < items.len() {
            return Err(SetError::TooMany { count: items.len() });
        }
        let mut set = Self { keys: Vec::new(), refused: Vec::new() };
        for (position, item) in (1..).zip(items) {
            let name = item.get("kid").and_then(Value::as_str).map(str::to_owned);
            let is_known = name.is_some() && set.keys.iter().any(|known| known.name == name);
            let key = if is_known { Err(KeyError::SameName) } else { key_of(item) };
            match key {
                Ok(key) => set.keys.push(NamedKey { name, key: Arc::new(key) }),
                Err(reason) => set.refused.push(RefusedKey { position, name, reason }),
            }
        }
        Ok(set)
    }

    /// The key that a token names. A token without a name means the only key there is.
    pub fn choose(&self, name: Option<&str>) -> Option<&Arc<VerifyingKey>> {
        match (name, self.keys.as_slice()) {
            (Some(name), keys) => keys.iter().find(|key| key.name.as_deref() == Some(name)).map(|named| &named.key),
            (None, [only]) => Some(&only.key),
            (None, _) => None,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// For people: how many keys, and their names.
impl fmt::Display for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = |named: &NamedKey| format!("{}{}", named.key.algorithm().name(), shown(named.name.as_deref()));
        let keys: Vec<String> = self.keys.iter().map(one).collect();
        match keys.len() {
            0 => formatter.write_str("no key that can be used"),
            1 => write!(formatter, "1 key ({})", keys[0]),
            count => write!(formatter, "{count} keys ({})", keys.join(", ")),
        }
    }
}

impl fmt::Display for RefusedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "key {}{}: {}", self.position, shown(self.name.as_deref()), self.reason)
    }
}

/// A name from outside, cut and without control characters.
fn shown(name: Option<&str>) -> String {
    const CHARACTERS_MAX: usize = 60;
    let name = name.map(|name| name.chars().take(CHARACTERS_MAX).collect::<String>());
    name.map_or_else(String::new, |name| format!(" `{}`", name.escape_debug()))
}

/// One key, as RFC 7517, 7518 and 8037 write it. `x5c` and `x5u` are not read.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<IgnoredAny>,
}

fn key_of(item: Value) -> Result<VerifyingKey, KeyError> {
    let jwk: Jwk = serde_json::from_value(item).map_err(|_| KeyError::Malformed)?;
    if jwk.kty == "oct" {
        return Err(KeyError::Symmetric);
    }
    if jwk.d.is_some() {
        return Err(KeyError::Private);
    }
    if let Some(purpose) = jwk.purpose.filter(|purpose| purpose != "sig") {
        return Err(KeyError::OtherPurpose { purpose: cut(&purpose) });
    }
    if let Some(operations) = jwk.key_ops.filter(|operations| !operations.iter().any(|name| name == "verify")) {
        return Err(KeyError::OtherPurpose { purpose: cut(&operations.join(" ")) });
    }
    let algorithm = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Algorithm::Rs256,
        ("EC", Some("P-256")) => Algorithm::Es256,
        ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
        (kind, curve) => {
            return Err(KeyError::Unsupported { kind: cut(&[kind, curve.unwrap_or_default()].join(" ")) });
        }
    };
    // A key that is for PS256 or for encryption must not check RS256.
    if let Some(named) = jwk.alg.filter(|named| !algorithm.is_named(named)) {
        return Err(KeyError::OtherAlgorithm { algorithm: cut(&named), expected: algorithm.name() });
    }
    match algorithm {
        Algorithm::Es256 => VerifyingKey::p256(&number(jwk.x.as_deref())?, &number(jwk.y.as_deref())?),
        Algorithm::EdDsa => VerifyingKey::ed25519(&number(jwk.x.as_deref())?),
        Algorithm::Rs256 => VerifyingKey::rsa(&number(jwk.n.as_deref())?, &number(jwk.e.as_deref())?),
        Algorithm::Hs256 => Err(KeyError::Symmetric),
    }
}

fn number(text: Option<&str>) -> Result<Vec<u8>, KeyError> {
    URL_SAFE_NO_PAD.decode(text.ok_or(KeyError::Malformed)?).map_err(|_| KeyError::Malformed)
}

/// What stands in a document as a message can hold it.
fn cut(text: &str) -> String {
    text.trim().chars().take(40).flat_map(char::escape_debug).collect()
}

/// Why a document is no key set.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    #[error("the key set is longer than {DOCUMENT_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the key set cannot be read as JSON")]
    Json(#[source] serde_json::Error),
    #[error("this is not a key set: it has no list `keys`")]
    NoKeys,
    #[error("the key set has {count} keys, and at most {KEYS_MAX} are read")]
    TooMany { count: usize },
}

#[cfg(test)]
#[path = "jwks_tests.rs"]
mod tests;
