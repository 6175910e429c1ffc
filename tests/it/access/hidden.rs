//! What is out of sight looks exactly like what does not exist: in filters, arguments, groups, pickers and ids alike.

use rapport::auth::Role;
use rapport::metrics::catalogue::{Dimension, FAMILIES};
use serde_json::{Value, json};

use super::{busy_world, token};
use crate::world::World;

/// A value of each list that only rows out of sight have, and a word that nothing has.
const HIDDEN: [(&str, &str, &str); 9] = [
    ("channels", "HIDDEN", "ABSENT"),
    ("accounts", "hidden", "absent"),
    ("operators", "hidden", "absent"),
    ("teams", "hidden", "absent"),
    ("segments", "hidden", "absent"),
    ("campaigns", "hidden", "absent"),
    ("scenarios", "hidden", "absent"),
    ("messageKinds", "hidden", "absent"),
    ("contacts", "hidden", "absent"),
];

/// A dialog of somebody whom neither anna nor her team sees, with something of everything.
async fn hidden_world() -> World {
    let world = busy_world().await;
    let event = |kind: &str, message: &str, minute: u32, more: Value| {
        let all = json!({"channel": "hidden", "account": "hidden", "dialog": "hidden", "contact": "hidden", "operator": "hidden",
            "team": "hidden", "segments": ["hidden"], "campaign": "hidden", "scenario": "hidden", "source": "hidden",
            "message_kind": "hidden"});
        let mut event = crate::world::event(kind, "hidden", message, &format!("2026-03-12T11:{minute:02}:00Z"), &all);
        for (name, value) in more.as_object().unwrap() {
            event[name] = value.clone();
        }
        if message.is_empty() {
            event.as_object_mut().unwrap().remove("message");
        }
        event
    };
    world
        .take(&[
            event("message.received", "1", 1, json!({})),
            event("message.sent", "2", 2, json!({})),
            event("message.read", "2", 3, json!({})),
            event("survey.rated", "", 4, json!({"survey": {"id": "hidden", "score": 5, "scale": 5}})),
            event(
                "conversion.recorded",
                "",
                5,
                json!({"conversion": {"action": "hidden", "value": "1", "currency": "EUR"}}),
            ),
            event("contact.unsubscribed", "", 6, json!({})),
        ])
        .await;
    world
}

fn of_families(arguments: &str, conversions: &str) -> String {
    let parts: Vec<String> = FAMILIES
        .iter()
        .map(|family| {
            let metrics: Vec<&str> = family
                .metrics
                .iter()
                .filter(|metric| metric.readers == rapport::model::Readers::Everyone)
                .map(|metric| metric.name)
                .collect();
            let (name, all) = (family.name, metrics.join(" "));
            let given = if name == "conversion" { conversions } else { "" };
            let quality = "quality { level coverage provisional warnings { code message } }";
            format!("{name}{given} {{ total {{ {all} {quality} }} }}")
        })
        .collect();
    format!("{{ analytics({arguments}) {{ {} }} }}", parts.join(" "))
}

const RANGE: &str = r#"range: {last: "P10D"}"#;

