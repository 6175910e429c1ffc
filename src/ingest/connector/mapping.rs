//! Platforms without code of ours: a mapping file says how deliveries are signed and what they mean.
//!
//! For aggregators and the triggers of CRMs. The file is declarative (conditions, paths, maps, templates), is checked whole
//! when the program starts, and holds no secret. A payload costs at most its size times the number of rules. It never asks
//! anybody anything, and knows no platform: what there is to know of one stands in its file under `mappings/`.
//!
//! Reading order: [`written`] (the file), [`path`], [`condition`], [`expression`] with [`mod@unit`] and [`fields`],
//! [`deal`], [`rule`], [`signature`].

mod condition;
mod deal;
mod expression;
mod fields;
mod path;
mod rule;
mod signature;
mod unit;
mod written;

use std::fs;
use std::sync::Arc;

use serde_json::Value;

use self::condition::Condition;
use self::expression::{Expression, Wanted};
use self::path::{Digits, Path, Scene};
use self::rule::{Next, Outcome, Rule};
use self::signature::Scheme;
use self::written::{MappingError, Place, Written};
use super::json;
use super::options::{Hidden, OptionError, Options};
use super::{Accounts, Connector, Delivery, Payload, Platform, Reading, Refusal, form};
use crate::model::Channel;
use crate::model::clock::Millis;

/// `platform = "mapping"`.
pub const PLATFORM: Platform = Platform { name: "mapping", open };

/// Bytes of a mapping file: the largest that is shipped has a hundredth.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Things of one payload: many times what anybody sends in one.
const ITEMS_MAX: usize = 5_000;

/// A mapping file, checked, with the secret and the accounts of a connection.
#[derive(Debug)]
struct Mapping {
    accounts: Accounts,
    secret: Hidden,
    scheme: Scheme,
    format: Format,
    channel: Expression,
    account: Option<Expression>,
    kind_paths: Vec<Path>,
    handshake: Option<Handshake>,
    /// The query parameter that a greeting carries and wants back.
    greeting: Option<String>,
    /// The rules by the list that they look at, both in the order of the file.
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    each: Option<Path>,
    rules: Vec<Rule>,
}

/// Whether a rule was for something.
#[derive(Clone, Copy, Debug)]
enum Match {
    Some,
    None,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Json,
    Form,
}

#[derive(Debug)]
struct Handshake {
    when: Vec<Condition>,
    answer: String,
}

fn open(accounts: &Accounts, options: &mut Options) -> Result<Arc<dyn Connector>, OptionError> {
    const NAME: &str = "mapping_file";
    let file = options.text(NAME)?;
    let secret = options.secret("secret")?;
    let invalid = |reason: String| OptionError::Invalid { name: NAME, reason: format!("{file}: {reason}") };
    let size = fs::metadata(&file).map(|metadata| metadata.len());
    let size = size.map_err(|source| OptionError::File { name: "mapping", path: file.clone().into(), source })?;
    if FILE_BYTES_MAX < size {
        return Err(invalid(format!("has {size} bytes; at most {FILE_BYTES_MAX} are read")));
    }
    let text = fs::read_to_string(&file);
    let text = text.map_err(|source| OptionError::File { name: "mapping", path: file.clone().into(), source })?;
    let table = text.parse::<toml::Table>().map_err(|error| invalid(without_its_text(&text, &error)))?;
    let mapping = Mapping::parse(accounts.clone(), secret, table).map_err(|error| invalid(error.to_string()))?;
    Ok(Arc::new(mapping))
}

/// A parser's words and the line, without the text of it: a file that was named by mistake can be a secret.
fn without_its_text(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("is no TOML (line {}): {}", before.matches('\n').count() + 1, error.message())
}

