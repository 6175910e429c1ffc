//! The statements of a run, in their order. One of the places outside `sql/` with SQL text: see `lib.rs`.

use sha2::{Digest, Sha256};

use super::{Stretch, first_number, people};
use crate::model::hex;
use crate::sql::Sql;
use crate::store::{Store, StoreError, columns};

/// A table of derived rows: those of a dialog are replaced where they differ.
struct Derived {
    table: &'static str,
    /// What tells rows of one day apart; `dialog_key` is the first.
    keys: &'static str,
    /// Queries before a last one named `fresh`, which has the table's columns from `day` on, in their order.
    rules: &'static str,
}

/// What tells messages of one day apart.
const MESSAGE: &str = "dialog_key, chat_key, message_key";

static DERIVED: [Derived; 5] = [
    Derived { table: "derived_messages", keys: MESSAGE, rules: include_str!("../../../sql/derived/messages.sql") },
    Derived { table: "derived_refusals", keys: MESSAGE, rules: include_str!("../../../sql/derived/refusals.sql") },
    Derived { table: "derived_clients", keys: MESSAGE, rules: include_str!("../../../sql/derived/clients.sql") },
    Derived {
        table: "derived_cycles",
        keys: "dialog_key, cycle",
        rules: include_str!("../../../sql/derived/cycles.sql"),
    },
    Derived { table: "derived_steps", keys: MESSAGE, rules: include_str!("../../../sql/derived/visits.sql") },
];

const STATES: &str = include_str!("../../../sql/derived/states.sql");
const STEPS: &str = include_str!("../../../sql/derived/steps.sql");

/// What a run works in.
const EMPTY: [&str; 5] = [
    "TRUNCATE TABLE deriving_threads",
    "TRUNCATE TABLE deriving_dialogs",
    "TRUNCATE TABLE deriving_chats",
    "TRUNCATE TABLE deriving_messages",
    "TRUNCATE TABLE deriving_steps",
];

/// Derives the dialogs of the stale threads from `from` to `last`.
pub(super) fn run(tenant: &str, from: u64, last: u64) -> Vec<Sql> {
    // An earlier run may have broken off.
    let mut statements: Vec<Sql> = emptied(tenant).into();
    let mut threads =
        Sql::new("INSERT INTO deriving_threads SELECT thread_key, sum(marks) AS marks FROM stale_threads");
    threads.push(" WHERE tenant = ").bind_tenant(tenant).push(" AND thread_key BETWEEN ");
    push_key(&mut threads, from);
    threads.push(" AND ");
    push_key(&mut threads, last);
    threads.push(" GROUP BY thread_key HAVING marks > 0");
    let dialogs = fill(
        "deriving_dialogs",
        tenant,
        " SELECT DISTINCT dialog_key FROM threads WHERE tenant = of_tenant AND thread_key IN (SELECT thread_key FROM deriving_threads)",
    );
    let chats = fill(
        "deriving_chats",
        tenant,
        " SELECT DISTINCT thread_key, day FROM threads WHERE tenant = of_tenant AND thread_key IN \
         (SELECT thread_key FROM threads WHERE tenant = of_tenant AND dialog_key IN (SELECT dialog_key FROM deriving_dialogs))",
    );
    // What has no dialog of its source in these chats lies in no other.
    let own = fill(
        "deriving_dialogs",
        tenant,
        " SELECT DISTINCT dialog_key FROM threads WHERE tenant = of_tenant AND thread_key IN (SELECT thread_key FROM deriving_chats) \
         AND dialog_key = thread_key AND dialog_key NOT IN (SELECT dialog_key FROM deriving_dialogs)",
    );
    // A dialog of a source can go through thousands of chats: they may be done with it too.
    let others = fill(
        "deriving_threads",
        tenant,
        " SELECT thread_key, sum(marks) AS marks FROM stale_threads WHERE tenant = of_tenant \
         AND thread_key IN (SELECT thread_key FROM deriving_chats) AND thread_key NOT IN (SELECT thread_key FROM deriving_threads) \
         GROUP BY thread_key HAVING marks > 0",
    );
    statements.extend([threads, dialogs, chats, own, others]);
    let mut steps = fill("deriving_steps", tenant, ",\n");
    steps.push(STEPS);
    statements.extend([fill("deriving_messages", tenant, STATES), steps]);
    statements.extend(DERIVED.iter().map(|derived| replace(derived, tenant)));
    // Threads are asked for their dialogs after their marks were read, so that one which gets a new dialog meanwhile stays.
    let done = fill(
        "stale_threads",
        tenant,
        " SELECT of_tenant, thread_key, -marks FROM deriving_threads WHERE thread_key NOT IN \
         (SELECT thread_key FROM threads WHERE tenant = of_tenant AND thread_key IN (SELECT thread_key FROM deriving_threads) \
         AND dialog_key NOT IN (SELECT dialog_key FROM deriving_dialogs))",
    );
    statements.push(done);
    // They are in memory.
    statements.extend(emptied(tenant));
    statements
}

