//! Every JSON payload under `tests/payloads` with each of its values replaced in turn by something that does not belong
//! there: whatever a platform sends, a connector reads it without a panic.

use std::fs;

use serde_json::{Value, json};

use super::tests::{NOW, directories, open};
use super::*;

/// What may stand where something else is expected.
fn odd_values() -> Vec<Value> {
    vec![Value::Null, json!(i64::MIN), json!(u64::MAX), json!(1e300), json!("\u{0}\n\u{1f600}"), json!([null, [], {}])]
}

/// JSON pointers to everything inside the value.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, child)| (name.replace('~', "~0").replace('/', "~1"), child)).collect()
        }
        Value::Array(entries) => entries.iter().enumerate().map(|(index, child)| (index.to_string(), child)).collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        let pointer = format!("{at}/{name}");
        pointers(child, &pointer, found);
        found.push(pointer);
    }
}

#[test]
fn a_value_of_any_other_type_makes_no_connector_panic() {
    let directories =
        PLATFORMS.iter().flat_map(|platform| directories(platform).into_iter().map(move |at| (platform, at)));
    for (platform, directory) in directories {
        let connector = open(platform, &directory);
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "json") || path.ends_with("connection.json") {
                continue;
            }
            let original: Value = serde_json::from_slice(&fs::read(&path).unwrap()).expect("a payload is JSON");
            let mut all = Vec::new();
            pointers(&original, "", &mut all);
            for pointer in all {
                for odd in odd_values() {
                    let mut changed = original.clone();
                    *changed.pointer_mut(&pointer).expect("a pointer into the payload") = odd;
                    let body = changed.to_string();
                    let payload = Payload { body: body.as_bytes(), content_type: "application/json", received_at: NOW };
                    let _ = connector.read(&payload);
                    let _ = connector.read_answer(&changed);
                }
            }
        }
    }
}
