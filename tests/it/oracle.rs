//! Random histories and questions: every number against a plain, slow computation of its definition.

mod answer;
mod arguments;
mod contacts;
mod conversions;
mod derivation;
mod dialogs;
mod erased;
mod events;
mod examples;
mod expected;
mod families;
mod found;
mod interference;
mod local;
mod measure;
mod messages;
mod outcomes;
mod people;
pub mod properties;
mod question;
mod replies;
mod schedule;
mod surveys;
mod talks;
mod turns;

use std::str::FromStr;

use proptest::collection::vec;
use proptest::prop_assert;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use rapport::auth::Role;
use serde_json::Value;

use crate::world::{TENANT, World};
use answer::{Facts, expected, sort_groups};
use events::{History, arrivals, history};
use question::{Question, Viewer, question};

/// The same cases in every run; `PROPTEST_CASES` asks for more of them, `PROPTEST_RNG_SEED` for others.
fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases: asked("PROPTEST_CASES").unwrap_or(cases),
        failure_persistence: None,
        max_shrink_time: 30_000,
        ..Config::default()
    };
    let rng = match asked::<u64>("PROPTEST_RNG_SEED") {
        Some(seed) => TestRng::from_seed(RngAlgorithm::ChaCha, &[seed.to_le_bytes(); 4].concat()),
        None => TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    };
    TestRunner::new_with_rng(config, rng)
}

#[expect(clippy::disallowed_methods, reason = "who runs the tests asks for more cases, as everywhere with proptest")]
fn asked<T: FromStr>(name: &str) -> Option<T> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number, not {value:?}")))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn world_of(history: &History) -> World {
    let world = World::at(&local::written(history.now)).await;
    if let Some(schedule) = &history.schedule {
        schedule::tell(&world, schedule).await;
    }
    for body in arrivals(history) {
        world.take(&body).await;
    }
    world
}

fn token(world: &World, viewer: Viewer) -> String {
    match viewer {
        Viewer::Manager => world.manager(),
        Viewer::Anna => world.operator("anna"),
        Viewer::TeamNorth => world.token_of(TENANT, Role::Supervisor, None, &["north"]),
    }
}

/// Where two answers differ, for people.
fn differences(path: &str, expect: &Value, got: &Value, found: &mut Vec<String>) {
    match (expect, got) {
        (Value::Object(expect), Value::Object(got)) if expect.len() == got.len() => {
            for (name, value) in expect {
                differences(&format!("{path}.{name}"), value, got.get(name).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(expect), Value::Array(got)) if expect.len() == got.len() => {
            for (index, value) in expect.iter().enumerate() {
                differences(&format!("{path}[{index}]"), value, &got[index], found);
            }
        }
        (Value::Array(expect), Value::Array(got)) => {
            let lacks = |lines: &[Value], line: &Value| !lines.iter().any(|other| other["keys"] == line["keys"]);
            found.push(format!("{path}: must have {} lines, has {}", expect.len(), got.len()));
            found.extend(expect.iter().filter(|line| lacks(got, line)).map(|line| format!("{path}: lacks {line}")));
            found.extend(
                got.iter().filter(|line| lacks(expect, line)).map(|line| format!("{path}: must not have {line}")),
            );
        }
        _ if is_near(path, expect, got) => {}
        _ if expect != got => found.push(format!("{path}: must be {expect}, is {got}")),
        _ => {}
    }
}

/// Whether two numbers of those that no sum or quotient of floats gives exactly are the same but for rounding: the ends
/// of an interval, and a sum of ninths, whose order is nobody's matter.
fn is_near(path: &str, expect: &Value, got: &Value) -> bool {
    let rounded = ["satisfiedLow", "satisfiedHigh", "normalisedMean"];
    let near = |expect: f64, got: f64| (expect - got).abs() <= 1e-12;
    rounded.iter().any(|name| path.ends_with(name))
        && expect.as_f64().zip(got.as_f64()).is_some_and(|(one, other)| near(one, other))
}

async fn check(world: &World, facts: &Facts, question: &Question) -> Result<(), TestCaseError> {
    let family = question.family.name;
    let (query, mut expect) = expected(facts, question);
    let mut got = world.ask(&token(world, question.viewer), &query).await["analytics"][family].take();
    sort_groups(&mut expect);
    sort_groups(&mut got);
    let mut found = Vec::new();
    differences(family, &expect, &got, &mut found);
    prop_assert!(found.is_empty(), "{query}\n{}\n", found.join("\n"));
    Ok(())
}

#[test]
pub fn every_number_is_what_its_definition_says() {
    let runtime = runtime();
    let result = runner(12).run(&(history(), vec(question(), 5)), |(history, questions)| {
        runtime.block_on(async {
            let world = world_of(&history).await;
            let facts = Facts::of(&history);
            for seed in &questions {
                check(&world, &facts, &seed.at(history.window)).await?;
            }
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
