//! What is older than its tenant lets it be kept, put into `retiring`: each statement finds by what those before it found.
//!
//! Chats that dialogs connect stay or go together: a figure of one can depend on the others.

use super::{Edges, Stage};
use crate::ingest::derive::first_number;
use crate::ingest::removal;
use crate::sql::Sql;
use crate::store::{Store, StoreError};

/// Steps from chat to dialog to chat. Who has longer chains keeps them, and is told so.
const STEPS_MAX: usize = 500;

/// How conditions name the list.
const PLACE: &str = "FROM retiring WHERE ";

/// Fills the emptied table for a stage. Returns whether there is anything to remove.
///
/// # Errors
/// When the engine fails.
pub(super) async fn fill(store: &dyn Store, tenant: &str, edges: Edges, stage: Stage) -> Result<bool, StoreError> {
    let find = |text, edge| find(tenant, edge, text);
    empty(store, tenant).await?;
    let (history, log) = (edges.history, edges.log);
    match stage {
        Stage::History => {
            store.execute_all(vec![find(FRESH, history), find(CANDIDATES, history)]).await?;
            if !connect(store, tenant, history).await? {
                tracing::warn!(%tenant, "dialogs connect too many chats, which are all kept");
                empty(store, tenant).await?;
                return Ok(false);
            }
            let texts = [CHATS, DIALOGS, SURVEYS, CONVERSIONS, STATES];
            store.execute_all(texts.map(|text| find(text, history)).into()).await?;
        }
        Stage::Names => {
            store.execute_all([HERE, TRACES, PERSONS, NAMES].map(|text| find(text, log)).into()).await?;
        }
        Stage::Log => {
            // The edge is the last: without what stays nothing is removed.
            store.execute_all([HERE, STATES_KEPT, DEALS, EDGE].map(|text| find(text, log)).into()).await?;
        }
    }
    let mut sql =
        Sql::new("SELECT count() FROM retiring WHERE what IN ('CHAT', 'EVENT', 'NAME', 'DEAL', 'EDGE') AND tenant = ");
    sql.bind_tenant(tenant);
    Ok(0 < first_number(&store.query(sql).await?, 0)?)
}

/// What is written before anything goes, so that figures that are kept do not change. To write it twice is harmless.
pub(super) fn keepsakes(tenant: &str, stage: Stage) -> Vec<Sql> {
    let insert = |into: &'static str, text: &'static str| {
        let mut sql = Sql::new(into);
        sql.push(" WITH ").bind_tenant(tenant).push(" AS of_tenant ").push(text);
        sql
    };
    match stage {
        // By whom a tenant was ever told of a sale says who is known to it. That a contact had left says whether it leaves
        // anew: the last refusal of a contact stays, of no dialog.
        Stage::History => {
            vec![insert("INSERT INTO linked_contacts", TOLD), insert("INSERT INTO derived_refusals", REFUSED)]
        }
        // That the tenant links contacts holds for all of its contacts.
        Stage::Names => vec![insert(
            "INSERT INTO linked_contacts",
            "SELECT DISTINCT tenant, toUInt64(0), toUInt64(0) FROM linked_contacts WHERE tenant = of_tenant",
        )],
        Stage::Log => Vec::new(),
    }
}

/// How many rows of a table are to go: counted by a change, which may read them all, and noted in the list.
pub(super) async fn count(
    store: &dyn Store,
    tenant: &str,
    table: &'static str,
    condition: &Sql,
) -> Result<u64, StoreError> {
    let mut counted = Sql::new("INSERT INTO retiring SELECT ");
    counted.bind_tenant(tenant).push(", 'COUNT', '', count() ").append(&removal::rows(tenant, table, condition));
    let mut sql = Sql::new("SELECT max(key) FROM retiring WHERE what = 'COUNT' AND tenant = ");
    sql.bind_tenant(tenant);
    store.execute_all(vec![counted]).await?;
    first_number(&store.query(sql).await?, 0)
}

/// A text in which the list is the tenant's part of it: of others something may be left.
pub(super) fn part(tenant: &str, text: &'static str) -> Sql {
    let mut sql = Sql::default().of_tenant(tenant);
    for (index, part) in text.split(PLACE).enumerate() {
        if 0 < index {
            sql.push(PLACE).push("tenant = ").bind_tenant(tenant).push(" AND ");
        }
        sql.push(part);
    }
    sql
}

/// Removes the list, of this tenant alone.
pub(super) async fn empty(store: &dyn Store, tenant: &str) -> Result<(), StoreError> {
    let mut sql = Sql::new("ALTER TABLE retiring DROP PARTITION ");
    sql.bind_tenant(tenant);
    store.execute_all(vec![sql]).await
}

