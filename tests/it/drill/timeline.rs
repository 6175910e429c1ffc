//! One dialog, told whole.

use rapport::auth::Role;
use serde_json::{Value, json};

use super::event;
use crate::world::{TENANT, World};

/// A client writes, a bot hands over to anna, she answers and asks for a rating; the client buys; later it goes on with bob.
async fn story() -> World {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let dialog = |more: &Value| {
        let mut all = json!({"contact": "c1", "dialog": "d1"});
        for (name, value) in more.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    };
    let anna = dialog(&json!({"operator": "anna", "team": "north", "message_kind": "text"}));
    let bob = dialog(&json!({"operator": "bob", "team": "south", "author": "OPERATOR", "assisted": true}));
    let mut events = vec![
        event("dialog.opened", "x", "", "09:00:00", &dialog(&json!({}))),
        event("message.received", "x", "1", "09:00:00", &dialog(&json!({"message_kind": "text"}))),
        event("message.sent", "x", "2", "09:00:05", &dialog(&json!({"author": "BOT"}))),
        event("dialog.handed_off", "x", "", "09:01:00", &dialog(&json!({"operator": "anna", "team": "north"}))),
        event("message.sent", "x", "3", "09:05:00", &anna),
        event("message.delivered", "x", "3", "09:05:01", &json!({})),
        event("message.read", "x", "3", "09:06:00", &json!({})),
        event("survey.sent", "x", "", "09:10:00", &dialog(&json!({"survey": {"id": "s"}}))),
        event("survey.rated", "x", "", "09:11:00", &dialog(&json!({"survey": {"id": "s", "score": 5, "scale": 5}}))),
        event("dialog.closed", "x", "", "09:20:00", &dialog(&json!({}))),
        event(
            "conversion.recorded",
            "x",
            "",
            "10:00:00",
            &json!({"contact": "c1", "chat": "",
            "conversion": {"action": "purchase", "value": "99.5", "currency": "EUR", "order": "o"}}),
        ),
        event("message.received", "x", "4", "12:00:00", &dialog(&json!({}))),
        event("dialog.assigned", "x", "", "12:00:30", &dialog(&json!({"operator": "bob", "team": "south"}))),
        event("message.sent", "x", "5", "12:01:00", &bob),
        event("message.failed", "x", "5", "12:02:00", &json!({"failure": {"reason": "TRANSIENT"}})),
        event(
            "conversion.reverted",
            "x",
            "",
            "13:00:00",
            &json!({"contact": "c1", "chat": "",
            "conversion": {"action": "purchase", "value": "99.5", "currency": "EUR", "order": "o"}}),
        ),
        // Another dialog of another client.
        event("message.received", "y", "1", "09:00:00", &json!({"contact": "c2"})),
        event("message.sent", "y", "2", "09:30:00", &json!({"contact": "c2", "operator": "bob", "team": "south"})),
    ];
    for event in &mut events {
        let fields = event.as_object_mut().unwrap();
        fields.retain(|_, value| value != "");
    }
    world.take(&events).await;
    world
}

async fn id_of(world: &World, contact: &str) -> String {
    let answer = world
        .analytics(
            &format!(r#"range: {{from: "2026-03-01", to: "2026-04-01"}}, filter: {{contacts: ["{contact}"]}}"#),
            "activity { total { behind(of: messages) { dialogs { nodes { id } } } } }",
        )
        .await;
    answer["activity"]["total"]["behind"]["dialogs"]["nodes"][0]["id"].as_str().unwrap().to_owned()
}

/// The events of a timeline in short: time, kind, message, operator.
fn short(timeline: &Value) -> Vec<String> {
    let text = |node: &Value, name: &str| node[name].as_str().unwrap_or("-").to_owned();
    let line = |node: &Value| {
        format!(
            "{} {} {} {}",
            &text(node, "at")[11..19],
            text(node, "kind"),
            text(node, "message"),
            text(node, "operator")
        )
    };
    timeline["nodes"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn a_dialog_tells_all_that_happened_in_it_in_order() {
    let world = story().await;
    let id = id_of(&world, "c1").await;
    let query = format!(
        r#"{{ dialog(id: "{id}") {{ id channel account contact cycles {{ openedAt closedAt messages operator team }}
            timeline {{ totalCount nodes {{ at kind direction author operator team message messageKind assisted answeredAt seconds reason survey score scale action value currency }} }} }} }}"#
    );
    let dialog = world.ask(&world.manager(), &query).await["dialog"].take();
    assert_eq!((&dialog["id"], &dialog["channel"], &dialog["contact"]), (&json!(id), &json!("WHATSAPP"), &json!("c1")));
    assert_eq!(
        dialog["cycles"],
        json!([
            {"openedAt": "2026-03-10T12:00:00.000Z", "closedAt": null, "messages": 2, "operator": "bob", "team": "south"},
            {"openedAt": "2026-03-10T09:00:00.000Z", "closedAt": "2026-03-10T09:20:00.000Z", "messages": 3, "operator": "anna", "team": "north"},
        ])
    );
    assert_eq!(dialog["timeline"]["totalCount"], 18);
    assert_eq!(
        short(&dialog["timeline"]),
        [
            "09:00:00 OPENED - -",
            "09:00:00 MESSAGE 1 anna",
            "09:00:00 TURN 1 anna",
            "09:00:05 MESSAGE 2 -",
            "09:01:00 HANDED_OFF - anna",
            "09:05:00 MESSAGE 3 anna",
            "09:05:01 DELIVERED 3 anna",
            "09:06:00 READ 3 anna",
            "09:10:00 SURVEY_SENT - -",
            "09:11:00 RATED - -",
            "09:20:00 CLOSED - -",
            "10:00:00 CONVERTED - -",
            "12:00:00 MESSAGE 4 bob",
            "12:00:00 TURN 4 bob",
            "12:00:30 ASSIGNED - bob",
            "12:01:00 MESSAGE 5 bob",
            "12:02:00 FAILED 5 bob",
            "13:00:00 REVERTED - -",
        ]
    );
    let node = |index: usize| dialog["timeline"]["nodes"][index].clone();
    assert_eq!(
        (&node(1)["direction"], &node(1)["author"], &node(1)["messageKind"]),
        (&json!("INBOUND"), &json!("CLIENT"), &json!("text"))
    );
    // The bot's reply came first, anna's is the answer.
    assert_eq!(
        (&node(2)["author"], &node(2)["answeredAt"], &node(2)["seconds"]),
        (&json!("BOT"), &json!("2026-03-10T09:05:00.000Z"), &json!(300.0))
    );
    assert_eq!((&node(9)["survey"], &node(9)["score"], &node(9)["scale"]), (&json!("s"), &json!(5.0), &json!(5.0)));
    assert_eq!(
        (&node(11)["action"], &node(11)["value"], &node(11)["currency"]),
        (&json!("purchase"), &json!("99.5"), &json!("EUR"))
    );
    assert_eq!((&node(15)["assisted"], &node(16)["reason"]), (&json!(true), &json!("TRANSIENT")));
}

