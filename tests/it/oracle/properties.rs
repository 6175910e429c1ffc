//! What holds of every answer, whatever its numbers are.

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::strategy::Strategy;
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};
use rapport::auth::Role;
use serde_json::Value;

use super::answer::sort_groups;
use super::events::{History, arrivals, history};
use super::expected::selection;
use super::families::{Family, asked};
use super::local::{steps, written};
use super::question::{Question, SINGLE, Viewer, question};
use super::{differences, runner, runtime, token, world_of};
use crate::world::World;

async fn ask(world: &World, question: &Question, parts: &str) -> Value {
    let answer = world.ask(&token(world, question.viewer), &question.query(parts)).await;
    answer["analytics"][question.family.name].clone()
}

/// A count; what cannot be known counts as nothing.
fn count(metrics: &Value, name: &str) -> u64 {
    metrics[name].as_u64().unwrap_or(0)
}

fn sum(lines: &Value, name: &str) -> u64 {
    lines.as_array().unwrap().iter().map(|line| count(&line["metrics"], name)).sum()
}

/// The counts that can be asked when divided so: those that add up, and all.
fn counts(question: &Question, dimensions: &[&str]) -> (Vec<&'static str>, Vec<&'static str>) {
    let fields = question.fields_by(dimensions);
    let of = |names: &[&'static str]| names.iter().copied().filter(|name| fields.contains(name)).collect::<Vec<_>>();
    let adding = of(question.family.adding);
    let all = [adding.clone(), of(question.family.shrinking)].concat();
    (adding, all)
}

async fn check(world: &World, question: &Question) -> Result<Value, TestCaseError> {
    let mut dimensions: Vec<&str> = question.dimensions.iter().copied().filter(|name| SINGLE.contains(name)).collect();
    if dimensions.is_empty() {
        dimensions.push("CHANNEL");
    }
    let (adding, all) = counts(question, &[]);
    let (adding_by, all_by) = counts(question, &dimensions);
    let (metrics, metrics_by) = (all.join(" "), all_by.join(" "));
    let (every, dimensions) = (question.every, dimensions.join(", "));
    let parts = format!(
        "total {{ {metrics} }} series(every: {every}) {{ metrics {{ {metrics} }} }}
         by(dimensions: [{dimensions}], first: 1000) {{ keys metrics {{ {metrics_by} }} }}"
    );
    let answer = ask(world, question, &parts).await;
    for name in adding {
        prop_assert_eq!(count(&answer["total"], name), sum(&answer["series"], name), "{} of the steps", name);
    }
    for name in adding_by {
        prop_assert_eq!(count(&answer["total"], name), sum(&answer["by"], name), "{} of the groups", name);
    }

    let wider = Question { keep: Default::default(), ..question.clone() };
    let total = format!("total {{ {metrics} }}");
    let everyone = Question { viewer: Viewer::Manager, ..wider.clone() };
    let wider = ask(world, &wider, &total).await;
    let everyone = ask(world, &everyone, &total).await;
    for name in all {
        prop_assert!(count(&answer["total"], name) <= count(&wider["total"], name), "{} under a filter", name);
        prop_assert!(count(&wider["total"], name) <= count(&everyone["total"], name), "{} for a viewer", name);
    }
    Ok(answer)
}

#[test]
pub fn parts_add_up_filters_only_narrow_and_tenants_do_not_meet() {
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
            other.events.retain(|event| event.at <= history.now);
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

/// Everything that can be asked, with its groups in an order.
pub async fn everything(world: &World, question: &Question) -> Value {
    let all = selection(question, &[]);
    let mut parts = format!(
        "total {{ {all} }} series(every: {}) {{ start end metrics {{ {all} }} }} compare(to: {}) {{ {all} }}",
        question.every, question.compare
    );
    if !question.dimensions.is_empty() {
        let by = selection(question, &question.dimensions);
        let dimensions = question.dimensions.join(", ");
        parts.push_str(&format!(" by(dimensions: [{dimensions}], first: 1000) {{ keys metrics {{ {by} }} }}"));
    }
    let mut answer = ask(world, question, &parts).await;
    sort_groups(&mut answer);
    answer
}

#[test]
fn the_order_and_the_repetition_of_arrivals_change_nothing() {
    let runtime = runtime();
    let result = runner(3).run(&(history(), any::<u64>(), vec(question(), 4)), |(history, arrival, questions)| {
        runtime.block_on(async {
            let one = world_of(&history).await;
            let other = world_of(&History { arrival, ..history.clone() }).await;
            // All of it once more.
            for body in arrivals(&history) {
                other.take(&body).await;
            }
            for question in questions.iter().map(|seed| seed.at(history.window)) {
                let (expect, got) = (everything(&one, &question).await, everything(&other, &question).await);
                let mut found = Vec::new();
                differences(question.family.name, &expect, &got, &mut found);
                prop_assert!(found.is_empty(), "{}\n", found.join("\n"));
            }
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn a_series_is_the_series_of_its_halves() {
    let runtime = runtime();
    let result = runner(4).run(&(history(), vec(question(), 4)), |(history, questions)| {
        runtime.block_on(async {
            let world = world_of(&history).await;
            for question in questions.iter().map(|seed| seed.at(history.window)) {
                let steps = steps(question.zone, question.from.0, question.to.0, question.every);
                let cut = steps[steps.len() / 2].0;
                if cut == question.from.0 {
                    continue;
                }
                let series = format!(
                    "series(every: {}) {{ start end metrics {{ {} }} }}",
                    question.every,
                    selection(&question, &[])
                );
                let early = Question { to: (cut, written(cut)), ..question.clone() };
                let late = Question { from: (cut, written(cut)), ..question.clone() };
                let mut halves = ask(&world, &early, &series).await["series"].as_array().unwrap().clone();
                halves.extend(ask(&world, &late, &series).await["series"].as_array().unwrap().clone());
                let mut found = Vec::new();
                let whole = ask(&world, &question, &series).await["series"].take();
                differences(question.family.name, &whole, &halves.into(), &mut found);
                prop_assert!(found.is_empty(), "{}\n{}\n", question.query(&series), found.join("\n"));
            }
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// Sessions have no author: a filter by author is refused rather than read in some way, unless only figures are asked
/// whose rows have one.
#[test]
fn a_filter_by_what_rows_do_not_have_is_refused() {
    runtime().block_on(async {
        let world = World::at("2026-03-20T00:00:00Z").await;
        let token = world.manager();
        let answer = async |family: &Family, fields: &[&str]| {
            let range = r#"range: {from: "2026-03-01", to: "2026-04-01"}, filter: {authors: [BOT]}"#;
            let fields = fields.join(" ");
            let query = format!("{{ analytics({range}) {{ {} {{ total {{ {fields} }} }} }} }}", family.name);
            world.answer(&token, &query).await
        };
        for family in asked().into_iter().filter(|family| !family.lacks.is_empty()) {
            for field in family.fields.iter().filter(|field| !family.fields_despite.contains(field)) {
                let answer = answer(family, &[*field]).await;
                assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID_QUERY", "{} {answer}", family.name);
            }
            if !family.fields_despite.is_empty() {
                let answer = answer(family, family.fields_despite).await;
                assert!(answer.get("errors").is_none(), "{} {answer}", family.name);
            }
        }
    });
}
