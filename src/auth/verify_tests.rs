//! The attacks on tokens (T cases), each a sentence, on tokens of our own secret and of every kind of key pair.

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use super::*;
use crate::auth::claims::ClaimRules;
use crate::auth::issuer::{Audience, IssuerConfig, KeySource, Others};
use crate::auth::test_keys::{SigningKey, key_set, sign_with};
use crate::auth::token::TOKEN_BYTES_MAX;
use crate::auth::{Role, issue, tokens};
use crate::model::clock::Millis;

#[path = "verify_claims_tests.rs"]
mod claims;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const NOW: u64 = 1_790_000_000;

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Millis {
        1_790_000_000_000
    }
}

/// Who signs in a test: our own secret, or an issuer with a key pair.
#[derive(Clone, Copy)]
enum Signer {
    Own,
    Pair(&'static SigningKey),
}

fn signers() -> Vec<Signer> {
    [Signer::Own].into_iter().chain(SigningKey::all().iter().map(Signer::Pair)).collect()
}

impl Signer {
    fn algorithm(self) -> &'static str {
        match self {
            Self::Own => "HS256",
            Self::Pair(key) => key.algorithm(),
        }
    }

    fn issuer(self) -> String {
        match self {
            Self::Own => "rapport".to_owned(),
            Self::Pair(key) => format!("https://id.example.com/{}", key.algorithm()),
        }
    }

    fn signature(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Own => hmac_with(KEY.as_bytes(), message),
            Self::Pair(key) => key.signature(message),
        }
    }

    fn header(self) -> Value {
        json!({"alg": self.algorithm(), "typ": "JWT"})
    }

    fn claims(self) -> Value {
        json!({"iss": self.issuer(), "aud": "rapport", "iat": NOW, "exp": NOW + 3_600, "sub": "anna", "tenant": "acme",
            "role": "manager"})
    }

    fn with(self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }

    /// What becomes of a token with this header and payload and the right signature.
    async fn send(self, header: &str, claims: &str) -> Result<Viewer, AuthError> {
        authenticator().verify(&sign_with(header, claims, |message| self.signature(message))).await
    }

    async fn send_claims(self, claims: &Value) -> Result<Viewer, AuthError> {
        self.send(&self.header().to_string(), &claims.to_string()).await
    }

    async fn send_with(self, name: &str, value: Value) -> Result<Viewer, AuthError> {
        self.send_claims(&self.with(name, value)).await
    }

    async fn send_header(self, name: &str, value: Value) -> Result<Viewer, AuthError> {
        let mut header = self.header();
        header[name] = value;
        self.send(&header.to_string(), &self.claims().to_string()).await
    }

    fn good_token(self) -> String {
        sign_with(&self.header().to_string(), &self.claims().to_string(), |message| self.signature(message))
    }
}

fn hmac_with(key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()
}

/// Knows our secret, an issuer with a key set in a file, and two with a PEM file.
fn authenticator() -> &'static Authenticator {
    static AUTHENTICATOR: OnceLock<Authenticator> = OnceLock::new();
    AUTHENTICATOR.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let issuers = SigningKey::all().iter().map(|key| {
            let path = directory.path().join(key.algorithm());
            let keys = match key {
                SigningKey::Rsa(_) => {
                    fs::write(&path, key_set(&[("a", key)])).unwrap();
                    KeySource::JwksFile(path)
                }
                _ => {
                    fs::write(&path, key.pem()).unwrap();
                    KeySource::PublicKeyFile(path)
                }
            };
            let config = IssuerConfig {
                issuer: Signer::Pair(key).issuer(),
                audience: Audience { name: "rapport".to_owned(), others: Others::Refused },
                keys,
                rules: ClaimRules::default(),
            };
            Issuer::open(config, Arc::new(FixedClock)).unwrap()
        });
        let own = Secret::new(KEY).unwrap();
        Authenticator::new(&own, TokenConfig::default(), Arc::new(FixedClock)).with_issuers(issuers)
    })
}

fn is_unreadable(result: &Result<Viewer, AuthError>) -> bool {
    matches!(result, Err(AuthError::Claims { .. }))
}

#[tokio::test]
async fn a_good_token_becomes_its_viewer() {
    for signer in signers() {
        let viewer = signer.send_claims(&signer.claims()).await.unwrap();
        assert_eq!((viewer.sub(), viewer.tenant(), viewer.role()), ("anna", "acme", Role::Manager));
        for header in [json!("at+jwt"), json!("jwt"), Value::Null] {
            assert_eq!(signer.send_header("typ", header).await.as_ref(), Ok(&viewer));
        }
    }
}

