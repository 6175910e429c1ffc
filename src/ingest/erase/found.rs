//! What is to be erased, put into `erasing`: each statement finds by what those before it found. Nothing is removed here.

use super::listed::Listed;
use super::{Reach, Request, tables};
use crate::sql::Sql;

/// Lists what is the contact's, up to its events: nothing may come in meanwhile that is taken in by parts.
pub(super) fn events(request: &Request, listed: &Listed<'_>) -> Vec<Sql> {
    let mut name = Sql::new("INSERT INTO erasing SELECT ");
    name.bind_tenant(listed.tenant).push(", ").bind(listed.erasure);
    name.push(", 'NAME', name, sipHash64(name), 0 FROM (SELECT ").bind(request.contact.as_str()).push(" AS name)");
    let mut statements = vec![name];
    let of = match request.reach {
        Reach::Person => &[PERSON_NAMES, PERSON_CHATS][..],
        Reach::Contact => &[][..],
    };
    statements.extend(of.iter().map(|text| listed.find(text)));
    let texts = [LINKED, CANDIDATES, CHATS, MESSAGES, DIALOGS, EVENTS, FOLLOWING];
    statements.extend(texts.map(|text| listed.find(text)));
    statements
}

/// Lists what follows from those.
pub(super) fn rest(listed: &Listed<'_>) -> Vec<Sql> {
    [TOUCHED, PERSONS, KIN, LINKED_NAMES, LOOKUPS, TOLD].map(|text| listed.find(text)).into()
}

/// Lists raw texts that tell of the person.
pub(super) fn texts(listed: &Listed<'_>) -> Vec<Sql> {
    let search = |text: tables::Text| {
        let mut search = listed.find(text.search);
        // A long one is found anywhere; a short one only where it stands by itself.
        search.push("arrayExists(one -> if(length(one) >= 10, position(text, one) > 0, ");
        search.push("match(text, concat('(^|[^0-9A-Za-z])', regexpQuoteMeta(one), '([^0-9A-Za-z]|$)'))), told)");
        search
    };
    tables::texts().map(search).collect()
}

/// The other names of the person.
const PERSON_NAMES: &str = " SELECT DISTINCT of_tenant, of_erasure, 'NAME', name, key, 0 FROM identity_links \
     WHERE tenant = of_tenant AND name != '' \
     AND key NOT IN (SELECT key FROM erasing WHERE what = 'NAME') AND key IN (SELECT name_key FROM people FINAL \
     WHERE tenant = of_tenant AND person_key IN (SELECT person_key FROM people FINAL WHERE tenant = of_tenant \
     AND name_key IN (SELECT key FROM erasing WHERE what = 'NAME')))";

/// The chats that are its names.
const PERSON_CHATS: &str = " SELECT DISTINCT of_tenant, of_erasure, 'CANDIDATE', name, key, 0 FROM identity_links \
     WHERE tenant = of_tenant AND name = '' \
     AND key NOT IN (SELECT key FROM erasing WHERE what = 'NAME') AND key IN (SELECT name_key FROM people FINAL \
     WHERE tenant = of_tenant AND person_key IN (SELECT person_key FROM people FINAL WHERE tenant = of_tenant \
     AND name_key IN (SELECT key FROM erasing WHERE what = 'NAME')))";

/// Chats that were told to be the contact's.
const LINKED: &str = " SELECT DISTINCT of_tenant, of_erasure, 'CANDIDATE', '', key, 0 FROM identity_links WHERE tenant = of_tenant AND name = '' \
     AND other IN (SELECT key FROM erasing WHERE what = 'NAME')";