/// They are in memory, on the server that the tenant lies on.
fn emptied(tenant: &str) -> [Sql; EMPTY.len()] {
    EMPTY.map(|statement| Sql::new(statement).of_tenant(tenant))
}

/// Writes the rows that are new or differ, and marks those that are gone.
fn replace(derived: &Derived, tenant: &str) -> Sql {
    let Derived { table, keys, rules } = *derived;
    let mut sql = fill(table, tenant, ",\n");
    sql.push(rules);
    // The hash of a row is never 0, which stands for one that is not there.
    sql.push(", hashed AS (SELECT *, bitOr(sipHash64(tuple(*)), 1) AS content FROM fresh)");
    sql.push(", known AS (SELECT day, ").push(keys);
    sql.push(", argMax(kept.content, kept.version) AS content, max(kept.version) AS version FROM ").push(table);
    sql.push(" AS kept WHERE tenant = of_tenant AND day IN (SELECT day FROM deriving_chats)");
    sql.push(" AND dialog_key IN (SELECT dialog_key FROM deriving_dialogs) GROUP BY day, ").push(keys);
    sql.push(") SELECT of_tenant, day, ").push(keys).push(", hashed.* EXCEPT (day, ").push(keys);
    sql.push(", content), hashed.content, known.version + 1, hashed.content = 0");
    sql.push(" FROM hashed FULL OUTER JOIN known USING (day, ").push(keys);
    sql.push(") WHERE hashed.content != known.content");
    sql
}

/// Fills a table by a query that finds the tenant under the name `of_tenant`.
fn fill(table: &'static str, tenant: &str, query: &'static str) -> Sql {
    let mut sql = Sql::new("INSERT INTO ");
    sql.push(table).push(" WITH ").bind_tenant(tenant).push(" AS of_tenant\n").push(query);
    sql
}

/// A key as the engine takes it: it has no unsigned parameters.
pub(super) fn push_key(sql: &mut Sql, key: u64) {
    sql.push("toUInt64(").bind(key.to_string()).push(")");
}

/// The last of the next stale threads from `from` on that make a run; `None` when there is none.
pub(super) async fn next_stretch(
    store: &dyn Store,
    tenant: &str,
    from: u64,
    stretch: Stretch,
) -> Result<Option<u64>, StoreError> {
    let mut sql = Sql::new("WITH ");
    sql.bind_tenant(tenant).push(" AS of_tenant, next AS (SELECT thread_key FROM stale_threads");
    sql.push(" WHERE tenant = of_tenant AND thread_key >= ");
    push_key(&mut sql, from);
    sql.push(" GROUP BY thread_key HAVING sum(marks) > 0 ORDER BY thread_key LIMIT ").bind(stretch.threads_max);
    sql.push("), sizes AS (SELECT chat_key, count() AS messages FROM messages WHERE tenant = of_tenant");
    sql.push(" AND chat_key IN (SELECT thread_key FROM next) GROUP BY chat_key),");
    // However large the first is, it has its run.
    sql.push(" before AS (SELECT thread_key, sum(messages) OVER (ORDER BY thread_key ROWS BETWEEN UNBOUNDED PRECEDING");
    sql.push(" AND 1 PRECEDING) AS messages FROM next LEFT JOIN sizes ON next.thread_key = sizes.chat_key)");
    sql.push(" SELECT count(), max(thread_key) FROM before WHERE messages < ").bind(stretch.messages_max);
    let batches = store.query(sql).await?;
    match first_number(&batches, 0)? {
        0 => Ok(None),
        _ => first_number(&batches, 1).map(Some),
    }
}

/// The statements that merge the tables of derived rows, but for those that are too large.
pub(super) async fn merges(store: &dyn Store, rows_max: u64) -> Result<Vec<Sql>, StoreError> {
    let mut merges = Vec::new();
    for table in DERIVED.iter().map(|derived| derived.table).chain(["people", "stale_links"]) {
        let mut rows = Sql::new("SELECT count() FROM ").of_everyone();
        rows.push(table);
        // Of shards the largest decides.
        let mut largest = 0;
        for batch in store.query(rows).await? {
            largest = first_number(&[batch], 0)?.max(largest);
        }
        if largest <= rows_max {
            let mut merge = Sql::new("OPTIMIZE TABLE ").of_everyone();
            merge.push(table).push(" FINAL");
            merges.push(merge);
        }
    }
    Ok(merges)
}

