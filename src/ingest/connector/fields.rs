//! Deliveries that come as a form or as JSON, read alike: `data[FIELDS][ID]=17` is `{"data": {"FIELDS": {"ID": "17"}}}`.
//!
//! Knows no platform, and makes no tree of a form: fields are looked up by their whole path.

use serde_json::Value;

use super::Payload;
use super::json;

/// A payload whose fields can be asked for.
#[derive(Clone, Debug)]
pub enum Fields {
    Form(Vec<(String, String)>),
    Json(Value),
}

/// Fields that a form is read for; platforms send some dozens.
const FORM_FIELDS_MAX: usize = 1_000;

impl Fields {
    /// `None`: the body is neither a form nor JSON.
    pub fn read(payload: &Payload<'_>) -> Option<Self> {
        Self::of(payload.body, payload.content_type)
    }

    /// By what the body is where its type does not say.
    pub fn of(body: &[u8], content_type: &str) -> Option<Self> {
        let begins = body.trim_ascii_start().first().copied();
        if content_type == "application/json" || matches!(begins, Some(b'{' | b'[')) {
            return serde_json::from_slice(body).ok().filter(Value::is_object).map(Self::Json);
        }
        std::str::from_utf8(body).ok()?;
        let pairs = form_urlencoded::parse(body).take(FORM_FIELDS_MAX);
        Some(Self::Form(pairs.map(|(name, text)| (name.into_owned(), text.into_owned())).collect()))
    }

    /// The text at a path; empty and absent are the same. Where a form gives it twice the first counts, always.
    pub fn text(&self, path: &[&str]) -> Option<String> {
        match self {
            Self::Json(value) => {
                let pointer: String =
                    path.iter().map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1"))).collect();
                match value.pointer(&pointer)? {
                    // An amount; ids with a fraction there are none.
                    Value::Number(number) => Some(number.to_string()),
                    _ => json::text(value, &pointer),
                }
            }
            Self::Form(pairs) => {
                let (first, rest) = path.split_first()?;
                let name = rest.iter().fold((*first).to_owned(), |name, part| format!("{name}[{part}]"));
                pairs
                    .iter()
                    .find(|(given, _)| *given == name)
                    .map(|(_, text)| text.clone())
                    .filter(|text| !text.is_empty())
            }
        }
    }

    pub fn json(&self) -> Option<&Value> {
        match self {
            Self::Json(value) => Some(value),
            Self::Form(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_and_json_say_the_same() {
        let form = Fields::of(b"event=X&data%5BFIELDS%5D%5BID%5D=17&auth[domain]=&n=1.5&n=2", "").unwrap();
        let json =
            Fields::of(br#" {"event":"X","data":{"FIELDS":{"ID":17}},"auth":{"domain":""},"n":1.5}"#, "").unwrap();
        for fields in [form, json] {
            let text = |path: &[&str]| fields.text(path);
            assert_eq!(text(&["event"]).as_deref(), Some("X"));
            assert_eq!(text(&["data", "FIELDS", "ID"]).as_deref(), Some("17"));
            assert_eq!(text(&["n"]).as_deref(), Some("1.5"));
            assert_eq!((text(&["auth", "domain"]), text(&["data"]), text(&[])), (None, None, None));
        }
        assert!(Fields::of(b"\xff", "").is_none());
        assert!(Fields::of(b"[]", "").is_none());
        assert!(Fields::of(b"a=1", "application/json").is_none());
    }
}
