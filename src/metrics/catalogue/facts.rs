//! The facts: which view holds the rows, what it must be told, and the columns that derive from a query's own terms.

use crate::metrics::schedule::Boundaries;
use crate::metrics::terms::{Attribution, ResponseKind, Terms};
use crate::model::Signal;
use crate::sql::Sql;

use super::record::{self, Record};
use super::{Dimension, STATUS_SETTLE_MS, sight};

/// A view of rows that metrics aggregate.
#[derive(Debug)]
pub struct Fact {
    /// What its rows are, in the plural, for people.
    pub name: &'static str,
    /// The call of the parameterised view, up to the opening parenthesis.
    pub view: &'static str,
    /// What the view must be told beside scope and range.
    pub arguments: &'static [Derived],
    /// Columns that depend on the query: the present time, the channels that can see a signal.
    pub derived: &'static [Derived],
    pub rows: Rows,
    pub dimensions: &'static [Dimension],
    /// What its rows are, one by one; `None` where they are cycles of dialogs.
    pub record: Option<&'static Record>,
    /// The dialogs that its rows are, or lie in.
    pub dialogs: &'static Record,
}

impl Fact {
    /// What can be shown of its rows.
    pub fn records(&self) -> impl Iterator<Item = &'static Record> + use<> {
        self.record.into_iter().chain([self.dialogs])
    }
}

/// Where the rows of a view lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Each at one time in the range.
    InRange,
    /// Each at one time; some before the range, which do not count.
    AlsoBefore,
    /// Each from `at` until `closed_at`, overlapping the range; a row counts in every step that it overlaps.
    Spans,
}

/// A named value that depends on the question. Later columns may use earlier ones.
#[derive(Debug)]
pub struct Derived {
    pub name: &'static str,
    pub sql: fn(&Terms) -> Sql,
}

use Dimension::*;

static MESSAGE_DIMENSIONS: [Dimension; 16] = [
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
    Source,
];

/// What rows have that are a message or a turn.
static TURN_DIMENSIONS: [Dimension; 15] = [
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
    Source,
];

/// What rows have that stand for several messages.
static DIALOG_DIMENSIONS: [Dimension; 13] =
    [Channel, Account, Operator, Team, Segment, Campaign, Scenario, Hour, Weekday, Day, Week, Month, Source];

static CONVERSION_DIMENSIONS: [Dimension; 14] = [
    Channel,
    Account,
    Operator,
    Team,
    Segment,
    Campaign,
    Scenario,
    Hour,
    Weekday,
    Day,
    Week,
    Month,
    ConversionKind,
    Source,
];

/// What rows have that last.
static SPAN_DIMENSIONS: [Dimension; 8] = [Channel, Account, Operator, Team, Segment, Campaign, Scenario, Source];

pub static MESSAGES: Fact = Fact {
    name: "messages",
    view: "fact_messages(",
    arguments: &[],
    derived: &[
        Derived { name: "sees_delivered", sql: |_| sight::reported(Signal::Delivered) },
        Derived { name: "sees_read", sql: |_| sight::reported(Signal::Read) },
        Derived { name: "settled", sql: settled },
        Derived { name: "reason", sql: |_| Sql::new(REASON) },
        Derived { name: "read_in_time", sql: read_in_time },
    ],
    rows: Rows::InRange,
    dimensions: &MESSAGE_DIMENSIONS,
    record: Some(&record::OUTBOUND),
    dialogs: &record::DIALOGS,
};

pub static ENGAGEMENTS: Fact = Fact {
    name: "accepted messages",
    view: "fact_engagements(",
    arguments: &[],
    derived: &[],
    rows: Rows::InRange,
    dimensions: &TURN_DIMENSIONS,
    record: Some(&record::ACCEPTED),
    dialogs: &record::DIALOGS,
};

pub static CLIENT_MESSAGES: Fact = Fact {
    name: "client messages",
    view: "fact_client_messages(",
    arguments: &[],
    derived: &[],
    rows: Rows::InRange,
    dimensions: &TURN_DIMENSIONS,
    record: Some(&record::INBOUND),
    dialogs: &record::DIALOGS,
};

pub static TURNS: Fact = Fact {
    name: "turns",
    view: "fact_turns(",
    arguments: &[
        Derived { name: "bot_stops", sql: |terms| bound(i64::from(terms.response.bot_stops)) },
        Derived { name: "boundaries", sql: |terms| open_time(terms, Boundaries::at_text) },
        Derived { name: "opens", sql: |terms| open_time(terms, Boundaries::is_open_text) },
        Derived { name: "counted", sql: |terms| open_time(terms, Boundaries::open_ms_text) },
    ],
    derived: &[
        Derived { name: "of_kind", sql: of_kind },
        Derived { name: "is_closed", sql: is_closed },
        Derived { name: "has_target", sql: |terms| bound(i64::from(terms.response.target_seconds.is_some())) },
        Derived { name: "in_target", sql: in_target },
    ],
    rows: Rows::InRange,
    dimensions: &TURN_DIMENSIONS,
    record: Some(&record::TURNS),
    dialogs: &record::DIALOGS,
};

