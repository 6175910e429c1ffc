//! Erasing a contact: everything that is known of it goes, and what is left of others is as it was.
//!
//! First it is found out what there is ([`found`]) and written into the table `erasing`; then it is noted that the erasure
//! began; then rows go, table by table ([`tables`]), and each table's number is noted as evidence ([`evidence`]). What breaks off
//! is gone on with by [`finish_interrupted`] at the next start. Rows are rewritten without what goes, not only hidden, and the files of
//! before are removed. It never looks into backups, and what comes of the contact later counts as new.
//!
//! One of the places outside `sql/` with SQL text: see `lib.rs`.

mod evidence;
mod found;
pub mod report;
pub mod tables;

use sha2::{Digest, Sha256};

use self::evidence::Step;
use self::report::{Erasure, Removed};
use super::{Ingest, IngestError};
use crate::model::Clock;
use crate::model::clock::Millis;
use crate::sql::Sql;
use crate::store::{Sharing, Store, StoreError};

/// How far an erasure goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The contact under this name alone.
    Contact,
    /// All names that links join to it.
    Person,
}

/// Whether anything is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Counts what there is.
    Trial,
    Erase,
}

/// What is to be erased, and who wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub tenant: String,
    pub contact: String,
    pub reach: Reach,
    pub mode: Mode,
    pub asked_by: String,
}

impl Reach {
    pub fn name(self) -> &'static str {
        match self {
            Self::Contact => "CONTACT",
            Self::Person => "PERSON",
        }
    }
}

impl Ingest {
    /// Erases a contact, or counts what would go. A task of its own: who hangs up does not stop it half way. One at a time.
    ///
    /// # Errors
    /// When the engine fails. What was begun is gone on with by the next erasure or the next start.
    pub async fn erase(&self, request: Request) -> Result<Erasure, IngestError> {
        let ingest = self.clone();
        tokio::spawn(async move { ingest.erase_now(&request).await }).await?
    }

    async fn erase_now(&self, request: &Request) -> Result<Erasure, IngestError> {
        let store = self.door.store.as_ref();
        let derivation = &self.door.derivation;
        // Whose a name is must be known.
        derivation.catch_up(&request.tenant).await?;
        let held = derivation.hold(&request.tenant).await?;
        let clock = self.door.clock.as_ref();
        // One that failed in this process.
        finish_interrupted(store, clock).await?;
        let now = clock.now();
        store.execute_all(found::statements(request)).await?;
        let mut erasure = report::describe(store, request, name_of(request, now), now).await?;
        match request.mode {
            Mode::Trial => {
                for (table, condition) in tables::erased() {
                    let rows = count(store, &request.tenant, table, condition).await?;
                    erasure.removed.push(Removed { table: table.to_owned(), rows });
                }
                empty(store, &request.tenant).await?;
            }
            Mode::Erase => {
                evidence::note(store, &erasure, Step::Begun, 0, now).await?;
                remove(store, clock, &mut erasure).await?;
            }
        }
        drop(held);
        derivation.tell_stored();
        // Who reads next finds the others' figures as they were.
        derivation.catch_up(&request.tenant).await?;
        Ok(erasure)
    }
}

/// Goes on with an erasure that broke off, while nothing is derived: before anything is answered. Returns whether there was one.
///
/// # Errors
/// When the engine fails; the next start tries again.
pub async fn finish_interrupted(store: &dyn Store, clock: &dyn Clock) -> Result<bool, StoreError> {
    let Some(mut erasure) = evidence::unfinished(store).await? else {
        // Left by one that broke off before it began, or by a trial; another process's own, where the store is shared.
        if store.sharing() == Sharing::Own {
            store.execute_all(vec![Sql::new("TRUNCATE TABLE erasing")]).await?;
        }
        return Ok(false);
    };
    remove(store, clock, &mut erasure).await?;
    Ok(true)
}

/// Removes what was found. Doing so twice gives the same as once.
async fn remove(store: &dyn Store, clock: &dyn Clock, erasure: &mut Erasure) -> Result<(), StoreError> {
    let tenant = erasure.tenant.clone();
    store.execute_all(marks(&tenant)).await?;
    for (table, condition) in tables::erased() {
        let rows = count(store, &tenant, table, condition).await?;
        evidence::note(store, erasure, Step::Removed(table), rows, clock.now()).await?;
        erasure.removed.push(Removed { table: table.to_owned(), rows });
        if 0 < rows {
            store.execute_all(delete(&tenant, table, condition)).await?;
        }
    }
    let others = mentions(store, &tenant).await?;
    if 0 < others {
        store.execute_all(vec![unname(&tenant)]).await?;
    }
    erasure.unnamed = others;
    store.execute_all(links_of_others(&tenant)).await?;
    // All tables, not only those that changed now: one that broke off has changed others.
    for (table, _) in tables::erased() {
        erasure.old_files += clean(store, &tenant, table).await?;
    }
    let now = clock.now();
    evidence::note(store, erasure, Step::Finished, 0, now).await?;
    erasure.finished_at = Some(now);
    // The names in clear go last: with them one that broke off goes on.
    empty(store, &tenant).await
}

