//! The tables, brought up to date: every migration once and in order, every fact's view at each start.
//!
//! A migration is one statement in one file, `sql/migrations/NNNN_name.sql`, compiled into the program. Each is
//! idempotent, so that a crash between running one and recording it is harmless. Nothing is ever undone: a database
//! that a newer program has changed is refused. For a cluster the same texts are rendered in [`cluster`], and [`places`] holds
//! that its shards stay where they were.

pub mod cluster;
pub mod places;

use std::collections::BTreeMap;

use arrow::datatypes::UInt32Type;
use sha2::{Digest, Sha256};

use super::columns::{numbers, texts};
use super::{Store, StoreError, refusal};
use crate::model::clock::Clock;
use crate::model::hex;
use crate::sql::Sql;

/// One file of `sql/migrations`.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// The number that its name begins with, from 1 without gaps.
    pub number: u32,
    /// The file's name.
    pub name: &'static str,
    pub text: &'static str,
}

/// One file of `sql/facts`: a `CREATE OR REPLACE VIEW` statement.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    /// The file's name.
    pub name: &'static str,
    pub text: &'static str,
}

/// For what kind of store the tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// As the files have them. A store of several shards has them on each.
    Plain,
    /// Replicated, told to all hosts of a cluster by one of them.
    Replicated,
}

impl Tables {
    /// The statements that a file is.
    ///
    /// # Errors
    /// When a cluster cannot have it.
    pub fn render(self, name: &'static str, text: &'static str) -> Result<Vec<Sql>, MigrationError> {
        match self {
            Self::Plain => Ok(vec![Sql::new(text).of_everyone()]),
            Self::Replicated => cluster::render(text).map_err(|reason| MigrationError::Rendered { name, reason }),
        }
    }
}

/// What has been done, for the person who asked for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// Names of the migrations that ran now, in order.
    pub applied: Vec<&'static str>,
    /// Names of those that had run before.
    pub present: Vec<&'static str>,
    /// Names of the facts whose views were made anew.
    pub facts: Vec<&'static str>,
}

const fn migration(number: u32, name: &'static str, text: &'static str) -> Migration {
    Migration { number, name, text }
}