/// Cycles of dialogs that opened in the range.
pub static OPENED_DIALOGS: Fact = Fact {
    name: "dialogs by their opening",
    view: "fact_dialogs(",
    arguments: &[],
    derived: &[Derived { name: "is_closed", sql: is_closed }, Derived { name: "is_silent", sql: is_silent }],
    rows: Rows::AlsoBefore,
    dimensions: &DIALOG_DIMENSIONS,
    record: None,
    dialogs: &record::CYCLES,
};

/// Cycles of dialogs that are open at any time of the range.
pub static OPEN_DIALOGS: Fact = Fact {
    name: "open dialogs",
    view: "fact_dialogs(",
    arguments: &[],
    derived: &[],
    rows: Rows::Spans,
    dimensions: &SPAN_DIMENSIONS,
    record: None,
    dialogs: &record::CYCLES,
};

pub static SESSIONS: Fact = Fact {
    name: "sessions",
    view: "fact_sessions(",
    arguments: &[Derived { name: "gap_ms", sql: |terms| bound(terms.inactivity_ms()) }],
    derived: &[],
    rows: Rows::InRange,
    dimensions: &DIALOG_DIMENSIONS,
    record: Some(&record::SESSIONS),
    dialogs: &record::DIALOGS,
};

pub static SURVEYS: Fact = Fact {
    name: "surveys",
    view: "fact_surveys(",
    arguments: &[],
    derived: &[],
    rows: Rows::InRange,
    dimensions: &DIALOG_DIMENSIONS,
    record: Some(&record::SURVEYS),
    dialogs: &record::DIALOGS,
};

pub static CONVERSIONS: Fact = Fact {
    name: "dialogs with their conversions",
    view: "fact_conversions(",
    arguments: &[
        Derived { name: "window_ms", sql: |terms| bound(terms.window_ms()) },
        Derived { name: "attribution", sql: attribution },
        Derived { name: "actions", sql: actions },
    ],
    derived: &[],
    rows: Rows::InRange,
    dimensions: &CONVERSION_DIMENSIONS,
    record: None,
    dialogs: &record::CONVERTED_CYCLES,
};

pub static REACH: Fact = Fact {
    name: "contacts reached and lost",
    view: "fact_reach(",
    arguments: &[],
    derived: &[Derived { name: "sees_muted", sql: |_| sight::sees(Signal::Muted) }],
    rows: Rows::InRange,
    dimensions: &TURN_DIMENSIONS,
    record: Some(&record::CONTACTS),
    dialogs: &record::DIALOGS,
};

/// Every fact, for tests that loop over them.
pub static FACTS: [&Fact; 10] = [
    &MESSAGES,
    &ENGAGEMENTS,
    &CLIENT_MESSAGES,
    &TURNS,
    &OPENED_DIALOGS,
    &OPEN_DIALOGS,
    &SESSIONS,
    &SURVEYS,
    &CONVERSIONS,
    &REACH,
];

/// Why a message is counted as failed; empty when it is not.
const REASON: &str = "multiIf(failed, if(failure_reason = '', 'UNKNOWN', failure_reason), \
                      known AND sees_delivered AND delivered_ms = 0 AND settled, 'NO_STATUS', '')";

fn bound(value: impl Into<crate::sql::Value>) -> Sql {
    let mut sql = Sql::new("");
    sql.bind(value);
    sql
}

fn open_time(terms: &Terms, list: fn(&Boundaries) -> String) -> Sql {
    bound(match &terms.response.open {
        Some(boundaries) => list(boundaries),
        None => list(&Boundaries::always()),
    })
}

fn settled(terms: &Terms) -> Sql {
    let mut sql = Sql::new("at <= ");
    sql.bind(terms.now - STATUS_SETTLE_MS);
    sql
}

fn read_in_time(terms: &Terms) -> Sql {
    let mut sql = Sql::new("read_ms > 0");
    if let Some(hours) = terms.read_within_hours {
        sql.push(" AND read_ms - at <= ").bind(i64::from(hours) * 3_600_000);
    }
    sql
}

fn of_kind(terms: &Terms) -> Sql {
    Sql::new(match terms.response.kind {
        ResponseKind::First => "starts_cycle",
        ResponseKind::Next => "NOT starts_cycle",
        ResponseKind::All => "true",
    })
}

fn is_closed(terms: &Terms) -> Sql {
    let mut sql = Sql::new("closed_at > 0 AND closed_at <= ");
    sql.bind(terms.now);
    sql
}

fn in_target(terms: &Terms) -> Sql {
    let mut sql = Sql::new("is_answered AND response_ms <= ");
    sql.bind(i64::from(terms.response.target_seconds.unwrap_or(0)) * 1_000);
    sql
}

/// Nobody came back within 72 hours after the last message, and they are over.
fn is_silent(terms: &Terms) -> Sql {
    let mut sql = Sql::new("NOT is_resumed AND last_at <= ");
    sql.bind(terms.now - 72 * 3_600_000);
    sql
}

fn attribution(terms: &Terms) -> Sql {
    bound(match terms.conversion.attribution {
        Attribution::LastTouch => 0,
        Attribution::FirstTouch => 1,
        Attribution::Linear => 2,
    })
}

fn actions(terms: &Terms) -> Sql {
    let mut sql = Sql::new("");
    sql.bind_list(terms.conversion.actions.iter().map(String::as_str));
    sql
}
