//! Channels, and what each of them can know.
//!
//! One table says which signal a channel supplies and how exactly; quality and coverage of every metric come
//! from it, and `channels` in the API shows it. Source of the entries: the platforms' own documentation.

use std::fmt;

/// A messenger, or the name that a tenant's own source uses. Upper case, at most 32 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel(String);

impl Channel {
    /// The longest name: enough for any product's name, short enough to show.
    pub const CHARS_MAX: usize = 32;

    /// Parses a name; case does not matter. `None` when it is empty, too long or has other characters than
    /// letters, digits, `_` and `-`.
    pub fn parse(name: &str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || Self::CHARS_MAX < name.len() || !name.chars().all(allowed) {
            return None;
        }
        Some(Self(name.to_ascii_uppercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that a channel may or may not report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    Inbound,
    Delivered,
    Read,
    Failed,
    OptedOut,
    Blocked,
    Muted,
    Clicked,
    Source,
}

impl Signal {
    pub const ALL: [Signal; 9] = [
        Signal::Inbound,
        Signal::Delivered,
        Signal::Read,
        Signal::Failed,
        Signal::OptedOut,
        Signal::Blocked,
        Signal::Muted,
        Signal::Clicked,
        Signal::Source,
    ];

    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::OptedOut => "optedOut",
            Self::Blocked => "blocked",
            Self::Muted => "muted",
            Self::Clicked => "clicked",
            Self::Source => "source",
        }
    }
}

/// How well a signal is known, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Exact,
    /// True values can only be higher.
    LowerBound,
    Approximate,
    Unavailable,
}

impl Level {
    pub const ALL: [Level; 4] = [Level::Exact, Level::LowerBound, Level::Approximate, Level::Unavailable];

    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "EXACT",
            Self::LowerBound => "LOWER_BOUND",
            Self::Approximate => "APPROXIMATE",
            Self::Unavailable => "UNAVAILABLE",
        }
    }

    /// What it says of a number.
    pub fn definition(self) -> &'static str {
        match self {
            Self::Exact => "Every case is seen.",
            Self::LowerBound => "Not every case is seen: the true value can only be higher.",
            Self::Approximate => "Cases are seen indirectly: the true value is near.",
            Self::Unavailable => {
                "No channel or account of the selection can tell: what depends on it is null, not zero."
            }
        }
    }
}

/// What one channel can supply.
#[derive(Debug)]
pub struct Capabilities {
    pub channel: &'static str,
    levels: [Level; Signal::ALL.len()],
    /// Why a level is below exact, for people.
    pub note: &'static str,
}

impl Capabilities {
    pub fn level(&self, signal: Signal) -> Level {
        self.levels[signal as usize]
    }
}

const E: Level = Level::Exact;
const L: Level = Level::LowerBound;
const A: Level = Level::Approximate;
const U: Level = Level::Unavailable;

/// The known channels. Columns in the order of [`Signal::ALL`]:
/// inbound, delivered, read, failed, opted out, blocked, muted, clicked, source.
pub static CAPABILITIES: [Capabilities; 5] = [
    Capabilities {
        channel: "WHATSAPP",
        levels: [E, E, L, E, E, A, U, A, E],
        note: "Clients can switch read receipts off, so reads are a lower bound. A block is seen only as a failed \
               send that is ambiguous.",
    },
    Capabilities {
        channel: "TELEGRAM",
        levels: [E, U, U, E, U, E, U, U, A],
        note: "A bot gets neither delivered nor read statuses.",
    },
    Capabilities {
        channel: "VIBER",
        levels: [E, E, A, E, U, E, U, U, A],
        note: "One seen event stands for the whole unread batch.",
    },
    Capabilities {
        channel: "MAX",
        levels: [E, U, U, A, U, E, E, U, A],
        note: "A bot gets neither delivered nor read statuses.",
    },
    Capabilities {
        channel: "VK",
        levels: [E, U, A, E, E, E, U, U, E],
        note: "A read is a watermark without a time of its own: it is dated at its arrival. Delivery is not reported.",
    },
];

/// Any other channel: the tenant's own source reports what it knows, and what it leaves out is not seen.
pub static OTHER: Capabilities = Capabilities {
    channel: "other",
    levels: [E, L, L, L, L, L, L, L, L],
    note: "A source of the tenant's own: what it does not report is not seen, so shares are lower bounds.",
};
