//! Who, from where, and how it ended: through the small schema of the protocol's tests.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::{Method, Request, header};
use rapport::api::server::Network;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use super::{Memory, in_memory};
use crate::fixture_schema::{Stopped, app_in, token};
use crate::http::{request, send};

/// 2026-11-23 10:11:12.345.
const NOW: i64 = 1_795_428_672_345;

async fn recorded(request: Request<Body>) -> Value {
    let Memory { log, mut lines } = in_memory(NOW);
    send(app_in(Network::default(), log, Stopped::default()), request).await;
    let line = lines.recv().await.unwrap();
    assert!(lines.try_recv().is_err(), "one request is one line");
    line
}

fn post(body: &Value) -> Request<Body> {
    let request = request(Method::POST, "/graphql").header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

async fn asked(query: &str) -> Value {
    recorded(post(&json!({"query": query}))).await
}

#[tokio::test]
async fn a_query_is_recorded_by_its_fields_and_its_digest_and_not_by_its_text() {
    let query = "query Figures { one again: one nested { one } }";
    let mut line = recorded(post(&json!({"query": query, "operationName": "Figures"}))).await;
    assert!(line["milliseconds"].take().is_u64());
    let digest: String = Sha256::digest(query.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        line,
        json!({
            "at": "2026-11-23T10:11:12.345Z", "requestId": "1a0c4506c00-0",
            "tenant": "acme", "issuer": "rapport", "sub": "anna", "role": "MANAGER", "operator": null, "teams": [],
            "remote": null, "route": "/graphql", "method": "POST",
            "operation": "Figures", "document": digest, "fields": ["one", "nested"],
            "questions": [], "dialogs": [], "records": [],
            "outcome": "OK", "codes": [], "status": 200, "milliseconds": null
        })
    );
}

#[tokio::test]
async fn how_a_request_ended_is_recorded() {
    for (query, outcome, codes, status) in [
        ("{ one failing }", "PARTIAL", json!(["FORBIDDEN"]), 200),
        ("{ one failing leaking }", "PARTIAL", json!(["FORBIDDEN", "INTERNAL"]), 200),
        ("{ nested { failingStrict } }", "INTERNAL", json!(["INTERNAL"]), 200),
        ("{ nothing }", "INVALID_QUERY", json!(["INVALID_QUERY"]), 400),
        ("{", "INVALID_QUERY", json!(["INVALID_QUERY"]), 400),
        ("subscription { one }", "INVALID_QUERY", json!(["INVALID_QUERY"]), 400),
        ("{ panicking }", "INTERNAL", json!(["INTERNAL"]), 500),
        ("mutation Change { change }", "OK", json!([]), 200),
    ] {
        let line = asked(query).await;
        assert_eq!(
            (&line["outcome"], &line["codes"], &line["status"]),
            (&json!(outcome), &codes, &json!(status)),
            "{line}"
        );
        assert_eq!(line["sub"], "anna", "{line}");
        assert_eq!(line["document"].as_str().unwrap().len(), 64, "{line}");
    }
    let line = recorded(request(Method::DELETE, "/graphql").body(Body::empty()).unwrap()).await;
    assert_eq!((&line["outcome"], &line["method"]), (&json!("METHOD_NOT_ALLOWED"), &json!("DELETE")));
    let line = recorded(post(&json!([{"query": "{ one }"}]))).await;
    assert_eq!((&line["outcome"], &line["sub"]), (&json!("BATCHING_DISABLED"), &json!("anna")));
}

#[tokio::test]
async fn a_refused_token_is_recorded_by_its_reason_and_never_itself() {
    let token = token();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let get = |uri: &str| Request::get(uri.to_owned()).header(header::ACCEPT, "*/*");
    let bearer = |text: String| get("/graphql?query=%7Bone%7D").header(header::AUTHORIZATION, format!("Bearer {text}"));
    for (request, reason) in [
        (get("/graphql?query=%7Bone%7D"), "MISSING"),
        (get(&format!("/graphql?query=%7Bone%7D&token={token}&operationName={token}")), "MISSING"),
        (get("/graphql").header(header::COOKIE, format!("token={token}")), "MISSING"),
        (get("/graphql").header(header::AUTHORIZATION, format!("Basic {token}")), "NOT_BEARER"),
        (bearer(token.clone()).header(header::AUTHORIZATION, "Bearer x"), "SEVERAL"),
        (bearer("nonsense".to_owned()), "MALFORMED"),
        (bearer(format!("{signed}.AAAA")), "SIGNATURE"),
    ] {
        let line = recorded(request.body(Body::empty()).unwrap()).await;
        assert_eq!((&line["outcome"], &line["reason"]), (&json!("UNAUTHENTICATED"), &json!(reason)), "{line}");
        for who in ["tenant", "sub", "role", "operator", "operation", "document"] {
            assert_eq!(line[who], Value::Null, "{line}");
        }
        let text = line.to_string();
        assert!(!text.contains(signature) && !text.contains(signed), "{text}");
    }
}

#[tokio::test]
async fn a_token_in_a_query_is_not_recorded_with_it() {
    let token = token();
    let line = asked(&format!("{{ one }} # {token}")).await;
    assert_eq!(line["outcome"], "OK");
    assert!(!line.to_string().contains(token.rsplit('.').next().unwrap()), "{line}");
}

#[tokio::test]
async fn a_forged_line_in_an_operations_name_stays_within_its_record() {
    let forged = "x\"}\r\n{\"outcome\":\"OK\"}\u{1b}[2K\0\u{2028}";
    // The sink takes each line for JSON, and a second one would be counted.
    let line = recorded(post(&json!({"query": "query A { one }", "operationName": forged}))).await;
    // A name that the document does not have can be anything, and is nobody's business.
    assert_eq!((&line["operation"], &line["outcome"]), (&Value::Null, &json!("INVALID_QUERY")));
    let line = recorded(post(&json!({"documentId": forged}))).await;
    assert_eq!(line["outcome"], "DOCUMENT_NOT_FOUND");
    assert!(line["document"].as_str().unwrap().starts_with("unknown id, sha256:"), "{line}");
}

#[tokio::test]
async fn names_are_cut_and_many_of_them_counted() {
    let long = "x".repeat(5_000);
    let line = asked(&format!("query {long} {{ one {long} }}")).await;
    assert_eq!((&line["operation"], &line["fields"]), (&json!("x".repeat(100)), &json!(["one", "x".repeat(100)])));
}

#[tokio::test]
async fn a_client_that_goes_away_is_recorded() {
    let Memory { log, mut lines } = in_memory(NOW);
    let stopped = Stopped::default();
    let router = app_in(Network::default(), log, stopped.clone());
    let asking = tokio::spawn(router.oneshot(post(&json!({"query": "query Long { slow }"}))));
    while stopped.started.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    asking.abort();
    let line = lines.recv().await.unwrap();
    assert_eq!((&line["outcome"], &line["status"]), (&json!("CANCELLED"), &Value::Null));
    assert_eq!((&line["operation"], &line["sub"], &line["fields"]), (&json!("Long"), &json!("anna"), &json!(["slow"])));
}

#[tokio::test]
async fn what_tells_nothing_of_a_tenant_is_not_recorded() {
    let Memory { log, mut lines } = in_memory(NOW);
    let router = app_in(Network::default(), log, Stopped::default());
    for uri in ["/", "/nothing", "/health/live"] {
        send(router.clone(), request(Method::GET, uri).body(Body::empty()).unwrap()).await;
    }
    drop(router);
    assert_eq!(lines.recv().await, None);
}
