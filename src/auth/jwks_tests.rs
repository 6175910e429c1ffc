//! Which keys of a set are used, and why others are not.

use serde_json::json;

use super::*;
use crate::auth::test_keys::{SigningKey, key_set};

/// The keys of a set of one key, changed.
fn refused(kind: usize, name: &str, value: Value) -> Vec<KeyError> {
    let mut jwk = SigningKey::all()[kind].jwk("a");
    jwk[name] = value;
    let set = KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
    assert_eq!(set.is_empty(), !set.refused.is_empty());
    set.refused.into_iter().map(|key| key.reason).collect()
}

const RSA: usize = 0;
const P256: usize = 1;
const ED25519: usize = 2;

#[test]
fn each_kind_of_key_is_used_with_its_algorithm() {
    let [rsa, p256, ed25519] = SigningKey::all();
    let set = KeySet::parse(key_set(&[("a", rsa), ("b", p256), ("c", ed25519)]).as_bytes()).unwrap();
    assert_eq!(set.to_string(), "3 keys (RS256 `a`, ES256 `b`, EdDSA `c`)");
    assert_eq!(set.refused, []);
    for (name, signing) in [("a", rsa), ("b", p256), ("c", ed25519)] {
        let key = set.choose(Some(name)).unwrap();
        let signature = signing.signature(b"message");
        assert!(key.is_signature_of(b"message", &signature), "{name}");
        assert!(!key.is_signature_of(b"massage", &signature), "{name}");
        assert!(!key.is_signature_of(b"message", &signature[1..]), "{name}");
        assert!(!key.is_signature_of(b"message", b""), "{name}");
    }
    // Named or not: the type tells the algorithm.
    for kind in [RSA, P256, ED25519] {
        assert_eq!(refused(kind, "alg", Value::Null), []);
        assert_eq!(refused(kind, "use", Value::Null), []);
    }
    assert_eq!(refused(ED25519, "alg", json!("Ed25519")), []);
}

#[test]
fn a_name_chooses_and_without_one_only_the_only_key_counts() {
    let [rsa, p256, _] = SigningKey::all();
    let two = KeySet::parse(key_set(&[("a", rsa), ("b", p256)]).as_bytes()).unwrap();
    assert!(two.choose(None).is_none());
    for unknown in ["", "A", "c", "../../etc/passwd", "' OR 1=1 --", "a\0"] {
        assert!(two.choose(Some(unknown)).is_none(), "{unknown}");
    }
    let one = KeySet::parse(key_set(&[("a", rsa)]).as_bytes()).unwrap();
    assert!(one.choose(None).is_some());
    assert!(one.choose(Some("b")).is_none());
}

#[test]
fn a_published_secret_is_refused() {
    let set = KeySet::parse(br#"{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0","alg":"HS256"}]}"#).unwrap();
    assert_eq!(set.refused[0].reason, KeyError::Symmetric);
    assert!(set.choose(Some("a")).is_none());
    for kind in [RSA, P256, ED25519] {
        assert_eq!(refused(kind, "d", json!("c2VjcmV0")), [KeyError::Private]);
    }
}

#[test]
fn a_weak_rsa_key_is_refused() {
    // 1024 bits, odd, as a modulus is.
    let weak = URL_SAFE_NO_PAD.encode([0xff; 128]);
    assert_eq!(refused(RSA, "n", json!(weak)), [KeyError::RsaSize]);
    let short = URL_SAFE_NO_PAD.encode([&[0x7f][..], &[0xff; 255]].concat());
    assert_eq!(refused(RSA, "n", json!(short)), [KeyError::RsaSize], "2047 bits");
}

#[test]
fn a_key_for_something_else_is_refused() {
    let other = |purpose: &str| [KeyError::OtherPurpose { purpose: purpose.to_owned() }];
    assert_eq!(refused(RSA, "use", json!("enc")), other("enc"));
    assert_eq!(refused(P256, "key_ops", json!(["sign", "deriveKey"])), other("sign deriveKey"));
    assert_eq!(refused(P256, "key_ops", json!(["verify"])), []);
    for (kind, algorithm, expected) in
        [(RSA, "PS256", "RS256"), (RSA, "RSA-OAEP", "RS256"), (RSA, "HS256", "RS256"), (P256, "RS256", "ES256")]
    {
        let reason = KeyError::OtherAlgorithm { algorithm: algorithm.to_owned(), expected };
        assert_eq!(refused(kind, "alg", json!(algorithm)), [reason]);
    }
}

#[test]
fn other_curves_and_damaged_keys_are_refused() {
    let unsupported = |kind: &str| [KeyError::Unsupported { kind: kind.to_owned() }];
    assert_eq!(refused(P256, "crv", json!("P-384")), unsupported("EC P-384"));
    assert_eq!(refused(P256, "crv", json!("secp256k1")), unsupported("EC secp256k1"));
    assert_eq!(refused(P256, "crv", Value::Null), unsupported("EC"));
    assert_eq!(refused(ED25519, "crv", json!("X25519")), unsupported("OKP X25519"));
    assert_eq!(refused(RSA, "kty", json!("AKP")), unsupported("AKP"));
    for (kind, name) in [(RSA, "n"), (RSA, "e"), (P256, "x"), (P256, "y"), (ED25519, "x")] {
        for value in [Value::Null, json!(1), json!(""), json!("AQ"), json!("=="), json!("not base64!")] {
            // A short modulus is a number all the same, and too small.
            let reasons = refused(kind, name, value.clone());
            assert_eq!(reasons.len(), 1, "{name} {value}");
            assert!(matches!(reasons[0], KeyError::Malformed | KeyError::RsaSize), "{name} {value}: {reasons:?}");
        }
    }
    // Both numbers have the right length and are no point of the curve.
    let nowhere = URL_SAFE_NO_PAD.encode([1; 32]);
    assert_eq!(refused(P256, "y", json!(nowhere)), [KeyError::Malformed]);
}

#[test]
fn of_two_keys_of_one_name_only_the_first_is_used() {
    let [rsa, p256, _] = SigningKey::all();
    let set = KeySet::parse(key_set(&[("a", rsa), ("a", p256)]).as_bytes()).unwrap();
    assert_eq!(set.refused[0].reason, KeyError::SameName);
    assert_eq!(set.refused[0].to_string(), "key 2 `a`: an earlier key has the same `kid`");
    assert_eq!(set.choose(Some("a")).unwrap().algorithm(), Algorithm::Rs256);
}

#[test]
fn a_document_that_is_no_key_set_or_too_large_is_refused() {
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, "<html>"] {
        assert!(KeySet::parse(text.as_bytes()).is_err(), "{text}");
    }
    let many = |count: usize| json!({"keys": vec![json!({"kty": "oct"}); count]}).to_string();
    assert_eq!(KeySet::parse(many(KEYS_MAX).as_bytes()).unwrap().refused.len(), KEYS_MAX);
    assert!(matches!(KeySet::parse(many(KEYS_MAX + 1).as_bytes()), Err(SetError::TooMany { count: 101 })));
    let long = vec![b' '; DOCUMENT_BYTES_MAX + 1];
    assert!(matches!(KeySet::parse(&long), Err(SetError::TooLarge)));
}

#[test]
fn a_message_about_a_key_holds_none_of_it_and_no_control_characters() {
    let set = KeySet::parse(br#"{"keys":[{"kty":"oct","kid":"a\n\u001b[31mb","k":"c2VjcmV0"}]}"#).unwrap();
    let message = set.refused[0].to_string();
    assert!(!message.contains("c2VjcmV0") && !message.contains(['\n', '\u{1b}']), "{message}");
}
