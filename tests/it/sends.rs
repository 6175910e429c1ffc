//! Reports of sends through HTTP: who may make them, what becomes of them, and how they meet what platforms tell.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use rapport::api::audit::Log;
use rapport::auth::Role;
use rapport::ingest::connection::{Connection, Connections};
use rapport::ingest::connector::options::Options;
use rapport::ingest::connector::{
    Accounts, Connector, Delivery, Payload, Platform, Reading, Refusal, SendOutcome, platform,
};
use serde_json::{Value, json};

use crate::audit::in_memory;
use crate::dialogs::MARCH;
use crate::world::{TENANT, World, instant};

const NOW: &str = "2026-03-30T00:00:00Z";

/// A platform that answers with the message's id and says when it is delivered.
#[derive(Debug)]
struct Telling;

static TELLING: Platform = Platform { name: "whatsapp", open: |_, _| Ok(Arc::new(Telling)) };

impl Connector for Telling {
    fn verify(&self, _: &Delivery<'_>) -> Result<(), Refusal> {
        Err(Refusal::Unsigned { what: "nothing comes from here" })
    }

    fn read(&self, _: &Payload<'_>) -> Reading {
        Reading::default()
    }

    fn read_answer(&self, answer: &Value) -> Option<SendOutcome> {
        let message = answer["id"].as_str()?.to_owned();
        Some(SendOutcome::Taken { message, chat: answer["to"].as_str().map(str::to_owned), at: answer["at"].as_i64() })
    }
}

fn connection(name: &str, tenant: &str, platform: &'static Platform) -> Connection {
    let accounts = Accounts::new(vec!["5001".to_owned()]).unwrap();
    let secrets = json!({"secret": "a secret of the community", "confirmation": "7a3c91be"});
    let options = match platform.name {
        "vk" => Options::new(secrets.as_object().cloned().unwrap()),
        _ => Options::default(),
    };
    Connection::open((name, tenant), platform, accounts, options, 30).unwrap()
}

fn connections() -> Connections {
    let vk = platform("vk").unwrap();
    Connections::new([
        connection("shop", TENANT, vk),
        connection("telling", TENANT, &TELLING),
        connection("theirs", "other", vk),
    ])
}

async fn connected() -> World {
    World::at(NOW).await.recorded_by(connections(), Log::off())
}

async fn report(world: &World, token: &str, connection: &str, body: impl Into<Body>) -> (StatusCode, Value) {
    let request = Request::post(format!("/v1/sends/{connection}")).header("authorization", format!("Bearer {token}"));
    world.send(request.body(body.into()).unwrap()).await
}

async fn take(world: &World, connection: &str, reports: &Value) -> Value {
    let (status, receipt) = report(world, &world.service(), connection, reports.to_string()).await;
    assert_eq!((status, &receipt["rejectedTotal"]), (StatusCode::OK, &json!(0)), "{receipt}");
    receipt
}

fn taken(number: u64) -> Value {
    json!({"response": [{"peer_id": 7001, "message_id": 900 + number, "conversation_message_id": number}]})
}

fn refused(code: u64) -> Value {
    json!({"error": {"error_code": code, "error_msg": "refused"}})
}

/// An event of the community's dialog with a user.
fn told(kind: &str, message: &str, at: &str) -> Value {
    json!({"id": format!("{kind} {message} {at}"), "kind": kind, "at": at, "channel": "VK", "account": "5001", "chat": "7001",
        "contact": "vk:7001", "message": message})
}

