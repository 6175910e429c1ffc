//! What stands behind a number: the records that a fact's rows are, and what of them is shown.
//!
//! A record's columns are declared here once; the GraphQL types and the statements derive from them. No column shows what
//! was written, and none tells of an operator but the one to whom the row belongs: scopes limit rows, not columns.

use crate::model::Readers;

/// A kind of thing that one can look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    Dialogs,
    Messages,
    Turns,
    Sessions,
    Ratings,
    Contacts,
}

impl RecordKind {
    pub const ALL: [RecordKind; 6] =
        [Self::Dialogs, Self::Messages, Self::Turns, Self::Sessions, Self::Ratings, Self::Contacts];

    /// The GraphQL field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dialogs => "dialogs",
            Self::Messages => "messages",
            Self::Turns => "turns",
            Self::Sessions => "sessions",
            Self::Ratings => "ratings",
            Self::Contacts => "contacts",
        }
    }

    /// The stem of its GraphQL types.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Dialogs => "Dialog",
            Self::Messages => "Message",
            Self::Turns => "Turn",
            Self::Sessions => "Session",
            Self::Ratings => "Rating",
            Self::Contacts => "Contact",
        }
    }

    pub fn definition(self) -> &'static str {
        match self {
            Self::Dialogs => {
                "The dialogs behind the number, the one that came last first. Where it counts cycles of dialogs, each cycle \
                 is one; else each dialog in which counted records lie."
            }
            Self::Messages => "The messages behind the number, the latest first.",
            Self::Turns => "The turns behind the number, the latest first.",
            Self::Sessions => "The sessions behind the number, the latest first.",
            Self::Ratings => "The surveys behind the number with their ratings, the latest first.",
            Self::Contacts => "The contacts behind the number, the one that came last first.",
        }
    }
}

/// How rows of a fact become records of one kind.
#[derive(Debug)]
pub struct Record {
    pub kind: RecordKind,
    /// Rows that have such a record at all.
    pub rows: &'static str,
    /// What makes several rows one record; empty: each row is one.
    pub group: &'static str,
    /// Its place in the order, as signed numbers: a time and two keys, which together no other record has. The time of a
    /// group is that of its first row: rows that come later do not move it, so a reader of pages misses none.
    pub place: [&'static str; 3],
    pub columns: &'static [&'static [Column]],
}

impl Record {
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> + use<> {
        self.columns.iter().copied().flatten()
    }
}

/// Something that a record shows.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The GraphQL field.
    pub name: &'static str,
    /// Over the rows of the fact, or of a group of them.
    pub sql: &'static str,
    pub kind: ColumnKind,
    pub definition: &'static str,
    pub readers: Readers,
}

/// What a column holds, and when it holds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// A key of 64 bits, shown in 16 hexadecimal digits.
    Id,
    /// Never empty.
    Name,
    /// Null when empty.
    Text,
    Texts,
    At,
    /// Null when 0, "never".
    Instant,
    /// Milliseconds in SQL, seconds with a fraction in the API; null when null.
    Seconds,
    Count,
    /// A number; null when null.
    Real,
    Flag,
}

impl ColumnKind {
    /// Whether every record has it.
    pub fn is_never_null(self) -> bool {
        matches!(self, Self::Id | Self::Name | Self::Texts | Self::At | Self::Count | Self::Flag)
    }
}

pub const fn column(name: &'static str, sql: &'static str, kind: ColumnKind, definition: &'static str) -> Column {
    Column { name, sql, kind, definition, readers: Readers::Everyone }
}

/// A column that tells a figure of the business.
pub const fn for_managers(column: Column) -> Column {
    Column { readers: Readers::Managers, ..column }
}

impl Column {
    /// What it is and who may read it: the schema's description.
    pub fn description(&self) -> String {
        format!("{}{}", self.definition, self.readers.told())
    }
}

use ColumnKind::{At, Count, Flag, Id, Instant, Real, Seconds, Text, Texts};

/// What every row has.
static ROW: [Column; 11] = [
    column("at", "at", At, "The time at which it counts."),
    column("dialog", "dialog_key", Id, "The id of its dialog, for `dialog(id:)`."),
    column("channel", "toString(channel)", Text, "The channel."),
    column("account", "toString(account)", Text, "The connected sender on the channel."),
    column("contact", "contact", Text, "The client."),
    column("operator", "toString(operator)", Text, "The operator to whom it belongs; null when to nobody."),
    column("team", "toString(team)", Text, "The operator's team at the time."),
    column("segments", "arraySort(segments)", Texts, "The contact's labels at the time."),
    column("campaign", "toString(campaign)", Text, "The campaign that it is part of."),
    column("scenario", "toString(scenario)", Text, "The bot scenario that it is part of."),
    column("source", "toString(source)", Text, "Where the contact came from."),
];

