//! Keys in files: which are read, and what is said about the others.

use super::*;
use crate::auth::test_keys::{SigningKey, key_set, pem_of};
use crate::model::SystemClock;

/// Opens an issuer whose keys are in a file of this text.
fn open(keys: fn(PathBuf) -> KeySource, text: &[u8]) -> Result<Issuer, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    fs::write(&path, text).unwrap();
    open_source(keys(path))
}

fn open_source(keys: KeySource) -> Result<Issuer, String> {
    let config = IssuerConfig {
        issuer: "https://id.example.com".to_owned(),
        audience: Audience { name: "rapport".to_owned(), others: Others::Refused },
        keys,
        rules: ClaimRules::default(),
    };
    let issuer = Issuer::open(config, Arc::new(SystemClock));
    issuer.map_err(|error| format!("{:#}", anyhow::Error::from(error)))
}

#[tokio::test]
async fn a_public_key_file_holds_a_key_of_any_kind() {
    for key in SigningKey::all() {
        let issuer = open(KeySource::PublicKeyFile, key.pem().as_bytes()).unwrap();
        assert_eq!(issuer.describe_keys().await.unwrap(), format!("1 key ({})", key.algorithm()));
        // A single key is meant whatever its name.
        let found = issuer.key(Some("any")).await.unwrap();
        assert!(found.is_signature_of(b"message", &key.signature(b"message")));
    }
}

#[tokio::test]
async fn a_set_in_a_file_is_chosen_from_by_name() {
    let [rsa, p256, _] = SigningKey::all();
    let issuer = open(KeySource::JwksFile, key_set(&[("a", rsa), ("b", p256)]).as_bytes()).unwrap();
    assert_eq!(issuer.describe_keys().await.unwrap(), "2 keys (RS256 `a`, ES256 `b`)");
    assert_eq!(issuer.key(None).await.map(|_| ()), Err(AuthError::UnknownKey));
    assert_eq!(issuer.key(Some("c")).await.map(|_| ()), Err(AuthError::UnknownKey));
}

#[test]
fn a_file_that_holds_no_key_of_ours_is_named_with_the_reason() {
    // `SubjectPublicKeyInfo` of a curve and of a kind that are not ours: P-384 and X25519, both of zeros.
    let p384 = b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00\x04";
    let p384 = [&p384[..], &[0; 96]].concat();
    let x25519 = [&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x6e\x03\x21\x00"[..], &[0; 32]].concat();
    for (text, expect) in [
        (String::new(), "holds no public key in PEM"),
        ("0123456789abcdef0123456789abcdef".to_owned(), "holds no public key in PEM"),
        (pem_of("PRIVATE KEY", b"0123456789"), "holds no public key in PEM"),
        (pem_of("CERTIFICATE", b"0123456789"), "holds no public key in PEM"),
        (pem_of("PUBLIC KEY", b"0123456789"), "it is none of: an RSA key"),
        (pem_of("PUBLIC KEY", &p384), "it is none of: an RSA key"),
        (pem_of("PUBLIC KEY", &x25519), "it is none of: an RSA key"),
        (pem_of("PUBLIC KEY", &weak_rsa()), "must have from 2048 to 8192 bits"),
    ] {
        let error = open(KeySource::PublicKeyFile, text.as_bytes()).unwrap_err();
        assert!(error.contains(expect) && error.contains("keys"), "{text}: {error}");
    }
}

/// 1024 bits, odd, with the exponent 65537.
fn weak_rsa() -> Vec<u8> {
    let head = b"\x30\x81\x9f\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x81\x8d\x00";
    [&head[..], b"\x30\x81\x89\x02\x81\x81\x00", &[0xff; 128], b"\x02\x03\x01\x00\x01"].concat()
}

#[test]
fn a_file_with_one_key_that_cannot_be_used_is_refused_whole() {
    let good = SigningKey::all()[1].jwk("good");
    let with = |other: &str| format!(r#"{{"keys":[{good},{other}]}}"#);
    for (text, expect) in [
        (with(r#"{"kty":"oct","kid":"b","k":"c2VjcmV0"}"#), "key 2 `b`: a symmetric key"),
        (with(r#"{"kty":"RSA","kid":"b","use":"enc"}"#), "key 2 `b`: it is for `enc`"),
        (with(&good.to_string()), "key 2 `good`: an earlier key has the same `kid`"),
        (r#"{"keys":[]}"#.to_owned(), "is a key set without keys"),
        ("{}".to_owned(), "it has no list `keys`"),
        (" ".repeat(DOCUMENT_BYTES_MAX + 1), "is longer than 262144 bytes"),
    ] {
        let error = open(KeySource::JwksFile, text.as_bytes()).unwrap_err();
        assert!(error.contains(expect) && !error.contains("c2VjcmV0"), "{error}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    for keys in [KeySource::JwksFile, KeySource::PublicKeyFile] {
        let error = open_source(keys("/nowhere/keys".into())).unwrap_err();
        assert!(error.starts_with("/nowhere/keys cannot be read: "), "{error}");
    }
}

#[test]
fn certificates_that_cannot_be_read_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("company.pem");
    let url = || Address::parse("https://id.example.com/keys").unwrap();
    for text in [None, Some(""), Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")] {
        if let Some(text) = text {
            fs::write(&path, text).unwrap();
        }
        let error = open_source(KeySource::Url { url: url(), ca_file: Some(path.clone()) }).unwrap_err();
        assert!(error.contains("company.pem holds no certificates"), "{error}");
    }
}

#[test]
fn audiences_are_ours_alone_unless_others_are_allowed() {
    let check = |others, aud: Value| {
        let audience = Audience { name: "rapport".to_owned(), others };
        audience.check(serde_json::json!({"aud": aud}).as_object().unwrap())
    };
    let several = || serde_json::json!(["account", "rapport"]);
    assert_eq!(check(Others::Refused, several()), Err(AuthError::Audience { expected: "rapport".to_owned() }));
    assert_eq!(check(Others::Allowed, several()), Ok(()));
    assert_eq!(check(Others::Allowed, "rapport".into()), Ok(()));
    for other in ["account".into(), serde_json::json!([]), serde_json::json!(["rapport2", "Rapport"])] {
        let refused = Err(AuthError::NotInAudience { expected: "rapport".to_owned() });
        assert_eq!(check(Others::Allowed, other), refused);
    }
}
