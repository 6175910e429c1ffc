//! VK communities, by the Callback API: one event a delivery, signed by a secret that stands in its body.
//!
//! Only dialogs with users are told: a chat of several people has no client whose answer could be timed, so what happens
//! in one is passed over. [`message`] reads messages and what is done to them, [`business`] permissions, orders and forms,
//! [`answer`] what `messages.send` answers. This module asks VK nothing: names of users and texts of orders stay there.

mod answer;
mod business;
mod message;

use std::sync::Arc;

use serde_json::Value;

use super::options::{Hidden, OptionError, Options};
use super::payload::EntryLinks;
use super::sender::Sender;
use super::{Accounts, Connector, Delivery, Payload, Reading, Refusal, SendOutcome, json, signature};
use crate::model::event::{Author, Event, Kind, Scalar};

const SENDER: Sender = Sender { channel: "VK" };

/// The kind of the delivery by which VK checks the address. It may come before the secret is set.
const CONFIRMATION: &str = "confirmation";

/// Peers above this and up to [`CHATS_MAX`] are chats of several people; users have the ids below and beyond.
const CHATS_MIN: i64 = 2_000_000_000;

/// VK numbers at most a hundred million chats.
const CHATS_MAX: i64 = 2_100_000_000;

/// Kinds that VK documents and no figure needs. A community that a user leaves may still write to the user, and a user
/// whom the community blocks has not left: neither is an opt-out.
const IGNORED: [&str; 50] = [
    "app_payload",
    "audio_new",
    "board_post_delete",
    "board_post_edit",
    "board_post_new",
    "board_post_restore",
    "donut_money_withdraw",
    "donut_money_withdraw_error",
    "donut_subscription_cancelled",
    "donut_subscription_create",
    "donut_subscription_expired",
    "donut_subscription_price_changed",
    "donut_subscription_prolonged",
    "group_change_photo",
    "group_change_settings",
    "group_join",
    "group_leave",
    "group_officers_edit",
    "like_add",
    "like_remove",
    "market_comment_delete",
    "market_comment_edit",
    "market_comment_new",
    "market_comment_restore",
    "message_edit",
    "message_typing_state",
    "messages_edit",
    "photo_comment_delete",
    "photo_comment_edit",
    "photo_comment_new",
    "photo_comment_restore",
    "photo_new",
    "poll_vote_new",
    "user_block",
    "user_unblock",
    "video_comment_delete",
    "video_comment_edit",
    "video_comment_new",
    "video_comment_restore",
    "video_new",
    "vkpay_transaction",
    "wall_post_new",
    "wall_reply_delete",
    "wall_reply_edit",
    "wall_reply_new",
    "wall_reply_restore",
    "wall_repost",
    "wall_schedule_post_delete",
    "wall_schedule_post_new",
    CONFIRMATION,
];

/// One connected community.
#[derive(Debug)]
struct Vk {
    accounts: Accounts,
    secret: Hidden,
    confirmation: String,
    links: EntryLinks,
    /// Who wrote what no administrator wrote: it was sent through the API. A guess, which a report of the same send adds to
    /// and does not overrule (of two authors the greater word wins, so BOT beats AUTOMATION): who reports sends by
    /// `/v1/sends` configures UNKNOWN, and the report says it.
    api_author: Author,
}

/// Takes `secret`, `confirmation`, `link_prefix` and `api_author`.
///
/// # Errors
/// When one of the first two is missing, or any is not what it should be.
pub fn open(accounts: &Accounts, options: &mut Options) -> Result<Arc<dyn Connector>, OptionError> {
    let api_author = match options.text_if_given("api_author")? {
        None => Author::Bot,
        Some(name) => match Author::parse(&name) {
            Some(author) if author != Author::Client => author,
            _ => {
                let reason =
                    format!("`{name}` writes nothing through the API; give BOT, AUTOMATION, OPERATOR or UNKNOWN");
                return Err(OptionError::Invalid { name: "api_author", reason });
            }
        },
    };
    Ok(Arc::new(Vk {
        accounts: accounts.clone(),
        secret: options.secret("secret")?,
        confirmation: options.text("confirmation")?,
        links: EntryLinks::from_options(options)?,
        api_author,
    }))
}

