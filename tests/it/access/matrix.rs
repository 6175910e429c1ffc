//! Role × every field, every metric in every place that names one.

use std::collections::BTreeSet;

use rapport::api::schema::rules::rules;
use rapport::auth::Role;
use rapport::metrics::catalogue::{ENTRIES, FAMILIES, Family};
use rapport::model::Readers;
use serde_json::Value;

use super::paths::{Field, INTROSPECTION, Schema};
use super::{busy_world, refusals, token};
use crate::world::World;

const FOR_MANAGERS: &str = "For the roles MANAGER and ADMIN.";

async fn schema(world: &World) -> Schema {
    Schema::read(&world.ask(&world.manager(), INTROSPECTION).await)
}

#[tokio::test]
pub async fn every_field_has_a_rule_every_rule_a_field_and_the_schema_tells_it() {
    let world = World::at("2026-03-13T12:00:00Z").await;
    let schema = schema(&world).await;
    let rules = rules();
    let mut known = BTreeSet::new();
    for (parent, fields) in &schema.types {
        for field in fields {
            let name = (parent.as_str(), field.name.as_str());
            let readers = rules.readers(name.0, name.1);
            let readers = readers.unwrap_or_else(|| panic!("{name:?} has no rule: add one to src/api/schema/rules.rs"));
            known.insert(name);
            // What hangs below a field that is told of needs no words of its own.
            let hangs_below = [
                "ExplainedStatement",
                "ExplainedParameter",
                "ConnectionHealth",
                "UnknownKind",
                "RejectedEventConnection",
                "RejectedEventEdge",
                "RejectedEvent",
                "ResubmitReceipt",
            ];
            let is_told = field.description.contains(FOR_MANAGERS) || hangs_below.contains(&parent.as_str());
            assert_eq!(readers == Readers::Managers, is_told, "{name:?}: {}", field.description);
            let below_an_erasure = ["ErasureReport", "ErasedTable"].contains(&parent.as_str());
            let is_told = field.description.contains("For the role ADMIN.") || below_an_erasure;
            assert_eq!(readers == Readers::Admins, is_told, "{name:?}: {}", field.description);
        }
    }
    for (parent, field, _) in rules.fields() {
        // A family has the connections of the kinds that its metrics count, not of all.
        let is_there = known.contains(&(parent, field)) || parent.ends_with("Behind");
        assert!(is_there, "{parent}.{field} has a rule and does not exist");
    }
}

/// What a role is refused of a document for these fields of a type: the first field on the way that is not for it, or those
/// of the fields themselves.
fn refused<'a>(
    path: &'a [(String, Field)],
    of: &str,
    fields: &[&'a Field],
    role: Role,
) -> (Option<&'a Field>, Vec<&'a Field>) {
    let rules = rules();
    let refuses = |parent: &str, field: &Field| !rules.readers(parent, &field.name).unwrap().include(role);
    let on_the_way = path.iter().find(|(parent, field)| refuses(parent, field)).map(|(_, field)| field);
    (on_the_way, fields.iter().copied().filter(|field| refuses(of, field)).collect())
}

/// The names of the fields that an answer refuses; nothing else may be wrong with it.
fn names_refused(answer: &Value, context: &str) -> BTreeSet<String> {
    let found = refusals(answer);
    assert!(found.iter().all(|(code, _)| code == "FORBIDDEN"), "{context}\n{answer}");
    found.iter().filter_map(|(_, path)| path.last().cloned()).collect()
}

