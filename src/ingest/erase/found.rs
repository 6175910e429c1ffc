//! What is to be erased, put into `erasing`: each statement finds by what those before it found.

use super::tables;
use super::{Reach, Request};
use crate::sql::Sql;

/// Characters below which an identifier says too little to be looked for in texts: a number of four digits is a price as well.
const TOLD_CHARS_MIN: &str = "5";

/// Statements that fill the emptied table.
pub(super) fn statements(request: &Request) -> Vec<Sql> {
    let tenant = request.tenant.as_str();
    let mut name = Sql::new("INSERT INTO erasing SELECT 'NAME', name, sipHash64(name), 0 FROM (SELECT ");
    name.bind(request.contact.as_str()).push(" AS name)");
    let mut statements = vec![Sql::new("TRUNCATE TABLE erasing").of_tenant(tenant), name.of_tenant(tenant)];
    let of = match request.reach {
        Reach::Person => &["NAME", "CANDIDATE"][..],
        Reach::Contact => &[][..],
    };
    for what in of {
        statements.push(person(tenant, what));
    }
    for text in [LINKED, CANDIDATES, CHATS, MESSAGES, DIALOGS, EVENTS, FOLLOWING, TOUCHED, PERSONS, KIN, LOOKUPS] {
        statements.push(find(tenant, text));
    }
    statements.push(told().of_tenant(tenant));
    for text in tables::texts() {
        let mut search = find(tenant, text.search);
        // A long one is found anywhere; a short one only where it stands by itself.
        search.push("arrayExists(one -> if(length(one) >= 10, position(text, one) > 0, ");
        search.push("match(text, concat('(^|[^0-9A-Za-z])', regexpQuoteMeta(one), '([^0-9A-Za-z]|$)'))), told)");
        statements.push(search);
    }
    statements
}

/// A query that finds the tenant under the name `of_tenant`.
fn find(tenant: &str, query: &'static str) -> Sql {
    let mut sql = Sql::new("INSERT INTO erasing ");
    match query.strip_prefix("WITH of_tenant AS tenant_of, ") {
        Some(rest) => sql.push("WITH ").bind_tenant(tenant).push(" AS tenant_of, ").push(rest),
        None => sql.push("WITH ").bind_tenant(tenant).push(" AS of_tenant ").push(query),
    };
    sql
}

/// The other names of the person, or the chats that are its names.
fn person(tenant: &str, what: &'static str) -> Sql {
    let mut sql = find(tenant, "SELECT DISTINCT '");
    sql.push(what).push("', name, key, 0 FROM identity_links WHERE tenant = of_tenant AND ");
    sql.push(if what == "NAME" { "name != ''" } else { "name = ''" });
    sql.push(
        " AND key NOT IN (SELECT key FROM erasing WHERE what = 'NAME') AND key IN (SELECT name_key FROM people FINAL \
         WHERE tenant = of_tenant AND person_key IN (SELECT person_key FROM people FINAL WHERE tenant = of_tenant \
         AND name_key IN (SELECT key FROM erasing WHERE what = 'NAME')))",
    );
    sql
}

/// Chats that were told to be the contact's.
const LINKED: &str = "SELECT DISTINCT 'CANDIDATE', '', key, 0 FROM identity_links WHERE tenant = of_tenant AND name = '' \
     AND other IN (SELECT key FROM erasing WHERE what = 'NAME')";

/// Chats in which the person is named.
const CANDIDATES: &str = "SELECT DISTINCT 'CANDIDATE', '', key, 0 FROM (\
     SELECT sipHash64(channel, account, chat) AS key FROM events WHERE tenant = of_tenant AND chat != '' \
     AND (contact IN (SELECT name FROM erasing WHERE what = 'NAME') OR (contact = '' \
     AND arrayExists(one -> one IN (SELECT name FROM erasing WHERE what = 'NAME'), identities))) \
     UNION ALL SELECT chat_key FROM messages WHERE tenant = of_tenant AND contact IN (SELECT name FROM erasing WHERE what = 'NAME') \
     UNION ALL SELECT chat_key FROM survey_events WHERE tenant = of_tenant AND chat_key != 0 \
     AND contact IN (SELECT name FROM erasing WHERE what = 'NAME') \
     UNION ALL SELECT chat_key FROM conversion_events WHERE tenant = of_tenant AND chat_key != 0 \
     AND contact IN (SELECT name FROM erasing WHERE what = 'NAME'))";

/// Of these the private ones: no message names another contact. All of a private chat is the person's.
const CHATS: &str = "SELECT DISTINCT 'CHAT', '', key, 0 FROM erasing WHERE what = 'CANDIDATE' AND key NOT IN (\
     SELECT chat_key FROM messages WHERE tenant = of_tenant AND contact != '' \
     AND contact NOT IN (SELECT name FROM erasing WHERE what = 'NAME') \
     UNION ALL SELECT sipHash64(channel, account, chat) FROM events WHERE tenant = of_tenant AND chat != '' \
     AND startsWith(kind, 'message.') AND contact != '' \
     AND contact NOT IN (SELECT name FROM erasing WHERE what = 'NAME'))";

/// What the person wrote, or was written, in chats that others share.
const MESSAGES: &str = "SELECT DISTINCT 'MESSAGE', '', chat_key, message_key FROM (\
     SELECT chat_key, message_key FROM messages WHERE tenant = of_tenant AND contact IN (SELECT name FROM erasing WHERE what = 'NAME') \
     UNION ALL SELECT sipHash64(channel, account, chat), sipHash64(message) FROM events WHERE tenant = of_tenant \
     AND startsWith(kind, 'message.') AND message != '' AND (contact IN (SELECT name FROM erasing WHERE what = 'NAME') \
     OR (contact = '' AND arrayExists(one -> one IN (SELECT name FROM erasing WHERE what = 'NAME'), identities)))) \
     WHERE chat_key NOT IN (SELECT key FROM erasing WHERE what = 'CHAT')";

