//! The worked examples about whole dialogs, and stories of conversions and departures, through HTTP, exactly.

use serde_json::{Value, json};

use crate::world::{World, instant};

const MARCH: &str = r#"range: {from: "2026-03-01", to: "2026-04-01"}"#;

/// A message of chat `c`; its id is its time.
fn message(author: &str, at: &str) -> Value {
    let kind = if author == "CLIENT" { "message.received" } else { "message.sent" };
    let mut event = json!({"id": at, "kind": kind, "at": at, "channel": "WHATSAPP", "account": "a", "chat": "c",
        "contact": "k", "message": at, "author": author});
    if author == "OPERATOR" {
        event["operator"] = "anna".into();
    }
    event
}

#[tokio::test]
async fn example_3_a_bot_answers_first() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world
        .take(&[
            message("CLIENT", "2026-03-10T09:00:00Z"),
            message("CLIENT", "2026-03-10T09:00:20Z"),
            message("BOT", "2026-03-10T09:00:21Z"),
            message("OPERATOR", "2026-03-10T09:04:00Z"),
        ])
        .await;
    let fields = "total { p50Seconds p90Seconds p95Seconds p99Seconds meanSeconds answered unanswered abandoned }
                  by(dimensions: [OPERATOR]) { keys metrics { answered } }";
    let answer = world
        .analytics(
            MARCH,
            &format!(
                "operator: responseTime {{ {fields} }}
                 any: responseTime(botStopsClock: true, targetSeconds: 21) {{ {fields} target: total {{ withinTarget }} }}
                 automation {{ total {{ automaticShare automatic manual handoffRate containment }} }}"
            ),
        )
        .await;
    // One turn, from 09:00:00: the operator answers after 240 s, the bot after 21 s.
    let seconds = |seconds: f64| {
        json!({"p50Seconds": seconds, "p90Seconds": seconds, "p95Seconds": seconds, "p99Seconds": seconds,
               "meanSeconds": seconds, "answered": 1, "unanswered": 0, "abandoned": 0})
    };
    assert_eq!(answer["operator"]["total"], seconds(240.0));
    assert_eq!(answer["operator"]["by"], json!([{"keys": ["anna"], "metrics": {"answered": 1}}]));
    assert_eq!(answer["any"]["total"], seconds(21.0));
    assert_eq!(answer["any"]["target"]["withinTarget"], 1.0);
    // The operator's message answers no turn then.
    assert_eq!(answer["any"]["by"], json!([{"keys": [null], "metrics": {"answered": 1}}]));
    assert_eq!(
        answer["automation"]["total"],
        json!({"automaticShare": 1.0, "automatic": 1, "manual": 0, "handoffRate": 1.0, "containment": 0.0})
    );
}

const OFFICE: &str = r#"mutation { setBusinessHours(input: {timezone: "UTC", validFrom: "2026-01-01", weekly: [
    {weekday: 1, from: "09:00", to: "18:00"}, {weekday: 2, from: "09:00", to: "18:00"},
    {weekday: 3, from: "09:00", to: "18:00"}, {weekday: 4, from: "09:00", to: "18:00"},
    {weekday: 5, from: "09:00", to: "18:00"}]}) { timezone } }"#;

#[tokio::test]
async fn example_4_only_open_seconds_count() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    // Friday evening, Monday morning.
    world.take(&[message("CLIENT", "2026-03-12T17:58:00Z"), message("OPERATOR", "2026-03-13T09:03:00Z")]).await;
    let query = format!(
        "{{ analytics({MARCH}) {{
            elapsed: responseTime {{ total {{ p50Seconds }} }}
            business: responseTime(businessHours: true, targetSeconds: 300) {{
                total {{ p50Seconds withinTarget histogram {{ from to count }} }}
                compare(to: PREVIOUS_PERIOD) {{ answered }} }} }} }}"
    );
    let answer = world.answer(&world.manager(), &query).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID_QUERY");
    assert_eq!(
        answer["errors"][0]["message"],
        "no business hours are set: a manager sets them by the mutation `setBusinessHours`"
    );
    world.ask(&world.manager(), OFFICE).await;
    let answer = world.ask(&world.manager(), &query).await["analytics"].take();
    // 15 h 5 min by the clock; 17:58 to 18:00 and 09:00 to 09:03 are 2 min + 3 min.
    assert_eq!(answer["elapsed"]["total"]["p50Seconds"], 54_300.0);
    let total = &answer["business"]["total"];
    assert_eq!((&total["p50Seconds"], &total["withinTarget"]), (&json!(300.0), &json!(1.0)));
    assert_eq!(total["histogram"][1], json!({"from": 60.0, "to": 300.0, "count": 0}));
    assert_eq!(total["histogram"][2], json!({"from": 300.0, "to": 900.0, "count": 1}));
    assert_eq!(answer["business"]["compare"]["answered"], 0);
}

