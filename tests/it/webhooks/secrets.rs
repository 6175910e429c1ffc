//! The secrets that a platform's calls carry in their address, their headers or their body are never logged or answered.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use rapport::app::logging::LogFormat;
use rapport::ingest::connection::Connection;
use rapport::ingest::connector::options::Options;
use rapport::ingest::connector::{Accounts, Delivery, Payload, platform};
use serde_json::{Value, json};

use crate::transport::logs::Memory;
use crate::world::World;

/// What must stand nowhere. It begins what is written everywhere below, right or wrong.
const SECRET: &str = "hush-7f3c9a";

/// A connection of every way in which a secret is sent, named after its platform.
fn connections() -> Vec<Connection> {
    let telegram = json!({ "secret_token": SECRET });
    let whatsapp = json!({ "app_secret": "signs and is never sent", "verify_token": SECRET });
    let mapping = json!({ "mapping_file": "mappings/jivo.toml", "secret": SECRET });
    let options = [
        ("amocrm", json!({ "path_secret": SECRET })),
        ("retailcrm", json!({ "path_secret": SECRET, "time_zone": "Europe/Madrid" })),
        ("bitrix24", json!({ "application_token": SECRET })),
        ("mapping", mapping),
        ("telegram", telegram),
        ("vk", json!({ "secret": SECRET, "confirmation": "abc" })),
        ("whatsapp", whatsapp),
    ];
    let open = |(name, options): (&'static str, Value)| {
        let accounts = Accounts::new(vec!["one".to_owned()]).unwrap();
        let options = Options::new(options.as_object().cloned().unwrap());
        Connection::open((name, "acme"), platform(name).unwrap(), accounts, options, 30).unwrap()
    };
    options.into_iter().map(open).collect()
}

fn call(method: Method, address: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(format!("/webhooks/{address}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

/// Calls with the secret where it belongs and where it does not, each beside whether it is taken.
fn calls() -> Vec<(Request<Body>, bool)> {
    let post = |address: &str, headers: &[(&str, &str)], body: &str| call(Method::POST, address, headers, body);
    let crm = "account[id]=one&leads[status][0][id]=7";
    let telegram = "X-Telegram-Bot-Api-Secret-Token";
    vec![
        (post(&format!("amocrm?secret={SECRET}x"), &[], crm), false),
        (post(&format!("amocrm?secret={SECRET}&secret={SECRET}"), &[], crm), false),
        (post(&format!("amocrm?secret={SECRET}"), &[], "account[id]=another"), false),
        (post(&format!("amocrm?secret={SECRET}"), &[], crm), true),
        (post(&format!("amocrm?secret={SECRET}"), &[], "account[id]=one&leads[status][0][status_id]=142"), true),
        (post(&format!("retailcrm?secret={SECRET}x"), &[], "order=7"), false),
        (post("retailcrm", &[("x-rapport-secret", &format!("{SECRET}x"))], "order=7"), false),
        (post("retailcrm", &[("x-rapport-secret", SECRET)], "order=x"), true),
        (post(&format!("retailcrm?secret={SECRET}"), &[], "order=7&status=complete"), true),
        (post("bitrix24", &[], &format!("event=X&auth[application_token]={SECRET}x&auth[domain]=one")), false),
        (post("bitrix24", &[], &format!("event=ONCRMDEALADD&auth[application_token]={SECRET}&auth[domain]=one")), true),
        (post(&format!("mapping?key={SECRET}x"), &[], "{}"), false),
        (post(&format!("mapping?key={SECRET}"), &[], "no JSON"), true),
        (post("telegram", &[(telegram, &format!("{SECRET}x"))], "{}"), false),
        (post("telegram", &[(telegram, SECRET)], "{}"), true),
        (post("vk", &[], &json!({ "secret": format!("{SECRET}x"), "group_id": "one" }).to_string()), false),
        (post("vk", &[], &json!({ "secret": SECRET, "group_id": "one" }).to_string()), true),
        (call(Method::GET, &format!("whatsapp?hub.mode=subscribe&hub.verify_token={SECRET}x"), &[], ""), false),
        (
            call(
                Method::GET,
                &format!("whatsapp?hub.mode=subscribe&hub.verify_token={SECRET}&hub.challenge=7"),
                &[],
                "",
            ),
            true,
        ),
        // Nobody of that name, no such method, and more than an address may have.
        (post(&format!("nobody?secret={SECRET}"), &[], crm), false),
        (call(Method::PUT, &format!("amocrm?secret={SECRET}"), &[], crm), false),
        (post(&format!("amocrm?secret={SECRET}"), &[("content-encoding", "gzip")], crm), false),
    ]
}

#[tokio::test]
async fn a_secret_in_a_webhooks_query_headers_or_body_is_never_logged_or_answered() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let world = World::at("2035-05-01T12:01:00Z").await.connected(connections());
        let memory = Memory::default();
        let guard = memory.listen(format);
        for (request, is_taken) in calls() {
            let called = format!("{} {}", request.method(), request.uri());
            let (status, answer) = world.send_for_text(request).await;
            assert_eq!(status == StatusCode::OK, is_taken, "{called}: {status} {answer}");
            assert!(!answer.contains(SECRET), "{called}: {answer}");
        }
        drop(guard);
        let text = memory.text();
        assert!(text.contains("a webhook was refused") && text.contains("a webhook could not be read"), "{text}");
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[test]
fn a_delivery_and_a_payload_show_nothing_of_what_was_sent() {
    let headers =
        [("x-secret", SECRET)].into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let (headers, path_and_query) = (headers.collect(), format!("/webhooks/a?secret={SECRET}"));
    let (query, body) = (path_and_query.split_once('?').unwrap().1, SECRET.as_bytes());
    let delivery = Delivery { headers: &headers, path_and_query: &path_and_query, query, body, now: 5 };
    assert_eq!(format!("{delivery:?}"), "Delivery { bytes: 11, now: 5, .. }");
    let payload = Payload { body, content_type: "text/plain", received_at: 5 };
    assert_eq!(format!("{payload:?}"), r#"Payload { bytes: 11, content_type: "text/plain", received_at: 5 }"#);
}
