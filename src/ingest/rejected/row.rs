//! A row of a batch as an event again: what is kept of an event that the engine refused, for which no text is at hand any more.
//!
//! Read and normalised again at the same time of arrival it makes the same row. Pure.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use serde_json::{Map, Value};

use super::Line;
use crate::ingest::Origin;
use crate::ingest::bisect::Refused;
use crate::ingest::reason::Reason;
use crate::model::clock::Millis;
use crate::model::event::TimeSource;
use crate::store::StoreError;

/// Fields that are texts, and the columns of the same name.
const TEXTS: [&str; 15] = [
    "id", "kind", "channel", "account", "chat", "contact", "dialog", "message", "operator", "team", "author",
    "campaign", "scenario", "template", "source",
];

/// Fields of objects, by the columns that hold them.
const INSIDE: [(&str, &str, &str); 14] = [
    ("failure", "code", "failure_code"),
    ("failure", "reason", "failure_reason"),
    ("survey", "id", "survey_id"),
    ("survey", "score", "survey_score"),
    ("survey", "scale", "survey_scale"),
    ("conversion", "action", "conversion_action"),
    ("conversion", "value", "conversion_value"),
    ("conversion", "currency", "conversion_currency"),
    ("conversion", "order", "conversion_order"),
    ("cost", "amount", "cost_amount"),
    ("cost", "currency", "cost_currency"),
    ("cost", "category", "cost_category"),
    ("consent", "purpose", "consent_purpose"),
    ("consent", "text_version", "consent_text_version"),
];

/// The lines that are kept of rows that the engine refused.
pub fn lines(rows: &RecordBatch, refused: &[Refused<StoreError>]) -> Vec<Line> {
    refused.iter().map(|refused| line(rows, refused)).collect()
}

fn line(rows: &RecordBatch, refused: &Refused<StoreError>) -> Line {
    // Not what the engine says of it: that repeats values, and names tables.
    let code = match &refused.error {
        StoreError::Engine { code, .. } => *code,
        _ => 0,
    };
    let reason = Reason::Refused { code };
    let id = text(rows, "id", refused.row);
    Line {
        id: Some(id).filter(|id| !id.is_empty()),
        code: reason.code(),
        reason: reason.to_string(),
        text: event(rows, refused.row).to_string().into(),
    }
}

/// Whose a row is, and when and by which connection it came.
pub fn origin(rows: &RecordBatch, row: usize) -> Origin {
    Origin {
        tenant: text(rows, "tenant", row),
        connection: text(rows, "connection", row),
        received_at: instant(rows, "received_at", row),
        ..Origin::default()
    }
}

/// The event as JSON.
pub fn event(rows: &RecordBatch, row: usize) -> Value {
    let mut event = Map::new();
    for field in TEXTS.into_iter().chain(["message_kind"]) {
        put(&mut event, field, text(rows, field, row).into());
    }
    let attributes = entries(rows, row);
    let clock = text(rows, "clock", row);
    if clock == TimeSource::Occurred.as_str() {
        put(&mut event, "at", instant(rows, "at", row).into());
    } else if clock == TimeSource::Ahead.as_str() {
        // Ours was put in the place of the source's, which stands beside.
        let original = attributes.iter().find(|(name, _)| name == "occurred_at");
        put(&mut event, "at", original.map(|(_, at)| at.as_str()).into());
    }
    if rows.column_by_name("assisted").and_then(|column| column.as_boolean_opt()).is_some_and(|flags| flags.value(row))
    {
        put(&mut event, "assisted", true.into());
    }
    for field in ["segments", "identities"] {
        put(&mut event, field, list(rows, field, row).into());
    }
    for (object, field, column) in INSIDE {
        put_into(&mut event, object, field, scalar(rows, column, row));
    }
    put_into(&mut event, "link", "url", text(rows, "link_url", row).into());
    for (name, value) in attributes {
        put_into(&mut event, "attributes", &name, value.into());
    }
    Value::Object(event)
}

/// What says nothing is left out.
fn put(event: &mut Map<String, Value>, field: &str, value: Value) {
    let is_empty = match &value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    if !is_empty {
        event.insert(field.to_owned(), value);
    }
}

fn put_into(event: &mut Map<String, Value>, object: &str, field: &str, value: Value) {
    let mut inside = match event.remove(object) {
        Some(Value::Object(inside)) => inside,
        _ => Map::new(),
    };
    put(&mut inside, field, value);
    if !inside.is_empty() {
        event.insert(object.to_owned(), Value::Object(inside));
    }
}

fn text(rows: &RecordBatch, column: &str, row: usize) -> String {
    let texts = rows.column_by_name(column).and_then(|column| column.as_string_opt::<i32>());
    texts.map(|texts| texts.value(row).to_owned()).unwrap_or_default()
}

fn instant(rows: &RecordBatch, column: &str, row: usize) -> Option<Millis> {
    let instants = cast(rows.column_by_name(column)?, &DataType::Int64).ok()?;
    Some(instants.as_primitive_opt::<Int64Type>()?.value(row))
}

