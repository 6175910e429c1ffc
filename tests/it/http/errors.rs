//! What a client sees when something fails.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use rapport::api::{Limits, execution::Introspection};
use serde_json::json;

use super::{ask, ask_with, request, send};
use crate::fixture_schema::{Stopped, app, app_with};

#[tokio::test]
async fn a_nullable_field_that_fails_is_null_beside_the_others() {
    let answer = ask("{ one failing maybe { one failing } }").await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(body["data"], json!({"one": 1, "failing": null, "maybe": {"one": 1, "failing": null}}));
    assert_eq!(body["errors"].as_array().unwrap().len(), 2);
    assert_eq!(body["errors"][0]["path"], json!(["failing"]));
    assert_eq!(body["errors"][0]["extensions"], json!({"code": "FORBIDDEN"}));
    assert_eq!(body["errors"][0]["locations"], json!([{"line": 1, "column": 7}]));
    assert_eq!(body["errors"][1]["path"], json!(["maybe", "failing"]));
}

#[tokio::test]
async fn a_strict_field_that_fails_makes_its_nearest_nullable_parent_null() {
    let body = ask("{ one maybe { one failingStrict } }").await.json();
    assert_eq!(body["data"], json!({"one": 1, "maybe": null}));
    assert_eq!(body["errors"][0]["path"], json!(["maybe", "failingStrict"]));
    let answer = ask("{ one nested { failingStrict } }").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["data"], json!(null));
    assert!(answer.json().as_object().unwrap().contains_key("data"));
}

#[tokio::test]
async fn an_unforeseen_error_is_opaque_and_has_the_request_id() {
    let answer = ask("{ one leaking }").await;
    assert!(!answer.text.contains("hunter2"), "{}", answer.text);
    let body = answer.json();
    assert_eq!(body["errors"][0]["extensions"]["code"], "INTERNAL");
    assert!(body["errors"][0]["message"].as_str().unwrap().contains(answer.header("x-request-id")));
    assert_eq!(body["data"], json!({"one": 1, "leaking": null}));
}

#[tokio::test]
async fn a_panic_is_an_internal_error() {
    let answer = ask("{ panicking }").await;
    let message = answer.refused(500, "INTERNAL");
    assert!(message.contains(answer.header("x-request-id")), "{message}");
    assert!(!answer.text.contains("secret"), "{}", answer.text);
}

#[tokio::test]
async fn a_document_that_does_not_fit_is_refused_with_a_code() {
    for query in ["{", "{ nothing }", "{ one { two } }", "{ echo }", "{ ...Missing }", "{ echo(first: \"1\") }"] {
        ask(query).await.refused(400, "INVALID_QUERY");
    }
    let message = ask("{ paint(colour: BLUE) }").await.refused(400, "INVALID_QUERY");
    assert!(message.contains("BLUE"), "{message}");
    ask("subscription { one }").await.refused(400, "INVALID_QUERY");
}

#[tokio::test]
async fn a_legacy_client_gets_200_for_a_wrong_document_and_real_statuses_for_the_rest() {
    let legacy = |body: &str| {
        Request::builder()
            .method(Method::POST)
            .uri("/graphql")
            .header(header::AUTHORIZATION, format!("Bearer {}", crate::fixture_schema::token()))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap()
    };
    let router = app(Limits::default(), Stopped::default());
    for query in ["{", "{ nothing }"] {
        send(router.clone(), legacy(&json!({"query": query}).to_string())).await.refused(200, "INVALID_QUERY");
    }
    send(router.clone(), legacy("{")).await.refused(400, "INVALID_BODY");
}

#[tokio::test]
async fn an_integer_beyond_its_bounds_is_refused_by_name() {
    for first in ["0", "501", "-1", "2147483647", "4611686018427387904"] {
        let body = ask(&format!("{{ echo(first: {first}) }}")).await.json();
        let message = body["errors"][0]["message"].as_str().unwrap();
        assert_eq!(message, format!("the argument `first` is {first}; it must be an integer from 1 to 500"));
        assert_eq!(body["errors"][0]["extensions"]["code"], "INVALID_QUERY");
    }
    assert_eq!(ask("{ echo(first: 500) }").await.json()["data"]["echo"], 500);
}

#[tokio::test]
async fn variables_are_checked_before_anything_runs() {
    let query = "query Q($n: Int!) { echo(first: $n) }";
    let with = |variables| ask_with(Limits::default(), json!({"query": query, "variables": variables}));
    assert_eq!(with(json!({"n": 7})).await.json()["data"]["echo"], 7);
    let message = with(json!({})).await.refused(400, "INVALID_QUERY");
    assert_eq!(message, "the variable `$n` of type `Int!` needs a value");
    with(json!({"n": null})).await.refused(400, "INVALID_QUERY");
    let message = with(json!({"n": 2_147_483_648_i64})).await.refused(400, "INVALID_QUERY");
    assert!(message.starts_with("the variable `$n` holds 2147483648;"), "{message}");
    with(json!({"n": 1.5})).await.refused(400, "INVALID_QUERY");
    with(json!({"n": "7"})).await.refused(400, "INVALID_QUERY");
    with(json!({"n": [7]})).await.refused(400, "INVALID_QUERY");
}

#[tokio::test]
async fn without_introspection_the_schema_stays_hidden() {
    let router = app_with(Limits::default(), Stopped::default(), Introspection::Forbidden);
    let body = |query: &str| Body::from(json!({"query": query}).to_string());
    let post = |query: &str| {
        request(Method::POST, "/graphql").header(header::CONTENT_TYPE, "application/json").body(body(query)).unwrap()
    };
    for query in ["{ __schema { types { name } } }", "{ __type(name: \"Query\") { name } }", "{ onee }"] {
        let answer = send(router.clone(), post(query)).await;
        assert!(!answer.text.contains("\"name\"") && !answer.text.contains("one\""), "{}", answer.text);
    }
    let page = Request::get("/").header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
    assert!(!send(router, page).await.text.contains("type Query"));
}