/// All migrations. A test compares the list with the directory.
pub const MIGRATIONS: &[Migration] = &[
    migration(1, "0001_inbox.sql", include_str!("../../sql/migrations/0001_inbox.sql")),
    migration(2, "0002_events.sql", include_str!("../../sql/migrations/0002_events.sql")),
    migration(3, "0003_messages.sql", include_str!("../../sql/migrations/0003_messages.sql")),
    migration(4, "0004_messages_feed.sql", include_str!("../../sql/migrations/0004_messages_feed.sql")),
    migration(5, "0005_read_marks.sql", include_str!("../../sql/migrations/0005_read_marks.sql")),
    migration(6, "0006_read_marks_feed.sql", include_str!("../../sql/migrations/0006_read_marks_feed.sql")),
    migration(7, "0007_engagements.sql", include_str!("../../sql/migrations/0007_engagements.sql")),
    migration(8, "0008_engagements_feed.sql", include_str!("../../sql/migrations/0008_engagements_feed.sql")),
    migration(9, "0009_dialog_events.sql", include_str!("../../sql/migrations/0009_dialog_events.sql")),
    migration(10, "0010_dialog_events_feed.sql", include_str!("../../sql/migrations/0010_dialog_events_feed.sql")),
    migration(11, "0011_reporting_accounts.sql", include_str!("../../sql/migrations/0011_reporting_accounts.sql")),
    migration(
        12,
        "0012_reporting_accounts_feed.sql",
        include_str!("../../sql/migrations/0012_reporting_accounts_feed.sql"),
    ),
    migration(13, "0013_survey_events.sql", include_str!("../../sql/migrations/0013_survey_events.sql")),
    migration(14, "0014_survey_events_feed.sql", include_str!("../../sql/migrations/0014_survey_events_feed.sql")),
    migration(15, "0015_survey_events_past.sql", include_str!("../../sql/migrations/0015_survey_events_past.sql")),
    migration(16, "0016_conversion_events.sql", include_str!("../../sql/migrations/0016_conversion_events.sql")),
    migration(
        17,
        "0017_conversion_events_feed.sql",
        include_str!("../../sql/migrations/0017_conversion_events_feed.sql"),
    ),
    migration(
        18,
        "0018_conversion_events_past.sql",
        include_str!("../../sql/migrations/0018_conversion_events_past.sql"),
    ),
    migration(19, "0019_contact_events.sql", include_str!("../../sql/migrations/0019_contact_events.sql")),
    migration(20, "0020_contact_events_feed.sql", include_str!("../../sql/migrations/0020_contact_events_feed.sql")),
    migration(21, "0021_contact_events_past.sql", include_str!("../../sql/migrations/0021_contact_events_past.sql")),
    migration(22, "0022_ambiguous_failures.sql", include_str!("../../sql/migrations/0022_ambiguous_failures.sql")),
    migration(
        23,
        "0023_ambiguous_failures_feed.sql",
        include_str!("../../sql/migrations/0023_ambiguous_failures_feed.sql"),
    ),
    migration(
        24,
        "0024_ambiguous_failures_past.sql",
        include_str!("../../sql/migrations/0024_ambiguous_failures_past.sql"),
    ),
    migration(25, "0025_business_hours.sql", include_str!("../../sql/migrations/0025_business_hours.sql")),
    migration(26, "0026_threads.sql", include_str!("../../sql/migrations/0026_threads.sql")),
    migration(27, "0027_threads_feed.sql", include_str!("../../sql/migrations/0027_threads_feed.sql")),
    migration(28, "0028_threads_past.sql", include_str!("../../sql/migrations/0028_threads_past.sql")),
    migration(29, "0029_stale_threads.sql", include_str!("../../sql/migrations/0029_stale_threads.sql")),
    migration(30, "0030_arrivals.sql", include_str!("../../sql/migrations/0030_arrivals.sql")),
    migration(31, "0031_stale_threads_feed.sql", include_str!("../../sql/migrations/0031_stale_threads_feed.sql")),
    migration(32, "0032_derived_messages.sql", include_str!("../../sql/migrations/0032_derived_messages.sql")),
    migration(33, "0033_derived_clients.sql", include_str!("../../sql/migrations/0033_derived_clients.sql")),
    migration(34, "0034_derived_cycles.sql", include_str!("../../sql/migrations/0034_derived_cycles.sql")),
    migration(35, "0035_derived_steps.sql", include_str!("../../sql/migrations/0035_derived_steps.sql")),
    migration(36, "0036_deriving_threads.sql", include_str!("../../sql/migrations/0036_deriving_threads.sql")),
    migration(37, "0037_deriving_dialogs.sql", include_str!("../../sql/migrations/0037_deriving_dialogs.sql")),
    migration(38, "0038_deriving_chats.sql", include_str!("../../sql/migrations/0038_deriving_chats.sql")),
    migration(39, "0039_deriving_messages.sql", include_str!("../../sql/migrations/0039_deriving_messages.sql")),
    migration(40, "0040_deriving_steps.sql", include_str!("../../sql/migrations/0040_deriving_steps.sql")),
    migration(41, "0041_derived_by.sql", include_str!("../../sql/migrations/0041_derived_by.sql")),
    migration(42, "0042_derived_refusals.sql", include_str!("../../sql/migrations/0042_derived_refusals.sql")),
    migration(43, "0043_fact_inbound_gone.sql", include_str!("../../sql/migrations/0043_fact_inbound_gone.sql")),
    migration(44, "0044_inbox_connection.sql", include_str!("../../sql/migrations/0044_inbox_connection.sql")),
    migration(45, "0045_events_connection.sql", include_str!("../../sql/migrations/0045_events_connection.sql")),
    migration(46, "0046_raw_payloads.sql", include_str!("../../sql/migrations/0046_raw_payloads.sql")),
    migration(47, "0047_deal_facts.sql", include_str!("../../sql/migrations/0047_deal_facts.sql")),
    migration(48, "0048_pending_lookups.sql", include_str!("../../sql/migrations/0048_pending_lookups.sql")),
    migration(49, "0049_history_positions.sql", include_str!("../../sql/migrations/0049_history_positions.sql")),
    migration(50, "0050_identity_links.sql", include_str!("../../sql/migrations/0050_identity_links.sql")),
    migration(51, "0051_identity_links_feed.sql", include_str!("../../sql/migrations/0051_identity_links_feed.sql")),
    migration(52, "0052_identity_links_past.sql", include_str!("../../sql/migrations/0052_identity_links_past.sql")),
    migration(53, "0053_arrivals_identities.sql", include_str!("../../sql/migrations/0053_arrivals_identities.sql")),
    migration(54, "0054_stale_links.sql", include_str!("../../sql/migrations/0054_stale_links.sql")),
    migration(55, "0055_stale_links_feed.sql", include_str!("../../sql/migrations/0055_stale_links_feed.sql")),
    migration(56, "0056_people.sql", include_str!("../../sql/migrations/0056_people.sql")),
    migration(57, "0057_linked_contacts.sql", include_str!("../../sql/migrations/0057_linked_contacts.sql")),
    migration(58, "0058_linked_contacts_feed.sql", include_str!("../../sql/migrations/0058_linked_contacts_feed.sql")),
    migration(59, "0059_linked_contacts_past.sql", include_str!("../../sql/migrations/0059_linked_contacts_past.sql")),
    migration(60, "0060_pending_lookups_rest.sql", include_str!("../../sql/migrations/0060_pending_lookups_rest.sql")),
    migration(61, "0061_events_batch.sql", include_str!("../../sql/migrations/0061_events_batch.sql")),
    migration(62, "0062_events_tokens.sql", include_str!("../../sql/migrations/0062_events_tokens.sql")),
    migration(63, "0063_fed.sql", include_str!("../../sql/migrations/0063_fed.sql")),
    migration(64, "0064_derivation_leases.sql", include_str!("../../sql/migrations/0064_derivation_leases.sql")),
    migration(65, "0065_rejected_events.sql", include_str!("../../sql/migrations/0065_rejected_events.sql")),
    migration(66, "0066_erasures.sql", include_str!("../../sql/migrations/0066_erasures.sql")),
    migration(67, "0067_erasing.sql", include_str!("../../sql/migrations/0067_erasing.sql")),
    migration(
        68,
        "0068_derivation_leases_tenant.sql",
        include_str!("../../sql/migrations/0068_derivation_leases_tenant.sql"),
    ),
    migration(69, "0069_retiring.sql", include_str!("../../sql/migrations/0069_retiring.sql")),
];

