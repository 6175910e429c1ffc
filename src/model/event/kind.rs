//! The closed list of what can happen, and what an event of each kind must say.
//!
//! One table: names, required fields and the words of the schema all come from it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    MessageReceived,
    MessageAccepted,
    MessageSent,
    MessageDelivered,
    MessageRead,
    MessageFailed,
    MessageClicked,
    MessageButtonPressed,
    MessageReacted,
    MessageForwarded,
    ReadWatermark,
    DialogOpened,
    DialogAssigned,
    DialogHandedOff,
    DialogClosed,
    SurveySent,
    SurveyRated,
    ConversionRecorded,
    ConversionReverted,
    ContactLinked,
    ContactSegmented,
    ContactSubscribed,
    ContactUnsubscribed,
    ContactBlocked,
    ContactUnblocked,
    ContactMuted,
    ContactUnmuted,
    ConsentGiven,
    ConsentWithdrawn,
    OperatorOnline,
    OperatorOffline,
    SpendRecorded,
}

/// What an event must say beside `id`, `kind` and `channel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    ChatAndMessage,
    Chat,
    DialogOrChat,
    Contact,
    Operator,
    Survey,
    Rating,
    Conversion,
    Cost,
}

struct Entry {
    kind: Kind,
    name: &'static str,
    needs: Needs,
    description: &'static str,
}

const fn entry(kind: Kind, name: &'static str, needs: Needs, description: &'static str) -> Entry {
    Entry { kind, name, needs, description }
}

/// In the order of the enum, so that a kind is its index; a test holds that.
static TABLE: [Entry; 32] = {
    use Kind::*;
    use Needs::*;
    [
        entry(MessageReceived, "message.received", ChatAndMessage, "The client wrote a message."),
        entry(MessageAccepted, "message.accepted", ChatAndMessage, "The platform took an outbound message."),
        entry(MessageSent, "message.sent", ChatAndMessage, "An outbound message left the platform."),
        entry(MessageDelivered, "message.delivered", ChatAndMessage, "It reached the client's device."),
        entry(MessageRead, "message.read", ChatAndMessage, "The client saw it."),
        entry(MessageFailed, "message.failed", ChatAndMessage, "It could not be delivered; see `failure`."),
        entry(MessageClicked, "message.clicked", ChatAndMessage, "A link of the message was followed; see `link`."),
        entry(MessageButtonPressed, "message.button_pressed", ChatAndMessage, "A button of the message was pressed."),
        entry(MessageReacted, "message.reacted", ChatAndMessage, "Someone reacted to the message."),
        entry(MessageForwarded, "message.forwarded", ChatAndMessage, "The message was forwarded."),
        entry(
            ReadWatermark,
            "read.watermark",
            Chat,
            "The client read everything up to the number in `message`; without a number, everything delivered \
             before `at`.",
        ),
        entry(DialogOpened, "dialog.opened", DialogOrChat, "A dialog began or was reopened."),
        entry(DialogAssigned, "dialog.assigned", DialogOrChat, "The dialog was given to `operator` or `team`."),
        entry(DialogHandedOff, "dialog.handed_off", DialogOrChat, "A bot gave the dialog to people."),
        entry(DialogClosed, "dialog.closed", DialogOrChat, "The dialog was closed."),
        entry(SurveySent, "survey.sent", Survey, "The client was asked for a rating."),
        entry(SurveyRated, "survey.rated", Rating, "The client rated."),
        entry(ConversionRecorded, "conversion.recorded", Conversion, "The client did what was wanted, or bought."),
        entry(ConversionReverted, "conversion.reverted", Conversion, "A conversion was taken back, such as a refund."),
        entry(
            ContactLinked,
            "contact.linked",
            Contact,
            "A chat, or the names in `identities`, were found to be those of `contact`.",
        ),
        entry(ContactSegmented, "contact.segmented", Contact, "The contact's labels are now `segments`."),
        entry(ContactSubscribed, "contact.subscribed", Contact, "The contact agreed to receive messages."),
        entry(ContactUnsubscribed, "contact.unsubscribed", Contact, "The contact asked for no more messages."),
        entry(ContactBlocked, "contact.blocked", Contact, "The contact blocked or stopped the sender."),
        entry(ContactUnblocked, "contact.unblocked", Contact, "The contact lifted the block."),
        entry(ContactMuted, "contact.muted", Contact, "The contact switched notifications off."),
        entry(ContactUnmuted, "contact.unmuted", Contact, "The contact switched notifications on."),
        entry(ConsentGiven, "consent.given", Contact, "The contact consented; see `consent`."),
        entry(ConsentWithdrawn, "consent.withdrawn", Contact, "The contact withdrew a consent."),
        entry(OperatorOnline, "operator.online", Operator, "The operator began to work."),
        entry(OperatorOffline, "operator.offline", Operator, "The operator stopped working."),
        entry(SpendRecorded, "spend.recorded", Cost, "Money was spent on the channel; see `cost`."),
    ]
};