/// What a row has that is a message or begins with one.
static WRITTEN: [Column; 3] = [
    column("chat", "chat", Text, "The chat on the channel."),
    column("message", "message", Text, "The message's id in its chat."),
    column("kind", "toString(message_kind)", Text, "text, image, document, …"),
];

static AUTHOR: [Column; 1] = [column("author", "toString(author_kind)", Text, "Who wrote it.")];

static STATES: [Column; 7] = [
    column("acceptedAt", "accepted_ms", Instant, "When the channel accepted it."),
    column("sentAt", "sent_ms", Instant, "When it was sent."),
    column("deliveredAt", "delivered_ms", Instant, "When it was delivered, or read if nobody told of its delivery."),
    column("readAt", "read_ms", Instant, "When it was read."),
    column("failedAt", "failed_ms", Instant, "When it failed."),
    column("failureReason", "toString(reason)", Text, "Why it counts as failed; null when it does not."),
    column("assisted", "toUInt8(assisted)", Flag, "Whether a machine wrote the draft."),
];

static ENGAGED: [Column; 1] =
    [column("engaged", "toUInt8(engaged)", Flag, "Whether the contact reacted within 24 hours.")];

static STARTS: [Column; 1] =
    [column("startsTurn", "toUInt8(starts_turn)", Flag, "Whether it is the first of its turn.")];

static TURN: [Column; 5] = [
    column("startsCycle", "toUInt8(starts_cycle)", Flag, "Whether it is the first turn of its dialog cycle."),
    column("answeredAt", "answered_at", Instant, "When it was answered; null without an answer so far."),
    column(
        "seconds",
        "if(is_answered, response_ms, NULL)",
        Seconds,
        "How long the client waited for the answer; null without one.",
    ),
    column("repliedBy", "toString(author_kind)", Text, "Who replied first, a bot or an automatic message included."),
    column("assisted", "toUInt8(assisted)", Flag, "Whether a machine wrote the draft of the first reply."),
];

static SESSION: [Column; 2] = [
    column("durationSeconds", "duration_ms", Seconds, "From its first message to its last."),
    column("messages", "toUInt64(messages)", Count, "How many messages it has."),
];

static SURVEY: [Column; 5] = [
    column("survey", "survey", Text, "The survey's id."),
    column("sentAt", "sent_at", Instant, "When it was sent; null when only a rating is known."),
    column("ratedAt", "rated_at", Instant, "When the rating that counts was given."),
    column("score", "if(is_rated, toFloat64(score), NULL)", Real, "The rating that counts, on its own scale."),
    column("scale", "if(is_rated, toFloat64(scale), NULL)", Real, "The best rating of the scale."),
];

/// What a group of rows has.
static GROUP: [Column; 6] = [
    column("account", "max(toString(account))", Text, "The connected sender on the channel."),
    column("contact", "max(contact)", Text, "The client."),
    column(
        "operators",
        "arraySort(groupUniqArrayIf(toString(operator), operator != ''))",
        Texts,
        "The operators to whom what was counted belongs.",
    ),
    column(
        "teams",
        "arraySort(groupUniqArrayIf(toString(team), team != ''))",
        Texts,
        "The teams to which what was counted belongs.",
    ),
    column("segments", "arraySort(groupUniqArrayArray(segments))", Texts, "The contact's labels at the time."),
    column("channel", "max(toString(channel))", Text, "The channel."),
];

static DIALOG: [Column; 1] = [column("id", "dialog_key", Id, "The id of the dialog, for `dialog(id:)`.")];

static COUNTED: [Column; 3] = [
    column("at", "min(at)", At, "When the first of what was counted was there."),
    column("lastAt", "max(at)", At, "When the last of what was counted was there."),
    column("records", "count()", Count, "How much of what was counted is part of it."),
];

static CYCLE: [Column; 4] = [
    column("at", "min(at)", At, "When the first of what was counted was there."),
    column("openedAt", "min(at)", At, "When the cycle opened."),
    column(
        "closedAt",
        "any(if(closed_at = 9223372036854775807, toInt64(0), closed_at))",
        Instant,
        "When the cycle closed, or will when nobody writes; null while its source has not closed it.",
    ),
    column("messages", "toUInt64(any(messages))", Count, "How many messages the cycle has."),
];