impl Connector for Vk {
    fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        const WHAT: &str = "`secret` in the body";
        let Ok(body) = json::parse(delivery.body) else {
            return Err(Refusal::Unsigned { what: WHAT });
        };
        match json::text(&body, "/secret") {
            None if is_confirmation(&body) => {}
            given => signature::check(&self.secret, given.as_deref(), WHAT)?,
        }
        // No name is that of an account: who does not say whose event it is, is refused.
        self.accounts.check(&json::text(&body, "/group_id").unwrap_or_default())
    }

    fn handshake(&self, body: &[u8]) -> Option<String> {
        let body = json::parse(body).ok()?;
        is_confirmation(&body).then(|| self.confirmation.clone())
    }

    fn read(&self, payload: &Payload<'_>) -> Reading {
        let body: Value = match json::parse(payload.body) {
            Ok(body) => body,
            Err(error) => return Reading::unreadable(format!("the body is no JSON: {error}")),
        };
        let (Some(kind), Some(account)) = (json::text(&body, "/type"), json::text(&body, "/group_id")) else {
            return Reading::unreadable("the body has no `type` or no `group_id`");
        };
        let told = Told { account: &account, event: &body, object: body.get("object").unwrap_or(&Value::Null) };
        let mut reading = Reading::default();
        match self.read_kind(&kind, &told, &mut reading) {
            Ok(()) => {}
            Err(Unread::Ignored) => reading.ignore(),
            Err(Unread::Missing(what)) => reading.note_unreadable(format!("{kind}: {what}")),
        }
        reading
    }

    fn contact_of(&self, chat: &str) -> Option<String> {
        let id: i64 = chat.parse().ok()?;
        is_user(id).then(|| format!("vk:{id}"))
    }

    fn read_answer(&self, answer: &Value) -> Option<SendOutcome> {
        answer::read(answer)
    }
}

impl Vk {
    fn read_kind(&self, kind: &str, told: &Told<'_>, reading: &mut Reading) -> Result<(), Unread> {
        match kind {
            "message_new" | "message_reply" => message::written(self, kind, told, reading),
            "message_event" => message::button_pressed(told, reading),
            "message_read" => reading.take(message::read_up_to(told)),
            "message_reaction_event" => reading.take(message::reacted(told)),
            "message_allow" => reading.take(business::allowed(&self.links, told)),
            "message_deny" => reading.take(business::denied(told)),
            "market_order_new" => reading.take(business::ordered(told)),
            "market_order_edit" => reading.take(business::order_changed(told)),
            "lead_forms_new" => reading.take(business::form_filled(told)),
            _ if IGNORED.contains(&kind) => Err(Unread::Ignored),
            _ => {
                reading.note_unknown(kind);
                Ok(())
            }
        }
    }
}

fn is_confirmation(body: &Value) -> bool {
    body.get("type").and_then(Value::as_str) == Some(CONFIRMATION)
}

/// What a delivery tells.
struct Told<'a> {
    account: &'a str,
    /// The whole delivery.
    event: &'a Value,
    /// What it is about.
    object: &'a Value,
}

/// Why nothing comes of an event.
enum Unread {
    /// No figure needs it.
    Ignored,
    /// What it cannot be read without, in words.
    Missing(&'static str),
}

impl Reading {
    fn take(&mut self, event: Result<Event, Unread>) -> Result<(), Unread> {
        self.events.push(event?);
        Ok(())
    }
}

impl Told<'_> {
    /// An event of a dialog with a user, whose chat and contact it names.
    fn of_user(&self, kind: Kind, user: i64, parts: &[&str]) -> Event {
        let user = user.to_string();
        let mut all = vec![user.as_str()];
        all.extend(parts);
        let mut event = SENDER.event(kind, self.account, &all);
        event.contact = Some(Scalar::Text(format!("vk:{user}")));
        event.chat = Some(Scalar::Text(user));
        event
    }

    /// What tells this event from all others where it says neither time nor number: the delivery's id, the same at each
    /// attempt. Deliveries of versions that had none are told apart by what they say.
    fn delivery_id(&self) -> String {
        json::text(self.event, "/event_id").unwrap_or_else(|| self.object.to_string())
    }

    /// The user at this place of the object.
    fn user(&self, pointer: &str) -> Result<i64, Unread> {
        user(self.object, pointer)
    }
}

/// The user whose id stands there; chats and communities are passed over.
fn user(object: &Value, pointer: &str) -> Result<i64, Unread> {
    let id = json::number(object, pointer).ok_or(Unread::Missing("there is no user or peer"))?;
    if is_user(id) { Ok(id) } else { Err(Unread::Ignored) }
}

fn is_user(id: i64) -> bool {
    let is_chat = CHATS_MIN < id && id <= CHATS_MAX;
    0 < id && !is_chat
}

#[cfg(test)]
mod tests;
