//! Who asks too much in a minute, or too much at once, is told so and when to come again (R15, R18, R20).

use axum::body::Body;
use axum::http::{Method, Request, header};
use rapport::api::Limits;
use rapport::auth::Role;
use serde_json::json;

use super::{Answer, request, send};
use crate::fixture_schema::{Stopped, app};
use crate::world::World;

async fn ask(router: &axum::Router, query: &str, accept: &str) -> Answer {
    let request = request(Method::POST, "/graphql")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, accept)
        .body(Body::from(json!({"query": query}).to_string()));
    send(router.clone(), request.unwrap()).await
}

#[tokio::test]
async fn spent_points_are_429_with_retry_after_whatever_the_media_type_and_introspection_counts() {
    let router = app(Limits { cost_per_minute: 3, ..Limits::default() }, Stopped::default());
    let introspection = "{ __schema { queryType { name } } }";
    let first = ask(&router, introspection, super::GRAPHQL).await;
    assert_eq!(first.json_with_cost()["extensions"]["cost"], json!({"points": 1, "left": 2, "perMinute": 3}));
    // Another text each time: the price is the document's, not a cache's.
    assert_eq!(ask(&router, "{ a: one }", super::GRAPHQL).await.json_with_cost()["extensions"]["cost"]["left"], 1);
    assert_eq!(ask(&router, "{ b: one }", super::GRAPHQL).await.json_with_cost()["extensions"]["cost"]["left"], 0);
    for accept in [super::GRAPHQL, "application/json"] {
        let answer = ask(&router, introspection, accept).await;
        let message = answer.refused(429, "RATE_LIMITED");
        assert!(message.contains("`costPerMinute`, 3"), "{message}");
        let seconds: u32 = answer.header(header::RETRY_AFTER).parse().unwrap();
        assert!((1..=20).contains(&seconds), "{seconds}");
    }
    // What is refused was read and checked: it costs a point too.
    ask(&router, "{ one ", super::GRAPHQL).await.refused(429, "RATE_LIMITED");
}

#[tokio::test]
async fn a_document_that_is_refused_costs_a_point() {
    let router = app(Limits { cost_per_minute: 2, ..Limits::default() }, Stopped::default());
    ask(&router, "{ one ", super::GRAPHQL).await.refused(400, "INVALID_QUERY");
    assert_eq!(ask(&router, "{ one }", super::GRAPHQL).await.json_with_cost()["extensions"]["cost"]["left"], 0);
}

#[tokio::test]
async fn one_more_request_than_may_run_at_once_is_429_and_a_place_comes_back() {
    let stopped = Stopped::default();
    let router = app(Limits { requests_at_once: 2, ..Limits::default() }, stopped.clone());
    let mut running = Vec::new();
    for count in 1..=2 {
        let router = router.clone();
        running.push(tokio::spawn(async move { ask(&router, "{ slow }", super::GRAPHQL).await }));
        while stopped.started.load(std::sync::atomic::Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
    }
    let answer = ask(&router, "{ one }", super::GRAPHQL).await;
    assert!(answer.refused(429, "RATE_LIMITED").contains("`requestsAtOnce` is 2"));
    assert_eq!(answer.header(header::RETRY_AFTER), "1");
    running.remove(0).abort();
    while stopped.ended.load(std::sync::atomic::Ordering::SeqCst) < 1 {
        tokio::task::yield_now().await;
    }
    while ask(&router, "{ one }", super::GRAPHQL).await.status != 200 {
        tokio::task::yield_now().await;
    }
    running.remove(0).abort();
}

#[tokio::test]
async fn the_cost_of_a_question_is_known_and_spent_before_it_runs() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let limits = Limits { cost_per_minute: 30, ..Limits::default() };
    let world = world.limited(limits);
    let query =
        |days: u32| format!("{{ analytics(range: {{last: \"P{days}D\"}}) {{ delivery {{ total {{ rate }} }} }} }}");
    let answer = world.answer_with_cost(&world.manager(), &query(731)).await;
    assert_eq!(answer["extensions"]["cost"], json!({"points": 24, "left": 6, "perMinute": 30}));
    let before = world.store.count();
    let body = json!({"query": query(300)}).to_string();
    let post = Request::post("/graphql")
        .header(header::AUTHORIZATION, format!("Bearer {}", world.manager()))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body));
    let (status, answer) = world.send(post.unwrap()).await;
    assert_eq!((status.as_u16(), &answer["errors"][0]["extensions"]["code"]), (429, &json!("RATE_LIMITED")));
    assert_eq!(world.store.count(), before, "nothing was asked of the engine");
    // Another bearer of the same tenant has a budget of its own.
    let answer = world.answer_with_cost(&world.operator("anna"), &query(30)).await;
    assert_eq!(answer["extensions"]["cost"]["points"], 1);
}

