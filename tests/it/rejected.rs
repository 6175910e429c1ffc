//! What cannot be stored: kept with its reason, shown to managers of its tenant, and taken in again.

mod poison;
mod resubmitting;

use axum::http::StatusCode;
use rapport::auth::Role;
use rapport::ingest::rejected::KEPT_LINES_MAX;
use serde_json::{Value, json};

use crate::audit::in_memory;
use crate::engine::shown;
use crate::world::{TENANT, World};

/// In the future, because the table forgets by the engine's clock, which is nobody's to set.
const NOW: &str = "2035-05-01T12:00:00Z";

const UNKNOWN: &str =
    r#"{"id":"odd","kind":"message.exploded","channel":"vk","chat":"c","message":"1","text":"Anna's number"}"#;
const GOOD: &str =
    r#"{"id":"good","kind":"message.received","channel":"vk","chat":"c","message":"1","at":"2035-05-01T10:00:00Z"}"#;

async fn send(world: &World, body: impl Into<axum::body::Body>) -> Value {
    let (status, receipt) = world.post_events(&world.service(), None, body).await;
    assert_eq!(status, StatusCode::OK, "{receipt}");
    receipt
}

/// What is kept, as `rejectedEvents(arguments) { nodes { fields } }` tells it.
async fn kept(world: &World, arguments: &str, fields: &str) -> Value {
    let query = format!("{{ rejectedEvents{arguments} {{ nodes {{ {fields} }} }} }}");
    world.ask(&world.manager(), &query).await["rejectedEvents"]["nodes"].clone()
}

#[tokio::test]
async fn a_rejected_line_is_kept_with_its_reason_and_counts_up() {
    let world = World::at(NOW).await;
    let receipt = send(&world, format!("{GOOD}\n{UNKNOWN}\nnonsense")).await;
    assert_eq!((&receipt["accepted"], &receipt["rejectedTotal"]), (&json!(1), &json!(2)));
    assert_eq!(receipt["rejected"][0], json!({"line": 2, "id": "odd", "reason": "unknown kind \"message.exploded\""}));
    send(&world, UNKNOWN).await;
    let query =
        "{ rejectedEvents { totalCount notKeptToday nodes { eventId connection origin reasonCode reason raw isWhole
        receivedAt lastSeenAt timesSeen resubmittedAt outcome expiresAt } pageInfo { hasNextPage } } }";
    let mut answer = world.ask(&world.manager(), query).await["rejectedEvents"].clone();
    let nodes = answer["nodes"].as_array_mut().unwrap();
    nodes.sort_by_key(|node| node["eventId"].is_null());
    let same = |of: Value| {
        let mut node = json!({
            "connection": null, "origin": "INVALID", "isWhole": true, "receivedAt": "2035-05-01T12:00:00.000Z",
            "lastSeenAt": "2035-05-01T12:00:00.000Z", "resubmittedAt": null, "outcome": null,
            "expiresAt": "2035-05-31T12:00:00.000Z",
        });
        node.as_object_mut().unwrap().append(of.as_object().cloned().as_mut().unwrap());
        node
    };
    let expect = json!({
        "totalCount": 2, "notKeptToday": 0, "pageInfo": {"hasNextPage": false},
        "nodes": [
            same(json!({"eventId": "odd", "reasonCode": "UNKNOWN_KIND", "reason": "unknown kind \"message.exploded\"",
                        "raw": UNKNOWN, "timesSeen": 2})),
            same(json!({"eventId": null, "reasonCode": "INVALID_JSON", "raw": "nonsense", "timesSeen": 1,
                        "reason": "the line is not valid JSON: expected ident (column 2)"})),
        ],
    });
    assert_eq!(answer, expect);
}

#[tokio::test]
async fn nothing_is_written_where_nothing_is_rejected() {
    let world = World::at(NOW).await;
    send(&world, GOOD).await;
    let rows = shown(&*world.store, "SELECT count() AS rows FROM rejected_events").await;
    assert_eq!(rows, "rows: 0\n\n");
}

