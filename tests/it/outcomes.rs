//! What dialogs lead to, conversions and departures, through HTTP, exactly; and what families refuse.

use serde_json::{Value, json};

use crate::dialogs::{MARCH, message};
use crate::world::World;

#[tokio::test]
pub async fn a_sale_is_credited_to_the_dialog_that_led_to_it() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    let bought = |id: &str, kind: &str, at: &str, value: &str, currency: &str| {
        json!({"id": id, "kind": kind, "at": at, "channel": "crm", "contact": "k",
            "conversion": {"action": "purchase", "value": value, "currency": currency, "order": id.trim_end_matches('r')}})
    };
    let mut stranger = message("CLIENT", "2026-03-11T10:00:00Z");
    stranger["chat"] = "other".into();
    stranger.as_object_mut().unwrap().remove("contact");
    world
        .take(&[
            // Two dialogs of one contact, two days apart, and one of somebody unknown.
            message("CLIENT", "2026-03-10T10:00:00Z"),
            message("CLIENT", "2026-03-12T10:00:00Z"),
            stranger,
            bought("o1", "conversion.recorded", "2026-03-12T11:00:00Z", "100.10", "EUR"),
            bought("o2", "conversion.recorded", "2026-03-11T11:00:00Z", "50", "EUR"),
            // Taken back within the window of the dialog.
            bought("o3", "conversion.recorded", "2026-03-13T11:00:00Z", "70", "EUR"),
            bought("o3r", "conversion.reverted", "2026-03-14T11:00:00Z", "70", "EUR"),
            // A part of it.
            bought("o1r", "conversion.reverted", "2026-03-14T11:00:00Z", "0.10", "EUR"),
            // Before any dialog, and after every window.
            bought("o4", "conversion.recorded", "2026-03-10T09:59:59Z", "1", "EUR"),
            bought("o5", "conversion.recorded", "2026-03-19T10:00:00.001Z", "1", "USD"),
        ])
        .await;
    let fields = "total { rate converted dialogs value currency identityCoverage quality { level warnings { code } } }
                  by(dimensions: [DAY]) { keys metrics { converted value } }";
    let answer = world
        .analytics(
            MARCH,
            &format!(
                "last: conversion {{ {fields} }} first: conversion(attribution: FIRST_TOUCH) {{ {fields} }}
                 linear: conversion(attribution: LINEAR) {{ {fields} }}
                 long: conversion(windowDays: 8, actions: [\"Purchase\"]) {{ {fields} }}
                 none: conversion(actions: [\"form\"]) {{ {fields} }}"
            ),
        )
        .await;
    let day = |day: &str, converted: i64, value: Value| json!({"keys": [format!("2026-03-{day}")], "metrics": {"converted": converted, "value": value}});
    let total = |rate: f64, converted: i64, value: Value, currency: Value, warnings: Value| {
        json!({"rate": rate, "converted": converted, "dialogs": 3, "value": value, "currency": currency,
            "identityCoverage": 2.0 / 3.0, "quality": {"level": "LOWER_BOUND", "warnings": warnings}})
    };
    let both = total(2.0 / 3.0, 2, json!("150"), json!("EUR"), json!([]));
    assert_eq!(answer["last"]["total"], both);
    // 50 to the first dialog; 100.10 less 0.10 to the second.
    assert_eq!(
        answer["last"]["by"],
        json!([day("10", 1, json!("50")), day("11", 0, Value::Null), day("12", 1, json!("100"))])
    );
    assert_eq!(answer["first"]["total"], total(1.0 / 3.0, 1, json!("150"), json!("EUR"), json!([])));
    assert_eq!(answer["linear"]["total"], both);
    // 50 + 100/2, 100/2.
    assert_eq!(
        answer["linear"]["by"],
        json!([day("10", 1, json!("100")), day("11", 0, Value::Null), day("12", 1, json!("50"))])
    );
    // Euros and dollars are never added.
    assert_eq!(
        answer["long"]["total"],
        total(2.0 / 3.0, 2, Value::Null, Value::Null, json!([{"code": "MIXED_CURRENCIES"}]))
    );
    assert_eq!(answer["none"]["total"], total(0.0, 0, Value::Null, Value::Null, json!([])));

    // What a dialog earned is for managers; an operator is told so and gets the rest.
    let query = format!("{{ analytics({MARCH}) {{ conversion {{ total {{ dialogs value }} }} }} }}");
    let answer = world.answer(&world.operator("anna"), &query).await;
    assert_eq!(answer["data"]["analytics"]["conversion"]["total"], json!({"dialogs": 0, "value": null}));
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
}

#[tokio::test]
pub async fn who_leaves_is_counted_once_and_for_the_message_before() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    let sent = |contact: &str, channel: &str, at: &str, campaign: &str| {
        json!({"id": format!("{contact}{at}"), "kind": "message.sent", "at": at, "channel": channel, "chat": contact,
            "contact": contact, "message": at, "author": "AUTOMATION", "campaign": campaign})
    };
    let told = |contact: &str, channel: &str, kind: &str, at: &str| json!({"id": format!("{contact}{kind}{at}"), "kind": kind, "at": at, "channel": channel, "contact": contact});
    let failed = |contact: &str, at: &str, code: &str| {
        json!({"id": format!("{contact}f{at}"), "kind": "message.failed", "at": at, "channel": "WHATSAPP", "chat": contact,
            "contact": contact, "message": at, "author": "AUTOMATION", "campaign": "late", "failure": {"code": code, "reason": "OPT_OUT"}})
    };
    world
        .take(&[
            sent("a", "WHATSAPP", "2026-03-10T10:00:00Z", "spring"),
            sent("b", "WHATSAPP", "2026-03-10T10:00:00Z", "spring"),
            sent("c", "WHATSAPP", "2026-03-10T10:00:00Z", "spring"),
            sent("m", "MAX", "2026-03-10T10:00:00Z", "spring"),
            // Twice, and then by a failed message: one contact.
            told("a", "WHATSAPP", "contact.unsubscribed", "2026-03-11T10:00:00Z"),
            told("a", "WHATSAPP", "contact.blocked", "2026-03-12T10:00:00Z"),
            failed("a", "2026-03-14T10:00:00Z", "1"),
            // Came back.
            told("b", "WHATSAPP", "contact.blocked", "2026-03-11T10:00:00Z"),
            told("b", "WHATSAPP", "contact.unblocked", "2026-03-12T10:00:00Z"),
            // Ambiguous, so no departure.
            failed("c", "2026-03-12T10:00:00Z", "131026"),
            told("m", "MAX", "contact.muted", "2026-03-11T10:00:00Z"),
        ])
        .await;
    let answer = world
        .analytics(
            MARCH,
            "unsubscribes { total { rate unsubscribed netUnsubscribed exposed muteRate muted quality { level } }
                by(dimensions: [CAMPAIGN]) { keys metrics { unsubscribed exposed } }
                channels: by(dimensions: [CHANNEL]) { keys metrics { muted muteRate } } }",
        )
        .await;
    let answer = &answer["unsubscribes"];
    assert_eq!(
        answer["total"],
        json!({"rate": 0.5, "unsubscribed": 2, "netUnsubscribed": 1, "exposed": 4, "muteRate": 1.0, "muted": 1,
               "quality": {"level": "EXACT"}})
    );
    assert_eq!(answer["by"], json!([{"keys": ["spring"], "metrics": {"unsubscribed": 2, "exposed": 4}}]));
    assert_eq!(
        answer["channels"],
        json!([{"keys": ["MAX"], "metrics": {"muted": 1, "muteRate": 1.0}},
               {"keys": ["WHATSAPP"], "metrics": {"muted": null, "muteRate": null}}])
    );
    // Seen only through the failed message.
    world.take(&[failed("d", "2026-03-15T10:00:00Z", "1"), failed("d", "2026-03-16T10:00:00Z", "1")]).await;
    let answer = world
        .analytics(
            MARCH,
            "unsubscribes { total { unsubscribed quality { level warnings { code } } } series(every: DAY) { metrics { unsubscribed } } }",
        )
        .await;
    assert_eq!(
        answer["unsubscribes"]["total"],
        json!({"unsubscribed": 3, "quality": {"level": "APPROXIMATE", "warnings": [{"code": "SEEN_BY_FAILURE"}]}})
    );
    let days: Vec<i64> = answer["unsubscribes"]["series"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["metrics"]["unsubscribed"].as_i64().unwrap())
        .collect();
    // The 11th both, the 12th one again, the 15th the one that failed, and not the 16th.
    assert_eq!((days[10], days[11], days[13], days[14], days[15]), (2, 1, 0, 1, 0));
}

#[tokio::test]
pub async fn questions_that_a_family_cannot_answer_name_both_sides() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    let refused = async |arguments: &str, fields: &str| {
        let answer =
            world.answer(&world.manager(), &format!("{{ analytics({MARCH}{arguments}) {{ {fields} }} }}")).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID_QUERY", "{answer}");
        answer["errors"][0]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        refused(", filter: {hours: [9]}", "activeDialogs { total { peak } }").await,
        "`peak` cannot be filtered by `hours`: it counts open dialogs, and they do not have it"
    );
    assert_eq!(
        refused("", "automation { by(dimensions: [AUTHOR]) { metrics { containment } } }").await,
        "`containment` cannot be divided by AUTHOR: it counts dialogs by their opening, and they do not have it"
    );
    assert_eq!(
        refused("", "conversion { by(dimensions: [CONVERSION_KIND]) { metrics { rate } } }").await,
        "`rate` cannot be divided by CONVERSION_KIND: what it is a share of would be divided with it"
    );
    assert_eq!(
        refused("", "sessions(inactivityMinutes: 241) { total { sessions } }").await,
        "the argument `inactivityMinutes` is 241; it must be an integer from 1 to 240"
    );
    assert_eq!(
        refused("", "responseTime(bounds: [5, 5]) { total { answered } }").await,
        "`bounds` takes numbers in ascending order, each greater than the one before"
    );
}
