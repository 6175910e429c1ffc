//! Signatures, the handshake and answers; what callbacks become stands in `tests/payloads/viber`.
//!
//! The signature was made by `openssl dgst -sha256 -hmac 4a1f-invented-token`.

use hyper::HeaderMap;
use serde_json::json;

use super::*;
use crate::model::event::FailureReason;

const BODY: &str = r#"{"event":"webhook","timestamp":1777633200123,"message_token":5741311803571721009}"#;
const TAG: &str = "da732dd4e831b11a1b9253cc5e54ec61e0d61c27435c89a35fc7872e54419adc";

fn open_for(accounts: &[&str], token: &str) -> Result<Arc<dyn Connector>, OptionError> {
    let accounts = Accounts::new(accounts.iter().map(|&name| name.to_owned()).collect()).unwrap();
    open(&accounts, &mut Options::new(json!({ "auth_token": token }).as_object().cloned().unwrap()))
}

fn verify_with(token: &str, body: &str, tags: &[&str]) -> Result<(), Refusal> {
    let mut headers = HeaderMap::new();
    for tag in tags {
        headers.append(SIGNATURE, tag.parse().unwrap());
    }
    let delivery =
        Delivery { headers: &headers, path_and_query: "/webhooks/x", query: "", body: body.as_bytes(), now: 0 };
    open_for(&["bot"], token).unwrap().verify(&delivery)
}

#[test]
fn only_what_the_bots_token_signed_is_taken() {
    assert_eq!(verify_with("4a1f-invented-token", BODY, &[TAG]), Ok(()));
    let wrong = Err(Refusal::BadSignature { what: SIGNATURE });
    for tag in [&TAG[..62], "", "sha256=da732dd4", &TAG.replace('d', "e")] {
        assert_eq!(verify_with("4a1f-invented-token", BODY, &[tag]), wrong, "{tag}");
    }
    assert_eq!(verify_with("another-token", BODY, &[TAG]), wrong);
    let rewritten = serde_json::to_string_pretty(&serde_json::from_str::<Value>(BODY).unwrap()).unwrap();
    assert_eq!(verify_with("4a1f-invented-token", &rewritten, &[TAG]), wrong);
    assert_eq!(verify_with("4a1f-invented-token", BODY, &[TAG, TAG]), wrong);
    assert_eq!(verify_with("4a1f-invented-token", BODY, &[]), Err(Refusal::Unsigned { what: SIGNATURE }));
}

#[test]
fn a_connection_is_one_bot_and_needs_its_token() {
    assert!(open_for(&["bot"], "4a1f-invented-token").is_ok());
    let refused = open_for(&["bot", "other"], "4a1f-invented-token").unwrap_err();
    assert!(refused.to_string().starts_with("`accounts`: a connection is one Viber bot"), "{refused}");
    assert!(open_for(&["bot"], "").is_err());
    assert!(!format!("{:?}", open_for(&["bot"], "4a1f-invented-token").unwrap()).contains("invented"));
}

#[test]
fn only_the_check_of_the_address_is_a_handshake() {
    let connector = open_for(&["bot"], "4a1f-invented-token").unwrap();
    assert_eq!(connector.handshake(BODY.as_bytes()), Some(String::new()));
    for other in [&b"{\"event\":\"message\"}"[..], b"{}", b"webhook", b""] {
        assert_eq!(connector.handshake(other), None);
    }
}

#[test]
fn all_digits_of_a_token_survive() {
    let connector = open_for(&["bot"], "4a1f-invented-token").unwrap();
    // Two neighbours that are one number as a float.
    for token in ["9223372036854775806", "9223372036854775807", "18446744073709551615"] {
        let body = format!(r#"{{"event":"delivered","user_id":"u","timestamp":1,"message_token":{token}}}"#);
        let reading =
            connector.read(&Payload { body: body.as_bytes(), content_type: "application/json", received_at: 0 });
        assert_eq!(reading.events[0].message, Some(token.into()));
    }
}

#[test]
fn each_device_tells_a_delivery_of_its_own_and_again_the_same() {
    let connector = open_for(&["bot"], "4a1f-invented-token").unwrap();
    let id = |time: u64, host: &str| {
        let body = json!({ "event": "delivered", "user_id": "u", "timestamp": time, "message_token": 7, "chat_hostname": host });
        let body = body.to_string();
        let payload = Payload { body: body.as_bytes(), content_type: "application/json", received_at: 0 };
        connector.read(&payload).events[0].id.clone()
    };
    assert_eq!(id(1, "a"), id(1, "b"));
    assert_ne!(id(1, "a"), id(2, "a"));
}

#[test]
fn what_the_api_answers_to_a_send_is_understood() {
    let connector = open_for(&["bot"], "4a1f-invented-token").unwrap();
    let read = |answer: Value| connector.read_answer(&answer);
    let sent = json!({ "status": 0, "status_message": "ok", "message_token": 5741311803571721087_i64 });
    let taken = SendOutcome::Taken { message: "5741311803571721087".to_owned(), chat: None, at: None };
    assert_eq!(read(sent), Some(taken));
    let refused = |code: &str, reason| Some(SendOutcome::Refused { code: code.to_owned(), reason });
    assert_eq!(read(json!({ "status": 5 })), refused("5", FailureReason::Recipient));
    assert_eq!(read(json!({ "status": 6 })), refused("6", FailureReason::OptOut));
    assert_eq!(read(json!({ "status": 12 })), refused("12", FailureReason::Transient));
    assert_eq!(read(json!({ "status": 77 })), refused("77", FailureReason::Unknown));
    for other in [json!({}), json!({ "status": "ok" }), json!({ "status": 0 }), json!(0), json!([])] {
        assert_eq!(read(other.clone()), None, "{other}");
    }
}

#[test]
fn what_people_write_is_in_no_event() {
    let connector = open_for(&["bot"], "4a1f-invented-token").unwrap();
    let body = json!({
        "event": "message", "timestamp": 1, "message_token": 1,
        "sender": { "id": "u", "name": "SECRET", "avatar": "SECRET" },
        "message": { "type": "text", "text": "SECRET", "media": "SECRET", "file_name": "SECRET",
                     "contact": { "name": "SECRET", "phone_number": "SECRET" } },
    });
    let body = body.to_string();
    let reading = connector.read(&Payload { body: body.as_bytes(), content_type: "application/json", received_at: 0 });
    assert_eq!(reading.events.len(), 1);
    assert!(!format!("{reading:?}").contains("SECRET"));
}
