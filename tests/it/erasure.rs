//! Erasing a contact: nothing of it is found anywhere afterwards, and everybody else is as before.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::AsArray;
use futures_util::future::BoxFuture;
use rapport::auth::Role;
use rapport::ingest::Ingest;
use rapport::ingest::derive::Derivation;
use rapport::ingest::erase::report::Erasure;
use rapport::ingest::erase::tables::{Holds, TABLES};
use rapport::ingest::erase::{Leftovers, Mode, Reach, Request, finish_interrupted};
use rapport::sql::Sql;
use rapport::store::{Store, StoreError};
use serde_json::{Value, json};

use crate::engine::{FixedClock, directory, shown};
use crate::hindered::{After, Call, Hindered, Hindrance, free, refused};
use crate::world::{TENANT, World, event};

mod interrupted;
mod told;

/// Names that stand nowhere else: a test that looks at files has its own, because tests share the data directory.
const NEEDLE: &str = "zq7needle";
const NEEDLE_OF_FILES: &str = "zq8files";
const NEEDLE_OF_A_CRASH: &str = "zq9crash";

const OTHERS: &str = r#"contacts: ["whatsapp:other"]"#;

fn ingest(world: &World) -> Ingest {
    world.ingest.clone()
}

pub async fn erase(world: &World, contact: &str, reach: Reach, mode: Mode) -> Erasure {
    ingest(world).erase(request(TENANT, contact, reach, mode)).await.unwrap()
}

pub fn request(tenant: &str, contact: &str, reach: Reach, mode: Mode) -> Request {
    Request::new(tenant.to_owned(), contact.to_owned(), (reach, mode), "tester".to_owned()).unwrap()
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

#[tokio::test]
async fn nothing_of_an_erased_person_is_found_in_any_table_or_file() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&history(NEEDLE_OF_FILES)).await;
    let before = figures(&world, OTHERS).await;
    assert!(places(&world, NEEDLE_OF_FILES).await.len() > 10);
    let contact = format!("whatsapp:{NEEDLE_OF_FILES}");

    let trial = erase(&world, &contact, Reach::Person, Mode::Trial).await;
    assert!(trial.rows() > 10 && places(&world, NEEDLE_OF_FILES).await.contains("events.contact"), "{trial}");
    assert_eq!(trial.names, [format!("crm:1:contact:{NEEDLE_OF_FILES}-chat"), contact.clone()]);
    let erasure = erase(&world, &contact, Reach::Person, Mode::Erase).await;
    assert_eq!(erasure.removed, trial.removed, "{erasure}");

    assert_eq!(places(&world, NEEDLE_OF_FILES).await, BTreeSet::new());
    assert_eq!(files(directory().path(), NEEDLE_OF_FILES), [""; 0]);
    assert_eq!(figures(&world, OTHERS).await, before);
    let evidence =
        shown(world.store.as_ref(), "SELECT count() AS steps FROM erasures WHERE step IN ('BEGUN', 'FINISHED')").await;
    assert_eq!(evidence.trim(), "steps: 2");
}

#[tokio::test]
async fn an_erasure_that_breaks_off_is_ended_by_the_next_start() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&history(NEEDLE_OF_A_CRASH)).await;
    let before = figures(&world, OTHERS).await;
    let contact = format!("whatsapp:{NEEDLE_OF_A_CRASH}");
    // As a process leaves it that ends after half of the tables: what was found stands there, and the log is whole.
    let whole = erase(&world, &contact, Reach::Person, Mode::Trial).await;
    let failing = Failing::after(60, world.store.clone());
    let request = request(TENANT, &contact, Reach::Person, Mode::Erase);
    let broken = Ingest::new(failing, Arc::new(FixedClock(world.now))).erase(request).await;
    assert!(broken.is_err() && !places(&world, NEEDLE_OF_A_CRASH).await.is_empty());

    let clock = FixedClock(world.now);
    let derivation = Derivation::new(world.store.clone());
    let finish = async || finish_interrupted(&derivation, &clock, Leftovers::Old).await.unwrap();
    assert!(finish().await);
    assert_eq!(places(&world, NEEDLE_OF_A_CRASH).await, BTreeSet::new());
    assert_eq!(files(directory().path(), NEEDLE_OF_A_CRASH), [""; 0]);
    assert_eq!(figures(&world, OTHERS).await, before);
    // The evidence is of both parts together.
    let removed = "SELECT sum(removed) AS rows FROM erasures FINAL";
    assert_eq!(shown(world.store.as_ref(), removed).await.trim(), format!("rows: {}", whole.rows()));
    assert!(!finish().await, "it is ended once");
}

