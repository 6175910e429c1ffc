//! Retention: what is old is gone from every table and file, and no figure of the days that are kept changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use axum::http::StatusCode;
use rapport::auth::Role;
use rapport::ingest::Ingest;
use rapport::ingest::erase::tables::erased;
use rapport::ingest::retention::Keeping;
use rapport::model::retention::{Keep, Retention};
use rapport::sql::Sql;
use rapport::store::Store;
use serde_json::{Value, json};

use crate::engine::{FixedClock, directory};
use crate::erasure::{Failing, figures, files, history, places};
use crate::world::{TENANT, World, event};

const NOW: &str = "2026-03-20T00:00:00Z";

/// Names that stand nowhere else: tests share the data directory.
const NEEDLE: &str = "zq5retired";
const NEEDLE_OF_A_CRASH: &str = "zq4retired";

/// Kept is from 2026-02-18 on; what was silent since 2025-11-17 goes.
fn thirty_days(log: Option<u16>) -> Keeping {
    let of_tenants = BTreeMap::from([(TENANT.to_owned(), Keep::new(30, log))]);
    Keeping { retention: Retention::new(of_tenants, None), ..Keeping::default() }
}

/// The same store with a way in that keeps thirty days of the usual tenant.
async fn keeping(world: &World, keeping: Keeping) -> World {
    world.ingest.finish().await.unwrap();
    let ingest = Ingest::open_keeping(world.store.clone(), Arc::new(FixedClock(world.now)), keeping).await.unwrap();
    world.with(ingest)
}

/// Somebody of whom nothing was heard for nine months; and things of then that figures of March need.
fn old(needle: &str) -> Vec<Value> {
    let text = Value::from(history(needle)).to_string().replace("2026-03-", "2025-06-");
    let mut events: Vec<Value> = serde_json::from_str(&text).unwrap();
    events.retain(|event| event.to_string().contains(needle));
    let of = |contact: &str| json!({"contact": contact});
    let refused = json!({"contact": "whatsapp:left", "failure": {"reason": "OPT_OUT"}});
    events.extend([
        // It had left before it leaves in March: that is no second time.
        event("message.failed", "left-1", "1", "2025-06-10T09:00:00Z", &refused),
        // A sale of then is the only thing by which the CRM knows who writes in March.
        json!({"id": "sold buyer", "kind": "conversion.recorded", "at": "2025-06-10T09:00:00Z", "channel": "CRM",
            "contact": "whatsapp:buyer", "conversion": {"action": "purchase", "value": "7", "currency": "EUR"}}),
        // A dialog that goes on in another chat.
        event(
            "message.received",
            "bridge-1",
            "1",
            "2025-06-10T09:00:00Z",
            &json!({"dialog": "long", "contact": "whatsapp:b"}),
        ),
        // One that nobody closed.
        event("dialog.opened", "open", "", "2025-06-10T09:00:00Z", &json!({"dialog": "open"})),
        event(
            "message.received",
            "open",
            "1",
            "2025-06-10T09:00:00Z",
            &json!({"dialog": "open", "contact": "whatsapp:o"}),
        ),
        event("dialog.closed", "shut", "", "2025-06-10T10:00:00Z", &json!({"dialog": "shut"})),
        // Who had unsubscribed, came back and left again.
        json!({"id": "gone b", "kind": "contact.unsubscribed", "at": "2025-06-10T09:00:00Z", "channel": "WHATSAPP",
            "account": "a", "contact": "whatsapp:b"}),
        event("message.received", "talks", "1", "2025-06-10T09:00:00Z", &of("whatsapp:talks")),
    ]);
    without_blanks(events)
}

