//! Telegram: what the Bot API tells the webhook of one bot, its business connections included.
//!
//! Only private chats are dialogs with clients: in a group nobody says who the client is, so groups and channels are left
//! out. An update does not name the bot, so a connection has one. The bot's own messages never come here: whoever sends
//! them reports them, and [`answer`] reads what Telegram replied. It never takes the text of a message; only what follows
//! `/start` is read, when it can be the payload of a link.

mod answer;
mod contact;
mod content;
mod message;
mod payment;
mod poll;
mod press;

use std::sync::Arc;

use serde_json::Value;

use self::poll::Scale;
use super::options::{Hidden, OptionError, Options};
use super::payload::EntryLinks;
use super::sender::Sender;
use super::signature::check_header;
use super::{Accounts, Connector, Delivery, Payload, Reading, Refusal, SendOutcome, json};
use crate::model::event::{Event, Kind, Scalar};

const SECRET_HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";

/// Updates that say nothing of what a client and the company did. An edit is none: the message came when it was written,
/// also where the edit overtakes it. A deletion takes nothing back.
const IGNORED: [&str; 21] = [
    "edited_message",
    "edited_business_message",
    "deleted_business_messages",
    "business_connection",
    "channel_post",
    "edited_channel_post",
    "guest_message",
    "inline_query",
    "chosen_inline_result",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll",
    "chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
    "message_reaction_count",
    "managed_bot",
    "custom_event",
    "custom_query",
];

/// One bot.
#[derive(Debug)]
struct Telegram {
    secret: Hidden,
    sender: Sender,
    account: String,
    links: EntryLinks,
    /// How answers to polls are ratings; `None`: they are not.
    scale: Option<Scale>,
}

/// Takes `secret_token`, `link_prefix`, `poll_scale` and `poll_first`.
///
/// # Errors
/// When one is missing or wrong, or the connection has several bots.
pub fn open(accounts: &Accounts, options: &mut Options) -> Result<Arc<dyn Connector>, OptionError> {
    // Two bots have a chat of the same number with the same client, and messages of the same numbers in it.
    let account = accounts.only("give one `account`: an update does not say whose bot it is for")?;
    Ok(Arc::new(Telegram {
        secret: options.secret("secret_token")?,
        sender: Sender { channel: "TELEGRAM" },
        account,
        links: EntryLinks::from_options(options)?,
        scale: Scale::from_options(options)?,
    }))
}

impl Connector for Telegram {
    fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        check_header(&self.secret, delivery, SECRET_HEADER)
    }

    fn read(&self, payload: &Payload<'_>) -> Reading {
        let update = match json::parse(payload.body) {
            Ok(Value::Object(update)) => update,
            Ok(_) | Err(_) => return Reading::unreadable("the body is no JSON object, which an update is"),
        };
        let number = update.get("update_id").and_then(|number| json::text(number, "")).unwrap_or_default();
        let mut reading = Reading::default();
        let mut is_empty = true;
        for (name, value) in update.iter().filter(|(name, _)| *name != "update_id") {
            is_empty = false;
            self.read_one(name, value, &number, &mut reading);
        }
        if is_empty {
            return Reading::unreadable("the update tells of nothing");
        }
        reading
    }

    fn contact_of(&self, chat: &str) -> Option<String> {
        // That of a business connection stands before the client's.
        let client = chat.rsplit(':').next()?;
        let is_person = !client.is_empty() && client.bytes().all(|byte| byte.is_ascii_digit());
        is_person.then(|| person(client))
    }

    fn read_answer(&self, answer: &Value) -> Option<SendOutcome> {
        answer::read(answer)
    }
}

impl Telegram {
    fn read_one(&self, name: &str, value: &Value, number: &str, reading: &mut Reading) {
        match name {
            "message" => message::read_of_bot(self, value, reading),
            "business_message" => message::read_of_business(self, value, reading),
            "callback_query" => press::read(self, value, reading),
            "my_chat_member" => contact::read_member(self, value, reading),
            "message_reaction" => contact::read_reaction(self, value, reading),
            "poll_answer" => poll::read(self, value, number, reading),
            known if IGNORED.contains(&known) => reading.ignore(),
            other => reading.note_unknown(other),
        }
    }

    fn event(&self, kind: Kind, parts: &[&str]) -> Event {
        self.sender.event(kind, &self.account, parts)
    }
}

/// The dialog that something happened in.
struct Dialog {
    /// The chat's id. Behind a business connection it has the connection before it: the chat of an employee with a client
    /// has the same number as that of the bot with the client, and messages of the same numbers.
    chat: String,
    /// The client's id; a private chat has that of the other side.
    client: String,
}

/// Where something happened.
enum Place {
    Dialog(Dialog),
    /// In a group or channel.
    Elsewhere,
    /// The chat is not named.
    Unnamed,
}

impl Dialog {
    fn contact(&self) -> Scalar {
        Scalar::Text(person(&self.client))
    }

    fn put_on(&self, event: &mut Event) {
        event.chat = Some(Scalar::Text(self.chat.clone()));
        event.contact = Some(self.contact());
    }
}

/// The place that `chat` of the value is.
fn place(value: &Value) -> Place {
    let Some(id) = json::text(value, "/chat/id") else { return Place::Unnamed };
    if json::text(value, "/chat/type").as_deref() != Some("private") {
        return Place::Elsewhere;
    }
    let chat = match json::text(value, "/business_connection_id") {
        Some(connection) => format!("{connection}:{id}"),
        None => id.clone(),
    };
    Place::Dialog(Dialog { chat, client: id })
}

/// A user's name as an identity; operators have one of this form too, so that no other platform's number is theirs.
fn person(user: &str) -> String {
    format!("telegram:{user}")
}

/// When it happened. Zero is what Telegram writes for a message that it no longer shows.
fn date(value: &Value, pointer: &str) -> Option<Scalar> {
    let is_zero = json::number(value, pointer) == Some(0);
    if is_zero { None } else { json::instant(value, pointer, json::Unit::Seconds) }
}

#[cfg(test)]
mod tests;
