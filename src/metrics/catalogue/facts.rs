//! The facts: which view holds the rows, and the columns that derive from a query's own terms.

use crate::metrics::query::Terms;
use crate::model::channel::{CAPABILITIES, OTHER};
use crate::model::{Level, Signal};
use crate::sql::Sql;

use super::{Dimension, STATUS_SETTLE_MS};

/// A view of rows that metrics aggregate.
#[derive(Debug)]
pub struct Fact {
    pub name: &'static str,
    /// The call of the parameterised view, up to the opening parenthesis.
    pub view: &'static str,
    /// A cheaper view of the same rows without `operator`, `team` and the columns of whole dialogs.
    pub plain_view: Option<&'static str>,
    /// Columns that depend on the query: the present time, the channels that can see a signal.
    pub derived: &'static [Derived],
    pub dimensions: &'static [Dimension],
}

/// A column computed beside the view's own. Later ones may use earlier ones.
#[derive(Debug)]
pub struct Derived {
    pub name: &'static str,
    pub sql: fn(&Terms) -> Sql,
}

use Dimension::*;

/// What rows of every fact so far have.
static COMMON: [Dimension; 15] = [
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

pub static MESSAGES: Fact = Fact {
    name: "messages",
    view: "fact_messages(",
    plain_view: None,
    derived: &[
        Derived { name: "sees_delivered", sql: |_| sees(Signal::Delivered) },
        Derived { name: "sees_read", sql: |_| sees(Signal::Read) },
        Derived { name: "settled", sql: settled },
        Derived { name: "reason", sql: |_| Sql::new(REASON) },
        Derived { name: "read_in_time", sql: read_in_time },
    ],
    dimensions: &[
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
    ],
};

pub static ENGAGEMENTS: Fact =
    Fact { name: "engagements", view: "fact_engagements(", plain_view: None, derived: &[], dimensions: &COMMON };

pub static CLIENT_MESSAGES: Fact = Fact {
    name: "client messages",
    view: "fact_client_messages(",
    plain_view: Some("fact_inbound("),
    derived: &[],
    dimensions: &COMMON,
};

/// The column of `fact_client_messages` that its plain view does not have.
pub const TURN_COLUMN: &str = "starts_turn";

/// Every fact, for tests that loop over them.
pub static FACTS: [&Fact; 3] = [&MESSAGES, &ENGAGEMENTS, &CLIENT_MESSAGES];

/// Why a message is counted as failed; empty when it is not.
const REASON: &str = "multiIf(failed, if(failure_reason = '', 'UNKNOWN', failure_reason), \
                      known AND sees_delivered AND delivered_ms = 0 AND settled, 'NO_STATUS', '')";

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

/// Whether a row's channel can report the signal, and its account reports any status.
fn sees(signal: Signal) -> Sql {
    let mut sql = Sql::new("reports AND channel NOT IN ");
    sql.bind_list(channels_at(signal, Level::Unavailable));
    sql
}

/// How well a row's channel reports the signal: 0 exact, 1 lower bound, 2 approximate, 3 unavailable.
pub fn level(signal: Signal) -> Sql {
    let mut sql = Sql::new("multiIf(");
    if matches!(signal, Signal::Delivered | Signal::Read) {
        sql.push("NOT reports, ").bind(Level::Unavailable as i64).push(", ");
    }
    for level in [Level::Exact, Level::LowerBound, Level::Approximate, Level::Unavailable] {
        let channels = channels_at(signal, level);
        if !channels.is_empty() {
            sql.push("channel IN ").bind_list(channels).push(", ").bind(level as i64).push(", ");
        }
    }
    sql.bind(OTHER.level(signal) as i64).push(")");
    sql
}

fn channels_at(signal: Signal, level: Level) -> Vec<&'static str> {
    CAPABILITIES.iter().filter(|known| known.level(signal) == level).map(|known| known.channel).collect()
}
