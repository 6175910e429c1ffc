//! Where in a payload a value stands: `contact/phone`, `/account/id`, `phones/*/value`, `@account`.
//!
//! From the item that a rule looks at; with a `/` in front from the whole body. A number is a place in a list, `*` is
//! every entry of one. `~1` is a `/` inside of a key and `~0` a `~`, as in JSON pointers. `@account` and `@channel` are
//! the sender's, `@number` is the item's place in its list, counted from 1.

use std::borrow::Cow;

use serde_json::Value;

/// Steps of a path: deeper things are not looked for.
const STEPS_MAX: usize = 16;

/// Bytes of a text that are read of a payload: twice what an attribute keeps, and ten times an id. One text can be asked
/// for by every rule of every item, so that without a limit a payload could be made a thousand times its size.
const TEXT_BYTES_MAX: usize = 2_000;

/// Entries of a list that a `*` looks into: it may be looked into again for every item.
const ENTRIES_MAX: usize = 5_000;

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub body: &'a Value,
    pub item: &'a Value,
    /// Its place in its list, counted from 1.
    pub number: usize,
    /// Empty until they are known.
    pub account: &'a str,
    pub channel: &'a str,
}

impl<'a> Scene<'a> {
    pub fn of_body(body: &'a Value) -> Self {
        Self { body, item: body, number: 1, account: "", channel: "" }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    start: Start,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    Item,
    Body,
    Account,
    Channel,
    Number,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Every,
}

/// Which numbers become text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// Whole ones: a float has lost digits, so that two ids could have become one.
    Whole,
    /// All: amounts and scores.
    Any,
}

impl Path {
    /// # Errors
    /// When it is none, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('@') {
            let start = match text {
                "@account" => Start::Account,
                "@channel" => Start::Channel,
                "@number" => Start::Number,
                _ => return Err(format!("`{text}` is none of @account, @channel and @number")),
            };
            return Ok(Self { start, steps: Vec::new() });
        }
        let (start, rest) = match text.strip_prefix('/') {
            Some(rest) => (Start::Body, rest),
            None => (Start::Item, text),
        };
        let steps: Vec<Step> = rest.split('/').map(step).collect::<Option<_>>().ok_or_else(|| {
            format!("`{text}` is no path; write keys with `/` between them, such as `contact/phone` or `/account/id`")
        })?;
        match steps.len() <= STEPS_MAX {
            true => Ok(Self { start, steps }),
            false => Err(format!("`{text}` has more than {STEPS_MAX} steps")),
        }
    }

    /// Whether it can lead to several values.
    pub fn is_of_many(&self) -> bool {
        self.steps.contains(&Step::Every)
    }

    /// Whether it names the account or the channel.
    pub fn is_of_sender(&self) -> bool {
        matches!(self.start, Start::Account | Start::Channel)
    }

    /// Whether it leads to something in the payload.
    pub fn is_of_payload(&self) -> bool {
        matches!(self.start, Start::Item | Start::Body)
    }

    /// The first value that it leads to.
    pub fn find<'a>(&self, scene: &Scene<'a>) -> Option<&'a Value> {
        self.find_all(scene, 1).into_iter().next()
    }

    /// The values that it leads to, at most so many.
    pub fn find_all<'a>(&self, scene: &Scene<'a>, most: usize) -> Vec<&'a Value> {
        let first = match self.start {
            Start::Item => scene.item,
            Start::Body => scene.body,
            Start::Account | Start::Channel | Start::Number => return Vec::new(),
        };
        let mut found = Vec::new();
        follow(first, &self.steps, most, &mut found);
        found
    }

    /// Whether there is anything but null and the empty text.
    pub fn is_there(&self, scene: &Scene<'_>) -> bool {
        match self.find(scene) {
            None => self.text(scene, Digits::Any).is_some(),
            Some(Value::Null) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(_) => true,
        }
    }

    /// The value as text; empty, null and absent are the same.
    pub fn text<'a>(&self, scene: &Scene<'a>, digits: Digits) -> Option<Cow<'a, str>> {
        match self.start {
            Start::Account => Some(Cow::Borrowed(scene.account)).filter(|name| !name.is_empty()),
            Start::Channel => Some(Cow::Borrowed(scene.channel)).filter(|name| !name.is_empty()),
            Start::Number => Some(Cow::Owned(scene.number.to_string())),
            Start::Item | Start::Body => text(self.find(scene)?, digits),
        }
    }
}

fn step(text: &str) -> Option<Step> {
    match text {
        "" => None,
        "*" => Some(Step::Every),
        key => Some(Step::Key(key.replace("~1", "/").replace("~0", "~"))),
    }
}

/// As deep as the path is long, and never more values than asked for.
fn follow<'a>(value: &'a Value, steps: &[Step], most: usize, found: &mut Vec<&'a Value>) {
    if most <= found.len() {
        return;
    }
    let Some((step, rest)) = steps.split_first() else {
        found.push(value);
        return;
    };
    match (step, value) {
        (Step::Every, Value::Array(entries)) => {
            for entry in entries.iter().take(ENTRIES_MAX) {
                if most <= found.len() {
                    return;
                }
                follow(entry, rest, most, found);
            }
        }
        (Step::Key(key), Value::Object(fields)) => {
            if let Some(value) = fields.get(key) {
                follow(value, rest, most, found);
            }
        }
        (Step::Key(key), Value::Array(entries)) => {
            if let Some(value) = key.parse::<usize>().ok().and_then(|index| entries.get(index)) {
                follow(value, rest, most, found);
            }
        }
        _ => {}
    }
}

/// A text, a number or true and false as text; nothing where there is none.
pub fn text(value: &Value, digits: Digits) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(Cow::Borrowed(&text[..text.floor_char_boundary(TEXT_BYTES_MAX)])),
        Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
        Value::Number(number) if number.is_f64() && digits == Digits::Whole => None,
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_from_the_item_or_from_the_body() {
        let body =
            json!({ "id": 7, "list": [{ "id": "a", "a/b": "slash", "n": 1.5, "on": true, "none": null, "e": "" }] });
        let scene = Scene { item: &body["list"][0], account: "shop", ..Scene::of_body(&body) };
        let read = |path: &str| Path::parse(path).unwrap().text(&scene, Digits::Whole).map(Cow::into_owned);
        assert_eq!(read("id").as_deref(), Some("a"));
        assert_eq!(read("/id").as_deref(), Some("7"));
        assert_eq!(read("/list/0/id").as_deref(), Some("a"));
        assert_eq!(read("/list/*/id").as_deref(), Some("a"));
        assert_eq!(read("a~1b").as_deref(), Some("slash"));
        assert_eq!(read("on").as_deref(), Some("true"));
        assert_eq!(read("@account").as_deref(), Some("shop"));
        for nothing in ["n", "none", "e", "x", "id/x", "/list/1/id", "/list/x", "/list", "@channel"] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
        assert_eq!(Path::parse("n").unwrap().text(&scene, Digits::Any).as_deref(), Some("1.5"));
    }

    #[test]
    fn a_path_has_neither_gaps_nor_no_end() {
        for wrong in ["", "/", "a//b", "a/", &"a/".repeat(17)] {
            assert!(Path::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_long_text_is_read_only_in_part() {
        let body = json!({ "long": "ä".repeat(5_000) });
        let text = Path::parse("long").unwrap().text(&Scene::of_body(&body), Digits::Whole).unwrap().into_owned();
        assert_eq!(text.len(), TEXT_BYTES_MAX);
    }
}
