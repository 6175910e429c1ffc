//! What no single payload shows: who may send, and what happens when things are told again.

use hyper::HeaderMap;
use serde_json::{Map, Value, json};

use super::*;

const SECRET: &str = "max_webhook_secret-01";

fn bot() -> Arc<dyn Connector> {
    let accounts = Accounts::new(vec!["77001".to_owned()]).unwrap();
    let values = json!({ "secret": SECRET }).as_object().cloned().unwrap();
    open(&accounts, &mut Options::new(values)).unwrap()
}

fn verify(secrets: &[&str]) -> Result<(), Refusal> {
    let mut headers = HeaderMap::new();
    for secret in secrets {
        headers.append("x-max-bot-api-secret", secret.parse().unwrap());
    }
    let delivery =
        Delivery { headers: &headers, path_and_query: "/webhooks/max", query: "", body: b"{}", now: 1_777_636_800_000 };
    bot().verify(&delivery)
}

fn events(update: &Value) -> Vec<Event> {
    let body = update.to_string();
    let content_type = "application/json";
    bot().read(&Payload { body: body.as_bytes(), content_type, received_at: 1_777_636_800_000 }).events
}

fn ids(update: &Value) -> Vec<Option<Scalar>> {
    events(update).into_iter().map(|event| event.id).collect()
}

#[test]
fn only_the_secret_that_was_given_to_max_opens_the_door() {
    assert_eq!(verify(&[SECRET]), Ok(()));
    let bad = Err(Refusal::BadSignature { what: SECRET_HEADER });
    assert_eq!(verify(&["max_webhook_secret-02"]), bad);
    assert_eq!(verify(&["max_webhook_secret-0"]), bad);
    assert_eq!(verify(&["max_webhook_secret-011"]), bad);
    assert_eq!(verify(&[""]), bad);
    assert_eq!(verify(&[SECRET, SECRET]), bad);
    assert_eq!(verify(&[]), Err(Refusal::Unsigned { what: SECRET_HEADER }));
}

#[test]
fn a_connection_has_one_bot_and_a_secret() {
    let values = || json!({ "secret": SECRET }).as_object().cloned().unwrap();
    let two = Accounts::new(vec!["a".to_owned(), "b".to_owned()]).unwrap();
    let refused = open(&two, &mut Options::new(values())).unwrap_err().to_string();
    assert_eq!(refused, "`accounts`: give one `account`: an update does not say whose bot it is for");
    let one = Accounts::new(vec!["a".to_owned()]).unwrap();
    assert_eq!(open(&one, &mut Options::new(Map::new())).unwrap_err().to_string(), "`secret` is missing");
}

#[test]
fn what_is_told_again_in_another_unit_of_time_is_the_same_event() {
    let stopped = |time: i64| json!({ "update_type": "bot_stopped", "timestamp": time, "user": { "user_id": 5 } });
    assert_eq!(ids(&stopped(1_777_633_200)), ids(&stopped(1_777_633_200_000)));
    assert_ne!(ids(&stopped(1_777_633_200_000)), ids(&stopped(1_777_633_200_001)));
    // The update's own time is that of its making: a message told again has another.
    let created = |time: i64| {
        json!({ "update_type": "message_created", "timestamp": time, "message": { "body": { "mid": "m", "text": "a" },
            "recipient": { "chat_id": 9, "chat_type": "dialog" }, "timestamp": 1_777_633_200_000_i64 } })
    };
    assert_eq!(events(&created(1_777_633_200_001)), events(&created(1_777_633_999_000)));
}

#[test]
fn a_button_that_is_pressed_again_is_another_press() {
    let press = |time: i64| {
        ids(
            &json!({ "update_type": "message_callback", "timestamp": 1, "callback": { "callback_id": "kb", "timestamp": time,
            "payload": "rate:s:4/5", "user": { "user_id": 5 } }, "message": { "body": { "mid": "m" },
            "recipient": { "chat_id": 9, "chat_type": "dialog" } } }),
        )
    };
    assert_eq!(press(1_777_633_200_000).len(), 2);
    assert_eq!(press(1_777_633_200_000), press(1_777_633_200_000));
    assert_ne!(press(1_777_633_200_000), press(1_777_633_200_500));
}

#[test]
fn without_the_bots_token_no_card_proves_a_number() {
    let card = json!({ "type": "contact", "payload": { "vcf_info": "TEL:79161234567", "hash": "00" } });
    let created = json!({ "update_type": "message_created", "message": { "sender": { "user_id": 5 },
        "body": { "mid": "m", "attachments": [card] }, "recipient": { "chat_id": 9, "chat_type": "dialog" } } });
    let read = events(&created);
    assert_eq!((read.len(), &read[0].identities, &read[0].message_kind), (1, &None, &Some("contact".into())));
}

#[test]
fn no_text_that_somebody_wrote_comes_into_an_event() {
    let body = json!({ "mid": "m", "text": "PRIVATE", "attachments": [{ "type": "location", "title": "PRIVATE" }] });
    let created = json!({ "update_type": "message_created", "message": { "sender": { "user_id": 5, "name": "PRIVATE" },
        "body": body, "link": { "message": { "text": "PRIVATE" } },
        "recipient": { "chat_id": 9, "chat_type": "dialog" } } });
    let read = events(&created);
    assert_eq!(read.len(), 1);
    assert!(!serde_json::to_string(&read).unwrap().contains("PRIVATE"));
}
