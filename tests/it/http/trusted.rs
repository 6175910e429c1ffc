//! Trusted documents: what can be named, what else runs, and what a manifest must be.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, header},
};
use rapport::{
    api::{
        Limits,
        documents::{DocumentPolicy, PersistedQueries, TrustedPolicy, manifest::Manifest, text_hash::TextHash},
        execution::Introspection,
    },
    auth::Role,
};
use serde_json::{Value, json};

use super::{Answer, post_with, request, send};
use crate::fixture_schema::{Stopped, token, token_of, try_app};

const ONE: &str = "query One { one tenant }";
const ECHO: &str = "query Echo($first: Int!) { echo(first: $first) } query Big { big }";
const CHANGE: &str = "mutation Change { change }";
const SCHEMA: &str = "query Types { __schema { queryType { name } } }";

fn documents() -> Value {
    json!({"one": ONE, "echo": ECHO, "change": CHANGE, "types": SCHEMA})
}

fn hash(text: &str) -> String {
    TextHash::of(text).to_string()
}

fn persisted(hash: &str) -> Value {
    json!({"persistedQuery": {"version": 1, "sha256Hash": hash}})
}

fn policy(mode: fn(Manifest) -> TrustedPolicy, manifest: &Value) -> DocumentPolicy {
    let manifest = Manifest::parse(manifest.to_string().as_bytes()).unwrap();
    DocumentPolicy { trusted: mode(manifest), persisted_queries: PersistedQueries::On }
}

fn app(mode: fn(Manifest) -> TrustedPolicy) -> Router {
    try_app(Limits::default(), Stopped::default(), Introspection::Allowed, policy(mode, &documents())).unwrap()
}

fn unfit(manifest: &Value, introspection: Introspection) -> String {
    let policy = policy(TrustedPolicy::Allow, manifest);
    let started = try_app(Limits::default(), Stopped::default(), introspection, policy);
    let error = started.err().unwrap_or_else(|| panic!("{manifest:.200} was taken"));
    std::error::Error::source(&error).unwrap().to_string()
}

async fn ask(router: &Router, parameters: Value) -> Answer {
    post_with(router, &token(), &parameters).await
}

