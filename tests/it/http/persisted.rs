//! Automatic persisted queries: the protocol that clients know, its bounds, and whose documents they are.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, header},
};
use rapport::{
    api::{
        Limits,
        documents::{DocumentPolicy, PersistedQueries, TrustedPolicy, text_hash::TextHash},
        execution::Introspection,
    },
    auth::Role,
};
use serde_json::{Value, json};

use super::{Answer, post_with, request, send};
use crate::fixture_schema::{Stopped, app, app_with, token, token_of, try_app};
use crate::world::{World, event};

const ONE: &str = "{ one tenant }";

fn persisted(text: &str) -> Value {
    json!({"persistedQuery": {"version": 1, "sha256Hash": TextHash::of(text).to_string()}})
}

fn default_app() -> Router {
    app(Limits::default(), Stopped::default())
}

async fn ask(router: &Router, parameters: Value) -> Answer {
    post_with(router, &token(), &parameters).await
}

/// Asks by hash alone.
async fn name(router: &Router, tenant: &str, text: &str) -> Answer {
    post_with(router, &token_of(tenant, Role::Manager), &json!({"extensions": persisted(text)})).await
}

/// Sends a text with its hash.
async fn register(router: &Router, tenant: &str, text: &str) -> Answer {
    let parameters = json!({"query": text, "extensions": persisted(text)});
    post_with(router, &token_of(tenant, Role::Manager), &parameters).await
}