/// Dialogs of a source that lie in those chats and no others.
const DIALOGS: &str = "SELECT DISTINCT 'DIALOG', dialog, sipHash64(dialog), 0 FROM (\
     SELECT dialog FROM events WHERE tenant = of_tenant AND dialog != '' \
     AND ((chat != '' AND sipHash64(channel, account, chat) IN (SELECT key FROM erasing WHERE what = 'CHAT')) \
     OR contact IN (SELECT name FROM erasing WHERE what = 'NAME')) \
     UNION ALL SELECT dialog FROM messages WHERE tenant = of_tenant AND dialog != '' \
     AND chat_key IN (SELECT key FROM erasing WHERE what = 'CHAT')) \
     WHERE dialog NOT IN (SELECT dialog FROM events WHERE tenant = of_tenant AND dialog != '' \
     AND ((chat != '' AND sipHash64(channel, account, chat) NOT IN (SELECT key FROM erasing WHERE what = 'CHAT')) \
     OR (startsWith(kind, 'message.') AND contact != '' AND contact NOT IN (SELECT name FROM erasing WHERE what = 'NAME'))))";

/// What came while the erasure waited to begin is later than it: what follows from it is not written yet.
const EVENTS: &str = "SELECT DISTINCT 'EVENT', id, 0, 0 FROM events WHERE tenant = of_tenant \
     AND batch <= (SELECT max(batch) FROM fed) AND (\
     contact IN (SELECT name FROM erasing WHERE what = 'NAME') \
     OR (contact = '' AND arrayExists(one -> one IN (SELECT name FROM erasing WHERE what = 'NAME'), identities)) \
     OR (chat != '' AND sipHash64(channel, account, chat) IN (SELECT key FROM erasing WHERE what = 'CHAT')) \
     OR (dialog != '' AND sipHash64(dialog) IN (SELECT key FROM erasing WHERE what = 'DIALOG')) \
     OR (message != '' AND (sipHash64(channel, account, chat), sipHash64(message)) IN \
     (SELECT key, other FROM erasing WHERE what = 'MESSAGE')))";

/// Ratings and reversals that name nobody, only their survey or order.
const FOLLOWING: &str = "SELECT DISTINCT 'EVENT', id, 0, 0 FROM events WHERE tenant = of_tenant AND contact = '' AND chat = '' \
     AND dialog = '' AND batch <= (SELECT max(batch) FROM fed) AND ((survey_id != '' AND survey_id IN (SELECT survey_id FROM events WHERE tenant = of_tenant \
     AND survey_id != '' AND id IN (SELECT name FROM erasing WHERE what = 'EVENT'))) \
     OR (conversion_order != '' AND (conversion_action, conversion_order) IN (SELECT conversion_action, conversion_order \
     FROM events WHERE tenant = of_tenant AND conversion_order != '' AND id IN (SELECT name FROM erasing WHERE what = 'EVENT'))))";

/// Dialogs of which anything goes: they are derived anew.
const TOUCHED: &str = "SELECT DISTINCT 'TOUCHED', '', dialog_key, 0 FROM threads WHERE tenant = of_tenant AND thread_key IN (\
     SELECT thread_key FROM threads WHERE tenant = of_tenant AND (\
     thread_key IN (SELECT key FROM erasing WHERE what IN ('CHAT', 'DIALOG', 'MESSAGE')) \
     OR dialog_key IN (SELECT key FROM erasing WHERE what IN ('CHAT', 'DIALOG')) \
     OR dialog_key IN (SELECT sipHash64(dialog) FROM events WHERE tenant = of_tenant AND dialog != '' \
     AND id IN (SELECT name FROM erasing WHERE what = 'EVENT'))))";

const PERSONS: &str = "SELECT DISTINCT 'PERSON', '', person_key, 0 FROM people FINAL WHERE tenant = of_tenant \
     AND name_key IN (SELECT key FROM erasing WHERE what IN ('NAME', 'CHAT'))";

/// Who was of those persons and stays.
const KIN: &str = "SELECT DISTINCT 'KIN', '', name_key, 0 FROM people FINAL WHERE tenant = of_tenant \
     AND person_key IN (SELECT key FROM erasing WHERE what = 'PERSON') \
     AND name_key NOT IN (SELECT key FROM erasing WHERE what IN ('NAME', 'CHAT'))";

/// How a CRM's lookup names what `crm:account:contact:5` names.
const LOOKUPS: &str = "SELECT DISTINCT 'LOOKUP', concat(parts[-2], ' ', parts[-1]), 0, 0 FROM (SELECT of_tenant AS tenant, \
     splitByChar(':', name) AS parts FROM erasing WHERE what = 'NAME') WHERE length(parts) >= 4";

/// By what a text can tell of the person: its names, what follows the last colon of them (platforms know nothing of what we
/// put before it), and the names of its chats.
fn told() -> Sql {
    let mut sql = Sql::new(
        "INSERT INTO erasing SELECT DISTINCT 'TOLD', told, 0, 0 FROM (\
         SELECT arrayJoin([name, trim(LEADING '+' FROM splitByChar(':', name)[-1])]) AS told FROM erasing WHERE what = 'NAME' \
         UNION ALL SELECT chat FROM events WHERE chat != '' AND id IN (SELECT name FROM erasing WHERE what = 'EVENT') \
         AND sipHash64(channel, account, chat) IN (SELECT key FROM erasing WHERE what = 'CHAT')) WHERE length(told) >= ",
    );
    sql.push(TOLD_CHARS_MIN);
    sql
}
