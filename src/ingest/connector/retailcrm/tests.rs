//! Whose calls are taken, what may be configured, and how the account is asked.

use std::path::Path;

use bytes::Bytes;
use hyper::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::ingest::connector::errands::{Errand, Verdict};
use crate::ingest::connector::tests::{NOW, open as open_in};
use crate::outbound::Answer;

fn connector() -> Arc<dyn Connector> {
    open_in(&RETAILCRM, &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/payloads/retailcrm"))
}

fn verify(query: &str, header: Option<&'static str>, body: &str) -> Result<(), Refusal> {
    let mut headers = HeaderMap::new();
    if let Some(value) = header {
        headers.insert("x-rapport-secret", value.parse().unwrap());
    }
    let path_and_query = format!("/webhooks/shop?{query}");
    let (path_and_query, body) = (path_and_query.as_str(), body.as_bytes());
    connector().verify(&Delivery { headers: &headers, path_and_query, query, body, now: NOW })
}

#[test]
fn only_who_knows_the_secret_may_call() {
    let body = r#"{"order_id":7}"#;
    let wrong = Err(Refusal::BadSignature { what: "the parameter `secret`" });
    let missing = Err(Refusal::Unsigned { what: "the parameter `secret`" });
    assert_eq!(verify("secret=not-a-real-secret", None, body), Ok(()));
    assert_eq!(verify("a=b&secret=not%2Da-real-secret", None, body), Ok(()));
    assert_eq!(verify("", Some("not-a-real-secret"), body), Ok(()));
    assert_eq!(verify("secret=not-a-real-secres", None, body), wrong);
    assert_eq!(verify("secret=x", Some("not-a-real-secret"), body), wrong);
    assert_eq!(verify("secret=not-a-real-secret&secret=x", None, body), wrong);
    assert_eq!(verify("", Some("x"), body), wrong);
    assert_eq!(verify("", None, body), missing);
    assert_eq!(verify("secret=not-a-real-secret", None, r#"{"rapport":"retailcrm"}"#), wrong);
    let foreign = Refusal::ForeignAccount { account: "another".to_owned() };
    assert_eq!(verify("secret=not-a-real-secret", None, r#"{"order_id":7,"account":"another"}"#), Err(foreign));
    assert_eq!(verify("secret=not-a-real-secret", None, "order_id=7&account=lilac-garden"), Ok(()));
}

fn opened(options: &Value) -> Result<Arc<dyn Connector>, String> {
    let accounts = Accounts::new(vec!["shop".to_owned()]).unwrap();
    let mut options = Options::new(options.as_object().cloned().unwrap());
    let connector = open(&accounts, &mut options).map_err(|error| error.to_string())?;
    options.finish().map_err(|error| error.to_string())?;
    Ok(connector)
}

#[test]
fn a_connection_says_how_its_orders_come_in() {
    let (url, key, zone) = ("https://shop.example.com", "not-a-real-key", "Europe/Madrid");
    assert!(opened(&json!({"time_zone": zone, "api_url": url, "api_key": key})).is_ok());
    let calls_only = opened(&json!({"time_zone": zone, "path_secret": "not-a-real-secret"})).unwrap();
    assert!(calls_only.errands().is_none());
    for (options, expected) in [
        (json!({"time_zone": zone}), "`path_secret`, or both"),
        (json!({"api_url": url, "api_key": key}), "`time_zone` is missing"),
        (json!({"time_zone": "Mars", "api_url": url, "api_key": key}), "time zone, such as"),
        (json!({"time_zone": zone, "api_url": url}), "`api_key` is missing"),
        (json!({"time_zone": zone, "api_key": key}), "`api_url` is missing"),
        (json!({"time_zone": zone, "api_url": "http://shop.example.com", "api_key": key}), "plain HTTP"),
        (
            json!({"time_zone": zone, "api_url": "https://shop.example.com/api/v5/", "api_key": key}),
            "the account's address alone",
        ),
        (json!({"time_zone": zone, "api_url": url, "api_key": key, "poll_seconds": 0}), "from 1 to 86400"),
        (
            json!({"time_zone": zone, "api_url": url, "api_key": key, "fields": {"order": "id"}}),
            "`path_secret` is missing",
        ),
        (
            json!({"time_zone": zone, "path_secret": "not-a-real-secret", "fields": {"sum": "id"}}),
            "`sum` is none of order",
        ),
        (json!({"time_zone": zone, "path_secret": "not-a-real-secret", "currency": "euro"}), "three letters"),
    ] {
        let error = opened(&options).expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn histories_are_asked_for_page_by_page_with_the_key_in_a_header() {
    let errands = connector().errands().unwrap();
    let ask = |after| errands.ask(&Errand::Page { history: errands.histories()[1], after }).unwrap();
    assert_eq!(ask(None).question.path_and_query, "/api/v5/orders/history?limit=100");
    let next = ask(Some(700));
    assert_eq!(next.question.path_and_query, "/api/v5/orders/history?limit=100&filter%5BsinceId%5D=700");
    assert_eq!((next.method, next.id.as_str()), ("orders/history", "700"));
    let (name, value) = &next.question.headers[0];
    assert_eq!((name.as_str(), value.to_str().unwrap(), value.is_sensitive()), ("x-api-key", "not-a-real-key", true));
    assert_eq!(errands.place().every, 90_000);
    assert!(errands.ask(&Errand::LookUp { lookup: "deal 7".to_owned() }).is_none());
    assert!(!format!("{:?}", connector()).contains("not-a-real"));
    let answer = Answer { status: StatusCode::FORBIDDEN, retry_after: None, body: Bytes::from_static(b"{}") };
    let verdict = errands.judge(&Errand::Page { history: errands.histories()[0], after: None }, &answer);
    assert!(matches!(verdict, Verdict::Later { reason } if reason.contains("403")));
}
