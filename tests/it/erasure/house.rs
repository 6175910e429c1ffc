//! What tests of removing share: somebody with a history, where a text still stands, and all figures.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use arrow::array::AsArray;
use rapport::ingest::erase::report::Erasure;
use rapport::ingest::erase::{Mode, Reach, Request};
use rapport::sql::Sql;
use rapport::store::Store;
use serde_json::{Value, json};

use crate::world::{TENANT, World, event};

pub async fn erase(world: &World, contact: &str, reach: Reach, mode: Mode) -> Erasure {
    let request =
        Request { tenant: TENANT.to_owned(), contact: contact.to_owned(), reach, mode, asked_by: "tester".to_owned() };
    world.ingest.erase(request).await.unwrap()
}

/// Where a text stands: `table.column`, of all columns that can hold one.
pub async fn places(world: &World, needle: &str) -> BTreeSet<String> {
    let columns = "SELECT concat(c.table, '.', c.name) FROM system.columns AS c INNER JOIN system.tables AS t \
         ON t.database = c.database AND t.name = c.table WHERE c.database = currentDatabase() AND t.engine LIKE '%MergeTree' \
         AND c.type LIKE '%String%'";
    let batches = world.store.query(Sql::new(columns)).await.unwrap();
    let columns: Vec<String> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned))
        .collect();
    let mut found = BTreeSet::new();
    for name in columns {
        let (table, column) = name.split_once('.').unwrap();
        // Names of our own tables and columns.
        let text: &'static str = format!("SELECT count() FROM {table} WHERE position(toString({column}), ").leak();
        let mut sql = Sql::new(text);
        sql.bind(needle).push(") > 0");
        let batches = world.store.query(sql).await.unwrap();
        if 0 < batches[0].column(0).as_primitive::<arrow::datatypes::UInt64Type>().value(0) {
            found.insert(name);
        }
    }
    found
}

/// Files of the data directory with these bytes in them.
pub fn files(directory: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, needle));
        } else if fs::read(&path).is_ok_and(|bytes| bytes.windows(needle.len()).any(|part| part == needle.as_bytes())) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// Somebody who wrote, was answered, rated, bought, left and is known to a CRM; and anna's other clients.
pub fn history(needle: &str) -> Vec<Value> {
    let contact = format!("whatsapp:{needle}");
    let chat = format!("{needle}-chat");
    let mut events = Vec::new();
    for (chat, contact) in [(chat.as_str(), contact.as_str()), ("other-chat", "whatsapp:other")] {
        let of = |more: Value| {
            let mut all = json!({"contact": contact});
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        let anna = json!({"operator": "anna", "team": "north", "author": "OPERATOR"});
        events.extend([
            event("message.received", chat, "1", "2026-03-10T09:00:00Z", &of(json!({}))),
            event("message.sent", chat, "2", "2026-03-10T09:05:00Z", &anna),
            event("message.read", chat, "2", "2026-03-10T09:06:00Z", &json!({})),
            event("message.received", chat, "3", "2026-03-12T09:00:00Z", &of(json!({"attributes": {"note": contact}}))),
            event("read.watermark", chat, "", "2026-03-12T10:00:00Z", &json!({"message": "3"})),
            event("survey.sent", chat, "", "2026-03-12T10:00:00Z", &json!({"survey": {"id": format!("s {chat}")}})),
            json!({"id": format!("rated {chat}"), "kind": "survey.rated", "at": "2026-03-12T10:05:00Z", "channel": "WHATSAPP",
                "survey": {"id": format!("s {chat}"), "score": 5, "scale": 5}}),
            json!({"id": format!("sold {chat}"), "kind": "conversion.recorded", "at": "2026-03-12T12:00:00Z", "channel": "CRM",
                "contact": contact, "conversion": {"action": "purchase", "value": "10", "currency": "EUR", "order": chat}}),
            json!({"id": format!("back {chat}"), "kind": "conversion.reverted", "at": "2026-03-13T12:00:00Z", "channel": "CRM",
                "conversion": {"action": "purchase", "order": chat}}),
            json!({"id": format!("left {chat}"), "kind": "contact.unsubscribed", "at": "2026-03-13T12:00:00Z",
                "channel": "WHATSAPP", "account": "a", "contact": contact}),
            json!({"id": format!("linked {chat}"), "kind": "contact.linked", "at": "2026-03-13T12:00:00Z", "channel": "CRM",
                "account": "a", "contact": contact, "identities": [format!("crm:1:contact:{chat}")]}),
        ]);
        for event in &mut events {
            event.as_object_mut().unwrap().retain(|_, value| value != "");
        }
    }
    events
}

/// Every number of every family, and those by day, of all but some contacts.
pub async fn figures(world: &World, filter: &str) -> Value {
    let defined = world.ask(&world.manager(), "{ metricDefinitions { name family } }").await;
    let mut families: BTreeMap<String, String> = BTreeMap::new();
    for metric in defined["metricDefinitions"].as_array().unwrap() {
        let names = families.entry(metric["family"].as_str().unwrap().to_owned()).or_default();
        names.push_str(&format!(" {}", metric["name"].as_str().unwrap()));
    }
    assert_eq!(families.len(), 10);
    let range = format!(r#"range: {{from: "2026-03-01", to: "2026-03-20"}}, filter: {{{filter}}}"#);
    let mut answers = Vec::new();
    for (family, names) in families {
        let fields = format!("{family} {{ total {{ {names} }} series(every: DAY) {{ metrics {{ {names} }} }} }}");
        answers.push(world.analytics(&range, &fields).await);
    }
    Value::from(answers)
}