#[tokio::test]
async fn a_role_can_have_limits_of_its_own() {
    use std::collections::HashMap;

    use rapport::api::LimitsByRole;

    let world = World::at("2026-03-20T00:00:00Z").await;
    let own =
        HashMap::from([(Role::Operator, HashMap::from([("depth".to_owned(), 3), ("costPerMinute".to_owned(), 7)]))]);
    let limits = LimitsByRole::configured(&HashMap::new(), &own).unwrap();
    let world = world.limited(limits);
    let deep = "{ channels { capabilities { level } } }";
    let deeper = r#"{ analytics(range: {last: "P1D"}) { delivery { total { quality { level } } } } }"#;
    let operator = world.operator("anna");
    assert!(world.answer(&operator, deep).await.get("errors").is_none());
    let refused = world.answer(&operator, deeper).await;
    assert_eq!(refused["errors"][0]["message"], "the limit `depth` is 3, and the request has 5");
    assert!(world.answer(&world.manager(), deeper).await.get("errors").is_none());
    let limits = world.ask(&operator, "{ limits { name value } }").await;
    assert!(limits["limits"].as_array().unwrap().contains(&json!({"name": "costPerMinute", "value": 7})));
}

/// The price of each is at least what the engine is asked.
#[tokio::test]
async fn no_question_asks_the_engine_more_than_it_costs() {
    use rapport::metrics::catalogue::FAMILIES;

    let world = World::at("2026-03-13T12:00:00Z").await;
    world.take(&crate::drill::history::events(200)).await;
    let range = r#"range: {last: "P10D"}"#;
    let mut questions = vec![
        format!("{{ operators({range}) {{ value }} teams({range}) {{ value }} }}"),
        format!(
            "{{ table({range}, metrics: [delivery_rate, reads_engagedRate, activity_turns], by: [CHANNEL]) {{ rows {{ keys }} totals columns {{ quality {{ level }} }} }} }}"
        ),
        "{ businessHours { validFrom } metricDefinitions { name } channels { name } }".to_owned(),
        r#"{ dialog(id: "00000000000000ff") { channel cycles { openedAt } timeline { totalCount nodes { at } } } }"#
            .to_owned(),
    ];
    for family in FAMILIES {
        let name = family.name;
        let all = family.metrics.iter().map(|metric| metric.name).collect::<Vec<_>>().join(" ");
        let last = family.metrics.last().unwrap().name;
        questions.push(format!(
            "{{ analytics({range}) {{ {name} {{
                total {{ {all} quality {{ level }} explain {{ rowsRead statements {{ rowsRead }} }} }} compare(to: PREVIOUS_WEEK) {{ {all} }}
                by(dimensions: [CHANNEL], orderBy: {{metric: {last}}}) {{ keys metrics {{ {all} }} }} }} }} }}"
        ));
        questions.push(format!(
            "{{ analytics({range}) {{ {name} {{ total {{ behind(of: {last}) {{ dialogs {{ totalCount nodes {{ id }} }} }} }} }} }} }}"
        ));
    }
    for question in questions {
        let before = world.store.count();
        let answer = world.answer_with_cost(&world.manager(), &question).await;
        assert!(answer.get("errors").is_none(), "{question}\n{answer}");
        let points = answer["extensions"]["cost"]["points"].as_u64().unwrap();
        let asked = world.store.count() - before;
        assert!(asked as u64 <= points, "{asked} statements for {points} points: {question}");
    }
}
