//! Where an operator stands in its team, without anybody's name; and people who change teams or are in several.

use rapport::auth::Role;
use serde_json::{Value, json};

use crate::world::{TENANT, World, event};

const MARCH: &str = r#"range: {from: "2026-03-01", to: "2026-04-01"}"#;

/// On a day of March each operator is sent so many client messages, one a chat, and answers after so many minutes.
fn day(day: u32, team: &str, operators: &[(&str, u32, u32)]) -> Vec<Value> {
    let mut events = Vec::new();
    for (operator, chats, minutes) in operators {
        for chat in 0..*chats {
            let chat = format!("{day} {team} {operator} {chat}");
            let at = |minute: u32| format!("2026-03-{day:02}T10:{minute:02}:00Z");
            events.push(event("message.received", &chat, "1", &at(0), &json!({})));
            let who = json!({"operator": operator, "team": team});
            events.push(event("message.sent", &chat, "2", &at(*minutes), &who));
        }
    }
    events
}

/// In the team north six operators answer after 1, 2, 4, 8, 16 and 32 minutes, and write 1 to 6 messages; the team small has four.
async fn teams() -> World {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let north = [("anna", 3, 4), ("bob", 1, 1), ("carl", 2, 2), ("dora", 4, 8), ("emil", 5, 16), ("fred", 6, 32)];
    world.take(&day(10, "north", &north)).await;
    world.take(&day(11, "small", &[("gina", 1, 1), ("hans", 1, 2), ("ida", 1, 3), ("anna", 2, 4)])).await;
    world
}

const ALL: &str = "team value median lowerQuartile upperQuartile operators quality { level }";

async fn ask(world: &World, token: &str, family: &str, arguments: &str) -> Value {
    let query = format!("{{ analytics({MARCH}) {{ {family} {{ standing({arguments}) {{ {ALL} }} }} }} }}");
    let family = family.split('(').next().unwrap();
    world.ask(token, &query).await["analytics"][family]["standing"].clone()
}

