//! `biz_opaque_callback_data`: what the sending system writes on a message, and Meta hands back with each status.
//!
//! An object `{"operator", "team", "campaign", "scenario", "template", "author"}` becomes the event's fields; anything else
//! is kept as it is. A value that an event could not hold is never a reason to lose the status.

use serde_json::{Map, Value};

use super::{json, note_text};
use crate::ingest::normalise::{ID_CHARS_MAX, TEXT_CHARS_MAX};
use crate::model::event::{Author, Event, Scalar};

/// Writes what the data says on the event.
pub fn write(event: &mut Event, data: &str) {
    let understood = match serde_json::from_str::<Value>(data) {
        Ok(Value::Object(fields)) => write_fields(event, &fields),
        _ => Understood::InPart,
    };
    if understood == Understood::InPart {
        note_text(event, "callback_data", data);
    }
}

#[derive(PartialEq)]
enum Understood {
    Wholly,
    InPart,
}

fn write_fields(event: &mut Event, fields: &Map<String, Value>) -> Understood {
    let mut understood = Understood::Wholly;
    for (name, value) in fields {
        if value.is_null() {
            continue;
        }
        let Some(text) = json::text(value, "") else {
            understood = Understood::InPart;
            continue;
        };
        let (field, fits) = match name.as_str() {
            "operator" => (&mut event.operator, is_label(&text, ID_CHARS_MAX)),
            "team" => (&mut event.team, is_label(&text, ID_CHARS_MAX)),
            "campaign" => (&mut event.campaign, is_label(&text, TEXT_CHARS_MAX)),
            "scenario" => (&mut event.scenario, is_label(&text, TEXT_CHARS_MAX)),
            "template" => (&mut event.template, is_label(&text, TEXT_CHARS_MAX)),
            "author" => (&mut event.author, Author::parse(&text).is_some_and(|author| author != Author::Client)),
            _ => {
                understood = Understood::InPart;
                continue;
            }
        };
        match fits {
            true => *field = Some(Scalar::Text(text)),
            false => understood = Understood::InPart,
        }
    }
    understood
}

/// Whether an event takes the text as a name or a label.
pub fn is_label(text: &str, chars_max: usize) -> bool {
    text.chars().count() <= chars_max && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &str) -> Value {
        let mut event = Event::default();
        write(&mut event, data);
        serde_json::to_value(event).unwrap()
    }

    #[test]
    fn what_an_event_can_hold_becomes_its_fields() {
        let all = r#"{"operator":"anna","team":"sales","campaign":"may","scenario":"s","template":"t","author":"bot"}"#;
        assert_eq!(read(all), serde_json::from_str::<Value>(all).unwrap());
    }

    #[test]
    fn ids_can_be_numbers_and_what_is_not_known_can_be_left_empty() {
        let fields = read(r#"{"operator":18446744073709551615,"team":null}"#);
        assert_eq!(fields, serde_json::json!({ "operator": "18446744073709551615" }));
    }

    #[test]
    fn anything_else_is_kept_as_it_is() {
        let long = format!(r#"{{"operator":"{}"}}"#, "x".repeat(201));
        let others =
            ["order-17", "17", "[1]", r#"{"author":"CLIENT"}"#, r#"{"author":"me"}"#, r#"{"operator":[7]}"#, &long];
        for data in others {
            assert_eq!(read(data), serde_json::json!({ "attributes": { "callback_data": data } }), "{data}");
        }
        let mixed = r#"{"operator":"anna","order":"17"}"#;
        assert_eq!(read(mixed), serde_json::json!({ "operator": "anna", "attributes": { "callback_data": mixed } }));
    }
}
