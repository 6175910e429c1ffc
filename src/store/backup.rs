//! Backups: the whole store as it was at one instant, made while it goes on, and stores made of them.
//!
//! **Why a backup is consistent.** All tables are frozen while both writing connections are held, so they are frozen
//! between two changes: what a backup holds is what a crash at that instant would have left, and everything that heals a
//! crash heals a restored store. An event that was acknowledged before is in `events`; what follows from it in state
//! tables is there too or is fed again; a thread that was not derived yet still has its mark, because a run takes the marks
//! away last and within one list of changes. No order of tables has to be thought of.
//!
//! A backup is a directory: `manifest.json`, `files.sha256` (as `sha256sum --check` reads it) and the parts of each table
//! below `tables/`. It is written under a name that begins with a dot and gets its own when all of it is on disk. This
//! module never changes the store that it copies. Files are in [`files`], the way back in [`restore`].

pub mod files;
pub mod restore;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

use self::files::Writing;
use super::embedded::{EmbeddedStore, Frozen};
use super::migrations::{Register, read_register};
use super::{Store, StoreError};
use crate::model::clock::Millis;
use crate::outbound::with_causes;

/// The form of the directory; another one gets another number.
pub const FORMAT: u32 = 1;

/// The file that says what a backup holds.
pub const MANIFEST: &str = "manifest.json";

/// Below it are the tables.
pub const TABLES: &str = "tables";

/// The longest label, in characters.
const LABEL_CHARS_MAX: usize = 40;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub name: String,
    /// When it was begun: what was acknowledged before is in it.
    pub at: String,
    /// The version of the program that made it.
    pub program: String,
    pub engine: String,
    pub migrations: Vec<Applied>,
    /// How long nobody could write.
    pub held_milliseconds: u64,
    pub files: u64,
    pub bytes: u64,
    pub tables: Vec<Table>,
}

/// A migration that had run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub number: u32,
    pub checksum: String,
}

/// What it holds of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub name: String,
    pub parts: u64,
    pub rows: u64,
    pub bytes: u64,
}

/// What a backup is called: its instant, and a label if it was given one. Nothing of it can lead out of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// # Errors
    /// When the label has other characters than those of names.
    pub fn new(at: Millis, label: Option<&str>) -> Result<Self, BackupError> {
        let instant = DateTime::from_timestamp_millis(at).unwrap_or_default().format("%Y%m%dT%H%M%SZ");
        let Some(label) = label else { return Ok(Self(instant.to_string())) };
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if label.is_empty() || LABEL_CHARS_MAX < label.len() || !label.chars().all(is_plain) {
            return Err(BackupError::Label { label: label.chars().take(LABEL_CHARS_MAX + 1).collect() });
        }
        Ok(Self(format!("{instant}-{label}")))
    }

    /// A name that somebody gave; `None` for what cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (!text.is_empty() && text.len() <= 80 && text.chars().all(is_plain)).then(|| Self(text.to_owned()))
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}

/// How far a backup is. Shared by who makes it and who asks.
#[derive(Debug, Default)]
pub struct Progress {
    pub bytes: AtomicU64,
    pub bytes_total: AtomicU64,
    stopped: AtomicBool,
}

impl Progress {
    /// Makes the copying end with [`BackupError::Stopped`].
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn add(&self, bytes: u64) -> Result<(), BackupError> {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if self.stopped.load(Ordering::Relaxed) { Err(BackupError::Stopped) } else { Ok(()) }
    }
}

