//! A rule: which things of a payload it is for, and what it makes of one.

use serde_json::{Map, Value as Json};

use super::condition::{self, Condition};
use super::deal::DealRule;
use super::expression::{Expression, Wanted};
use super::fields::Fields;
use super::path::{Path, Scene};
use super::written::{MappingError, Place, Written};
use crate::ingest::connector::Reading;
use crate::ingest::connector::sender::event_id;
use crate::model::clock::Millis;
use crate::model::event::Kind;

/// What a `kind` is mapped to that no figure needs.
const IGNORED: &str = "ignore";

#[derive(Clone, Debug)]
pub struct Rule {
    number: usize,
    /// The list whose entries it looks at; `None` looks at the body.
    pub each: Option<Path>,
    when: Vec<Condition>,
    action: Action,
    pub next: Next,
}

/// What happens after a rule that matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The rules below do not see what it matched.
    Stop,
    /// They do: one thing of the payload is several events.
    Continue,
}

#[derive(Clone, Debug)]
enum Action {
    Event { kind: Expression, id: Vec<Expression>, fields: Box<Fields> },
    Deal { id: Vec<Expression>, deal: Box<DealRule> },
    Ignore,
    Lookup(Expression),
}

/// What became of one thing of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The rule is not for it.
    Passed,
    Taken,
    /// The rule is for it and does not know its kind, which is this.
    Unknown(String),
    /// The rule makes something that needs a channel, and what the payload says is none.
    NoChannel,
}

impl Rule {
    /// # Errors
    /// When something in it is missing, not known, or makes no sense.
    pub fn parse(number: usize, value: toml::Value) -> Result<Self, MappingError> {
        let mut written = Written::of(Place::of_rule(number), value)?;
        let each_place = written.place.inside("each");
        let each = match written.text_if_given("each")? {
            None => None,
            Some(text) => Some(Path::parse(&text).map_err(|reason| each_place.wrong(reason))?),
        };
        if each.as_ref().is_some_and(|each| !each.is_of_payload()) {
            return Err(each_place.wrong("must be the path of a list"));
        }
        let when = condition::parse_all(&mut written)?;
        let next = match written.flag("continue")? {
            true => Next::Continue,
            false => Next::Stop,
        };
        let action = Action::parse(&mut written)?;
        written.finish()?;
        Ok(Self { number, each, when, action, next })
    }

    /// Adds what the payload says there to the reading.
    pub fn apply(&self, scene: &Scene<'_>, received_at: Millis, reading: &mut Reading) -> Outcome {
        if !condition::hold(&self.when, scene) {
            return Outcome::Passed;
        }
        if scene.channel.is_empty() && matches!(self.action, Action::Event { .. } | Action::Deal { .. }) {
            return Outcome::NoChannel;
        }
        let made = match &self.action {
            Action::Ignore => Err(Missed::Ignored),
            Action::Lookup(name) => match name.text(scene) {
                Some(name) => {
                    reading.lookups.push(name);
                    Ok(())
                }
                None => Err(Missed::Unreadable("`lookup` finds nothing".to_owned())),
            },
            Action::Event { kind, id, fields } => {
                event(scene, kind, id, fields).map(|event| reading.events.push(event))
            }
            Action::Deal { id, deal } => deal_id(scene, id)
                .and_then(|id| deal.read(scene, id, received_at).map_err(Missed::Unreadable))
                .map(|deal| reading.deals.push(deal)),
        };
        match made {
            Ok(()) => Outcome::Taken,
            Err(Missed::Ignored) => {
                reading.ignore();
                Outcome::Taken
            }
            Err(Missed::UnknownKind(kind)) => Outcome::Unknown(kind),
            Err(Missed::Unreadable(reason)) => {
                reading.note_unreadable(format!("rule {}: {reason}", self.number));
                Outcome::Taken
            }
        }
    }
}

/// Why a rule that is for something made nothing of it.
enum Missed {
    Ignored,
    UnknownKind(String),
    Unreadable(String),
}