#[tokio::test]
async fn a_document_that_was_sent_once_is_named_by_its_hash() {
    let router = default_app();
    let message = name(&router, "acme", ONE).await.refused(400, "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(message, "PersistedQueryNotFound");
    let expected = json!({"data": {"one": 1, "tenant": "acme"}});
    assert_eq!(register(&router, "acme", ONE).await.json(), expected);
    assert_eq!(name(&router, "acme", ONE).await.json(), expected);
    // Over GET too, as clients of caches ask: first by hash alone, then with the text.
    let text = "{ big }";
    let extensions: String = form_urlencoded::byte_serialize(persisted(text).to_string().as_bytes()).collect();
    let get = |uri: String| send(router.clone(), request(Method::GET, &uri).body(Body::empty()).unwrap());
    let by_hash = || get(format!("/graphql?extensions={extensions}"));
    by_hash().await.refused(400, "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(get(format!("/graphql?query=%7B%20big%20%7D&extensions={extensions}")).await.status, 200);
    assert_eq!(by_hash().await.json()["data"]["big"], 1_099_511_627_776_i64);
}

#[tokio::test]
async fn a_legacy_client_is_told_with_200_that_a_hash_is_unknown() {
    let legacy = Request::post("/graphql")
        .header(header::AUTHORIZATION, format!("Bearer {}", token()))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json");
    let body = Body::from(json!({"extensions": persisted(ONE)}).to_string());
    let answer = send(default_app(), legacy.body(body).unwrap()).await;
    assert_eq!(answer.refused(200, "PERSISTED_QUERY_NOT_FOUND"), "PersistedQueryNotFound");
}

#[tokio::test]
async fn a_hash_that_is_not_that_of_its_text_is_refused() {
    let off = DocumentPolicy { trusted: TrustedPolicy::Off, persisted_queries: PersistedQueries::Off };
    let off = try_app(Limits::default(), Stopped::default(), Introspection::Allowed, off).unwrap();
    for router in [default_app(), off] {
        let parameters = json!({"query": "mutation { change }", "extensions": persisted(ONE)});
        ask(&router, parameters).await.refused(400, "INVALID_BODY");
    }
    let router = default_app();
    ask(&router, json!({"query": "{ big }", "extensions": persisted(ONE)})).await.refused(400, "INVALID_BODY");
    for text in [ONE, "{ big }"] {
        name(&router, "acme", text).await.refused(400, "PERSISTED_QUERY_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_misshapen_extension_is_refused_and_another_is_ignored() {
    let hash = TextHash::of(ONE).to_string();
    for wrong in [
        json!(1),
        json!("x"),
        json!([]),
        json!({}),
        json!({"version": 1}),
        json!({"sha256Hash": hash}),
        json!({"version": 2, "sha256Hash": hash}),
        json!({"version": "1", "sha256Hash": hash}),
        json!({"version": 1, "sha256Hash": null}),
        json!({"version": 1, "sha256Hash": 7}),
        json!({"version": 1, "sha256Hash": ""}),
        json!({"version": 1, "sha256Hash": "../../etc/passwd"}),
        json!({"version": 1, "sha256Hash": "\0".repeat(64)}),
        json!({"version": 1, "sha256Hash": format!("sha256:{hash}")}),
        json!({"version": 1, "sha256Hash": "a".repeat(100_000)}),
    ] {
        let extensions = json!({"persistedQuery": wrong});
        ask(&default_app(), json!({"extensions": extensions})).await.refused(400, "INVALID_BODY");
        ask(&default_app(), json!({"query": ONE, "extensions": extensions})).await.refused(400, "INVALID_BODY");
    }
    let newer = json!({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": hash}}});
    let message = ask(&default_app(), newer).await.refused(400, "INVALID_BODY");
    assert!(message.starts_with("`extensions.persistedQuery.version` must be 1"), "{message}");
    for other in [json!({}), json!({"persistedQuery": null}), json!({"other": {"version": 2}})] {
        assert_eq!(ask(&default_app(), json!({"query": ONE, "extensions": other})).await.status, 200);
    }
}

#[tokio::test]
async fn a_document_that_is_refused_is_not_kept() {
    let router = default_app();
    let wide = format!("{{ {} }}", "one ".repeat(11));
    for text in ["{", wide.as_str(), "{ ...A } fragment A on Query { ...A }"] {
        assert_eq!(register(&router, "acme", text).await.status, 400);
        name(&router, "acme", text).await.refused(400, "PERSISTED_QUERY_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_kept_mutation_needs_post() {
    let router = default_app();
    let text = "mutation { change }";
    assert_eq!(register(&router, "acme", text).await.status, 200);
    let extensions: String = form_urlencoded::byte_serialize(persisted(text).to_string().as_bytes()).collect();
    let get = request(Method::GET, &format!("/graphql?extensions={extensions}")).body(Body::empty()).unwrap();
    send(router.clone(), get).await.refused(405, "METHOD_NOT_ALLOWED");
    assert_eq!(name(&router, "acme", text).await.json(), json!({"data": {"change": true}}));
}

#[tokio::test]
async fn a_flood_of_unique_documents_is_bounded_and_the_other_tenants_documents_stay() {
    let router = app(Limits { persisted_queries: 100, ..Limits::default() }, Stopped::default());
    assert_eq!(register(&router, "umbrella", ONE).await.status, 200);
    assert_eq!(register(&router, "acme", ONE).await.status, 200);
    let unique = |at: usize| format!("{{ a{at}: one }}");
    for at in 0..300 {
        assert_eq!(register(&router, "acme", &unique(at)).await.status, 200);
    }
    // A hundred stay, the latest.
    for (at, is_kept) in [(0, false), (199, false), (200, true), (299, true)] {
        assert_eq!(name(&router, "acme", &unique(at)).await.status == 200, is_kept, "{at}");
    }
    name(&router, "acme", ONE).await.refused(400, "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(name(&router, "umbrella", ONE).await.json()["data"]["tenant"], "umbrella");
}

#[tokio::test]
async fn a_flood_of_large_documents_is_bounded_in_bytes() {
    let router = default_app();
    let of_bytes = |at: usize, bytes: usize| {
        let text = format!("{{ one }} #{at} ");
        format!("{text}{}", "x".repeat(bytes - text.len()))
    };
    let (largest, too_large) = (of_bytes(0, 64 * 1024), of_bytes(0, 64 * 1024 + 1));
    assert_eq!(register(&router, "acme", &too_large).await.status, 200);
    name(&router, "acme", &too_large).await.refused(400, "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(register(&router, "acme", &largest).await.status, 200);
    // 4 MiB are 64 of them.
    for at in 1..64 {
        register(&router, "acme", &of_bytes(at, 64 * 1024)).await;
    }
    assert_eq!(name(&router, "acme", &largest).await.status, 200);
    register(&router, "acme", &of_bytes(64, 64 * 1024)).await;
    assert_eq!(name(&router, "acme", &largest).await.status, 200);
    name(&router, "acme", &of_bytes(1, 64 * 1024)).await.refused(400, "PERSISTED_QUERY_NOT_FOUND");
}

#[tokio::test]
async fn a_tenant_beyond_their_number_pushes_nobody_out_and_is_answered() {
    let router = app(Limits { persisted_tenants: 2, ..Limits::default() }, Stopped::default());
    for tenant in ["acme", "umbrella", "initech"] {
        assert_eq!(register(&router, tenant, ONE).await.json()["data"]["tenant"], tenant);
    }
    for tenant in ["acme", "umbrella"] {
        assert_eq!(name(&router, tenant, ONE).await.json()["data"]["tenant"], tenant);
    }
    name(&router, "initech", ONE).await.refused(400, "PERSISTED_QUERY_NOT_FOUND");
}

#[tokio::test]
async fn a_document_that_one_tenant_sent_is_unknown_to_another() {
    let router = default_app();
    register(&router, "acme", ONE).await;
    name(&router, "umbrella", ONE).await.refused(400, "PERSISTED_QUERY_NOT_FOUND");
}

#[tokio::test]
async fn without_persisted_queries_clients_are_told_to_send_texts() {
    let policy = DocumentPolicy { trusted: TrustedPolicy::Off, persisted_queries: PersistedQueries::Off };
    let router = try_app(Limits::default(), Stopped::default(), Introspection::Allowed, policy).unwrap();
    assert_eq!(register(&router, "acme", ONE).await.status, 200);
    let message = name(&router, "acme", ONE).await.refused(400, "PERSISTED_QUERY_NOT_SUPPORTED");
    assert_eq!(message, "PersistedQueryNotSupported");
}

#[tokio::test]
async fn whether_a_hash_is_known_is_not_told_without_a_token() {
    let router = default_app();
    register(&router, "acme", ONE).await;
    for text in [ONE, "{ big }"] {
        post_with(&router, "none", &json!({"extensions": persisted(text)})).await.refused(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn a_kept_question_about_the_schema_is_refused_to_who_may_not_ask_it() {
    let router = app_with(Limits::default(), Stopped::default(), Introspection::Managers);
    let text = "{ __schema { queryType { name } } }";
    assert_eq!(register(&router, "acme", text).await.status, 200);
    let parameters = json!({"extensions": persisted(text)});
    for _ in 0..100 {
        let answer = post_with(&router, &token_of("acme", Role::Operator), &parameters).await;
        answer.refused(403, "FORBIDDEN");
    }
    assert_eq!(name(&router, "acme", text).await.status, 200);
}

#[tokio::test]
async fn a_document_that_a_manager_sent_runs_in_the_scope_of_the_operator_who_names_it() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    for (chat, operator) in [("1", "anna"), ("2", "boris"), ("3", "boris")] {
        let fields = json!({"operator": operator, "team": "north"});
        world.take(&[event("message.sent", chat, "m", "2026-03-10T10:00:00Z", &fields)]).await;
    }
    let text = r#"{ analytics(range: {from: "2026-03-01", to: "2026-04-01"}) { delivery { total { outbound } } } }"#;
    let mut seen = Vec::new();
    for (token, parameters) in [
        (world.manager(), json!({"query": text, "extensions": persisted(text)})),
        (world.manager(), json!({"extensions": persisted(text)})),
        (world.operator("anna"), json!({"extensions": persisted(text)})),
        (world.operator("boris"), json!({"extensions": persisted(text)})),
    ] {
        let answer = post_with(&world.router, &token, &parameters).await;
        seen.push(answer.json()["data"]["analytics"]["delivery"]["total"]["outbound"].clone());
    }
    assert_eq!(seen, [json!(3), json!(3), json!(1), json!(2)]);
    let service = post_with(&world.router, &world.service(), &json!({"extensions": persisted(text)})).await;
    assert_eq!(service.json()["errors"][0]["extensions"]["code"], "FORBIDDEN", "{}", service.text);
}
