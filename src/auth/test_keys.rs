//! Keys that tests make for themselves, and tokens signed with them, good and bad. Also used by `tests/it`.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A key pair that signs tokens.
pub enum SigningKey {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    pub fn make_rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub fn make_p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub fn make_ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    /// One of each kind, made once: RSA keys take their time.
    pub fn all() -> &'static [Self; 3] {
        static KEYS: OnceLock<[SigningKey; 3]> = OnceLock::new();
        KEYS.get_or_init(|| [Self::make_rsa(), Self::make_p256(), Self::make_ed25519()])
    }

    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    pub fn signature(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => rsa_signature(key, &RSA_PKCS1_SHA256, message),
            Self::P256(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// A signature that the same key can make with an algorithm that is not its own here.
    pub fn pss_signature(&self, message: &[u8]) -> Vec<u8> {
        let Self::Rsa(key) = self else { panic!("only RSA keys have PSS signatures") };
        rsa_signature(key, &RSA_PSS_SHA256, message)
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        sign_with(&header.to_string(), &claims.to_string(), |message| self.signature(message))
    }

    /// The public part, as a key set names it.
    pub fn jwk(&self, name: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rsa(key) => {
                // A SEQUENCE of two INTEGERs; the first byte of the modulus is the zero of a positive number.
                let der = key.public_key().as_ref();
                assert_eq!(der.len(), 270, "2048 bits and the exponent 65537");
                json!({"kid": name, "use": "sig", "alg": "RS256", "kty": "RSA", "n": text(&der[9..265]), "e": text(&der[267..])})
            }
            Self::P256(key) => {
                let point = key.public_key().as_ref();
                json!({"kid": name, "use": "sig", "alg": "ES256", "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])})
            }
            Self::Ed25519(key) => {
                json!({"kid": name, "use": "sig", "alg": "EdDSA", "kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().as_ref())})
            }
        }
    }

    /// The public part in PEM.
    pub fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Rsa(key) => key.public_key().as_der(),
            Self::P256(key) => key.public_key().as_der(),
            Self::Ed25519(key) => key.public_key().as_der(),
        }
        .unwrap();
        pem_of("PUBLIC KEY", der.as_ref())
    }
}

fn rsa_signature(key: &RsaKeyPair, padding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(padding, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

pub fn pem_of(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// A token of any header and payload, also of such as no issuer would make.
pub fn sign_with(header: &str, claims: &str, signature: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = signature(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A key set of these keys, each with its name.
pub fn key_set(keys: &[(&str, &SigningKey)]) -> String {
    let keys: Vec<Value> = keys.iter().map(|(name, key)| key.jwk(name)).collect();
    json!({"keys": keys}).to_string()
}
