//! What of a cohort can be known: which channels report a signal, and how well.

use crate::model::channel::{CAPABILITIES, Capabilities, OTHER};
use crate::model::{Level, Signal};
use crate::sql::Sql;

/// How well the rows of a cohort are known.
#[derive(Clone, Copy, Debug)]
pub enum Sees {
    /// Every row is known as it is.
    Everything,
    /// As well as its channel reports the best of these signals, and, where it is a status, its account any.
    Signals(&'static [Signal]),
    /// As an expression over the row says: 0 exact, 1 lower bound, 2 approximate, 3 unavailable.
    Row { level: &'static str, signal: &'static str },
}

impl Sees {
    /// The level of a row as a number, over the columns of the fact.
    pub fn level(self) -> Sql {
        match self {
            Self::Everything => Sql::new("0"),
            Self::Row { level, .. } => Sql::new(level),
            Self::Signals(signals) => level_of(signals),
        }
    }

    /// What is reported or not, for people.
    pub fn signal(self) -> String {
        match self {
            Self::Everything => Signal::Inbound.name().to_owned(),
            Self::Row { signal, .. } => signal.to_owned(),
            Self::Signals(signals) => {
                let names: Vec<&str> = signals.iter().map(|signal| signal.name()).collect();
                names.join("` or `")
            }
        }
    }

    /// How well a channel supplies what the family rests on.
    pub fn level_on(self, channel: &Capabilities) -> Level {
        match self {
            Self::Signals(signals) => best(channel, signals),
            Self::Everything | Self::Row { .. } => channel.level(Signal::Inbound),
        }
    }
}

/// Whether a row's channel can report the signal, and its account reports any status.
pub fn reported(signal: Signal) -> Sql {
    let mut sql = Sql::new("reports AND ");
    sql.append(&sees(signal));
    sql
}

/// Whether a row's channel can report the signal.
pub fn sees(signal: Signal) -> Sql {
    let mut sql = Sql::new("channel NOT IN ");
    sql.bind_list(channels_at(&[signal], Level::Unavailable));
    sql
}

fn level_of(signals: &[Signal]) -> Sql {
    let mut sql = Sql::new("multiIf(");
    if signals.iter().any(|signal| matches!(signal, Signal::Delivered | Signal::Read)) {
        sql.push("NOT reports, ").bind(Level::Unavailable as i64).push(", ");
    }
    for level in Level::ALL {
        let channels = channels_at(signals, level);
        if !channels.is_empty() {
            sql.push("channel IN ").bind_list(channels).push(", ").bind(level as i64).push(", ");
        }
    }
    sql.bind(best(&OTHER, signals) as i64).push(")");
    sql
}

fn channels_at(signals: &[Signal], level: Level) -> Vec<&'static str> {
    CAPABILITIES.iter().filter(|known| best(known, signals) == level).map(|known| known.channel).collect()
}

fn best(channel: &Capabilities, signals: &[Signal]) -> Level {
    signals.iter().map(|signal| channel.level(*signal)).min().unwrap_or(Level::Exact)
}
