//! Messages of a dialog and what is done to them: written, read, reacted to, a button of theirs pressed.
//!
//! A message's id is its number in the dialog (`conversation_message_id`), because that is what VK says of reads and
//! reactions. What people write is never taken over.

use serde_json::{Map, Value};

use super::{Told, Unread, Vk, user};
use crate::ingest::connector::json::{self, Unit};
use crate::ingest::connector::{Reading, payload};
use crate::model::event::{Author, Event, Kind, Scalar};

/// `message_new` and `message_reply`: since version 5.103 the message stands beside what the client's program can show,
/// before it was the object itself.
pub(super) fn written(vk: &Vk, kind: &str, told: &Told<'_>, reading: &mut Reading) -> Result<(), Unread> {
    let message = told.object.get("message").unwrap_or(told.object);
    let place = if message.get("peer_id").is_some() { "/peer_id" } else { "/user_id" };
    let peer = user(message, place)?;
    if message.get("action").is_some_and(Value::is_object) {
        // What VK itself writes into a chat, such as that it was renamed.
        return Err(Unread::Ignored);
    }
    let number = number(message).ok_or(Unread::Missing("the message has no id"))?;
    let is_outbound = kind == "message_reply" || json::number(message, "/out") == Some(1);
    let kind = if is_outbound { Kind::MessageSent } else { Kind::MessageReceived };
    let mut event = told.of_user(kind, peer, &[&number]);
    event.message = Some(Scalar::Text(number.clone()));
    event.at = json::instant(message, "/date", Unit::Seconds);
    event.message_kind = Some(Scalar::from(message_kind(message)));
    if is_outbound {
        let author = match json::text(message, "/admin_author_id") {
            Some(administrator) => {
                event.operator = Some(Scalar::Text(administrator));
                Author::Operator
            }
            None => vk.api_author,
        };
        event.author = Some(Scalar::from(author.as_str()));
        reading.events.push(event);
        return Ok(());
    }
    if let Some(link) = json::text(message, "/ref") {
        vk.links.note(&mut event, &link);
    }
    let mut attributes = Map::new();
    note(&mut attributes, "ref_source", json::text(message, "/ref_source"));
    let pressed = Pressed::of(message);
    note(&mut attributes, "command", pressed.command());
    event.attributes = (!attributes.is_empty()).then_some(attributes);
    let rating = pressed.rating(told, peer, &number, event.at.clone());
    reading.events.push(event);
    reading.events.extend(rating);
    Ok(())
}

/// `message_event`: a button that sends no message. VK does not say when.
pub(super) fn button_pressed(told: &Told<'_>, reading: &mut Reading) -> Result<(), Unread> {
    let peer = told.user("/peer_id")?;
    let press = json::text(told.object, "/event_id").unwrap_or_else(|| told.delivery_id());
    let number = json::number(told.object, "/conversation_message_id").filter(|number| 0 < *number);
    // A keyboard below a dialog belongs to no message; the press still shows that the client took part.
    let message = number.map_or_else(|| format!("button-{press}"), |number| number.to_string());
    let mut event = told.of_user(Kind::MessageButtonPressed, peer, &[&message, &press]);
    event.message = Some(Scalar::Text(message));
    reading.events.push(event);
    reading.events.extend(Pressed::of(told.object).rating(told, peer, &press, None));
    Ok(())
}

/// `message_read`: all up to a number. It has no time of its own: it counts from its arrival.
pub(super) fn read_up_to(told: &Told<'_>) -> Result<Event, Unread> {
    let peer = told.user("/peer_id")?;
    if told.user("/from_id")? != peer {
        return Err(Unread::Ignored);
    }
    let number = json::number(told.object, "/conversation_message_id").filter(|number| 0 < *number);
    // `read_message_id` counts all messages of the community: as a number of this dialog it would mark too much.
    let what = "there is no conversation_message_id: choose version 5.131 or later for the server in VK";
    let number = number.ok_or(Unread::Missing(what))?.to_string();
    let mut event = told.of_user(Kind::ReadWatermark, peer, &[&number]);
    event.message = Some(Scalar::Text(number));
    Ok(event)
}

/// `message_reaction_event`. Without `reaction_id` the reaction was taken back, which undoes nothing that figures count.
pub(super) fn reacted(told: &Told<'_>) -> Result<Event, Unread> {
    let peer = told.user("/peer_id")?;
    if told.user("/reacted_id")? != peer {
        return Err(Unread::Ignored);
    }
    let reaction = json::text(told.object, "/reaction_id").ok_or(Unread::Ignored)?;
    let number = json::text(told.object, "/cmid").ok_or(Unread::Missing("there is no cmid"))?;
    let mut event = told.of_user(Kind::MessageReacted, peer, &[&number, &reaction]);
    event.message = Some(Scalar::Text(number));
    event.author = Some(Scalar::from(Author::Client.as_str()));
    let mut attributes = Map::new();
    note(&mut attributes, "reaction", Some(reaction));
    event.attributes = Some(attributes);
    Ok(event)
}

/// The number in the dialog; where an old version tells none, the community's own, marked so that no watermark takes it
/// for the other.
fn number(message: &Value) -> Option<String> {
    let positive = |pointer| json::number(message, pointer).filter(|number| 0 < *number);
    match positive("/conversation_message_id") {
        Some(number) => Some(number.to_string()),
        None => positive("/id").map(|id| format!("id-{id}")),
    }
}

/// What the message is: VK's word for its first attachment, or ours where other platforms have the same thing.
fn message_kind(message: &Value) -> String {
    let attached = json::list(message, "/attachments").first().and_then(|first| json::text(first, "/type"));
    match attached.as_deref() {
        Some("photo") => "image".to_owned(),
        Some("doc") => "document".to_owned(),
        Some("audio_message") => "voice".to_owned(),
        Some(other) => other.to_owned(),
        None if message.get("geo").is_some_and(Value::is_object) => "location".to_owned(),
        None => "text".to_owned(),
    }
}

/// What the company put into a button that was pressed.
struct Pressed(Value);

impl Pressed {
    /// A payload is JSON, as VK demands of buttons; it comes as its text or, of some buttons, as it is.
    fn of(object: &Value) -> Self {
        let payload = object.get("payload").cloned().unwrap_or_default();
        match &payload {
            Value::String(text) => Self(serde_json::from_str(text).unwrap_or(payload)),
            _ => Self(payload),
        }
    }

    /// Such as `start`, of the button that VK shows before the first message.
    fn command(&self) -> Option<String> {
        json::text(&self.0, "/command")
    }

    /// The rating in it: the payload itself, or the first of an object's texts that is one.
    fn rating(&self, told: &Told<'_>, peer: i64, press: &str, at: Option<Scalar>) -> Option<Event> {
        let read = |payload: &Value| payload::rating(payload.as_str()?);
        let survey = match &self.0 {
            Value::Object(fields) => fields.values().find_map(read),
            payload => read(payload),
        }?;
        let mut event = told.of_user(Kind::SurveyRated, peer, &[press]);
        event.survey = Some(survey);
        event.at = at;
        Some(event)
    }
}

fn note(attributes: &mut Map<String, Value>, name: &str, value: Option<String>) {
    if let Some(value) = value {
        attributes.insert(name.to_owned(), Value::String(value));
    }
}
