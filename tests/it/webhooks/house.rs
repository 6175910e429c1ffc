//! What holds for every platform: nothing of a refused delivery is kept, everything of a taken one is, and both are told.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use rapport::auth::Role;
use rapport::sql::Sql;
use rapport::store::Store;
use serde_json::{Value, json};

use super::letters::{SECRET, connection, deliver, post};
use crate::world::World;

/// 2035-05-01T12:00:00Z in seconds. In the future, because the archive forgets by the engine's clock, which is nobody's to set.
const NOON: i64 = 2_061_633_600;

async fn world() -> World {
    World::at("2035-05-01T12:01:00Z")
        .await
        .connected([connection("post", "acme", "post"), connection("other", "rival", "rival-post")])
}

fn letter(id: &str, at: i64) -> Value {
    json!({ "kind": "letter", "id": id, "at": at, "chat": "c" })
}

fn letters(letters: &[Value]) -> String {
    json!({ "account": "post", "letters": letters }).to_string()
}

async fn count(world: &World, sql: &'static str) -> u64 {
    use arrow::array::AsArray;
    let rows = world.store.query(Sql::new(sql).of_tenant("acme")).await.expect("the store answers");
    rows.first().map_or(0, |batch| batch.column(0).as_primitive::<arrow::datatypes::UInt64Type>().value(0))
}

async fn stored(world: &World) -> (u64, u64) {
    (count(world, "SELECT count() FROM raw_payloads").await, count(world, "SELECT count() FROM events").await)
}

async fn health(world: &World, tenant: &str, fields: &str) -> Value {
    let manager = world.token_of(tenant, Role::Manager, None, &[]);
    world.ask(&manager, &format!("{{ connections {{ {fields} }} }}")).await["connections"].clone()
}