#[tokio::test]
pub async fn who_may_not_send_events_may_not_report_sends() {
    let world = connected().await;
    let line = json!({"answer": taken(1)}).to_string();
    for role in [Role::Manager, Role::Operator, Role::Supervisor] {
        let token = world.token_of(TENANT, role, Some("anna"), &["north"]);
        // There or not, it says the same.
        for name in ["shop", "theirs", "nobodys"] {
            let (status, answer) = report(&world, &token, name, line.clone()).await;
            assert_eq!(
                (status, &answer["errors"][0]["extensions"]["code"]),
                (StatusCode::FORBIDDEN, &json!("FORBIDDEN"))
            );
        }
    }
    let (status, _) = report(&world, "nonsense", "shop", line.clone()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let admin = world.token_of(TENANT, Role::Admin, None, &[]);
    assert_eq!(report(&world, &admin, "shop", line).await.0, StatusCode::OK);
}

#[tokio::test]
pub async fn another_tenants_connection_looks_as_one_that_there_is_not() {
    let world = connected().await;
    let line = json!({"answer": taken(1)}).to_string();
    let nobodys = report(&world, &world.service(), "nobodys", line.clone()).await;
    assert_eq!(
        (nobodys.0, &nobodys.1["errors"][0]["extensions"]["code"]),
        (StatusCode::NOT_FOUND, &json!("NOT_FOUND"))
    );
    for name in ["theirs", "Shop", "%ff", "sh%6Fp%00"] {
        assert_eq!(report(&world, &world.service(), name, line.clone()).await, nobodys, "{name}");
    }
    let theirs = world.token_of("other", Role::Service, None, &[]);
    assert_eq!(report(&world, &theirs, "shop", line.clone()).await, nobodys);
    assert_eq!(report(&world, &theirs, "theirs", line).await.1["accepted"], 1);
}

#[tokio::test]
pub async fn a_report_is_answered_as_a_batch_of_events_is() {
    let world = connected().await;
    let body = json!([
        {"id": "s-1", "answer": taken(1), "operator": "anna"},
        {"id": "s-1", "answer": taken(1), "operator": "anna"},
        {"answer": taken(2)},
        {"id": "s-3", "answer": {"response": 903}},
        {"id": "s-4", "answer": refused(902)},
        {"id": "s-5", "answer": taken(5), "kind": "message.sent"},
    ]);
    let (status, receipt) = report(&world, &world.service(), "shop", body.to_string()).await;
    assert_eq!(
        (status, &receipt["accepted"], &receipt["duplicates"]),
        (StatusCode::OK, &json!(2), &json!(1)),
        "{receipt}"
    );
    let rejected: Vec<(&Value, &Value, &str)> = receipt["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["line"], &one["id"], one["reason"].as_str().unwrap()))
        .collect();
    assert_eq!((rejected[0].0, rejected[0].1), (&json!(4), &json!("s-3")));
    assert!(rejected[0].2.starts_with("`answer` is none from which vk's connector can tell one message"), "{receipt}");
    assert_eq!(rejected[1], (&json!(5), &json!("s-4"), "`chat` is missing; message.failed needs it"));
    assert_eq!((rejected[2].0, rejected[2].1), (&json!(6), &json!("s-5")));
    // Again, a line an object, and packed.
    let lines: Vec<String> = body.as_array().unwrap()[..3].iter().map(Value::to_string).collect();
    let packed = zstd::encode_all(lines.join("\n").as_bytes(), 1).unwrap();
    let request = Request::post("/v1/sends/shop").header("authorization", format!("Bearer {}", world.service()));
    let request = request.header("content-encoding", "zstd").body(Body::from(packed)).unwrap();
    let (_, receipt) = world.send(request).await;
    assert_eq!((&receipt["accepted"], &receipt["duplicates"]), (&json!(0), &json!(3)), "{receipt}");
    let (status, _) = report(&world, &world.service(), "shop", "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let get = Request::get("/v1/sends/shop").body(Body::empty()).unwrap();
    assert_eq!(world.send(get).await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
pub async fn a_report_and_the_platforms_own_event_are_one_message() {
    let world = connected().await;
    take(&world, "shop", &json!([{"answer": taken(31), "campaign": "spring", "at": "2026-03-10T10:00:01Z"}])).await;
    world
        .take(&[
            told("message.sent", "31", "2026-03-10T10:00:00Z"),
            told("read.watermark", "31", "2026-03-10T11:00:00Z"),
        ])
        .await;
    let answer = world.analytics(MARCH, "reads { by(dimensions: [CAMPAIGN]) { keys metrics { ofSent read } } }").await;
    assert_eq!(answer["reads"]["by"], json!([{"keys": ["spring"], "metrics": {"ofSent": 1.0, "read": 1}}]));
}

#[tokio::test]
pub async fn a_status_meets_the_message_that_was_reported() {
    let world = connected().await;
    let at = instant("2026-03-10T10:00:00Z");
    let answers = json!([
        {"answer": {"id": "wamid.1", "to": "4917", "at": at}, "operator": "anna", "team": "north"},
        {"answer": {"id": "wamid.2", "to": "4917", "at": at}, "operator": "anna", "team": "north"},
    ]);
    take(&world, "telling", &answers).await;
    let delivered = json!({"id": "d", "kind": "message.delivered", "at": "2026-03-10T10:00:05Z", "channel": "WHATSAPP",
        "account": "5001", "chat": "4917", "message": "wamid.1"});
    world.take(&[delivered]).await;
    let answer = world
        .analytics(MARCH, "delivery { by(dimensions: [OPERATOR]) { keys metrics { outbound delivered rate } } }")
        .await;
    let expect = json!([{"keys": ["anna"], "metrics": {"outbound": 2, "delivered": 1, "rate": 0.5}}]);
    assert_eq!(answer["delivery"]["by"], expect);
}

#[tokio::test]
pub async fn a_refused_send_is_a_departure_at_its_time() {
    let world = connected().await;
    world.take(&[told("message.sent", "30", "2026-03-10T10:00:00Z")]).await;
    let report = |id: &str, code: u64, at: &str| json!({"id": id, "answer": refused(code), "chat": "7001", "contact": "vk:7001", "at": at, "campaign": "spring"});
    take(
        &world,
        "shop",
        &json!([
            report("s-1", 902, "2026-03-12T10:00:00Z"),
            report("s-2", 902, "2026-03-14T10:00:00Z"),
            report("s-3", 6, "2026-03-11T10:00:00Z")
        ]),
    )
    .await;
    let answer = world
        .analytics(
            MARCH,
            "unsubscribes { total { unsubscribed exposed quality { level warnings { code } } } by(dimensions: [DAY]) { keys metrics { unsubscribed } } }",
        )
        .await;
    let total = json!({"unsubscribed": 1, "exposed": 1,
        "quality": {"level": "APPROXIMATE", "warnings": [{"code": "SEEN_BY_FAILURE"}]}});
    assert_eq!(answer["unsubscribes"]["total"], total);
    let days: Vec<&Value> = answer["unsubscribes"]["by"].as_array().unwrap().iter().collect();
    let left: Vec<_> =
        days.iter().filter(|day| day["metrics"]["unsubscribed"] == 1).map(|day| &day["keys"][0]).collect();
    assert_eq!(left, [&json!("2026-03-12")]);
}

#[tokio::test]
pub async fn reports_are_recorded_by_what_became_of_them() {
    let world = World::at(NOW).await;
    let mut memory = in_memory(world.now);
    let world = world.recorded_by(connections(), memory.log.clone());
    let body = json!([{"answer": taken(1)}, {"answer": taken(1)}, {"id": "x"}]).to_string();
    report(&world, &world.service(), "shop", body.clone()).await;
    let line = memory.lines.recv().await.unwrap();
    assert_eq!(
        (&line["accepted"], &line["duplicates"], &line["rejected"]),
        (&json!(1), &json!(1), &json!(1)),
        "{line}"
    );
    assert_eq!(
        (&line["route"], &line["role"], &line["outcome"]),
        (&json!("/v1/sends"), &json!("SERVICE"), &json!("OK"))
    );
    for (token, name, outcome) in [
        (world.manager(), "shop", "FORBIDDEN"),
        (world.service(), "theirs", "NOT_FOUND"),
        ("no".into(), "shop", "UNAUTHENTICATED"),
    ] {
        report(&world, &token, name, body.clone()).await;
        let line = memory.lines.recv().await.unwrap();
        assert_eq!((&line["route"], &line["outcome"]), (&json!("/v1/sends"), &json!(outcome)));
    }
}
