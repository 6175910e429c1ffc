//! Attacks that ask for too much (R cases).

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{Method, header},
};
use rapport::api::Limits;
use serde_json::json;

use super::{ask, ask_with, request, send};
use crate::fixture_schema::{Stopped, app};

/// The question GraphiQL and code generators ask first.
const INTROSPECTION: &str = "query { __schema { queryType { name } types { kind name fields(includeDeprecated: true) \
    { name args { ...I } type { ...T } } inputFields { ...I } interfaces { ...T } enumValues { name } \
    possibleTypes { ...T } } directives { name locations args { ...I } } } } \
    fragment I on __InputValue { name type { ...T } defaultValue } \
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name \
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }";

async fn refused(query: &str, limit: &str) -> String {
    let begin = Instant::now();
    let message = ask(query).await.refused(400, "LIMIT_EXCEEDED");
    assert!(message.contains(&format!("the limit `{limit}` is ")), "{message}");
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?} for {limit}", begin.elapsed());
    message
}

#[tokio::test]
async fn each_size_of_a_document_has_its_limit() {
    let repeat = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(" ");
    let nested = |levels: usize| format!("{}one{}", "{ nested ".repeat(levels) + "{ ", " }".repeat(levels + 1));
    assert_eq!(ask(&nested(11)).await.status, 200);
    let message = refused(&nested(12), "depth").await;
    assert_eq!(message, "the limit `depth` is 12, and the request has 13");
    refused(&nested(40), "depth").await;
    refused(&nested(500), "nesting").await;
    refused(&"{nested".repeat(20_000), "tokens").await;
    refused(&format!("{{ echo(first: {}1{}) }}", "[".repeat(100), "]".repeat(100)), "nesting").await;

    refused(&format!("{{ nested {{ {} }} }}", repeat(51, &|at| format!("a{at}: one"))), "aliases").await;
    refused(&format!("{{ {} }}", repeat(10_000, &|at| format!("a{at}: one"))), "tokens").await;
    refused(&format!("{{ nested {{ {} }} }}", "one ".repeat(2_001)), "complexity").await;
    refused(&format!("{{ {} }}", "one ".repeat(11)), "rootFields").await;
    refused(&format!("{{ one {} }}", "@include(if: true) ".repeat(51)), "directives").await;
    refused(&format!("{{ one {} }}", "@a ".repeat(10_000)), "tokens").await;
    refused(&format!("{{ echo(first: [{}]) }}", "1 ".repeat(100_000)), "tokens").await;
    refused(&format!("{{ echo(first: [{}]) }}", "0".repeat(100_000)), "tokens").await;
    refused(&repeat(10_000, &|at| format!("query q{at} {{ one }}")), "tokens").await;
}

#[tokio::test]
async fn fragments_cannot_hide_the_cost() {
    let fan_out = |levels: usize| {
        let level = |at: usize| format!("fragment f{at} on Query {{ ...f{} ...f{} }} ", at + 1, at + 1);
        let fragments: String = (0..levels).map(level).collect();
        format!("{{ ...f0 }} {fragments} fragment f{levels} on Query {{ nested {{ one }} }}")
    };
    refused(&fan_out(14), "rootFields").await;
    refused(&fan_out(60), "rootFields").await;
    refused(&fan_out(200), "nesting").await;
    // A fragment that is not there has no fields that would count, so whoever walked this would never end.
    let nothing = fan_out(60).replace("fragment f60 on Query { nested { one } }", "");
    let message = ask(&nothing).await.refused(400, "INVALID_QUERY");
    assert_eq!(message, "the document has no fragment `f60`");
    let inside = |levels: usize| {
        let level = |at: usize| format!("fragment f{at} on Node {{ ...f{} ...f{} }} ", at + 1, at + 1);
        let fragments: String = (0..levels).map(level).collect();
        format!("{{ nested {{ ...f0 }} }} {fragments} fragment f{levels} on Node {{ one }}")
    };
    refused(&inside(14), "complexity").await;
    refused(&inside(62), "complexity").await;
    for cycle in [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }",
        "{ one } fragment A on Query { ...B } fragment B on Query { nested { ...A } }",
    ] {
        let message = ask(cycle).await.refused(400, "INVALID_QUERY");
        assert!(message.contains("contains itself"), "{message}");
    }
}

#[tokio::test]
async fn introspection_works_as_tools_ask_it_and_not_to_multiply() {
    let answer = ask(INTROSPECTION).await;
    assert!(answer.json().get("errors").is_none(), "{}", answer.text);
    let bomb = format!("{{ __schema {{ types {}name{} }} }}", "{ fields { type ".repeat(4) + "{ ", " }".repeat(9));
    refused(&bomb, "introspectionLists").await;
    let deep = format!("{{ __schema {{ types {}name{} }} }}", "{ ofType ".repeat(30) + "{ ", " }".repeat(31));
    refused(&deep, "introspectionDepth").await;
}

#[tokio::test]
async fn errors_are_capped() {
    let fields: String = (0..200).map(|at| format!("wrong{at} ")).collect();
    let body = ask(&format!("{{ nested {{ {fields} }} }}")).await.json();
    assert_eq!(body["errors"].as_array().unwrap().len(), 20);
    assert_eq!(body["extensions"]["errorsOmitted"], 180);
    let body = ask("{ nodes { failing } }").await.json();
    assert_eq!(body["errors"].as_array().unwrap().len(), 20);
    assert_eq!(body["extensions"]["errorsOmitted"], 10);
    assert_eq!(body["data"]["nodes"].as_array().unwrap().len(), 30);
}

#[tokio::test]
async fn bodies_are_bounded_in_size_and_time() {
    let router = || app(Limits { body_time: Duration::from_millis(50), ..Limits::default() }, Stopped::default());
    let post = || request(Method::POST, "/graphql").header(header::CONTENT_TYPE, "application/json");
    let large = vec![b' '; 256 * 1024 + 1];
    let announced = post().header(header::CONTENT_LENGTH, large.len()).body(Body::from(large.clone())).unwrap();
    send(router(), announced).await.refused(413, "PAYLOAD_TOO_LARGE");
    let chunks = futures_util::stream::iter((0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024])));
    send(router(), post().body(Body::from_stream(chunks)).unwrap()).await.refused(413, "PAYLOAD_TOO_LARGE");
    let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    send(router(), post().body(Body::from_stream(never)).unwrap()).await.refused(408, "REQUEST_TIMEOUT");
    let deep = "[".repeat(100_000);
    send(router(), post().body(Body::from(deep)).unwrap()).await.refused(400, "INVALID_BODY");
    let variables = json!({"query": "{ one }", "variables": {"text": "x".repeat(65 * 1024)}});
    let message = ask_with(Limits::default(), variables).await.refused(400, "LIMIT_EXCEEDED");
    assert!(message.contains("variablesBytes"), "{message}");
}

#[tokio::test]
async fn a_slow_query_is_stopped() {
    let limits = Limits { execution_time: Duration::from_millis(50), ..Limits::default() };
    let stopped = Stopped::default();
    let request = request(Method::POST, "/graphql").header(header::CONTENT_TYPE, "application/json");
    let request = request.body(Body::from(r#"{"query": "{ slow }"}"#)).unwrap();
    send(app(limits, stopped.clone()), request).await.refused(503, "TIMEOUT");
    assert_eq!(stopped.ended.load(Ordering::SeqCst), 1);
}