/// Lets so many lists of changes through, and then none.
pub struct Failing(AtomicUsize);

impl Failing {
    pub fn after(lists: usize, store: Arc<dyn Store>) -> Arc<Hindered<Self>> {
        Hindered::new(store, Arc::new(Self(AtomicUsize::new(lists))))
    }
}

impl Hindrance for Failing {
    fn meet(self: Arc<Self>, call: Call<'_>) -> BoxFuture<'static, Result<After, StoreError>> {
        let next = |left: usize| left.checked_sub(1);
        let is_over = matches!(call, Call::Changes(_))
            && self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_err();
        if is_over { refused(StoreError::DiskFull) } else { free() }
    }
}

#[tokio::test]
async fn in_a_chat_that_others_share_only_what_is_the_contacts_own_goes() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let own = |who: &str| json!({"contact": who});
    world
        .take(&[
            event("message.received", "group", "1", "2026-03-10T09:00:00Z", &own("whatsapp:other")),
            event("message.received", "group", "2", "2026-03-10T10:00:00Z", &own(NEEDLE)),
            event("message.received", "group", "3", "2026-03-10T11:00:00Z", &own("whatsapp:other")),
            event(
                "message.received",
                "alone",
                "4",
                "2026-03-10T11:00:00Z",
                &json!({"contact": "whatsapp:third", "identities": [format!("vk:{NEEDLE}")]}),
            ),
        ])
        .await;
    let erasure = erase(&world, NEEDLE, Reach::Contact, Mode::Erase).await;
    assert_eq!((erasure.chats, erasure.shared_chats), (0, 1), "{erasure}");
    let range = r#"range: {from: "2026-03-01", to: "2026-03-20"}"#;
    let all = "activity { total { messages turns } }";
    assert_eq!(world.analytics(range, all).await, json!({"activity": {"total": {"messages": 3, "turns": 2}}}));
    // Who is only named beside another goes without it.
    let erasure = erase(&world, &format!("vk:{NEEDLE}"), Reach::Contact, Mode::Erase).await;
    assert_eq!((erasure.unnamed, erasure.linked.as_slice()), (1, &["whatsapp:third".to_owned()][..]), "{erasure}");
    assert_eq!(places(&world, NEEDLE).await, BTreeSet::new());
    assert_eq!(world.analytics(range, all).await, json!({"activity": {"total": {"messages": 3, "turns": 2}}}));
}

