//! Attributes: whatever a source says beside the fields, as text and within bounds.
//!
//! They are decoration, so what is too much is cut and marked instead of costing the event. The texts of messages
//! are dropped here: they are never stored.

use serde_json::{Map, Value};

use crate::ingest::reason::Reason;

/// Attributes of an event; more is a bomb of keys, not a description.
pub const ATTRIBUTES_MAX: usize = 64;
/// Characters of an attribute's name.
pub const NAME_CHARS_MAX: usize = 100;
/// Characters of an attribute's value.
pub const VALUE_CHARS_MAX: usize = 1_000;
/// Fields that hold what people wrote to each other; case does not matter.
pub const TEXT_FIELDS: [&str; 3] = ["text", "body", "message_text"];

/// The attributes of one event, in the order in which they were given.
#[derive(Default)]
pub(super) struct Attributes {
    entries: Vec<(String, String)>,
    truncated: bool,
}

impl Attributes {
    /// Takes what the source calls attributes first, so that unknown fields cannot push them out.
    pub fn collect(named: Option<Map<String, Value>>, other: Map<String, Value>) -> Result<Self, Reason> {
        let mut attributes = Self::default();
        for (name, value) in named.unwrap_or_default().into_iter().chain(other) {
            if !TEXT_FIELDS.iter().any(|field| field.eq_ignore_ascii_case(&name)) {
                attributes.add(&name, value)?;
            }
        }
        Ok(attributes)
    }

    fn add(&mut self, name: &str, value: Value) -> Result<(), Reason> {
        let text = match value {
            Value::Null => return Ok(()),
            Value::String(text) => text,
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
        };
        if name.contains('\0') || text.contains('\0') {
            return Err(Reason::Nul { field: "attributes" });
        }
        if ATTRIBUTES_MAX <= self.entries.len() || NAME_CHARS_MAX < name.chars().count() {
            self.truncated = true;
            return Ok(());
        }
        let text = self.cut(text);
        self.set(name, text);
        Ok(())
    }

    /// Cuts a text to the longest value, and remembers that it did.
    pub fn cut(&mut self, mut text: String) -> String {
        if let Some((end, _)) = text.char_indices().nth(VALUE_CHARS_MAX) {
            text.truncate(end);
            self.truncated = true;
        }
        text
    }

    /// Sets an attribute of our own making: it replaces one of the same name and is never cut off.
    pub fn set(&mut self, name: &str, value: String) {
        match self.entries.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.entries.push((name.to_owned(), value)),
        }
    }

    pub fn into_entries(mut self) -> Vec<(String, String)> {
        if self.truncated {
            self.set("truncated", "true".to_owned());
        }
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn collect(named: &Value, other: &Value) -> Vec<(String, String)> {
        let map = |value: &Value| value.as_object().cloned().unwrap();
        Attributes::collect(Some(map(named)), map(other)).unwrap().into_entries()
    }

    #[test]
    fn unknown_fields_become_text() {
        let got =
            collect(&json!({ "a": "x" }), &json!({ "n": 18446744073709551615_u64, "o": {"k": [1, null]}, "z": null }));
        let expect = [("a", "x"), ("n", "18446744073709551615"), ("o", r#"{"k":[1,null]}"#)];
        assert_eq!(got, expect.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn the_text_of_a_message_is_dropped() {
        assert_eq!(collect(&json!({}), &json!({ "text": "secret", "body": "secret", "message_text": "secret" })), []);
    }

    #[test]
    fn too_much_is_cut_and_marked() {
        let many: Map<String, Value> = (0..10_000).map(|index| (format!("k{index}"), json!(index))).collect();
        let got = collect(&json!({}), &Value::Object(many));
        assert_eq!(got.len(), ATTRIBUTES_MAX + 1);
        assert_eq!(got[ATTRIBUTES_MAX], ("truncated".to_owned(), "true".to_owned()));

        let got = collect(&json!({ "long": "ä".repeat(1_001) }), &json!({}));
        assert_eq!(got[0].1, "ä".repeat(1_000));
        assert_eq!(got[1].0, "truncated");
    }
}
