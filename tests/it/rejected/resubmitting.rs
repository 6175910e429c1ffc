//! Kept lines taken in again: by the way on which they came, at the time at which they came, and once.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use rapport::api::audit::Log;
use rapport::ingest::connection::{Connection, Connections};
use rapport::ingest::connector::options::Options;
use rapport::ingest::connector::{Accounts, Connector, Delivery, Payload, Platform, Reading, Refusal, SendOutcome};
use rapport::ingest::file::{AdapterOptions, Options as FileOptions, import};
use rapport::ingest::rejected::{Line, RejectedBy};
use rapport::ingest::retention::Keeping;
use rapport::ingest::{Ingest, Origin};
use serde_json::{Value, json};

use super::{GOOD, NOW, UNKNOWN, kept, send};
use crate::engine::{FixedClock, shown};
use crate::world::{TENANT, World};

const SUBMIT: &str = "mutation { resubmitRejected { accepted duplicates rejected left } }";

async fn submit(world: &World, mutation: &str) -> Value {
    world.ask(&world.manager(), mutation).await["resubmitRejected"].clone()
}

fn counts(accepted: u64, duplicates: u64, rejected: u64, left: u64) -> Value {
    json!({"accepted": accepted, "duplicates": duplicates, "rejected": rejected, "left": left})
}

/// As if an earlier program had rejected these lines.
async fn reject(world: &World, lines: &[String]) {
    let ingest = Ingest::new(world.store.clone(), Arc::new(FixedClock(world.now)));
    let line = |text: &String| Line {
        id: None,
        code: "UNKNOWN_KIND",
        reason: "unknown then".to_owned(),
        text: text.clone().into(),
    };
    let lines: Vec<Line> = lines.iter().map(line).collect();
    let origin = Origin { tenant: TENANT.to_owned(), ..Origin::default() };
    ingest.rejections().keep(&*world.store, &origin, RejectedBy::Rules, &lines).await;
}

#[tokio::test]
async fn what_is_rejected_again_says_why_and_stays_one_row() {
    let world = World::at(NOW).await;
    send(&world, UNKNOWN).await;
    for _ in 0..2 {
        assert_eq!(submit(&world, SUBMIT).await, counts(0, 0, 1, 0));
    }
    let fields = "reason raw timesSeen resubmittedAt outcome";
    let expect = json!([{"reason": "unknown kind \"message.exploded\"", "raw": UNKNOWN, "timesSeen": 1,
        "resubmittedAt": "2035-05-01T12:00:00.000Z", "outcome": "REJECTED"}]);
    assert_eq!(kept(&world, "", fields).await, expect);
}

