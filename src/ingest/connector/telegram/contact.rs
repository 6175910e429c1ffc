//! What clients do beside writing: they block the bot, come back, and react to messages.

use serde_json::{Map, Value};

use super::{Place, Telegram, date, person, place};
use crate::ingest::connector::{Reading, json};
use crate::model::event::{Author, Kind, Scalar};

/// The bot's standing in a private chat changed: the client blocked it (`kicked`) or let it back in. Such an update has a
/// queue of its own and may overtake messages.
pub fn read_member(bot: &Telegram, update: &Value, reading: &mut Reading) {
    let dialog = match place(update) {
        Place::Dialog(dialog) => dialog,
        Place::Elsewhere => return reading.ignore(),
        Place::Unnamed => return reading.note_unreadable("`my_chat_member` names no chat"),
    };
    let status = |pointer: &str| json::text(update, pointer).unwrap_or_default();
    let (before, now) = (status("/old_chat_member/status"), status("/new_chat_member/status"));
    let kind = match (before.as_str(), now.as_str()) {
        // Told again by another change while it stays blocked.
        ("kicked", "kicked") => return reading.ignore(),
        (_, "kicked") => Kind::ContactBlocked,
        ("kicked", "member") => Kind::ContactUnblocked,
        (_, "member" | "left" | "restricted" | "administrator" | "creator") => return reading.ignore(),
        (_, "") => return reading.note_unreadable("`my_chat_member` does not say what the bot is now"),
        (_, other) => return reading.note_unknown(&format!("my_chat_member {other}")),
    };
    let changed = json::text(update, "/date").unwrap_or_default();
    let mut event = bot.event(kind, &[&dialog.client, &changed]);
    dialog.put_on(&mut event);
    event.at = date(update, "/date");
    reading.events.push(event);
}

/// A client changed its reactions to a message; only one that was added counts.
pub fn read_reaction(bot: &Telegram, update: &Value, reading: &mut Reading) {
    let dialog = match place(update) {
        Place::Dialog(dialog) => dialog,
        Place::Elsewhere => return reading.ignore(),
        Place::Unnamed => return reading.note_unreadable("`message_reaction` names no chat"),
    };
    let Some(message) = json::text(update, "/message_id") else {
        return reading.note_unreadable("`message_reaction` names no message");
    };
    if json::is_true(update, "/user/is_bot") || update.get("actor_chat").is_some_and(Value::is_object) {
        return reading.ignore();
    }
    let before = names(update, "/old_reaction");
    let added: Vec<String> = names(update, "/new_reaction").into_iter().filter(|name| !before.contains(name)).collect();
    if added.is_empty() {
        return reading.ignore();
    }
    let user = json::text(update, "/user/id").unwrap_or_else(|| dialog.client.clone());
    let (changed, added) = (json::text(update, "/date").unwrap_or_default(), added.join(" "));
    let mut event = bot.event(Kind::MessageReacted, &[&dialog.chat, &message, &user, &changed, &added]);
    dialog.put_on(&mut event);
    event.contact = Some(Scalar::Text(person(&user)));
    event.author = Some(Author::Client.as_str().into());
    event.message = Some(Scalar::Text(message));
    event.at = date(update, "/date");
    event.attributes = Some(Map::from_iter([("reaction".to_owned(), Value::String(added))]));
    reading.events.push(event);
}

/// The reactions of a list: an emoji, the number of one that somebody made, or the name of another sort.
fn names(update: &Value, pointer: &str) -> Vec<String> {
    let name = |reaction: &Value| {
        let own = json::text(reaction, "/emoji").or_else(|| json::text(reaction, "/custom_emoji_id"));
        own.or_else(|| json::text(reaction, "/type"))
    };
    json::list(update, pointer).iter().filter_map(name).collect()
}
