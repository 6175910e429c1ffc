//! What is derived from events: nothing of it outlives its reason, and nothing that arrived is left out.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use rapport::api::Limits;
use rapport::ingest::Ingest;
use rapport::ingest::derive::{Derivation, Stretch, prepare};
use rapport::sql::Sql;
use rapport::store::Store;
use serde_json::{Value, json};

use crate::engine::FixedClock;
use crate::world::{TENANT, World};

const MARCH: &str = r#"range: {from: "2026-03-01", to: "2026-04-01"}"#;

fn event(kind: &str, message: &str, at: &str, more: &Value) -> Value {
    crate::world::event(kind, "c", message, at, more)
}

/// How many rows each table has, and a hash of them all.
pub async fn derived_rows(world: &World) -> Vec<(u64, u64)> {
    let mut rows = Vec::new();
    for table in ["derived_messages", "derived_clients", "derived_cycles", "derived_steps", "derived_refusals"] {
        let mut sql = Sql::new("SELECT count(), sum(sipHash64(tuple(* EXCEPT (version, is_gone)))) FROM ");
        sql.push(table).push(" FINAL");
        let batches = world.store.query(sql.of_tenant(TENANT)).await.unwrap();
        let number = |column: usize| batches[0].column(column).as_primitive::<UInt64Type>().value(0);
        rows.push((number(0), number(1)));
    }
    // A person of one name has a row where it had others once.
    let joined =
        "SELECT count(), sum(sipHash64(tuple(* EXCEPT version))) FROM people FINAL WHERE name_key != person_key";
    let batches = world.store.query(Sql::new(joined).of_tenant(TENANT)).await.unwrap();
    let number = |column: usize| batches[0].column(column).as_primitive::<UInt64Type>().value(0);
    rows.push((number(0), number(1)));
    rows
}

async fn catch_up(world: &World) {
    world.ingest.derivation().catch_up(TENANT).await.unwrap();
}

#[tokio::test]
pub async fn a_message_that_moves_to_another_dialog_or_day_leaves_nothing_behind() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let counted = "activity { total { messages turns } series(every: DAY) { start metrics { messages } } }";
    let march_10 = r#"range: {from: "2026-03-09", to: "2026-03-11"}"#;
    for (kind, at, more) in [
        ("message.received", "2026-03-10T10:00:00Z", json!({})),
        // The same message, told again by other sources: of a dialog, of another one, the day before, without a dialog.
        ("message.received", "2026-03-10T10:00:01Z", json!({"dialog": "d1"})),
        ("message.received", "2026-03-10T10:00:02Z", json!({"dialog": "d2"})),
        ("message.received", "2026-03-09T23:00:00Z", json!({"dialog": "d1"})),
        ("message.received", "2026-03-10T10:00:03Z", json!({})),
    ] {
        world.take(&[event(kind, "m", at, &more)]).await;
        let answer = world.analytics(march_10, counted).await["activity"].clone();
        assert_eq!(answer["total"], json!({"messages": 1, "turns": 1}), "{at}");
    }
    let answer = world.analytics(march_10, counted).await["activity"]["series"].clone();
    assert_eq!([&answer[0]["metrics"]["messages"], &answer[1]["metrics"]["messages"]], [1, 0]);
    // It turns out to be ours: a source that contradicts itself is believed that a client wrote.
    world.take(&[event("message.sent", "m", "2026-03-10T09:00:00Z", &json!({"operator": "anna"}))]).await;
    let answer = world.analytics(MARCH, "delivery { total { outbound } } activity { total { messages } }").await;
    assert_eq!(answer, json!({"delivery": {"total": {"outbound": 0}}, "activity": {"total": {"messages": 1}}}));
}

#[tokio::test]
pub async fn a_status_that_comes_first_counts_for_its_message_when_that_comes() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let fields = "delivery { total { outbound delivered orphanStatuses } }";
    world.take(&[event("message.delivered", "m", "2026-03-10T10:00:05Z", &json!({}))]).await;
    let answer = world.analytics(MARCH, fields).await;
    assert_eq!(answer["delivery"]["total"], json!({"outbound": 0, "delivered": 0, "orphanStatuses": 1}));
    world.take(&[event("message.sent", "m", "2026-03-09T10:00:00Z", &json!({"dialog": "d"}))]).await;
    let answer = world.analytics(MARCH, fields).await;
    assert_eq!(answer["delivery"]["total"], json!({"outbound": 1, "delivered": 1, "orphanStatuses": 0}));
}

