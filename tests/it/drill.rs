//! From a number to what stands behind it.

mod counts;
pub mod history;
mod pages;
mod sights;
mod timeline;

use std::time::Duration;

use rapport::api::Limits;
use serde_json::{Value, json};

use crate::world::World;

const MARCH: &str = r#"range: {from: "2026-03-01", to: "2026-04-01"}"#;

/// An event about message `message` of chat `chat`, with what more there is to say.
fn event(kind: &str, chat: &str, message: &str, at: &str, more: &Value) -> Value {
    crate::world::event(kind, chat, message, &format!("2026-03-10T{at}Z"), more)
}

/// Longer than any machine needs.
const LONG: Duration = Duration::from_secs(600);

/// The same world at another instant, with limits that a test can live with.
fn at(world: &World, now: &str) -> World {
    let now = crate::world::instant(now);
    let limits = Limits {
        pages: 100_000,
        aliases: 1_000,
        execution_time: LONG,
        catch_up_time: LONG,
        cost_per_minute: 1_000_000_000,
        tenant_cost_per_minute: 1_000_000_000,
        ..Limits::default()
    };
    world.turned_to(now).limited(limits)
}

/// Anna answers c1, whose message is read; bob's message to c2 fails; nobody answers c2's second message.
async fn two_dialogs() -> World {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let anna = json!({"operator": "anna", "team": "north", "contact": "c1", "segments": ["vip", "new"]});
    let bob = json!({"operator": "bob", "team": "south", "contact": "c2"});
    world
        .take(&[
            event("message.received", "x", "1", "09:00:00", &json!({"contact": "c1", "segments": ["vip"]})),
            event("message.sent", "x", "2", "09:05:00", &anna),
            event("message.delivered", "x", "2", "09:06:00", &json!({})),
            event("message.read", "x", "2", "09:07:00", &json!({})),
            event("message.received", "y", "3", "10:00:00", &json!({"contact": "c2"})),
            event("message.sent", "y", "4", "10:05:00", &bob),
            event("message.failed", "y", "4", "10:06:00", &json!({"failure": {"reason": "RECIPIENT"}})),
            event("message.received", "y", "5", "11:00:00", &json!({"contact": "c2"})),
        ])
        .await;
    world
}

#[tokio::test]
pub async fn a_number_leads_to_its_messages_and_their_dialogs() {
    let world = two_dialogs().await;
    let answer = world
        .analytics(
            MARCH,
            "delivery { total {
                failed failedBehind: behind(of: failed) {
                    metric
                    messages { totalCount nodes { at chat message channel account contact operator team kind author sentAt deliveredAt failedAt failureReason segments } }
                    dialogs { totalCount nodes { channel contact operators teams segments at lastAt records openedAt } } }
                rate rateBehind: behind(of: rate) { messages { totalCount nodes { message deliveredAt readAt segments } } }
                all: behind(of: rate, part: DENOMINATOR) { messages { totalCount nodes { message } } }
            } }",
        )
        .await;
    assert_eq!(
        answer["delivery"]["total"],
        json!({
            "failed": 1,
            "failedBehind": {
                "metric": "failed",
                "messages": {"totalCount": 1, "nodes": [{
                    "at": "2026-03-10T10:05:00.000Z", "chat": "y", "message": "4", "channel": "WHATSAPP", "account": "a",
                    "contact": "c2", "operator": "bob", "team": "south", "kind": null, "author": "OPERATOR",
                    "sentAt": "2026-03-10T10:05:00.000Z", "deliveredAt": null, "failedAt": "2026-03-10T10:06:00.000Z",
                    "failureReason": "RECIPIENT", "segments": []}]},
                "dialogs": {"totalCount": 1, "nodes": [{
                    "channel": "WHATSAPP", "contact": "c2", "operators": ["bob"], "teams": ["south"], "segments": [],
                    "at": "2026-03-10T10:05:00.000Z", "lastAt": "2026-03-10T10:05:00.000Z", "records": 1,
                    "openedAt": null}]},
            },
            "rate": 0.5,
            "rateBehind": {"messages": {"totalCount": 1, "nodes": [{
                "message": "2", "deliveredAt": "2026-03-10T09:06:00.000Z", "readAt": "2026-03-10T09:07:00.000Z",
                "segments": ["new", "vip"]}]}},
            "all": {"messages": {"totalCount": 2, "nodes": [{"message": "4"}, {"message": "2"}]}},
        })
    );
}