impl Action {
    fn parse(written: &mut Written) -> Result<Self, MappingError> {
        let place = written.place.clone();
        let given: Vec<&str> =
            ["kind", "deal", "ignore", "lookup"].into_iter().filter(|key| written.has(key)).collect();
        match given.as_slice() {
            ["ignore"] => match written.flag("ignore")? {
                true => Ok(Self::Ignore),
                false => Err(place.inside("ignore").wrong("is false; leave it out, and say what the rule makes")),
            },
            ["lookup"] => {
                let (place, value) = written.need("lookup")?;
                Ok(Self::Lookup(Expression::parse(&place, value, Wanted::Text)?))
            }
            ["deal"] => {
                let (place, value) = written.need("deal")?;
                let deal = DealRule::parse(Written::of(place, value)?)?;
                Ok(Self::Deal { id: parse_id(written)?, deal: Box::new(deal) })
            }
            ["kind"] => {
                let (place, value) = written.need("kind")?;
                let kind = Expression::parse(&place, value, Wanted::Text)?;
                if let Some(wrong) = kind.known().find(|name| *name != IGNORED && Kind::parse(name).is_none()) {
                    return Err(place.wrong(format!(
                        "can become `{wrong}`; give a kind of event, such as message.received, or {IGNORED}"
                    )));
                }
                let id = parse_id(written)?;
                let fields = match written.take("fields") {
                    None => Fields::default(),
                    Some((place, value)) => Fields::parse(Written::of(place, value)?)?,
                };
                Ok(Self::Event { kind, id, fields: Box::new(fields) })
            }
            _ => Err(place.wrong("needs exactly one of `kind`, `deal`, `lookup` and `ignore`")),
        }
    }
}

/// What tells an event from all others of its kind: at least one thing that the payload says.
fn parse_id(written: &mut Written) -> Result<Vec<Expression>, MappingError> {
    let place = written.place.inside("id");
    let parts: Vec<Expression> = written
        .entries("id")
        .into_iter()
        .map(|(place, value)| Expression::parse(&place, value, Wanted::Text))
        .collect::<Result<_, _>>()?;
    match parts.iter().any(Expression::asks_for_payload) {
        true => Ok(parts),
        false => Err(place.wrong("must hold the path of something that tells one event from another, such as its id")),
    }
}

fn event(
    scene: &Scene<'_>,
    kind: &Expression,
    id: &[Expression],
    fields: &Fields,
) -> Result<crate::model::event::Event, Missed> {
    let unknown = || Missed::UnknownKind(kind.found(scene).unwrap_or_default());
    let name = kind.text(scene).ok_or_else(unknown)?;
    if name == IGNORED {
        return Err(Missed::Ignored);
    }
    let kind = Kind::parse(&name).ok_or_else(unknown)?;
    let mut event = Map::new();
    for (field, text) in [
        ("id", joined(scene, kind.as_str(), id)?),
        ("kind", kind.as_str().to_owned()),
        ("channel", scene.channel.to_owned()),
        ("account", scene.account.to_owned()),
    ] {
        event.insert(field.to_owned(), Json::String(text));
    }
    fields.fill(scene, &mut event);
    // Only texts, flags and lists of texts were put in, under names that the contract has.
    serde_json::from_value(Json::Object(event)).map_err(|error| Missed::Unreadable(error.to_string()))
}

fn deal_id(scene: &Scene<'_>, id: &[Expression]) -> Result<String, Missed> {
    joined(scene, "deal", id)
}

/// The id as every connector makes it: of the channel, the account, the kind and the platform's own ids.
fn joined(scene: &Scene<'_>, kind: &str, id: &[Expression]) -> Result<String, Missed> {
    let mut parts = Vec::with_capacity(id.len());
    for (number, part) in (1..).zip(id) {
        // With a part less, two events would be one.
        let missing = || Missed::Unreadable(format!("`id[{number}]` finds nothing"));
        parts.push(part.text(scene).ok_or_else(missing)?);
    }
    let mut all = vec![scene.channel, scene.account, kind];
    all.extend(parts.iter().map(String::as_str));
    Ok(event_id(&all))
}
