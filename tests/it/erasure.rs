//! Erasing a contact: nothing of it is found anywhere afterwards, and everybody else is as before.

pub mod house;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::AsArray;
use rapport::auth::Role;
use rapport::ingest::Ingest;
use rapport::ingest::erase::tables::{Holds, TABLES};
use rapport::ingest::erase::{Mode, Reach, Request, finish_interrupted};
use rapport::sql::Sql;
use rapport::store::Store;
use serde_json::{Value, json};

use self::house::{erase, figures, files, history, places};
use crate::engine::{FixedClock, directory, shown};
use crate::world::{TENANT, World, event};

/// Names that stand nowhere else: a test that looks at files has its own, because tests share the data directory.
const NEEDLE: &str = "zq7needle";
const NEEDLE_OF_FILES: &str = "zq8files";
const NEEDLE_OF_A_CRASH: &str = "zq9crash";

const OTHERS: &str = r#"contacts: ["whatsapp:other"]"#;

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
    let request = Request {
        tenant: TENANT.to_owned(),
        contact,
        reach: Reach::Person,
        mode: Mode::Erase,
        asked_by: "tester".to_owned(),
    };
    world.store.fill_after(60);
    let broken = Ingest::new(world.store.clone(), Arc::new(FixedClock(world.now))).erase(request).await;
    world.store.make_room();
    assert!(broken.is_err() && !places(&world, NEEDLE_OF_A_CRASH).await.is_empty());

    let clock = FixedClock(world.now);
    assert!(finish_interrupted(world.store.as_ref(), &clock).await.unwrap());
    assert_eq!(places(&world, NEEDLE_OF_A_CRASH).await, BTreeSet::new());
    assert_eq!(files(directory().path(), NEEDLE_OF_A_CRASH), [""; 0]);
    assert_eq!(figures(&world, OTHERS).await, before);
    // The evidence is of both parts together.
    let removed = "SELECT sum(removed) AS rows FROM erasures FINAL";
    assert_eq!(shown(world.store.as_ref(), removed).await.trim(), format!("rows: {}", whole.rows()));
    assert!(!finish_interrupted(world.store.as_ref(), &clock).await.unwrap(), "it is ended once");
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