/// A text, a number, or an amount as its digits.
fn scalar(rows: &RecordBatch, column: &str, row: usize) -> Value {
    let Some(values) = rows.column_by_name(column).filter(|values| !values.is_null(row)) else { return Value::Null };
    if let Some(amounts) = values.as_primitive_opt::<Decimal128Type>() {
        return amounts.value_as_string(row).into();
    }
    if let Some(numbers) = values.as_primitive_opt::<Float64Type>() {
        return numbers.value(row).into();
    }
    if let Some(numbers) = values.as_primitive_opt::<Int64Type>() {
        return numbers.value(row).into();
    }
    text(rows, column, row).into()
}

fn list(rows: &RecordBatch, column: &str, row: usize) -> Vec<String> {
    let Some(lists) = rows.column_by_name(column).and_then(|column| column.as_list_opt::<i32>()) else {
        return Vec::new();
    };
    let entries = lists.value(row);
    let entries = entries.as_string_opt::<i32>();
    entries.map(|entries| entries.iter().flatten().map(str::to_owned).collect()).unwrap_or_default()
}

fn entries(rows: &RecordBatch, row: usize) -> Vec<(String, String)> {
    let Some(maps) = rows.column_by_name("attributes").and_then(|column| column.as_map_opt()) else {
        return Vec::new();
    };
    let entries = maps.value(row);
    let texts = |column: usize| entries.column(column).as_string_opt::<i32>();
    let (Some(names), Some(values)) = (texts(0), texts(1)) else { return Vec::new() };
    let pairs = names.iter().zip(values.iter());
    pairs.filter_map(|(name, value)| Some((name?.to_owned(), value?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::generate::Plan;
    use crate::ingest::normalise::normalise;
    use crate::ingest::{batch, normalise};
    use crate::model::event::{Event, NormalEvent};

    const NOW: Millis = 1_777_636_800_000;

    fn built(event: &NormalEvent) -> RecordBatch {
        let origin = Origin { tenant: "acme".to_owned(), ..Origin::default() };
        batch::build(&[batch::Row { origin: &origin, event }]).unwrap()
    }

    fn again(event: &NormalEvent) -> NormalEvent {
        let rows = built(event);
        assert_eq!(origin(&rows, 0).received_at, Some(event.received_at));
        let text = super::event(&rows, 0).to_string();
        let read: Event = serde_json::from_str(&text).unwrap();
        normalise::normalise(read, event.received_at).unwrap()
    }

    #[test]
    fn every_event_of_the_generator_comes_back_as_it_was() {
        let plan = Plan {
            seed: 3,
            tenant_index: 0,
            from: NOW - 864_000_000,
            to: NOW,
            messages: 2_000,
            time_zone: chrono_tz::UTC,
        };
        let mut count = 0;
        for event in plan.events() {
            let event = normalise(event, NOW).unwrap();
            assert_eq!(again(&event), event);
            count += 1;
        }
        assert!(2_000 < count, "{count}");
    }

    #[test]
    fn an_event_with_everything_comes_back_as_it_was() {
        for text in [
            r#"{"id":"e","kind":"conversion.recorded","channel":"vk","account":"a","chat":"1","contact":"c","dialog":"d",
                "message":"9223372036854775807","operator":"anna","team":"n","author":"BOT","assisted":true,"segments":["a","b"],
                "identities":["crm:1"],"campaign":"x","scenario":"y","template":"z","source":"ad","message_kind":"IMAGE",
                "failure":{"code":"131"},"survey":{"id":"s","score":4,"scale":5},
                "conversion":{"action":"p","value":"0.0001","currency":"EUR","order":"7"},
                "cost":{"amount":1249.5,"currency":"USD","category":"m"},"consent":{"purpose":"p","text_version":"2"},
                "link":{"url":"https://x"},"attributes":{"k":"v"},"more":{"deep":[1]},"at":1777636799000}"#,
            r#"{"id":7,"kind":"message.received","channel":"vk","chat":1,"message":1,"at":1777640400000}"#,
            r#"{"id":7,"kind":"message.received","channel":"vk","chat":1,"message":1}"#,
        ] {
            let event = normalise(serde_json::from_str(text).unwrap(), NOW).unwrap();
            assert_eq!(again(&event), event);
        }
    }

    #[test]
    fn a_refused_row_is_kept_with_a_reason_that_repeats_nothing_of_it() {
        let event = r#"{"id":"e","kind":"message.received","channel":"vk","chat":1,"message":1}"#;
        let event = normalise(serde_json::from_str(event).unwrap(), NOW).unwrap();
        let rows = built(&event);
        let error = StoreError::Engine { code: 469, message: "violated by id = 'e' in table events".to_owned() };
        let kept = lines(&rows, &[Refused { row: 0, error }]);
        assert_eq!((kept[0].id.as_deref(), kept[0].code), (Some("e"), "REFUSED"));
        assert!(kept[0].reason.contains("(code 469)") && !kept[0].reason.contains("events'"), "{}", kept[0].reason);
    }
}