static CONVERTED: [Column; 1] = [column(
    "conversions",
    "uniqExactIf(conversion, is_credited)",
    Count,
    "How many conversions are credited to it, of those that were counted.",
)];

static CONTACT: [Column; 3] = [
    column(
        "key",
        "min(contact_name)",
        Text,
        "The contact's id, of several that are one person the first in order; where it has none channel, account and chat.",
    ),
    column("isBack", "toUInt8(max(is_back))", Flag, "Whether it has come back since."),
    column("seenByFailure", "toUInt8(max(by_failure))", Flag, "Whether only a message that failed tells that it left."),
];

const MESSAGE_PLACE: [&str; 3] = ["at", "reinterpretAsInt64(chat_key)", "reinterpretAsInt64(message_key)"];
const DIALOG_PLACE: [&str; 3] = ["min(at)", "reinterpretAsInt64(dialog_key)", "toInt64(0)"];

/// A record that is one row.
const fn row(kind: RecordKind, place: [&'static str; 3], columns: &'static [&'static [Column]]) -> Record {
    Record { kind, rows: "true", group: "", place, columns }
}

pub static OUTBOUND: Record = row(RecordKind::Messages, MESSAGE_PLACE, &[&ROW, &WRITTEN, &AUTHOR, &STATES]);
pub static ACCEPTED: Record = row(RecordKind::Messages, MESSAGE_PLACE, &[&ROW, &WRITTEN, &AUTHOR, &ENGAGED]);
pub static INBOUND: Record = row(RecordKind::Messages, MESSAGE_PLACE, &[&ROW, &WRITTEN, &AUTHOR, &STARTS]);
pub static TURNS: Record = row(RecordKind::Turns, MESSAGE_PLACE, &[&ROW, &WRITTEN, &TURN]);
pub static SESSIONS: Record =
    row(RecordKind::Sessions, ["at", "reinterpretAsInt64(dialog_key)", "toInt64(0)"], &[&ROW, &SESSION]);
pub static SURVEYS: Record =
    row(RecordKind::Ratings, ["at", "reinterpretAsInt64(sipHash64(survey))", "toInt64(0)"], &[&ROW, &SURVEY]);
pub static CONTACTS: Record = Record {
    kind: RecordKind::Contacts,
    rows: "true",
    group: "contact_key",
    place: ["min(at)", "reinterpretAsInt64(contact_key)", "toInt64(0)"],
    columns: &[&CONTACT, &GROUP, &COUNTED],
};

/// The dialogs of rows that lie in dialogs.
pub static DIALOGS: Record = Record {
    kind: RecordKind::Dialogs,
    // A survey or an opt-out can be of no dialog.
    rows: "dialog_key != 0",
    group: "dialog_key",
    place: DIALOG_PLACE,
    columns: &[&DIALOG, &GROUP, &COUNTED],
};

/// The dialogs of rows that are cycles of dialogs themselves.
pub static CYCLES: Record = Record {
    kind: RecordKind::Dialogs,
    rows: "true",
    group: "dialog_key, at",
    place: DIALOG_PLACE,
    columns: &[&DIALOG, &GROUP, &CYCLE],
};

pub static CONVERTED_CYCLES: Record = Record {
    kind: RecordKind::Dialogs,
    rows: "true",
    group: "dialog_key, at",
    place: DIALOG_PLACE,
    columns: &[&DIALOG, &GROUP, &CYCLE, &CONVERTED],
};

#[cfg(test)]
mod tests {
    use super::super::facts::FACTS;
    use super::*;

    #[test]
    fn a_name_means_the_same_in_every_record_of_a_kind_and_stands_in_each_once() {
        for kind in RecordKind::ALL {
            let mut known: Vec<&Column> = Vec::new();
            for record in FACTS.iter().flat_map(|fact| fact.records()).filter(|record| record.kind == kind) {
                let names: Vec<&str> = record.columns().map(|column| column.name).collect();
                let mut unique = names.clone();
                unique.sort_unstable();
                unique.dedup();
                assert_eq!(unique.len(), names.len(), "{}: {names:?}", kind.name());
                known.extend(record.columns());
            }
            for column in &known {
                for other in known.iter().filter(|other| other.name == column.name) {
                    assert_eq!((column.kind, column.definition), (other.kind, other.definition), "{}", column.name);
                }
                assert!(column.definition.ends_with('.') || column.definition.ends_with('…'), "{}", column.name);
            }
        }
    }
}
