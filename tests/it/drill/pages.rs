//! Pages and cursors: each record once, and only for the question that the cursor belongs to.

use rapport::auth::Role;
use serde_json::{Value, json};

use super::{MARCH, at, event, two_dialogs};
use crate::world::World;

/// Seven messages of anna's in three dialogs; some at the same instant.
async fn seven() -> World {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let anna = json!({"operator": "anna", "team": "north"});
    let sent = |chat: &str, message: &str, at: &str| event("message.sent", chat, message, at, &anna);
    world
        .take(&[
            sent("x", "1", "09:00:00"),
            sent("x", "2", "09:00:00"),
            sent("y", "1", "09:00:00"),
            sent("y", "2", "09:01:00"),
            sent("z", "1", "08:00:00"),
            sent("z", "2", "09:00:00"),
            sent("z", "3", "12:00:00"),
        ])
        .await;
    world
}

fn question(range: &str, kind: &str, first: usize, after: Option<&str>) -> String {
    let after = after.map(|after| format!(r#", after: "{after}""#)).unwrap_or_default();
    format!(
        "{{ analytics({range}) {{ delivery {{ total {{ behind(of: outbound) {{ {kind}(first: {first}{after}) {{
            totalCount edges {{ cursor node {{ at {} }} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }} }} }} }} }}",
        if kind == "dialogs" { "id" } else { "chat message" }
    )
}

fn of<'a>(answer: &'a Value, kind: &str) -> &'a Value {
    &answer["analytics"]["delivery"]["total"]["behind"][kind]
}

/// All pages, with something happening between them.
async fn read_all(
    world: &World,
    range: &str,
    kind: &str,
    first: usize,
    between: impl AsyncFn(usize) -> Option<World>,
) -> Vec<Value> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    let mut later: Option<World> = None;
    for page in 0..20 {
        let world = later.as_ref().unwrap_or(world);
        let answer = world.ask(&world.manager(), &question(range, kind, first, after.as_deref())).await;
        let connection = of(&answer, kind);
        let info = &connection["pageInfo"];
        let edges = connection["edges"].as_array().unwrap();
        assert_eq!(info["hasPreviousPage"], 0 < page);
        assert_eq!(info["startCursor"], edges[0]["cursor"]);
        assert_eq!(info["endCursor"], edges[edges.len() - 1]["cursor"]);
        found.extend(edges.iter().map(|edge| edge["node"].clone()));
        if info["hasNextPage"] == false {
            return found;
        }
        assert_eq!(edges.len(), first);
        after = Some(info["endCursor"].as_str().unwrap().to_owned());
        later = between(page).await.or(later);
    }
    panic!("the pages do not end");
}

#[tokio::test]
async fn all_pages_have_each_record_once_in_order() {
    let world = seven().await;
    for (kind, count) in [("messages", 7), ("dialogs", 3)] {
        let whole = read_all(&world, MARCH, kind, 500, async |_| None).await;
        assert_eq!(whole.len(), count);
        assert!(whole.windows(2).all(|pair| pair[1]["at"].as_str() <= pair[0]["at"].as_str()), "{whole:?}");
        for first in 1..=count {
            assert_eq!(read_all(&world, MARCH, kind, first, async |_| None).await, whole, "{kind} by {first}");
        }
    }
}

#[tokio::test]
async fn events_that_arrive_between_pages_neither_hide_nor_repeat_a_record() {
    for (kind, count) in [("messages", 7), ("dialogs", 3)] {
        let world = seven().await;
        // The range moves with the present, and newer messages arrive in old dialogs and in new ones.
        let found = read_all(&world, r#"range: {last: "P30D"}"#, kind, 1, async |page| {
            let later = at(&world, &format!("2026-03-20T0{}:00:00Z", page + 1));
            let sent =
                |chat: &str| event("message.sent", chat, &format!("late{page}"), &format!("13:0{page}:00"), &json!({}));
            later.take(&[sent("x"), sent(&format!("new{page}"))]).await;
            Some(later)
        })
        .await;
        assert_eq!(found.len(), count, "{found:?}");
        let mut unique: Vec<String> = found.iter().map(Value::to_string).collect();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), count);
    }
}

/// The one refusal of a cursor.
fn refusal(answer: &Value) -> (String, String) {
    let error = &answer["errors"][0];
    (error["extensions"]["code"].to_string(), error["message"].to_string())
}

#[tokio::test]
async fn a_cursor_is_good_for_its_question_its_tenant_and_its_sight_alone() {
    let world = seven().await;
    let answer = world.ask(&world.manager(), &question(MARCH, "messages", 2, None)).await;
    let cursor = of(&answer, "messages")["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
    let next = |range: &str, kind: &str| question(range, kind, 2, Some(&cursor));
    // Its own question, whatever columns and however many records are asked for; the range in other words is the same.
    world.ask(&world.manager(), &next(MARCH, "messages")).await;
    world.ask(&world.manager(), &question(MARCH, "messages", 7, Some(&cursor))).await;
    world.ask(&world.manager(), &next(r#"range: {from: "2026-03-01T00:00:00Z", to: "2026-04-01"}"#, "messages")).await;

    let mut refusals = Vec::new();
    for (token, query) in [
        (world.manager(), next(MARCH, "dialogs")),
        (world.manager(), next(r#"range: {from: "2026-03-01", to: "2026-04-02"}"#, "messages")),
        (world.manager(), next(&format!("{MARCH}, filter: {{accounts: [\"a\"]}}"), "messages")),
        (world.manager(), next(MARCH, "messages").replace("outbound", "rate")),
        (world.manager(), next(MARCH, "messages").replace("outbound)", "rate, part: DENOMINATOR)")),
        (world.operator("anna"), next(MARCH, "messages")),
        (world.token_of("other", Role::Manager, None, &[]), next(MARCH, "messages")),
        (world.manager(), question(MARCH, "messages", 2, Some(""))),
        (world.manager(), question(MARCH, "messages", 2, Some("MTA="))),
    ] {
        refusals.push(refusal(&world.answer(&token, &query).await));
    }
    for index in [0, 10, 40, 60, 90, cursor.len() - 1] {
        let mut changed = cursor.clone().into_bytes();
        changed[index] = if changed[index] == b'x' { b'y' } else { b'x' };
        let changed = String::from_utf8(changed).unwrap();
        refusals.push(refusal(&world.answer(&world.manager(), &question(MARCH, "messages", 2, Some(&changed))).await));
    }
    assert_eq!(refusals[0].0, "\"INVALID_QUERY\"");
    assert!(refusals[0].1.contains("cursor"), "{}", refusals[0].1);
    assert!(refusals.iter().all(|other| *other == refusals[0]), "{refusals:?}");
}

#[tokio::test]
async fn a_page_and_its_count_are_a_statement_each_and_run_only_when_asked_for() {
    let world = two_dialogs().await;
    let ask = |fields: &str| {
        format!(
            "{{ analytics({MARCH}) {{ delivery {{ total {{ failed behind(of: failed) {{ metric {fields} }} }} }} }} }}"
        )
    };
    for (fields, statements) in [
        ("", 1),
        ("messages { totalCount }", 2),
        ("messages { nodes { at } edges { cursor } pageInfo { hasNextPage } }", 2),
        ("messages { totalCount nodes { at } } dialogs { nodes { id } }", 4),
    ] {
        assert_eq!(world.statements(&ask(fields)).await, statements, "{fields}");
    }
}
