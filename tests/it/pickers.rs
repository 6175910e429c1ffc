//! Filter pickers: what there is in the range, for whom, and how it is searched.

use rapport::auth::Role;
use serde_json::{Value, json};

use crate::world::{TENANT, World};

const RANGE: &str = r#"range: {from: "2026-03-01", to: "2026-04-01"}"#;

async fn world() -> World {
    let world = World::at("2026-04-20T00:00:00Z").await;
    let sent = |id: &str, day: &str, operator: &str, team: &str, campaign: &str| {
        json!({"id": id, "kind": "message.sent", "at": format!("2026-03-{day}T09:05:00Z"), "channel": "WHATSAPP", "account": "a",
            "chat": operator, "message": id, "operator": operator, "team": team, "campaign": campaign, "segments": [format!("of {team}")]})
    };
    let received = |id: &str, day: &str, operator: &str| {
        json!({"id": id, "kind": "message.received", "at": format!("2026-03-{day}T09:00:00Z"), "channel": "WHATSAPP", "account": "a",
            "chat": operator, "message": id})
    };
    world
        .take(&[
            sent("1", "02", "anna", "north", "Весна 2026"),
            received("2", "03", "Борис"),
            sent("3", "03", "Борис", "south", "Лето"),
            sent("4", "04", "Борис", "south", "ВЕСНА bis"),
            sent("5", "05", "carla", "north", "Лето"),
            json!({"id": "6", "kind": "message.sent", "at": "2026-03-06T09:00:00Z", "channel": "TELEGRAM", "account": "a",
                "chat": "x", "message": "6", "author": "BOT", "scenario": "welcome"}),
        ])
        .await;
    world
}

async fn picked(world: &World, token: &str, picker: &str, more: &str) -> Vec<String> {
    let answer = world.ask(token, &format!("{{ {picker}({RANGE} {more}) {{ value }} }}")).await;
    let text = |value: &Value| value["value"].as_str().unwrap().to_owned();
    answer[picker].as_array().unwrap().iter().map(text).collect()
}

#[tokio::test]
pub async fn the_most_used_come_first_with_their_last_message() {
    let world = world().await;
    let fields = "{ value messages lastSeenAt }";
    let query =
        format!("{{ operators({RANGE}) {fields} teams({RANGE}) {{ value messages }} scenarios({RANGE}) {fields} }}");
    let answer = world.ask(&world.manager(), &query).await;
    assert_eq!(
        answer,
        json!({
            // A client's message is of the operator who answers it.
            "operators": [
                {"value": "Борис", "messages": 3, "lastSeenAt": "2026-03-04T09:05:00.000Z"},
                {"value": "anna", "messages": 1, "lastSeenAt": "2026-03-02T09:05:00.000Z"},
                {"value": "carla", "messages": 1, "lastSeenAt": "2026-03-05T09:05:00.000Z"},
            ],
            "teams": [{"value": "south", "messages": 3}, {"value": "north", "messages": 2}],
            "scenarios": [{"value": "welcome", "messages": 1, "lastSeenAt": "2026-03-06T09:00:00.000Z"}],
        })
    );
    assert_eq!(picked(&world, &world.manager(), "operators", ", first: 1").await, ["Борис"]);
}

#[tokio::test]
async fn a_search_finds_parts_in_any_case_and_a_filter_narrows() {
    let world = world().await;
    let manager = world.manager();
    for (picker, more, expect) in [
        ("campaigns", r#", search: "весна""#, vec!["ВЕСНА bis", "Весна 2026"]),
        ("campaigns", r#", search: "ЛЕТ""#, vec!["Лето"]),
        ("campaigns", r#", search: "%""#, vec![]),
        ("campaigns", r#", search: """#, vec!["Лето", "ВЕСНА bis", "Весна 2026"]),
        ("operators", r#", search: "бор", filter: {teams: "north"}"#, vec![]),
        ("operators", r#", filter: {teams: "north"}"#, vec!["anna", "carla"]),
        ("operators", r#", filter: {not: {channels: "WHATSAPP"}}"#, vec![]),
        ("segments", "", vec!["of north", "of south"]),
    ] {
        assert_eq!(picked(&world, &manager, picker, more).await, expect, "{picker} {more}");
    }
    let early = r#"{ operators(range: {from: "2026-03-01", to: "2026-03-03"}) { value } }"#;
    assert_eq!(world.ask(&manager, early).await["operators"], json!([{"value": "anna"}]));
}

#[tokio::test]
async fn everybody_finds_what_it_sees() {
    let world = world().await;
    let supervisor = world.token_of(TENANT, Role::Supervisor, None, &["north"]);
    let other = world.token_of("other", Role::Manager, None, &[]);
    for (token, operators, teams, campaigns, segments) in [
        (world.operator("Борис"), vec!["Борис"], vec!["south"], vec!["ВЕСНА bis", "Лето"], vec!["of south"]),
        (world.operator("nobody"), vec![], vec![], vec![], vec![]),
        (supervisor, vec!["anna", "carla"], vec!["north"], vec!["Весна 2026", "Лето"], vec!["of north"]),
        (other, vec![], vec![], vec![], vec![]),
    ] {
        assert_eq!(picked(&world, &token, "operators", "").await, operators);
        assert_eq!(picked(&world, &token, "teams", "").await, teams);
        assert_eq!(picked(&world, &token, "campaigns", "").await, campaigns);
        assert_eq!(picked(&world, &token, "segments", "").await, segments);
        let colleague = picked(&world, &token, "operators", r#", filter: {operators: ["anna"]}, search: "an""#).await;
        assert!(colleague.is_empty() || operators.contains(&"anna"));
    }
}

#[tokio::test]
async fn wrong_arguments_are_refused() {
    let world = world().await;
    let long = "x".repeat(257);
    for (token, more, code, message) in [
        (
            world.manager(),
            "first: 501".to_owned(),
            "INVALID_QUERY",
            "the argument `first` is 501; it must be an integer from 1 to 500",
        ),
        (
            world.manager(),
            "first: 0".to_owned(),
            "INVALID_QUERY",
            "the argument `first` is 0; it must be an integer from 1 to 500",
        ),
        (
            world.manager(),
            format!("search: \"{long}\""),
            "LIMIT_EXCEEDED",
            "`search` is longer than 256 characters, the limit `filterValueCharacters`",
        ),
        (
            world.manager(),
            "filter: {teams: []}".to_owned(),
            "INVALID_QUERY",
            "the filter `teams` is an empty list: leave it out to mean all",
        ),
        (
            world.service(),
            "first: 1".to_owned(),
            "FORBIDDEN",
            "a token of the role SERVICE sends events and reads nothing: use one of a person",
        ),
    ] {
        let answer = world.answer(&token, &format!("{{ teams({RANGE}, {more}) {{ value }} }}")).await;
        let error = &answer["errors"][0];
        assert_eq!((&error["extensions"]["code"], &error["message"]), (&json!(code), &json!(message)), "{answer}");
        assert_eq!(answer["data"], json!({"teams": null}));
    }
}
