//! Erasures that break off, wait, or meet others of the same store.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use rapport::app::build::facts;
use rapport::auth::Role;
use rapport::ingest::erase::{Leftovers, Mode, Reach, finish_interrupted};
use rapport::ingest::{Ingest, IngestError};
use rapport::sql::Sql;
use rapport::store::migrations::{MIGRATIONS, migrate};
use rapport::store::server::ServerStore;
use rapport::store::{Store, StoreError};
use serde_json::json;

use super::{Failing, erase, history, places, request};
use crate::double::{Data, Host};
use crate::engine::{FixedClock, NOW, limits, shown};
use crate::hindered::{After, Call, Hindered, Hindrance, free, refused};
use crate::process::{Server, run, token, told};
use crate::served::config;
use crate::world::{TENANT, World};

/// What is listed, by contact.
const LISTED: &str = "SELECT name FROM erasing WHERE what = 'NAME' ORDER BY name";

async fn take(ingest: &Ingest, tenant: &str, contact: &str) {
    let event = json!({"id": contact, "kind": "message.received", "channel": "TELEGRAM", "chat": contact,
                       "message": contact, "contact": contact, "at": "2026-03-01T10:00:00Z"});
    let lines = rapport::ingest::lines::split(event.to_string().into()).unwrap();
    assert_eq!(ingest.accept(tenant, lines).await.unwrap().accepted, 1);
}

#[tokio::test]
async fn an_erasure_that_breaks_off_is_its_own_whatever_others_of_the_store_do() {
    let data = Data::new();
    let host = Host::start(&data, 0);
    let open = || Arc::new(ServerStore::open(&config(std::slice::from_ref(&host)), limits()).unwrap());
    let (first, second) = (open(), open());
    let clock = Arc::new(FixedClock(NOW));
    migrate(first.as_ref(), clock.as_ref(), MIGRATIONS, &facts()).await.unwrap();
    let [one, two] = [&first, &second].map(|store| Ingest::new(Arc::clone(store) as _, clock.clone()));
    for (tenant, contact) in [("acme", "ann"), ("acme", "bob"), ("other", "ann")] {
        take(&one, tenant, contact).await;
    }
    one.derivation().catch_up("acme").await.unwrap();
    // The first process has the right to derive, and breaks off in the middle.
    let failing: Arc<dyn Store> = Failing::after(20, first.clone());
    let broken = Ingest::new(failing, clock.clone());
    let contact = |tenant: &str, contact: &str, mode| request(tenant, contact, Reach::Contact, mode);
    assert!(broken.erase(contact("acme", "ann", Mode::Erase)).await.is_err());
    assert_eq!(shown(data.store(), LISTED).await.trim(), "name: ann");

    // The second counts somebody else, which holds nobody up, and ends nothing that may still run.
    let trial = two.erase(contact("acme", "bob", Mode::Trial)).await.unwrap();
    assert_eq!((trial.names.as_slice(), trial.chats), (&["bob".to_owned()][..], 1), "{trial}");
    let finish =
        async |ingest: &Ingest| finish_interrupted(ingest.derivation(), &FixedClock(NOW), Leftovers::Old).await;
    assert!(!finish(&two).await.unwrap());
    assert_eq!(shown(data.store(), LISTED).await.trim(), "name: ann");

    // Who has the right ends it; what else is listed meanwhile goes on being listed.
    let other = "INSERT INTO erasing SELECT 'acme', 'of another', 'NAME', 'bob', sipHash64('bob'), 0";
    data.store().execute(Sql::new(other)).await.unwrap();
    assert!(finish(&one).await.unwrap());
    assert_eq!(shown(data.store(), LISTED).await.trim(), "name: bob");
    // Nothing was removed before every copy of the store had the list.
    let seen: Vec<String> = data.seen.lock().unwrap().iter().map(|(_, _, text)| text.clone()).collect();
    let first = |beginning: &str| seen.iter().position(|text| text.starts_with(beginning)).unwrap();
    assert!(first("ALTER TABLE erasing DELETE") < first("ALTER TABLE derived_messages DELETE"));
    let left = "SELECT tenant, contact FROM events ORDER BY tenant, contact";
    assert_eq!(shown(data.store(), left).await, "tenant: acme\ncontact: bob\n\ntenant: other\ncontact: ann\n\n");
}

#[tokio::test]
async fn names_in_clear_do_not_stay_of_an_erasure_that_never_began() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&history("zq2begun")[..3]).await;
    world.ingest.finish().await.unwrap();
    world.ingest.derivation().catch_up(TENANT).await.unwrap();
    let statements = |mode| request(TENANT, "whatsapp:zq2begun", Reach::Person, mode);
    // The store takes the first list, not the next, and takes others again.
    let failing = FailingAt::over(world.store.clone(), "'TOUCHED'");
    let broken = Ingest::new(failing, Arc::new(FixedClock(world.now)));
    assert!(broken.erase(statements(Mode::Erase)).await.is_err());
    assert_eq!(shown(world.store.as_ref(), LISTED).await.trim(), "");
    let failing = FailingAt::over(world.store.clone(), "'COUNT'");
    let broken = Ingest::new(failing, Arc::new(FixedClock(world.now)));
    assert!(broken.erase(statements(Mode::Trial)).await.is_err());
    assert_eq!(shown(world.store.as_ref(), LISTED).await.trim(), "");
    // What a process that ended then left is removed by the next start.
    let left = "INSERT INTO erasing SELECT 'acme', 'left', 'NAME', 'zq2begun', 0, 0";
    world.store.execute(Sql::new(left)).await.unwrap();
    let derivation = world.ingest.derivation();
    finish_interrupted(derivation, &FixedClock(world.now), Leftovers::Old).await.unwrap();
    assert_eq!(shown(world.store.as_ref(), LISTED).await.trim(), "name: zq2begun");
    finish_interrupted(derivation, &FixedClock(world.now), Leftovers::All).await.unwrap();
    assert_eq!(shown(world.store.as_ref(), LISTED).await.trim(), "");
}

