//! Which rows of which table go with what was found, in their order: what others are found by comes last, so that a removal
//! that breaks off finds the rest of it the next time. A test compares the list with what an erasure removes.
//!
//! Conditions name rows by the table `retiring` alone, and always with their tenant.

use super::Stage;

const BY_CHAT: &str = "(tenant, chat_key) IN (SELECT tenant, key FROM retiring WHERE what = 'CHAT')";
const BY_DIALOG: &str = "(tenant, dialog_key) IN (SELECT tenant, key FROM retiring WHERE what = 'DIALOG')";
const BY_THREAD: &str = "(tenant, thread_key) IN (SELECT tenant, key FROM retiring WHERE what = 'CHAT')";
const BY_ID: &str = "(tenant, id) IN (SELECT tenant, name FROM retiring WHERE what = 'EVENT')";
const BY_LINK: &str = "(tenant, key) IN (SELECT tenant, key FROM retiring WHERE what = 'NAME') \
     OR (tenant, other) IN (SELECT tenant, key FROM retiring WHERE what = 'NAME')";
const BY_NAME: &str = "(tenant, name_key) IN (SELECT tenant, key FROM retiring WHERE what = 'NAME')";

/// Chats and what happened in them, and what happened in none.
static HISTORY: &[(&str, &str)] = &[
    ("derived_messages", BY_DIALOG),
    ("derived_clients", BY_DIALOG),
    ("derived_cycles", BY_DIALOG),
    ("derived_steps", BY_DIALOG),
    ("derived_refusals", BY_DIALOG),
    ("messages", BY_CHAT),
    ("ambiguous_failures", BY_CHAT),
    ("dialog_events", "(tenant, dialog_key) IN (SELECT tenant, key FROM retiring WHERE what IN ('CHAT', 'DIALOG'))"),
    ("survey_events", BY_ID),
    ("conversion_events", BY_ID),
    ("contact_events", BY_ID),
    ("stale_threads", BY_THREAD),
    ("engagements", BY_CHAT),
    ("read_marks", BY_CHAT),
    ("threads", BY_THREAD),
];

/// Names of whom nothing is known any more, and what was known of them alone.
static NAMES: &[(&str, &str)] = &[
    ("contact_events", "(tenant, sipHash64(contact)) IN (SELECT tenant, key FROM retiring WHERE what = 'NAME')"),
    (
        "derived_refusals",
        "dialog_key = 0 AND (tenant, if(contact = '', chat_key, sipHash64(contact))) IN \
         (SELECT tenant, key FROM retiring WHERE what = 'NAME')",
    ),
    ("identity_links", BY_LINK),
    ("stale_links", BY_LINK),
    ("linked_contacts", BY_NAME),
    ("people", BY_NAME),
];

/// An edge that is not there is 0, before which nothing is.
static LOG: &[(&str, &str)] = &[
    ("deal_facts", "(tenant, deal) IN (SELECT tenant, name FROM retiring WHERE what = 'DEAL')"),
    (
        "events",
        "toUnixTimestamp64Milli(at) < (SELECT toInt64(max(key)) FROM retiring WHERE what = 'EDGE') \
         AND (tenant, sipHash64(channel, account, chat)) NOT IN (SELECT tenant, key FROM retiring WHERE what = 'HERE') \
         AND (tenant, sipHash64(dialog)) NOT IN (SELECT tenant, key FROM retiring WHERE what = 'HERE') \
         AND (tenant, id) NOT IN (SELECT tenant, name FROM retiring WHERE what = 'STATE')",
    ),
];

/// The tables of a stage, with their conditions.
pub(super) fn of(stage: Stage) -> &'static [(&'static str, &'static str)] {
    match stage {
        Stage::History => HISTORY,
        Stage::Names => NAMES,
        Stage::Log => LOG,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ingest::erase::tables::erased;

    #[test]
    fn what_an_erasure_removes_has_its_time_too() {
        // These have days of their own, after which the engine removes their rows.
        let own = ["raw_payloads", "rejected_events", "pending_lookups"];
        let listed: BTreeSet<&str> = Stage::ALL.into_iter().flat_map(of).map(|(table, _)| *table).chain(own).collect();
        assert_eq!(listed, erased().map(|(table, _)| table).collect(), "say when rows of a new table are removed");
    }
}
