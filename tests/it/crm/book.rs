//! The deal book on the real engine, told by a connector that reads facts as they are.

use std::sync::Arc;

use insta::assert_snapshot;
use rapport::ingest::Ingest;
use rapport::ingest::connection::Connection;
use rapport::ingest::connector::options::{OptionError, Options};
use rapport::ingest::connector::{Accounts, Connector, Delivery, Payload, Platform, Reading, Refusal};
use rapport::ingest::deal::{DealFact, Stage};
use rapport::store::{Sharing, Store};
use serde_json::{Value, json};

use super::{Desk, worth};
use crate::engine::{FixedClock, shown};
use crate::world::instant;

#[derive(Debug)]
struct Plain;

impl Connector for Plain {
    fn verify(&self, _: &Delivery<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn read(&self, payload: &Payload<'_>) -> Reading {
        let facts: Vec<Value> = serde_json::from_slice(payload.body).expect("a list of facts");
        Reading { deals: facts.iter().map(fact).collect(), ..Reading::default() }
    }
}

fn fact(fact: &Value) -> DealFact {
    let text = |name: &str| fact[name].as_str().map(str::to_owned);
    let stage = |name: &str| match name {
        "won" => Stage::Won,
        "lost" => Stage::Lost,
        _ => Stage::Open,
    };
    DealFact {
        id: fact.to_string(),
        deal: format!("plain:1:deal:{}", fact["deal"]),
        channel: "PLAIN".to_owned(),
        account: "1".to_owned(),
        action: "purchase".to_owned(),
        at: fact["at"].as_str().map_or(0, |at| instant(&format!("2026-03-{at}Z"))),
        rank: 0,
        is_transition: true,
        stage: fact["stage"].as_str().map(stage),
        amount: text("amount"),
        currency: text("currency"),
        usual_currency: Some("EUR".to_owned()),
    }
}

fn open(_: &Accounts, _: &mut Options) -> Result<Arc<dyn Connector>, OptionError> {
    Ok(Arc::new(Plain))
}

static PLATFORM: Platform = Platform { name: "plain", open };

pub async fn desk() -> Desk {
    let accounts = Accounts::new(vec!["1".to_owned()]).unwrap();
    let connection = Connection::open(("crm", ""), &PLATFORM, accounts, Options::default(), 30).unwrap();
    let desk = Desk::with(connection).await;
    desk.dialog_of("plain:1:deal:7").await;
    desk
}

pub async fn tell(desk: &Desk, facts: &Value) -> (u64, Option<String>) {
    let received = desk.deliver("application/json", &facts.to_string(), "2026-03-20T00:00:00Z").await;
    assert_eq!((received.receipt.duplicates, received.receipt.rejected_total), (0, 0), "{received:?}");
    (received.receipt.accepted, received.unreadable)
}

#[tokio::test]
async fn a_report_follows_what_a_crm_says_of_a_deal() {
    let desk = desk().await;
    let none = worth(0, None, None);
    let won = json!([{"deal": 7, "at": "11T09:00:00", "stage": "won"}]);
    assert_eq!(
        tell(&desk, &json!([{"deal": 7, "at": "10T11:00:00", "stage": "open", "amount": "90"}])).await,
        (0, None)
    );
    assert_eq!(desk.converted().await, none);
    assert_eq!(tell(&desk, &won).await, (1, None));
    assert_eq!(desk.converted().await, worth(1, Some("90"), Some("EUR")));
    // Told again it changes nothing.
    assert_eq!(tell(&desk, &won).await, (0, None));
    // The amount changes after the sale.
    assert_eq!(tell(&desk, &json!([{"deal": 7, "at": "12T09:00:00", "amount": "75.50"}])).await, (2, None));
    assert_eq!(desk.converted().await, worth(1, Some("75.5"), Some("EUR")));
    // A fact that comes late: it was won on the 10th already.
    assert_eq!(tell(&desk, &json!([{"deal": 7, "at": "10T12:00:00", "stage": "won"}])).await, (2, None));
    assert_eq!(desk.converted().await, worth(1, Some("75.5"), Some("EUR")));
    // Taken back.
    assert_eq!(tell(&desk, &json!([{"deal": 7, "at": "13T09:00:00", "stage": "lost"}])).await, (1, None));
    assert_eq!(desk.converted().await, none);
    // Where processes share the store, numbers are drawn.
    if Store::sharing(desk.world.store.as_ref()) == Sharing::Own {
        assert_snapshot!(desk.stored().await);
    }
}

#[tokio::test]
async fn a_deal_that_changes_before_anybody_asks_is_worth_what_it_was_told_last() {
    let desk = desk().await;
    assert_eq!(tell(&desk, &json!([{"deal": 7, "at": "11T09:00:00", "stage": "won", "amount": "5"}])).await, (1, None));
    // What the first delivery recorded stands only in the log yet.
    assert_eq!(tell(&desk, &json!([{"deal": 7, "at": "11T10:00:00", "amount": "6"}])).await, (2, None));
    assert_eq!(tell(&desk, &json!([{"deal": 7, "at": "11T11:00:00", "amount": "7"}])).await, (2, None));
    assert_eq!(desk.converted().await, worth(1, Some("7"), Some("EUR")));
}

#[tokio::test]
async fn a_deal_that_was_lost_before_it_was_told_won_never_counts() {
    let desk = desk().await;
    let facts = json!([{"deal": 7, "at": "12T09:00:00", "stage": "lost"},
        {"deal": 7, "at": "11T09:00:00", "stage": "won", "amount": "5"}]);
    assert_eq!(tell(&desk, &facts).await, (2, None));
    assert_eq!(desk.converted().await, worth(0, None, None));
}

#[tokio::test]
async fn many_deals_of_one_delivery_are_each_recorded_once() {
    let desk = desk().await;
    let facts: Vec<Value> =
        (0..250).map(|deal| json!({"deal": deal, "at": "11T09:00:00", "stage": "won", "amount": "2"})).collect();
    let facts = Value::from(facts);
    // Side by side: no delivery sees another half done.
    let (one, other) = tokio::join!(tell(&desk, &facts), tell(&desk, &facts));
    assert_eq!(one.0 + other.0, 250);
    assert_eq!(desk.converted().await, worth(1, Some("2"), Some("EUR")));
    let count = "SELECT count() AS events, uniqExact(order_id) AS orders FROM conversion_events FINAL";
    assert_eq!(shown(desk.world.store.as_ref(), count).await.matches("250").count(), 2);
}

#[tokio::test]
async fn what_a_crash_left_half_stored_is_mended_by_the_next_delivery() {
    let desk = desk().await;
    // Where several processes share a store, an event is written after what follows from it.
    let ingest = Ingest::new(desk.world.store.clone(), Arc::new(FixedClock(desk.world.now)));
    let desk = Desk { ingest, ..desk };
    let won = json!([{"deal": 7, "at": "11T09:00:00", "stage": "won", "amount": "5"}]);
    assert_eq!(tell(&desk, &won).await, (1, None));
    // As if the process had ended between the two inserts of the event.
    let mut forget = rapport::sql::Sql::new("ALTER TABLE events DELETE WHERE contact = 'plain:1:deal:7' AND kind = ");
    forget.bind("conversion.recorded").push(" SETTINGS mutations_sync = 1");
    Store::execute(desk.world.store.as_ref(), forget).await.unwrap();
    // The retry tells more by now.
    assert_eq!(tell(&desk, &json!([{"deal": 7, "at": "11T10:00:00", "amount": "6"}])).await, (3, None));
    assert_eq!(desk.converted().await, worth(1, Some("6"), Some("EUR")));
}

#[tokio::test]
async fn a_conversion_arrives_with_the_delivery_that_it_follows_from() {
    let desk = desk().await;
    let told = [("19T09:00:00", "lost", "2026-03-20T00:00:00Z"), ("11T09:00:00", "won", "2026-03-15T00:00:00Z")];
    // As when the archive is read again: what arrived first comes last.
    for (at, stage, arrives) in told {
        let facts = json!([{"deal": 7, "at": at, "stage": stage}]).to_string();
        assert_eq!(desk.deliver("application/json", &facts, arrives).await.receipt.rejected_total, 0);
    }
    let statement = "SELECT kind, formatDateTime(at, '%d') AS day, formatDateTime(received_at, '%d') AS arrived
        FROM events WHERE kind LIKE 'conversion.%' ORDER BY at";
    let expect = "kind: conversion.recorded\nday: 11\narrived: 15\n\nkind: conversion.reverted\nday: 19\narrived: 15";
    assert_eq!(shown(desk.world.store.as_ref(), statement).await.trim(), expect);
}

#[tokio::test]
async fn a_fact_of_no_possible_time_is_refused_and_the_rest_is_kept() {
    let desk = desk().await;
    let facts = json!([{"deal": 8, "stage": "won"}, {"deal": 7, "at": "11T09:00:00", "stage": "won"}]);
    assert_eq!(tell(&desk, &facts).await, (1, Some("1 facts about deals have an impossible time or name".to_owned())));
    assert_eq!(desk.converted().await["converted"], 1);
}