#[tokio::test]
async fn a_value_that_only_others_have_is_like_one_that_nobody_has() {
    let world = hidden_world().await;
    for role in [Role::Operator, Role::Supervisor] {
        let token = token(&world, role);
        // The text of a warning may name what was asked for.
        let ask = async |query: String, word: &str| world.answer(&token, &query).await.to_string().replace(word, "…");
        // A supervisor's sight is another kind of the same condition.
        let lists = if role == Role::Operator { &HIDDEN[..] } else { &HIDDEN[2..5] };
        for (list, hidden, absent) in lists.iter().copied() {
            for (before, after) in [("", ""), ("not: {", "}")] {
                let query =
                    |word: &str| of_families(&format!("{RANGE}, filter: {{{before}{list}: [{word:?}]{after}}}"), "");
                let (found, expect) = (ask(query(hidden), hidden).await, ask(query(absent), absent).await);
                assert_eq!(found, expect, "{role} {before}{list}");
            }
        }
        let actions = |word: &str| of_families(RANGE, &format!("(actions: [{word:?}])"));
        assert_eq!(ask(actions("hidden"), "hidden").await, ask(actions("absent"), "absent").await, "{role}");
        let searches = |word: &str| {
            ["operators", "teams", "segments", "campaigns", "scenarios"]
                .map(|picker| format!("{picker}({RANGE}, search: {word:?}) {{ value messages }}"))
                .join(" ")
        };
        let search = |word: &str| format!("{{ {} }}", searches(word));
        assert_eq!(ask(search("hidden"), "hidden").await, ask(search("absent"), "absent").await, "{role}");
    }
    // The word is there for who sees it: the test compares something.
    let seen =
        world.ask(&world.manager(), &of_families(&format!("{RANGE}, filter: {{operators: [\"hidden\"]}}"), "")).await;
    assert_eq!(seen["analytics"]["delivery"]["total"]["outbound"], 1);
}

#[tokio::test]
async fn no_dimension_of_any_family_has_a_key_of_others() {
    let world = hidden_world().await;
    let mut seen = 0;
    for role in [Role::Operator, Role::Supervisor, Role::Manager] {
        let token = token(&world, role);
        for family in FAMILIES {
            let metric = family.metrics.iter().find(|metric| family.fact.name == metric.fact.name).unwrap();
            let dimensions = family.dimensions().iter().filter(|dimension| metric.divides_by(**dimension));
            let by = |dimension: &Dimension| {
                let name = dimension.name();
                format!("{name}: by(dimensions: [{name}], first: 1000) {{ keys metrics {{ {} }} }}", metric.name)
            };
            let parts = dimensions.map(by).collect::<Vec<_>>().join(" ");
            let query = format!("{{ analytics({RANGE}) {{ {} {{ {parts} }} }} }}", family.name);
            let answer = world.ask(&token, &query).await.to_string();
            let has = |key: &str| answer.contains(&format!("\"keys\":[\"{key}\"]"));
            assert!(role == Role::Manager || !(has("hidden") || has("HIDDEN")), "{role} {query}\n{answer}");
            // Of operators and teams only those in sight.
            let colleague = ["bob", "carl"].into_iter().any(has);
            assert!(role != Role::Operator || !colleague, "{query}\n{answer}");
            assert!(role == Role::Manager || !has("south"), "{role} {query}\n{answer}");
            seen += usize::from(role == Role::Manager && has("hidden"));
        }
    }
    assert_eq!(seen, FAMILIES.len(), "the word is there for who sees it: the test compares something");
}

#[tokio::test]
async fn an_id_out_of_sight_is_like_one_that_no_dialog_has() {
    let world = hidden_world().await;
    let of = format!(
        r#"{{ analytics({RANGE}, filter: {{operators: ["hidden"]}}) {{ delivery {{ total {{ behind(of: outbound) {{ dialogs {{ nodes {{ id }} }} }} }} }} }} }}"#
    );
    let ids = world.ask(&world.manager(), &of).await;
    let id = ids["analytics"]["delivery"]["total"]["behind"]["dialogs"]["nodes"][0]["id"].as_str().unwrap().to_owned();
    let query = |id: &str| {
        format!(
            "{{ dialog(id: {id:?}) {{ channel cycles {{ openedAt }} timeline {{ totalCount nodes {{ kind }} }} }} }}"
        )
    };
    assert!(world.ask(&world.manager(), &query(&id)).await["dialog"]["channel"].is_string());
    for token in [
        token(&world, Role::Operator),
        token(&world, Role::Supervisor),
        world.token_of("other", Role::Admin, None, &[]),
    ] {
        let (hidden, absent) =
            (world.answer(&token, &query(&id)).await, world.answer(&token, &query("00000000000000ff")).await);
        assert_eq!(hidden, absent);
        assert_eq!(hidden, json!({"data": {"dialog": null}}));
    }
}
