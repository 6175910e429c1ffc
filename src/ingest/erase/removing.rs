//! Removing what an erasure has listed, table by table. Doing so twice gives the same as once.
//!
//! It goes on only while this process has the right to derive, and never decides what goes: [`super::found`] has.

use super::evidence::{self, Step};
use super::listed::Listed;
use super::report::Erasure;
use super::tables;
use crate::ingest::derive::Held;
use crate::ingest::removal;
use crate::model::Clock;
use crate::sql::Sql;
use crate::store::{Sharing, Store, StoreError};

/// How the count of events of others that name the contact is called.
pub(super) const UNNAMED: &str = "unnamed";

/// Ends what of a tenant began and did not end. Returns whether there was anything.
///
/// # Errors
/// When the engine fails, or the right to derive is lost; the next attempt goes on.
pub(super) async fn finish(
    store: &dyn Store,
    clock: &dyn Clock,
    held: &Held<'_>,
    tenant: &str,
) -> Result<bool, StoreError> {
    let mut unfinished = evidence::unfinished(store, Some(tenant)).await?;
    for erasure in &mut unfinished {
        remove(store, clock, held, erasure).await?;
    }
    Ok(!unfinished.is_empty())
}

/// Removes what is listed, and notes it.
///
/// # Errors
/// As [`finish`].
pub(super) async fn remove(
    store: &dyn Store,
    clock: &dyn Clock,
    held: &Held<'_>,
    erasure: &mut Erasure,
) -> Result<(), StoreError> {
    let listed = Listed::of(erasure);
    let tenant = listed.tenant;
    removal::same_everywhere(store, tenant, "erasing").await?;
    store.execute_all(marks(&listed)).await?;
    for (table, condition) in tables::erased() {
        held.keep().await?;
        let note = evidence::statement(erasure, Step::Removed(table), clock.now());
        store.execute_all(vec![listed.count(table, table, condition), note]).await?;
        if is_needed(store, &listed, table).await? {
            store.execute_all(removal::delete(tenant, table, &listed.part(condition))).await?;
        }
    }
    held.keep().await?;
    store.execute_all(vec![listed.count(UNNAMED, "events", MENTIONS)]).await?;
    if is_needed(store, &listed, UNNAMED).await? {
        store.execute_all(vec![unname(&listed)]).await?;
    }
    store.execute_all(links_of_others(tenant)).await?;
    // All tables, not only those that changed now: one that broke off has changed others.
    let mut old_files = 0;
    for (table, _) in tables::erased() {
        held.keep().await?;
        old_files += removal::clean(store, tenant, table).await?;
    }
    // Once more: where the right was lost for a moment, somebody may have derived from what was half removed.
    store.execute_all(marks(&listed)).await?;
    let counts = listed.counts(store).await?;
    erasure.take_counts(&counts);
    erasure.old_files = old_files;
    let now = clock.now();
    erasure.finished_at = Some(now);
    store.execute_all(vec![evidence::statement(erasure, Step::Finished, now)]).await?;
    // The names in clear go last: with them one that broke off goes on.
    Listed::of(erasure).empty(store).await
}

/// Whether anything is there to change. Where others have copies a count of one that is late says nothing.
async fn is_needed(store: &dyn Store, listed: &Listed<'_>, name: &str) -> Result<bool, StoreError> {
    match store.sharing() {
        Sharing::Own => Ok(listed.counts(store).await?.get(name).is_none_or(|rows| 0 < *rows)),
        Sharing::Shared { .. } => Ok(true),
    }
}

/// Dialogs of which a part stays are derived anew, and so is who is who among those that stay.
fn marks(listed: &Listed<'_>) -> Vec<Sql> {
    let mut threads =
        Sql::new("INSERT INTO stale_threads SELECT DISTINCT tenant, thread_key, 1 FROM threads WHERE tenant = ");
    threads.bind_tenant(listed.tenant);
    listed.push(
        &mut threads,
        " AND dialog_key IN (SELECT key FROM erasing WHERE what = 'TOUCHED') \
         AND thread_key NOT IN (SELECT key FROM erasing WHERE what IN ('CHAT', 'DIALOG'))",
    );
    let mut links =
        Sql::new("INSERT INTO stale_links SELECT DISTINCT tenant, key, other, 1 FROM identity_links WHERE tenant = ");
    links.bind_tenant(listed.tenant);
    listed.push(
        &mut links,
        " AND key IN (SELECT key FROM erasing WHERE what = 'KIN') \
         AND other NOT IN (SELECT key FROM erasing WHERE what IN ('NAME', 'CHAT'))",
    );
    vec![threads, links]
}

/// That the tenant links contacts holds for all of its contacts: it stays known when the only one that it linked is gone.
fn links_of_others(tenant: &str) -> Vec<Sql> {
    let mut sql = Sql::new("INSERT INTO linked_contacts SELECT DISTINCT tenant, 0, 0 FROM erasures WHERE tenant = ");
    sql.bind_tenant(tenant)
        .push(" AND step = 'linked_contacts' AND removed > 0 AND tenant NOT IN (SELECT tenant FROM linked_contacts)");
    vec![sql]
}

/// Events of others that name the contact beside theirs.
const MENTIONS: &str = "(arrayExists(one -> one IN (SELECT name FROM erasing WHERE what = 'NAME'), identities) \
     OR arrayExists(one -> one IN (SELECT name FROM erasing WHERE what = 'NAME'), mapValues(attributes)))";

fn unname(listed: &Listed<'_>) -> Sql {
    let mut sql = Sql::new("ALTER TABLE events UPDATE ");
    listed.push(
        &mut sql,
        "identities = arrayFilter(one -> one NOT IN (SELECT name FROM erasing WHERE what = 'NAME'), identities), \
         attributes = mapFilter((name, one) -> one NOT IN (SELECT name FROM erasing WHERE what = 'NAME'), attributes) \
         WHERE tenant = ",
    );
    sql.bind_tenant(listed.tenant).push(" AND ");
    listed.push(&mut sql, MENTIONS);
    sql.push(removal::BY_LIST);
    sql
}
