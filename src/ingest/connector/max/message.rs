//! Messages of clients in dialogs, and the buttons that they press there.

use serde_json::Value;

use super::{Max, digits, instant, person, shared};
use crate::ingest::connector::{Reading, json, payload};
use crate::model::event::{Author, Kind, Scalar};

/// A new message.
pub fn read_created(bot: &Max, update: &Value, reading: &mut Reading) {
    let Some(message) = update.get("message").filter(|message| message.is_object()) else {
        return reading.note_unreadable("`message_created` has no `message`");
    };
    // By a bot: in a dialog there is but this one, whose messages whoever sends them reports, with their author.
    if !is_in_dialog(message) || json::is_true(message, "/sender/is_bot") {
        return reading.ignore();
    }
    let Some(chat) = json::text(message, "/recipient/chat_id") else {
        return reading.note_unreadable("the message names no chat");
    };
    let at = instant(message, &["/timestamp"]).or_else(|| instant(update, &["/timestamp"]));
    // A message that is only passed on has no body and so no id; a person writes no two in one millisecond.
    let id = match (json::text(message, "/body/mid"), digits(at.as_ref())) {
        (Some(id), _) => id,
        (None, at) if !at.is_empty() => format!("at:{at}"),
        (None, _) => return reading.note_unreadable("the message has neither an id nor a time"),
    };
    let mut event = bot.event(Kind::MessageReceived, &[&chat, &id]);
    let sender = json::text(message, "/sender/user_id");
    event.contact = sender.as_deref().map(person);
    event.identities = shared::phone(bot, message, sender.as_deref()).map(|phone| vec![phone]);
    event.message_kind = kind(message).map(Scalar::Text);
    event.at = at;
    event.chat = Some(Scalar::Text(chat));
    event.message = Some(Scalar::Text(id));
    reading.events.push(event);
}

/// A pressed button.
pub fn read_pressed(bot: &Max, update: &Value, reading: &mut Reading) {
    let Some(user) = json::text(update, "/callback/user/user_id") else {
        return reading.note_unreadable("`message_callback` names no user");
    };
    let message = update.get("message").filter(|message| message.is_object());
    if message.is_some_and(|message| !is_in_dialog(message)) {
        return reading.ignore();
    }
    let at = instant(update, &["/callback/timestamp", "/timestamp"]);
    let keyboard = json::text(update, "/callback/callback_id").unwrap_or_default();
    // MAX calls `callback_id` that of the keyboard: the same keyboard can be pressed again.
    let press = [keyboard.as_str(), user.as_str(), &digits(at.as_ref())];
    let chat = message.and_then(|message| json::scalar(message, "/recipient/chat_id"));

    match (&chat, message.and_then(|message| json::scalar(message, "/body/mid"))) {
        (Some(chat), Some(id)) => {
            let mut pressed = bot.event(Kind::MessageButtonPressed, &press);
            pressed.author = Some(Author::Client.as_str().into());
            pressed.contact = Some(person(&user));
            pressed.chat = Some(chat.clone());
            pressed.message = Some(id);
            pressed.at = at.clone();
            reading.events.push(pressed);
        }
        // The message was removed meanwhile: nobody can say which it was.
        _ => reading.ignore(),
    }
    let data = json::text(update, "/callback/payload").unwrap_or_default();
    if let Some(survey) = payload::rating(&data) {
        let mut rated = bot.event(Kind::SurveyRated, &press);
        rated.survey = Some(survey);
        rated.contact = Some(person(&user));
        rated.chat = chat;
        rated.at = at;
        reading.events.push(rated);
    }
}

fn is_in_dialog(message: &Value) -> bool {
    json::text(message, "/recipient/chat_type").as_deref() == Some("dialog")
}

/// What the message is: its first attachment that people see, else its text; what is passed on counts as written.
fn kind(message: &Value) -> Option<String> {
    kind_of_body(message, "/body").or_else(|| kind_of_body(message, "/link/message"))
}

fn kind_of_body(message: &Value, pointer: &str) -> Option<String> {
    let body = message.pointer(pointer)?;
    // The keys under a message, and the preview of a link in its text.
    let is_seen = |kind: &String| !["inline_keyboard", "reply_keyboard", "share"].contains(&kind.as_str());
    let attached = json::list(body, "/attachments").iter().filter_map(|attachment| json::text(attachment, "/type"));
    match attached.filter(is_seen).map(|kind| if kind == "file" { "document".to_owned() } else { kind }).next() {
        Some(kind) => Some(kind),
        None => json::text(body, "/text").map(|_| "text".to_owned()),
    }
}
