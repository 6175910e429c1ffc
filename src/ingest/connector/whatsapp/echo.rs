//! What others sent on the number: people in the WhatsApp Business app, and Meta's own agent.

use serde_json::Value;

use super::inbound::{ContentKind, content_kind};
use super::person::{Fields, Person};
use super::{Change, json};
use crate::ingest::connector::Reading;
use crate::ingest::connector::json::Unit;
use crate::model::event::{Author, Kind, Scalar};

const TO: Fields = Fields { number: "/to", user_id: "/to_user_id", parent_user_ids: &["/to_parent_user_id"] };

/// Reads one entry of `message_echoes`.
pub fn read(change: &Change<'_>, echo: &Value, reading: &mut Reading) {
    let name = json::text(echo, "/type").unwrap_or_default();
    match content_kind(&name) {
        ContentKind::Message => {}
        ContentKind::Unknown => return reading.note_unknown(&format!("message_echoes.{name}")),
        // A reaction of ours, an edit or a deletion is no message.
        ContentKind::Reaction | ContentKind::System | ContentKind::Ignored => {
            reading.ignore();
            return;
        }
    }
    let person = Person::of(echo, &TO, change.contacts());
    let (Some(message), Some(chat)) = (json::text(echo, "/id"), person.chat()) else {
        reading.note_unreadable("an echo of a message names no message or no recipient");
        return;
    };
    let mut event = change.sender.event(Kind::MessageSent, change.account, &[&message, "echo"]);
    event.at = json::instant(echo, "/timestamp", Unit::Seconds);
    event.chat = Some(Scalar::from(chat));
    event.message = Some(Scalar::Text(message));
    event.message_kind = Some(Scalar::Text(name));
    event.author = Some(Scalar::from(author(change.field).as_str()));
    person.write(&mut event);
    reading.events.push(event);
}

/// Who writes what comes under this field. In the Business app it is a person, though nobody says which; its away messages
/// look the same.
fn author(field: &str) -> Author {
    match field {
        // While Meta's agent has the conversation, we only listen.
        "standby" => Author::Bot,
        _ => Author::Operator,
    }
}
