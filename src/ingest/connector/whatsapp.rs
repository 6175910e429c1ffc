//! WhatsApp Cloud API: what Meta posts about the phone numbers of an app.
//!
//! The envelope stands here; what is in it is read by [`inbound`] (what clients do), [`status`] (what became of our
//! messages), [`echo`] (what was sent by others on the number) and [`preference`] (who wants no marketing). A change is
//! read by the lists that it holds, not by its field's name: Meta sends the same lists under several.
//! Never read here: templates, quality, calls, group membership and past chats; no figure needs them.

mod answer;
mod callback;
mod echo;
mod failure;
mod inbound;
mod person;
mod preference;
mod status;

use std::sync::Arc;

use aws_lc_rs::hmac;
use serde_json::{Map, Value};

use super::options::{Hidden, OptionError, Options};
use super::payload::EntryLinks;
use super::sender::Sender;
use super::{Accounts, Connector, Delivery, Payload, Reading, Refusal, SendOutcome, json, signature};
use crate::model::event::Event;

const SIGNATURE: &str = "x-hub-signature-256";

/// What every payload about WhatsApp names as its object.
const OBJECT: &str = "whatsapp_business_account";

/// Characters of a challenge; Meta's have ten digits.
const CHALLENGE_CHARS_MAX: usize = 200;

/// Fields of changes that tell nothing that a figure needs.
static FIELDS_IGNORED: [&str; 30] = [
    "account_alerts",
    "account_offboarded",
    "account_reconnected",
    "account_review_update",
    "account_settings_update",
    "account_update",
    "automatic_events",
    "business_capability_update",
    "business_status_update",
    "calls",
    "flows",
    "group_lifecycle_update",
    "group_participants_update",
    "group_settings_update",
    "group_status_update",
    "history",
    "message_template_components_update",
    "message_template_quality_update",
    "message_template_status_update",
    "messaging_handovers",
    "partner_solutions",
    "payment_configuration_update",
    "phone_number_name_update",
    "phone_number_quality_update",
    "security",
    "smb_app_state_sync",
    "template_category_update",
    "template_correct_category_detection",
    "tracking_events",
    "user_id_update",
];

#[derive(Debug)]
struct WhatsApp {
    accounts: Accounts,
    app_secret: Hidden,
    verify_token: Hidden,
    links: EntryLinks,
    sender: Sender,
}

/// Takes the options `app_secret`, `verify_token` and `link_prefix`.
pub fn open(accounts: &Accounts, options: &mut Options) -> Result<Arc<dyn Connector>, OptionError> {
    Ok(Arc::new(WhatsApp {
        accounts: accounts.clone(),
        app_secret: options.secret("app_secret")?,
        verify_token: options.secret("verify_token")?,
        links: EntryLinks::in_texts(options)?,
        sender: Sender { channel: "WHATSAPP" },
    }))
}

/// One change of a payload: what happened on one phone number.
struct Change<'a> {
    sender: &'a Sender,
    account: &'a str,
    /// Under which name it was subscribed to.
    field: &'a str,
    value: &'a Value,
    links: &'a EntryLinks,
}

impl Change<'_> {
    /// Those who are named beside what happened.
    fn contacts(&self) -> &[Value] {
        json::list(self.value, "/contacts")
    }
}

