//! Methods, media types, tokens and headers.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use rapport::api::Limits;
use serde_json::json;

use super::{Answer, ask, request, send};
use crate::fixture_schema::{Stopped, app, token};

const ONE: &str = r#"{"query": "{ one }"}"#;

async fn with(request: Request<Body>) -> Answer {
    send(app(Limits::default(), Stopped::default()), request).await
}

fn post_as(content_type: &str, body: &str) -> Request<Body> {
    let builder = request(Method::POST, "/graphql").header(header::CONTENT_TYPE, content_type);
    builder.body(Body::from(body.to_owned())).unwrap()
}

#[tokio::test]
async fn a_query_is_answered_over_post_and_get() {
    let answer = ask("{ one nested { one } tenant }").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["data"], json!({"one": 1, "nested": {"one": 1}, "tenant": "acme"}));
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/graphql-response+json; charset=utf-8");
    let uri = "/graphql?query=query+A%7Bone%7D+query+B%7Bbig%7D&operationName=B&variables=&unknown=1";
    let answer = with(request(Method::GET, uri).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.json()["data"], json!({"big": 1_099_511_627_776_i64}));
}

#[tokio::test]
async fn every_answer_has_its_headers() {
    let plain = |method: Method, uri: &str| Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
    let refused = [
        (Method::GET, "/graphql?query=%7Bone%7D", 401),
        (Method::GET, "/nowhere", 404),
        (Method::PUT, "/graphql", 405),
    ];
    let mut answers = vec![(200, ask("{ one }").await)];
    for (method, uri, status) in refused {
        answers.push((status, with(plain(method, uri)).await));
    }
    for (status, answer) in &answers {
        assert_eq!(answer.status.as_u16(), *status);
        for (name, value) in [
            ("cache-control", "private, no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{name} of {status}");
        }
        assert!(!answer.header("x-request-id").is_empty());
    }
    let answer = &answers[0].1;
    let vary: Vec<_> = answer.headers.get_all(header::VARY).iter().map(|value| value.to_str().unwrap()).collect();
    assert!(vary.join(",").contains("accept, authorization"), "{vary:?}");
}

#[tokio::test]
async fn nothing_runs_without_a_token() {
    let router = app(Limits::default(), Stopped::default());
    let plain = |method: Method, uri: &str| Request::builder().method(method).uri(uri).header(header::ACCEPT, "*/*");
    let authorized = |value: &str| {
        let builder = plain(Method::POST, "/graphql").header(header::CONTENT_TYPE, "application/json");
        builder.header(header::AUTHORIZATION, value).body(Body::from(ONE)).unwrap()
    };
    let token = token();
    for request in [
        plain(Method::GET, "/graphql?query=%7Bone%7D").body(Body::empty()).unwrap(),
        plain(Method::GET, &format!("/graphql?query=%7Bone%7D&token={token}&access_token={token}"))
            .body(Body::empty())
            .unwrap(),
        plain(Method::POST, "/graphql").body(Body::from(ONE)).unwrap(),
        plain(Method::POST, "/graphql").header(header::COOKIE, format!("token={token}")).body(Body::from(ONE)).unwrap(),
        authorized(&token),
        authorized(&format!("Basic {token}")),
        authorized("Bearer"),
        authorized("Bearer "),
        authorized(&format!("Bearer {token}x")),
    ] {
        let answer = send(router.clone(), request).await;
        answer.refused(401, "UNAUTHENTICATED");
        assert_eq!(answer.header(header::WWW_AUTHENTICATE), "Bearer");
        assert!(!answer.text.contains(&token));
    }
    let twice = request(Method::GET, "/graphql?query=%7Bone%7D").header(header::AUTHORIZATION, "Bearer x");
    send(router.clone(), twice.body(Body::empty()).unwrap()).await.refused(401, "UNAUTHENTICATED");
    assert_eq!(send(router, authorized(&format!("bearer {token}"))).await.status, 200);
}

