//! MAX: what the bot API tells the webhook of one bot.
//!
//! Only dialogs of a person with the bot count; group chats and channels are left out. An update does not name the bot
//! reliably, so a connection has one. The bot's own messages never come here: whoever sends them reports them, and
//! [`answer`] reads what MAX replied. It never takes the text of a message.

mod answer;
mod message;
mod shared;
mod state;

use std::sync::Arc;

use serde_json::Value;

use super::options::{Hidden, OptionError, Options};
use super::payload::EntryLinks;
use super::sender::Sender;
use super::signature::check_header;
use super::{Accounts, Connector, Delivery, Payload, Reading, Refusal, SendOutcome, json};
use crate::model::event::{Event, Kind, Scalar};

const SECRET_HEADER: &str = "X-Max-Bot-Api-Secret";

/// Updates that say nothing of what a client and the company did. `dialog_removed` comes together with `bot_stopped`, which
/// tells the same; where it comes alone, the bot had been stopped before, and the contact has not left twice.
const IGNORED: [&str; 10] = [
    "message_edited",
    "message_removed",
    "dialog_cleared",
    "dialog_removed",
    "bot_added",
    "bot_removed",
    "user_added",
    "user_removed",
    "chat_title_changed",
    "message_chat_created",
];

/// One bot.
#[derive(Debug)]
struct Max {
    secret: Hidden,
    sender: Sender,
    account: String,
    links: EntryLinks,
    /// The bot's own token, with which MAX signs the cards of contacts.
    access_token: Option<Hidden>,
}

/// Takes `secret`, `access_token` and `link_prefix`.
///
/// # Errors
/// When one is missing or wrong, or the connection has several bots.
pub fn open(accounts: &Accounts, options: &mut Options) -> Result<Arc<dyn Connector>, OptionError> {
    let account = accounts.only("give one `account`: an update does not say whose bot it is for")?;
    Ok(Arc::new(Max {
        secret: options.secret("secret")?,
        sender: Sender { channel: "MAX" },
        account,
        links: EntryLinks::from_options(options)?,
        access_token: options.secret_if_given("access_token")?,
    }))
}

impl Connector for Max {
    fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        check_header(&self.secret, delivery, SECRET_HEADER)
    }

    fn read(&self, payload: &Payload<'_>) -> Reading {
        let update: Value = match json::parse(payload.body) {
            Ok(Value::Object(update)) => Value::Object(update),
            Ok(_) | Err(_) => return Reading::unreadable("the body is no JSON object, which an update is"),
        };
        let Some(kind) = json::text(&update, "/update_type") else {
            return Reading::unreadable("the update has no `update_type`");
        };
        let mut reading = Reading::default();
        match kind.as_str() {
            "message_created" => message::read_created(self, &update, &mut reading),
            "message_callback" => message::read_pressed(self, &update, &mut reading),
            "bot_started" => state::read(self, Kind::ContactSubscribed, &update, &mut reading),
            "bot_stopped" => state::read(self, Kind::ContactBlocked, &update, &mut reading),
            "dialog_muted" => state::read(self, Kind::ContactMuted, &update, &mut reading),
            "dialog_unmuted" => state::read(self, Kind::ContactUnmuted, &update, &mut reading),
            known if IGNORED.contains(&known) => reading.ignore(),
            other => reading.note_unknown(other),
        }
        reading
    }

    fn read_answer(&self, answer: &Value) -> Option<SendOutcome> {
        answer::read(answer)
    }
}

impl Max {
    fn event(&self, kind: Kind, parts: &[&str]) -> Event {
        self.sender.event(kind, &self.account, parts)
    }
}

fn person(user: &str) -> Scalar {
    Scalar::Text(format!("max:{user}"))
}

/// The first of these instants that is there. MAX has documented them in milliseconds and as "Unix time".
fn instant(value: &Value, pointers: &[&str]) -> Option<Scalar> {
    let present = pointers.iter().find(|pointer| json::text(value, pointer).is_some_and(|text| text != "0"))?;
    json::instant(value, present, json::Unit::ByMagnitude)
}

/// An instant as a part of an event's id; empty where there is none.
fn digits(instant: Option<&Scalar>) -> String {
    instant.and_then(Scalar::to_text).unwrap_or_default()
}

#[cfg(test)]
mod tests;
