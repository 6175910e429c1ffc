//! What rows can be grouped by.

/// A property of a row, as a key of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    Channel,
    Account,
    Operator,
    Team,
    Segment,
    Campaign,
    Scenario,
    Author,
    MessageKind,
    Hour,
    Weekday,
    Day,
    Week,
    Month,
    FailureReason,
    ConversionKind,
    Source,
}

impl Dimension {
    pub const ALL: [Dimension; 17] = [
        Self::Channel,
        Self::Account,
        Self::Operator,
        Self::Team,
        Self::Segment,
        Self::Campaign,
        Self::Scenario,
        Self::Author,
        Self::MessageKind,
        Self::Hour,
        Self::Weekday,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::FailureReason,
        Self::ConversionKind,
        Self::Source,
    ];

    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Channel => "CHANNEL",
            Self::Account => "ACCOUNT",
            Self::Operator => "OPERATOR",
            Self::Team => "TEAM",
            Self::Segment => "SEGMENT",
            Self::Campaign => "CAMPAIGN",
            Self::Scenario => "SCENARIO",
            Self::Author => "AUTHOR",
            Self::MessageKind => "MESSAGE_KIND",
            Self::Hour => "HOUR",
            Self::Weekday => "WEEKDAY",
            Self::Day => "DAY",
            Self::Week => "WEEK",
            Self::Month => "MONTH",
            Self::FailureReason => "FAILURE_REASON",
            Self::ConversionKind => "CONVERSION_KIND",
            Self::Source => "SOURCE",
        }
    }

    /// What its keys are, for the schema.
    pub fn definition(self) -> &'static str {
        match self {
            Self::Channel => "The messenger, for example WHATSAPP.",
            Self::Account => "The connected sender on a channel: a phone number, a bot, a community.",
            Self::Operator => "The operator to whom the row belongs; null when to nobody.",
            Self::Team => "The operator's team at the time of the event.",
            Self::Segment => {
                "A label of the contact at the time. A contact can have several, so parts can add up to more than the whole."
            }
            Self::Campaign => "The campaign that the message is part of.",
            Self::Scenario => "The bot scenario that the message is part of.",
            Self::Author => "CLIENT, OPERATOR, BOT, AUTOMATION, SYSTEM or UNKNOWN.",
            Self::MessageKind => "text, image, document, …",
            Self::Hour => "The local hour of the day, 0 to 23.",
            Self::Weekday => "The local day of the week, 1 (Monday) to 7 (Sunday).",
            Self::Day => "The local date, YYYY-MM-DD.",
            Self::Week => "The date of the local week's Monday, YYYY-MM-DD.",
            Self::Month => "The local month, YYYY-MM.",
            Self::FailureReason => {
                "Why it failed: RECIPIENT, OPT_OUT, POLICY, SENDER, TRANSIENT, NO_STATUS or UNKNOWN; null when it did not."
            }
            Self::ConversionKind => {
                "What the client did: purchase, registration, form, link_click or a name of the source's own."
            }
            Self::Source => "Where the contact came from: an ad, a link, a deep link's payload.",
        }
    }

    /// The expression of its key, as text; empty means none. `local` is the local time in milliseconds.
    pub fn expression(self) -> &'static str {
        match self {
            Self::Channel => "toString(channel)",
            Self::Account => "toString(account)",
            Self::Operator => "toString(operator)",
            Self::Team => "toString(team)",
            Self::Segment => "arrayJoin(if(empty(segments), [''], arrayDistinct(segments)))",
            Self::Campaign => "toString(campaign)",
            Self::Scenario => "toString(scenario)",
            Self::Author => "toString(author_kind)",
            Self::MessageKind => "toString(message_kind)",
            Self::Hour => "toString(intDiv(local, 3600000) % 24)",
            Self::Weekday => "toString((intDiv(local, 86400000) + 3) % 7 + 1)",
            Self::Day => "toString(toDate32(toInt32(intDiv(local, 86400000))))",
            Self::Week => "toString(toDate32(toInt32(intDiv(intDiv(local, 86400000) + 3, 7) * 7 - 3)))",
            Self::Month => "substring(toString(toDate32(toInt32(intDiv(local, 86400000)))), 1, 7)",
            Self::FailureReason => "toString(reason)",
            Self::ConversionKind => "toString(conversion_kind)",
            Self::Source => "toString(source)",
        }
    }
}
