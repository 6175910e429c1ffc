//! What clients do: messages of every type, buttons, ratings, reactions, and changes of their number.
//!
//! What they write stays in the payload: of a text only a code of a link is taken, where one is configured.

use serde_json::Value;

use super::callback::is_label;
use super::person::{Fields, Person, add_identity};
use super::{Change, json, note, note_text};
use crate::ingest::connector::json::Unit;
use crate::ingest::connector::{Reading, payload};
use crate::ingest::normalise::{self, TEXT_CHARS_MAX};
use crate::model::event::{Event, Kind, Scalar};

const FROM: Fields = Fields { number: "/from", user_id: "/from_user_id", parent_user_ids: &["/from_parent_user_id"] };

/// What a message's `type` makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentKind {
    Message,
    Reaction,
    System,
    /// Known, and no message of anybody's.
    Ignored,
    /// Whether a new type is a message cannot be known, and what was counted once cannot be taken back; the payload is kept
    /// and can be read again.
    Unknown,
}

pub fn content_kind(name: &str) -> ContentKind {
    match name {
        "text" | "image" | "video" | "audio" | "voice" | "document" | "sticker" | "location" | "contacts"
        | "interactive" | "button" | "template" | "order" | "unsupported" | "unknown" => ContentKind::Message,
        "reaction" => ContentKind::Reaction,
        "system" => ContentKind::System,
        "edit" | "revoke" | "request_welcome" => ContentKind::Ignored,
        _ => ContentKind::Unknown,
    }
}

/// Reads one entry of `messages`.
pub fn read(change: &Change<'_>, message: &Value, reading: &mut Reading) {
    let name = json::text(message, "/type").unwrap_or_default();
    match content_kind(&name) {
        ContentKind::Message => read_message(change, message, &name, reading),
        ContentKind::Reaction => read_reaction(change, message, reading),
        ContentKind::System => read_system(change, message, reading),
        ContentKind::Ignored => reading.ignore(),
        ContentKind::Unknown => reading.note_unknown(&format!("messages.{name}")),
    }
}

/// Where and by whom a message was written.
struct Place {
    id: String,
    chat: String,
    person: Person,
    at: Option<Scalar>,
}

impl Place {
    fn of(change: &Change<'_>, message: &Value) -> Option<Self> {
        let person = Person::of(message, &FROM, change.contacts());
        // In a group the chat is not with one client.
        let chat = json::text(message, "/group_id").or_else(|| person.chat().map(str::to_owned))?;
        let at = json::instant(message, "/timestamp", Unit::Seconds);
        Some(Self { id: json::text(message, "/id")?, chat, person, at })
    }

    fn write(&self, event: &mut Event) {
        event.at.clone_from(&self.at);
        event.chat = Some(Scalar::from(self.chat.as_str()));
        self.person.write(event);
    }
}

fn place(change: &Change<'_>, message: &Value, reading: &mut Reading) -> Option<Place> {
    let place = Place::of(change, message);
    if place.is_none() {
        reading.note_unreadable("a message has no `id`, or nobody that it is from");
    }
    place
}

fn read_message(change: &Change<'_>, message: &Value, name: &str, reading: &mut Reading) {
    let Some(place) = place(change, message, reading) else { return };
    let mut event = change.sender.event(Kind::MessageReceived, change.account, &[&place.id]);
    place.write(&mut event);
    event.message = Some(Scalar::from(place.id.as_str()));
    event.message_kind = Some(Scalar::from(name));
    write_referral(&mut event, message);
    note(&mut event, "reply_to", message, "/context/id");
    note(&mut event, "forwarded", message, "/context/forwarded");
    note(&mut event, "product", message, "/context/referred_product/product_retailer_id");
    if let Some(name) = json::text(message, "/text/body").and_then(|text| change.links.find(&text)) {
        add_identity(&mut event, name);
    }
    // Meta says so when the number is the client's own; any other card may be of somebody else.
    if json::text(message, "/origin").as_deref() == Some("contact_request") {
        let number = json::text(message, "/contacts/0/phones/0/phone");
        if let Some(name) = number.as_deref().and_then(normalise::phone) {
            add_identity(&mut event, name);
        }
    }
    reading.events.push(event);
    read_press(change, message, &place, reading);
}

