//! Viber bots: what Viber posts about one bot. One callback tells one thing.
//!
//! Callbacks name no account, so a connection is one bot, known by its token. What people share of others (contacts,
//! places) is never read, and a phone that is sent is not linked: nothing proves whose it is.

mod failure;

use std::sync::Arc;

use aws_lc_rs::hmac;
use serde_json::{Map, Value};

use super::json::Unit;
use super::options::{Hidden, OptionError, Options};
use super::payload::{EntryLinks, rating};
use super::sender::Sender;
use super::{Accounts, Connector, Delivery, Payload, Reading, Refusal, SendOutcome, json, signature};
use crate::ingest::normalise::TEXT_CHARS_MAX;
use crate::model::event::{Event, Failure, Kind, Scalar};

const SIGNATURE: &str = "x-viber-content-signature";

/// Types of messages; another is a client's message too.
static MESSAGE_TYPES: [&str; 8] = ["text", "picture", "video", "file", "sticker", "contact", "url", "location"];

#[derive(Debug)]
struct Viber {
    account: String,
    auth_token: Hidden,
    links: EntryLinks,
    sender: Sender,
}

/// Takes the options `auth_token` and `link_prefix`.
pub fn open(accounts: &Accounts, options: &mut Options) -> Result<Arc<dyn Connector>, OptionError> {
    let account =
        accounts.only("a connection is one Viber bot, because its callbacks do not say which bot they are about")?;
    Ok(Arc::new(Viber {
        account,
        auth_token: options.secret("auth_token")?,
        links: EntryLinks::from_options(options)?,
        sender: Sender { channel: "VIBER" },
    }))
}

impl Connector for Viber {
    fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        let hex = signature::header(delivery, SIGNATURE)?;
        match signature::is_hmac_hex(hmac::HMAC_SHA256, &self.auth_token, delivery.body, hex) {
            true => Ok(()),
            false => Err(Refusal::BadSignature { what: SIGNATURE }),
        }
    }

    fn handshake(&self, body: &[u8]) -> Option<String> {
        let callback = json::parse(body).ok()?;
        // Viber sends what is answered to some callbacks to the client: nothing it could take for a message.
        (json::text(&callback, "/event")? == "webhook").then(String::new)
    }

    fn read(&self, payload: &Payload<'_>) -> Reading {
        let Ok(callback) = json::parse(payload.body) else {
            return Reading::unreadable("the body is not JSON");
        };
        let Some(name) = json::text(&callback, "/event") else {
            return Reading::unreadable("the body has no `event`");
        };
        let mut reading = Reading::default();
        let told = Told { callback: &callback, name: &name };
        match name.as_str() {
            "message" => self.read_message(&told, &mut reading),
            "delivered" => self.read_status(&told, Kind::MessageDelivered, &mut reading),
            "seen" => self.read_seen(&told, &mut reading),
            "failed" => self.read_status(&told, Kind::MessageFailed, &mut reading),
            "subscribed" => self.read_contact(&told, Kind::ContactSubscribed, &mut reading),
            // Who unsubscribes from a bot stops it: it can write no more.
            "unsubscribed" => self.read_contact(&told, Kind::ContactBlocked, &mut reading),
            "conversation_started" => self.read_start(&told, &mut reading),
            "webhook" | "client_status" | "action" => reading.ignore(),
            other => reading.note_unknown(other),
        }
        reading
    }

    fn contact_of(&self, chat: &str) -> Option<String> {
        Some(format!("viber:{chat}"))
    }

    fn read_answer(&self, answer: &Value) -> Option<SendOutcome> {
        let status = json::number(answer, "/status")?;
        if status != 0 {
            return Some(SendOutcome::Refused { code: status.to_string(), reason: failure::reason(status) });
        }
        let message = json::text(answer, "/message_token")?;
        Some(SendOutcome::Taken { message, chat: None, at: None })
    }
}

/// A callback and its event's name.
struct Told<'a> {
    callback: &'a Value,
    name: &'a str,
}

/// Whom and which message a callback is about.
struct Place {
    user: String,
    token: String,
}

impl Told<'_> {
    /// Where an event names its user depends on the event.
    fn place(&self, reading: &mut Reading) -> Option<Place> {
        let user = ["/sender/id", "/user/id", "/user_id"].iter().find_map(|place| json::text(self.callback, place));
        let token = json::text(self.callback, "/message_token");
        match (user, token) {
            (Some(user), Some(token)) => Some(Place { user, token }),
            _ => {
                let reason = format!("`{}` names no user, or has no `message_token` that is a whole number", self.name);
                reading.note_unreadable(reason);
                None
            }
        }
    }
}

impl Viber {
    /// An event about the callback's user, without its message.
    fn event(&self, kind: Kind, told: &Told<'_>, place: &Place, parts: &[&str]) -> Event {
        let mut event = self.sender.event(kind, &self.account, parts);
        event.at = json::instant(told.callback, "/timestamp", Unit::Millis);
        event.chat = Some(Scalar::from(place.user.as_str()));
        event.contact = Some(Scalar::Text(format!("viber:{}", place.user)));
        event
    }

