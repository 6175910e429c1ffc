use serde_json::{Value, json};

use super::*;
use crate::model::event::{FailureReason, TimeSource};

/// 2026-05-01T12:00:00Z.
const NOW: Millis = 1_777_636_800_000;

fn read(json: Value) -> Result<NormalEvent, String> {
    let event: Event = serde_json::from_value(json).unwrap();
    normalise(event, NOW).map_err(|reason| reason.to_string())
}

/// A complete message event with some fields replaced.
#[expect(clippy::needless_pass_by_value, reason = "reads better where it is called")]
fn message(kind: &str, changes: Value) -> Value {
    let mut event = json!({ "id": "e", "kind": kind, "channel": "vk", "chat": "c", "message": "m" });
    for (name, value) in changes.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn rejects(json: Value, reason: &str) {
    assert_eq!(read(json).map(|event| event.id), Err(reason.to_owned()));
}

#[test]
fn ids_keep_all_digits_of_a_number() {
    let event = read(json!({
        "id": 18446744073709551615_u64, "kind": "message.received", "channel": "viber",
        "chat": -9223372036854775808_i64, "message": 9007199254740993_i64
    }));
    let event = event.unwrap();
    assert_eq!(event.id, "18446744073709551615");
    assert_eq!(event.chat, "-9223372036854775808");
    assert_eq!(event.message, "9007199254740993");
    assert_eq!((event.channel.as_str(), event.author), ("VIBER", Some(Author::Client)));
    assert_eq!((event.at, event.clock), (NOW, TimeSource::Missing));
}

#[test]
fn ids_must_be_ids() {
    rejects(message("message.sent", json!({ "id": null })), "`id` is missing");
    rejects(message("message.sent", json!({ "id": "" })), "`id` is missing");
    rejects(message("message.sent", json!({ "id": "x".repeat(201) })), "`id` has 201 characters; the most is 200");
    rejects(message("message.sent", json!({ "id": "a\nb" })), "`id` contains a control character");
    rejects(message("message.sent", json!({ "chat": "a\u{0}b" })), "`chat` contains a NUL character");
    rejects(message("message.sent", json!({ "chat": [1] })), "`chat` must be a string or a whole number, not a list");
    rejects(
        message("message.sent", json!({ "chat": true })),
        "`chat` must be a string or a whole number, not a boolean",
    );
    rejects(
        message("message.sent", json!({ "chat": 1.5 })),
        "`chat` \"1.5\" is not a whole number of at most 64 bits; write it as a string",
    );
    let beyond: Value = serde_json::from_str(
        r#"{"id":"e","kind":"message.sent","channel":"vk","chat":18446744073709551616,"message":1}"#,
    )
    .unwrap();
    assert!(read(beyond).unwrap_err().ends_with("is not a whole number of at most 64 bits; write it as a string"));
    assert!(read(message("message.sent", json!({ "id": "ä".repeat(200) }))).is_ok());
}

#[test]
fn every_kind_says_what_it_needs() {
    let bare = |kind: &str| json!({ "id": "e", "kind": kind, "channel": "vk" });
    for (kind, field) in [
        ("message.received", "chat"),
        ("read.watermark", "chat"),
        ("dialog.opened", "dialog` or `chat"),
        ("contact.blocked", "contact"),
        ("consent.given", "contact"),
        ("survey.sent", "survey.id"),
        ("survey.rated", "survey.id"),
        ("conversion.recorded", "conversion.action"),
        ("operator.online", "operator"),
        ("spend.recorded", "cost.amount"),
    ] {
        rejects(bare(kind), &format!("`{field}` is missing; {kind} needs it"));
    }
    rejects(message("message.sent", json!({ "message": null })), "`message` is missing; message.sent needs it");
    rejects(json!({ "id": "e", "channel": "vk" }), "`kind` is missing");
    rejects(json!({ "id": "e", "kind": "message.sent" }), "`channel` is missing");
    rejects(bare("message.exploded"), "unknown kind \"message.exploded\"");
    rejects(
        message("message.sent", json!({ "channel": "a b" })),
        "`channel` \"a b\" is not a channel's name: letters, digits, `_` and `-`, at most 32 characters",
    );
}

#[test]
fn a_read_mark_is_a_number_or_absent() {
    assert!(read(message("read.watermark", json!({ "message": null }))).is_ok());
    assert!(read(message("read.watermark", json!({ "message": "17" }))).is_ok());
    rejects(
        message("read.watermark", json!({})),
        "`message` \"m\" is not a number; read.watermark takes the number up to which all is read, or none",
    );
}

#[test]
fn the_author_is_who_can_have_written() {
    let author = |kind: &str, changes: Value| read(message(kind, changes)).map(|event| event.author);
    assert_eq!(author("message.received", json!({ "author": "client" })), Ok(Some(Author::Client)));
    assert_eq!(author("message.sent", json!({ "operator": "anna" })), Ok(Some(Author::Operator)));
    assert_eq!(author("message.sent", json!({ "operator": "anna", "author": "Bot" })), Ok(Some(Author::Bot)));
    assert_eq!(author("message.sent", json!({})), Ok(None));
    assert_eq!(author("dialog.assigned", json!({ "operator": "anna" })), Ok(None));
    rejects(
        message("message.received", json!({ "author": "BOT" })),
        "`author` is BOT, but message.received is always written by the CLIENT",
    );
    rejects(
        message("message.sent", json!({ "author": "CLIENT" })),
        "`author` is CLIENT, but message.sent is outbound; a client's message is message.received",
    );
    rejects(
        message("message.sent", json!({ "author": "Robert'); DROP" })),
        "`author` \"Robert\\'); DROP\" is not one of CLIENT, OPERATOR, BOT, AUTOMATION, SYSTEM or UNKNOWN",
    );
}

#[test]
fn failures_have_a_reason() {
    let reason = |changes: Value| read(message("message.failed", changes)).map(|event| event.failure_reason);
    assert_eq!(reason(json!({})), Ok(Some(FailureReason::Unknown)));
    assert_eq!(reason(json!({ "failure": { "code": 131050, "reason": "opt_out" } })), Ok(Some(FailureReason::OptOut)));
    rejects(
        message("message.failed", json!({ "failure": { "reason": "BORED" } })),
        "`failure.reason` \"BORED\" is not one of RECIPIENT, OPT_OUT, POLICY, SENDER, TRANSIENT or UNKNOWN",
    );
    let healthy = read(message("message.delivered", json!({ "failure": { "code": "7" } }))).unwrap();
    assert_eq!((healthy.failure_code.as_str(), healthy.failure_reason), ("", None));
    assert_eq!(healthy.attributes, [("failure.code".to_owned(), "7".to_owned())]);
}

#[test]
fn a_rating_is_a_point_of_its_scale() {
    let rated = |survey: Value| json!({ "id": "e", "kind": "survey.rated", "channel": "vk", "survey": survey });
    let event = read(rated(json!({ "id": "s", "score": "4", "scale": 5 }))).unwrap();
    assert_eq!((event.survey_score, event.survey_scale), (Some(4.0), Some(5)));
    rejects(rated(json!({ "id": "s", "score": 6, "scale": 5 })), "`survey.score` \"6\" is not a number from 1 to 5");
    rejects(rated(json!({ "id": "s", "score": 0, "scale": 10 })), "`survey.score` \"0\" is not a number from 1 to 10");
    rejects(
        rated(json!({ "id": "s", "score": "NaN", "scale": 5 })),
        "`survey.score` \"NaN\" is not a number from 1 to 5",
    );
    rejects(rated(json!({ "id": "s", "score": 3, "scale": 7 })), "`survey.scale` \"7\" is not one of 2, 3, 5, 10");
    rejects(rated(json!({ "id": "s", "score": 3 })), "`survey.scale` is missing; survey.rated needs it");
}

#[test]
fn money_has_a_currency() {
    let sold = |conversion: Value| json!({ "id": "e", "kind": "conversion.recorded", "channel": "vk", "conversion": conversion });
    let event = read(sold(json!({ "action": "Purchase", "value": 19.99, "currency": "eur" }))).unwrap();
    assert_eq!(event.conversion_value.map(|amount| amount.0), Some(199_900));
    assert_eq!((event.conversion_action.as_str(), event.conversion_currency.as_str()), ("purchase", "EUR"));
    assert!(read(sold(json!({ "action": "form" }))).is_ok());
    rejects(
        sold(json!({ "action": "p", "value": 1 })),
        "`conversion.currency` is missing; an amount needs its currency",
    );
    rejects(
        sold(json!({ "action": "p", "value": 1, "currency": "€" })),
        "`conversion.currency` \"€\" is not a currency's three letters",
    );
    rejects(
        sold(json!({ "action": "p", "value": -5, "currency": "EUR" })),
        "`conversion.value` \"-5\" is negative; take a conversion back with conversion.reverted",
    );
}

#[test]
fn caps_hold_for_every_text() {
    rejects(
        message("message.sent", json!({ "campaign": "x".repeat(257) })),
        "`campaign` has 257 characters; the most is 256",
    );
    rejects(message("message.sent", json!({ "segments": vec!["x"; 33] })), "`segments` has 33 entries; the most is 32");
    let event = read(message("message.sent", json!({ "segments": ["vip", "", "vip", 7], "message_kind": "Note" })));
    let event = event.unwrap();
    assert_eq!(event.segments, ["vip", "7"]);
    assert_eq!(event.message_kind, "note");
    let clicked = read(message("message.clicked", json!({ "link": { "url": "u".repeat(2_000) } }))).unwrap();
    assert_eq!(clicked.link_url.len(), 1_000);
    assert_eq!(clicked.attributes, [("truncated".to_owned(), "true".to_owned())]);
}

#[test]
fn our_time_replaces_a_clock_that_runs_ahead_and_the_original_is_kept() {
    let event = read(message("message.sent", json!({ "at": NOW + 3_600_000, "shop": 5 }))).unwrap();
    assert_eq!((event.at, event.clock), (NOW, TimeSource::Ahead));
    let kept = [("shop", "5"), ("occurred_at", "2026-05-01T13:00:00Z")];
    assert_eq!(event.attributes, kept.map(|(name, value)| (name.to_owned(), value.to_owned())));
}
