//! Any JSON as the filter of a question: an answer, or a refusal with a code.
//!
//! The first byte chooses the question, the second the role. The rest is JSON; what is none becomes some, so that no run
//! is without a question.
#![no_main]

use axum::http::{Request, header};
use libfuzzer_sys::fuzz_target;
use rapport::model::Role;
use rapport_fuzz::{choose, send};
use serde_json::{Map, Value, json};

const ROLES: [Role; 4] = [Role::Manager, Role::Operator, Role::Supervisor, Role::Admin];

const QUESTIONS: [&str; 6] = [
    r#"query($filter: FilterInput) { analytics(range: {last: "P7D"}, filter: $filter) {
        activity { total { messages turns quality { level warnings { code } } } peak { hour } heatmap { messages } }
        responseTime(businessHours: true) { total { p90Seconds histogram { count } } }
        conversion(attribution: LINEAR) { compare(to: PREVIOUS_YEAR) { quality { coverage } } } } }"#,
    r#"query($filter: FilterInput) { analytics(range: {last: "P3D"}, timezone: "Europe/Berlin", filter: $filter) {
        sessions { series(every: DAY) { start metrics { quality { level } explain { rowsRead filter { __typename } } } } }
        activeDialogs { by(dimensions: [OPERATOR, HOUR], first: 5) { metrics { quality { provisional } } } } } }"#,
    r#"query($filter: FilterInput) { analytics(range: {last: "P1D"}, filter: $filter) { activity {
        standing(of: messages) { team median }
        total { behind(of: messages) { messages(first: 3) { totalCount pageInfo { endCursor } edges { cursor } }
            dialogs { totalCount } } } } } }"#,
    r#"query($filter: FilterInput) { table(range: {from: "2026-09-01", to: "2026-10-01"}, filter: $filter, first: 3,
        metrics: [activeDialogs_distinct], by: [CHANNEL, DAY]) { rowCount totals rows { keys values } } }"#,
    r#"query($filter: FilterInput) { campaigns(range: {last: "P9D"}, filter: $filter) { value }
        operators(range: {last: "PT24H"}, filter: $filter, search: "%_'") { value lastSeenAt } }"#,
    // Not as a variable as a whole, but inside a value of the document.
    r#"query($filter: [String!]) { analytics(range: {last: "P7D"}, filter: {operators: $filter, not: {teams: $filter}}) {
        delivery { total { quality { level } } } satisfaction { total { quality { level } } }
        reads(withinHours: 3) { total { quality { level } } } unsubscribes { total { quality { level } } } } }"#,
];

const KEYS: [&str; 15] = [
    "accounts",
    "authors",
    "campaigns",
    "channels",
    "contacts",
    "hours",
    "messageKinds",
    "not",
    "operators",
    "scenarios",
    "segments",
    "teams",
    "weekdays",
    "",
    "other",
];

/// Deeper than the schema goes, and no deeper than JSON may be.
const DEPTH_MAX: usize = 8;

fuzz_target!(|input: &[u8]| {
    let [question, role, rest @ ..] = input else { return };
    let filter = serde_json::from_slice(rest).unwrap_or_else(|_| made(&mut rest.iter().copied(), 0));
    let body = json!({"query": choose(&QUESTIONS, *question), "variables": {"filter": filter}}).to_string();
    let request = Request::post("/graphql").header(header::CONTENT_TYPE, "application/json");
    let answer = send(choose(&ROLES, *role), request, body);
    let json = answer.json();
    assert!(!answer.codes().is_empty() || json["data"].is_object(), "neither answered nor refused: {json}");
});

/// JSON of any shape, in which names of the schema are likely.
fn made(bytes: &mut impl Iterator<Item = u8>, depth: usize) -> Value {
    let Some(kind) = bytes.next() else { return Value::Null };
    let few = kind >> 4;
    match kind % 8 {
        0..=2 if depth < DEPTH_MAX => {
            let mut object = Map::new();
            for _ in 0..few {
                let Some(key) = bytes.next() else { break };
                let value = made(bytes, depth + 1);
                object.insert(choose(&KEYS, key).to_owned(), value);
            }
            Value::Object(object)
        }
        3 | 4 if depth < DEPTH_MAX => {
            let mut items = Vec::new();
            // Some lists are longer than the limit of values.
            let length = if few == 15 { 600 } else { usize::from(few) };
            while items.len() < length && bytes.size_hint().1 != Some(0) {
                items.push(made(bytes, depth + 1));
            }
            Value::Array(items)
        }
        5 => json!(i64::from(bytes.next().unwrap_or(0)) - i64::from(few) * 20),
        6 => json!(String::from_utf8_lossy(&bytes.take(usize::from(few)).collect::<Vec<u8>>()).into_owned()),
        _ => [json!(true), json!(1.5e300), json!(u64::MAX), json!("CLIENT"), Value::Null, json!("x".repeat(300))]
            [usize::from(few) % 6]
            .clone(),
    }
}