#[tokio::test]
async fn what_is_not_signed_leaves_nothing_behind() {
    let world = world().await;
    let body = letters(&[letter("1", NOON)]);
    for headers in [
        &[][..],
        &[("x-letter", "wrong")],
        &[("x-letter", &SECRET[1..])],
        &[("x-letter", SECRET), ("x-letter", SECRET)],
    ] {
        let (status, text) = deliver(&world, "post", headers, body.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{headers:?} {text}");
        assert!(text.contains("UNAUTHENTICATED") && !text.contains(SECRET), "{text}");
    }
    assert_eq!(stored(&world).await, (0, 0));
    let told = health(&world, "acme", "name state refusedSinceStart received").await;
    assert_eq!(told, json!([{ "name": "post", "state": "REFUSING", "refusedSinceStart": 4, "received": 0 }]));
}

#[tokio::test]
async fn another_tenants_account_is_refused() {
    let world = world().await;
    let body = json!({ "account": "rival-post", "letters": [letter("1", NOON)] }).to_string();
    let (status, text) = post(&world, "post", body).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{text}");
    assert_eq!(stored(&world).await, (0, 0));
    assert_eq!(health(&world, "acme", "foreignSinceStart").await, json!([{ "foreignSinceStart": 1 }]));
}

#[tokio::test]
pub async fn what_is_taken_is_stored_counted_and_archived() {
    let world = world().await;
    let body = letters(&[
        letter("1", NOON),
        letter("2", NOON + 10),
        // The year 1970: refused as an event, kept as a payload.
        letter("3", 5),
        json!({ "kind": "advertisement" }),
        json!({ "kind": "parcel" }),
    ]);
    assert_eq!(post(&world, "post", body.clone()).await, (StatusCode::OK, "ok".to_owned()));
    // The platform sends it again, once word for word and once with something new before it.
    assert_eq!(post(&world, "post", body).await.0, StatusCode::OK);
    assert_eq!(post(&world, "post", letters(&[letter("4", NOON + 20), letter("1", NOON)])).await.0, StatusCode::OK);
    assert_eq!(post(&world, "post", "no JSON").await, (StatusCode::OK, "ok".to_owned()));
    // Letters 1, 2 and 4.
    assert_eq!(stored(&world).await, (4, 3));
    let told = health(
        &world,
        "acme",
        "platform accounts state lastReceivedAt received accepted duplicates rejected ignored troubled lastTrouble orphans \
         unknownKinds { kind deliveries } lagP50Seconds pendingLookups pendingSince lastAnsweredAt",
    )
    .await;
    let expected = json!([{
        "platform": "letters", "accounts": ["post"], "state": "RECEIVING", "lastReceivedAt": "2035-05-01T12:01:00.000Z",
        // 2 + 0 + 1 new; 0 + 2 + 1 known.
        "received": 4, "accepted": 3, "duplicates": 3, "rejected": 2, "ignored": 2,
        // The two with the letter of 1970, and what is no JSON.
        "troubled": 3, "lastTrouble": told[0]["lastTrouble"], "orphans": null,
        "unknownKinds": [{ "kind": "parcel", "deliveries": 2 }],
        // Two deliveries with something new: their latest letters are of 12:00:10 and 12:00:20, which came at 12:01:00.
        "lagP50Seconds": 45.0,
        // A platform that is never asked.
        "pendingLookups": 0, "pendingSince": null, "lastAnsweredAt": null,
    }]);
    assert_eq!(told, expected);
    let messages = world.analytics("range: {last: \"P1D\"}", "activity { total { messages } }").await;
    assert_eq!(messages["activity"]["total"]["messages"], 3);
    // The letter of 1970, which came twice, as the event that was read from it.
    let query = "{ rejectedEvents { nodes { connection reasonCode timesSeen raw } } }";
    let kept = world.ask(&world.manager(), query).await["rejectedEvents"]["nodes"].clone();
    assert_eq!(
        (&kept[0]["connection"], &kept[0]["reasonCode"], &kept[1]),
        (&json!("post"), &json!("TOO_EARLY"), &Value::Null)
    );
    let raw: Value = serde_json::from_str(kept[0]["raw"].as_str().expect("a text")).expect("an event");
    assert_eq!((&kept[0]["timesSeen"], &raw["message"]), (&json!(2), &json!("3")));
}

#[tokio::test]
async fn a_manager_sees_the_connections_of_its_own_tenant_and_nobody_else_any() {
    let world = world().await;
    assert_eq!(health(&world, "rival", "name").await, json!([{ "name": "other" }]));
    assert_eq!(health(&world, "third", "name").await, json!([]));
    for token in [world.operator("anna"), world.token_of("acme", Role::Supervisor, None, &["north"]), world.service()] {
        let answer = world.answer(&token, "{ connections { name } }").await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    }
}

#[tokio::test]
async fn what_is_no_delivery_is_refused_before_it_is_read() {
    let world = world().await;
    let (status, text) = post(&world, "nobody", "{}").await;
    assert_eq!((status, text.contains("NOT_FOUND")), (StatusCode::NOT_FOUND, true), "{text}");
    assert_eq!(post(&world, "post", vec![b'x'; 5 << 20]).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let encoded = deliver(&world, "post", &[("x-letter", SECRET), ("content-encoding", "gzip")], "{}").await;
    assert_eq!(encoded.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for method in ["GET", "PUT"] {
        let request = Request::builder().method(method).uri("/webhooks/post").body(Body::empty()).expect("a request");
        assert_eq!(world.send_for_text(request).await.0, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    assert_eq!(stored(&world).await, (0, 0));
}

#[tokio::test]
async fn a_connection_that_keeps_nothing_is_counted_all_the_same() {
    let mut quiet = connection("post", "acme", "post");
    quiet.keep_days = 0;
    let world = World::at("2035-05-01T12:01:00Z").await.connected([quiet]);
    assert_eq!(post(&world, "post", letters(&[letter("1", NOON)])).await.0, StatusCode::OK);
    assert_eq!(count(&world, "SELECT count() FROM raw_payloads WHERE body = ''").await, 1);
    assert_eq!(health(&world, "acme", "received accepted").await, json!([{ "received": 1, "accepted": 1 }]));
}

#[tokio::test]
async fn a_store_that_is_away_is_no_reason_to_say_yes() {
    let world = world().await;
    world.store.close().await;
    let (status, text) = post(&world, "post", letters(&[letter("1", NOON)])).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
}

#[tokio::test]
async fn readiness_tells_how_each_connection_fares_and_whose_it_is_to_nobody() {
    let world = world().await;
    assert_eq!(post(&world, "post", letters(&[letter("1", NOON)])).await.0, StatusCode::OK);
    let request = Request::get("/health/ready").body(Body::empty()).expect("a request");
    let (status, text) = world.send_for_text(request).await;
    let mut told: Value = serde_json::from_str(&text).expect("JSON");
    let checks = told.as_object_mut().and_then(|told| told.remove("checks")).expect("what was looked at");
    assert!(checks.as_array().is_some_and(|checks| checks.iter().all(|check| check["state"] == "OK")), "{checks}");
    let expected = json!({ "status": "ready", "connections": [
        { "name": "other", "platform": "letters", "state": "WAITING", "secondsSinceLast": null },
        { "name": "post", "platform": "letters", "state": "RECEIVING", "secondsSinceLast": 0 },
    ]});
    assert_eq!((status, told), (StatusCode::OK, expected));
}

#[tokio::test]
async fn the_metrics_are_for_who_has_their_token() {
    let world = world().await;
    let ask = async |world: &World, token: &str| {
        let request = Request::get("/metrics").header("authorization", format!("Bearer {token}"));
        world.send_for_text(request.body(Body::empty()).expect("a request")).await
    };
    assert_eq!(ask(&world, "none is configured").await.0, StatusCode::NOT_FOUND);
    let exposed = world.exposed([connection("post", "acme", "post")], "a token for metrics that is long");
    assert_eq!(
        post(&exposed, "post", letters(&[letter("1", NOON), json!({ "kind": "parcel" })])).await.0,
        StatusCode::OK
    );
    assert_eq!(deliver(&exposed, "post", &[], "{}").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&exposed, "another").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&exposed, &exposed.manager()).await.0, StatusCode::UNAUTHORIZED);
    let (status, text) = ask(&exposed, "a token for metrics that is long").await;
    assert_eq!(status, StatusCode::OK);
    for line in [
        r#"rapport_webhook_deliveries_total{connection="post",platform="letters"} 1"#,
        r#"rapport_webhook_events_accepted_total{connection="post",platform="letters"} 1"#,
        r#"rapport_webhook_deliveries_unknown_total{connection="post",platform="letters"} 1"#,
        r#"rapport_webhook_deliveries_refused_total{connection="post",platform="letters"} 1"#,
        r#"rapport_webhook_seconds_since_last{connection="post",platform="letters"} 0"#,
        r#"rapport_webhook_lag_milliseconds{connection="post",platform="letters"} 60000"#,
        "# EOF",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("acme"), "whose a connection is stays in the house\n{text}");
}

#[tokio::test]
async fn who_announces_much_and_sends_nothing_holds_no_room() {
    let world = world().await;
    // Each says that four MiB will come, sends a byte and waits: together more than the room of all connections.
    let mut idle = Vec::new();
    for _ in 0..80 {
        let stream = futures_util::stream::once(async { Ok::<_, std::io::Error>("{") });
        let stream = futures_util::StreamExt::chain(stream, futures_util::stream::pending());
        let request = Request::post("/webhooks/post").header("content-length", "4194304");
        let request = request.body(Body::from_stream(stream)).expect("a request");
        let router = world.router.clone();
        idle.push(tokio::spawn(async move { tower::ServiceExt::oneshot(router, request).await }));
    }
    tokio::task::yield_now().await;
    assert_eq!(post(&world, "post", letters(&[letter("1", NOON)])).await.0, StatusCode::OK);
    idle.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_name_that_is_no_text_is_no_connection() {
    let request = Request::post("/webhooks/%FF").body(Body::empty()).expect("a request");
    let (status, text) = world().await.send_for_text(request).await;
    assert_eq!((status, text.contains("NOT_FOUND")), (StatusCode::NOT_FOUND, true), "{text}");
}
