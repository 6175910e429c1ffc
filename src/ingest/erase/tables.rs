//! Every table of the database, and which of its rows an erasure removes. A test compares the list with the tables that there
//! are: whoever adds one says here what it holds of a person.
//!
//! Conditions name rows by the table `erasing` alone, never by what it lists: the engine keeps a statement that changes a
//! table on disk, word for word. [`super::listed`] says of which erasure.

/// What a table holds of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Rows, those for which this is true.
    Rows(&'static str),
    /// Raw texts: rows whose text (a column) tells of the person, found before and known by the text's hash.
    Texts(Text),
    /// Nothing, and why.
    Nothing(&'static str),
}

/// Where texts stand as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// The condition, in which the text's hash is looked up.
    pub condition: &'static str,
    /// Finds the hashes of texts that name the person: goes on from a `WITH` clause and ends in a condition.
    pub search: &'static str,
}

/// Rows of a chat that is the person's alone.
const BY_CHAT: &str = "chat_key IN (SELECT key FROM erasing WHERE what = 'CHAT')";
const BY_MESSAGE: &str = "chat_key IN (SELECT key FROM erasing WHERE what = 'CHAT') \
     OR (chat_key, message_key) IN (SELECT key, other FROM erasing WHERE what = 'MESSAGE')";
const BY_DIALOG: &str = "dialog_key IN (SELECT key FROM erasing WHERE what = 'TOUCHED') \
     OR contact IN (SELECT name FROM erasing WHERE what = 'NAME')";
const BY_LINK: &str = "key IN (SELECT key FROM erasing WHERE what IN ('NAME', 'CHAT')) \
     OR other IN (SELECT key FROM erasing WHERE what IN ('NAME', 'CHAT'))";
const BY_EVENT: &str = "id IN (SELECT name FROM erasing WHERE what = 'EVENT') \
     OR contact IN (SELECT name FROM erasing WHERE what = 'NAME') \
     OR (chat_key != 0 AND chat_key IN (SELECT key FROM erasing WHERE what = 'CHAT'))";

/// A body as it was sent, also out of Base64 and out of a form's code.
const BODIES: &str = ", (SELECT groupArray(name) FROM erasing WHERE what = 'TOLD') AS told \
     SELECT DISTINCT of_tenant, of_erasure, 'TEXT', '', sipHash64(body), 0 FROM (SELECT tenant, connection, received_at, body, \
     if(startsWith(body, 'base64:'), tryBase64Decode(substring(body, 8)), body) AS sent, \
     concat(sent, ' ', decodeURLFormComponent(sent)) AS text FROM raw_payloads WHERE tenant = of_tenant AND notEmpty(body)) \
     WHERE (connection, received_at) IN (SELECT connection, received_at FROM events WHERE tenant = of_tenant \
     AND connection != '' AND id IN (SELECT name FROM erasing WHERE what = 'EVENT')) OR ";

/// A rejected line as it came, and what was said of it.
const LINES: &str = ", (SELECT groupArray(name) FROM erasing WHERE what = 'TOLD') AS told \
     SELECT DISTINCT of_tenant, of_erasure, 'REJECTED', key, 0, 0 FROM (SELECT key, concat(\
     if(startsWith(raw, 'base64:'), tryBase64Decode(substring(raw, 8)), raw), ' ', event_id, ' ', reason) AS text \
     FROM rejected_events WHERE tenant = of_tenant) WHERE ";