#[tokio::test]
async fn example_5_sessions_are_cut_where_nobody_writes() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world
        .take(&[
            message("CLIENT", "2026-03-10T10:00:00Z"),
            message("OPERATOR", "2026-03-10T10:10:00Z"),
            // Nobody's talk: it neither opens a session nor extends one.
            message("AUTOMATION", "2026-03-10T10:45:00Z"),
            message("CLIENT", "2026-03-10T10:27:00Z"),
            message("CLIENT", "2026-03-10T11:00:00Z"),
        ])
        .await;
    let fields = "total { p50Seconds meanSeconds sessions singleMessageSessions }";
    let answer = world
        .analytics(
            MARCH,
            &format!(
                "half: sessions {{ {fields} }} quarter: sessions(inactivityMinutes: 15) {{ {fields} }}
                 odd: sessions(inactivityMinutes: 33) {{ {fields} }}"
            ),
        )
        .await;
    let expect = |seconds: f64, single: i64| json!({"total": {"p50Seconds": seconds, "meanSeconds": seconds, "sessions": 1, "singleMessageSessions": single}});
    assert_eq!(answer, json!({"half": expect(1620.0, 1), "quarter": expect(600.0, 2), "odd": expect(3600.0, 0)}));
}

#[tokio::test]
async fn example_6_dialogs_overlap() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let minute = |minute: i64| instant("2026-03-10T10:00:00Z") + minute * 60_000;
    let mut events = Vec::new();
    for (dialog, from, to) in [("d1", 0, 60), ("d2", 30, 90), ("d3", 30, 60)] {
        for (kind, at) in [("dialog.opened", from), ("dialog.closed", to)] {
            events.push(json!({"id": format!("{dialog}{kind}"), "kind": kind, "at": minute(at), "channel": "WHATSAPP",
                "dialog": dialog}));
        }
    }
    world.take(&events).await;
    let fields = "activeDialogs { total { peak peakAt meanConcurrent openNow distinct } }";
    let ask = async |from: &str, to: &str| {
        let range = format!(r#"range: {{from: "2026-03-10T{from}:00Z", to: "2026-03-10T{to}:00Z"}}"#);
        world.analytics(&range, fields).await["activeDialogs"]["total"].take()
    };
    // (60 + 60 + 30) / 120.
    assert_eq!(
        ask("10:00", "12:00").await,
        json!({"peak": 3, "peakAt": "2026-03-10T10:30:00.000Z", "meanConcurrent": 1.25, "openNow": 0, "distinct": 0})
    );
    // (15 + 45 + 15) / 75.
    assert_eq!(
        ask("10:45", "12:00").await,
        json!({"peak": 3, "peakAt": "2026-03-10T10:45:00.000Z", "meanConcurrent": 1.0, "openNow": 0, "distinct": 0})
    );
    // One ends at the instant at which two begin; at 10:59:59.999 three are open.
    assert_eq!(ask("10:00", "11:00").await["openNow"], 3);
    assert_eq!(ask("11:00", "11:30").await["peak"], 1);
    let hours = world
        .analytics(
            r#"range: {from: "2026-03-10T10:00:00Z", to: "2026-03-10T12:00:00Z"}"#,
            "activeDialogs { series(every: HOUR) { metrics { peak meanConcurrent openNow } } }",
        )
        .await;
    assert_eq!(
        hours["activeDialogs"]["series"],
        json!([
            {"metrics": {"peak": 3, "meanConcurrent": 2.0, "openNow": 3}},
            {"metrics": {"peak": 1, "meanConcurrent": 0.5, "openNow": 0}},
        ])
    );
}

