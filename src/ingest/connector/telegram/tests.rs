//! What no single payload shows: who may send, and what happens when things are told again or in another order.

use hyper::HeaderMap;
use serde_json::{Map, Value, json};

use super::*;

const SECRET: &str = "tg_webhook_secret-01";

fn options(values: &Value) -> Options {
    Options::new(values.as_object().cloned().unwrap())
}

fn bot() -> Arc<dyn Connector> {
    let accounts = Accounts::new(vec!["shop_helper_bot".to_owned()]).unwrap();
    let mut options = options(&json!({ "secret_token": SECRET, "poll_scale": 5, "poll_first": "worst" }));
    open(&accounts, &mut options).unwrap()
}

fn verify(secrets: &[&str]) -> Result<(), Refusal> {
    let mut headers = HeaderMap::new();
    for secret in secrets {
        headers.append("x-telegram-bot-api-secret-token", secret.parse().unwrap());
    }
    let delivery =
        Delivery { headers: &headers, path_and_query: "/webhooks/tg", query: "", body: b"{}", now: 1_777_636_800_000 };
    bot().verify(&delivery)
}

fn read(update: &Value) -> Reading {
    let body = update.to_string();
    let content_type = "application/json";
    bot().read(&Payload { body: body.as_bytes(), content_type, received_at: 1_777_636_800_000 })
}

fn ids(update: &Value) -> Vec<Option<Scalar>> {
    read(update).events.into_iter().map(|event| event.id).collect()
}

#[test]
fn only_the_secret_that_was_given_to_telegram_opens_the_door() {
    assert_eq!(verify(&[SECRET]), Ok(()));
    let bad = Err(Refusal::BadSignature { what: SECRET_HEADER });
    assert_eq!(verify(&["tg_webhook_secret-02"]), bad);
    assert_eq!(verify(&["tg_webhook_secret-0"]), bad);
    assert_eq!(verify(&["tg_webhook_secret-011"]), bad);
    assert_eq!(verify(&[""]), bad);
    assert_eq!(verify(&[SECRET, SECRET]), bad);
    assert_eq!(verify(&[]), Err(Refusal::Unsigned { what: SECRET_HEADER }));
}

#[test]
fn a_connection_has_one_bot_and_a_secret() {
    let two = Accounts::new(vec!["a".to_owned(), "b".to_owned()]).unwrap();
    let refused = open(&two, &mut options(&json!({ "secret_token": SECRET }))).unwrap_err().to_string();
    assert_eq!(refused, "`accounts`: give one `account`: an update does not say whose bot it is for");
    let one = Accounts::new(vec!["a".to_owned()]).unwrap();
    let missing = open(&one, &mut Options::new(Map::new())).unwrap_err().to_string();
    assert_eq!(missing, "`secret_token` is missing");
}

#[test]
fn what_is_told_again_under_another_number_is_the_same_event() {
    let chat = json!({ "id": 7, "type": "private" });
    let told = [
        json!({ "message": { "message_id": 3, "date": 1_777_633_200, "chat": chat, "text": "a" } }),
        json!({ "callback_query": { "id": "91", "from": { "id": 7 }, "data": "rate:s:1/5",
            "message": { "message_id": 3, "date": 1_777_633_200, "chat": chat } } }),
        json!({ "my_chat_member": { "chat": chat, "date": 1_777_633_200, "old_chat_member": { "status": "member" },
            "new_chat_member": { "status": "kicked" } } }),
        json!({ "message_reaction": { "chat": chat, "message_id": 3, "date": 1_777_633_200, "user": { "id": 7 },
            "new_reaction": [{ "type": "emoji", "emoji": "👍" }] } }),
    ];
    for mut update in told {
        update["update_id"] = json!(810_001);
        let first = ids(&update);
        update["update_id"] = json!(5);
        assert!(!first.is_empty(), "{update}");
        assert_eq!(ids(&update), first, "{update}");
    }
}

#[test]
fn the_same_number_in_another_chat_is_another_message() {
    let message = |chat: i64| json!({ "message_id": 3, "date": 1_777_633_200, "chat": { "id": chat, "type": "private" }, "text": "a" });
    let of_bot = |chat| ids(&json!({ "update_id": 1, "message": message(chat) }));
    assert_ne!(of_bot(7), of_bot(8));
    let of_business = |connection: &str| {
        let mut message = message(7);
        message["business_connection_id"] = json!(connection);
        message["from"] = json!({ "id": 7 });
        ids(&json!({ "update_id": 1, "business_message": message }))
    };
    assert_ne!(of_business("bc-1"), of_business("bc-2"));
    assert_ne!(of_bot(7), of_business("bc-1"));
}

#[test]
fn a_rating_that_is_changed_and_changed_back_is_three_ratings() {
    let vote = |number: i64, option: i64| {
        ids(
            &json!({ "update_id": number, "poll_answer": { "poll_id": "5", "user": { "id": 7 }, "option_ids": [option] } }),
        )
    };
    assert_ne!(vote(1, 3), vote(2, 4));
    assert_ne!(vote(1, 3), vote(3, 3));
    assert_eq!(vote(1, 3), vote(1, 3));
    let press = |press: &str, data: &str| {
        let chat = json!({ "id": 7, "type": "private" });
        let message = json!({ "message_id": 3, "chat": chat });
        ids(
            &json!({ "update_id": 1, "callback_query": { "id": press, "from": { "id": 7 }, "data": data, "message": message } }),
        )
    };
    assert_ne!(press("91", "rate:s:4/5")[1], press("92", "rate:s:4/5")[1]);
}

#[test]
fn a_part_that_cannot_be_read_costs_only_itself() {
    let message =
        json!({ "message_id": 3, "date": 1_777_633_200, "chat": { "id": 7, "type": "private" }, "text": "a" });
    let reading =
        read(&json!({ "update_id": 1, "callback_query": {}, "message": message, "telepathy": {}, "poll": {} }));
    assert_eq!((reading.events.len(), reading.ignored), (1, 1));
    assert_eq!(reading.unknown, ["telepathy"]);
    assert_eq!(reading.unreadable.as_deref(), Some("`callback_query` has no `id`"));
}

#[test]
fn no_text_that_somebody_wrote_comes_into_an_event() {
    let chat = json!({ "id": 7, "type": "private" });
    let message = json!({ "message_id": 3, "date": 1_777_633_200, "chat": chat, "text": "/start PRIVATE words",
        "caption": "PRIVATE", "poll": { "question": "PRIVATE" }, "quote": { "text": "PRIVATE" },
        "contact": { "user_id": 8, "phone_number": "PRIVATE" }, "venue": { "title": "PRIVATE" } });
    let events = read(&json!({ "update_id": 1, "message": message })).events;
    assert_eq!(events.len(), 1);
    assert!(!serde_json::to_string(&events).unwrap().contains("PRIVATE"));
}
