//! What became of our messages. A status tells one step of one message; the same step told again is the same event.

use serde_json::Value;

use super::person::{Fields, Person};
use super::{Change, callback, failure, json, note};
use crate::ingest::connector::Reading;
use crate::ingest::connector::json::Unit;
use crate::model::event::{Event, Failure, FailureReason, Kind, Scalar};

const RECIPIENT: Fields = Fields {
    number: "/recipient_id",
    user_id: "/recipient_user_id",
    parent_user_ids: &["/parent_recipient_user_id", "/recipient_parent_user_id", "/parent_user_id"],
};

/// A member of a group, where the recipient is the group.
const PARTICIPANT: Fields = Fields {
    number: "/recipient_participant_id",
    user_id: "/recipient_participant_user_id",
    parent_user_ids: &["/recipient_participant_parent_user_id"],
};

/// Reads one entry of `statuses`.
pub fn read(change: &Change<'_>, status: &Value, reading: &mut Reading) {
    let name = json::text(status, "/status").unwrap_or_default();
    let kind = match name.as_str() {
        "sent" => Kind::MessageSent,
        "delivered" => Kind::MessageDelivered,
        // A voice message that was played was seen.
        "read" | "played" => Kind::MessageRead,
        "failed" => Kind::MessageFailed,
        "deleted" | "warning" | "pending" => {
            reading.ignore();
            return;
        }
        other => return reading.note_unknown(&format!("statuses.{other}")),
    };
    let is_group = json::text(status, "/recipient_type").as_deref() == Some("group");
    let (person, chat) = if is_group {
        (Person::of(status, &PARTICIPANT, &[]), json::text(status, "/recipient_id"))
    } else {
        let person = Person::of(status, &RECIPIENT, change.contacts());
        let chat = person.chat().map(str::to_owned);
        (person, chat)
    };
    let (Some(message), Some(chat)) = (json::text(status, "/id"), chat) else {
        reading.note_unreadable(format!("a status `{name}` names no message or no recipient"));
        return;
    };

    let mut event = match name.as_str() {
        // Not the same as `read`, whichever comes first.
        "played" => change.sender.event(kind, change.account, &[&message, "played"]),
        _ => change.sender.event(kind, change.account, &[&message]),
    };
    event.at = json::instant(status, "/timestamp", Unit::Seconds);
    event.message = Some(Scalar::Text(message));
    event.chat = Some(Scalar::Text(chat));
    person.write(&mut event);
    if let Some(data) = json::text(status, "/biz_opaque_callback_data") {
        callback::write(&mut event, &data);
    }
    // There is no amount in it: what a message costs stands on Meta's rate cards.
    note(&mut event, "pricing_category", status, "/pricing/category");
    note(&mut event, "pricing_model", status, "/pricing/pricing_model");
    note(&mut event, "pricing_type", status, "/pricing/type");
    note(&mut event, "billable", status, "/pricing/billable");
    note(&mut event, "conversation", status, "/conversation/id");
    note(&mut event, "conversation_origin", status, "/conversation/origin/type");
    if kind == Kind::MessageFailed {
        write_failure(&mut event, status);
    }
    reading.events.push(event);
}

fn write_failure(event: &mut Event, status: &Value) {
    let Some(code) = json::text(status, "/errors/0/code") else { return };
    let reason = code.parse().map_or(FailureReason::Unknown, failure::reason);
    event.failure = Some(Failure { code: Some(Scalar::Text(code)), reason: Some(Scalar::from(reason.as_str())) });
    note(event, "failure_details", status, "/errors/0/error_data/details");
}
