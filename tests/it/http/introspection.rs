//! Who may ask what the schema is, and who learns its names in other ways.

use axum::{
    body::Body,
    http::{Request, header},
};
use rapport::{
    api::{Limits, execution::Introspection},
    auth::Role,
};
use serde_json::json;

use super::{Answer, post_with, send};
use crate::fixture_schema::{Stopped, app_with, token_of};

/// The ways to ask for the schema: plain, renamed, in fragments, beside figures, in an operation that is not run.
const QUESTIONS: [&str; 6] = [
    "{ __schema { queryType { name } } }",
    "{ one renamed: __type(name: \"Query\") { name } }",
    "{ ...S } fragment S on Query { ...T } fragment T on Query { __schema { types { name } } }",
    "{ ... on Query { __type(name: \"Query\") { name } } }",
    "query A { __typename } query B { __schema { queryType { name } } }",
    "{ nested { ... { nested { one } } } __schema { directives { name } } }",
];

async fn ask_under(introspection: Introspection, role: Role, query: &str) -> Answer {
    let router = app_with(Limits::default(), Stopped::default(), introspection);
    let operation = if query.starts_with("query A") { json!("A") } else { json!(null) };
    post_with(&router, &token_of("acme", role), &json!({"query": query, "operationName": operation})).await
}

#[tokio::test]
async fn only_who_manages_may_ask_for_the_schema_where_it_is_for_managers() {
    for query in QUESTIONS {
        for role in [Role::Manager, Role::Admin] {
            let answer = ask_under(Introspection::Managers, role, query).await;
            assert_eq!(answer.status, 200, "{query}: {}", answer.text);
            assert!(answer.json().get("errors").is_none(), "{query}: {}", answer.text);
        }
        for role in [Role::Operator, Role::Supervisor, Role::Service] {
            let message = ask_under(Introspection::Managers, role, query).await.refused(403, "FORBIDDEN");
            assert!(message.contains(role.name()) && message.contains("MANAGER and ADMIN"), "{query}: {message}");
        }
    }
}

#[tokio::test]
async fn nobody_may_ask_for_the_schema_where_introspection_is_off() {
    for query in QUESTIONS {
        for role in Role::ALL {
            let message = ask_under(Introspection::Forbidden, role, query).await.refused(403, "FORBIDDEN");
            assert!(message.contains("does not tell its schema"), "{query}: {message}");
        }
    }
}

#[tokio::test]
async fn everybody_may_ask_for_the_schema_where_it_is_on() {
    for role in Role::ALL {
        let answer = ask_under(Introspection::Allowed, role, QUESTIONS[0]).await;
        assert_eq!(answer.json()["data"]["__schema"]["queryType"]["name"], "Query", "{}", answer.text);
    }
}

#[tokio::test]
async fn the_name_of_a_type_is_told_under_every_policy() {
    for introspection in [Introspection::Allowed, Introspection::Managers, Introspection::Forbidden] {
        let answer = ask_under(introspection, Role::Operator, "{ __typename nested { __typename } }").await;
        assert_eq!(answer.json(), json!({"data": {"__typename": "Query", "nested": {"__typename": "Node"}}}));
    }
}

#[tokio::test]
async fn names_are_suggested_only_where_introspection_is_for_everybody() {
    let mistakes =
        ["{ onee }", "{ echo(first: 1, firstt: 2) }", "{ one @deprecated(reeson: \"x\") }", "{ nested { onne } }"];
    for query in mistakes {
        let answer = ask_under(Introspection::Allowed, Role::Manager, query).await;
        answer.refused(400, "INVALID_QUERY");
        assert!(answer.text.contains("Did you mean"), "{}", answer.text);
        for introspection in [Introspection::Managers, Introspection::Forbidden] {
            let answer = ask_under(introspection, Role::Manager, query).await;
            answer.refused(400, "INVALID_QUERY");
            assert!(answer.text.contains("Unknown ") && !answer.text.contains("Did you mean"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn the_page_shows_the_schema_only_where_introspection_is_for_everybody() {
    for (introspection, is_shown) in
        [(Introspection::Allowed, true), (Introspection::Managers, false), (Introspection::Forbidden, false)]
    {
        for uri in ["/", "/graphql"] {
            let page = Request::get(uri).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
            let answer = send(app_with(Limits::default(), Stopped::default(), introspection), page).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.text.contains("type Query"), is_shown, "{introspection:?}");
        }
    }
}
