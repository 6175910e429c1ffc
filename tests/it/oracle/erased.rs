//! Erasing somebody changes no answer about anybody else: a tenant that had a person more, and erased it, answers as one that
//! never had it.

use proptest::collection::vec;
use proptest::prop_assert;
use rapport::ingest::erase::{Mode, Reach};
use serde_json::Value;

use super::events::{History, arrivals, history};
use super::interference::of_the_tenant;
use super::properties::everything;
use super::question::{Viewer, question};
use super::{differences, runner, runtime, world_of};
use crate::erasure::{erase, places};

/// The name of whom is erased; it is part of nothing else.
const PERSON: &str = "person-to-be-erased";

/// Another history, all of it one person's in chats of its own.
fn of_one_person(history: &History, other: &History) -> Vec<Vec<Value>> {
    let mut other = other.clone();
    for event in &mut other.events {
        event.at += history.window - other.window;
    }
    other.events.retain(|event| event.at <= history.now);
    let mut bodies = arrivals(&other);
    for event in bodies.iter_mut().flatten() {
        for name in ["id", "chat", "dialog"] {
            if let Some(Value::String(text)) = event.get_mut(name) {
                text.insert_str(0, PERSON);
            }
        }
        // Messages name whom they are of at least in one event of a chat; a survey or a sale names it where it names no chat.
        if event.get("contact").is_some() || event["kind"] == "message.received" || event.get("chat").is_none() {
            event["contact"] = PERSON.into();
        }
        if let Some(Value::Array(names)) = event.get_mut("identities") {
            names.iter_mut().for_each(|name| *name = format!("{PERSON}-{}", name.as_str().expect("a name")).into());
        }
        for (object, name) in [("survey", "id"), ("conversion", "order")] {
            if let Some(Value::String(text)) = event.get_mut(object).and_then(|object| object.get_mut(name)) {
                text.insert_str(0, PERSON);
            }
        }
    }
    // Whose the chats are is told at last.
    let mut told = Vec::new();
    for event in bodies.iter().flatten().filter(|event| event.get("chat").is_some()) {
        let mut link = event.clone();
        link["id"] = format!("{PERSON} {}", told.len()).into();
        link["kind"] = "contact.linked".into();
        link["contact"] = PERSON.into();
        link.as_object_mut()
            .unwrap()
            .retain(|name, _| ["id", "kind", "at", "channel", "account", "chat", "contact"].contains(&name.as_str()));
        told.push(link);
    }
    bodies.push(told);
    bodies.retain(|body| !body.is_empty());
    bodies
}

#[test]
fn who_was_erased_was_never_there() {
    let runtime = runtime();
    let cases = (history(), history(), vec(question(), 4));
    let result = runner(4).run(&cases, |(history, other, questions)| {
        runtime.block_on(async {
            let world = world_of(&history).await;
            world.take(&of_the_tenant(&history)).await;
            let mut questions: Vec<_> = questions.iter().map(|seed| seed.at(history.window)).collect();
            questions.iter_mut().for_each(|question| question.viewer = Viewer::Manager);
            let mut before = Vec::new();
            for question in &questions {
                before.push(everything(&world, question).await);
            }
            for body in of_one_person(&history, &other) {
                world.take(&body).await;
            }
            erase(&world, PERSON, Reach::Person, Mode::Erase).await;
            let left = places(&world, PERSON).await;
            prop_assert!(left.is_empty(), "{left:?}");
            let mut found = Vec::new();
            for (question, before) in questions.iter().zip(&before) {
                let after = everything(&world, question).await;
                differences(question.family.name, before, &after, &mut found);
            }
            prop_assert!(found.is_empty(), "{}\n", found.join("\n"));
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