#[tokio::test]
pub async fn turns_sessions_and_cycles_are_told_as_they_are() {
    let world = two_dialogs().await;
    let answer = world
        .analytics(
            MARCH,
            "responseTime { total {
                answered: behind(of: p50Seconds) { turns { totalCount nodes { message operator startsCycle answeredAt seconds repliedBy } } }
                waiting: behind(of: unanswered) { turns { nodes { message operator answeredAt seconds repliedBy } } } } }
             sessions { total { behind(of: sessions) { sessions { totalCount nodes { at contact messages durationSeconds operator } } } } }
             activeDialogs { total { behind(of: peak) { dialogs { totalCount nodes { openedAt closedAt messages contact operators records } } } } }",
        )
        .await;
    assert_eq!(
        answer,
        json!({
            "responseTime": {"total": {
                "answered": {"turns": {"totalCount": 2, "nodes": [
                    {"message": "3", "operator": "bob", "startsCycle": true, "answeredAt": "2026-03-10T10:05:00.000Z", "seconds": 300.0, "repliedBy": "OPERATOR"},
                    {"message": "1", "operator": "anna", "startsCycle": true, "answeredAt": "2026-03-10T09:05:00.000Z", "seconds": 300.0, "repliedBy": "OPERATOR"}]}},
                "waiting": {"turns": {"nodes": [
                    {"message": "5", "operator": null, "answeredAt": null, "seconds": null, "repliedBy": null}]}}}},
            // Chat y: 10:00 and 10:05 are one session, 11:00 another of one message.
            "sessions": {"total": {"behind": {"sessions": {"totalCount": 2, "nodes": [
                {"at": "2026-03-10T10:00:00.000Z", "contact": "c2", "messages": 2, "durationSeconds": 300.0, "operator": "bob"},
                {"at": "2026-03-10T09:00:00.000Z", "contact": "c1", "messages": 2, "durationSeconds": 300.0, "operator": "anna"}]}}}},
            // Without a word of its source a dialog closes 24 hours after its last message.
            "activeDialogs": {"total": {"behind": {"dialogs": {"totalCount": 2, "nodes": [
                {"openedAt": "2026-03-10T10:00:00.000Z", "closedAt": "2026-03-11T11:00:00.000Z", "messages": 3, "contact": "c2", "operators": ["bob"], "records": null},
                {"openedAt": "2026-03-10T09:00:00.000Z", "closedAt": "2026-03-11T09:05:00.000Z", "messages": 2, "contact": "c1", "operators": ["anna"], "records": null}]}}}},
        })
    );
}

#[tokio::test]
async fn steps_and_groups_lead_to_their_own_records() {
    let world = at(&two_dialogs().await, "2026-03-20T00:00:00Z");
    let answer = world
        .analytics(
            r#"range: {from: "2026-03-10", to: "2026-03-11"}"#,
            "activity { series(every: HOUR) { metrics { messages behind(of: messages) { messages { nodes { message } } } } }
                        by(dimensions: [SEGMENT, HOUR]) { keys metrics { messages behind(of: messages) { messages { nodes { message operator } } } } } }",
        )
        .await;
    let told = |line: &Value| -> Vec<String> {
        let nodes = line["metrics"]["behind"]["messages"]["nodes"].as_array().unwrap();
        nodes.iter().map(|node| node["message"].as_str().unwrap().to_owned()).collect()
    };
    let series = answer["activity"]["series"].as_array().unwrap();
    let steps: Vec<Vec<String>> = series.iter().map(told).filter(|step| !step.is_empty()).collect();
    assert_eq!(steps, [["1"], ["3"], ["5"]]);
    let by: Vec<(Value, Vec<String>)> =
        answer["activity"]["by"].as_array().unwrap().iter().map(|line| (line["keys"].clone(), told(line))).collect();
    assert_eq!(
        by,
        [
            (json!([null, "10"]), vec!["3".to_owned()]),
            (json!([null, "11"]), vec!["5".to_owned()]),
            (json!(["vip", "9"]), vec!["1".to_owned()]),
        ]
    );
}

#[tokio::test]
async fn what_a_number_does_not_count_is_refused_by_name() {
    let world = two_dialogs().await;
    let message = |answer: &Value| answer["errors"][0]["message"].as_str().unwrap().to_owned();
    let ask = |fields: &'static str| format!("{{ analytics({MARCH}) {{ {fields} }} }}");
    let query = ask(
        "automation { total { automatic behind(of: containment) { turns { totalCount } dialogs { totalCount } } } }",
    );
    let answer = world.answer(&world.manager(), &query).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID_QUERY");
    assert_eq!(
        message(&answer),
        "`containment` has no `turns` behind it: it counts dialogs by their opening; ask for `dialogs`"
    );
    // The others have their answers.
    assert_eq!(
        answer["data"]["analytics"]["automation"]["total"],
        json!({"automatic": 0, "behind": {"turns": null, "dialogs": {"totalCount": 0}}})
    );

    let value = ask("conversion { total { converted behind(of: value) { dialogs { totalCount } } } }");
    let answer = world.answer(&world.operator("anna"), &value).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert_eq!(answer["data"]["analytics"]["conversion"]["total"], json!({"converted": 0, "behind": null}));

    for (first, code) in
        [("0", "INVALID_QUERY"), ("-1", "INVALID_QUERY"), ("501", "LIMIT_EXCEEDED"), ("\"x\"", "INVALID_QUERY")]
    {
        let query = format!(
            "{{ analytics({MARCH}) {{ delivery {{ total {{ behind(of: failed) {{ messages(first: {first}) {{ totalCount }} }} }} }} }} }}"
        );
        let answer = world.answer(&world.manager(), &query).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{first}: {answer}");
    }
    let many = ask(
        "activity { by(dimensions: [WEEKDAY]) { keys } series(every: DAY) { metrics { behind(of: messages) { messages { totalCount } } } } }",
    );
    let answer = world.answer(&world.manager(), &many).await;
    assert_eq!(message(&answer), "the limit `pages` is 20, and the request has 21");
}