/// A query that finds the tenant under the name `of_tenant` and an instant under `edge_ms`.
fn find(tenant: &str, edge: i64, query: &'static str) -> Sql {
    let mut sql = Sql::new("INSERT INTO retiring WITH ");
    sql.bind_tenant(tenant)
        .push(" AS of_tenant, ")
        .bind(edge)
        .push(" AS edge_ms, fromUnixTimestamp64Milli(edge_ms, 'UTC') AS edge ");
    sql.push(query);
    sql
}

/// Marks candidates that a dialog connects with what stays, step by step. Returns whether it came to an end.
async fn connect(store: &dyn Store, tenant: &str, edge: i64) -> Result<bool, StoreError> {
    let mut before = 0;
    for _ in 0..STEPS_MAX {
        store.execute_all(vec![find(tenant, edge, CONNECTED)]).await?;
        let mut sql = Sql::new("SELECT count() FROM retiring WHERE what = 'STAYS' AND tenant = ");
        sql.bind_tenant(tenant);
        let stay = first_number(&store.query(sql).await?, 0)?;
        if stay == before {
            return Ok(true);
        }
        before = stay;
    }
    Ok(false)
}

/// Chats and dialogs of which something is told since the edge, that are open since or closed after it, or of a survey that
/// went on after it.
const FRESH: &str = "SELECT DISTINCT of_tenant, 'FRESH', '', arrayJoin(keys) FROM (\
     SELECT [sipHash64(channel, account, chat), sipHash64(dialog)] AS keys FROM events WHERE tenant = of_tenant AND at >= edge \
     UNION ALL SELECT arrayPushBack(chat_keys, dialog_key) FROM derived_cycles FINAL WHERE tenant = of_tenant \
     AND opened_at > 0 AND closed_at >= edge_ms \
     UNION ALL SELECT [chat_key, sipHash64(dialog)] FROM survey_events WHERE tenant = of_tenant \
     AND survey_key IN (SELECT survey_key FROM survey_events WHERE tenant = of_tenant AND at >= edge))";

const CANDIDATES: &str = "SELECT DISTINCT of_tenant, 'CANDIDATE', '', key FROM (\
     SELECT thread_key AS key FROM threads WHERE tenant = of_tenant \
     UNION ALL SELECT chat_key FROM read_marks WHERE tenant = of_tenant \
     UNION ALL SELECT chat_key FROM engagements WHERE tenant = of_tenant) \
     WHERE key NOT IN (SELECT key FROM retiring WHERE tenant = of_tenant AND what = 'FRESH')";

const CONNECTED: &str = "SELECT DISTINCT of_tenant, 'STAYS', '', thread_key FROM threads WHERE tenant = of_tenant \
     AND thread_key IN (SELECT key FROM retiring WHERE tenant = of_tenant AND what = 'CANDIDATE') \
     AND thread_key NOT IN (SELECT key FROM retiring WHERE tenant = of_tenant AND what = 'STAYS') \
     AND (dialog_key IN (SELECT key FROM retiring WHERE tenant = of_tenant AND what = 'FRESH') \
     OR dialog_key IN (SELECT dialog_key FROM threads WHERE tenant = of_tenant \
     AND (thread_key NOT IN (SELECT key FROM retiring WHERE tenant = of_tenant AND what = 'CANDIDATE') \
     OR thread_key IN (SELECT key FROM retiring WHERE tenant = of_tenant AND what = 'STAYS'))))";

const CHATS: &str = "SELECT of_tenant, 'CHAT', '', key FROM retiring WHERE tenant = of_tenant AND what = 'CANDIDATE' \
     AND key NOT IN (SELECT key FROM retiring WHERE tenant = of_tenant AND what = 'STAYS')";

const DIALOGS: &str = "SELECT DISTINCT of_tenant, 'DIALOG', '', dialog_key FROM threads WHERE tenant = of_tenant \
     AND thread_key IN (SELECT key FROM retiring WHERE tenant = of_tenant AND what = 'CHAT')";

/// A survey goes with its last event.
const SURVEYS: &str = "SELECT of_tenant, 'EVENT', id, toUInt64(0) FROM survey_events FINAL WHERE tenant = of_tenant \
     AND survey_key NOT IN (SELECT survey_key FROM survey_events WHERE tenant = of_tenant AND at >= edge)";

const CONVERSIONS: &str = "SELECT of_tenant, 'EVENT', id, toUInt64(0) FROM conversion_events FINAL WHERE tenant = of_tenant \
     AND at < edge";

