//! Signatures, greetings and answers; what payloads become stands in `tests/payloads/whatsapp`.
//!
//! The signatures were made by `openssl dgst -sha256 -hmac an-invented-app-secret`.

use hyper::HeaderMap;
use serde_json::json;

use super::*;
use crate::model::event::FailureReason;

const BODY: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"104512239811"},"messages":[]}}]}]}"#;
const TAG: &str = "sha256=3855d49b4870c39582c745953100ae7f4823c38778aadaa79d1bde3300737b05";

fn connector(secret: &str) -> Arc<dyn Connector> {
    let accounts = Accounts::new(vec!["104512239811".to_owned()]).unwrap();
    let options = json!({ "app_secret": secret, "verify_token": "an-invented-verify-token" });
    open(&accounts, &mut Options::new(options.as_object().cloned().unwrap())).unwrap()
}

fn verify_with(secret: &str, body: &str, tags: &[&str]) -> Result<(), Refusal> {
    let mut headers = HeaderMap::new();
    for tag in tags {
        headers.append(SIGNATURE, tag.parse().unwrap());
    }
    let delivery =
        Delivery { headers: &headers, path_and_query: "/webhooks/x", query: "", body: body.as_bytes(), now: 0 };
    connector(secret).verify(&delivery)
}

fn verify(body: &str, tag: &str) -> Result<(), Refusal> {
    verify_with("an-invented-app-secret", body, &[tag])
}

#[test]
fn what_meta_signed_is_taken() {
    assert_eq!(verify(BODY, TAG), Ok(()));
}

#[test]
fn another_signature_another_secret_or_another_writing_of_the_same_body_is_refused() {
    let wrong = Err(Refusal::BadSignature { what: SIGNATURE });
    let upper_scheme = TAG.replace("sha256", "SHA256");
    for tag in [&TAG[..TAG.len() - 2], &TAG[7..], "sha256=", "sha1=3855d49b", "", &TAG.replace('3', "4"), &upper_scheme]
    {
        assert_eq!(verify(BODY, tag), wrong, "{tag}");
    }
    assert_eq!(verify_with("another-app-secret", BODY, &[TAG]), wrong);
    let rewritten = serde_json::to_string_pretty(&serde_json::from_str::<Value>(BODY).unwrap()).unwrap();
    assert_eq!(verify(&rewritten, TAG), wrong);
    assert_eq!(verify(&format!("{BODY}\n"), TAG), wrong);
    assert_eq!(verify_with("an-invented-app-secret", BODY, &[TAG, TAG]), wrong);
    assert_eq!(verify_with("an-invented-app-secret", BODY, &[]), Err(Refusal::Unsigned { what: SIGNATURE }));
}

#[test]
fn a_signed_payload_about_another_account_is_refused() {
    let foreign = |account: &str| Err(Refusal::ForeignAccount { account: account.to_owned() });
    let other = BODY.replace("104512239811", "999");
    let tag = "sha256=0bee3923a121deee739d10a4db1e8af68d0aa5b3ee877372e0f16fdd4c779cb0";
    assert_eq!(verify(&other, tag), foreign("999"));
    // Of two entries the second is another's, and its number is written as a number.
    let mixed = r#"{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"104512239811"}}}]},{"changes":[{"field":"messages","value":{"metadata":{"phone_number_id":999}}}]}]}"#;
    let tag = "sha256=8a70afa8d36b68a58b452b194b5d7b7c52388abda2da81b034651a39628ce218";
    assert_eq!(verify(mixed, tag), foreign("999"));
    let page = r#"{"object":"page","entry":[{"id":"1","messaging":[]}]}"#;
    let tag = "sha256=08cdd4bffea05ba7f5872fb98fa815edb8bb5667841ebb908825efcbd0e0fe71";
    assert_eq!(verify(page, tag), foreign("page"));
}

#[test]
fn a_signed_payload_that_names_no_account_is_taken() {
    let update = r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"account_update","value":{"event":"VERIFIED_ACCOUNT"}}]}]}"#;
    let tag = "sha256=55ded476eabd18b2e90015c4578c60dc2f1e7479fd07f6d37e809e69087d5b45";
    assert_eq!(verify(update, tag), Ok(()));
    let tag = "sha256=5229cc4c7569853914665a0169e57af5ebd7890f6bbc05c7ae1ae3e563e414ef";
    assert_eq!(verify("not json", tag), Ok(()), "kept, and said to be unreadable");
}

#[test]
fn the_address_is_verified_by_the_token_and_only_a_plain_challenge_is_sent_back() {
    let greet = |query: &str| connector("an-invented-app-secret").greet(query);
    let with = |challenge: &str| {
        format!("hub.mode=subscribe&hub.challenge={challenge}&hub.verify_token=an-invented-verify-token")
    };
    assert_eq!(greet(&with("1158201444")), Ok("1158201444".to_owned()));
    assert_eq!(greet(&with("aZ_-9")), Ok("aZ_-9".to_owned()));
    for challenge in ["", "%3Cscript%3E", "a+b", "a%0d%0ab", "%C3%A4", &"1".repeat(201)] {
        assert_eq!(greet(&with(challenge)), Err(Refusal::NotAGreeting { what: "hub.challenge" }), "{challenge}");
    }
    let token = |token: &str| greet(&format!("hub.mode=subscribe&hub.challenge=1&hub.verify_token={token}"));
    for wrong in ["", "another", "an-invented-verify-toke", "An-invented-verify-token"] {
        assert_eq!(token(wrong), Err(Refusal::BadSignature { what: "hub.verify_token" }), "{wrong}");
    }
    let twice = with("1") + "&hub.verify_token=an-invented-verify-token";
    assert_eq!(greet(&twice), Err(Refusal::NotAGreeting { what: "hub.verify_token" }));
    let other_mode = with("1").replace("subscribe", "unsubscribe");
    assert_eq!(greet(&other_mode), Err(Refusal::NotAGreeting { what: "hub.mode" }));
    assert_eq!(greet(""), Err(Refusal::NotAGreeting { what: "hub.mode" }));
}

