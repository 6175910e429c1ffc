//! `table`: the same numbers as `analytics`, side by side.

use rapport::metrics::catalogue::{Dimension, ENTRIES, FAMILIES};
use serde_json::{Value, json};

use crate::world::{TENANT, World};

const RANGE: &str = r#"range: {from: "2026-03-01", to: "2026-04-01"}"#;

/// Dialogs on two channels, with two operators, a bot, a rating and a sale.
pub async fn lively() -> World {
    let world = World::at("2026-04-20T00:00:00Z").await;
    let event = |id: &str, kind: &str, chat: &str, at: &str, more: Value| {
        let channel = if chat.starts_with('w') { "WHATSAPP" } else { "TELEGRAM" };
        let mut event = json!({"id": id, "kind": kind, "at": format!("2026-03-{at}Z"), "channel": channel, "account": "a",
            "chat": chat, "message": id, "contact": format!("c-{chat}")});
        for (name, value) in more.as_object().expect("an object") {
            event[name] = value.clone();
        }
        event
    };
    let anna = || json!({"operator": "anna", "team": "north", "campaign": "spring"});
    let bob = || json!({"operator": "bob", "team": "south", "segments": ["vip"]});
    let events = [
        event("1", "message.received", "w1", "02T09:00:00", json!({})),
        event("2", "message.sent", "w1", "02T09:05:00", anna()),
        event("3", "message.delivered", "w1", "02T09:05:01", json!({"message": "2"})),
        event("4", "message.read", "w1", "02T09:06:00", json!({"message": "2"})),
        event("5", "survey.sent", "w1", "02T10:00:00", json!({"survey": {"id": "s"}})),
        event("6", "survey.rated", "w1", "02T10:01:00", json!({"survey": {"id": "s", "score": 5, "scale": 5}})),
        event(
            "7",
            "conversion.recorded",
            "w1",
            "02T11:00:00",
            json!({"conversion": {"action": "purchase", "value": "12.5", "currency": "EUR"}}),
        ),
        event("8", "message.received", "t1", "03T09:00:00", json!({})),
        event("9", "message.sent", "t1", "03T09:00:30", json!({"author": "BOT"})),
        event("10", "message.received", "t1", "03T09:01:00", json!({})),
        event("11", "message.sent", "t1", "03T09:02:00", bob()),
        event("12", "message.received", "t2", "04T09:00:00", json!({})),
        event("13", "message.sent", "t2", "04T09:10:00", bob()),
        event("14", "contact.unsubscribed", "t2", "04T09:11:00", json!({})),
        event("15", "message.sent", "w2", "05T08:00:00", json!({"author": "AUTOMATION", "campaign": "spring"})),
    ];
    world.take(&events).await;
    world
}

async fn table(world: &World, arguments: &str, fields: &str) -> Value {
    world.ask(&world.manager(), &format!("{{ table({RANGE}, {arguments}) {{ {fields} }} }}")).await["table"].clone()
}

async fn refusal(world: &World, token: &str, arguments: &str) -> (String, String) {
    let answer = world.answer(token, &format!("{{ table({RANGE}, {arguments}) {{ rowCount }} }}")).await;
    assert_eq!(answer["data"]["table"], Value::Null, "{arguments}: {answer}");
    let error = &answer["errors"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&error["extensions"]["code"]), text(&error["message"]))
}

#[tokio::test]
pub async fn every_metric_is_what_analytics_says_by_channel_and_in_total() {
    let world = lively().await;
    let entries: Vec<_> =
        ENTRIES.iter().filter(|entry| entry.dimensions().any(|dimension| dimension == Dimension::Channel)).collect();
    assert_eq!(entries.len(), ENTRIES.len(), "every metric can be divided by the channel");
    let names: Vec<&str> = entries.iter().map(|entry| entry.enum_name.as_str()).collect();
    let arguments = format!("metrics: [{}], by: CHANNEL", names.join(", "));
    let fields = "columns { name dimension metric family unit isAdditive quality { level coverage provisional warnings { code message } } }
                  rows { keys values } totals rowCount";
    let table = table(&world, &arguments, fields).await;
    assert_eq!(table["rowCount"], 2);
    assert_eq!(
        table["columns"][0],
        json!({"name": "CHANNEL", "dimension": "CHANNEL", "metric": null, "family": null,
        "unit": null, "isAdditive": null, "quality": null})
    );

    let mut seen = 0;
    for family in FAMILIES {
        let metrics: Vec<&str> = family.metrics.iter().map(|metric| metric.name).collect();
        let metrics = metrics.join(" ");
        let fields = format!(
            "{} {{ total {{ {metrics} quality {{ level coverage provisional warnings {{ code message }} }} }}
                  by(dimensions: CHANNEL) {{ keys metrics {{ {metrics} }} }} }}",
            family.name
        );
        let answer = world.analytics(RANGE, &fields).await[family.name].clone();
        for metric in family.metrics {
            let column = entries.iter().position(|entry| std::ptr::eq(entry.metric, metric)).unwrap();
            let name = &entries[column].full_name;
            assert_eq!(table["totals"][column], answer["total"][metric.name], "{name}");
            assert_eq!(table["columns"][column + 1]["quality"], answer["total"]["quality"], "{name}");
            assert_eq!(table["columns"][column + 1]["name"], json!(name));
            for group in answer["by"].as_array().unwrap() {
                let row = table["rows"].as_array().unwrap().iter().find(|row| row["keys"] == group["keys"]).unwrap();
                assert_eq!(row["values"][column], group["metrics"][metric.name], "{name} {}", group["keys"]);
                seen += 1;
            }
        }
    }
    assert!(ENTRIES.len() < seen, "{seen} values were compared");
}

