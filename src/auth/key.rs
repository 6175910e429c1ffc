//! Keys that check signatures. A key has one algorithm, and no token has a say in it.
//!
//! A key never shows itself, not even to `Debug`. Where keys come from is in [`super::jwks`] and [`super::issuer`].

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};

/// The algorithms that a signature can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with our own secret.
    Hs256,
    Rs256,
    Es256,
    /// With the curve Ed25519.
    EdDsa,
}

impl Algorithm {
    pub const ALL: [Self; 4] = [Self::Hs256, Self::Rs256, Self::Es256, Self::EdDsa];

    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Whether a token's or a JWK's `alg` means this one. RFC 9864 calls EdDSA with Ed25519 by the curve's name.
    pub fn is_named(self, name: &str) -> bool {
        name == self.name() || (self == Self::EdDsa && name == "Ed25519")
    }
}

/// A key and what it is for.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    material: Material,
}

#[derive(Clone)]
enum Material {
    /// Boxed, because it is twenty times as large as the other.
    Secret(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl VerifyingKey {
    /// Our own secret, for HS256. There is no other way to a symmetric key.
    pub(super) fn secret(key: hmac::Key) -> Self {
        Self { algorithm: Algorithm::Hs256, material: Material::Secret(Box::new(key)) }
    }

    /// An RSA key by its two numbers, big-endian.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let components = RsaPublicKeyComponents { n: without_zeros(modulus), e: without_zeros(exponent) };
        let der = components.as_der().map_err(|_| KeyError::Malformed)?;
        Self::rsa_of_der(der.as_ref())
    }

    /// A point of P-256 by its coordinates.
    pub fn p256(x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        const COORDINATE_BYTES: usize = 32;
        if x.len() != COORDINATE_BYTES || y.len() != COORDINATE_BYTES {
            return Err(KeyError::Malformed);
        }
        // SEC 1: 4 says that both coordinates follow.
        Self::p256_of_der(&[&[4], x, y].concat()).ok_or(KeyError::Malformed)
    }

    pub fn ed25519(public: &[u8]) -> Result<Self, KeyError> {
        const PUBLIC_BYTES: usize = 32;
        if public.len() != PUBLIC_BYTES {
            return Err(KeyError::Malformed);
        }
        Self::ed25519_of_der(public).ok_or(KeyError::Malformed)
    }

    /// A key of any kind that we know, as `openssl pkey -pubout` writes it (`SubjectPublicKeyInfo`).
    pub fn of_der(der: &[u8]) -> Result<Self, KeyError> {
        match Self::ed25519_of_der(der).or_else(|| Self::p256_of_der(der)) {
            Some(key) => Ok(key),
            None => Self::rsa_of_der(der).map_err(|error| match error {
                KeyError::Malformed => KeyError::OtherKind,
                error => error,
            }),
        }
    }

    fn rsa_of_der(der: &[u8]) -> Result<Self, KeyError> {
        let parsed = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).map_err(|_| KeyError::Malformed)?;
        // The library looks at a verifying key's size only when it verifies. A weak key must not get that far.
        let bits = PublicEncryptingKey::from_der(der).map(|key| key.key_size_bits());
        if !bits.is_ok_and(|bits| (KeyError::RSA_BITS_MIN..=KeyError::RSA_BITS_MAX).contains(&bits)) {
            return Err(KeyError::RsaSize);
        }
        Ok(Self { algorithm: Algorithm::Rs256, material: Material::Public(parsed) })
    }

    fn p256_of_der(der: &[u8]) -> Option<Self> {
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, der).ok()?;
        Some(Self { algorithm: Algorithm::Es256, material: Material::Public(parsed) })
    }

    fn ed25519_of_der(der: &[u8]) -> Option<Self> {
        let parsed = ParsedPublicKey::new(&ED25519, der).ok()?;
        Some(Self { algorithm: Algorithm::EdDsa, material: Material::Public(parsed) })
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether this key made the signature. A secret's is compared in constant time.
    pub fn is_signature_of(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Secret(key) => hmac::verify(key, message, signature).is_ok(),
            Material::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VerifyingKey({})", self.algorithm.name())
    }
}

/// JWKs must not have leading zeros, and some do.
fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

/// Why a key cannot be used. No message holds any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the RSA key must have from {} to {} bits", Self::RSA_BITS_MIN, Self::RSA_BITS_MAX)]
    RsaSize,
    #[error("it is not a key of the kind that it says it is, or a part of it is missing")]
    Malformed,
    #[error("it is none of: an RSA key of 2048 bits or more, a P-256 key, an Ed25519 key")]
    OtherKind,
    #[error("its type and curve `{kind}` are not supported: use RSA, EC with P-256 or OKP with Ed25519")]
    Unsupported { kind: String },
    #[error("a symmetric key (`oct`) must not be published: use a key pair")]
    Symmetric,
    #[error("it has its private part in it: take it out of use, make another, and publish only the public part")]
    Private,
    #[error("it is for `{purpose}` and not for signatures (`use` must be `sig`, `key_ops` must have `verify`)")]
    OtherPurpose { purpose: String },
    #[error("its algorithm `{algorithm}` is not one that a key of its type can have here: {expected}")]
    OtherAlgorithm { algorithm: String, expected: &'static str },
    #[error("an earlier key has the same `kid`")]
    SameName,
}

impl KeyError {
    const RSA_BITS_MIN: usize = 2_048;
    /// What the library verifies.
    const RSA_BITS_MAX: usize = 8_192;
}