/// In the order in which they are erased: what others follow from comes last.
pub static TABLES: &[(&str, Holds)] = &[
    ("derived_messages", Holds::Rows(BY_DIALOG)),
    ("derived_clients", Holds::Rows(BY_DIALOG)),
    ("derived_cycles", Holds::Rows(BY_DIALOG)),
    ("derived_steps", Holds::Rows(BY_DIALOG)),
    ("derived_refusals", Holds::Rows(BY_DIALOG)),
    (
        "threads",
        Holds::Rows(
            "thread_key IN (SELECT key FROM erasing WHERE what IN ('CHAT', 'DIALOG')) \
             OR dialog_key IN (SELECT key FROM erasing WHERE what = 'DIALOG')",
        ),
    ),
    ("stale_threads", Holds::Rows("thread_key IN (SELECT key FROM erasing WHERE what IN ('CHAT', 'DIALOG'))")),
    ("messages", Holds::Rows(BY_MESSAGE)),
    ("ambiguous_failures", Holds::Rows(BY_MESSAGE)),
    ("read_marks", Holds::Rows(BY_CHAT)),
    // In a chat that others share an instant stays: it is nobody's without its message.
    ("engagements", Holds::Rows(BY_CHAT)),
    (
        "dialog_events",
        Holds::Rows(
            "id IN (SELECT name FROM erasing WHERE what = 'EVENT') \
             OR dialog_key IN (SELECT key FROM erasing WHERE what IN ('CHAT', 'DIALOG'))",
        ),
    ),
    ("survey_events", Holds::Rows(BY_EVENT)),
    ("conversion_events", Holds::Rows(BY_EVENT)),
    (
        "contact_events",
        Holds::Rows(
            "id IN (SELECT name FROM erasing WHERE what = 'EVENT') \
             OR contact IN (SELECT name FROM erasing WHERE what = 'NAME')",
        ),
    ),
    ("identity_links", Holds::Rows(BY_LINK)),
    ("stale_links", Holds::Rows(BY_LINK)),
    // Of the persons that those were part of every name: who stays is joined anew, by what links are left.
    (
        "people",
        Holds::Rows(
            "person_key IN (SELECT key FROM erasing WHERE what = 'PERSON') \
             OR name_key IN (SELECT key FROM erasing WHERE what IN ('NAME', 'CHAT', 'KIN'))",
        ),
    ),
    (
        "linked_contacts",
        Holds::Rows(
            "name_key IN (SELECT key FROM erasing WHERE what = 'NAME') \
             OR chat_key IN (SELECT key FROM erasing WHERE what = 'CHAT')",
        ),
    ),
    ("deal_facts", Holds::Rows("deal IN (SELECT name FROM erasing WHERE what = 'NAME')")),
    ("pending_lookups", Holds::Rows("lookup IN (SELECT name FROM erasing WHERE what IN ('NAME', 'LOOKUP'))")),
    (
        "raw_payloads",
        Holds::Texts(Text {
            condition: "notEmpty(body) AND sipHash64(body) IN (SELECT key FROM erasing WHERE what = 'TEXT')",
            search: BODIES,
        }),
    ),
    (
        "rejected_events",
        Holds::Texts(Text { condition: "key IN (SELECT name FROM erasing WHERE what = 'REJECTED')", search: LINES }),
    ),
    // The last of all: from it everything else could be found again.
    ("events", Holds::Rows("id IN (SELECT name FROM erasing WHERE what = 'EVENT')")),
    ("reporting_accounts", Holds::Nothing("accounts of the company")),
    ("derived_by", Holds::Nothing("rules, and that a tenant closes dialogs")),
    ("fed", Holds::Nothing("a number")),
    ("derivation_leases", Holds::Nothing("names of processes")),
    ("business_hours", Holds::Nothing("who set them is no contact")),
    ("history_positions", Holds::Nothing("numbers of pages")),
    ("erasures", Holds::Nothing("the evidence: a hash of the name")),
    ("erasing", Holds::Nothing("emptied by the erasure itself")),
    ("retiring", Holds::Nothing("hashes and ids for as long as rows are being removed, emptied afterwards")),
    ("schema_migrations", Holds::Nothing("names of our files")),
    ("inbox", Holds::Nothing("passes through")),
    ("arrivals", Holds::Nothing("passes through")),
    ("deriving_threads", Holds::Nothing("in memory, emptied after each run")),
    ("deriving_dialogs", Holds::Nothing("in memory, emptied after each run")),
    ("deriving_chats", Holds::Nothing("in memory, emptied after each run")),
    ("deriving_messages", Holds::Nothing("in memory, emptied after each run")),
    ("deriving_steps", Holds::Nothing("in memory, emptied after each run")),
];

/// The tables of which rows are removed, with their conditions.
pub fn erased() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLES.iter().filter_map(|(table, holds)| match holds {
        Holds::Rows(condition) => Some((*table, *condition)),
        Holds::Texts(text) => Some((*table, text.condition)),
        Holds::Nothing(_) => None,
    })
}

pub fn texts() -> impl Iterator<Item = Text> {
    TABLES.iter().filter_map(|(_, holds)| match holds {
        Holds::Texts(text) => Some(*text),
        Holds::Rows(_) | Holds::Nothing(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_the_list_only_so_that_it_can_be_said_of_which_erasure() {
        let searches = texts().map(|text| text.search);
        for text in erased().map(|(_, condition)| condition).chain(searches) {
            assert!(!text.replace("FROM erasing WHERE ", "").contains("erasing"), "{text}");
            let conditions = text.split("FROM erasing WHERE ").skip(1).filter_map(|rest| rest.split(')').next());
            assert!(
                conditions.into_iter().all(|condition| !condition.contains(" OR ")),
                "{text}: it is about others too"
            );
        }
    }
}