#[tokio::test]
async fn a_line_without_a_time_gets_that_of_its_first_arrival() {
    let world = World::at(NOW).await;
    reject(&world, &[GOOD.replace(r#","at":"2035-05-01T10:00:00Z""#, "")]).await;
    let later = world.turned_to(world.now + 86_400_000 * 3).limited(crate::world::patient());
    assert_eq!(submit(&later, SUBMIT).await, counts(1, 0, 0, 0));
    let rows =
        shown(&*world.store, "SELECT toString(at) AS at, toString(received_at) AS received, clock FROM events").await;
    assert_eq!(rows, "at: 2035-05-01 12:00:00.000\nreceived: 2035-05-01 12:00:00.000\nclock: MISSING\n\n");
}

#[tokio::test]
async fn so_many_are_submitted_at_once_and_all_in_turn() {
    let world = World::at(NOW).await;
    let line = |number: usize| GOOD.replace("good", &format!("good-{number}"));
    reject(&world, &(0..600).map(line).collect::<Vec<_>>()).await;
    assert_eq!(submit(&world, SUBMIT).await, counts(500, 0, 0, 100));
    assert_eq!(submit(&world, SUBMIT).await, counts(100, 0, 0, 0));
    assert_eq!(submit(&world, SUBMIT).await, counts(0, 0, 0, 0));
    let ids: Vec<String> = (0..501).map(|number| format!("\"{number:032}\"")).collect();
    let many = format!("mutation {{ resubmitRejected(ids: [{}]) {{ left }} }}", ids.join(", "));
    let answer = world.answer(&world.manager(), &many).await;
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("the limit `resubmittedLines` is 500, and the request has 501"), "{answer}");
}

#[tokio::test]
async fn what_is_stored_by_now_is_a_duplicate_and_nothing_more() {
    let world = World::at(NOW).await;
    reject(&world, &[GOOD.to_owned()]).await;
    send(&world, GOOD).await;
    assert_eq!(submit(&world, SUBMIT).await, counts(0, 1, 0, 0));
    assert_eq!(kept(&world, "", "outcome").await, json!([{"outcome": "STORED"}]));
    assert_eq!(shown(&*world.store, "SELECT count() AS rows FROM events").await, "rows: 1\n\n");
}

#[tokio::test]
async fn one_line_submitted_twice_at_once_is_stored_once() {
    let world = World::at(NOW).await;
    reject(&world, &[GOOD.to_owned()]).await;
    let (first, second) = tokio::join!(submit(&world, SUBMIT), submit(&world, SUBMIT));
    assert_eq!(first["accepted"].as_u64().unwrap() + second["accepted"].as_u64().unwrap(), 1);
    assert_eq!(shown(&*world.store, "SELECT count() AS rows FROM events").await, "rows: 1\n\n");
}

#[tokio::test]
async fn a_row_of_a_file_is_kept_as_the_event_that_it_was() {
    let world = World::at(NOW).await;
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("rejected rows.csv");
    std::fs::write(
        &path,
        "id,kind,channel,chat,message,survey.score\na,message.exploded,vk,c,1,\nb,message.read,vk,c\n",
    )
    .unwrap();
    let ingest = Ingest::new(world.store.clone(), Arc::new(FixedClock(world.now)));
    let options = FileOptions { path, format: None, adapter: AdapterOptions::default() };
    assert_eq!(import(&ingest, TENANT, options).await.unwrap().rejected_total, 2);
    let mut nodes = kept(&world, "", "eventId raw").await;
    nodes.as_array_mut().unwrap().sort_by_key(|node| node["eventId"].is_null());
    let event: Value = serde_json::from_str(nodes[0]["raw"].as_str().unwrap()).unwrap();
    assert_eq!(event, json!({"id": "a", "kind": "message.exploded", "channel": "vk", "chat": "c", "message": "1"}));
    assert_eq!(nodes[1], json!({"eventId": null, "raw": "b,message.read,vk,c"}));
}

/// A platform whose answers are read only after its connector was repaired.
#[derive(Debug)]
struct Answering {
    is_repaired: bool,
}

static BROKEN: Platform = Platform { name: "whatsapp", open: |_, _| Ok(Arc::new(Answering { is_repaired: false })) };
static REPAIRED: Platform = Platform { name: "whatsapp", open: |_, _| Ok(Arc::new(Answering { is_repaired: true })) };

impl Connector for Answering {
    fn verify(&self, _: &Delivery<'_>) -> Result<(), Refusal> {
        Err(Refusal::Unsigned { what: "nothing comes from here" })
    }

    fn read(&self, _: &Payload<'_>) -> Reading {
        Reading::default()
    }

    fn read_answer(&self, answer: &Value) -> Option<SendOutcome> {
        let message = answer["id"].as_str()?.to_owned();
        self.is_repaired.then_some(SendOutcome::Taken { message, chat: Some("c".to_owned()), at: None })
    }
}

fn connections(platform: &'static Platform, keep_days: u16) -> Connections {
    let accounts = Accounts::new(vec!["5001".to_owned()]).unwrap();
    Connections::new([Connection::open(("wa", TENANT), platform, accounts, Options::default(), keep_days).unwrap()])
}

async fn report(world: &World) {
    let request = Request::post("/v1/sends/wa").header("authorization", format!("Bearer {}", world.service()));
    let body = Body::from(r#"{"answer":{"id":"m1"},"operator":"anna"}"#);
    let (status, receipt) = world.send(request.body(body).unwrap()).await;
    assert_eq!((status, &receipt["rejectedTotal"]), (StatusCode::OK, &json!(1)), "{receipt}");
}

#[tokio::test]
async fn a_report_of_a_send_is_read_again_by_its_connection() {
    let world = World::at(NOW).await;
    let broken = world.recorded_by(connections(&BROKEN, 30), Log::off());
    report(&broken).await;
    assert_eq!(submit(&broken, SUBMIT).await, counts(0, 0, 1, 0));
    // A connection that is not there any more reads nothing.
    assert_eq!(submit(&world, SUBMIT).await, counts(0, 0, 1, 0));
    assert_eq!(kept(&world, "", "reason").await, json!([{"reason": "the connection wa is not configured any more"}]));
    let repaired = world.recorded_by(connections(&REPAIRED, 30), Log::off());
    assert_eq!(submit(&repaired, SUBMIT).await, counts(1, 0, 0, 0));
    let rows = shown(&*world.store, "SELECT kind, message, operator, connection FROM events").await;
    assert_eq!(rows, "kind: message.sent\nmessage: m1\noperator: anna\nconnection: wa\n\n");
    assert_eq!(kept(&world, r#"(connection: "wa")"#, "outcome").await, json!([{"outcome": "STORED"}]));
}

#[tokio::test]
async fn a_connection_that_keeps_no_payloads_keeps_no_text_of_what_is_rejected() {
    let world = World::at(NOW).await.recorded_by(connections(&BROKEN, 0), Log::off());
    report(&world).await;
    let expect = json!([{"raw": null, "isWhole": false, "reasonCode": "UNREAD_ANSWER", "connection": "wa"}]);
    assert_eq!(kept(&world, "", "raw isWhole reasonCode connection").await, expect);
    // There is nothing to submit.
    assert_eq!(submit(&world, SUBMIT).await, counts(0, 0, 0, 0));
}

#[tokio::test]
async fn who_keeps_nothing_keeps_nothing() {
    let world = World::at(NOW).await;
    let clock = Arc::new(FixedClock(world.now));
    let ingest = Ingest::open_keeping(world.store.clone(), clock, Keeping::nothing_rejected()).await.unwrap();
    let silent = world.with(ingest);
    send(&silent, UNKNOWN).await;
    assert_eq!(kept(&world, "", "id").await, json!([]));
}
