//! Why an item is not taken: the closed list of reasons, with their words.
//!
//! A message names the field, the value and the limit, so that the sender can repair the line without asking.

use super::normalise::shown;
use crate::model::clock::Millis;
use crate::model::event::{Author, FailureReason, Kind};

/// Why one event was rejected.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Reason {
    #[error("the line is {bytes} bytes long; the longest is {max}")]
    LineTooLong { bytes: usize, max: usize },
    #[error("the line is not valid UTF-8 (byte {byte})")]
    InvalidUtf8 { byte: usize },
    #[error("the line is not valid JSON: {message} (column {column})")]
    InvalidJson { message: String, column: usize },
    #[error("the line is nested deeper than 128 levels (column {column})")]
    TooDeep { column: usize },
    #[error("the line is not an event: {message} (column {column})")]
    NotAnEvent { message: String, column: usize },
    #[error("the row cannot be read: {message}")]
    UnreadableRow { message: String },
    #[error("`{field}` is missing")]
    Missing { field: &'static str },
    #[error("`{field}` is missing; {kind} needs it")]
    MissingForKind { field: &'static str, kind: Kind },
    #[error("`{field}` has no place in a report of a send: the connection and the answer say it")]
    NotInAReport { field: &'static str },
    #[error(
        "`answer` is none from which {platform}'s connector can tell one message: give what the platform answered to one \
         send, word for word, as a JSON object; the README says which answers are read"
    )]
    UnreadAnswer { platform: &'static str },
    #[error("`account` {account} is not one of the connection's")]
    ForeignAccount { account: String },
    #[error("unknown kind {kind}")]
    UnknownKind { kind: String },
    #[error("`{field}` must be {expected}, not {got}")]
    WrongType { field: &'static str, expected: &'static str, got: &'static str },
    #[error("`{field}` {value} is not a whole number of at most 64 bits; write it as a string")]
    NotWhole { field: &'static str, value: String },
    #[error("`{field}` has {chars} characters; the most is {max}")]
    TooLong { field: &'static str, chars: usize, max: usize },
    #[error("`{field}` contains a NUL character")]
    Nul { field: &'static str },
    #[error("`{field}` contains a control character")]
    Control { field: &'static str },
    #[error("`segments` has {count} entries; the most is {max}")]
    TooManySegments { count: usize, max: usize },
    #[error("`identities` has {count} entries; the most is {max}")]
    TooManyIdentities { count: usize, max: usize },
    #[error(
        "`identities` has {identity}, which is no `kind:value`; a phone is `phone:+` and its digits with the country code"
    )]
    BadIdentity { identity: String },
    #[error("`channel` {channel} is not a channel's name: letters, digits, `_` and `-`, at most 32 characters")]
    BadChannel { channel: String },
    #[error("`at` {value} is neither RFC 3339 with an offset (2026-05-01T13:45:10Z) nor Unix milliseconds")]
    UnreadableTime { value: String },
    #[error("`at` {value} is before 2009-01-01{hint}")]
    TooEarly { value: String, hint: &'static str },
    #[error("`at` {value} is more than 24 hours ahead of its arrival{hint}")]
    TooFarAhead { value: String, hint: &'static str },
    #[error("`at` {} is longer ago than the {days} days that your data is kept", shown(*at))]
    BeyondRetention { at: Millis, days: i64 },
    #[error("`author` {author} is not one of {names}", names = Author::NAMES)]
    UnknownAuthor { author: String },
    #[error("`author` is {author}, but {kind} is always written by the CLIENT")]
    NotTheClient { author: &'static str, kind: Kind },
    #[error("`author` is CLIENT, but {kind} is outbound; a client's message is message.received")]
    ClientOutbound { kind: Kind },
    #[error("`failure.reason` {reason} is not one of {names}", names = FailureReason::NAMES)]
    UnknownFailureReason { reason: String },
    #[error("`message` {message} is not a number; {kind} takes the number up to which all is read, or none")]
    MarkNotANumber { message: String, kind: Kind },
    #[error("`survey.scale` {scale} is not one of 2, 3, 5, 10")]
    BadScale { scale: String },
    #[error("`survey.score` {score} is not a number from 1 to {scale}")]
    BadScore { score: String, scale: i64 },
    #[error("`{field}` {value} is not a decimal number with at most 14 digits before the point and 4 after it")]
    BadAmount { field: &'static str, value: String },
    #[error("`{field}` {value} has more digits than a JSON number keeps; write it as a string")]
    AmountTooPrecise { field: &'static str, value: String },
    #[error("`conversion.value` {value} is negative; take a conversion back with conversion.reverted")]
    NegativeConversion { value: String },
    #[error("`{field}` {currency} is not a currency's three letters")]
    BadCurrency { field: &'static str, currency: String },
    #[error("`{field}` is missing; an amount needs its currency")]
    NoCurrency { field: &'static str },
    #[error("the store does not take this event (code {code}); it is kept, and a manager can submit it again")]
    Refused { code: i32 },
}

impl Reason {
    /// Its name for programs; it never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LineTooLong { .. } => "LINE_TOO_LONG",
            Self::InvalidUtf8 { .. } => "INVALID_UTF8",
            Self::InvalidJson { .. } => "INVALID_JSON",
            Self::TooDeep { .. } => "TOO_DEEP",
            Self::NotAnEvent { .. } => "NOT_AN_EVENT",
            Self::UnreadableRow { .. } => "UNREADABLE_ROW",
            Self::Missing { .. } => "MISSING",
            Self::MissingForKind { .. } => "MISSING_FOR_KIND",
            Self::NotInAReport { .. } => "NOT_IN_A_REPORT",
            Self::UnreadAnswer { .. } => "UNREAD_ANSWER",
            Self::ForeignAccount { .. } => "FOREIGN_ACCOUNT",
            Self::UnknownKind { .. } => "UNKNOWN_KIND",
            Self::WrongType { .. } => "WRONG_TYPE",
            Self::NotWhole { .. } => "NOT_WHOLE",
            Self::TooLong { .. } => "TOO_LONG",
            Self::Nul { .. } => "NUL",
            Self::Control { .. } => "CONTROL",
            Self::TooManySegments { .. } => "TOO_MANY_SEGMENTS",
            Self::TooManyIdentities { .. } => "TOO_MANY_IDENTITIES",
            Self::BadIdentity { .. } => "BAD_IDENTITY",
            Self::BadChannel { .. } => "BAD_CHANNEL",
            Self::UnreadableTime { .. } => "UNREADABLE_TIME",
            Self::TooEarly { .. } => "TOO_EARLY",
            Self::TooFarAhead { .. } => "TOO_FAR_AHEAD",
            Self::BeyondRetention { .. } => "BEYOND_RETENTION",
            Self::UnknownAuthor { .. } => "UNKNOWN_AUTHOR",
            Self::NotTheClient { .. } => "NOT_THE_CLIENT",
            Self::ClientOutbound { .. } => "CLIENT_OUTBOUND",
            Self::UnknownFailureReason { .. } => "UNKNOWN_FAILURE_REASON",
            Self::MarkNotANumber { .. } => "MARK_NOT_A_NUMBER",
            Self::BadScale { .. } => "BAD_SCALE",
            Self::BadScore { .. } => "BAD_SCORE",
            Self::BadAmount { .. } => "BAD_AMOUNT",
            Self::AmountTooPrecise { .. } => "AMOUNT_TOO_PRECISE",
            Self::NegativeConversion { .. } => "NEGATIVE_CONVERSION",
            Self::BadCurrency { .. } => "BAD_CURRENCY",
            Self::NoCurrency { .. } => "NO_CURRENCY",
            Self::Refused { .. } => "REFUSED",
        }
    }
}

/// The most characters of a value that a message repeats: enough to find it, too few to flood a receipt.
const EXCERPT_CHARS_MAX: usize = 60;

/// A value as a message shows it: quoted, its control characters escaped, its end cut.
pub(super) fn excerpt(value: &str) -> String {
    let mut shown: String = value.chars().take(EXCERPT_CHARS_MAX).flat_map(char::escape_debug).collect();
    if value.chars().nth(EXCERPT_CHARS_MAX).is_some() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}
