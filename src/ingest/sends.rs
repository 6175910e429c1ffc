//! Send reports: what a platform answered to a send becomes the message that it took, or the send that it refused.
//!
//! Whoever sends is the only one who hears the answer. A report is an event that leaves out what the connection and the
//! answer say. Pure: one item in, one item out; of the answer only ids, times and codes are taken over.

use std::sync::Arc;

use serde_json::Value;

use super::Item;
use super::connection::Connection;
use super::connector::SendOutcome;
use super::connector::sender::event_id;
use super::item::Unreadable;
use super::normalise::ID_CHARS_MAX;
use super::reason::{Reason, excerpt};
use crate::model::event::{Event, Failure, Kind, Scalar};

/// The field that holds the platform's answer.
const ANSWER: &str = "answer";

/// The events that reports of sends by this connection come to.
pub fn read<I>(connection: Arc<Connection>, reports: I) -> impl Iterator<Item = Item> + Send + use<I>
where
    I: Iterator<Item = Item> + Send,
{
    reports.map(move |Item { line, source, event }| {
        let event = event.and_then(|report| {
            let id = text(report.id.as_ref());
            read_one(&connection, report).map_err(|reason| Unreadable { id, reason })
        });
        Item { line, source, event }
    })
}

fn read_one(connection: &Connection, mut report: Event) -> Result<Event, Reason> {
    for (field, value) in [("kind", &report.kind), ("channel", &report.channel), ("message", &report.message)] {
        if !is_absent(value.as_ref()) {
            return Err(Reason::NotInAReport { field });
        }
    }
    let answer = match report.other.remove(ANSWER) {
        None | Some(Value::Null) => return Err(Reason::Missing { field: ANSWER }),
        Some(answer) => answer,
    };
    let unread = || Reason::UnreadAnswer { platform: connection.platform.name };
    let outcome = connection.connector.read_answer(&answer).ok_or_else(unread)?;
    let account = account(connection, report.account.as_ref())?;
    // A platform is named as its channel is.
    let channel = connection.platform.name.to_ascii_uppercase();
    report.account = Some(Scalar::Text(account.clone()));
    report.channel = Some(Scalar::Text(channel.clone()));
    match outcome {
        SendOutcome::Taken { message, chat, at } => {
            if is_absent(report.chat.as_ref()) {
                report.chat = chat.map(Scalar::Text);
            }
            if is_absent(report.at.as_ref()) {
                report.at = at.map(Scalar::from);
            }
            if is_absent(report.id.as_ref()) {
                // Another id than that of the platform's own event about the message: both are kept, each says what the
                // other does not.
                let chat = text(report.chat.as_ref()).unwrap_or_default();
                report.id = Some(Scalar::Text(event_id(&["send", &channel, &account, &chat, &message])));
            }
            report.kind = Some(Scalar::from(Kind::MessageSent.as_str()));
            report.message = Some(Scalar::Text(message));
        }
        SendOutcome::Refused { code, reason } => {
            // The platform gave it no id, so it stands alone under the sender's. Without one, normalising refuses the event.
            report.message = text(report.id.as_ref()).map(|id| Scalar::Text(event_id(&["failed", &id])));
            report.kind = Some(Scalar::from(Kind::MessageFailed.as_str()));
            report.failure =
                Some(Failure { code: Some(Scalar::Text(code)), reason: Some(Scalar::from(reason.as_str())) });
        }
    }
    if is_absent(report.contact.as_ref()) {
        // Or one client would be two: whom the platform's events name, and somebody in the chat.
        let contact = text(report.chat.as_ref()).and_then(|chat| connection.connector.contact_of(&chat));
        // A chat that only just fits makes a name that does not.
        report.contact = contact.filter(|name| name.chars().count() <= ID_CHARS_MAX).map(Scalar::Text);
    }
    Ok(report)
}

/// The account that sent: the one given, which must be the connection's, else its first.
fn account(connection: &Connection, given: Option<&Scalar>) -> Result<String, Reason> {
    if is_absent(given) {
        return Ok(connection.accounts.first().to_owned());
    }
    match text(given) {
        Some(account) if connection.accounts.has(&account) => Ok(account),
        Some(account) => Err(Reason::ForeignAccount { account: excerpt(&account) }),
        None => {
            Err(Reason::WrongType { field: "account", expected: "a string or a whole number", got: "another value" })
        }
    }
}

/// An empty text is as none.
fn is_absent(value: Option<&Scalar>) -> bool {
    match value {
        None => true,
        Some(Scalar::Text(text)) => text.is_empty(),
        Some(Scalar::Number(_) | Scalar::Other(_)) => false,
    }
}

fn text(value: Option<&Scalar>) -> Option<String> {
    value?.to_text().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