#[tokio::test]
async fn what_has_not_begun_is_unknown_and_not_zero() {
    let world = World::at("2026-03-10T10:30:00Z").await;
    world.take(&[message("CLIENT", "2026-03-10T10:00:00Z")]).await;
    let answer = world
        .analytics(
            r#"range: {from: "2026-03-10T10:00:00Z", to: "2026-03-10T12:00:00Z"}"#,
            "activeDialogs { total { meanConcurrent openNow } series(every: HOUR) { metrics { peak meanConcurrent } } }",
        )
        .await;
    // Open all the time that has passed, by whatever time is still to come.
    assert_eq!(answer["activeDialogs"]["total"], json!({"meanConcurrent": 1.0, "openNow": 1}));
    assert_eq!(
        answer["activeDialogs"]["series"],
        json!([
            {"metrics": {"peak": 1, "meanConcurrent": 1.0}}, {"metrics": {"peak": null, "meanConcurrent": null}},
        ])
    );
}

#[tokio::test]
async fn example_10_the_last_rating_of_a_survey_counts() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let survey = |name: &str, kind: &str, at: &str, score: Option<i64>| {
        json!({"id": format!("{name}{kind}{at}"), "kind": kind, "at": format!("2026-03-10T{at}:00Z"),
            "channel": "WHATSAPP", "chat": name, "survey": {"id": name, "score": score, "scale": 5}})
    };
    let mut events: Vec<Value> = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"]
        .iter()
        .map(|name| survey(name, "survey.sent", "10:00", None))
        .collect();
    for (name, at, score) in [
        ("A", "10:05", 3),
        ("A", "10:06", 5),
        ("B", "10:01", 5),
        ("B", "10:09", 1),
        ("C", "10:02", 5),
        ("D", "10:02", 4),
        ("E", "10:02", 3),
    ] {
        events.push(survey(name, "survey.rated", at, Some(score)));
    }
    events.reverse();
    world.take(&events).await;
    let answer = world
        .analytics(
            MARCH,
            "satisfaction { total { satisfiedShare satisfiedLow satisfiedHigh meanScore normalisedMean rated surveyed
                responseRate histogram { from to count } quality { level warnings { code } } } }",
        )
        .await;
    let total = &answer["satisfaction"]["total"];
    // {5, 1, 5, 4, 3}.
    let names = ["satisfiedShare", "meanScore", "rated", "surveyed", "responseRate"];
    assert_eq!(names.map(|name| total[name].clone()), [json!(0.6), json!(3.6), json!(5), json!(10), json!(0.5)]);
    // (1 + 0 + 1 + 0.75 + 0.5) / 5.
    assert_eq!(total["normalisedMean"], 0.65);
    // Wilson at 95 % of 3/5: 0.2307 to 0.8824.
    assert!((total["satisfiedLow"].as_f64().unwrap() - 0.230_724).abs() < 1e-5, "{total}");
    assert!((total["satisfiedHigh"].as_f64().unwrap() - 0.882_379).abs() < 1e-5, "{total}");
    let counts: Vec<i64> =
        total["histogram"].as_array().unwrap().iter().map(|bin| bin["count"].as_i64().unwrap()).collect();
    assert_eq!(counts, [0, 1, 0, 1, 1, 2, 0, 0, 0, 0, 0]);
    assert_eq!(total["quality"], json!({"level": "EXACT", "warnings": [{"code": "SMALL_SAMPLE"}]}));
}

#[tokio::test]
async fn a_sale_is_credited_to_the_dialog_that_led_to_it() {
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
async fn who_leaves_is_counted_once_and_for_the_message_before() {
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
async fn questions_that_a_family_cannot_answer_name_both_sides() {
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