async fn get(router: &Router, query_string: &str) -> Answer {
    send(router.clone(), request(Method::GET, &format!("/graphql?{query_string}")).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_trusted_document_is_named_by_its_id_or_its_hash() {
    for mode in [TrustedPolicy::Allow, TrustedPolicy::Require] {
        let router = app(mode);
        let expected = json!({"data": {"one": 1, "tenant": "acme"}});
        for id in ["one".to_owned(), hash(ONE), format!("sha256:{}", hash(ONE))] {
            assert_eq!(ask(&router, json!({"documentId": id})).await.json(), expected, "{id}");
            assert_eq!(get(&router, &format!("documentId={id}")).await.json(), expected, "{id}");
        }
        assert_eq!(ask(&router, json!({"extensions": persisted(&hash(ONE))})).await.json(), expected);
        let both = json!({"query": ONE, "extensions": persisted(&hash(ONE))});
        assert_eq!(ask(&router, both).await.json(), expected);
        let echo = json!({"documentId": "echo", "operationName": "Echo", "variables": {"first": 7}});
        assert_eq!(ask(&router, echo).await.json(), json!({"data": {"echo": 7}}));
        assert_eq!(
            get(&router, "documentId=echo&operationName=Big").await.json()["data"]["big"],
            1_099_511_627_776_i64
        );
        ask(&router, json!({"documentId": "echo"})).await.refused(400, "INVALID_QUERY");
        let variables = json!({"documentId": "echo", "operationName": "Echo", "variables": {"first": null}});
        ask(&router, variables).await.refused(400, "INVALID_QUERY");
    }
}

#[tokio::test]
async fn apollos_manifest_names_documents_by_their_hash() {
    let manifest = json!({"format": "apollo-persisted-query-manifest", "version": 1, "operations": [
        {"id": hash(ONE), "name": "One", "type": "query", "body": ONE}]});
    let policy = policy(TrustedPolicy::Require, &manifest);
    let router = try_app(Limits::default(), Stopped::default(), Introspection::Allowed, policy).unwrap();
    for parameters in [json!({"extensions": persisted(&hash(ONE))}), json!({"documentId": hash(ONE)})] {
        assert_eq!(ask(&router, parameters).await.json()["data"]["one"], 1);
    }
}

#[tokio::test]
async fn other_documents_run_beside_trusted_ones_where_they_are_allowed() {
    let router = app(TrustedPolicy::Allow);
    assert_eq!(ask(&router, json!({"query": "{ big }"})).await.status, 200);
    let kept = json!({"query": "{ big }", "extensions": persisted(&hash("{ big }"))});
    assert_eq!(ask(&router, kept).await.status, 200);
    assert_eq!(ask(&router, json!({"extensions": persisted(&hash("{ big }"))})).await.status, 200);
}

#[tokio::test]
async fn a_document_that_is_not_trusted_is_refused_before_it_is_parsed() {
    let router = app(TrustedPolicy::Require);
    assert_eq!(ask(&router, json!({"query": ONE})).await.json()["data"]["one"], 1);
    let large = format!("{{ {} }}", "one ".repeat(40_000));
    for text in ["{ big }", "{", &large, &format!("{ONE} "), "{ __schema { types { name } } }", "{ __typename }"] {
        ask(&router, json!({"query": text})).await.refused(400, "TRUSTED_DOCUMENTS_ONLY");
        let hashed = json!({"query": text, "extensions": persisted(&hash(text))});
        ask(&router, hashed).await.refused(400, "TRUSTED_DOCUMENTS_ONLY");
        // It was not kept either.
        let named = json!({"extensions": persisted(&hash(text))});
        ask(&router, named).await.refused(400, "DOCUMENT_NOT_FOUND");
    }
    get(&router, "query=%7Bbig%7D").await.refused(400, "TRUSTED_DOCUMENTS_ONLY");
}

#[tokio::test]
async fn the_page_does_not_show_the_schema_where_only_trusted_documents_run() {
    for (mode, is_shown) in
        [(TrustedPolicy::Allow as fn(Manifest) -> TrustedPolicy, true), (TrustedPolicy::Require, false)]
    {
        let page = Request::get("/graphql").header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
        assert_eq!(send(app(mode), page).await.text.contains("type Query"), is_shown);
    }
}

#[tokio::test]
async fn an_id_that_is_not_in_the_manifest_is_not_found_whatever_it_is() {
    let ids = [
        "../../etc/passwd".to_owned(),
        "one\0".to_owned(),
        "\0".to_owned(),
        "One".to_owned(),
        "sha256:one".to_owned(),
        "sha256:".to_owned(),
        format!("sha512:{}", hash(ONE)),
        format!("sha256:sha256:{}", hash(ONE)),
        hash("{ big }"),
        "one' OR 1=1 --".to_owned(),
        "\u{2019}\u{202e}{one}\r\n".to_owned(),
        "i".repeat(200_000),
    ];
    for router in [
        app(TrustedPolicy::Allow),
        app(TrustedPolicy::Require),
        crate::fixture_schema::app(Limits::default(), Stopped::default()),
    ] {
        for id in &ids {
            let answer = ask(&router, json!({"documentId": id})).await;
            answer.refused(400, "DOCUMENT_NOT_FOUND");
            assert!(answer.text.len() < 500, "{:.200}", answer.text);
        }
        get(&router, "documentId=..%2F..%2Fetc%2Fpasswd%00").await.refused(400, "DOCUMENT_NOT_FOUND");
        ask(&router, json!({"documentId": "i".repeat(1 << 20)})).await.refused(413, "PAYLOAD_TOO_LARGE");
    }
}

#[tokio::test]
async fn a_request_that_names_no_document_or_two_is_refused() {
    let router = app(TrustedPolicy::Allow);
    let no_hash = json!({"persistedQuery": {"version": 1}});
    for parameters in [
        json!({}),
        json!({"documentId": null}),
        json!({"documentId": "", "query": ""}),
        json!({"documentId": "one", "query": ONE}),
        json!({"documentId": "one", "extensions": persisted(&hash(ONE))}),
        json!({"documentId": 1}),
        json!({"documentId": ["one"]}),
        json!({"documentId": {"id": "one"}}),
        json!({"documentId": true, "query": ONE}),
        json!({"extensions": no_hash}),
    ] {
        ask(&router, parameters.clone()).await.refused(400, "INVALID_BODY");
    }
    for query_string in ["", "documentId=", "documentId=one&documentId=one", "documentId=one&query=%7Bone%7D"] {
        get(&router, query_string).await.refused(400, "INVALID_BODY");
    }
}

#[tokio::test]
async fn a_trusted_mutation_needs_post() {
    let router = app(TrustedPolicy::Require);
    for query_string in ["documentId=change", &format!("documentId=sha256:{}", hash(CHANGE))] {
        get(&router, query_string).await.refused(405, "METHOD_NOT_ALLOWED");
    }
    assert_eq!(ask(&router, json!({"documentId": "change"})).await.json(), json!({"data": {"change": true}}));
}

#[tokio::test]
async fn whether_an_id_exists_is_not_told_without_a_token() {
    for mode in [TrustedPolicy::Allow, TrustedPolicy::Require] {
        let router = app(mode);
        let mut told = Vec::new();
        for id in ["one", "unknown"] {
            let answer = post_with(&router, "no token", &json!({"documentId": id})).await;
            answer.refused(401, "UNAUTHENTICATED");
            told.push(answer.text);
            let get = Request::get(format!("/graphql?documentId={id}")).header(header::ACCEPT, "*/*");
            send(router.clone(), get.body(Body::empty()).unwrap()).await.refused(401, "UNAUTHENTICATED");
        }
        assert_eq!(told[0], told[1]);
    }
}

#[tokio::test]
async fn a_trusted_document_does_not_ask_for_the_schema_for_everybody() {
    let app = |introspection| {
        let policy = policy(TrustedPolicy::Require, &documents());
        try_app(Limits::default(), Stopped::default(), introspection, policy).unwrap()
    };
    let operator = token_of("acme", Role::Operator);
    let types = json!({"documentId": "types"});
    assert_eq!(post_with(&app(Introspection::Allowed), &operator, &types).await.status, 200);
    post_with(&app(Introspection::Managers), &operator, &types).await.refused(403, "FORBIDDEN");
    assert_eq!(ask(&app(Introspection::Managers), types).await.status, 200);
    let told = unfit(&documents(), Introspection::Forbidden);
    assert!(
        told.starts_with("1 of 4 documents cannot be run: \"types\" (\"Types\"): Unknown field \"__schema\""),
        "{told}"
    );
}

#[tokio::test]
async fn a_manifest_with_a_document_that_cannot_be_run_is_refused_with_its_id_and_name() {
    let told = |id: &str, text: &str| unfit(&json!({"fine": ONE, id: text}), Introspection::Allowed);
    for (id, text, expected) in [
        ("a", "query A { nothing }", "1 of 2 documents cannot be run: \"a\" (\"A\"): Unknown field \"nothing\""),
        ("b", "mutation B { change(to: 1) }", "\"b\" (\"B\"): Unknown argument \"to\""),
        ("c", "query C($first: Nothing!) { echo(first: $first) }", "\"c\" (\"C\"): Unknown type \"Nothing\""),
        ("d", "query D { paint(colour: BLUE) }", "\"d\" (\"D\"): Invalid value"),
        ("e", "query E { one } query F { two }", "\"e\" (\"E\"): Unknown field \"two\""),
        ("f", "{", "\"f\": "),
        ("g", "", "\"g\": "),
        ("h", "{ ...A } fragment A on Query { ...A }", "\"h\": the fragment `A` contains itself"),
        ("i", &format!("{{ {} }}", "one ".repeat(11)), "\"i\": the limit `rootFields` is 10"),
        ("j", &format!("{{ one }} #{}", "x".repeat(256 * 1024)), "\"j\": the limit `bodyBytes` is 262144"),
        ("k", "subscription K { one }", "\"k\" (\"K\"): Schema is not configured for subscription"),
        (&hash("{ big }"), "{ one }", "its id is a SHA-256, but that of its text is "),
        (&format!("sha256:{}", hash("{ big }")), "{ one }", "its id is a SHA-256, but that of its text is "),
    ] {
        let told = told(id, text);
        assert!(told.contains(expected) && !told.contains('\n'), "{id}: {told}");
    }
    let many: serde_json::Map<String, Value> = (0..14).map(|at| (format!("id{at}"), json!("{ nothing }"))).collect();
    let told = unfit(&Value::Object(many), Introspection::Allowed);
    assert!(
        told.starts_with("14 of 14 documents") && told.contains("\"id9\"") && told.ends_with("; and 4 more"),
        "{told}"
    );
    assert!(!told.contains("\"id10\""), "{told}");
}

#[tokio::test]
async fn checking_a_manifest_runs_nothing() {
    let stopped = Stopped::default();
    let manifest = json!({"slow": "{ slow }", "panicking": "{ panicking }", "change": CHANGE});
    let policy = policy(TrustedPolicy::Allow, &manifest);
    assert!(try_app(Limits::default(), stopped.clone(), Introspection::Allowed, policy).is_ok());
    assert_eq!(stopped.started.load(std::sync::atomic::Ordering::SeqCst), 0);
}
