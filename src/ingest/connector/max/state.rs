//! What a person does to the dialog as a whole: starts and stops the bot, switches notifications off and on.

use serde_json::{Map, Value};

use super::{Max, digits, instant, person};
use crate::ingest::connector::{Reading, json};
use crate::model::event::Kind;

/// The change as an event. Who starts the bot agrees to its messages, for the first time or again: it has come back, if it
/// had left.
pub fn read(bot: &Max, kind: Kind, update: &Value, reading: &mut Reading) {
    let user = json::text(update, "/user/user_id").or_else(|| json::text(update, "/user_id"));
    let Some(user) = user else {
        return reading.note_unreadable("the update names no user");
    };
    if json::is_true(update, "/user/is_bot") {
        return reading.ignore();
    }
    let at = instant(update, &["/timestamp"]);
    let mut event = bot.event(kind, &[&user, &digits(at.as_ref())]);
    event.contact = Some(person(&user));
    event.chat = json::scalar(update, "/chat_id");
    event.at = at;
    if kind == Kind::ContactSubscribed
        && let Some(payload) = json::text(update, "/payload")
    {
        bot.links.note(&mut event, &payload);
    }
    if kind == Kind::ContactMuted
        && let Some(until) = update.get("muted_until").filter(|until| !until.is_null())
    {
        event.attributes = Some(Map::from_iter([("muted_until".to_owned(), until.clone())]));
    }
    reading.events.push(event);
}