impl Connector for WhatsApp {
    fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        let header = signature::header(delivery, SIGNATURE)?;
        let hex = header.strip_prefix("sha256=").ok_or(Refusal::BadSignature { what: SIGNATURE })?;
        if !signature::is_hmac_hex(hmac::HMAC_SHA256, &self.app_secret, delivery.body, hex) {
            return Err(Refusal::BadSignature { what: SIGNATURE });
        }
        // What is no JSON names no account; reading it says so.
        let Ok(body) = json::parse(delivery.body) else { return Ok(()) };
        // An app can serve pages too: those are nobody's accounts here.
        if let Some(object) = json::text(&body, "/object").filter(|object| object != OBJECT) {
            return Err(Refusal::foreign(&object));
        }
        for change in changes(&body) {
            if let Some(account) = json::text(change, "/value/metadata/phone_number_id") {
                self.accounts.check(&account)?;
            }
        }
        Ok(())
    }

    fn greet(&self, query: &str) -> Result<String, Refusal> {
        if one(query, "hub.mode")? != "subscribe" {
            return Err(Refusal::NotAGreeting { what: "hub.mode" });
        }
        if !signature::is_same(&self.verify_token, &one(query, "hub.verify_token")?) {
            return Err(Refusal::BadSignature { what: "hub.verify_token" });
        }
        let challenge = one(query, "hub.challenge")?;
        let is_plain = challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        // It is sent back as it came: nothing that a browser would run, nor a flood.
        if challenge.is_empty() || CHALLENGE_CHARS_MAX < challenge.len() || !is_plain {
            return Err(Refusal::NotAGreeting { what: "hub.challenge" });
        }
        Ok(challenge)
    }

    fn read(&self, payload: &Payload<'_>) -> Reading {
        let Ok(body) = json::parse(payload.body) else {
            return Reading::unreadable("the body is not JSON");
        };
        if json::text(&body, "/object").as_deref() != Some(OBJECT) || !body["entry"].is_array() {
            return Reading::unreadable(format!("the body is no {OBJECT} with entries"));
        }
        let mut reading = Reading::default();
        for change in changes(&body) {
            self.read_change(change, &mut reading);
        }
        reading
    }

    fn contact_of(&self, chat: &str) -> Option<String> {
        person::of_chat(chat)
    }

    fn read_answer(&self, answer: &Value) -> Option<SendOutcome> {
        answer::read(answer)
    }
}

impl WhatsApp {
    fn read_change(&self, change: &Value, reading: &mut Reading) {
        let Some(field) = json::text(change, "/field") else {
            reading.note_unreadable("a change has no `field`");
            return;
        };
        let value = &change["value"];
        if FIELDS_IGNORED.contains(&field.as_str()) {
            reading.ignore();
            return;
        }
        if !LISTS.iter().any(|(name, _)| value[*name].is_array()) {
            return reading.note_unknown(&field);
        }
        // A replay reads without verifying, perhaps with other accounts than when it came.
        let account = json::text(value, "/metadata/phone_number_id").filter(|account| self.accounts.has(account));
        let Some(account) = account else {
            reading.note_unreadable(format!(
                "a change of `{field}` names no `phone_number_id` that is of this connection"
            ));
            return;
        };
        let change = Change { sender: &self.sender, account: &account, field: &field, value, links: &self.links };
        for (name, read) in LISTS {
            for entry in value[*name].as_array().map_or(&[][..], Vec::as_slice) {
                read(&change, entry, reading);
            }
        }
    }
}

type ReadEntry = fn(&Change<'_>, &Value, &mut Reading);

/// The lists that a change can hold, and who reads an entry of each.
static LISTS: &[(&str, ReadEntry)] = &[
    ("messages", inbound::read),
    ("message_echoes", echo::read),
    ("statuses", status::read),
    ("user_preferences", preference::read),
    // A click names neither the client nor the message.
    ("user_actions", ignore),
    // What went wrong on the number, not with a message.
    ("errors", ignore),
];

fn ignore(_change: &Change<'_>, _entry: &Value, reading: &mut Reading) {
    reading.ignore();
}

fn changes(body: &Value) -> impl Iterator<Item = &Value> {
    json::list(body, "/entry").iter().flat_map(|entry| json::list(entry, "/changes"))
}

/// The value of a parameter that must be there once.
fn one(query: &str, name: &'static str) -> Result<String, Refusal> {
    let given = signature::parameter(query, name, name).ok().flatten();
    given.ok_or(Refusal::NotAGreeting { what: name })
}

/// Keeps a text, a number or a truth value under a name of ours.
fn note(event: &mut Event, name: &str, value: &Value, pointer: &str) {
    let text = match value.pointer(pointer) {
        Some(Value::Bool(truth)) => Some(truth.to_string()),
        _ => json::text(value, pointer),
    };
    if let Some(text) = text {
        note_text(event, name, &text);
    }
}

fn note_text(event: &mut Event, name: &str, text: &str) {
    // A NUL in decoration would cost the whole event.
    event.attributes.get_or_insert_with(Map::new).insert(name.to_owned(), Value::String(text.replace('\0', "")));
}

#[cfg(test)]
mod tests;
