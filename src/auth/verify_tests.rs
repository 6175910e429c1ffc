//! The attacks on tokens (T cases), each a sentence.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, crypto};
use serde_json::{Value, json};

use super::*;
use crate::{
    auth::{issue, tokens},
    model::clock::Millis,
};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const NOW_SECONDS: u64 = 1_790_000_000;

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Millis {
        1_790_000_000_000
    }
}

fn authenticator() -> Authenticator {
    Authenticator::new(&Secret::new(KEY).unwrap(), TokenConfig::default(), Arc::new(FixedClock))
}

fn claims() -> Value {
    json!({
        "iss": "rapport", "aud": "rapport", "iat": NOW_SECONDS, "exp": NOW_SECONDS + 3_600,
        "sub": "anna", "tenant": "acme", "role": "manager",
    })
}

fn with(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    claims.to_string()
}

fn without(name: &str) -> String {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims.to_string()
}

fn sign(header: &str, claims: &str, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = crypto::sign(message.as_bytes(), &EncodingKey::from_secret(KEY.as_bytes()), algorithm).unwrap();
    format!("{message}.{signature}")
}

fn verify_claims(claims: &str) -> Result<Viewer, AuthError> {
    authenticator().verify(&sign(r#"{"alg":"HS256","typ":"JWT"}"#, claims, Algorithm::HS256))
}

fn verify_header(header: &str) -> Result<Viewer, AuthError> {
    authenticator().verify(&sign(header, &claims().to_string(), Algorithm::HS256))
}

fn is_unreadable(result: &Result<Viewer, AuthError>) -> bool {
    matches!(result, Err(AuthError::Claims { .. }))
}

#[test]
fn a_good_token_becomes_its_viewer() {
    let viewer = verify_claims(&claims().to_string()).unwrap();
    assert_eq!((viewer.sub(), viewer.tenant(), viewer.role()), ("anna", "acme", Role::Manager));
    assert_eq!(verify_claims(&with("role", json!("MANAGER"))).unwrap(), viewer);
    assert!(is_unreadable(&verify_claims(&with("role", json!("Manager")))));
    assert!(is_unreadable(&verify_claims(&with("role", json!("root")))));
}

#[test]
fn a_role_decides_the_scope() {
    use crate::model::{Scope, Sight};
    let scope = |name: &str, value: Value, role: &str| {
        let mut claims = claims();
        claims["role"] = json!(role);
        claims[name] = value;
        verify_claims(&claims.to_string()).unwrap().scope()
    };
    let granted = |role, sight| Some(Scope::granted("acme".to_owned(), role, sight));
    assert_eq!(
        scope("operator", json!("o1"), "operator"),
        granted(Role::Operator, Sight::Operators(vec!["o1".to_owned()]))
    );
    assert_eq!(
        scope("teams", json!(["t1", "t2"]), "supervisor"),
        granted(Role::Supervisor, Sight::Teams(vec!["t1".into(), "t2".into()]))
    );
    assert_eq!(scope("operator", json!("o1"), "manager"), granted(Role::Manager, Sight::Everything));
    assert_eq!(scope("teams", json!(["t1"]), "admin"), granted(Role::Admin, Sight::Everything));
    assert_eq!(scope("operator", json!("o1"), "service"), None);
}

#[test]
fn a_role_without_what_its_scope_needs_is_refused() {
    let needed = |role, claim| Err(AuthError::Needed { role, claim });
    assert_eq!(verify_claims(&with("role", json!("operator"))), needed(Role::Operator, "operator"));
    assert_eq!(verify_claims(&with("role", json!("supervisor"))), needed(Role::Supervisor, "teams"));
    assert_eq!(verify_claims(&with("operator", json!(" "))), Err(AuthError::Blank { claim: "operator" }));
    assert_eq!(verify_claims(&with("teams", json!([""]))), Err(AuthError::Blank { claim: "teams" }));
    assert_eq!(verify_claims(&with("tenant", json!(""))), Err(AuthError::Blank { claim: "tenant" }));
    assert_eq!(verify_claims(&with("sub", json!(""))), Err(AuthError::Blank { claim: "sub" }));
    for claim in ["sub", "tenant", "role", "iss", "aud", "iat", "exp"] {
        assert!(is_unreadable(&verify_claims(&without(claim))), "without {claim}");
    }
}

#[test]
fn algorithm_none_is_refused_however_it_is_spelt() {
    for algorithm in ["none", "None", "nOnE", "NONE", ""] {
        let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#);
        let token = format!("{}.{}.", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(claims().to_string()));
        assert_eq!(authenticator().verify(&token), Err(AuthError::Algorithm), "{algorithm}");
        assert_eq!(verify_header(&header), Err(AuthError::Algorithm), "{algorithm}");
    }
}

#[test]
fn another_algorithm_is_refused_even_with_the_right_key() {
    for (name, algorithm) in [("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
        let token = sign(&format!(r#"{{"alg":"{name}"}}"#), &claims().to_string(), algorithm);
        assert_eq!(authenticator().verify(&token), Err(AuthError::Algorithm));
    }
    assert_eq!(verify_header(r#"{"alg":"RS256"}"#), Err(AuthError::Algorithm));
}

#[test]
fn header_tricks_are_refused() {
    assert_eq!(verify_header(r#"{"alg":"HS256","typ":"id+jwt"}"#), Err(AuthError::Type));
    assert_eq!(verify_header(r#"{"alg":"HS256","crit":["b64"]}"#), Err(AuthError::Critical));
    assert_eq!(verify_header(r#"{"alg":"HS256","crit":[]}"#), Err(AuthError::Critical));
    assert!(verify_header(r#"{"alg":"none","alg":"HS256"}"#).is_err());
    assert!(verify_header("not json").is_err());
    for header in [r#"{"alg":"HS256"}"#, r#"{"alg":"HS256","typ":"at+jwt"}"#, r#"{"alg":"HS256","typ":"jwt"}"#] {
        assert!(verify_header(header).is_ok(), "{header}");
    }
}

#[test]
fn an_expired_token_is_refused_at_once() {
    for seconds in [0, 1, 10, 65] {
        let mut claims = claims();
        claims["iat"] = json!(NOW_SECONDS - 600);
        claims["exp"] = json!(NOW_SECONDS - seconds);
        assert_eq!(verify_claims(&claims.to_string()), Err(AuthError::Expired { at: NOW_SECONDS - seconds }));
    }
}

#[test]
fn an_expiry_that_is_no_instant_is_refused() {
    assert!(matches!(verify_claims(&with("exp", json!(u64::MAX))), Err(AuthError::Lifetime { .. })));
    assert!(is_unreadable(&verify_claims(&with("exp", json!(1e300)))));
    assert!(is_unreadable(&verify_claims(&with("exp", json!(NOW_SECONDS as f64 + 60.5)))));
    assert!(is_unreadable(&verify_claims(&with("exp", json!((NOW_SECONDS + 60).to_string())))));
    assert!(is_unreadable(&verify_claims(&with("exp", json!(-1)))));
    assert!(is_unreadable(&verify_claims(&with("exp", Value::Null))));
}

#[test]
fn a_token_lives_for_a_day_at_most() {
    assert!(verify_claims(&with("exp", json!(NOW_SECONDS + LIFETIME_MAX_SECONDS))).is_ok());
    let error = verify_claims(&with("exp", json!(NOW_SECONDS + LIFETIME_MAX_SECONDS + 1))).unwrap_err();
    assert_eq!(error, AuthError::Lifetime { seconds: 86_401, maximum: 86_400 });
}

#[test]
fn a_token_from_the_future_is_refused() {
    assert!(verify_claims(&with("iat", json!(NOW_SECONDS + 5))).is_ok());
    assert_eq!(
        verify_claims(&with("iat", json!(NOW_SECONDS + 6))),
        Err(AuthError::IssuedInFuture { at: NOW_SECONDS + 6 })
    );
    assert!(verify_claims(&with("nbf", json!(NOW_SECONDS + 5))).is_ok());
    assert_eq!(
        verify_claims(&with("nbf", json!(NOW_SECONDS + 6))),
        Err(AuthError::NotYetValid { from: NOW_SECONDS + 6 })
    );
}

#[test]
fn only_our_issuer_and_audience_are_accepted() {
    let audience = || Err(AuthError::Audience { expected: "rapport".to_owned() });
    assert_eq!(verify_claims(&with("aud", json!("other"))), audience());
    assert_eq!(verify_claims(&with("aud", json!(["rapport", "other"]))), audience());
    assert_eq!(verify_claims(&with("aud", json!([]))), audience());
    assert!(verify_claims(&with("aud", json!(["rapport"]))).is_ok());
    assert_eq!(verify_claims(&with("iss", json!("other"))), Err(AuthError::Issuer { expected: "rapport".to_owned() }));
    assert!(is_unreadable(&verify_claims(&with("iss", json!(["rapport"])))));
}

#[test]
fn a_claim_given_twice_is_refused() {
    for extra in [r#""tenant":"other""#, r#""role":"admin""#, r#""exp":1"#, r#""sub":"eve""#] {
        let claims = claims().to_string().replacen('{', &format!("{{{extra},"), 1);
        assert!(is_unreadable(&verify_claims(&claims)), "{extra}");
    }
    let twice = claims().to_string().replacen('{', r#"{"operator":"a","operator":"b","#, 1);
    assert!(is_unreadable(&verify_claims(&twice)));
}

#[test]
fn a_changed_or_misshapen_token_is_refused() {
    let good = sign(r#"{"alg":"HS256"}"#, &claims().to_string(), Algorithm::HS256);
    let parts: Vec<&str> = good.split('.').collect();
    let other = URL_SAFE_NO_PAD.encode(with("tenant", json!("other")));
    let verify = |token: String| authenticator().verify(&token);
    assert_eq!(verify(format!("{}.{other}.{}", parts[0], parts[2])), Err(AuthError::Signature));
    assert_eq!(verify(format!("{}.{}.{}", parts[0], parts[1], &parts[2][..20])), Err(AuthError::Signature));
    assert_eq!(verify(format!("{}.{}.", parts[0], parts[1])), Err(AuthError::Signature));
    assert_eq!(verify(format!("{good}.{}", parts[2])), Err(AuthError::Malformed));
    assert_eq!(verify(format!("{}.{}", parts[0], parts[1])), Err(AuthError::Malformed));
    assert!(verify(format!("{good}=")).is_err());
    assert!(verify(format!(" {good}")).is_err());
    assert_eq!(verify(String::new()), Err(AuthError::Malformed));
}

#[test]
fn a_giant_token_is_refused_unread() {
    let token = sign(r#"{"alg":"HS256"}"#, &with("teams", json!(vec!["team"; 8_000])), Algorithm::HS256);
    assert!(64 * 1024 < token.len());
    assert!(matches!(authenticator().verify(&token), Err(AuthError::TooLong { .. })));
    let nested = format!(r#"{{"extra":{}1{}}}"#, "[".repeat(2_000), "]".repeat(2_000));
    assert!(verify_claims(&nested).is_err());
}

#[test]
fn an_issued_token_is_accepted_and_cannot_outlive_a_day() {
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
    assert_eq!(authenticator().verify(&token).unwrap().teams(), ["sales"]);
    assert!(matches!(make(&grant, Duration::from_secs(86_401)), Err(AuthError::Lifetime { .. })));
    assert!(matches!(make(&grant, Duration::ZERO), Err(AuthError::Lifetime { .. })));
    let teamless = tokens::Grant { teams: vec![], ..grant };
    assert_eq!(
        make(&teamless, Duration::from_secs(60)),
        Err(AuthError::Needed { role: Role::Supervisor, claim: "teams" })
    );
}

#[test]
fn messages_help_and_keep_secrets() {
    let error = AuthError::Expired { at: NOW_SECONDS };
    assert_eq!(error.to_string(), "the token expired at 2026-09-21T14:13:20Z");
    let error = AuthError::Expired { at: u64::MAX };
    assert_eq!(error.to_string(), "the token expired at 18446744073709551615");
}