#[tokio::test]
pub async fn the_first_dialog_that_is_closed_changes_what_openings_mean() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let dialog = |kind: &str, dialog: &str, at: &str| json!({"id": format!("{kind} {dialog}"), "kind": kind, "at": at, "channel": "WHATSAPP", "account": "a", "dialog": dialog});
    world
        .take(&[
            dialog("dialog.opened", "d1", "2026-03-02T10:00:00Z"),
            event("message.received", "m1", "2026-03-02T10:00:00Z", &json!({"dialog": "d1"})),
            event("message.received", "m2", "2026-03-05T10:00:00Z", &json!({"dialog": "d1"})),
        ])
        .await;
    let range = r#"range: {from: "2026-03-01", to: "2026-03-15"}"#;
    // The clock ends a dialog of which nobody says that it closes: after a day.
    let answer = world.analytics(range, "activeDialogs { total { distinct openNow } }").await;
    assert_eq!(answer["activeDialogs"]["total"], json!({"distinct": 1, "openNow": 0}));
    world
        .take(&[
            event("message.received", "m3", "2026-03-06T10:00:00Z", &json!({"dialog": "d2", "chat": "c2"})),
            dialog("dialog.closed", "d2", "2026-03-06T11:00:00Z"),
        ])
        .await;
    // Where dialogs are closed, the first one is one that nobody has closed.
    let answer = world.analytics(range, "activeDialogs { total { distinct openNow } }").await;
    assert_eq!(answer["activeDialogs"]["total"], json!({"distinct": 2, "openNow": 1}));
}

#[tokio::test]
pub async fn other_rules_derive_everything_anew() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&[event("message.sent", "m", "2026-03-09T10:00:00Z", &json!({"operator": "anna"}))]).await;
    prepare(world.store.as_ref()).await.unwrap();
    catch_up(&world).await;
    let derived = derived_rows(&world).await;
    assert_eq!(derived[0].0, 1);
    // As an earlier version left it: other rules, other rows.
    for sql in [
        "INSERT INTO derived_by SELECT '', 'rules of long ago', max(number) + 1 FROM derived_by WHERE tenant = ''",
        "TRUNCATE TABLE derived_messages",
    ] {
        world.store.execute(Sql::new(sql).of_everyone()).await.unwrap();
    }
    catch_up(&world).await;
    assert_eq!(derived_rows(&world).await[0].0, 0);
    prepare(world.store.as_ref()).await.unwrap();
    catch_up(&world).await;
    assert_eq!(derived_rows(&world).await, derived);
    // The same rules are not noted twice.
    prepare(world.store.as_ref()).await.unwrap();
    assert_eq!(world.ingest.derivation().count_stale(TENANT).await.unwrap(), 0);
}

#[tokio::test]
pub async fn a_run_that_breaks_off_is_begun_again() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    world.take(&[event("message.received", "m1", "2026-03-09T10:00:00Z", &json!({}))]).await;
    world.store.execute(Sql::new("RENAME TABLE derived_steps TO hidden_steps").of_everyone()).await.unwrap();
    let derivation = world.ingest.derivation();
    assert!(derivation.catch_up(TENANT).await.is_err());
    world.take(&[event("message.received", "m2", "2026-03-09T11:00:00Z", &json!({}))]).await;
    world.store.execute(Sql::new("RENAME TABLE hidden_steps TO derived_steps").of_everyone()).await.unwrap();
    let answer = world
        .analytics(MARCH, "activity { total { messages turns } } sessions { total { singleMessageSessions } }")
        .await;
    assert_eq!(
        answer,
        json!({"activity": {"total": {"messages": 2, "turns": 1}}, "sessions": {"total": {"singleMessageSessions": 2}}})
    );
}

#[tokio::test]
pub async fn an_answer_that_cannot_wait_says_what_it_lacks() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let hurried = world.limited(Limits { catch_up_time: Duration::ZERO, ..Limits::default() });
    let fields = "delivery { total { outbound quality { warnings { code message } } } }";
    world.take(&[event("message.sent", "m", "2026-03-09T10:00:00Z", &json!({}))]).await;
    let total = hurried.analytics(MARCH, fields).await["delivery"]["total"].clone();
    assert_eq!(total["outbound"], 0);
    assert_eq!(total["quality"]["warnings"][0]["code"], "STALE");
    // An answer without lines says it too.
    let answer = hurried
        .answer(
            &hurried.manager(),
            &format!("{{ analytics({MARCH}) {{ delivery {{ by(dimensions: [CHANNEL]) {{ keys }} }} }} }}"),
        )
        .await;
    assert_eq!(answer["data"]["analytics"]["delivery"]["by"], json!([]));
    assert_eq!(answer["extensions"], json!({"stale": true}));
    let total = world.analytics(MARCH, fields).await["delivery"]["total"].clone();
    assert_eq!(total["outbound"], 1);
    assert!(!total["quality"]["warnings"].to_string().contains("STALE"));
    world.store.close().await;
}