const CREATE_REGISTER: &str = "\
CREATE TABLE IF NOT EXISTS schema_migrations
(
    number UInt32,
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1";

/// Brings a database up to date with the given migrations, usually [`MIGRATIONS`], and facts: those of the metrics.
///
/// # Errors
///
/// [`MigrationError`]: a file that has run before was changed, the database is newer than the program, or the engine
/// refused a statement; what ran before that stays recorded, and the next call goes on from there.
pub async fn migrate(
    store: &dyn Store,
    clock: &dyn Clock,
    migrations: &[Migration],
    facts: &[Fact],
) -> Result<MigrationReport, MigrationError> {
    migrate_to(Tables::Plain, store, clock, migrations, facts).await
}

/// The same for a kind of store.
///
/// # Errors
/// As [`migrate`].
pub async fn migrate_to(
    tables: Tables,
    store: &dyn Store,
    clock: &dyn Clock,
    migrations: &[Migration],
    facts: &[Fact],
) -> Result<MigrationReport, MigrationError> {
    let known = |source| MigrationError::Register { source };
    for statement in tables.render("schema_migrations", CREATE_REGISTER)? {
        store.execute(statement).await.map_err(known)?;
    }
    let applied = read_register(store).await.map_err(known)?;
    check(&applied, migrations)?;
    let mut report = MigrationReport::default();
    for migration in migrations {
        if !is_due(&applied, migration, store) {
            report.present.push(migration.name);
            continue;
        }
        let failed = |source| MigrationError::Statement { name: migration.name, source };
        for statement in tables.render(migration.name, migration.text)? {
            store.execute(statement).await.map_err(failed)?;
        }
        store.execute(record(migration, clock)).await.map_err(failed)?;
        report.applied.push(migration.name);
    }
    for fact in due_facts(tables, store, facts).await.map_err(known)? {
        let failed = |source| MigrationError::Statement { name: fact.name, source };
        for statement in tables.render(fact.name, fact.text)? {
            store.execute(statement).await.map_err(failed)?;
        }
        if tables == Tables::Replicated {
            store.execute(record_file(FACT, fact.name, fact.text, clock)).await.map_err(failed)?;
        }
        report.facts.push(fact.name);
    }
    Ok(report)
}

/// Whether a migration is to run: a shard that was added has run none, and every file may run again on the others.
fn is_due(applied: &Register, migration: &Migration, store: &dyn Store) -> bool {
    applied.get(&migration.number).is_none_or(|ran| ran.len() != store.shards())
}

/// The facts whose views are to be made, of a store that has a register.
async fn due_facts<'a>(tables: Tables, store: &dyn Store, facts: &'a [Fact]) -> Result<Vec<&'a Fact>, StoreError> {
    let made = match tables {
        Tables::Plain => Register::new(),
        // To tell all hosts takes time, and one of them may be away.
        Tables::Replicated => read_facts(store).await?,
    };
    Ok(facts.iter().filter(|fact| !is_made(&made, fact, store)).collect())
}

/// How many have run.
///
/// # Errors
/// When the engine does not answer.
pub async fn count_applied(store: &dyn Store) -> Result<u64, StoreError> {
    read_register(store).await.map(|applied| applied.len() as u64)
}