/// Whether a contact had left before is told by its last state on a channel, which stays.
const STATES: &str = "SELECT of_tenant, 'EVENT', id, toUInt64(0) FROM contact_events FINAL WHERE tenant = of_tenant AND at < edge \
     AND (contact, channel, id) NOT IN (SELECT contact, channel, \
     argMax(id, (at, kind NOT IN ('contact.subscribed', 'contact.unblocked'), id)) FROM contact_events FINAL \
     WHERE tenant = of_tenant AND at < edge AND kind != 'contact.muted' GROUP BY contact, channel)";

/// Contacts of whom a sale is told that goes, where the tenant links contacts.
const TOLD: &str = "SELECT DISTINCT tenant, sipHash64(contact), toUInt64(0) FROM conversion_events WHERE tenant = of_tenant \
     AND contact != '' AND id IN (SELECT name FROM retiring WHERE tenant = of_tenant AND what = 'EVENT') \
     AND tenant IN (SELECT tenant FROM linked_contacts WHERE tenant = of_tenant LIMIT 1)";

/// In a query of its own: the name of what is replaced would mean what replaces it.
const REFUSED: &str = "SELECT * REPLACE (toUInt64(0) AS dialog_key) FROM (\
     SELECT * FROM derived_refusals FINAL WHERE tenant = of_tenant \
     AND dialog_key IN (SELECT key FROM retiring WHERE tenant = of_tenant AND what = 'DIALOG') \
     ORDER BY at DESC, message DESC LIMIT 1 BY contact, if(contact = '', chat_key, 0), channel)";

/// Chats and dialogs that are kept.
const HERE: &str = "SELECT DISTINCT of_tenant, 'HERE', '', key FROM (\
     SELECT arrayJoin([thread_key, dialog_key]) AS key FROM threads WHERE tenant = of_tenant \
     UNION ALL SELECT chat_key FROM read_marks WHERE tenant = of_tenant \
     UNION ALL SELECT chat_key FROM engagements WHERE tenant = of_tenant)";

/// Names in events that the log keeps, but for last states of contacts: those stay as long as anything else does.
const TRACES: &str = "SELECT DISTINCT of_tenant, 'TRACE', '', arrayJoin(arrayConcat(\
     [sipHash64(contact), sipHash64(channel, account, chat)], arrayMap(one -> sipHash64(one), identities))) \
     FROM events WHERE tenant = of_tenant AND (at >= edge \
     OR sipHash64(channel, account, chat) IN (SELECT key FROM retiring WHERE tenant = of_tenant AND what = 'HERE') \
     OR sipHash64(dialog) IN (SELECT key FROM retiring WHERE tenant = of_tenant AND what = 'HERE'))";

const PERSONS: &str = "SELECT DISTINCT of_tenant, 'PERSON', '', person_key FROM people FINAL WHERE tenant = of_tenant \
     AND name_key IN (SELECT key FROM retiring WHERE tenant = of_tenant AND what = 'TRACE')";

const NAMES: &str = "SELECT DISTINCT of_tenant, 'NAME', '', key FROM (\
     SELECT key FROM identity_links WHERE tenant = of_tenant \
     UNION ALL SELECT name_key FROM linked_contacts WHERE tenant = of_tenant \
     UNION ALL SELECT name_key FROM people WHERE tenant = of_tenant \
     UNION ALL SELECT sipHash64(contact) FROM contact_events WHERE tenant = of_tenant \
     UNION ALL SELECT if(contact = '', chat_key, sipHash64(contact)) FROM derived_refusals WHERE tenant = of_tenant AND dialog_key = 0) \
     WHERE key != 0 AND key NOT IN (SELECT key FROM retiring WHERE tenant = of_tenant AND what = 'TRACE') \
     AND key NOT IN (SELECT name_key FROM people FINAL WHERE tenant = of_tenant \
     AND person_key IN (SELECT key FROM retiring WHERE tenant = of_tenant AND what = 'PERSON'))";

const STATES_KEPT: &str =
    "SELECT DISTINCT of_tenant, 'STATE', id, toUInt64(0) FROM contact_events WHERE tenant = of_tenant";

/// A deal goes with the last that is told of it.
const DEALS: &str = "SELECT DISTINCT of_tenant, 'DEAL', deal, toUInt64(0) FROM deal_facts WHERE tenant = of_tenant \
     GROUP BY deal HAVING max(at) < edge";

const EDGE: &str = "SELECT of_tenant, 'EDGE', '', toUInt64(greatest(edge_ms, 0))";
