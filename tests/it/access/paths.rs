//! A schema as its introspection tells it, and for each of its types a way to it from the root.

use std::collections::{BTreeMap, VecDeque};

use rapport::metrics::catalogue::{FAMILIES, Family};
use serde_json::Value;

/// A field: its type without list and null, whether that is an object, and the arguments that it cannot do without.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub of: String,
    pub is_object: bool,
    pub description: String,
    needed: Vec<String>,
}

/// The object types of the schema with their fields.
#[derive(Debug)]
pub struct Schema {
    pub types: BTreeMap<String, Vec<Field>>,
    /// For each type but the roots the field that leads to it.
    from: BTreeMap<String, (String, Field)>,
}

pub const INTROSPECTION: &str = "{ __schema { types { kind name fields { name description
    args { name defaultValue type { kind } } type { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }";

fn named(of: &Value) -> (&str, &str) {
    match of["ofType"].is_object() {
        true => named(&of["ofType"]),
        false => (of["kind"].as_str().unwrap(), of["name"].as_str().unwrap()),
    }
}

fn field(field: &Value) -> Field {
    let (kind, of) = named(&field["type"]);
    let args = field["args"].as_array().unwrap().iter();
    let needed = args.filter(|arg| arg["type"]["kind"] == "NON_NULL" && arg["defaultValue"].is_null());
    Field {
        name: field["name"].as_str().unwrap().to_owned(),
        of: of.to_owned(),
        is_object: kind == "OBJECT",
        description: field["description"].as_str().unwrap_or_default().to_owned(),
        needed: needed.map(|arg| arg["name"].as_str().unwrap().to_owned()).collect(),
    }
}

impl Schema {
    pub fn read(introspection: &Value) -> Self {
        let mut types = BTreeMap::new();
        for known in introspection["__schema"]["types"].as_array().unwrap() {
            let name = known["name"].as_str().unwrap();
            if known["kind"] == "OBJECT" && !name.starts_with("__") {
                types
                    .insert(name.to_owned(), known["fields"].as_array().unwrap().iter().map(field).collect::<Vec<_>>());
            }
        }
        let mut from = BTreeMap::new();
        let mut open = VecDeque::from(["Query".to_owned(), "Mutation".to_owned()]);
        while let Some(parent) = open.pop_front() {
            for field in types[&parent].iter().filter(|field: &&Field| field.is_object) {
                let is_new = !from.contains_key(&field.of) && field.of != "Query" && field.of != "Mutation";
                if is_new {
                    from.insert(field.of.clone(), (parent.clone(), field.clone()));
                    open.push_back(field.of.clone());
                }
            }
        }
        Self { types, from }
    }

    /// The fields from a root to a type, each with the type that it is of.
    pub fn path(&self, of: &str) -> Vec<(String, Field)> {
        let mut path = Vec::new();
        let mut at = of;
        while let Some((parent, field)) = self.from.get(at) {
            path.push((parent.clone(), field.clone()));
            at = parent;
        }
        path.reverse();
        path
    }

    /// A document that asks for these fields of a type: objects only for their names.
    pub fn document(&self, of: &str, fields: &[&Field], dialog: &str) -> String {
        let path = self.path(of);
        let is_mutation = path.first().map_or(of, |(parent, _)| parent) == "Mutation";
        let leaves: Vec<String> = fields
            .iter()
            .map(|field| {
                let selection = if field.is_object { " { __typename }" } else { "" };
                format!("{}{}{selection}", field.name, arguments(of, field, &field.name, dialog))
            })
            .collect();
        let mut text = leaves.join(" ");
        for (index, (parent, field)) in path.iter().enumerate().rev() {
            let next = path.get(index + 1).map_or(fields[0].name.as_str(), |(_, field)| &field.name);
            text = format!("{}{} {{ {text} }}", field.name, arguments(parent, field, next, dialog));
        }
        format!("{} {{ {text} }}", if is_mutation { "mutation" } else { "query" })
    }
}

/// What a field is asked with, given the field that is asked below it.
fn arguments(parent: &str, field: &Field, next: &str, dialog: &str) -> String {
    let value = |name: &String| match name.as_str() {
        "range" => "range: {last: \"P10D\"}".to_owned(),
        "every" => "every: WEEK".to_owned(),
        "dimensions" => "dimensions: [CHANNEL]".to_owned(),
        "to" => "to: PREVIOUS_PERIOD".to_owned(),
        "metrics" => "metrics: [activity_messages]".to_owned(),
        "id" => format!("id: {dialog:?}"),
        "contact" => "contact: \"nobody\"".to_owned(),
        "input" => "input: {timezone: \"UTC\", weekly: [{weekday: 1, from: \"09:00\", to: \"18:00\"}], \
                    exceptions: [{date: \"2026-03-10\", intervals: [{from: \"09:00\", to: \"13:00\"}]}]}"
            .to_owned(),
        "of" => format!("of: {}", metric_for(family_of(parent), next)),
        other => panic!("{parent}.{} needs `{other}`, and this test does not know a value: give it one", field.name),
    };
    let values: Vec<String> = field.needed.iter().map(value).collect();
    if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) }
}

fn family_of(metrics: &str) -> &'static Family {
    let stem = metrics.trim_end_matches("Metrics");
    FAMILIES.into_iter().find(|family| family.type_name == stem).expect("metrics are of a family")
}

/// A metric that everybody may read and that counts records of the kind, if `next` is one.
fn metric_for(family: &Family, next: &str) -> &'static str {
    let counts = |kind: &str| {
        family.metrics.iter().find(|metric| metric.fact.records().any(|record| record.kind.name() == kind))
    };
    counts(next).unwrap_or(&family.metrics[0]).name
}
