//! Any text as a token, and any header and claims signed with the real key: what is accepted holds what a token promises.
//!
//! The first byte chooses which; a header and claims stand on two lines. What must hold is worked out here from the
//! token's own bytes, not by the library that is asked.
#![no_main]

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use rapport::auth::Viewer;
use rapport::model::{Role, Sight};
use rapport_fuzz::{NOW, SECRET, choose, verify};
use serde_json::{Map, Value};

const DAY_SECONDS: u64 = 86_400;

fuzz_target!(|input: &[u8]| {
    let [how, rest @ ..] = input else { return };
    let token = if choose(&[true, false], *how) {
        let (head, claims) = rest.split_at(rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()));
        let message =
            [head, claims.strip_prefix(b"\n").unwrap_or_default()].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(sign(&message)))
    } else {
        String::from_utf8_lossy(rest).into_owned()
    };
    if let Some(viewer) = verify(&token) {
        check(&token, &viewer);
    }
});

fn sign(message: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), message.as_bytes())
}

fn check(token: &str, viewer: &Viewer) {
    let (message, signature) = token.rsplit_once('.').expect("a signature");
    let (head, claims) = message.split_once('.').expect("a header and claims");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("a signature in base64url");
    assert_eq!(signature, sign(message).as_ref(), "signed by somebody else");

    let head = object(head);
    assert_eq!(head["alg"], "HS256", "{head:?}");
    assert!(head.get("crit").is_none_or(Value::is_null), "{head:?}");
    let typ = head.get("typ").and_then(Value::as_str).unwrap_or("JWT").to_ascii_lowercase();
    assert!(matches!(typ.as_str(), "jwt" | "at+jwt"), "{head:?}");

    let claims = object(claims);
    let now = NOW.unsigned_abs() / 1_000;
    let seconds = |name: &str| claims[name].as_u64().unwrap_or_else(|| panic!("{name}: {claims:?}"));
    let (issued, expires) = (seconds("iat"), seconds("exp"));
    assert!(now < expires && issued <= now + 5 && issued < expires, "{claims:?}");
    assert!(expires - issued <= DAY_SECONDS, "{claims:?}");
    let not_before = claims.get("nbf").filter(|from| !from.is_null());
    assert!(not_before.is_none_or(|from| from.as_u64().is_some_and(|from| from <= now + 5)), "{claims:?}");
    assert_eq!(claims["iss"], "rapport", "{claims:?}");
    let audiences = claims["aud"].as_array().map_or(std::slice::from_ref(&claims["aud"]), Vec::as_slice);
    assert!(!audiences.is_empty() && audiences.iter().all(|audience| audience == "rapport"), "{claims:?}");
    check_viewer(&claims, viewer);
}

/// The viewer is who the claims say, and sees what its role may see.
fn check_viewer(claims: &Map<String, Value>, viewer: &Viewer) {
    assert_eq!(claims["sub"], viewer.sub());
    assert_eq!(claims["tenant"], viewer.tenant());
    assert!(!viewer.sub().trim().is_empty() && !viewer.tenant().trim().is_empty(), "{claims:?}");
    let role = claims["role"].as_str().expect("a role");
    assert!(role.eq_ignore_ascii_case(viewer.role().name()), "{claims:?}");
    let operator = claims.get("operator").and_then(Value::as_str);
    let teams: Vec<&str> =
        claims.get("teams").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let scope = viewer.scope();
    let sight = scope.as_ref().map(|scope| scope.sight());
    let expected = match viewer.role() {
        Role::Service => None,
        Role::Manager | Role::Admin => Some(Sight::Everything),
        Role::Supervisor => Some(Sight::Teams(teams.iter().map(|team| (*team).to_owned()).collect())),
        Role::Operator => Some(Sight::Operators(vec![operator.expect("an operator has an id").to_owned()])),
    };
    assert_eq!(sight, expected.as_ref(), "{claims:?}");
    assert!(scope.is_none_or(|scope| scope.tenant() == viewer.tenant() && scope.role() == viewer.role()));
    // Nobody is let in who would see the rows of "no one": those are the rows of whom nothing is known.
    let blank = |name: &str| name.trim().is_empty();
    assert!(!operator.is_some_and(blank) && !teams.iter().any(|team| blank(team)), "{claims:?}");
    assert!(viewer.role() != Role::Supervisor || !teams.is_empty(), "{claims:?}");
}

/// A part of the token, which must be an object.
fn object(part: &str) -> Map<String, Value> {
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("a JSON object")
}