    fn read_message(&self, told: &Told<'_>, reading: &mut Reading) {
        let Some(place) = told.place(reading) else { return };
        let message_kind = json::text(told.callback, "/message/type");
        let name = message_kind.as_deref().unwrap_or_default();
        if !MESSAGE_TYPES.contains(&name) {
            reading.note_unknown(&format!("message.{name}"));
        }
        let mut event = self.event(Kind::MessageReceived, told, &place, &[&place.token]);
        event.message = Some(Scalar::from(place.token.as_str()));
        event.message_kind = message_kind.map(Scalar::Text);
        let tracking_data = json::text(told.callback, "/message/tracking_data");
        let tracked = tracking_data.as_deref().and_then(|data| serde_json::from_str::<Value>(data).ok());
        if let Some(data) = &tracking_data {
            note(&mut event, "tracking_data", data);
        }
        event.source = tracked.as_ref().and_then(source);
        reading.events.push(event);

        let text = json::text(told.callback, "/message/text").unwrap_or_default();
        let answered = tracked.as_ref().and_then(|tracked| answered(tracked, &text));
        let rated = answered.as_deref().unwrap_or(&text);
        if let Some(survey) = rating(rated) {
            let event = self.event(Kind::SurveyRated, told, &place, &[rated, &place.token]);
            reading.events.push(Event { survey: Some(survey), ..event });
        }
    }

    fn read_status(&self, told: &Told<'_>, kind: Kind, reading: &mut Reading) {
        let Some(place) = told.place(reading) else { return };
        let time = json::text(told.callback, "/timestamp").unwrap_or_default();
        let parts = match kind {
            // Each device says so, in any order: the earliest counts, and for that all are kept.
            Kind::MessageDelivered => &[place.token.as_str(), &time][..],
            _ => &[place.token.as_str()],
        };
        let mut event = self.event(kind, told, &place, parts);
        event.message = Some(Scalar::from(place.token.as_str()));
        if kind == Kind::MessageFailed {
            let description = json::text(told.callback, "/desc").unwrap_or_default();
            let reason = failure::reason_of_description(&description);
            event.failure = Some(Failure { code: None, reason: Some(Scalar::from(reason.as_str())) });
            if !description.is_empty() {
                note(&mut event, "failure_details", &description);
            }
        }
        reading.events.push(event);
    }

    /// Told once for all that was unread: the message that it names was read, and what was delivered before it.
    fn read_seen(&self, told: &Told<'_>, reading: &mut Reading) {
        self.read_status(told, Kind::MessageRead, reading);
        let Some(place) = told.place(reading) else { return };
        reading.events.push(self.event(Kind::ReadWatermark, told, &place, &[&place.user, &place.token]));
    }

    fn read_contact(&self, told: &Told<'_>, kind: Kind, reading: &mut Reading) {
        let Some(place) = told.place(reading) else { return };
        reading.events.push(self.event(kind, told, &place, &[&place.user, &place.token]));
    }

    /// The chat was opened, perhaps by a link. No dialog: the client may never write. Only a link that was made for one
    /// contact tells something of it.
    fn read_start(&self, told: &Told<'_>, reading: &mut Reading) {
        let Some(place) = told.place(reading) else { return };
        let mut event = self.event(Kind::ContactLinked, told, &place, &[&place.user, &place.token]);
        if let Some(context) = json::text(told.callback, "/context") {
            self.links.note(&mut event, &context);
        }
        if let Some(subscribed) = told.callback["subscribed"].as_bool() {
            note(&mut event, "subscribed", &subscribed.to_string());
        }
        if event.identities.is_none() {
            reading.ignore();
            return;
        }
        reading.events.push(event);
    }
}

/// How the contact came, where the bot says it with its first message: Viber tells it when the chat is opened, and never
/// again.
fn source(tracked: &Value) -> Option<Scalar> {
    let source = json::text(tracked, "/source")?;
    (source.chars().count() <= TEXT_CHARS_MAX && !source.contains('\0')).then_some(Scalar::Text(source))
}

/// The rating that a number is, where the bot's last message said which survey it asks: `{"survey": "s-17", "scale": 5}`.
fn answered(tracked: &Value, text: &str) -> Option<String> {
    let survey = json::text(tracked, "/survey")?;
    let scale = json::number(tracked, "/scale")?;
    let score: i64 = text.trim().parse().ok()?;
    (1..=scale).contains(&score).then(|| format!("rate:{survey}:{score}/{scale}"))
}

fn note(event: &mut Event, name: &str, text: &str) {
    // A NUL in decoration would cost the whole event.
    event.attributes.get_or_insert_with(Map::new).insert(name.to_owned(), Value::String(text.replace('\0', "")));
}

#[cfg(test)]
mod tests;