/// Chats in which the person is named.
const CANDIDATES: &str = " SELECT DISTINCT of_tenant, of_erasure, 'CANDIDATE', '', key, 0 FROM (\
     SELECT sipHash64(channel, account, chat) AS key FROM events WHERE tenant = of_tenant AND chat != '' \
     AND (contact IN (SELECT name FROM erasing WHERE what = 'NAME') OR (contact = '' \
     AND arrayExists(one -> one IN (SELECT name FROM erasing WHERE what = 'NAME'), identities))) \
     UNION ALL SELECT chat_key FROM messages WHERE tenant = of_tenant AND contact IN (SELECT name FROM erasing WHERE what = 'NAME') \
     UNION ALL SELECT chat_key FROM survey_events WHERE tenant = of_tenant AND chat_key != 0 \
     AND contact IN (SELECT name FROM erasing WHERE what = 'NAME') \
     UNION ALL SELECT chat_key FROM conversion_events WHERE tenant = of_tenant AND chat_key != 0 \
     AND contact IN (SELECT name FROM erasing WHERE what = 'NAME'))";

/// Of these the private ones: no message names another contact. All of a private chat is the person's.
const CHATS: &str = " SELECT DISTINCT of_tenant, of_erasure, 'CHAT', '', key, 0 FROM erasing WHERE what = 'CANDIDATE' AND key NOT IN (\
     SELECT chat_key FROM messages WHERE tenant = of_tenant AND contact != '' \
     AND contact NOT IN (SELECT name FROM erasing WHERE what = 'NAME') \
     UNION ALL SELECT sipHash64(channel, account, chat) FROM events WHERE tenant = of_tenant AND chat != '' \
     AND startsWith(kind, 'message.') AND contact != '' \
     AND contact NOT IN (SELECT name FROM erasing WHERE what = 'NAME'))";

/// What the person wrote, or was written, in chats that others share.
const MESSAGES: &str = " SELECT DISTINCT of_tenant, of_erasure, 'MESSAGE', '', chat_key, message_key FROM (\
     SELECT chat_key, message_key FROM messages WHERE tenant = of_tenant AND contact IN (SELECT name FROM erasing WHERE what = 'NAME') \
     UNION ALL SELECT sipHash64(channel, account, chat), sipHash64(message) FROM events WHERE tenant = of_tenant \
     AND startsWith(kind, 'message.') AND message != '' AND (contact IN (SELECT name FROM erasing WHERE what = 'NAME') \
     OR (contact = '' AND arrayExists(one -> one IN (SELECT name FROM erasing WHERE what = 'NAME'), identities)))) \
     WHERE chat_key NOT IN (SELECT key FROM erasing WHERE what = 'CHAT')";

/// Dialogs of a source that lie in those chats and no others.
const DIALOGS: &str = " SELECT DISTINCT of_tenant, of_erasure, 'DIALOG', dialog, sipHash64(dialog), 0 FROM (\
     SELECT dialog FROM events WHERE tenant = of_tenant AND dialog != '' \
     AND ((chat != '' AND sipHash64(channel, account, chat) IN (SELECT key FROM erasing WHERE what = 'CHAT')) \
     OR contact IN (SELECT name FROM erasing WHERE what = 'NAME')) \
     UNION ALL SELECT dialog FROM messages WHERE tenant = of_tenant AND dialog != '' \
     AND chat_key IN (SELECT key FROM erasing WHERE what = 'CHAT')) \
     WHERE dialog NOT IN (SELECT dialog FROM events WHERE tenant = of_tenant AND dialog != '' \
     AND ((chat != '' AND sipHash64(channel, account, chat) NOT IN (SELECT key FROM erasing WHERE what = 'CHAT')) \
     OR (startsWith(kind, 'message.') AND contact != '' AND contact NOT IN (SELECT name FROM erasing WHERE what = 'NAME'))))";

/// What came while the erasure waited to begin is later than it: what follows from it is not written yet.
const EVENTS: &str = " SELECT DISTINCT of_tenant, of_erasure, 'EVENT', id, 0, 0 FROM events WHERE tenant = of_tenant \
     AND batch <= (SELECT max(batch) FROM fed) AND (\
     contact IN (SELECT name FROM erasing WHERE what = 'NAME') \
     OR (contact = '' AND arrayExists(one -> one IN (SELECT name FROM erasing WHERE what = 'NAME'), identities)) \
     OR (chat != '' AND sipHash64(channel, account, chat) IN (SELECT key FROM erasing WHERE what = 'CHAT')) \
     OR (dialog != '' AND sipHash64(dialog) IN (SELECT key FROM erasing WHERE what = 'DIALOG')) \
     OR (message != '' AND (sipHash64(channel, account, chat), sipHash64(message)) IN \
     (SELECT key, other FROM erasing WHERE what = 'MESSAGE')))";

