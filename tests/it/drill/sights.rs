//! Who sees what behind a number.

use rapport::auth::Role;
use serde_json::{Value, json};

use super::{MARCH, history, two_dialogs};
use crate::world::{TENANT, World};

#[tokio::test]
async fn everybody_sees_the_records_behind_their_own_number() {
    let world = two_dialogs().await;
    let query = format!(
        "{{ analytics({MARCH}) {{ activity {{ total {{ messages behind(of: messages) {{
            messages {{ totalCount nodes {{ message operator team }} }} dialogs {{ totalCount nodes {{ contact operators teams }} }} }} }} }} }} }}"
    );
    let ask = async |token: String| world.ask(&token, &query).await["analytics"]["activity"]["total"].clone();
    let annas = json!({"messages": 1, "behind": {
        "messages": {"totalCount": 1, "nodes": [{"message": "1", "operator": "anna", "team": "north"}]},
        "dialogs": {"totalCount": 1, "nodes": [{"contact": "c1", "operators": ["anna"], "teams": ["north"]}]}}});
    assert_eq!(ask(world.operator("anna")).await, annas);
    assert_eq!(ask(world.token_of(TENANT, Role::Supervisor, None, &["north"])).await, annas);
    let nothing = json!({"messages": 0, "behind": {
        "messages": {"totalCount": 0, "nodes": []}, "dialogs": {"totalCount": 0, "nodes": []}}});
    assert_eq!(ask(world.operator("stranger")).await, nothing);
    assert_eq!(ask(world.token_of("other", Role::Manager, None, &[])).await, nothing);
    let all = ask(world.manager()).await;
    assert_eq!((&all["messages"], &all["behind"]["dialogs"]["totalCount"]), (&json!(3), &json!(2)));
}

/// Every text in an answer.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        _ => {}
    }
}

#[tokio::test]
async fn no_record_names_a_colleague() {
    let world = World::at("2026-03-13T12:00:00Z").await;
    world.take(&history::events(600)).await;
    let row = "at dialog channel account contact operator team segments campaign scenario source";
    let dialogs = "dialogs { nodes { id channel account contact operators teams segments } }";
    let query = format!(
        "{{ analytics({MARCH}) {{
            delivery {{ total {{ behind(of: outbound) {{ messages {{ nodes {{ {row} author }} }} {dialogs} }} }} }}
            responseTime {{ total {{ behind(of: unanswered) {{ turns {{ nodes {{ {row} repliedBy }} }} {dialogs} }} }} }}
            sessions {{ total {{ behind(of: sessions) {{ sessions {{ nodes {{ {row} }} }} {dialogs} }} }} }}
            satisfaction {{ total {{ behind(of: rated) {{ ratings {{ nodes {{ {row} survey score scale }} }} {dialogs} }} }} }}
            conversion {{ total {{ behind(of: dialogs) {{ {dialogs} }} }} }}
            activeDialogs {{ total {{ behind(of: peak) {{ {dialogs} }} }} }}
            unsubscribes {{ total {{ behind(of: exposed) {{ contacts {{ nodes {{ key operators teams }} }} {dialogs} }} }} }}
        }} }}"
    );
    for (token, own, others) in [
        (world.operator("anna"), "anna", ["bob", "carl", "south"]),
        (world.token_of(TENANT, Role::Supervisor, None, &["south"]), "bob", ["anna", "carl", "north"]),
    ] {
        let mut found = Vec::new();
        texts(&world.ask(&token, &query).await, &mut found);
        assert!(found.iter().any(|text| text == own), "{own} is seen");
        for other in others {
            assert!(!found.iter().any(|text| text == other), "{own} sees {other}");
        }
    }
}