fn recent() -> Vec<Value> {
    let refused = json!({"contact": "whatsapp:left", "failure": {"reason": "OPT_OUT"}});
    let of = |contact: &str| json!({"contact": contact});
    let mut events = history("recent");
    events.extend([
        event("message.failed", "left-2", "1", "2026-03-10T09:00:00Z", &refused),
        event("message.received", "buyer", "1", "2026-03-10T09:00:00Z", &of("whatsapp:buyer")),
        event(
            "message.received",
            "bridge-2",
            "1",
            "2026-03-10T09:00:00Z",
            &json!({"dialog": "long", "contact": "whatsapp:b"}),
        ),
        event("message.received", "talks", "2", "2026-03-10T09:00:00Z", &of("whatsapp:talks")),
    ]);
    without_blanks(events)
}

/// An event of a dialog has no message.
fn without_blanks(mut events: Vec<Value>) -> Vec<Value> {
    for event in &mut events {
        event.as_object_mut().unwrap().retain(|_, value| value != "");
    }
    events
}

/// Rows of a tenant in every table that can lose some.
async fn rows(world: &World, tenant: &str) -> BTreeMap<&'static str, u64> {
    let tables: BTreeSet<&str> = erased().map(|(table, _)| table).collect();
    let mut rows = BTreeMap::new();
    for table in tables {
        let mut merge = Sql::new("OPTIMIZE TABLE ");
        merge.push(table).push(" FINAL");
        world.store.execute(merge).await.unwrap();
        let mut sql = Sql::new("SELECT count() FROM ");
        sql.push(table).push(" WHERE tenant = ").bind(tenant);
        let batches = world.store.query(sql).await.unwrap();
        rows.insert(table, batches[0].column(0).as_primitive::<UInt64Type>().value(0));
    }
    rows
}

#[tokio::test]
async fn what_is_old_is_gone_from_tables_and_disk_and_no_kept_figure_changes() {
    let world = World::at(NOW).await;
    world.take(&old(NEEDLE)).await;
    world.take(&recent()).await;
    let strangers = world.token_of("other", Role::Service, None, &[]);
    let theirs = Value::from(old("theirs")).to_string();
    assert_eq!(world.post_events(&strangers, None, theirs).await.0, StatusCode::OK);
    world.ingest.derivation().catch_up("other").await.unwrap();
    let (before, others) = (figures(&world, "").await, rows(&world, "other").await);
    assert!(others["messages"] > 3 && others["people"] > 1, "{others:?}");

    let world = keeping(&world, thirty_days(None)).await;
    let removed = world.ingest.retain(TENANT).await.unwrap();
    assert!(removed.iter().any(|removed| removed.table == "events"), "{removed:?}");
    assert_eq!(places(&world, NEEDLE).await, BTreeSet::new());
    assert_eq!(files(directory().path(), NEEDLE), [""; 0]);
    assert_eq!(figures(&world, "").await, before);
    assert_eq!(rows(&world, "other").await, others);
    // What stays is whole: the chat that goes on, the one that a dialog connects, the open one.
    for chat in ["talks", "bridge-1", "open"] {
        assert!(places(&world, chat).await.contains("messages.chat"), "{chat}");
    }
    assert_eq!(world.ingest.retain(TENANT).await.unwrap(), [], "nothing is left to remove");
    assert_eq!(world.ingest.retain("other").await.unwrap(), [], "others keep everything");
    // Derived anew, it is the same.
    for text in ["INSERT INTO stale_threads SELECT DISTINCT tenant, thread_key, 1 FROM threads"] {
        world.store.execute(Sql::new(text)).await.unwrap();
    }
    world.ingest.derivation().catch_up(TENANT).await.unwrap();
    assert_eq!(figures(&world, "").await, before);
}

#[tokio::test]
async fn the_log_can_be_kept_for_longer_than_what_is_counted() {
    let world = World::at(NOW).await;
    world.take(&old("zq3logged")).await;
    world.take(&recent()).await;
    let before = figures(&world, "").await;
    let world = keeping(&world, thirty_days(Some(400))).await;
    world.ingest.retain(TENANT).await.unwrap();
    let found = places(&world, "zq3logged").await;
    assert!(found.contains("events.contact") && !found.contains("messages.contact"), "{found:?}");
    assert_eq!(figures(&world, "").await, before);
}