/// What [`migrate_to`] would run now, in its order: names of files, and statements.
///
/// # Errors
/// As [`migrate`]. A store that has no register yet has run nothing.
pub async fn plan(
    tables: Tables,
    store: &dyn Store,
    migrations: &[Migration],
    facts: &[Fact],
) -> Result<Vec<(&'static str, Vec<Sql>)>, MigrationError> {
    let known = |source| MigrationError::Register { source };
    let applied = match read_register(store).await {
        Ok(applied) => applied,
        Err(StoreError::Engine { code: refusal::UNKNOWN_TABLE, .. }) => Register::default(),
        Err(source) => return Err(known(source)),
    };
    check(&applied, migrations)?;
    let facts = match applied.is_empty() {
        true => facts.iter().collect(),
        false => due_facts(tables, store, facts).await.map_err(known)?,
    };
    let due = migrations.iter().filter(|migration| is_due(&applied, migration, store));
    let files = due.map(|migration| (migration.name, migration.text));
    let files = files.chain(facts.into_iter().map(|fact| (fact.name, fact.text)));
    files.map(|(name, text)| Ok((name, tables.render(name, text)?))).collect()
}

/// Checksums of what has run, by its number or name: of each shard that has run it.
pub(super) type Register<Key = u32> = BTreeMap<Key, Vec<String>>;

/// The number under which facts stand in the register of a cluster.
const FACT: u32 = 0;

/// The facts that were made last.
async fn read_facts(store: &dyn Store) -> Result<Register<String>, StoreError> {
    let text = "SELECT name, argMax(checksum, applied_at) FROM schema_migrations WHERE number = 0 GROUP BY name";
    let mut made = Register::new();
    for batch in store.query(Sql::new(text).of_everyone()).await? {
        for (name, checksum) in
            texts(&batch, 0)?.iter().zip(texts(&batch, 1)?).filter_map(|(name, text)| name.zip(text))
        {
            made.entry(name.to_owned()).or_insert_with(Vec::new).push(checksum.to_owned());
        }
    }
    Ok(made)
}

fn is_made(made: &Register<String>, fact: &Fact, store: &dyn Store) -> bool {
    let wanted = checksum(fact.text);
    made.get(fact.name).is_some_and(|found| found.len() == store.shards() && found.iter().all(|one| *one == wanted))
}

pub(super) async fn read_register(store: &dyn Store) -> Result<Register, StoreError> {
    // A file that ran again because another shard had not is written down again.
    let text = "SELECT DISTINCT number, checksum FROM schema_migrations WHERE number > 0 ORDER BY number";
    let batches = store.query(Sql::new(text).of_everyone()).await?;
    let mut applied = Register::new();
    for batch in &batches {
        let numbers = numbers::<UInt32Type>(batch, 0)?;
        for (number, checksum) in numbers.iter().zip(texts(batch, 1)?).filter_map(|(number, text)| number.zip(text)) {
            applied.entry(number).or_default().push(checksum.to_owned());
        }
    }
    Ok(applied)
}

/// Compares what has run with what the program has.
fn check(applied: &Register, migrations: &[Migration]) -> Result<(), MigrationError> {
    let newest = migrations.last().map_or(0, |migration| migration.number);
    if let Some((&number, _)) = applied.last_key_value()
        && newest < number
    {
        return Err(MigrationError::Newer { number, newest });
    }
    for migration in migrations {
        if let Some(found) = applied.get(&migration.number)
            && found.iter().any(|found| *found != checksum(migration.text))
        {
            return Err(MigrationError::Changed { name: migration.name });
        }
    }
    Ok(())
}

fn record(migration: &Migration, clock: &dyn Clock) -> Sql {
    record_file(migration.number, migration.name, migration.text, clock)
}

fn record_file(number: u32, name: &'static str, text: &'static str, clock: &dyn Clock) -> Sql {
    let mut statement = Sql::new("INSERT INTO schema_migrations (number, name, checksum, applied_at) SELECT ");
    statement.bind(i64::from(number)).push(", ").bind(name);
    statement.push(", ").bind(checksum(text));
    statement.push(", fromUnixTimestamp64Milli(").bind(clock.now()).push(", 'UTC')");
    statement.of_everyone()
}

/// SHA-256 in hexadecimal digits.
pub(super) fn checksum(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// Why the tables could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    #[error("the file {name} has already run here and was changed since: restore it and write a new migration")]
    Changed { name: &'static str },
    #[error("the database is newer (migration {number}) than this program (migration {newest}): update the program")]
    Newer { number: u32, newest: u32 },
    #[error("the file {name} cannot be had on a cluster: {reason}")]
    Rendered { name: &'static str, reason: String },
    #[error("the shards of the cluster are not those that they were: {reason}")]
    Places { reason: String },
    #[error("the file {name} failed")]
    Statement {
        name: &'static str,
        #[source]
        source: StoreError,
    },
    #[error("the list of applied migrations cannot be read or made")]
    Register {
        #[source]
        source: StoreError,
    },
}
