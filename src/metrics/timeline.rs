//! One dialog: what it is, its cycles, and all that happened in it.
//!
//! Every statement reads `fact_timeline` with the viewer's scope; the view shows nothing of a dialog in which nothing is
//! theirs. What an event shows is declared here once, as columns are in the [catalogue](super::catalogue::record).

use crate::model::Scope;
use crate::sql::Sql;

use super::catalogue::ColumnKind::{Count, Flag, Instant, Real, Seconds, Text};
use super::catalogue::record::{column, for_managers};
use super::catalogue::{Column, ColumnKind};
use super::compile::sight;
use super::records::{Place, append_columns};

/// A dialog that somebody asks for.
#[derive(Clone, Debug)]
pub struct TimelineQuery {
    scope: Scope,
    /// Sixteen hexadecimal digits.
    dialog: String,
}

/// The digits of an id.
const ID_DIGITS: usize = 16;

/// What a dialog shows of itself.
pub static DIALOG: [Column; 3] = [
    column("channel", "argMinIf(channel, at, channel != '')", Text, "The channel."),
    column("account", "argMinIf(account, at, account != '')", Text, "The connected sender on the channel."),
    column("contact", "argMinIf(contact, at, contact != '')", Text, "The client."),
];

/// What a cycle of a dialog shows.
pub static CYCLE: [Column; 5] = [
    column("openedAt", "at", ColumnKind::At, "When the cycle opened."),
    column(
        "closedAt",
        "until_at",
        Instant,
        "When the cycle closed, or will when nobody writes; null while its source has not closed it.",
    ),
    column("messages", "messages", Count, "How many messages the cycle has."),
    column("operator", "operator", Text, "The operator to whom it belongs; null when to nobody in your sight."),
    column("team", "team", Text, "The operator's team."),
];

/// What an event shows.
pub static EVENT: [Column; 19] = [
    column("at", "at", ColumnKind::At, "When it happened."),
    column("kind", "kind", ColumnKind::Name, "What happened."),
    column("direction", "direction", Text, "INBOUND or OUTBOUND; null when it is about no message."),
    column("author", "author", Text, "Who wrote the message, or replied first in the turn."),
    column(
        "operator",
        "operator",
        Text,
        "Who wrote, whom a client message or turn belongs to, or whom the dialog was given to; null when out of your sight.",
    ),
    column("team", "team", Text, "The operator's team; null when out of your sight."),
    column("chat", "chat", Text, "The chat of the message."),
    column("message", "message", Text, "The message's id in its chat. What was written is never stored."),
    column("messageKind", "message_kind", Text, "text, image, document, …"),
    column("assisted", "assisted", Flag, "Whether a machine wrote the draft."),
    column("answeredAt", "until_at", Instant, "When an operator answered the turn."),
    column("seconds", "if(until_at > 0, until_at - at, NULL)", Seconds, "From the turn's start to its answer."),
    column("reason", "reason", Text, "Why the message failed."),
    column("survey", "survey", Text, "The survey's id."),
    column("score", "if(kind = 'RATED', score, NULL)", Real, "The rating, on its own scale."),
    column("scale", "if(kind = 'RATED', scale, NULL)", Real, "The best rating of the scale."),
    column("action", "action", Text, "What the client did: purchase, registration, form, …"),
    for_managers(column("value", "value", Text, "The worth of the conversion, or what was taken back of it.")),
    for_managers(column("currency", "currency", Text, "The currency of `value`.")),
];

/// What happens in a dialog, in the order in which it stands at one instant.
pub static KINDS: [(&str, &str); 13] = [
    ("OPENED", "The source opened the dialog."),
    ("ASSIGNED", "The dialog was given to an operator or a team."),
    ("HANDED_OFF", "A bot handed the dialog to an operator or a team."),
    ("MESSAGE", "A message was received, or accepted for sending."),
    ("TURN", "A turn of the client began."),
    ("DELIVERED", "A message was delivered, or read if nobody told of its delivery."),
    ("READ", "A message was read."),
    ("FAILED", "A message failed."),
    ("SURVEY_SENT", "The client was asked for a rating."),
    ("RATED", "The client gave a rating."),
    ("CONVERTED", "The client did what is wanted, within a week after writing first."),
    ("REVERTED", "A conversion was taken back."),
    ("CLOSED", "The source closed the dialog."),
];

impl TimelineQuery {
    /// `None` when no dialog can have such an id.
    pub fn new(scope: Scope, id: &str) -> Option<Self> {
        let is_id = id.len() == ID_DIGITS && id.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_id.then(|| Self { scope, dialog: id.to_ascii_lowercase() })
    }

    pub fn id(&self) -> &str {
        &self.dialog
    }

    /// The dialog itself: one row, none when there is nothing of it to see.
    pub fn dialog(&self) -> Sql {
        let mut sql = Sql::new("SELECT ");
        append_columns(&mut sql, &DIALOG.iter().collect::<Vec<_>>());
        sql.push("toInt64(0) AS p0, toInt64(0) AS p1, toInt64(0) AS p2 FROM ");
        sql.append(&self.source()).push(" HAVING count() > 0");
        sql
    }

    /// Its latest cycles.
    pub fn cycles(&self, cycles_max: usize) -> Sql {
        let mut sql = Sql::new("SELECT ");
        append_columns(&mut sql, &CYCLE.iter().collect::<Vec<_>>());
        sql.push("at AS p0, toInt64(0) AS p1, toInt64(0) AS p2 FROM ").append(&self.source());
        sql.push(" WHERE kind = 'CYCLE' ORDER BY p0 DESC LIMIT ").bind(i64::try_from(cycles_max).unwrap_or(i64::MAX));
        sql
    }

    /// How many events there are.
    pub fn count(&self) -> Sql {
        let mut sql = Sql::new("SELECT count() AS n FROM ");
        sql.append(&self.source()).push(" WHERE kind != 'CYCLE'");
        sql
    }

    /// At most `events_max` events after a place, the earliest first.
    pub fn page(&self, columns: &[&'static Column], after: Option<Place>, events_max: usize) -> Sql {
        let mut sql = Sql::new("SELECT ");
        append_columns(&mut sql, columns);
        sql.push("at AS p0, toInt64(indexOf(").bind_list(KINDS.iter().map(|(kind, _)| *kind));
        sql.push(", kind)) AS p1, reinterpretAsInt64(key) AS p2 FROM ").append(&self.source());
        sql.push(" WHERE kind != 'CYCLE'");
        if let Some(Place([at, kind, key])) = after {
            sql.push(" AND (p0, p1, p2) > (").bind(at).push(", ").bind(kind).push(", ").bind(key).push(")");
        }
        sql.push(" ORDER BY p0, p1, p2 LIMIT ").bind(i64::try_from(events_max).unwrap_or(i64::MAX));
        sql
    }

    fn source(&self) -> Sql {
        let mut sql = Sql::new("fact_timeline(");
        sql.append(&sight(&self.scope)).push(", dialog = ").bind(self.dialog.as_str());
        // All time: a dialog is told whole.
        sql.push(", from = ").bind(i64::MIN / 4).push(", to = ").bind(i64::MAX / 4).push(")");
        sql
    }
}
