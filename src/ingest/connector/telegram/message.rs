//! Messages: of clients to the bot, and of both sides in the chats of a business connection.

use serde_json::Value;

use super::content::{Content, content};
use super::{Dialog, Place, Telegram, date, payment, person, place};
use crate::ingest::connector::{Reading, json};
use crate::ingest::normalise;
use crate::model::event::{Author, Event, Kind, Scalar};

/// Characters of the payload of a link `t.me/bot?start=payload`, by Telegram's own rule.
const PAYLOAD_CHARS_MAX: usize = 64;

/// A message that came to the bot.
pub fn read_of_bot(bot: &Telegram, message: &Value, reading: &mut Reading) {
    let Some((dialog, id)) = dialog_and_id(message, reading) else { return };
    // Before the writer: a payment stands in the chat whoever is named as its writer.
    if let Some(event) = payment::read(bot, &dialog, &id, message) {
        reading.events.push(event);
        return;
    }
    if json::is_true(message, "/from/is_bot") {
        // Bots can write to bots; none of them is a client.
        return reading.ignore();
    }
    let Some(mut event) = of_client(bot, &dialog, &id, message, reading) else { return };
    if let Some(payload) = json::text(message, "/text").as_deref().and_then(start_payload) {
        bot.links.note(&mut event, payload);
    }
    reading.events.push(event);
}

/// A message in a chat of an employee or company that has connected the bot to its own account.
pub fn read_of_business(bot: &Telegram, message: &Value, reading: &mut Reading) {
    if json::text(message, "/business_connection_id").is_none() {
        // Without it the chat would be taken for that of the client with the bot.
        return reading.note_unreadable("the business message names no business connection");
    }
    let Some((dialog, id)) = dialog_and_id(message, reading) else { return };
    let writer = json::text(message, "/from/id");
    let is_by_bot = message.get("sender_business_bot").is_some_and(Value::is_object);
    if !is_by_bot && writer.as_deref() == Some(dialog.client.as_str()) {
        if json::is_true(message, "/from/is_bot") {
            return reading.ignore();
        }
        let received = of_client(bot, &dialog, &id, message, reading);
        reading.events.extend(received);
        return;
    }
    let (author, operator) = match writer {
        _ if is_by_bot => (Author::Bot, None),
        // A greeting, an away message, or one that was scheduled: nobody wrote it then.
        _ if json::is_true(message, "/is_from_offline") => (Author::Automation, None),
        Some(owner) => (Author::Operator, Some(Scalar::Text(person(&owner)))),
        None => return reading.note_unreadable("the business message names no writer, so its direction is not known"),
    };
    let Some(mut event) = of_kind(bot, Kind::MessageSent, &dialog, &id, message, reading) else { return };
    event.author = Some(author.as_str().into());
    event.operator = operator;
    reading.events.push(event);
}

fn dialog_and_id(message: &Value, reading: &mut Reading) -> Option<(Dialog, String)> {
    let dialog = match place(message) {
        Place::Dialog(dialog) => dialog,
        Place::Elsewhere => {
            reading.ignore();
            return None;
        }
        Place::Unnamed => {
            reading.note_unreadable("the message names no chat");
            return None;
        }
    };
    match json::text(message, "/message_id") {
        Some(id) => Some((dialog, id)),
        None => {
            reading.note_unreadable("the message has no `message_id`");
            None
        }
    }
}

fn of_client(bot: &Telegram, dialog: &Dialog, id: &str, message: &Value, reading: &mut Reading) -> Option<Event> {
    let mut event = of_kind(bot, Kind::MessageReceived, dialog, id, message, reading)?;
    // Anybody can pass on anybody's card; a card of its own carries the writer's id.
    if json::text(message, "/contact/user_id").as_deref() == Some(dialog.client.as_str()) {
        let number = json::text(message, "/contact/phone_number").unwrap_or_default();
        event.identities = normalise::phone(&number).map(|phone| vec![Scalar::Text(phone)]);
    }
    Some(event)
}

/// The message as an event; `None` for a note of the messenger.
fn of_kind(
    bot: &Telegram,
    kind: Kind,
    dialog: &Dialog,
    id: &str,
    message: &Value,
    reading: &mut Reading,
) -> Option<Event> {
    let message_kind = match content(message) {
        Content::Kind(kind) => Some(Scalar::from(kind)),
        Content::Service => {
            reading.ignore();
            return None;
        }
        Content::Unknown => {
            // New kinds of messages are more frequent than new notes: rather a note too many than a client unheard.
            reading.note_unknown("message with contents of an unknown kind");
            None
        }
    };
    // The number alone: it is never given twice in a chat, and a second telling may lack the date.
    let mut event = bot.event(kind, &[&dialog.chat, id]);
    dialog.put_on(&mut event);
    event.message = Some(Scalar::Text(id.to_owned()));
    event.at = date(message, "/date");
    event.message_kind = message_kind;
    Some(event)
}

/// What follows `/start`, where it has the form of a link's payload. Anything else is what somebody wrote.
fn start_payload(text: &str) -> Option<&str> {
    let (command, payload) = text.split_once(' ')?;
    let is_start = command == "/start" || command.starts_with("/start@");
    let is_payload = |char: char| char.is_ascii_alphanumeric() || "_-".contains(char);
    let is_whole = !payload.is_empty() && payload.len() <= PAYLOAD_CHARS_MAX && payload.chars().all(is_payload);
    (is_start && is_whole).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_payload_of_a_link_is_taken_from_a_text() {
        assert_eq!(start_payload("/start spring_2026-b"), Some("spring_2026-b"));
        assert_eq!(start_payload("/start@our_bot c_8f3a"), Some("c_8f3a"));
        let long = format!("/start {}", "a".repeat(65));
        for other in
            ["/start", "/start ", "/start two words", "/startle x", "start x", "/start привет", " /start x", &long]
        {
            assert_eq!(start_payload(other), None, "{other}");
        }
    }
}
