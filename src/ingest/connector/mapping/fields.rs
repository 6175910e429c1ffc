//! The fields of an event that a rule fills, by the names of the event's own contract.

use serde_json::{Map, Value as Json};
use toml::Value;

use super::expression::{Expression, Wanted};
use super::path::Scene;
use super::written::{MappingError, Place, Written};
use crate::ingest::normalise::{IDENTITIES_MAX, SEGMENTS_MAX, TEXT_FIELDS};
use crate::model::event::{Author, FailureReason};

/// What can be filled. `id` and `kind` are the rule's, `channel` and `account` the file's.
static FIELDS: [(&str, Wanted); 32] = {
    use Wanted::*;
    [
        ("at", Time),
        ("chat", Text),
        ("contact", Text),
        ("identities", Identities),
        ("dialog", Text),
        ("message", Text),
        ("operator", Text),
        ("team", Text),
        ("author", Text),
        ("assisted", Text),
        ("segments", Texts),
        ("campaign", Text),
        ("scenario", Text),
        ("template", Text),
        ("source", Text),
        ("message_kind", Text),
        ("failure.code", Text),
        ("failure.reason", Text),
        ("survey.id", Text),
        ("survey.score", Number),
        ("survey.scale", Number),
        ("conversion.action", Text),
        ("conversion.value", Number),
        ("conversion.currency", Text),
        ("conversion.order", Text),
        ("cost.amount", Number),
        ("cost.currency", Text),
        ("cost.category", Text),
        ("consent.purpose", Text),
        ("consent.text_version", Text),
        ("link.url", Text),
        // The names of these are the mapping's own.
        ("attributes.*", Number),
    ]
};

/// What the rule says of the event.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    filled: Vec<Field>,
}

#[derive(Clone, Debug)]
struct Field {
    /// The object that it belongs to; empty for the event itself.
    object: &'static str,
    name: String,
    wanted: Wanted,
    expression: Expression,
}

impl Fields {
    /// # Errors
    /// When a field is not known, or would be filled with what no event may say.
    pub fn parse(written: Written) -> Result<Self, MappingError> {
        let mut filled = Vec::new();
        for (name, place, value) in written.rest() {
            match object(&name) {
                None => filled.push(field("", name, &place, value)?),
                Some(object) => {
                    let inner = Written::of(place, value)?;
                    for (name, place, value) in inner.rest() {
                        filled.push(field(object, name, &place, value)?);
                    }
                }
            }
        }
        Ok(Self { filled })
    }

    /// Puts what the payload says into the fields of an event.
    pub fn fill(&self, scene: &Scene<'_>, event: &mut Map<String, Json>) {
        for field in &self.filled {
            let Some(value) = field.value(scene) else { continue };
            if field.object.is_empty() {
                event.insert(field.name.clone(), value);
                continue;
            }
            let object = event.entry(field.object).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(object) = object {
                object.insert(field.name.clone(), value);
            }
        }
    }
}

impl Field {
    fn value(&self, scene: &Scene<'_>) -> Option<Json> {
        let most = match self.wanted {
            Wanted::Identities => IDENTITIES_MAX,
            Wanted::Texts => SEGMENTS_MAX,
            Wanted::Text if self.name == "assisted" => {
                return Some(Json::Bool(self.expression.text(scene)? == "true"));
            }
            Wanted::Text | Wanted::Number | Wanted::Time => return self.expression.text(scene).map(Json::String),
        };
        let mut texts = self.expression.texts(scene);
        // One too many would cost the event.
        texts.truncate(most);
        (!texts.is_empty()).then(|| texts.into_iter().map(Json::String).collect())
    }
}

/// The object of an event that has this name.
fn object(name: &str) -> Option<&'static str> {
    let begins = |known: &'static str| known.split_once('.').filter(|(object, _)| *object == name);
    FIELDS.iter().find_map(|(known, _)| begins(known)).map(|(object, _)| object)
}

fn field(object: &'static str, name: String, place: &Place, value: Value) -> Result<Field, MappingError> {
    if object == "attributes" && TEXT_FIELDS.iter().any(|text| text.eq_ignore_ascii_case(&name)) {
        return Err(place.wrong("would keep what people wrote, which is never stored"));
    }
    let full = match object {
        "" => name.clone(),
        "attributes" => "attributes.*".to_owned(),
        object => format!("{object}.{name}"),
    };
    let Some((_, wanted)) = FIELDS.iter().find(|(known, _)| *known == full) else {
        let where_else = match full.as_str() {
            "id" | "kind" => "; write it beside `fields`",
            "channel" | "account" => "; write it at the top of the file",
            _ => "",
        };
        return Err(place.wrong(format!("is no field of an event{where_else}")));
    };
    let expression = Expression::parse(place, value, *wanted)?;
    let is_allowed = |text: &str| match full.as_str() {
        "author" => Author::parse(text).is_some(),
        "failure.reason" => FailureReason::parse(text).is_some(),
        "assisted" => matches!(text, "true" | "false"),
        _ => true,
    };
    let allowed = match full.as_str() {
        "author" => Author::NAMES,
        "failure.reason" => FailureReason::NAMES,
        _ => "true or false",
    };
    if matches!(full.as_str(), "author" | "failure.reason") && expression.is_open() {
        return Err(place.wrong(format!("needs a `map` from what the payload says to {allowed}")));
    }
    if let Some(text) = expression.known().find(|text| !is_allowed(text)) {
        return Err(place.wrong(format!("can become `{text}`; it must be {allowed}")));
    }
    Ok(Field { object, name, wanted: *wanted, expression })
}