#[tokio::test]
async fn filters_keep_what_they_name() {
    let world = World::at(NOW).await;
    send(&world, UNKNOWN).await;
    let count = async |arguments: &str| kept(&world, arguments, "id").await.as_array().unwrap().len();
    for (arguments, expect) in [
        ("(origin: INVALID)", 1),
        ("(origin: REFUSED)", 0),
        (r#"(connection: "")"#, 1),
        (r#"(connection: "' OR 1=1 --")"#, 0),
        (r#"(range: {from: "2035-05-01", to: "2035-05-02"})"#, 1),
        (r#"(range: {from: "2035-05-02", to: "2035-05-03"})"#, 0),
        (r#"(range: {from: "2035-05-01T14:00:00+02:00", to: "2035-05-02"}, timezone: "Europe/Berlin")"#, 1),
    ] {
        assert_eq!(count(arguments).await, expect, "{arguments}");
    }
}

#[tokio::test]
async fn a_request_has_a_thousand_lines_kept_and_all_counted() {
    let world = World::at(NOW).await;
    let lines: Vec<String> = (0..KEPT_LINES_MAX + 200).map(|number| format!("nonsense {number}")).collect();
    let receipt = send(&world, lines.join("\n")).await;
    assert_eq!((receipt["rejected"].as_array().unwrap().len(), &receipt["rejectedTotal"]), (1_000, &json!(1_200)));
    let query = "{ rejectedEvents(first: 1) { totalCount } }";
    assert_eq!(world.ask(&world.manager(), query).await["rejectedEvents"]["totalCount"], 1_000);
}

#[tokio::test]
async fn a_line_too_long_is_kept_cut_and_one_that_is_no_text_byte_for_byte() {
    let world = World::at(NOW).await;
    let long = "x".repeat((1 << 20) + 100);
    send(&world, [long.as_bytes(), b"\n\xff\xfe"].concat()).await;
    let mut nodes = kept(&world, "", "raw isWhole reasonCode").await;
    nodes.as_array_mut().unwrap().sort_by_key(|node| node["isWhole"] == true);
    assert_eq!(nodes[0]["raw"].as_str().unwrap().len(), 1 << 20);
    assert_eq!((&nodes[0]["isWhole"], &nodes[0]["reasonCode"]), (&json!(false), &json!("LINE_TOO_LONG")));
    assert_eq!(nodes[1], json!({"raw": "base64://4=", "isWhole": true, "reasonCode": "INVALID_UTF8"}));
}

#[tokio::test]
async fn a_request_has_the_texts_of_one_full_page() {
    let world = World::at(NOW).await;
    let lines: Vec<String> = (0..4).map(|number| format!("{number}{}", "x".repeat((1 << 20) - 1))).collect();
    // More than 16 MiB of them, in several requests.
    for start in 0..5 {
        let lines: Vec<String> = lines.iter().map(|line| format!("{start}{}", &line[..line.len() - 1])).collect();
        send(&world, lines.join("\n")).await;
    }
    let nodes = kept(&world, "", "raw").await;
    assert_eq!(nodes.as_array().unwrap().len(), 16);
    for query in [
        "{ rejectedEvents { nodes { raw again: raw } } }",
        "{ rejectedEvents { nodes { raw } } other: rejectedEvents(first: 1) { nodes { raw } } }",
    ] {
        let answer = world.answer(&world.manager(), query).await;
        let error = answer["errors"][0].to_string();
        assert!(error.contains("LIMIT_EXCEEDED") && error.contains("`rejectedTextBytes` is 33554432"), "{error}");
    }
}

#[tokio::test]
async fn pages_hold_every_line_once_and_their_cursors_are_their_tenants() {
    let world = World::at(NOW).await;
    let lines: Vec<String> = (0..25).map(|number| format!("nonsense {number}")).collect();
    send(&world, lines.join("\n")).await;
    let others = world.token_of("other", Role::Service, None, &[]);
    world.post_events(&others, None, "their nonsense").await;
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let query = format!(
            "{{ rejectedEvents(first: 10{after}) {{ totalCount edges {{ cursor node {{ raw }} }} nodes {{ raw }} \
             pageInfo {{ hasNextPage hasPreviousPage endCursor }} }} }}"
        );
        let page = world.ask(&world.manager(), &query).await["rejectedEvents"].clone();
        assert_eq!(
            (&page["totalCount"], &page["pageInfo"]["hasPreviousPage"]),
            (&json!(25), &json!(!after.is_empty()))
        );
        let edges = page["edges"].as_array().unwrap();
        assert_eq!(edges.last().unwrap()["cursor"], page["pageInfo"]["endCursor"]);
        found.extend(edges.iter().map(|edge| edge["node"]["raw"].as_str().unwrap().to_owned()));
        after = format!(", after: {}", page["pageInfo"]["endCursor"]);
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    found.sort();
    let mut expect = lines;
    expect.sort();
    assert_eq!(found, expect);
    // The cursor of one tenant, or of one question, is none of another.
    let stranger = world.token_of("other", Role::Manager, None, &[]);
    for (token, more) in [(&stranger, ""), (&world.manager(), ", origin: INVALID")] {
        let answer =
            world.answer(token, &format!("{{ rejectedEvents(first: 10{after}{more}) {{ totalCount }} }}")).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID_QUERY", "{answer}");
    }
}

#[tokio::test]
async fn a_rejected_line_of_another_tenant_is_like_none() {
    let world = World::at(NOW).await;
    send(&world, UNKNOWN).await;
    let id = kept(&world, "", "id").await[0]["id"].as_str().unwrap().to_owned();
    let stranger = world.token_of("other", Role::Manager, None, &[]);
    let nobody = "0".repeat(32);
    for id in [&id, &nobody, "", "no id", "'; DROP TABLE events", &format!("{nobody}\n{id}")] {
        let mutation =
            format!("mutation {{ resubmitRejected(ids: [{id:?}]) {{ accepted duplicates rejected left }} }}");
        let answer = world.ask(&stranger, &mutation).await["resubmitRejected"].clone();
        assert_eq!(answer, json!({"accepted": 0, "duplicates": 0, "rejected": 0, "left": 0}), "{id}");
    }
    let all = world.ask(&stranger, "{ rejectedEvents { totalCount nodes { raw } } }").await;
    assert_eq!(all["rejectedEvents"], json!({"totalCount": 0, "nodes": []}));
    // Nothing was tried, and nothing is named by no id at all.
    world.ask(&world.manager(), "mutation { resubmitRejected(ids: []) { left } }").await;
    assert_eq!(kept(&world, "", "resubmittedAt").await, json!([{"resubmittedAt": null}]));
}

#[tokio::test]
async fn only_managers_and_admins_see_and_submit_them() {
    let world = World::at(NOW).await;
    send(&world, UNKNOWN).await;
    for role in Role::ALL {
        let token = world.token_of(TENANT, role, Some("anna"), &["north"]);
        let may = matches!(role, Role::Manager | Role::Admin);
        for query in ["{ rejectedEvents { nodes { raw } } }", "mutation { resubmitRejected { rejected } }"] {
            let answer = world.answer(&token, query).await;
            let code = &answer["errors"][0]["extensions"]["code"];
            assert_eq!(*code, if may { Value::Null } else { json!("FORBIDDEN") }, "{role} {answer}");
            assert!(may || !answer.to_string().contains("Anna"), "{answer}");
        }
    }
}

#[tokio::test]
async fn the_audit_log_has_who_read_and_submitted_them_and_nothing_of_them() {
    let world = World::at(NOW).await;
    let mut memory = in_memory(world.now);
    let world = world.recorded(memory.log.clone());
    send(&world, UNKNOWN).await;
    memory.lines.recv().await.unwrap();
    kept(&world, "", "raw").await;
    let read = memory.lines.recv().await.unwrap();
    assert_eq!(
        (&read["sub"], &read["fields"], &read["records"]),
        (&json!("tester"), &json!(["rejectedEvents"]), &json!(["rejectedEvents"]))
    );
    world.ask(&world.manager(), "mutation { resubmitRejected { rejected } }").await;
    let submitted = memory.lines.recv().await.unwrap();
    assert_eq!((&submitted["fields"], &submitted["rejected"]), (&json!(["resubmitRejected"]), &json!(1)));
    assert!(!format!("{read}{submitted}").contains("Anna"), "{read}{submitted}");
}

#[tokio::test]
async fn a_mutation_by_get_submits_nothing() {
    let world = World::at(NOW).await;
    send(&world, UNKNOWN).await;
    let request = axum::http::Request::get("/graphql?query=mutation%7BresubmitRejected%7Brejected%7D%7D")
        .header("authorization", format!("Bearer {}", world.manager()))
        .header("accept", "application/json");
    let (status, _) = world.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(kept(&world, "", "resubmittedAt").await, json!([{"resubmittedAt": null}]));
}