#[tokio::test]
async fn a_mutation_needs_post() {
    let get = request(Method::GET, "/graphql?query=mutation%7Bchange%7D").body(Body::empty()).unwrap();
    let answer = with(get).await;
    answer.refused(405, "METHOD_NOT_ALLOWED");
    assert_eq!(answer.header(header::ALLOW), "POST");
    assert_eq!(ask("mutation { change }").await.json()["data"], json!({"change": true}));
}

#[tokio::test]
async fn other_methods_and_routes_are_refused_with_codes() {
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let answer = with(request(method, "/graphql").body(Body::empty()).unwrap()).await;
        answer.refused(405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header(header::ALLOW), "GET, HEAD, POST");
    }
    with(request(Method::GET, "/nothing").body(Body::empty()).unwrap()).await.refused(404, "NOT_FOUND");
    with(request(Method::GET, "/").body(Body::empty()).unwrap()).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn bodies_that_a_foreign_page_could_send_are_refused() {
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
        with(post_as(content_type, ONE)).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    with(post_as("application/json; charset=utf-16", ONE)).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(with(post_as("application/json; charset=UTF-8", ONE)).await.status, 200);
    let packed = request(Method::POST, "/graphql").header(header::CONTENT_TYPE, "application/json");
    let packed = packed.header(header::CONTENT_ENCODING, "gzip").body(Body::from("x")).unwrap();
    with(packed).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
}

#[tokio::test]
async fn batches_and_misshapen_parameters_are_refused() {
    let json_post = |body: &str| with(post_as("application/json", body));
    json_post(&format!("[{ONE}]")).await.refused(400, "BATCHING_DISABLED");
    json_post("[]").await.refused(400, "BATCHING_DISABLED");
    for body in ["", "{", "null", "1", "{}", r#"{"query": 1}"#, r#"{"query": ""}"#, "{\"query\": \"\u{0}\"} x"] {
        json_post(body).await.refused(400, "INVALID_BODY");
    }
    let get = request(Method::GET, "/graphql?query=%7Bone%7D&query=%7Bbig%7D").body(Body::empty()).unwrap();
    with(get).await.refused(400, "INVALID_BODY");
    let get = request(Method::GET, "/graphql?query=%7Bone%7D&variables=%7B").body(Body::empty()).unwrap();
    with(get).await.refused(400, "INVALID_BODY");
}

#[tokio::test]
async fn what_the_client_does_not_accept_is_not_sent() {
    let only = |accept: &str| {
        let builder = Request::builder().method(Method::POST).uri("/graphql").header(header::ACCEPT, accept);
        builder.body(Body::from(ONE)).unwrap()
    };
    with(only("application/xml")).await.refused(406, "NOT_ACCEPTABLE");
    with(only("text/html")).await.refused(406, "NOT_ACCEPTABLE");
}

#[tokio::test]
async fn a_browser_gets_the_page_without_a_token() {
    for uri in ["/", "/graphql"] {
        let browser = Request::get(uri).header(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8");
        let answer = with(browser.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header(header::CONTENT_TYPE), "text/html; charset=utf-8");
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.contains("style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
        assert!(answer.text.contains("type Query") && answer.text.contains("UNAUTHENTICATED"));
        assert!(!answer.text.contains("<script") && !answer.text.contains("{{"), "{}", answer.text);
    }
}

#[tokio::test]
async fn answers_are_compressed_on_request() {
    let request = request(Method::POST, "/graphql").header(header::CONTENT_TYPE, "application/json");
    let request = request.header(header::ACCEPT_ENCODING, "gzip");
    let body = json!({"query": "{ nodes { one nested { one } } }"}).to_string();
    let response =
        tower::ServiceExt::oneshot(app(Limits::default(), Stopped::default()), request.body(Body::from(body)).unwrap());
    assert_eq!(response.await.unwrap().headers()[header::CONTENT_ENCODING], "gzip");
}