#[tokio::test]
async fn an_operator_sees_its_own_value_and_the_middle_of_its_team() {
    let world = teams().await;
    let anna = world.operator("anna");
    // Medians of 60, 120, 240, 480, 960 and 1920 s: the quartiles lie a quarter of the way between the nearest.
    let north = ask(&world, &anna, "responseTime", r#"of: p50Seconds, team: "north""#).await;
    assert_eq!(
        north,
        json!({"team": "north", "value": 240.0, "median": 360.0, "lowerQuartile": 150.0, "upperQuartile": 840.0,
            "operators": 6, "quality": {"level": "EXACT"}})
    );
    let outbound = ask(&world, &anna, "delivery", r#"of: outbound, team: "north""#).await;
    assert_eq!(
        (&outbound["value"], &outbound["median"], &outbound["upperQuartile"]),
        (&json!(3.0), &json!(3.5), &json!(4.75))
    );
    // Four operators are too few to hide one of them.
    let small = ask(&world, &anna, "responseTime", r#"of: p50Seconds, team: "small""#).await;
    assert_eq!(
        small,
        json!({"team": "small", "value": 240.0, "median": null, "lowerQuartile": null, "upperQuartile": null,
            "operators": null, "quality": {"level": "EXACT"}})
    );
}

#[tokio::test]
async fn the_team_is_the_last_one_of_the_range_unless_another_of_ones_own_is_named() {
    let world = teams().await;
    let team = async |token: &str, arguments: &str| ask(&world, token, "delivery", arguments).await["team"].clone();
    assert_eq!(team(&world.operator("anna"), "of: outbound").await, "small");
    assert_eq!(team(&world.operator("bob"), "of: outbound").await, "north");
    // A team of others, and one that does not exist.
    assert_eq!(ask(&world, &world.operator("bob"), "delivery", r#"of: outbound, team: "small""#).await, Value::Null);
    assert_eq!(ask(&world, &world.operator("bob"), "delivery", r#"of: outbound, team: "west""#).await, Value::Null);
    assert_eq!(ask(&world, &world.operator("stranger"), "delivery", "of: outbound").await, Value::Null);
    let elsewhere = world.token_of("other", Role::Operator, Some("anna"), &[]);
    assert_eq!(ask(&world, &elsewhere, "delivery", "of: outbound").await, Value::Null);
    // A supervisor that answers clients too.
    let leader = world.token_of(TENANT, Role::Supervisor, Some("dora"), &["north"]);
    assert_eq!(ask(&world, &leader, "delivery", "of: outbound").await["value"], 4.0);
}

#[tokio::test]
async fn nothing_of_a_colleague_comes_with_it() {
    let world = teams().await;
    let anna = world.operator("anna");
    let query = format!(
        "{{ analytics({MARCH}) {{ responseTime {{ standing(of: p50Seconds, team: \"north\") {{ {ALL} }}
            total {{ answered }} by(dimensions: [OPERATOR]) {{ keys metrics {{ answered }} }} }} }} }}"
    );
    let answer = world.ask(&anna, &query).await;
    for name in ["bob", "carl", "dora", "emil", "fred", "gina", "hans", "ida"] {
        assert!(!answer.to_string().contains(name), "{answer}");
    }
    let own = &answer["analytics"]["responseTime"];
    assert_eq!(own["total"]["answered"], 5);
    assert_eq!(own["by"], json!([{"keys": ["anna"], "metrics": {"answered": 5}}]));
}

#[tokio::test]
async fn a_team_cannot_be_taken_apart() {
    let world = teams().await;
    let refusal = async |token: &str, filter: &str, field: &str| {
        let query = format!("{{ analytics({MARCH}, filter: {{{filter}}}) {{ {field} }} }}");
        let answer = world.answer(token, &query).await;
        let error = answer["errors"][0].clone();
        (error["extensions"]["code"].clone(), error["message"].as_str().unwrap_or_default().to_owned())
    };
    let anna = world.operator("anna");
    let standing = r#"delivery { standing(of: outbound, team: "north") { median } }"#;
    for list in
        ["channels", "accounts", "operators", "teams", "segments", "campaigns", "scenarios", "messageKinds", "contacts"]
    {
        for filter in [format!(r#"{list}: ["bob"]"#), format!(r#"not: {{{list}: ["bob"]}}"#)] {
            let (code, message) = refusal(&anna, &filter, standing).await;
            assert_eq!(code, "INVALID_QUERY");
            assert!(message.contains(&format!("this by `{list}`, could single somebody out")), "{message}");
        }
    }
    for filter in ["hours: [10]", "not: {weekdays: [7]}", "authors: [BOT]"] {
        assert_eq!(refusal(&anna, filter, standing).await.0, "INVALID_QUERY", "{filter}");
    }
    let hour = r#"{ analytics(range: {from: "2026-03-10T10:00:00Z", to: "2026-03-10T11:00:00Z"}) { delivery { standing(of: outbound) { median } } } }"#;
    let answer = world.answer(&anna, hour).await;
    assert_eq!(
        answer["errors"][0]["message"],
        "`standing` compares over a day at least: in less a single answer could be seen"
    );
    let (code, _) = refusal(&anna, "", "conversion { standing(of: value) { median } }").await;
    assert_eq!(code, "FORBIDDEN");
    let (_, message) = refusal(&anna, "", "activeDialogs { standing(of: peakAt) { median } }").await;
    assert_eq!(message, "`peakAt` is no number that operators can be compared by");
    let (_, message) = refusal(&world.manager(), "", standing).await;
    assert!(message.contains("a token that names an `operator`"), "{message}");
}

#[tokio::test]
async fn rows_are_of_the_team_of_their_time() {
    let world = teams().await;
    let messages = async |role: Role, operator: Option<&str>, teams: &[&str]| {
        let token = world.token_of(TENANT, role, operator, teams);
        let query = format!(
            "{{ analytics({MARCH}) {{ delivery {{ by(dimensions: [OPERATOR, TEAM]) {{ keys metrics {{ outbound }} }} }} }} }}"
        );
        let answer = world.ask(&token, &query).await;
        let groups = answer["analytics"]["delivery"]["by"].as_array().unwrap().clone();
        groups.into_iter().filter(|group| group["keys"][0] == "anna").collect::<Vec<_>>()
    };
    let group = |team: &str, outbound: u32| json!({"keys": ["anna", team], "metrics": {"outbound": outbound}});
    // Anna has moved from north to small: each leader keeps what was done in its team, and she sees both.
    assert_eq!(messages(Role::Supervisor, None, &["north"]).await, [group("north", 3)]);
    assert_eq!(messages(Role::Supervisor, None, &["small"]).await, [group("small", 2)]);
    assert_eq!(messages(Role::Supervisor, None, &["north", "small"]).await, [group("north", 3), group("small", 2)]);
    assert_eq!(messages(Role::Operator, Some("anna"), &["north"]).await, [group("north", 3), group("small", 2)]);
}