impl Mapping {
    fn parse(accounts: Accounts, secret: Hidden, table: toml::Table) -> Result<Self, MappingError> {
        let mut written = Written::new(Place::default(), table);
        let format = written.choice("format", &[("json", Format::Json), ("form", Format::Form)])?;
        let (place, value) = written.need("signature")?;
        let scheme = Scheme::parse(Written::of(place, value)?)?;
        let (place, value) = written.need("channel")?;
        let channel = Expression::parse(&place, value, Wanted::Text)?;
        if let Some(wrong) = channel.known().find(|name| Channel::parse(name).is_none()) {
            return Err(place.wrong(format!("can become `{wrong}`; give at most 32 letters, digits, `_` and `-`")));
        }
        let account = match written.take("account") {
            None => None,
            Some((place, value)) => Some((place.clone(), Expression::parse(&place, value, Wanted::Text)?)),
        };
        for (place, expression) in
            [Some((&place, &channel)), account.as_ref().map(|(at, found)| (at, found))].into_iter().flatten()
        {
            if expression.asks_for_sender() {
                return Err(place.wrong("cannot be made of @account or @channel"));
            }
        }
        let kind_paths = written.entries("kind_path").into_iter().map(parse_path).collect::<Result<_, _>>()?;
        let handshake = match written.take("handshake") {
            None => None,
            Some((place, value)) => Some(Handshake::parse(Written::of(place, value)?)?),
        };
        let greeting = match written.take("greeting") {
            None => None,
            Some((place, value)) => {
                let mut greeting = Written::of(place, value)?;
                let parameter = greeting.text("parameter")?;
                greeting.finish()?;
                Some(parameter)
            }
        };
        let rules_place = written.place.inside("rules");
        let groups = group((1..).zip(written.entries("rules")).map(|(number, (_, rule))| Rule::parse(number, rule)))?;
        if groups.is_empty() {
            return Err(rules_place.wrong("is missing; write at least one [[rules]]"));
        }
        written.finish()?;
        let account = account.map(|(_, expression)| expression);
        Ok(Self { accounts, secret, scheme, format, channel, account, kind_paths, handshake, greeting, groups })
    }

    fn value(&self, body: &[u8]) -> Option<Value> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        match self.format {
            Format::Json => json::parse(body).ok(),
            Format::Form => {
                form::parse(body).ok().filter(|form| form.as_object().is_some_and(|fields| !fields.is_empty()))
            }
        }
    }

    /// The account of what a rule looks at; the first where the payload names none. One that is named in a way that the
    /// file has no word for is somebody else's.
    fn account(&self, scene: &Scene<'_>) -> Result<String, Refusal> {
        let Some(account) = &self.account else { return Ok(self.accounts.first().to_owned()) };
        match account.text(scene) {
            Some(name) => self.accounts.check(&name).map(|()| name),
            None if account.is_said(scene) => {
                let account = account.found(scene).unwrap_or_else(|| "of no readable name".to_owned());
                Err(Refusal::foreign(&account))
            }
            None => Ok(self.accounts.first().to_owned()),
        }
    }

    /// Reads one thing by the rules of its list.
    fn read_item(&self, scene: &Scene<'_>, rules: &[Rule], received_at: Millis, reading: &mut Reading) -> Match {
        let account = match self.account(scene) {
            Ok(account) => account,
            Err(refusal) => {
                reading.note_unreadable(refusal.to_string());
                return Match::Some;
            }
        };
        let channel = self.channel.text(scene).and_then(|name| Channel::parse(&name));
        let channel = channel.as_ref().map_or("", Channel::as_str);
        let scene = Scene { account: &account, channel, ..*scene };
        let mut matched = Match::None;
        for rule in rules {
            match rule.apply(&scene, received_at, reading) {
                Outcome::Passed => continue,
                Outcome::Taken => {}
                Outcome::Unknown(kind) => reading.note_unknown(&kind),
                // A messenger that the mapping does not know is like a kind that it does not.
                Outcome::NoChannel => {
                    let name = self.channel.found(&scene).unwrap_or_default();
                    reading.note_unknown(&format!("channel {name}"));
                }
            }
            matched = Match::Some;
            if rule.next == Next::Stop {
                break;
            }
        }
        matched
    }

    /// What something is called that no rule is for.
    fn kind_of(&self, scene: &Scene<'_>) -> String {
        let named = self.kind_paths.iter().find_map(|path| path.text(scene, Digits::Any));
        named.map_or_else(|| "without a name".to_owned(), |name| name.into_owned())
    }
}

