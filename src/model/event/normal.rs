//! A normalised event: what a batch stores, one field a column.
//!
//! Only `ingest::normalise` makes one, so every value here is within its limits and means what its name says.
//! An empty string stands for "not said".

use super::Kind;
use crate::model::clock::Millis;

/// An event that passed every rule.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalEvent {
    pub id: String,
    pub kind: Kind,
    pub at: Millis,
    pub received_at: Millis,
    pub clock: TimeSource,
    pub channel: String,
    pub account: String,
    pub chat: String,
    pub contact: String,
    /// Other names of the contact, each `kind:value`.
    pub identities: Vec<String>,
    pub dialog: String,
    pub message: String,
    pub operator: String,
    pub team: String,
    pub author: Option<Author>,
    pub assisted: bool,
    pub segments: Vec<String>,
    pub campaign: String,
    pub scenario: String,
    pub template: String,
    pub source: String,
    pub message_kind: String,
    pub failure_code: String,
    pub failure_reason: Option<FailureReason>,
    pub survey_id: String,
    pub survey_score: Option<f64>,
    pub survey_scale: Option<i64>,
    pub conversion_action: String,
    pub conversion_value: Option<Amount>,
    pub conversion_currency: String,
    pub conversion_order: String,
    pub cost_amount: Option<Amount>,
    pub cost_currency: String,
    pub cost_category: String,
    pub consent_purpose: String,
    pub consent_text_version: String,
    pub link_url: String,
    pub attributes: Vec<(String, String)>,
}

/// An amount of money in ten-thousandths of the currency's unit: four decimals, as the tables keep them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub i64);

impl Amount {
    pub const DECIMALS: u8 = 4;
    /// Digits that the column `Decimal(18, 4)` holds.
    pub const DIGITS: u8 = 18;
}

/// Whose time `at` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSource {
    /// The source's.
    Occurred,
    /// Ours: the source gave none.
    Missing,
    /// Ours: the source's clock ran ahead.
    Ahead,
}

impl TimeSource {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Occurred => "OCCURRED",
            Self::Missing => "MISSING",
            Self::Ahead => "AHEAD",
        }
    }
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, schemars::JsonSchema)]
#[schemars(rename_all = "UPPERCASE")]
pub enum Author {
    Client,
    Operator,
    Bot,
    /// A broadcast, greeting, away message or trigger.
    Automation,
    System,
    Unknown,
}

impl Author {
    pub const NAMES: &str = "CLIENT, OPERATOR, BOT, AUTOMATION, SYSTEM or UNKNOWN";

    const ALL: [Self; 6] = [Self::Client, Self::Operator, Self::Bot, Self::Automation, Self::System, Self::Unknown];

    /// The author of this name; case does not matter.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|author| author.as_str().eq_ignore_ascii_case(name))
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "CLIENT",
            Self::Operator => "OPERATOR",
            Self::Bot => "BOT",
            Self::Automation => "AUTOMATION",
            Self::System => "SYSTEM",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// Why a message could not be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, schemars::JsonSchema)]
pub enum FailureReason {
    /// No such account, or it cannot be reached.
    #[schemars(rename = "RECIPIENT")]
    Recipient,
    /// The contact opted out, blocked or stopped the sender.
    #[schemars(rename = "OPT_OUT")]
    OptOut,
    /// The platform's rules: a closed window, a paused template.
    #[schemars(rename = "POLICY")]
    Policy,
    /// The sender's account: locked, unpaid, misconfigured.
    #[schemars(rename = "SENDER")]
    Sender,
    /// It may work later: limits, outages.
    #[schemars(rename = "TRANSIENT")]
    Transient,
    #[schemars(rename = "UNKNOWN")]
    Unknown,
}

impl FailureReason {
    pub const NAMES: &str = "RECIPIENT, OPT_OUT, POLICY, SENDER, TRANSIENT or UNKNOWN";

    const ALL: [Self; 6] = [Self::Recipient, Self::OptOut, Self::Policy, Self::Sender, Self::Transient, Self::Unknown];

    /// The reason of this name; case does not matter.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str().eq_ignore_ascii_case(name))
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recipient => "RECIPIENT",
            Self::OptOut => "OPT_OUT",
            Self::Policy => "POLICY",
            Self::Sender => "SENDER",
            Self::Transient => "TRANSIENT",
            Self::Unknown => "UNKNOWN",
        }
    }
}
