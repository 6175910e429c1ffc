//! The worked examples about whole dialogs, through HTTP, exactly.

use serde_json::{Value, json};

use crate::world::{World, instant};

pub const MARCH: &str = r#"range: {from: "2026-03-01", to: "2026-04-01"}"#;

/// A message of chat `c`; its id is its time.
pub fn message(author: &str, at: &str) -> Value {
    let kind = if author == "CLIENT" { "message.received" } else { "message.sent" };
    let mut event = json!({"id": at, "kind": kind, "at": at, "channel": "WHATSAPP", "account": "a", "chat": "c",
        "contact": "k", "message": at, "author": author});
    if author == "OPERATOR" {
        event["operator"] = "anna".into();
    }
    event
}

#[tokio::test]
pub async fn example_3_a_bot_answers_first() {
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
pub async fn example_4_only_open_seconds_count() {
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
pub async fn example_5_sessions_are_cut_where_nobody_writes() {
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
pub async fn example_6_dialogs_overlap() {
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
pub async fn what_has_not_begun_is_unknown_and_not_zero() {
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
pub async fn example_10_the_last_rating_of_a_survey_counts() {
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