#[tokio::test]
pub async fn every_role_reads_every_field_that_is_for_it_and_no_other() {
    let world = busy_world().await;
    let schema = schema(&world).await;
    let of = r#"{ analytics(range: {last: "P3D"}, filter: {contacts: ["shared"]}) { activity { total { behind(of: messages) { dialogs { nodes { id } } } } } } }"#;
    let dialog = world.ask(&world.manager(), of).await["analytics"]["activity"]["total"]["behind"]["dialogs"]["nodes"]
        [0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut count = 0;
    for (index, (of, fields)) in schema.types.iter().enumerate() {
        let path = schema.path(of);
        // A number counts records of one or two kinds: each kind is asked for by itself. The root has more fields than one
        // request may ask for.
        let size = if of.ends_with("Behind") { 1 } else { 8 };
        for fields in fields.chunks(size) {
            let fields: Vec<&Field> = fields.iter().collect();
            for role in Role::ALL {
                let token = token(&world, role);
                let (on_the_way, refused) = refused(&path, of, &fields, role);
                let ask = async |fields: &[&Field]| {
                    let document = schema.document(of, fields, &dialog);
                    names_refused(&world.answer(&token, &document).await, &format!("{role} {document}"))
                };
                if let Some(field) = on_the_way {
                    assert_eq!(ask(&fields).await, BTreeSet::from([field.name.clone()]), "{role} {of}");
                    count += 1;
                    continue;
                }
                // One that is never null takes those beside it with it: each that is refused is asked for alone.
                let open: Vec<&Field> = fields
                    .iter()
                    .copied()
                    .filter(|field| !refused.iter().any(|other| other.name == field.name))
                    .collect();
                // Two roles may do what two others may: of each two one is asked for what is open, in turns.
                let is_in_turn = (index % 2 == 0) != matches!(role, Role::Supervisor | Role::Admin);
                if !open.is_empty() && (is_in_turn || role == Role::Service) {
                    assert_eq!(ask(&open).await, BTreeSet::new(), "{role} {of}");
                }
                for field in refused {
                    assert_eq!(ask(&[field]).await, BTreeSet::from([field.name.clone()]), "{role} {of}");
                    count += 1;
                }
            }
        }
    }
    assert!(80 < count, "only {count} refusals: the test asks too little");
}

/// Whether each of the aliases, and no other, is refused.
fn check(answer: &Value, is_for: impl Fn(&str) -> bool, aliases: &[String], context: &str) {
    let found = refusals(answer);
    assert!(found.iter().all(|(code, _)| code == "FORBIDDEN"), "{context}\n{answer}");
    for alias in aliases {
        let is_refused = found.iter().any(|(_, path)| path.contains(alias));
        assert_eq!(is_refused, !is_for(alias), "{context}: {alias}\n{answer}");
    }
}

#[tokio::test]
pub async fn a_metric_is_refused_wherever_it_is_named() {
    let world = busy_world().await;
    let range = r#"range: {last: "P10D"}"#;
    for role in [Role::Operator, Role::Supervisor, Role::Manager, Role::Admin] {
        let token = token(&world, role);
        // Two roles see what two others see: of them only the families in which roles differ are asked.
        let is_like_another = matches!(role, Role::Supervisor | Role::Admin);
        let differs = |family: &&Family| family.metrics.iter().any(|metric| metric.readers != Readers::Everyone);
        for family in FAMILIES.into_iter().filter(|family| !is_like_another || differs(family)) {
            let names: Vec<String> = family.metrics.iter().map(|metric| metric.name.to_owned()).collect();
            let is_for = |name: &str| family.metric(name).unwrap().readers.include(role);
            let every =
                |part: &dyn Fn(&str) -> String| names.iter().map(|name| part(name)).collect::<Vec<_>>().join(" ");
            let (of, type_name) = (family.name, family.type_name);
            let all = every(&|name| name.to_owned());
            let inside = |part: String| format!("{{ analytics({range}) {{ {of} {{ {part} }} }} }}");
            let documents = [
                // Selected, in each place that has a metrics object: by itself, in fragments, under an alias of the place.
                inside(format!("total {{ ... on {type_name}Metrics {{ {all} }} }}")),
                inside("then: compare(to: PREVIOUS_WEEK) { ...Numbers }".to_owned())
                    + &format!(" fragment Numbers on {type_name}Metrics {{ {all} }}"),
                inside(format!("series(every: WEEK) {{ metrics {{ {all} }} }}")),
                inside(format!("by(dimensions: [CHANNEL]) {{ metrics {{ {all} }} }}")),
                // Drilled into.
                inside(format!("total {{ {} }}", every(&|name| format!("{name}: behind(of: {name}) {{ metric }}")))),
            ];
            // Sorted by. A breakdown is never null: one that is refused takes the others with it.
            let (open, refused): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| is_for(name));
            let sorted =
                |name: &str| format!("{name}: by(dimensions: [CHANNEL], orderBy: {{metric: {name}}}) {{ keys }}");
            let together = inside(open.iter().map(|name| sorted(name)).collect::<Vec<_>>().join(" "));
            check(
                &world.answer(&token, &together).await,
                is_for,
                &open.into_iter().cloned().collect::<Vec<_>>(),
                &together,
            );
            for name in refused {
                let alone = inside(sorted(name));
                check(&world.answer(&token, &alone).await, is_for, std::slice::from_ref(name), &alone);
            }
            for document in documents {
                let answer = world.answer(&token, &document).await;
                check(&answer, is_for, &names, &format!("{role} {document}"));
            }
        }
        for entries in ENTRIES.chunks(5) {
            let column = |name: &str| format!("{name}: table({range}, metrics: [{name}]) {{ totals }}");
            let order = |name: &str| {
                format!(
                    "by_{name}: table({range}, by: [CHANNEL], metrics: [{name}], orderBy: [{{metric: {name}}}]) {{ rowCount }}"
                )
            };
            let names: Vec<String> = entries.iter().map(|entry| entry.enum_name.clone()).collect();
            let parts: Vec<String> = names.iter().flat_map(|name| [column(name), order(name)]).collect();
            let answer = world.answer(&token, &format!("{{ {} }}", parts.join(" "))).await;
            let aliases: Vec<String> = names.iter().flat_map(|name| [name.clone(), format!("by_{name}")]).collect();
            let is_for = |alias: &str| {
                let entry = entries.iter().find(|entry| alias.trim_start_matches("by_") == entry.enum_name).unwrap();
                entry.metric.readers.include(role)
            };
            check(&answer, is_for, &aliases, &format!("{role} table of {names:?}"));
        }
    }
}
