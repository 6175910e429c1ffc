//! Who wants no marketing messages any more, and who wants them again.

use serde_json::Value;

use super::person::{Fields, Person};
use super::{Change, json, note};
use crate::ingest::connector::Reading;
use crate::ingest::connector::json::Unit;
use crate::model::event::Kind;

const USER: Fields = Fields { number: "/wa_id", user_id: "/user_id", parent_user_ids: &["/parent_user_id"] };

/// Reads one entry of `user_preferences`.
pub fn read(change: &Change<'_>, preference: &Value, reading: &mut Reading) {
    let kind = match json::text(preference, "/value").unwrap_or_default().as_str() {
        "stop" => Kind::ContactUnsubscribed,
        "resume" => Kind::ContactSubscribed,
        other => return reading.note_unknown(&format!("user_preferences.{other}")),
    };
    let category = json::text(preference, "/category").unwrap_or_default();
    if category != "marketing_messages" {
        return reading.note_unknown(&format!("user_preferences.{category}"));
    }
    let person = Person::of(preference, &USER, change.contacts());
    let Some(chat) = person.chat() else {
        reading.note_unreadable("a preference names no user");
        return;
    };
    // A preference has no id: who and when tell it from others.
    let time = json::text(preference, "/timestamp").unwrap_or_default();
    let mut event = change.sender.event(kind, change.account, &[chat, &time]);
    event.at = json::instant(preference, "/timestamp", Unit::Seconds);
    event.chat = Some(chat.into());
    person.write(&mut event);
    note(&mut event, "category", preference, "/category");
    reading.events.push(event);
}