impl Connector for Mapping {
    fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        self.scheme.verify(&self.secret, delivery, |body| self.value(body))?;
        let Some(body) = self.value(delivery.body) else { return Ok(()) };
        let whole = Scene::of_body(&body);
        for group in &self.groups {
            for item in group.items(&whole, ITEMS_MAX) {
                self.account(&Scene { item, ..whole })?;
            }
        }
        Ok(())
    }

    fn greet(&self, query: &str) -> Result<String, Refusal> {
        let parameter = self.greeting.as_ref().ok_or(Refusal::NoGreeting)?;
        let what = "the parameter that the mapping file names is not there once";
        let Ok(Some(value)) = super::signature::parameter(query, parameter, what) else {
            return Err(Refusal::NotAGreeting { what });
        };
        match is_harmless(&value) {
            true => Ok(value),
            false => {
                Err(Refusal::NotAGreeting { what: "the parameter holds more than letters, digits, `-`, `_` and `.`" })
            }
        }
    }

    fn handshake(&self, body: &[u8]) -> Option<String> {
        let handshake = self.handshake.as_ref()?;
        let body = self.value(body)?;
        condition::hold(&handshake.when, &Scene::of_body(&body)).then(|| handshake.answer.clone())
    }

    fn read(&self, payload: &Payload<'_>) -> Reading {
        let body = match self.value(payload.body) {
            Some(body @ (Value::Object(_) | Value::Array(_))) => body,
            Some(_) => return Reading::unreadable("the body is neither an object nor a list"),
            None => return Reading::unreadable(self.format.refusal()),
        };
        let mut reading = Reading::default();
        let whole = Scene::of_body(&body);
        // Where a list is there, the rules for the body as a whole are for something else.
        let mut is_known = self.groups.iter().any(|group| group.is_list_in(&whole));
        let mut items_left = ITEMS_MAX;
        for group in &self.groups {
            let items = group.items(&whole, items_left.saturating_add(1));
            if items_left < items.len() {
                reading.note_unreadable(format!("the payload tells more than {ITEMS_MAX} things"));
            }
            for (number, item) in (1..).zip(items.into_iter().take(items_left)) {
                items_left = items_left.saturating_sub(1);
                let scene = Scene { item, number, ..whole };
                match (self.read_item(&scene, &group.rules, payload.received_at, &mut reading), &group.each) {
                    (Match::None, Some(_)) => reading.note_unknown(&self.kind_of(&scene)),
                    (Match::None, None) => {}
                    (Match::Some, _) => is_known = true,
                }
            }
        }
        if !is_known {
            reading.note_unknown(&self.kind_of(&whole));
        }
        reading
    }
}

impl Group {
    /// What its rules look at, at most so many.
    fn items<'a>(&self, whole: &Scene<'a>, most: usize) -> Vec<&'a Value> {
        let Some(each) = &self.each else { return vec![whole.body] };
        let mut items = Vec::new();
        for value in each.find_all(whole, most) {
            let entries = match value {
                Value::Array(entries) => entries.as_slice(),
                // Some write a list of one without its brackets.
                Value::Object(_) => std::slice::from_ref(value),
                _ => &[],
            };
            items.extend(entries.iter().take(most.saturating_sub(items.len())));
        }
        items
    }

    fn is_list_in(&self, whole: &Scene<'_>) -> bool {
        let list = self.each.as_ref().and_then(|each| each.find(whole));
        list.is_some_and(|list| matches!(list, Value::Array(_) | Value::Object(_)))
    }
}

/// The rules by what they look at, in the order of the file.
fn group(rules: impl Iterator<Item = Result<Rule, MappingError>>) -> Result<Vec<Group>, MappingError> {
    let mut groups: Vec<Group> = Vec::new();
    for rule in rules {
        let rule = rule?;
        match groups.iter_mut().find(|group| group.each == rule.each) {
            Some(group) => group.rules.push(rule),
            None => groups.push(Group { each: rule.each.clone(), rules: vec![rule] }),
        }
    }
    Ok(groups)
}

impl Handshake {
    fn parse(mut written: Written) -> Result<Self, MappingError> {
        let when = condition::parse_all(&mut written)?;
        if when.is_empty() {
            // It would hold for every delivery, and nothing would be stored.
            return Err(written.place.inside("when").wrong("is missing"));
        }
        let answer = written.text_if_given("answer")?.unwrap_or_default();
        written.finish()?;
        Ok(Self { when, answer })
    }
}

impl Format {
    fn refusal(self) -> &'static str {
        match self {
            Self::Json => "the body is no JSON",
            Self::Form => "the body is no form",
        }
    }
}

fn parse_path((place, value): (Place, toml::Value)) -> Result<Path, MappingError> {
    let toml::Value::String(text) = value else { return Err(place.wrong("must be a path")) };
    Path::parse(&text).map_err(|reason| place.wrong(reason))
}

/// What a greeting may make us say: it cannot be markup, whatever a browser takes the answer for.
fn is_harmless(value: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=200).contains(&value.len()) && value.bytes().all(is_plain)
}

#[cfg(test)]
mod tests;