#[tokio::test]
async fn algorithm_none_is_refused_however_it_is_spelt() {
    for signer in signers() {
        for algorithm in ["none", "None", "nOnE", "NONE", "", "HS384", "HS512", "RS512", "PS256", "ES384", "hs256"] {
            let header = json!({"alg": algorithm, "typ": "JWT"}).to_string();
            let unsigned = sign_with(&header, &signer.claims().to_string(), |_| Vec::new());
            assert_eq!(authenticator().verify(&unsigned).await, Err(AuthError::UnknownAlgorithm), "{algorithm}");
            let signed = signer.send(&header, &signer.claims().to_string()).await;
            assert_eq!(signed, Err(AuthError::UnknownAlgorithm), "{algorithm}");
        }
        assert_eq!(signer.send_header("alg", Value::Null).await, Err(AuthError::UnknownAlgorithm));
        let unsigned = sign_with(&signer.header().to_string(), &signer.claims().to_string(), |_| Vec::new());
        assert_eq!(authenticator().verify(&unsigned).await, Err(AuthError::Signature));
    }
}

#[tokio::test]
async fn a_token_signed_with_a_public_key_as_secret_is_refused() {
    let header = json!({"alg": "HS256", "typ": "JWT"}).to_string();
    for key in SigningKey::all() {
        let signer = Signer::Pair(key);
        let (pem, jwk) = (key.pem(), key.jwk("a").to_string());
        for secret in [pem.as_bytes(), pem.trim().as_bytes(), jwk.as_bytes()] {
            let token = sign_with(&header, &signer.claims().to_string(), |message| hmac_with(secret, message));
            let refused = Err(AuthError::Algorithm { expected: key.algorithm() });
            assert_eq!(authenticator().verify(&token).await, refused);
        }
    }
}

#[tokio::test]
async fn another_algorithm_is_refused_even_with_the_right_key() {
    for signer in signers() {
        for other in ["HS256", "RS256", "ES256", "EdDSA"].into_iter().filter(|name| *name != signer.algorithm()) {
            let refused = Err(AuthError::Algorithm { expected: signer.algorithm() });
            assert_eq!(signer.send_header("alg", json!(other)).await, refused, "{other}");
        }
    }
    let rsa = &SigningKey::all()[0];
    let claims = Signer::Pair(rsa).claims().to_string();
    for (name, error) in [("PS256", AuthError::UnknownAlgorithm), ("RS256", AuthError::Signature)] {
        let header = json!({"alg": name, "typ": "JWT"}).to_string();
        let token = sign_with(&header, &claims, |message| rsa.pss_signature(message));
        assert_eq!(authenticator().verify(&token).await, Err(error));
    }
}

#[tokio::test]
async fn an_issuer_cannot_speak_for_another() {
    for signer in signers() {
        for other in signers().into_iter().filter(|other| other.issuer() != signer.issuer()) {
            let header = json!({"alg": other.algorithm(), "typ": "JWT"}).to_string();
            let claims = signer.with("iss", json!(other.issuer())).to_string();
            assert_eq!(signer.send(&header, &claims).await, Err(AuthError::Signature));
            assert!(signer.send_claims(&signer.with("iss", json!(other.issuer()))).await.is_err());
        }
    }
}

#[tokio::test]
async fn a_header_that_brings_its_own_key_is_ignored() {
    let thief = SigningKey::make_p256();
    let p256 = Signer::Pair(&SigningKey::all()[1]);
    let header = json!({"alg": "ES256", "typ": "JWT", "jwk": thief.jwk("a"), "x5c": ["MAo="], "x5u": "https://127.0.0.1/",
        "jku": "https://127.0.0.1/keys"});
    let token = thief.sign(&header, &p256.claims());
    assert_eq!(authenticator().verify(&token).await, Err(AuthError::Signature));
    for signer in signers() {
        for name in ["jku", "x5u", "jwk", "x5c"] {
            assert!(signer.send_header(name, json!("https://127.0.0.1/keys")).await.is_ok(), "{name}");
        }
    }
}

#[tokio::test]
async fn a_name_that_no_key_has_is_refused() {
    let rsa = Signer::Pair(&SigningKey::all()[0]);
    assert!(rsa.send_header("kid", json!("a")).await.is_ok());
    for name in ["b", "", "../../../../dev/null", "' OR 1=1 --", "a\0", "https://127.0.0.1/keys"] {
        assert_eq!(rsa.send_header("kid", json!(name)).await, Err(AuthError::UnknownKey), "{name}");
    }
    for signer in signers() {
        for name in [json!(["a"]), json!(1), json!({"a": 1})] {
            assert!(matches!(signer.send_header("kid", name).await, Err(AuthError::Header { .. })));
        }
        let long = signer.send_header("kid", json!("a".repeat(1 << 20))).await;
        assert!(matches!(long, Err(AuthError::TooLong { .. })));
    }
}

