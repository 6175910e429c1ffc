//! Every table of a database, and what a replay does with it. A test compares the list with the tables that there are:
//! whoever adds one says here what it is.

/// What a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// What was told from outside, a row an event or fact, with `tenant`, `connection` and `received_at`: built anew from
    /// the archive where it tells it, copied where it does not, and published.
    Told(&'static [Door], Rows),
    /// What follows from that, by feeds or by derivation: never copied, for it follows in the scratch database too;
    /// published.
    Follows,
    /// What people set, and what is kept for itself: neither copied nor published.
    Stays,
    /// Nothing: rows pass through, or stand there while a run lasts.
    Nothing,
}

/// How often a log has one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Once.
    Once,
    /// Perhaps several times until the engine merges them.
    Merging,
}

/// A table to which rows of a log go when it is copied, and which columns of them; none names all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    pub table: &'static str,
    pub columns: &'static [&'static str],
}

/// Rows of `events` in another database belong to no batch of it: nothing of them is still to be written.
pub const OF_NO_BATCH: &str = "* REPLACE (toUInt64(0) AS batch)";

/// The order in which an event is stored where what follows from it comes before it: see `ingest::commit`.
const DOORS_OF_EVENTS: &[Door] = &[
    Door { table: "inbox", columns: &["* EXCEPT (batch)"] },
    Door { table: "arrivals", columns: &crate::ingest::batch::ARRIVALS },
    Door { table: "events", columns: &[OF_NO_BATCH] },
];

pub static TABLES: &[(&str, Holds)] = &[
    ("events", Holds::Told(DOORS_OF_EVENTS, Rows::Once)),
    // What is told again stands there until the engine merges it.
    ("deal_facts", Holds::Told(&[Door { table: "deal_facts", columns: &[] }], Rows::Merging)),
    ("messages", Holds::Follows),
    ("read_marks", Holds::Follows),
    ("engagements", Holds::Follows),
    ("dialog_events", Holds::Follows),
    ("reporting_accounts", Holds::Follows),
    ("survey_events", Holds::Follows),
    ("conversion_events", Holds::Follows),
    ("contact_events", Holds::Follows),
    ("ambiguous_failures", Holds::Follows),
    ("threads", Holds::Follows),
    ("derived_messages", Holds::Follows),
    ("derived_clients", Holds::Follows),
    ("derived_cycles", Holds::Follows),
    ("derived_steps", Holds::Follows),
    ("derived_refusals", Holds::Follows),
    // That the tenant closes dialogs. The row of all rules has no tenant and stays.
    ("derived_by", Holds::Follows),
    // What is still to be derived: nothing of the scratch database.
    ("stale_threads", Holds::Follows),
    ("identity_links", Holds::Follows),
    ("linked_contacts", Holds::Follows),
    ("people", Holds::Follows),
    ("stale_links", Holds::Follows),
    ("business_hours", Holds::Stays),
    ("pending_lookups", Holds::Stays),
    ("history_positions", Holds::Stays),
    ("raw_payloads", Holds::Stays),
    ("rejected_events", Holds::Stays),
    ("erasures", Holds::Stays),
    ("erasing", Holds::Stays),
    ("retiring", Holds::Stays),
    ("fed", Holds::Stays),
    ("derivation_leases", Holds::Stays),
    ("schema_migrations", Holds::Stays),
    ("inbox", Holds::Nothing),
    ("arrivals", Holds::Nothing),
    ("deriving_threads", Holds::Nothing),
    ("deriving_dialogs", Holds::Nothing),
    ("deriving_chats", Holds::Nothing),
    ("deriving_messages", Holds::Nothing),
    ("deriving_steps", Holds::Nothing),
];

/// Logs of what was told, with their doors.
pub fn told() -> impl Iterator<Item = (&'static str, &'static [Door], Rows)> {
    TABLES.iter().filter_map(|(table, holds)| match holds {
        Holds::Told(doors, rows) => Some((*table, *doors, *rows)),
        Holds::Follows | Holds::Stays | Holds::Nothing => None,
    })
}

/// Tables whose rows of a tenant are replaced when a replay is published.
pub fn published() -> impl Iterator<Item = &'static str> {
    TABLES.iter().filter(|(_, holds)| matches!(holds, Holds::Told(..) | Holds::Follows)).map(|(table, _)| *table)
}
