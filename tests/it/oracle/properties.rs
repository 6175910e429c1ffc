//! What holds of every answer, whatever its numbers are.

use proptest::collection::vec;
use proptest::strategy::Strategy;
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};
use rapport::auth::Role;
use serde_json::Value;

use super::events::{arrivals, history};
use super::question::{Question, SINGLE, Viewer, question};
use super::{runner, runtime, token, world_of};
use crate::world::World;

/// The counts of a family.
fn counts(family: &str) -> &'static [&'static str] {
    match family {
        "delivery" => &["outbound", "delivered", "failed", "pending", "failedAfterDelivered", "orphanStatuses"],
        "reads" => &["read"],
        _ => &["messages", "turns"],
    }
}

async fn ask(world: &World, question: &Question, parts: &str) -> Value {
    let family = question.family;
    let query = format!("{{ analytics({}) {{ {family} {{ {parts} }} }} }}", question.arguments());
    world.ask(&token(world, question.viewer), &query).await["analytics"][family].take()
}

/// A count; what cannot be known counts as nothing.
fn count(metrics: &Value, name: &str) -> u64 {
    metrics[name].as_u64().unwrap_or(0)
}

fn sum(lines: &Value, name: &str) -> u64 {
    lines.as_array().unwrap().iter().map(|line| count(&line["metrics"], name)).sum()
}

async fn check(world: &World, question: &Question) -> Result<Value, TestCaseError> {
    let names = counts(question.family);
    let metrics = names.join(" ");
    let dimensions: Vec<&str> = question.dimensions.iter().copied().filter(|name| SINGLE.contains(name)).collect();
    let dimensions = if dimensions.is_empty() { "CHANNEL".to_owned() } else { dimensions.join(", ") };
    let every = question.every;
    let parts = format!(
        "total {{ {metrics} }} series(every: {every}) {{ metrics {{ {metrics} }} }}
         by(dimensions: [{dimensions}], first: 1000) {{ metrics {{ {metrics} }} }}"
    );
    let answer = ask(world, question, &parts).await;
    for name in names {
        let total = count(&answer["total"], name);
        prop_assert_eq!(total, sum(&answer["series"], name), "{} of the steps", name);
        prop_assert_eq!(total, sum(&answer["by"], name), "{} of the groups", name);
    }

    let wider = Question { keep: Default::default(), ..question.clone() };
    let all = Question { viewer: Viewer::Manager, ..wider.clone() };
    let total = format!("total {{ {metrics} }}");
    let wider = ask(world, &wider, &total).await;
    let all = ask(world, &all, &total).await;
    for name in names {
        prop_assert!(count(&answer["total"], name) <= count(&wider["total"], name), "{} under a filter", name);
        prop_assert!(count(&wider["total"], name) <= count(&all["total"], name), "{} for a viewer", name);
    }
    Ok(answer)
}

#[test]
fn parts_add_up_filters_only_narrow_and_tenants_do_not_meet() {
    let runtime = runtime();
    let cases = (history(), history(), vec(question(), 2)).prop_map(|(history, other, questions)| {
        let questions: Vec<Question> = questions.iter().map(|seed| seed.at(history.window)).collect();
        (history, other, questions)
    });
    let result = runner(4).run(&cases, |(history, mut other, questions)| {
        runtime.block_on(async {
            let world = world_of(&history).await;
            let mut before = Vec::new();
            for question in &questions {
                before.push(check(&world, question).await?);
            }
            // The other tenant's events have the same ids, chats, messages and dialogs.
            for event in &mut other.events {
                event.at += history.window - other.window;
            }
            let token = world.token_of("other", Role::Service, None, &[]);
            for body in arrivals(&other) {
                let (status, receipt) = world.post_events(&token, None, Value::from(body).to_string()).await;
                prop_assert!(status.is_success() && receipt["rejectedTotal"] == 0, "{}", receipt);
            }
            for (question, before) in questions.iter().zip(before) {
                prop_assert_eq!(check(&world, question).await?, before);
            }
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