/// Threads, and links between names.
pub(super) fn count_stale(tenant: &str) -> Sql {
    let mut sql = Sql::new("SELECT count() FROM (SELECT thread_key FROM stale_threads WHERE tenant = ");
    sql.bind_tenant(tenant).push(" GROUP BY thread_key HAVING sum(marks) > 0");
    sql.push(" UNION ALL SELECT key FROM stale_links WHERE tenant = ");
    sql.bind_tenant(tenant).push(" GROUP BY key, other HAVING sum(marks) > 0)");
    sql
}

/// The same of all tenants: a number of each shard.
pub(super) fn count_all_stale() -> Sql {
    let sql = Sql::new(
        "SELECT count() FROM (SELECT thread_key FROM stale_threads GROUP BY tenant, thread_key HAVING sum(marks) > 0 \
         UNION ALL SELECT key FROM stale_links GROUP BY tenant, key, other HAVING sum(marks) > 0)",
    );
    sql.of_everyone()
}

pub(super) async fn stale_tenants(store: &dyn Store) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT CAST(tenant, 'String') FROM \
               (SELECT tenant FROM stale_threads GROUP BY tenant, thread_key HAVING sum(marks) > 0 \
               UNION ALL SELECT tenant FROM stale_links GROUP BY tenant, key, other HAVING sum(marks) > 0)";
    let mut tenants = Vec::new();
    for batch in store.query(Sql::new(sql).of_everyone()).await? {
        tenants.extend(columns::texts(&batch, 0)?.iter().flatten().map(str::to_owned));
    }
    Ok(tenants)
}

/// Whether a tenant of which no dialog was ever told to be closed has one now: it changes what an opening means.
pub(super) async fn closes_for_the_first_time(store: &dyn Store, tenant: &str) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT count() FROM derived_by WHERE tenant = ");
    sql.bind_tenant(tenant).push(" AND rules = 'closing'");
    if 0 < first_number(&store.query(sql).await?, 0)? {
        return Ok(false);
    }
    let mut sql = Sql::new("SELECT count() FROM (SELECT 1 FROM dialog_events WHERE tenant = ");
    sql.bind_tenant(tenant).push(" AND kind = 'dialog.closed' LIMIT 1)");
    Ok(0 < first_number(&store.query(sql).await?, 0)?)
}

/// Dialogs that were told to open are derived anew, and from now on a tenant's dialogs can be explicit. In this order: a
/// note without its marks would leave them as they are.
pub(super) fn note_closing(tenant: &str) -> Vec<Sql> {
    let marks = fill(
        "stale_threads",
        tenant,
        " SELECT DISTINCT of_tenant, thread_key, 1 FROM threads WHERE tenant = of_tenant AND dialog_key IN \
         (SELECT dialog_key FROM dialog_events WHERE tenant = of_tenant AND kind = 'dialog.opened')",
    );
    let mut note = Sql::new("INSERT INTO derived_by SELECT ");
    note.bind_tenant(tenant).push(", 'closing', 1");
    vec![marks, note]
}

pub(super) async fn is_derived_by_these_rules(store: &dyn Store) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT toUInt64(argMax(rules, number) = ");
    sql.bind(checksum()).push(") FROM derived_by WHERE tenant = ''");
    // Every shard has an answer of its own.
    let mut rules = Vec::new();
    for batch in store.query(sql.of_everyone()).await? {
        rules.push(first_number(&[batch], 0)?);
    }
    Ok(!rules.is_empty() && rules.iter().all(|are_these| *are_these == 1))
}

/// Marks every thread and every link there is, and then notes by which rules they will be derived.
pub(super) fn derive_everything_anew() -> Vec<Sql> {
    let marks = Sql::new("INSERT INTO stale_threads SELECT DISTINCT tenant, thread_key, 1 FROM threads").of_everyone();
    let mut note = Sql::new("INSERT INTO derived_by SELECT '', ");
    note.bind(checksum()).push(", max(number) + 1 FROM derived_by WHERE tenant = ''");
    vec![marks, people::mark_everything(), note.of_everyone()]
}

/// SHA-256 of all rules, in hexadecimal digits.
fn checksum() -> String {
    let mut rules = Sha256::new();
    for statement in run("", 0, 0).into_iter().chain(people::rules()) {
        // As it was written first: other words for the same rules would have everything derived anew.
        rules.update(format!("Sql {{ text: {:?}, values: {:?} }}", statement.text(), statement.values()));
    }
    hex(&rules.finalize())
}
