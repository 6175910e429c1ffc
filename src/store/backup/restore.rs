//! A store made of a backup, in a data directory of its own.
//!
//! The directory carries a mark until every table has as many rows as the backup says; one with the mark is opened by
//! nobody. Tables are made by the migrations that the backup had, so that its parts fit; later ones run when the store is
//! opened next. What was made of it is removed where it fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{TOLD_MAX, copy, read_sums};
use super::{BackupError, Manifest, Progress, TABLES, read_manifest};
use crate::model::clock::Clock;
use crate::store::data_directory::DataDirectory;
use crate::store::embedded::EmbeddedStore;
use crate::store::limits::Limits;
use crate::store::migrations::{MIGRATIONS, Migration, checksum, migrate};
use crate::store::parts;

/// Where a restore goes, and by which engine.
#[derive(Clone, Debug)]
pub struct Target {
    pub library: PathBuf,
    /// It must be empty, or not there.
    pub data_dir: PathBuf,
    pub database: &'static str,
    pub limits: Limits,
}

/// Restores a backup.
///
/// # Errors
/// When the backup is damaged or of another version, the target is not empty, or the engine or the file system fails. What
/// was made is removed.
pub async fn restore(
    backup: &Path,
    target: &Target,
    clock: &dyn Clock,
    progress: &Arc<Progress>,
) -> Result<Manifest, BackupError> {
    let manifest = read_manifest(backup)?;
    let migrations = migrations_of(&manifest)?;
    let (library, data_dir) = (target.library.clone(), target.data_dir.clone());
    let opening = tokio::task::spawn_blocking(move || DataDirectory::open_to_restore(&library, &data_dir));
    let directory = opening.await.map_err(|_| BackupError::Stopped)??;
    let path = directory.path().to_owned();
    let filled = fill(backup, &manifest, (directory, target), (migrations, clock), progress).await;
    let done = filled.and_then(|()| DataDirectory::finish(&path).map_err(|source| BackupError::file(&path, source)));
    if done.is_err() {
        empty(&path);
    }
    done.map(|()| manifest)
}

/// The migrations that had run when the backup was made; this program must have the same.
fn migrations_of(manifest: &Manifest) -> Result<&'static [Migration], BackupError> {
    for (applied, index) in manifest.migrations.iter().zip(0..) {
        let Some(migration) = MIGRATIONS.get::<usize>(index) else {
            let newest = MIGRATIONS.last().map_or(0, |migration| migration.number);
            return Err(BackupError::Newer { number: applied.number, newest });
        };
        if migration.number != applied.number || checksum(migration.text) != applied.checksum {
            let program = format!("rapport {}", manifest.program);
            return Err(BackupError::OtherMigration { number: applied.number, program });
        }
    }
    Ok(&MIGRATIONS[..manifest.migrations.len()])
}

async fn fill(
    backup: &Path,
    manifest: &Manifest,
    (directory, target): (DataDirectory, &Target),
    (migrations, clock): (&[Migration], &dyn Clock),
    progress: &Arc<Progress>,
) -> Result<(), BackupError> {
    let (database, limits) = (target.database, target.limits.clone());
    let opening = tokio::task::spawn_blocking(move || EmbeddedStore::open(&directory, database, limits));
    let store = opening.await.map_err(|_| BackupError::Stopped)??;
    let filled = fill_tables(&store, backup, manifest, (migrations, clock), progress).await;
    store.close().await;
    filled
}

async fn fill_tables(
    store: &EmbeddedStore,
    backup: &Path,
    manifest: &Manifest,
    (migrations, clock): (&[Migration], &dyn Clock),
    progress: &Arc<Progress>,
) -> Result<(), BackupError> {
    // Views follow when the store is opened: those of this program may need later columns.
    migrate(store, clock, migrations, &[]).await?;
    let tables = store.tables().await?;
    let places = manifest.tables.iter().map(|table| {
        let found = tables.iter().find(|(name, _)| *name == table.name);
        let unknown = || BackupError::Damaged { findings: vec![format!("no migration makes a table {}", table.name)] };
        found.map(|(name, path)| (name.clone(), path.join("detached"))).ok_or_else(unknown)
    });
    let places = places.collect::<Result<Vec<_>, _>>()?;
    let (from, count, copied) = (backup.to_owned(), manifest.files, Arc::clone(progress));
    progress.bytes_total.store(manifest.bytes, std::sync::atomic::Ordering::Relaxed);
    let copying = tokio::task::spawn_blocking(move || copy_parts(&from, count, &places, &copied));
    copying.await.map_err(|_| BackupError::Stopped)??;
    for table in &manifest.tables {
        store.attach(table.name.clone()).await?;
    }
    let found = parts::by_table(store).await?;
    for table in &manifest.tables {
        let is_it = |found: &&parts::Parts| found.table == table.name;
        let (rows, parts) = found.iter().find(is_it).map_or((0, 0), |found| (found.rows, found.parts));
        if (rows, parts) != (table.rows, table.parts) {
            let expected = format!("{} rows in {} parts", table.rows, table.parts);
            return Err(BackupError::OtherRows { table: table.name.clone(), rows, parts, expected });
        }
    }
    Ok(())
}

/// Blocking. Copies the files of every table to where the engine takes parts from, and compares each with its sum.
fn copy_parts(backup: &Path, files: u64, places: &[(String, PathBuf)], progress: &Progress) -> Result<(), BackupError> {
    let sums = read_sums(backup)?;
    let mut findings = Vec::new();
    // The list ends with no mark of its own; the manifest stands in it too.
    if sums.len() as u64 != files + 1 {
        findings.push(format!("{} of {files} files are listed", sums.len().saturating_sub(1)));
    }
    for (path, sum) in &sums {
        let Some((table, below)) = path.strip_prefix(TABLES).and_then(|rest| rest[1..].split_once('/')) else {
            continue;
        };
        let Some((_, place)) = places.iter().find(|(name, _)| name == table) else { continue };
        let from = backup.join(path);
        let is_same = match copy(&from, &place.join(below), progress) {
            Ok(copied) => copied.sum == *sum,
            // One that is not there is a finding; a disk that is full is not.
            Err(BackupError::File { path, .. }) if path == from => false,
            Err(error) => return Err(error),
        };
        if !is_same {
            findings.push(format!("{path} is not what was written"));
        }
    }
    findings.truncate(TOLD_MAX);
    if findings.is_empty() { Ok(()) } else { Err(BackupError::Damaged { findings }) }
}

/// Removes what a failed restore made. The mark goes last, so that whatever stays is not taken for a store.
fn empty(data_dir: &Path) {
    let removed = fs::remove_dir_all(data_dir.join("chdb"));
    if let Err(error) = removed.and_then(|()| DataDirectory::finish(data_dir)) {
        tracing::warn!(%error, path = %data_dir.display(), "what a restore left cannot be removed: delete the directory");
    }
}