#[tokio::test]
async fn a_family_without_the_key_has_its_empty_values() {
    let world = lively().await;
    let table = table(
        &world,
        "metrics: [activity_messages, delivery_outbound, responseTime_p50Seconds, activeDialogs_peak], by: [CAMPAIGN]",
        "rows { keys values } totals",
    )
    .await;
    // Clients' messages have no campaign; of a dialog it is the first that a message names. In the others 120 s (the bot's
    // reply is not the operator's), 60 s and 600 s, and with anna's 300 s the median is (120 + 300) / 2. Each dialog is
    // open for 24 hours after its last message, so two overlap by minutes.
    assert_eq!(
        table,
        json!({
            "rows": [
                {"keys": ["spring"], "values": [0, 2, null, 1]},
                {"keys": [null], "values": [4, 3, 210.0, 2]},
            ],
            "totals": [4, 5, 210.0, 2],
        })
    );
}

#[tokio::test]
async fn rows_are_sorted_by_any_columns_and_pages_have_each_row_once() {
    let world = lively().await;
    let arguments = "metrics: [delivery_outbound, delivery_rate], by: [CHANNEL, OPERATOR]";
    let keys = async |more: &str| {
        let table = table(&world, &format!("{arguments}, {more}"), "rowCount rows { keys }").await;
        assert_eq!(table["rowCount"], 4, "{more}");
        let key =
            |row: &Value| row["keys"][0].as_str().unwrap()[..1].to_owned() + row["keys"][1].as_str().unwrap_or("-");
        table["rows"].as_array().unwrap().iter().map(key).collect::<Vec<String>>().join(" ")
    };
    assert_eq!(keys("first: 100").await, "Tbob T- Wanna W-");
    assert_eq!(keys("orderBy: {dimension: OPERATOR}").await, "Wanna Tbob T- W-");
    assert_eq!(
        keys("orderBy: [{metric: delivery_outbound}, {dimension: CHANNEL, direction: DESC}]").await,
        "Tbob Wanna W- T-"
    );
    // Telegram tells no delivery: unknown stands last in both directions.
    assert_eq!(keys("orderBy: {metric: delivery_rate}").await, "Wanna W- Tbob T-");
    assert_eq!(keys("orderBy: {metric: delivery_rate, direction: ASC}").await, "W- Wanna Tbob T-");

    let mut pages = Vec::new();
    for offset in 0..6 {
        pages.push(keys(&format!("orderBy: {{metric: delivery_outbound}}, first: 1, offset: {offset}")).await);
    }
    assert_eq!(pages, ["Tbob", "T-", "Wanna", "W-", "", ""]);
}

#[tokio::test]
async fn arguments_reach_their_family() {
    let world = lively().await;
    let arguments = "metrics: [responseTime_p50Seconds, responseTime_withinTarget, sessions_sessions]";
    let plain = table(&world, arguments, "rows { keys values }").await;
    assert_eq!(plain["rows"], json!([{"keys": [], "values": [210.0, null, 3]}]));
    let told = "arguments: {responseTime: {botStopsClock: true, kind: FIRST, targetSeconds: 30}, sessions: {inactivityMinutes: 5}, reads: {withinHours: 1}}";
    let told = table(&world, &format!("{arguments}, {told}"), "rows { values } totals").await;
    assert_eq!(told["rows"][0]["values"], told["totals"]);
    // First turns are answered after 300 s, 30 s (the bot) and 600 s.
    let same = world
        .analytics(
            RANGE,
            "responseTime(botStopsClock: true, kind: FIRST, targetSeconds: 30) { total { p50Seconds withinTarget } }
             sessions(inactivityMinutes: 5) { total { sessions } }",
        )
        .await;
    assert_eq!(
        told["totals"],
        json!([
            same["responseTime"]["total"]["p50Seconds"],
            same["responseTime"]["total"]["withinTarget"],
            same["sessions"]["total"]["sessions"]
        ])
    );
    assert_eq!(told["totals"][0], 300.0);
}