/// Stops what is copied when whoever waits for it is dropped: a process that ends does not wait for gigabytes.
struct StopWhenDropped(Arc<Progress>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// The store is one: each number has one checksum.
fn applied(register: Register) -> Vec<Applied> {
    let each = register.into_iter().filter_map(|(number, checksums)| Some((number, checksums.into_iter().next()?)));
    each.map(|(number, checksum)| Applied { number, checksum }).collect()
}

/// Makes a backup of this name in the directory, which is made if it is not there. Dropping the future ends it.
///
/// # Errors
/// When there is no room, the file system or the engine fails. The store goes on as before, and nothing is left.
pub async fn make(
    store: &EmbeddedStore,
    (directory, name): (&Path, &Name),
    at: Millis,
    progress: &Arc<Progress>,
) -> Result<Manifest, BackupError> {
    let migrations = read_register(store).await?;
    let engine = store.version().await?;
    let frozen = store.freeze().await?;
    let manifest = Manifest {
        format: FORMAT,
        name: name.text().to_owned(),
        at: DateTime::from_timestamp_millis(at).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        engine,
        migrations: applied(migrations),
        held_milliseconds: u64::try_from(frozen.held.as_millis()).unwrap_or(u64::MAX),
        files: 0,
        bytes: 0,
        tables: Vec::new(),
    };
    let (directory, progress) = (directory.to_owned(), Arc::clone(progress));
    let _stop = StopWhenDropped(Arc::clone(&progress));
    let work = tokio::task::spawn_blocking(move || copy(&frozen, &directory, manifest, &progress));
    work.await.unwrap_or(Err(BackupError::Stopped))
}

/// Blocking. What was frozen is copied, and the manifest is completed.
fn copy(
    frozen: &Frozen,
    directory: &Path,
    mut manifest: Manifest,
    progress: &Progress,
) -> Result<Manifest, BackupError> {
    let bytes_total = frozen.tables.iter().map(|table| files::size(&table.directory)).sum::<io::Result<u64>>();
    let bytes_total = bytes_total.map_err(|source| BackupError::file(directory, source))?;
    progress.bytes_total.store(bytes_total, Ordering::Relaxed);
    let mut writing = Writing::begin(directory, &manifest.name, bytes_total)?;
    for table in &frozen.tables {
        let mut copied = Table { name: table.name.clone(), parts: 0, rows: 0, bytes: 0 };
        for part in files::directories(&table.directory).map_err(|source| BackupError::file(directory, source))? {
            let below = Path::new(TABLES).join(&table.name).join(part.file_name().unwrap_or_default());
            copied.parts += 1;
            copied.rows += rows(&part)?;
            copied.bytes += writing.copy_all(&part, &below, progress)?;
        }
        manifest.bytes += copied.bytes;
        manifest.tables.push(copied);
    }
    manifest.files = writing.files();
    let text = serde_json::to_vec_pretty(&manifest).map_err(|error| BackupError::file(directory, error.into()))?;
    writing.finish(&text)?;
    Ok(manifest)
}

/// The engine writes into every part how many rows it has.
fn rows(part: &Path) -> Result<u64, BackupError> {
    let path = part.join("count.txt");
    let text = fs::read_to_string(&path).map_err(|source| BackupError::file(&path, source))?;
    text.trim().parse().map_err(|_| BackupError::file(&path, io::ErrorKind::InvalidData.into()))
}

/// How many whole backups a directory has.
///
/// # Errors
/// When it cannot be read.
pub fn count(directory: &Path) -> io::Result<usize> {
    let is_named = |path: &PathBuf| path.file_name().and_then(|name| Name::parse(name.to_str()?)).is_some();
    Ok(files::directories(directory)?.iter().filter(|path| is_named(path)).count())
}

/// What a backup says of itself.
///
/// # Errors
/// When it is none.
pub fn read_manifest(backup: &Path) -> Result<Manifest, BackupError> {
    let path = backup.join(MANIFEST);
    let file = File::open(&path).map_err(|source| BackupError::NoBackup { directory: backup.to_owned(), source })?;
    let manifest: Manifest = serde_json::from_reader(io::BufReader::new(file))
        .map_err(|source| BackupError::NoBackup { directory: backup.to_owned(), source: source.into() })?;
    if manifest.format != FORMAT {
        return Err(BackupError::Format { format: manifest.format });
    }
    Ok(manifest)
}

/// Why a backup could not be made, checked or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("the label is `{label}`: give 1 to {LABEL_CHARS_MAX} of the characters a-z, 0-9 and -")]
    Label { label: String },
    #[error("there is a backup {path} already: give another label, or wait a second")]
    Exists { path: PathBuf },
    #[error(
        "{directory} has room for {free} bytes, and the backup needs {needed}: make room, or name another directory"
    )]
    NoRoom { directory: PathBuf, free: u64, needed: u64 },
    #[error("{path} cannot be read or written")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the backup was stopped before it was whole")]
    Stopped,
    #[error("{directory} is no whole backup")]
    NoBackup {
        directory: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "the backup has the format {format}, and this program reads {FORMAT}: restore it with the program that made it"
    )]
    Format { format: u32 },
    #[error("the backup is damaged, take another one: {}", findings.join(", "))]
    Damaged { findings: Vec<String> },
    #[error("the backup was made by a newer program (migration {number}) than this one ({newest}): update the program")]
    Newer { number: u32, newest: u32 },
    #[error("the migration {number} of the backup is not the one that this program has: restore it with {program}")]
    OtherMigration { number: u32, program: String },
    #[error("the restored table {table} has {rows} rows in {parts} parts, and the backup {expected}")]
    OtherRows { table: String, rows: u64, parts: u64, expected: String },
    #[error(transparent)]
    Open(#[from] super::OpenError),
    #[error("the tables could not be made")]
    Migration(#[from] super::migrations::MigrationError),
    #[error("the engine failed")]
    Store(#[from] StoreError),
}

impl BackupError {
    /// With its causes, for whoever runs the server.
    pub fn in_words(&self) -> String {
        with_causes(self)
    }

    fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_an_instant_and_a_label_and_leads_nowhere() {
        let at = 1_772_366_400_000;
        assert_eq!(Name::new(at, None).unwrap().text(), "20260301T120000Z");
        assert_eq!(Name::new(at, Some("before-update")).unwrap().text(), "20260301T120000Z-before-update");
        for label in ["", "A", "..", "a/b", "a b", &"a".repeat(41)] {
            assert!(Name::new(at, Some(label)).is_err(), "{label}");
        }
        for name in ["", "..", ".20260301T120000Z", "a/b", "a\0", &"a".repeat(81)] {
            assert!(Name::parse(name).is_none(), "{name}");
        }
    }
}
