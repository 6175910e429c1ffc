//! What is out of sight changes no answer: a tenant with it and one without it answer alike.
//!
//! Four things are the tenant's and not somebody's rows: whether an account reports statuses at all, whether its sources
//! close dialogs, whether they link contacts, and its hours of business. Both tenants have them alike.

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::prop_assert;
use serde_json::{Value, json};

use super::events::{ACCOUNTS, CHANNELS, History, MINUTE, arrivals, history};
use super::properties::everything;
use super::question::{Viewer, question};
use super::{differences, runner, runtime, token, world_of};
use crate::world::World;

/// Everybody's accounts report, and sources close dialogs and link contacts: told by somebody whom nobody sees.
pub fn of_the_tenant(history: &History) -> Vec<Value> {
    let mut events = Vec::new();
    let mut tell = |kind: &str, channel: &str, account: &str, dialog: &str| {
        let mut event = json!({"id": format!("of all {}", events.len()), "kind": kind, "channel": channel, "chat": "of all",
            "at": history.window + MINUTE, "message": "of all", "dialog": dialog, "operator": "nobody's colleague"});
        event["account"] = account.into();
        event.as_object_mut().unwrap().retain(|_, value| value != "");
        events.push(event);
    };
    for channel in CHANNELS {
        for account in ACCOUNTS {
            for kind in ["message.sent", "message.delivered", "message.read"] {
                tell(kind, channel, account, "");
            }
        }
    }
    for kind in ["dialog.opened", "dialog.closed"] {
        tell(kind, "SITE", "a", "of all");
    }
    tell("contact.linked", "SITE", "a", "of all");
    events.last_mut().expect("it was just told")["contact"] = "of all".into();
    events
}

/// Another history beside this one: other people in other chats about other contacts, on the same channels and accounts, with
/// the same segments, campaigns and everything else.
fn beside(history: &History, other: &History) -> Vec<Vec<Value>> {
    let mut other = other.clone();
    for event in &mut other.events {
        event.at += history.window - other.window;
    }
    other.events.retain(|event| event.at <= history.now);
    let mut bodies = arrivals(&other);
    for event in bodies.iter_mut().flatten() {
        for name in ["id", "chat", "dialog", "contact", "operator", "team"] {
            if let Some(Value::String(text)) = event.get_mut(name) {
                text.insert_str(0, "other ");
            }
        }
        if let Some(Value::Array(names)) = event.get_mut("identities") {
            names.iter_mut().for_each(|name| *name = format!("other-{}", name.as_str().expect("a name")).into());
        }
        for (object, name) in [("survey", "id"), ("conversion", "order")] {
            if let Some(Value::String(text)) = event.get_mut(object).and_then(|object| object.get_mut(name)) {
                text.insert_str(0, "other ");
            }
        }
        // An event that names no chat, dialog or contact would be about somebody's.
        if event.get("chat").is_none() && event.get("dialog").is_none() && event.get("contact").is_none() {
            event["chat"] = "other".into();
        }
    }
    bodies
}

/// What is not of one family: pickers, a table, and the records behind numbers.
async fn around(world: &World, viewer: Viewer, range: &str) -> Value {
    let pickers: String = ["operators", "teams", "segments", "campaigns", "scenarios"]
        .map(|name| format!("{name}({range}) {{ value messages lastSeenAt }} "))
        .concat();
    let row = "at dialog channel account contact operator team segments campaign scenario source";
    let dialogs = "dialogs { totalCount nodes { id channel account contact operators teams segments } }";
    let query = format!(
        "{{ {pickers}
        table({range}, metrics: [activity_messages, delivery_rate, responseTime_p50Seconds, unsubscribes_exposed], by: [CHANNEL]) {{
            rows {{ keys values }} totals rowCount columns {{ quality {{ level coverage provisional }} }} }}
        analytics({range}) {{
            delivery {{ total {{ behind(of: outbound) {{ messages {{ totalCount nodes {{ {row} author }} }} {dialogs} }} }} }}
            responseTime {{ total {{ behind(of: unanswered) {{ turns {{ totalCount nodes {{ {row} repliedBy }} }} }} }} }}
            satisfaction {{ total {{ behind(of: rated) {{ ratings {{ totalCount nodes {{ {row} survey score }} }} }} }} }}
            conversion {{ total {{ behind(of: dialogs) {{ {dialogs} }} }} }}
            unsubscribes {{ total {{ behind(of: exposed) {{ contacts {{ totalCount nodes {{ key operators teams }} }} }} }} }}
        }} }}"
    );
    world.ask(&token(world, viewer), &query).await
}

#[test]
fn what_is_out_of_sight_changes_no_answer() {
    let runtime = runtime();
    let cases = (history(), history(), any::<bool>(), vec(question(), 3));
    let result = runner(6).run(&cases, |(history, other, is_supervisor, questions)| {
        runtime.block_on(async {
            let world = world_of(&history).await;
            world.take(&of_the_tenant(&history)).await;
            let viewer = if is_supervisor { Viewer::TeamNorth } else { Viewer::Anna };
            let mut questions: Vec<_> = questions.iter().map(|seed| seed.at(history.window)).collect();
            questions.iter_mut().for_each(|question| question.viewer = viewer);
            let range = format!(r#"range: {{from: "{}", to: "{}"}}"#, questions[0].from.1, questions[0].to.1);
            let mut before = Vec::new();
            for question in &questions {
                before.push(everything(&world, question).await);
            }
            let around_before = around(&world, viewer, &range).await;
            for body in beside(&history, &other) {
                world.take(&body).await;
            }
            let mut found = Vec::new();
            for (question, before) in questions.iter().zip(&before) {
                let after = everything(&world, question).await;
                differences(question.family.name, before, &after, &mut found);
            }
            differences("around", &around_before, &around(&world, viewer, &range).await, &mut found);
            prop_assert!(found.is_empty(), "{viewer:?}\n{}\n", found.join("\n"));
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
