//! Ways around a scope that belong to no other file (I cases).

use axum::body::Body;
use axum::http::Request;
use rapport::auth::Role;
use serde_json::{Value, json};

use crate::world::{TENANT, World, event};

const MARCH: &str = r#"range: {from: "2026-03-01", to: "2026-04-01"}"#;

/// Anna writes one message, bob two; another tenant has three of both.
async fn world() -> World {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let sent = |operator: &str, team: &str, message: &str| {
        let who = json!({"operator": operator, "team": team, "contact": operator});
        event("message.sent", operator, message, "2026-03-10T10:00:00Z", &who)
    };
    let events = [sent("anna", "north", "1"), sent("bob", "south", "1"), sent("bob", "south", "2")];
    world.take(&events).await;
    let others = world.token_of("other", Role::Service, None, &[]);
    world.post_events(&others, None, Value::from(events.to_vec()).to_string()).await;
    world
}

#[tokio::test]
pub async fn an_alias_beside_ones_own_question_finds_nothing_of_others() {
    let world = world().await;
    let of = |alias: &str, operator: &str| {
        format!(
            "{alias}: analytics({MARCH}, filter: {{operators: [{operator:?}]}}) {{ delivery {{ total {{ outbound }} }} }}"
        )
    };
    let query = format!("{{ {} {} {} }}", of("a", "anna"), of("b", "bob"), of("c", "nobody"));
    let answer = world.ask(&world.operator("anna"), &query).await;
    let outbound = |alias: &str| answer[alias]["delivery"]["total"]["outbound"].clone();
    assert_eq!((outbound("a"), outbound("b"), outbound("c")), (json!(1), json!(0), json!(0)));
}

#[tokio::test]
pub async fn a_total_less_ones_own_part_is_nothing() {
    let world = world().await;
    let query = format!(
        "{{ table({MARCH}, metrics: [delivery_outbound], by: [OPERATOR]) {{ rows {{ keys values }} totals rowCount }}
           analytics({MARCH}) {{ delivery {{ total {{ outbound }} series(every: MONTH) {{ metrics {{ outbound }} }} }} }} }}"
    );
    let answer = world.ask(&world.operator("anna"), &query).await;
    assert_eq!(answer["table"], json!({"rows": [{"keys": ["anna"], "values": [1]}], "totals": [1], "rowCount": 1}));
    assert_eq!(
        answer["analytics"]["delivery"],
        json!({"total": {"outbound": 1}, "series": [{"metrics": {"outbound": 1}}]})
    );
}

#[tokio::test]
pub async fn the_tenant_is_the_tokens_whatever_else_names_one() {
    let world = world().await;
    let query = format!("{{ viewer {{ tenant }} analytics({MARCH}) {{ delivery {{ total {{ outbound }} }} }} }}");
    let body =
        json!({"query": query, "tenant": "other", "variables": {"tenant": "other"}, "extensions": {"tenant": "other"}});
    let request = Request::post("/graphql?tenant=other")
        .header("authorization", format!("Bearer {}", world.manager()))
        .header("content-type", "application/json")
        .header("x-tenant", "other")
        .header("x-tenant-id", "other")
        .header("cookie", "tenant=other");
    let (_, answer) = world.send(request.body(Body::from(body.to_string())).unwrap()).await;
    assert_eq!(answer["data"]["viewer"]["tenant"], TENANT);
    assert_eq!(answer["data"]["analytics"]["delivery"]["total"]["outbound"], 3);
    // Nor does an event choose its tenant.
    let mut sent = event("message.sent", "z", "1", "2026-03-11T10:00:00Z", &json!({"operator": "anna"}));
    sent["tenant"] = "other".into();
    world.take(&[sent]).await;
    let count = async |tenant: &str| {
        let token = world.token_of(tenant, Role::Manager, None, &[]);
        let query = format!("{{ analytics({MARCH}) {{ delivery {{ total {{ outbound }} }} }} }}");
        world.ask(&token, &query).await["analytics"]["delivery"]["total"]["outbound"].clone()
    };
    assert_eq!((count(TENANT).await, count("other").await), (json!(4), json!(3)));
}

#[tokio::test]
async fn no_error_tells_of_tables_statements_or_tenants() {
    let world = world().await;
    let deep = format!(
        "{{ analytics({MARCH}) {{ delivery {{ by(dimensions: [CHANNEL, ACCOUNT, OPERATOR, TEAM, DAY]) {{ keys }} }} }} }}"
    );
    for query in [
        "{",
        "{ nothing }",
        "{ analytics(range: {last: \"P1D\", from: \"x\"}) { from } }",
        &deep,
        &format!(
            "{{ analytics({MARCH}) {{ activeDialogs {{ by(dimensions: [DAY]) {{ keys metrics {{ peak }} }} }} }} }}"
        ),
        &format!(
            "{{ analytics({MARCH}) {{ delivery {{ total {{ behind(of: outbound) {{ turns {{ totalCount }} }} }} }} }} }}"
        ),
        "{ dialog(id: \"' OR 1\") { channel timeline(after: \"x\") { totalCount } } }",
    ] {
        let answer = world.answer(&world.operator("anna"), query).await.to_string().to_lowercase();
        for word in ["select ", "fact_", "derived_", "clickhouse", "chdb", "exception", "bob", "south", "other", ".rs"]
        {
            assert!(!answer.contains(word), "{query} tells {word}\n{answer}");
        }
    }
}

#[tokio::test]
pub async fn two_requests_of_different_sight_share_no_answer() {
    let world = world().await;
    let query = format!("{{ analytics({MARCH}) {{ delivery {{ total {{ outbound }} }} }} }}");
    let tokens = [
        world.manager(),
        world.operator("anna"),
        world.token_of("other", Role::Manager, None, &[]),
        world.operator("bob"),
    ];
    // At the same time and one after the other: whoever asks first leaves nothing for the next.
    let asked =
        futures_util::future::join_all(tokens.iter().chain(&tokens).map(|token| world.ask(token, &query))).await;
    let counts: Vec<&Value> =
        asked.iter().map(|answer| &answer["analytics"]["delivery"]["total"]["outbound"]).collect();
    assert_eq!(counts, [3, 1, 3, 2, 3, 1, 3, 2]);
}