#[tokio::test]
pub async fn a_server_derives_what_arrives_before_anybody_asks() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let ingest = world.ingest.clone();
    let world = world.limited(Limits::default());
    let keeping_up = tokio::spawn(ingest.derivation().clone().keep_up());
    let feeding = tokio::spawn(ingest.keep_up());
    for number in 0..3 {
        let at = format!("2026-03-09T1{number}:00:00Z");
        world.take(&[event("message.received", &format!("m{number}"), &at, &json!({}))]).await;
        // Each waits for its own: what arrives while nothing is derived must wake it up.
        while derived_rows(&world).await[1].0 <= number {
            tokio::task::yield_now().await;
        }
    }
    keeping_up.abort();
    feeding.abort();
    let _ = (keeping_up.await, feeding.await);
    world.store.close().await;
}

#[tokio::test]
pub async fn what_cannot_be_derived_keeps_nobody_from_reading() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let wrote = |message: &str| event("message.received", message, "2026-03-09T10:00:00Z", &json!({}));
    world.take(&[wrote("m1")]).await;
    catch_up(&world).await;
    world.store.execute(Sql::new("RENAME TABLE deriving_steps TO hidden_steps").of_everyone()).await.unwrap();
    world.take(&[wrote("m2")]).await;
    let fields = "activity { total { messages quality { warnings { code } } } }";
    let total = world.analytics(MARCH, fields).await["activity"]["total"].clone();
    assert_eq!(total, json!({"messages": 1, "quality": {"warnings": [{"code": "STALE"}]}}));
    world.store.execute(Sql::new("RENAME TABLE hidden_steps TO deriving_steps").of_everyone()).await.unwrap();
    let total = world.analytics(MARCH, fields).await["activity"]["total"].clone();
    assert_eq!(total, json!({"messages": 2, "quality": {"warnings": []}}));
}

#[tokio::test]
pub async fn an_event_whose_mark_fails_is_not_known_and_counts_when_it_is_sent_again() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    // Where others may write too, what follows from an event comes before it.
    let world = world.with(Ingest::new(world.store.clone(), Arc::new(FixedClock(world.now))));
    let body = Value::from(vec![event("message.sent", "m", "2026-03-09T10:00:00Z", &json!({}))]).to_string();
    world.store.execute(Sql::new("RENAME TABLE stale_threads TO hidden_threads").of_everyone()).await.unwrap();
    let (status, _) = world.post_events(&world.service(), None, body.clone()).await;
    assert!(status.is_server_error(), "{status}");
    world.store.execute(Sql::new("RENAME TABLE hidden_threads TO stale_threads").of_everyone()).await.unwrap();
    let (_, receipt) = world.post_events(&world.service(), None, body).await;
    assert_eq!((&receipt["accepted"], &receipt["duplicates"]), (&json!(1), &json!(0)));
    let answer = world.analytics(MARCH, "delivery { total { outbound } }").await;
    assert_eq!(answer["delivery"]["total"]["outbound"], 1);
}

#[tokio::test]
pub async fn a_message_that_comes_late_changes_no_row_of_other_visits() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let client = |message: &str, at: &str| event("message.received", message, at, &json!({}));
    world.take(&[client("m1", "2026-03-09T10:00:00Z"), client("m2", "2026-03-09T20:00:00Z")]).await;
    catch_up(&world).await;
    world.take(&[client("m0", "2026-03-09T09:00:00Z")]).await;
    catch_up(&world).await;
    let sql = "SELECT countIf(version > 1 AND message_key = sipHash64('m2')), count() FROM derived_steps FINAL";
    let batches = world.store.query(Sql::new(sql).of_tenant(TENANT)).await.unwrap();
    let number = |column: usize| batches[0].column(column).as_primitive::<UInt64Type>().value(0);
    assert_eq!((number(0), number(1)), (0, 3));
}

#[tokio::test]
pub async fn a_dialog_that_goes_through_many_chats_is_derived_once() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let mut events = Vec::new();
    for chat in 0..50 {
        let mut more = json!({"chat": format!("c{chat}"), "dialog": "main"});
        events.push(event("message.received", &format!("m{chat}"), "2026-03-09T10:00:00Z", &more));
        // A status names no dialog.
        more["dialog"] = Value::Null;
        events.push(event("message.delivered", &format!("s{chat}"), "2026-03-09T10:00:00Z", &more));
    }
    world.take(&events).await;
    world.ingest.finish().await.unwrap();
    let one_by_one = Stretch { threads_max: 1, messages_max: 1, links_max: 1 };
    let derivation = Derivation::in_stretches(world.store.clone(), one_by_one);
    assert_eq!(derivation.catch_up(TENANT).await.unwrap(), 1);
    assert_eq!(derivation.count_stale(TENANT).await.unwrap(), 0);
    let answer =
        world.analytics(MARCH, "activity { total { messages turns } } delivery { total { orphanStatuses } }").await;
    assert_eq!(answer["activity"]["total"], json!({"messages": 50, "turns": 1}));
    assert_eq!(answer["delivery"]["total"]["orphanStatuses"], 50);
}