#[tokio::test]
async fn header_tricks_are_refused() {
    for signer in signers() {
        for typ in ["id+jwt", "logout+jwt", "dpop+jwt", "JWE", ""] {
            assert_eq!(signer.send_header("typ", json!(typ)).await, Err(AuthError::Type), "{typ}");
        }
        for names in [json!(["b64"]), json!([]), Value::Null, json!("exp")] {
            assert_eq!(signer.send_header("crit", names).await, Err(AuthError::Critical));
        }
        let twice = format!(r#"{{"alg":"none","alg":"{}"}}"#, signer.algorithm());
        for header in [twice.as_str(), "not json", "[]", "null", ""] {
            let refused = signer.send(header, &signer.claims().to_string()).await;
            assert!(matches!(refused, Err(AuthError::Header { .. })), "{header}");
        }
    }
}

#[tokio::test]
async fn an_id_token_or_a_refresh_token_is_refused() {
    for signer in signers() {
        for typ in ["ID", "id", "Refresh", "Offline", "Logout"] {
            assert_eq!(signer.send_with("typ", json!(typ)).await, Err(AuthError::NotForAccess), "{typ}");
        }
        assert!(signer.send_with("typ", json!("Bearer")).await.is_ok());
    }
}

#[tokio::test]
async fn a_changed_or_misshapen_token_is_refused() {
    for signer in signers() {
        let good = signer.good_token();
        let parts: Vec<&str> = good.split('.').collect();
        let other = URL_SAFE_NO_PAD.encode(signer.with("tenant", json!("other")).to_string());
        let verify = |token: String| async move { authenticator().verify(&token).await };
        assert_eq!(verify(format!("{}.{other}.{}", parts[0], parts[2])).await, Err(AuthError::Signature));
        assert_eq!(verify(format!("{}.{}.{}", parts[0], parts[1], &parts[2][..20])).await, Err(AuthError::Signature));
        assert_eq!(verify(format!("{}.{}.", parts[0], parts[1])).await, Err(AuthError::Signature));
        assert_eq!(verify(format!("{good}.{}", parts[2])).await, Err(AuthError::Malformed));
        assert_eq!(verify(format!("{}.{}", parts[0], parts[1])).await, Err(AuthError::Malformed));
        for changed in [format!("{good}="), format!(" {good}"), format!("{good}\n"), good.replacen('.', "=.", 1)] {
            assert_eq!(verify(changed).await, Err(AuthError::Malformed));
        }
        assert_eq!(verify(String::new()).await, Err(AuthError::Malformed));
        assert!(verify("..".to_owned()).await.is_err());
    }
}

#[tokio::test]
async fn a_giant_token_is_refused_unread() {
    for signer in signers() {
        let token = signer.send_with("teams", json!(vec!["team"; 8_000])).await;
        assert!(matches!(token, Err(AuthError::TooLong { bytes, .. }) if TOKEN_BYTES_MAX * 7 < bytes));
        let nested = format!(r#"{{"extra":{}1{}}}"#, "[".repeat(2_000), "]".repeat(2_000));
        assert!(is_unreadable(&signer.send(&signer.header().to_string(), &nested).await));
    }
}

#[tokio::test]
async fn an_issued_token_is_accepted_and_cannot_outlive_a_day() {
    let secret = Secret::new(KEY).unwrap();
    let grant = tokens::Grant {
        sub: "anna".to_owned(),
        tenant: "acme".to_owned(),
        role: Role::Supervisor,
        operator: None,
        teams: vec!["sales".to_owned()],
    };
    let make =
        |grant: &tokens::Grant, lifetime| issue(&secret, &TokenConfig::default(), grant, FixedClock.now(), lifetime);
    let token = make(&grant, Duration::from_secs(3_600)).unwrap();
    assert_eq!(authenticator().verify(&token).await.unwrap().teams(), ["sales"]);
    assert!(matches!(make(&grant, Duration::from_secs(86_401)), Err(AuthError::Lifetime { .. })));
    assert!(matches!(make(&grant, Duration::ZERO), Err(AuthError::Lifetime { .. })));
    let teamless = tokens::Grant { teams: vec![], ..grant };
    let needed = AuthError::Needed { role: Role::Supervisor, claim: "teams".to_owned() };
    assert_eq!(make(&teamless, Duration::from_secs(60)), Err(needed));
}

#[test]
fn messages_help_and_keep_secrets() {
    let error = AuthError::Expired { at: NOW };
    assert_eq!(error.to_string(), "the token expired at 2026-09-21T14:13:20Z");
    let error = AuthError::Expired { at: u64::MAX };
    assert_eq!(error.to_string(), "the token expired at 18446744073709551615");
    let shown = format!("{:?}", Issuer::own(&Secret::new(KEY).unwrap(), TokenConfig::default()));
    assert!(!shown.contains(KEY), "{shown}");
}