/// Refuses lists of changes in which one has this text, and questions that read a log.
struct FailingAt(&'static str);

impl FailingAt {
    fn over(store: Arc<dyn Store>, text: &'static str) -> Arc<Hindered<Self>> {
        Hindered::new(store, Arc::new(Self(text)))
    }
}

impl Hindrance for FailingAt {
    fn meet(self: Arc<Self>, call: Call<'_>) -> BoxFuture<'static, Result<After, StoreError>> {
        let logs = ["FROM events", "FROM raw_payloads", "FROM messages", "FROM rejected_events"];
        match call {
            Call::Query(question) if logs.iter().any(|log| question.text().contains(log)) => {
                refused(StoreError::TooManyRows { limit: "rows_read", rows: 0 })
            }
            Call::Changes(changes) if changes.iter().any(|change| change.text().contains(self.0)) => {
                refused(StoreError::DiskFull)
            }
            _ => free(),
        }
    }
}

#[tokio::test]
async fn an_erasure_reads_no_log_by_questions_which_have_limits() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&history("zq2limits")).await;
    world.ingest.finish().await.unwrap();
    world.ingest.derivation().catch_up(TENANT).await.unwrap();
    let store = FailingAt::over(world.store.clone(), "no statement has this");
    let ingest = Ingest::new(store, Arc::new(FixedClock(world.now)));
    for mode in [Mode::Trial, Mode::Erase] {
        let erasure = ingest.erase(request(TENANT, "whatsapp:zq2limits", Reach::Person, mode)).await.unwrap();
        assert!(erasure.rows() > 10, "{erasure}");
    }
    assert_eq!(places(&world, "zq2limits").await.len(), 0);
}

#[tokio::test]
async fn one_erasure_runs_at_a_time_and_the_next_is_told_to_come_again() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&history("zq2twice")[..3]).await;
    let erasing = || world.ingest.erase(request(TENANT, "whatsapp:zq2twice", Reach::Contact, Mode::Trial));
    let (first, second) = tokio::join!(erasing(), erasing());
    assert!(first.is_ok() && matches!(second, Err(IngestError::Erasing)), "{second:?}");
    assert!(erasing().await.is_ok());
    // By the API it is one of the codes that pass.
    let ask = r#"mutation { eraseContact(contact: "whatsapp:zq2twice", dryRun: true) { rows } }"#;
    let admin = world.token_of(TENANT, Role::Admin, None, &[]);
    let (mine, theirs) = tokio::join!(world.answer(&admin, ask), world.answer(&admin, ask));
    let answers = [mine, theirs];
    let codes: Vec<_> =
        answers.iter().filter_map(|answer| answer["errors"][0]["extensions"]["code"].as_str()).collect();
    assert_eq!(codes, ["UNAVAILABLE"], "{answers:?}");
}

#[tokio::test]
async fn what_is_taken_in_while_an_erasure_begins_comes_whole_before_or_after_it() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    for round in 0..5 {
        let contact = format!("zq2round{round}");
        let (_, erased) =
            tokio::join!(take(&world.ingest, TENANT, &contact), erase(&world, &contact, Reach::Contact, Mode::Erase));
        let found = places(&world, &contact).await;
        assert_eq!(found.is_empty(), 0 < erased.rows(), "{round}: {found:?} {erased}");
    }
}

#[test]
fn what_was_stored_and_not_counted_yet_is_erased_by_the_command_too() {
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let data = parent.path().join("data");
    let server = Server::start(&data, &[]);
    let event = json!({"id": "1", "kind": "message.received", "at": "2026-02-01T09:00:00Z", "channel": "WHATSAPP",
        "account": "a", "chat": "c", "message": "1", "contact": "whatsapp:4917"});
    let (status, receipt) = server.send("POST", "/v1/events", &token(Role::Service), &event.to_string());
    assert_eq!((status, &receipt["accepted"]), (200, &json!(1)), "{receipt}");
    // Killed before what follows from it is written.
    drop(server);
    let erase = run(&data, &["erase", "--tenant", TENANT, "--contact", "whatsapp:4917", "--json"]);
    assert!(erase.status.success(), "{}", told(&erase));
    let report: serde_json::Value = serde_json::from_slice(&erase.stdout).unwrap();
    let events = report["tables"].as_array().unwrap().iter().find(|table| table["table"] == "events").unwrap();
    assert_eq!(events["rows"], 1, "{report}");
    let server = Server::start(&data, &[]);
    let (_, receipt) = server.send("POST", "/v1/events", &token(Role::Service), &event.to_string());
    assert_eq!(receipt["accepted"], 1, "it was gone: {receipt}");
    assert!(server.stop());
}