#[tokio::test]
async fn a_timeline_has_pages() {
    let world = story().await;
    let id = id_of(&world, "c1").await;
    let ask = async |first: usize, after: &str| {
        let query = format!(
            r#"{{ dialog(id: "{id}") {{ timeline(first: {first}{after}) {{ nodes {{ at kind message operator }} pageInfo {{ hasNextPage endCursor }} }} }} }}"#
        );
        world.ask(&world.manager(), &query).await["dialog"]["timeline"].take()
    };
    let whole = short(&ask(500, "").await);
    let (mut found, mut after) = (Vec::new(), String::new());
    for _ in 0..5 {
        let page = ask(5, &after).await;
        found.extend(short(&page));
        after = format!(r#", after: {}"#, page["pageInfo"]["endCursor"]);
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(found, whole);
    let other = id_of(&world, "c2").await;
    let foreign = format!(r#"{{ dialog(id: "{other}") {{ id timeline(first: 5{after}) {{ nodes {{ at }} }} }} }}"#);
    let answer = world.answer(&world.manager(), &foreign).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID_QUERY");
    assert_eq!(answer["data"]["dialog"], json!({"id": other, "timeline": null}));
}

#[tokio::test]
async fn who_has_a_part_in_a_dialog_sees_it_without_the_names_of_colleagues() {
    let world = story().await;
    let (first, second) = (id_of(&world, "c1").await, id_of(&world, "c2").await);
    let ask = async |token: &str, id: &str| {
        let query = format!(
            r#"{{ dialog(id: "{id}") {{ contact cycles {{ operator team }} timeline {{ totalCount nodes {{ operator team author action }} }} }} }}"#
        );
        world.ask(token, &query).await["dialog"].take()
    };
    let anna = ask(&world.operator("anna"), &first).await;
    assert_eq!(anna["contact"], "c1");
    assert_eq!(anna["cycles"], json!([{"operator": null, "team": null}, {"operator": "anna", "team": "north"}]));
    assert_eq!(anna["timeline"]["totalCount"], 18);
    assert!(!anna.to_string().contains("bob") && !anna.to_string().contains("south"), "{anna}");
    let north = ask(&world.token_of(TENANT, Role::Supervisor, None, &["north"]), &first).await;
    assert_eq!(north, anna);
    assert_eq!(ask(&world.operator("bob"), &second).await["contact"], "c2");

    // Nothing of theirs, another tenant's, none at all, no id: all the same.
    assert_eq!(ask(&world.operator("anna"), &second).await, Value::Null);
    assert_eq!(ask(&world.operator("carl"), &first).await, Value::Null);
    assert_eq!(ask(&world.token_of(TENANT, Role::Supervisor, None, &["west"]), &first).await, Value::Null);
    assert_eq!(ask(&world.token_of("other", Role::Manager, None, &[]), &first).await, Value::Null);
    for id in ["0000000000000000", "", "x", "' OR 1", &first[1..], "éééééééé"] {
        assert_eq!(ask(&world.manager(), id).await, Value::Null, "{id}");
    }

    let value = format!(r#"{{ dialog(id: "{first}") {{ contact timeline {{ nodes {{ value }} }} }} }}"#);
    let answer = world.answer(&world.operator("anna"), &value).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    let nodes = answer["data"]["dialog"]["timeline"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 18);
    assert!(nodes.iter().all(|node| *node == json!({"value": null})), "{answer}");
}