#[tokio::test]
async fn only_what_is_selected_runs() {
    let world = lively().await;
    for (fields, statements) in [
        ("columns { name definition }", 0),
        ("rows { values } rowCount", 3),
        ("totals columns { quality { level } }", 3),
        ("rows { values } totals", 6),
    ] {
        let arguments = "metrics: [reads_ofSent, reads_engagedRate, activity_messages], by: CHANNEL";
        let query = format!("{{ table({RANGE}, {arguments}) {{ {fields} }} }}");
        assert_eq!(world.statements(&query).await, statements, "{fields}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_both_sides() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    for (arguments, code, message) in [
        (
            "metrics: [delivery_rate, activeDialogs_peak], by: DAY",
            "INVALID_QUERY",
            "`activeDialogs.peak` cannot be divided by DAY: it counts open dialogs, and they do not have it",
        ),
        (
            "metrics: [delivery_rate, responseTime_answered], by: FAILURE_REASON",
            "INVALID_QUERY",
            "`responseTime.answered` cannot be divided by FAILURE_REASON: it counts turns, and they do not have it",
        ),
        (
            "metrics: conversion_rate, by: CONVERSION_KIND",
            "INVALID_QUERY",
            "`conversion.rate` cannot be divided by CONVERSION_KIND: what it is a share of would be divided with it",
        ),
        (
            r#"metrics: sessions_sessions, filter: {authors: BOT}"#,
            "INVALID_QUERY",
            "`sessions.sessions` cannot be filtered by `authors`: it counts sessions, and they do not have it",
        ),
        ("metrics: []", "INVALID_QUERY", "`metrics` is empty: name at least one"),
        ("metrics: [reads_read, reads_read]", "INVALID_QUERY", "`metrics` names reads_read twice"),
        ("metrics: reads_read, by: [TEAM, TEAM]", "INVALID_QUERY", "`by` names TEAM twice"),
        (
            "metrics: reads_read, by: [TEAM, OPERATOR, CHANNEL, ACCOUNT, DAY]",
            "LIMIT_EXCEEDED",
            "5 dimensions asked for; the limit `dimensions` is 4",
        ),
        (
            "metrics: reads_read, orderBy: {metric: delivery_rate}",
            "INVALID_QUERY",
            "`orderBy` names delivery_rate, which is no column of the table: add it to `metrics`",
        ),
        (
            "metrics: reads_read, by: TEAM, orderBy: {dimension: OPERATOR}",
            "INVALID_QUERY",
            "`orderBy` names OPERATOR, which is no column of the table: add it to `by`",
        ),
        (
            "metrics: reads_read, orderBy: {direction: ASC}",
            "INVALID_QUERY",
            "`orderBy` takes either a `metric` or a `dimension` in each item",
        ),
        (
            "metrics: reads_read, orderBy: [{metric: reads_read}, {metric: reads_read, direction: ASC}]",
            "INVALID_QUERY",
            "`orderBy` names a column twice",
        ),
        ("metrics: reads_read, orderBy: 5", "INVALID_QUERY", "`orderBy` is 5; it takes an input object in braces"),
        ("metrics: reads_read, first: 1001", "LIMIT_EXCEEDED", "the limit `groups` is 1000, and the request has 1001"),
        (
            "metrics: reads_read, offset: -1",
            "INVALID_QUERY",
            "the argument `offset` is -1; it must be an integer from 0 to 2147483647",
        ),
        ("metrics: reads_read, arguments: 5", "INVALID_QUERY", "`arguments` is 5; it takes an input object in braces"),
        (
            "metrics: reads_read, arguments: {reads: 5}",
            "INVALID_QUERY",
            "`reads` is 5; it takes an input object in braces",
        ),
        (
            "metrics: reads_read, arguments: {reads: {withinHours: 0}}",
            "INVALID_QUERY",
            "the argument `withinHours` is 0; it must be an integer from 1 to 8760",
        ),
    ] {
        let (told_code, told) = refusal(&world, &world.manager(), arguments).await;
        assert_eq!((told_code.as_str(), told.as_str()), (code, message), "{arguments}");
    }
    for unknown in ["metrics: delivery_bounds", "metrics: reads_read, arguments: {reads: {hours: 1}}"] {
        let answer = world.answer(&world.manager(), &format!("{{ table({RANGE}, {unknown}) {{ rowCount }} }}")).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID_QUERY", "{unknown}: {answer}");
    }
}

#[tokio::test]
async fn business_figures_are_for_managers_and_rows_for_those_who_see_them() {
    let world = lively().await;
    let supervisor = world.token_of(TENANT, rapport::auth::Role::Supervisor, None, &["north"]);
    for token in [world.operator("anna"), supervisor.clone()] {
        let (code, message) = refusal(&world, &token, "metrics: [conversion_rate, conversion_value]").await;
        assert_eq!(code, "FORBIDDEN");
        assert!(message.contains("`value` is for the roles MANAGER and ADMIN"), "{message}");
    }
    let query = format!(
        "{{ table({RANGE}, metrics: [delivery_outbound, activity_messages], by: OPERATOR) {{ rows {{ keys values }} totals }} }}"
    );
    for (token, rows, totals) in [
        (world.operator("anna"), json!([{"keys": ["anna"], "values": [1, 1]}]), json!([1, 1])),
        (supervisor, json!([{"keys": ["anna"], "values": [1, 1]}]), json!([1, 1])),
        (world.operator("nobody"), json!([]), json!([0, 0])),
        (world.token_of("other", rapport::auth::Role::Manager, None, &[]), json!([]), json!([0, 0])),
    ] {
        assert_eq!(world.ask(&token, &query).await["table"], json!({"rows": rows, "totals": totals}));
    }
    let (code, _) = refusal(&world, &world.service(), "metrics: reads_read").await;
    assert_eq!(code, "FORBIDDEN");
}

#[tokio::test]
async fn arguments_of_wrong_shapes_are_the_clients_fault() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    for root in [
        "table(RANGE, metrics: 5)",
        "table(RANGE, metrics: null)",
        "table(RANGE, metrics: [null])",
        "table(RANGE, metrics: [[reads_read]])",
        "table(RANGE, metrics: {a: 1})",
        "table(RANGE, metrics: reads_read, by: [null])",
        "table(RANGE, metrics: reads_read, by: [[TEAM]])",
        "table(RANGE, metrics: reads_read, by: COLOUR)",
        "table(RANGE, metrics: reads_read, orderBy: [null])",
        "table(RANGE, metrics: reads_read, orderBy: [[{metric: reads_read}]])",
        "table(RANGE, metrics: reads_read, orderBy: {metric: 5})",
        "table(RANGE, metrics: reads_read, orderBy: {metric: reads_read, direction: UP})",
        "table(RANGE, metrics: reads_read, orderBy: {metric: reads_read, direction: 1})",
        "table(RANGE, metrics: reads_read, orderBy: {metric: reads_read, dimension: TEAM})",
        "table(RANGE, metrics: reads_read, first: 1.5)",
        "table(RANGE, metrics: reads_read, offset: 4294967296)",
        r#"table(RANGE, metrics: reads_read, offset: "1")"#,
        r#"table(RANGE, metrics: reads_read, arguments: {reads: {withinHours: "x"}})"#,
        "table(RANGE, metrics: reads_read, arguments: {reads: [{withinHours: 1}]})",
        "table(RANGE, metrics: reads_read, arguments: {weather: {withinHours: 1}})",
        "table(RANGE, metrics: responseTime_answered, arguments: {responseTime: {botStopsClock: 1}})",
        "table(RANGE, metrics: responseTime_answered, arguments: {responseTime: {kind: SOME}})",
        "table(RANGE, metrics: responseTime_answered, arguments: {responseTime: {kind: 5}})",
        "table(RANGE, metrics: conversion_rate, arguments: {conversion: {actions: [5]}})",
        "table(metrics: reads_read)",
    ] {
        let query = format!("{{ {} {{ rowCount }} }}", root.replace("RANGE", RANGE));
        let answer = world.answer(&world.manager(), &query).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID_QUERY", "{root}: {answer}");
    }
    for root in [
        "metricDefinitions(families: 5) { name }",
        "metricDefinitions(families: [null]) { name }",
        r#"metricDefinitions(families: [["reads"]]) { name }"#,
        "teams(RANGE, search: 5) { value }",
        r#"teams(RANGE, search: ["a"]) { value }"#,
        "teams(RANGE, first: 1.5) { value }",
        "teams(RANGE, filter: 5) { value }",
        "teams { value }",
    ] {
        let query = format!("{{ {} }}", root.replace("RANGE", RANGE));
        let answer = world.answer(&world.manager(), &query).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID_QUERY", "{root}: {answer}");
    }
}