/// What an erasure is called, and by what its name can be recognised: nobody can read the contact in it.
fn name_of(request: &Request, now: Millis) -> String {
    let digest = Sha256::digest(format!("{}\0{}\0{now}", request.tenant, request.contact));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn empty(store: &dyn Store, tenant: &str) -> Result<(), StoreError> {
    store.execute_all(vec![Sql::new("TRUNCATE TABLE erasing").of_tenant(tenant)]).await
}

pub(super) async fn count(
    store: &dyn Store,
    tenant: &str,
    table: &'static str,
    condition: &'static str,
) -> Result<u64, StoreError> {
    let mut sql = Sql::new("SELECT count() FROM ");
    sql.push(table).push(" WHERE tenant = ").bind_tenant(tenant).push(" AND (").push(condition).push(")");
    report::first_number(&store.query(sql).await?)
}

/// Rows are deleted by a mutation that the statement waits for: a lightweight delete only hides them. What it writes is to be on
/// disk before the files of before go, which the engine does not see to by itself.
pub(super) fn delete(tenant: &str, table: &'static str, condition: &'static str) -> Vec<Sql> {
    let mut sync = Sql::new("ALTER TABLE ").of_tenant(tenant);
    sync.push(table).push(" MODIFY SETTING min_rows_to_fsync_after_merge = 1");
    let mut sql = Sql::new("ALTER TABLE ");
    sql.push(table).push(" DELETE WHERE tenant = ").bind_tenant(tenant).push(" AND (").push(condition);
    sql.push(") SETTINGS mutations_sync = 2");
    vec![sync, sql]
}

/// Dialogs of which a part stays are derived anew, and so is who is who among those that stay.
fn marks(tenant: &str) -> Vec<Sql> {
    let mut threads =
        Sql::new("INSERT INTO stale_threads SELECT DISTINCT tenant, thread_key, 1 FROM threads WHERE tenant = ");
    threads.bind_tenant(tenant).push(" AND dialog_key IN (SELECT key FROM erasing WHERE what = 'TOUCHED')");
    threads.push(" AND thread_key NOT IN (SELECT key FROM erasing WHERE what IN ('CHAT', 'DIALOG'))");
    let mut links =
        Sql::new("INSERT INTO stale_links SELECT DISTINCT tenant, key, other, 1 FROM identity_links WHERE tenant = ");
    links.bind_tenant(tenant).push(" AND key IN (SELECT key FROM erasing WHERE what = 'KIN')");
    links.push(" AND other NOT IN (SELECT key FROM erasing WHERE what IN ('NAME', 'CHAT'))");
    vec![threads, links]
}

/// That the tenant links contacts holds for all of its contacts: it stays known when the only one that it linked is gone.
fn links_of_others(tenant: &str) -> Vec<Sql> {
    let mut sql = Sql::new("INSERT INTO linked_contacts SELECT DISTINCT tenant, 0, 0 FROM erasures WHERE tenant = ");
    sql.bind_tenant(tenant)
        .push(" AND step = 'linked_contacts' AND removed > 0 AND tenant NOT IN (SELECT tenant FROM linked_contacts)");
    vec![sql]
}

const MENTIONS: &str = "(arrayExists(one -> one IN (SELECT name FROM erasing WHERE what = 'NAME'), identities) \
     OR arrayExists(one -> one IN (SELECT name FROM erasing WHERE what = 'NAME'), mapValues(attributes)))";

/// Events of others that name the contact beside theirs.
async fn mentions(store: &dyn Store, tenant: &str) -> Result<u64, StoreError> {
    count(store, tenant, "events", MENTIONS).await
}

fn unname(tenant: &str) -> Sql {
    let mut sql = Sql::new(
        "ALTER TABLE events UPDATE \
         identities = arrayFilter(one -> one NOT IN (SELECT name FROM erasing WHERE what = 'NAME'), identities), \
         attributes = mapFilter((name, one) -> one NOT IN (SELECT name FROM erasing WHERE what = 'NAME'), attributes) \
         WHERE tenant = ",
    );
    sql.bind_tenant(tenant).push(" AND ").push(MENTIONS).push(" SETTINGS mutations_sync = 2");
    sql
}

/// How often the files of before are looked after while a query still reads them, half a second each.
const CLEANINGS: u32 = 20;

/// Removes the files of before, which the engine would keep for eight minutes. Returns how many parts are still being read:
/// the engine removes those when it is done with them.
pub(super) async fn clean(store: &dyn Store, tenant: &str, table: &'static str) -> Result<u64, StoreError> {
    let alter = |what: &'static str| {
        let mut sql = Sql::new("ALTER TABLE ").of_tenant(tenant);
        sql.push(table).push(what);
        sql
    };
    let mut old = 0;
    for cleaning in 0..CLEANINGS {
        if 0 < cleaning {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        // To drop a partition that is not there makes the engine look for what it can remove, and wait for it.
        let steps = [
            " MODIFY SETTING old_parts_lifetime = 0",
            " DROP PARTITION ID 'none'",
            " RESET SETTING old_parts_lifetime, min_rows_to_fsync_after_merge",
        ];
        store.execute_all(steps.map(alter).into()).await?;
        let mut sql =
            Sql::new("SELECT count() FROM system.parts WHERE database = currentDatabase() AND NOT active AND table = ");
        sql.bind(table);
        let sql = sql.of_tenant(tenant);
        old = report::first_number(&store.query(sql).await?)?;
        if old == 0 {
            break;
        }
    }
    Ok(old)
}