impl Kind {
    /// The kind of this name, or `None`. Names are exact.
    pub fn parse(name: &str) -> Option<Self> {
        TABLE.iter().find(|entry| entry.name == name).map(|entry| entry.kind)
    }

    pub fn all() -> impl Iterator<Item = Kind> {
        TABLE.iter().map(|entry| entry.kind)
    }

    pub fn as_str(self) -> &'static str {
        TABLE[self as usize].name
    }

    pub fn needs(self) -> Needs {
        TABLE[self as usize].needs
    }

    /// Whether the event brings an outbound message into being, and so says who wrote it.
    pub fn is_outbound_origin(self) -> bool {
        matches!(self, Kind::MessageAccepted | Kind::MessageSent | Kind::MessageFailed)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl JsonSchema for Kind {
    fn schema_name() -> Cow<'static, str> {
        "Kind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let kinds: Vec<Value> =
            TABLE.iter().map(|entry| json!({ "const": entry.name, "description": entry.description })).collect();
        json_schema!({ "oneOf": kinds })
    }
}

/// The conditions of the schema: which fields the kinds need, one rule for each sort of need.
pub(super) fn schema_conditions() -> Vec<Value> {
    let mut needs_seen: Vec<Needs> = Vec::new();
    for entry in &TABLE {
        if !needs_seen.contains(&entry.needs) {
            needs_seen.push(entry.needs);
        }
    }
    needs_seen.into_iter().map(condition).collect()
}

fn condition(needs: Needs) -> Value {
    let names: Vec<&str> = TABLE.iter().filter(|entry| entry.needs == needs).map(|entry| entry.name).collect();
    let then = match needs {
        Needs::ChatAndMessage => json!({ "required": ["chat", "message"] }),
        Needs::Chat => json!({ "required": ["chat"] }),
        Needs::DialogOrChat => json!({ "anyOf": [{ "required": ["dialog"] }, { "required": ["chat"] }] }),
        Needs::Contact => json!({ "required": ["contact"] }),
        Needs::Operator => json!({ "required": ["operator"] }),
        Needs::Survey => json!({ "required": ["survey"], "properties": { "survey": { "required": ["id"] } } }),
        Needs::Rating => {
            json!({ "required": ["survey"], "properties": { "survey": { "required": ["id", "score", "scale"] } } })
        }
        Needs::Conversion => {
            json!({ "required": ["conversion"], "properties": { "conversion": { "required": ["action"] } } })
        }
        Needs::Cost => {
            json!({ "required": ["cost"], "properties": { "cost": { "required": ["amount", "currency"] } } })
        }
    };
    json!({ "if": { "properties": { "kind": { "enum": names } } }, "then": then })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name_and_by_its_place() {
        for (index, entry) in TABLE.iter().enumerate() {
            assert_eq!(entry.kind as usize, index, "{}", entry.name);
            assert_eq!(Kind::parse(entry.name), Some(entry.kind));
            assert_eq!(entry.kind.as_str(), entry.name);
        }
        assert_eq!(Kind::parse("message.exploded"), None);
    }
}