#[test]
fn both_secrets_are_needed_and_shown_nowhere() {
    let accounts = Accounts::new(vec!["1".to_owned()]).unwrap();
    for missing in ["app_secret", "verify_token"] {
        let mut options = json!({ "app_secret": "an-invented-app-secret", "verify_token": "an-invented-token" });
        options.as_object_mut().unwrap().remove(missing);
        let refused = open(&accounts, &mut Options::new(options.as_object().cloned().unwrap())).unwrap_err();
        assert_eq!(refused.to_string(), format!("`{missing}` is missing"));
    }
    assert!(!format!("{:?}", connector("an-invented-app-secret")).contains("invented"));
}

#[test]
fn what_the_api_answers_to_a_send_is_understood() {
    let read = |answer: Value| connector("an-invented-app-secret").read_answer(&answer);
    let taken = |chat: Option<&str>| {
        Some(SendOutcome::Taken { message: "wamid.A1".to_owned(), chat: chat.map(str::to_owned), at: None })
    };
    let sent = json!({
        "messaging_product": "whatsapp",
        "contacts": [{ "input": "+49 151 55501", "wa_id": "4915155501" }],
        "messages": [{ "id": "wamid.A1", "message_status": "accepted" }],
    });
    assert_eq!(read(sent), taken(Some("4915155501")));
    let by_id =
        json!({ "contacts": [{ "input": "DE.7712", "user_id": "DE.7712" }], "messages": [{ "id": "wamid.A1" }] });
    assert_eq!(read(by_id), taken(Some("DE.7712")));
    assert_eq!(read(json!({ "messages": [{ "id": "wamid.A1" }] })), taken(None));

    let refused = |code: &str, reason| Some(SendOutcome::Refused { code: code.to_owned(), reason });
    let error = |code: Value| json!({ "error": { "message": "m", "type": "OAuthException", "code": code } });
    assert_eq!(read(error(json!(131050))), refused("131050", FailureReason::OptOut));
    assert_eq!(read(error(json!("190"))), refused("190", FailureReason::Sender));
    assert_eq!(read(error(json!(777))), refused("777", FailureReason::Unknown));
    for other in [json!({}), json!([]), json!("ok"), json!({ "ok": true }), json!({ "messages": [] })] {
        assert_eq!(read(other.clone()), None, "{other}");
    }
}

#[test]
fn what_people_write_is_in_no_event() {
    let body = json!({ "object": OBJECT, "entry": [{ "changes": [{ "field": "messages", "value": {
        "metadata": { "phone_number_id": "104512239811" },
        "contacts": [{ "profile": { "name": "SECRET" }, "wa_id": "4915155501" }],
        "messages": [
            { "from": "4915155501", "id": "1", "type": "text", "text": { "body": "SECRET" } },
            { "from": "4915155501", "id": "2", "type": "image", "image": { "caption": "SECRET" } },
            { "from": "4915155501", "id": "3", "type": "location", "location": { "name": "SECRET", "latitude": 1 } },
            { "from": "4915155501", "id": "4", "type": "order", "order": { "text": "SECRET" } },
            { "from": "4915155501", "id": "5", "type": "reaction", "reaction": { "message_id": "9", "emoji": "SECRET" } },
            { "from": "4915155501", "id": "6", "type": "interactive", "context": { "id": "9" },
              "interactive": { "type": "nfm_reply", "nfm_reply": { "body": "SECRET", "response_json": "SECRET" } } },
            { "from": "4915155501", "id": "7", "type": "contacts", "contacts": [{ "name": { "first_name": "SECRET" } }] },
        ],
    } }] }] });
    let body = body.to_string();
    let payload = Payload { body: body.as_bytes(), content_type: "application/json", received_at: 0 };
    let reading = connector("an-invented-app-secret").read(&payload);
    assert_eq!(reading.events.len(), 8);
    assert!(!format!("{reading:?}").contains("SECRET"));
}

/// Where each part of a value stands.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(entries) => {
            (0..).zip(entries).for_each(|(index, entry)| pointers(entry, &format!("{at}/{index}"), found));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| pointers(field, &format!("{at}/{name}"), found));
        }
        _ => {}
    }
}

#[test]
fn a_payload_is_read_whatever_stands_in_place_of_one_of_its_parts() {
    let connector = connector("an-invented-app-secret");
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/payloads/whatsapp");
    for name in ["message_types", "buttons_and_reactions", "system_number_changed", "statuses", "echoes", "groups"] {
        let text = std::fs::read_to_string(format!("{directory}/{name}.json")).unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        let mut places = Vec::new();
        pointers(&body, "", &mut places);
        // Each place gets one odd value, and each kind of place, being there many times, all of them.
        let odd = [json!(null), json!(-1), json!(u64::MAX), json!(1e300), json!("\0ä\n"), json!([[]]), json!({})];
        for (place, odd) in places.iter().zip(odd.iter().cycle()) {
            let mut changed = body.clone();
            *changed.pointer_mut(place).unwrap() = odd.clone();
            let changed = changed.to_string();
            let payload = Payload { body: changed.as_bytes(), content_type: "application/json", received_at: 0 };
            for event in connector.read(&payload).events {
                // Taken or refused with a reason, never a panic.
                let _ = crate::ingest::normalise::normalise(event, 1_777_636_800_000);
            }
        }
    }
}