#[tokio::test]
async fn a_removal_that_breaks_off_is_gone_on_with() {
    let world = World::at(NOW).await;
    world.take(&old(NEEDLE_OF_A_CRASH)).await;
    world.take(&recent()).await;
    let before = figures(&world, "").await;
    world.ingest.finish().await.unwrap();
    let clock = Arc::new(FixedClock(world.now));
    let mut broke_off = 0;
    for left in [4, 9, 25, 50, 80] {
        let failing = Failing::after(left, world.store.clone());
        let ingest = Ingest::open_keeping(failing, clock.clone(), thirty_days(None)).await.unwrap();
        broke_off += usize::from(ingest.retain(TENANT).await.is_err());
    }
    assert!(broke_off > 1, "{broke_off}");
    let world = keeping(&world, thirty_days(None)).await;
    assert_eq!(figures(&world, "").await, before);
    world.ingest.retain(TENANT).await.unwrap();
    assert_eq!(places(&world, NEEDLE_OF_A_CRASH).await, BTreeSet::new());
    assert_eq!(files(directory().path(), NEEDLE_OF_A_CRASH), [""; 0]);
    assert_eq!(figures(&world, "").await, before);
}

#[tokio::test]
async fn what_arrives_older_than_it_is_kept_is_refused_and_its_receipt_says_why() {
    let world = keeping(&World::at(NOW).await, thirty_days(None)).await;
    let at = |at: &str| event("message.received", "chat", "1", at, &json!({}));
    let events = Value::from(vec![at("2026-02-17T23:59:59Z"), at("2026-02-18T00:00:00Z")]);
    let (_, receipt) = world.post_events(&world.service(), None, events.to_string()).await;
    assert_eq!((&receipt["accepted"], &receipt["rejectedTotal"]), (&json!(1), &json!(1)), "{receipt}");
    let told = receipt["rejected"][0].to_string();
    assert!(told.contains("2026-02-17T23:59:59Z is longer ago than the 30 days that your data is kept"), "{told}");
    // Others keep what they send.
    let stranger = world.token_of("other", Role::Service, None, &[]);
    let (_, receipt) = world.post_events(&stranger, None, events.to_string()).await;
    assert_eq!(receipt["accepted"], 2, "{receipt}");
}

#[tokio::test]
async fn who_asks_for_days_that_are_not_kept_is_warned() {
    let world = keeping(&World::at(NOW).await, thirty_days(None)).await;
    let warnings = async |from: &str| {
        let range = format!(r#"range: {{from: "{from}", to: "2026-03-20"}}"#);
        let fields = "activity { total { quality { warnings { code message } } } }";
        world.analytics(&range, fields).await["activity"]["total"]["quality"]["warnings"].to_string()
    };
    assert!(!warnings("2026-02-18").await.contains("RETENTION"));
    let told = warnings("2026-02-17").await;
    assert!(told.contains("RETENTION") && told.contains("kept from 2026-02-18T00:00:00Z on"), "{told}");
    // Of a series only the steps that begin before.
    let range = r#"range: {from: "2026-02-17", to: "2026-02-19"}"#;
    let series = "activity { series(every: DAY) { metrics { quality { warnings { code } } } } }";
    let series = world.analytics(range, series).await["activity"]["series"].clone();
    let warned = |step: usize| series[step].to_string().contains("RETENTION");
    assert_eq!((warned(0), warned(1)), (true, false), "{series}");
    let viewer = world.ask(&world.manager(), "{ viewer { retainedSince } }").await;
    assert_eq!(viewer, json!({"viewer": {"retainedSince": "2026-02-18T00:00:00.000Z"}}));
    let stranger = world.token_of("other", Role::Manager, None, &[]);
    assert_eq!(world.ask(&stranger, "{ viewer { retainedSince } }").await["viewer"]["retainedSince"], Value::Null);
}