/// The advertisement or post by which the client came; told once, with the first message.
fn write_referral(event: &mut Event, message: &Value) {
    if !message["referral"].is_object() {
        return;
    }
    let source = json::text(message, "/referral/source_id").filter(|id| is_label(id, TEXT_CHARS_MAX));
    event.source = Some(Scalar::Text(source.unwrap_or_else(|| "ctwa".to_owned())));
    note(event, "ctwa_clid", message, "/referral/ctwa_clid");
    note(event, "referral_type", message, "/referral/source_type");
    note(event, "referral_url", message, "/referral/source_url");
}

/// What the client chose of a message of ours: its button was pressed, and what the button hands back may be a rating.
fn read_press(change: &Change<'_>, message: &Value, place: &Place, reading: &mut Reading) {
    let chosen = ["/interactive/button_reply/id", "/interactive/list_reply/id", "/button/payload"];
    let chosen = chosen.iter().find_map(|pointer| json::text(message, pointer));
    let is_form = message["interactive"]["nfm_reply"].is_object();
    if chosen.is_none() && !is_form {
        return;
    }
    if let Some(pressed) = json::text(message, "/context/id") {
        let mut event = change.sender.event(Kind::MessageButtonPressed, change.account, &[&pressed, &place.id]);
        place.write(&mut event);
        event.message = Some(Scalar::Text(pressed));
        if let Some(chosen) = &chosen {
            note_text(&mut event, "button", chosen);
        }
        reading.events.push(event);
    }
    let Some(chosen) = chosen else { return };
    if let Some(survey) = payload::rating(&chosen) {
        let mut event = change.sender.event(Kind::SurveyRated, change.account, &[&chosen, &place.id]);
        event.survey = Some(survey);
        place.write(&mut event);
        reading.events.push(event);
    }
}

fn read_reaction(change: &Change<'_>, message: &Value, reading: &mut Reading) {
    // Without a sign it was taken back.
    if json::text(message, "/reaction/emoji").is_none() {
        reading.ignore();
        return;
    }
    let Some(place) = place(change, message, reading) else { return };
    let Some(reacted) = json::text(message, "/reaction/message_id") else {
        reading.note_unreadable("a reaction names no message");
        return;
    };
    let mut event = change.sender.event(Kind::MessageReacted, change.account, &[&reacted, &place.id]);
    place.write(&mut event);
    event.message = Some(Scalar::Text(reacted));
    event.author = Some("CLIENT".into());
    reading.events.push(event);
}

/// A client that has another number, and with it another id: old and new are one contact.
fn read_system(change: &Change<'_>, message: &Value, reading: &mut Reading) {
    let system = &message["system"];
    match json::text(system, "/type").unwrap_or_default().as_str() {
        "user_changed_number" | "customer_changed_number" | "user_changed_user_id" => {}
        "customer_identity_changed" | "user_identity_changed" => {
            reading.ignore();
            return;
        }
        other => return reading.note_unknown(&format!("messages.system.{other}")),
    }
    const NEW: Fields = Fields { number: "/wa_id", user_id: "/user_id", parent_user_ids: &["/parent_user_id"] };
    // As versions before 12 name it.
    const NEW_ONCE: Fields = Fields { number: "/new_wa_id", ..NEW };
    const PREVIOUS: Fields =
        Fields { number: "/customer", user_id: "/previous_user_id", parent_user_ids: &["/previous_parent_user_id"] };
    let mut new = Person::of(system, &NEW, &[]);
    if new.wa_id.is_none() {
        new = Person::of(system, &NEW_ONCE, &[]);
    }
    let old = Person::of(message, &FROM, &[]);
    let previous = Person::of(system, &PREVIOUS, &[]);
    let (Some(id), Some(old_chat)) = (json::text(message, "/id"), old.chat().or(previous.chat())) else {
        reading.note_unreadable("a change of number has no `id`, or no old number");
        return;
    };
    if new == Person::default() {
        reading.note_unreadable("a change of number names no new one");
        return;
    }
    let mut event = change.sender.event(Kind::ContactLinked, change.account, &[&id]);
    event.at = json::instant(message, "/timestamp", Unit::Seconds);
    // The chat with the old number is the new contact's.
    event.chat = Some(Scalar::from(old_chat));
    new.write(&mut event);
    for name in old.names().into_iter().chain(previous.names()) {
        add_identity(&mut event, name);
    }
    reading.events.push(event);
}
