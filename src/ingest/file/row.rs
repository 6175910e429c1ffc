//! A flat row becomes an event: `failure.code` is the field `code` of `failure`, `a|b` is a list of segments.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::ingest::reason::Reason;
use crate::model::event::Event;

/// The objects whose fields can be columns of their own. Any other name with a dot is an attribute.
const OBJECTS: [&str; 7] = ["failure", "survey", "conversion", "cost", "consent", "link", "attributes"];

/// What stands between two segments in one cell.
const SEGMENT_SEPARATOR: char = '|';

/// A row that makes no event, put together as one.
pub(super) struct Unfit {
    pub row: Value,
    pub reason: Reason,
}

pub(super) fn to_event(row: Map<String, Value>) -> Result<Event, Box<Unfit>> {
    let mut nested = Map::new();
    for (name, value) in row {
        let known = name.split_once('.').filter(|(object, _)| OBJECTS.contains(object));
        match known {
            Some((object, field)) => put_into(&mut nested, object, field, value),
            None => {
                let value = convert(&name, value);
                nested.insert(name, value);
            }
        }
    }
    let row = Value::Object(nested);
    // By reference: what makes no event is kept as it is.
    match Event::deserialize(&row) {
        Ok(event) => Ok(event),
        Err(error) => Err(Box::new(Unfit { reason: Reason::UnreadableRow { message: error.to_string() }, row })),
    }
}

fn put_into(nested: &mut Map<String, Value>, object: &str, field: &str, value: Value) {
    let entry = nested.entry(object).or_insert_with(|| Value::Object(Map::new()));
    match entry {
        Value::Object(fields) => {
            fields.insert(field.to_owned(), value);
        }
        // A column named like the object stands beside columns for its fields: the fields say more.
        _ => *entry = Value::Object(Map::from_iter([(field.to_owned(), value)])),
    }
}

/// The two fields that are no text in an event but can only be text in a cell.
fn convert(name: &str, value: Value) -> Value {
    match (name, value) {
        ("segments", Value::String(text)) => {
            Value::Array(text.split(SEGMENT_SEPARATOR).map(|segment| Value::from(segment.trim())).collect())
        }
        ("assisted", Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Value::Bool(true),
            "false" | "no" | "0" => Value::Bool(false),
            _ => Value::String(text),
        },
        ("assisted", Value::Number(number)) => Value::Bool(number.as_i64() != Some(0)),
        (_, value) => value,
    }
}