/// Ratings and reversals that name nobody, only their survey or order.
const FOLLOWING: &str = " SELECT DISTINCT of_tenant, of_erasure, 'EVENT', id, 0, 0 FROM events WHERE tenant = of_tenant AND contact = '' AND chat = '' \
     AND dialog = '' AND batch <= (SELECT max(batch) FROM fed) AND ((survey_id != '' AND survey_id IN (SELECT survey_id FROM events WHERE tenant = of_tenant \
     AND survey_id != '' AND id IN (SELECT name FROM erasing WHERE what = 'EVENT'))) \
     OR (conversion_order != '' AND (conversion_action, conversion_order) IN (SELECT conversion_action, conversion_order \
     FROM events WHERE tenant = of_tenant AND conversion_order != '' AND id IN (SELECT name FROM erasing WHERE what = 'EVENT'))))";

/// Dialogs of which anything goes: they are derived anew.
const TOUCHED: &str = " SELECT DISTINCT of_tenant, of_erasure, 'TOUCHED', '', dialog_key, 0 FROM threads WHERE tenant = of_tenant AND thread_key IN (\
     SELECT thread_key FROM threads WHERE tenant = of_tenant AND (\
     thread_key IN (SELECT key FROM erasing WHERE what IN ('CHAT', 'DIALOG', 'MESSAGE')) \
     OR dialog_key IN (SELECT key FROM erasing WHERE what IN ('CHAT', 'DIALOG')) \
     OR dialog_key IN (SELECT sipHash64(dialog) FROM events WHERE tenant = of_tenant AND dialog != '' \
     AND id IN (SELECT name FROM erasing WHERE what = 'EVENT'))))";

const PERSONS: &str = " SELECT DISTINCT of_tenant, of_erasure, 'PERSON', '', person_key, 0 FROM people FINAL WHERE tenant = of_tenant \
     AND name_key IN (SELECT key FROM erasing WHERE what IN ('NAME', 'CHAT'))";

/// Who was of those persons and stays.
const KIN: &str = " SELECT DISTINCT of_tenant, of_erasure, 'KIN', '', name_key, 0 FROM people FINAL WHERE tenant = of_tenant \
     AND person_key IN (SELECT key FROM erasing WHERE what = 'PERSON') \
     AND name_key NOT IN (SELECT key FROM erasing WHERE what IN ('NAME', 'CHAT'))";

/// How a CRM's lookup names what `crm:account:contact:5` names.
const LOOKUPS: &str = " SELECT DISTINCT of_tenant, of_erasure, 'LOOKUP', concat(parts[-2], ' ', parts[-1]), 0, 0 FROM (SELECT \
     splitByChar(':', name) AS parts FROM erasing WHERE what = 'NAME') WHERE length(parts) >= 4";

/// Their names, for the report: those stay.
const LINKED_NAMES: &str = " SELECT DISTINCT of_tenant, of_erasure, 'LINKED', name, key, 0 FROM identity_links \
     WHERE tenant = of_tenant AND name != '' AND key IN (SELECT key FROM erasing WHERE what = 'KIN')";

/// By what a text can tell of the person: its names, what follows the last colon of them (platforms know nothing of what we
/// put before it), and the names of its chats. What has fewer than 5 characters says too little to be looked for: a number of
/// four digits is a price as well.
const TOLD: &str = " SELECT DISTINCT of_tenant, of_erasure, 'TOLD', told, 0, 0 FROM (\
     SELECT arrayJoin([name, trim(LEADING '+' FROM splitByChar(':', name)[-1])]) AS told FROM erasing WHERE what = 'NAME' \
     UNION ALL SELECT chat FROM events WHERE tenant = of_tenant AND chat != '' \
     AND id IN (SELECT name FROM erasing WHERE what = 'EVENT') \
     AND sipHash64(channel, account, chat) IN (SELECT key FROM erasing WHERE what = 'CHAT')) WHERE length(told) >= 5";
