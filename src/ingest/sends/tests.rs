use serde_json::json;

use super::*;
use crate::ingest::connector::options::Options;
use crate::ingest::connector::{Accounts, platform};
use crate::ingest::normalise::normalise;
use crate::model::event::NormalEvent;

/// 2026-05-01T12:00:00Z.
const NOW: i64 = 1_777_636_800_000;

fn connection() -> Arc<Connection> {
    open("vk", &["5001", "5002"], &json!({ "secret": "a secret of the community", "confirmation": "7a3c91be" }))
}

fn open(name: &str, accounts: &[&str], options: &Value) -> Arc<Connection> {
    let accounts = Accounts::new(accounts.iter().map(|&account| account.to_owned()).collect()).unwrap();
    let options = Options::new(options.as_object().cloned().unwrap());
    Arc::new(Connection::open(("shop", "acme"), platform(name).unwrap(), accounts, options, 30).unwrap())
}

fn report(report: &Value) -> Result<NormalEvent, String> {
    report_by(connection(), report)
}

fn report_by(connection: Arc<Connection>, report: &Value) -> Result<NormalEvent, String> {
    let item = Item::from_json(1, report.to_string().as_bytes());
    let item = read(connection, std::iter::once(item)).next().unwrap();
    let event = item.event.map_err(|unreadable| unreadable.reason.to_string())?;
    normalise(event, NOW).map_err(|reason| reason.to_string())
}

fn taken() -> Value {
    json!({ "response": [{ "peer_id": 7001, "message_id": 918, "conversation_message_id": 31 }] })
}

fn refused(code: i64) -> Value {
    json!({ "error": { "error_code": code, "error_msg": "Can't send messages for users without permission" } })
}

#[test]
fn a_send_that_was_taken_is_a_message_of_the_answers_chat() {
    let event = report(&json!({ "answer": taken(), "operator": "anna", "campaign": "spring", "at": 1777636000000_i64,
        "segments": ["new"], "contact": "c-1" }))
    .unwrap();
    assert_eq!((event.kind, event.at), (Kind::MessageSent, 1_777_636_000_000));
    assert_eq!((event.channel.as_str(), event.account.as_str()), ("VK", "5001"));
    assert_eq!((event.chat.as_str(), event.message.as_str()), ("7001", "31"));
    assert_eq!((event.operator.as_str(), event.campaign.as_str()), ("anna", "spring"));
    assert_eq!(event.id, "send VK 5001 7001 31");
    assert_eq!(event.attributes, []);
}

#[test]
fn what_the_report_says_counts_before_the_answer() {
    let event = report(&json!({ "id": "s-1", "answer": taken(), "chat": "7009", "account": 5002 })).unwrap();
    assert_eq!((event.id.as_str(), event.chat.as_str(), event.account.as_str()), ("s-1", "7009", "5002"));
    let again = report(&json!({ "id": "", "answer": taken(), "chat": null, "account": "" })).unwrap();
    assert_eq!((again.chat.as_str(), again.account.as_str()), ("7001", "5001"));
}

#[test]
fn a_send_that_was_refused_stands_alone() {
    let event = report(&json!({ "id": "s-2", "answer": refused(901), "chat": "7001" })).unwrap();
    assert_eq!((event.kind, event.at, event.message.as_str()), (Kind::MessageFailed, NOW, "failed s-2"));
    let reason = event.failure_reason.map(crate::model::event::FailureReason::as_str);
    assert_eq!((event.failure_code.as_str(), reason), ("901", Some("OPT_OUT")));
    // The longest id still makes a message.
    assert!(report(&json!({ "id": "x".repeat(200), "answer": refused(6), "chat": "7001" })).is_ok());
}

#[test]
fn who_names_no_contact_means_the_client_of_the_chat() {
    let bot = || open("viber", &["bot"], &json!({ "auth_token": "4a1f-invented-token" }));
    let contact = |more: &Value| {
        let mut line = json!({ "id": "s", "chat": "u==", "answer": { "status": 0, "message_token": 1 } });
        line.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        report_by(bot(), &line).map(|event| event.contact)
    };
    assert_eq!(contact(&json!({})).unwrap(), "viber:u==");
    assert_eq!(contact(&json!({ "contact": "" })).unwrap(), "viber:u==");
    assert_eq!(contact(&json!({ "answer": { "status": 6 } })).unwrap(), "viber:u==");
    assert_eq!(contact(&json!({ "contact": "c-1" })).unwrap(), "c-1");
    // The longest chat is still one.
    assert_eq!(contact(&json!({ "chat": "x".repeat(200) })).unwrap(), "");
    // A peer of VK is its user.
    assert_eq!(report(&json!({ "answer": taken() })).unwrap().contact, "vk:7001");
}

#[test]
fn what_is_no_report_says_why() {
    for (line, expect) in [
        (json!({ "id": "s" }), "`answer` is missing"),
        (json!({ "id": "s", "answer": null }), "`answer` is missing"),
        (
            json!({ "id": "s", "answer": { "response": 918 } }),
            "`answer` is none from which vk's connector can tell one message",
        ),
        (json!({ "id": "s", "answer": "sent" }), "`answer` is none from which vk's connector can tell one message"),
        (json!({ "answer": refused(901), "chat": "7001" }), "`id` is missing"),
        (json!({ "id": "s", "answer": refused(901) }), "`chat` is missing; message.failed needs it"),
        (json!({ "id": "s", "answer": taken(), "kind": "message.sent" }), "`kind` has no place in a report of a send"),
        (json!({ "id": "s", "answer": taken(), "channel": "VK" }), "`channel` has no place in a report of a send"),
        (json!({ "id": "s", "answer": taken(), "message": 31 }), "`message` has no place in a report of a send"),
        (
            json!({ "id": "s", "answer": taken(), "account": "5003" }),
            "`account` \"5003\" is not one of the connection's",
        ),
        (json!({ "id": "s", "answer": taken(), "account": {} }), "`account` must be a string or a whole number"),
        (
            json!({ "id": "s", "answer": taken(), "author": "CLIENT" }),
            "`author` is CLIENT, but message.sent is outbound",
        ),
        (json!(["s"]), "the line is not an event"),
    ] {
        let reason = report(&line).unwrap_err();
        assert!(reason.starts_with(expect), "{line}: {reason}");
    }
}

#[test]
fn nothing_of_the_answer_is_kept_but_ids() {
    let mut answer = taken();
    answer["response"][0]["text"] = "what nobody may keep".into();
    let event = report(&json!({ "answer": answer, "text": "what nobody may keep" })).unwrap();
    assert!(!format!("{event:?}").contains("nobody"), "{event:?}");
}

#[test]
fn a_bad_report_costs_only_itself_and_keeps_its_line_and_id() {
    let lines = [json!({ "id": "s-1" }), json!({ "answer": taken() })];
    let items = (1..).zip(&lines).map(|(line, report)| Item::from_json(line, report.to_string().as_bytes()));
    let items: Vec<Item> = read(connection(), items.collect::<Vec<_>>().into_iter()).collect();
    let unreadable = items[0].event.clone().unwrap_err();
    assert_eq!((items[0].line, unreadable.id.as_deref()), (1, Some("s-1")));
    assert!(items[1].event.is_ok());
}