#[tokio::test]
async fn an_administrator_erases_by_the_api_and_nobody_else() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&history(NEEDLE)).await;
    let ask = |dry: bool| {
        format!(
            r#"mutation {{ eraseContact(contact: "whatsapp:{NEEDLE}", includeLinked: true, dryRun: {dry}) {{
                dryRun reach askedBy names chats rows finishedAt act tables {{ table rows }} }} }}"#
        )
    };
    let refused = world.answer(&world.manager(), &ask(false)).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    let admin = world.token_of(TENANT, Role::Admin, None, &[]);
    let trial = world.ask(&admin, &ask(true)).await["eraseContact"].clone();
    assert_eq!((&trial["dryRun"], &trial["finishedAt"], &trial["chats"]), (&json!(true), &Value::Null, &json!(1)));
    let done = world.ask(&admin, &ask(false)).await["eraseContact"].clone();
    assert_eq!(
        (&done["rows"], &done["tables"], &done["askedBy"]),
        (&trial["rows"], &trial["tables"], &json!("tester"))
    );
    assert!(done["act"].as_str().unwrap().starts_with("ACT OF DESTRUCTION"), "{done}");
    let again = world.ask(&admin, &ask(false)).await["eraseContact"].clone();
    assert_eq!(again["rows"], 0);
    // Somebody else's contacts are not found: a tenant erases its own.
    let stranger = world.token_of("other", Role::Admin, None, &[]);
    let other = world.ask(&stranger, r#"mutation { eraseContact(contact: "whatsapp:other") { rows } }"#).await;
    assert_eq!(other["eraseContact"]["rows"], 0);
    assert!(places(&world, "whatsapp:other").await.contains("events.contact"));
    // What comes later is new.
    world.take(&history(NEEDLE)[..1]).await;
    world.ingest.finish().await.unwrap();
    assert!(places(&world, NEEDLE).await.contains("messages.contact"));
}

#[tokio::test]
async fn every_table_is_said_to_be_erased_or_to_hold_nothing() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let tables = "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine NOT IN ('View', 'MaterializedView')";
    let batches = world.store.query(Sql::new(tables)).await.unwrap();
    let there: BTreeSet<&str> =
        batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten()).collect();
    let known: BTreeSet<&str> = TABLES.iter().map(|(table, _)| *table).collect();
    assert_eq!(known, there, "say in ingest::erase::tables what a new table holds of a person");
    // What holds nothing has no column of the kind that names somebody.
    let personal =
        ["contact", "identities", "chat", "chat_key", "contact_key", "name_key", "body", "raw", "deal", "lookup"];
    for (table, holds) in TABLES {
        let passes = matches!(*table, "inbox" | "arrivals") || table.starts_with("deriving_");
        let mut sql = Sql::new("SELECT name FROM system.columns WHERE database = currentDatabase() AND table = ");
        sql.bind(*table);
        let batches = world.store.query(sql).await.unwrap();
        for column in batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten()) {
            assert!(
                passes || !matches!(holds, Holds::Nothing(_)) || !personal.contains(&column),
                "{table}.{column} can name somebody"
            );
        }
    }
}

/// By the API alone, so that it can be asked of any store.
#[tokio::test]
pub async fn who_is_erased_is_in_no_figure_and_another_tenants_contact_of_the_same_name_is() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let history = history(NEEDLE);
    world.take(&history).await;
    let elsewhere = world.token_of("other", Role::Service, None, &[]);
    let body = Value::from(history).to_string();
    assert!(world.post_events(&elsewhere, None, body).await.0.is_success());
    let managers = [world.manager(), world.token_of("other", Role::Manager, None, &[])];
    let asked = format!(
        r#"{{ analytics(range: {{from: "2026-03-01", to: "2026-03-20"}}, filter: {{contacts: ["whatsapp:{NEEDLE}"]}}) {{
            activity {{ total {{ messages }} }} }} }}"#
    );
    let mut before = Vec::new();
    for manager in &managers {
        before.push(world.ask(manager, &asked).await["analytics"]["activity"]["total"]["messages"].clone());
    }
    assert!(before[0] != 0 && before[0] == before[1], "{before:?}");
    let admin = world.token_of(TENANT, Role::Admin, None, &[]);
    let erase = format!(
        r#"mutation {{ eraseContact(contact: "whatsapp:{NEEDLE}", includeLinked: true) {{ rows finishedAt }} }}"#
    );
    let done = world.ask(&admin, &erase).await["eraseContact"].clone();
    assert!(done["rows"].as_u64().unwrap() > 0 && done["finishedAt"].is_string(), "{done}");
    for (manager, expect) in managers.iter().zip([json!(0), before[1].clone()]) {
        assert_eq!(world.ask(manager, &asked).await["analytics"]["activity"]["total"]["messages"], expect);
    }
}
