//! Tokens whose signature is right and whose claims are not: times, parties, what is missing or stands twice.

use super::*;

#[tokio::test]
async fn an_expired_token_is_refused_at_once() {
    for signer in signers() {
        for seconds in [0, 1, 10, 65] {
            let mut claims = signer.with("iat", json!(NOW - 600));
            claims["exp"] = json!(NOW - seconds);
            assert_eq!(signer.send_claims(&claims).await, Err(AuthError::Expired { at: NOW - seconds }));
        }
    }
}

#[tokio::test]
async fn a_time_that_is_no_whole_second_is_refused() {
    for signer in signers() {
        for time in ["iat", "exp", "nbf"] {
            let later = NOW as f64 + 60.5;
            for value in [json!(1e300), json!(later), json!((NOW + 60).to_string()), json!(-1), json!([NOW + 60])] {
                assert!(is_unreadable(&signer.send_with(time, value.clone()).await), "{time} {value}");
            }
        }
        assert!(matches!(signer.send_with("exp", json!(u64::MAX)).await, Err(AuthError::Lifetime { .. })));
    }
}

#[tokio::test]
async fn a_token_lives_for_a_day_at_most() {
    for signer in signers() {
        assert!(signer.send_with("exp", json!(NOW + LIFETIME_MAX_SECONDS)).await.is_ok());
        let error = signer.send_with("exp", json!(NOW + LIFETIME_MAX_SECONDS + 1)).await.unwrap_err();
        assert_eq!(error, AuthError::Lifetime { seconds: 86_401, maximum: 86_400 });
    }
}

#[tokio::test]
async fn a_token_from_the_future_is_refused() {
    for signer in signers() {
        assert!(signer.send_with("iat", json!(NOW + 5)).await.is_ok());
        assert_eq!(signer.send_with("iat", json!(NOW + 6)).await, Err(AuthError::IssuedInFuture { at: NOW + 6 }));
        assert!(signer.send_with("nbf", json!(NOW + 5)).await.is_ok());
        assert_eq!(signer.send_with("nbf", json!(NOW + 6)).await, Err(AuthError::NotYetValid { from: NOW + 6 }));
    }
}

#[tokio::test]
async fn only_a_known_issuer_and_our_audience_are_accepted() {
    let audience = || Err(AuthError::Audience { expected: "rapport".to_owned() });
    for signer in signers() {
        assert_eq!(signer.send_with("aud", json!("other")).await, audience());
        assert_eq!(signer.send_with("aud", json!(["rapport", "other"])).await, audience());
        assert_eq!(signer.send_with("aud", json!([])).await, audience());
        assert!(signer.send_with("aud", json!(["rapport"])).await.is_ok());
        assert!(is_unreadable(&signer.send_with("aud", json!(["rapport", 1])).await));
        for other in ["other", "", &format!("{}/", signer.issuer()), &signer.issuer().to_uppercase()] {
            assert_eq!(signer.send_with("iss", json!(other)).await, Err(AuthError::Issuer), "{other}");
        }
        assert!(is_unreadable(&signer.send_with("iss", json!([signer.issuer()])).await));
    }
}

#[tokio::test]
async fn a_token_without_a_required_claim_is_refused() {
    for signer in signers() {
        for claim in ["sub", "tenant", "role", "iss", "aud", "iat", "exp"] {
            assert!(is_unreadable(&signer.send_with(claim, Value::Null).await), "{claim}");
            let mut claims = signer.claims();
            claims.as_object_mut().unwrap().remove(claim);
            assert!(is_unreadable(&signer.send_claims(&claims).await), "without {claim}");
        }
    }
}

#[tokio::test]
async fn a_claim_given_twice_is_refused() {
    for signer in signers() {
        let twice = [r#""tenant":"other""#, r#""role":"admin""#, r#""exp":1"#, r#""sub":"eve""#, r#""\u0069ss":"x""#];
        let unread = [r#""operator":"a","operator":"b""#, r#""realm_access":{"roles":[],"roles":["x"]}"#];
        for extra in twice.into_iter().chain(unread) {
            let claims = signer.claims().to_string().replacen('{', &format!("{{{extra},"), 1);
            assert!(is_unreadable(&signer.send(&signer.header().to_string(), &claims).await), "{extra}");
        }
    }
}
