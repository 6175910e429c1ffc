//! The directory that the embedded engine keeps its data in, owned by one process.
//!
//! The engine allows one process a directory and, in a process, one directory at a time. A lock of our own makes
//! the first rule a clear message. This module opens connections; what runs on them is in [`super::embedded`].

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use adbc_core::options::{AdbcVersion, OptionDatabase, OptionValue};
use adbc_core::{Database, Driver};
use adbc_driver_manager::{ManagedConnection, ManagedDatabase, ManagedDriver};

use super::private::{create_file, make_directories, open_file};
use super::{OpenError, StoreError};

/// The library's entry point for ADBC.
const ENTRY_POINT: &[u8] = b"chdb_adbc_init";

/// The file whose lock says whose the directory is.
const LOCK: &str = "rapport.lock";

/// The file that is there from a restore's first step to its last.
const UNFINISHED: &str = "restore-unfinished";

/// The engine's own directory.
const ENGINE: &str = "chdb";

/// What the names of frozen instants begin with, below `shadow`.
pub(super) const FROZEN: &str = "rapport_";

/// An open data directory. Clones are the same directory; the last one that goes closes and unlocks it.
#[derive(Clone)]
pub struct DataDirectory {
    open: Arc<Open>,
}

struct Open {
    path: PathBuf,
    /// Numbers connections and queries, so that each can be told apart in the whole process.
    numbers: AtomicU64,
    // Order matters: fields are dropped from top to bottom, and the lock must outlive the engine.
    database: ManagedDatabase,
    _lock: File,
}

impl DataDirectory {
    /// Locks the directory, creating it if needed, and opens the engine in it. Blocks for 0.1 s to 0.5 s.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: another process has it, it cannot be written, or the library is no engine.
    pub fn open(library: &Path, path: &Path) -> Result<Self, OpenError> {
        let lock = lock(path)?;
        if path.join(UNFINISHED).exists() {
            return Err(OpenError::Unfinished { directory: path.to_owned() });
        }
        Self::open_locked(library, path, lock)
    }

    /// The same for a restore: the directory must be empty, and nobody opens it before [`DataDirectory::finish`]. What
    /// is left of a restore that breaks off is never taken for a store.
    ///
    /// # Errors
    ///
    /// As [`DataDirectory::open`], and [`OpenError::NotEmpty`].
    pub fn open_to_restore(library: &Path, path: &Path) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Directory { directory: path.to_owned(), source };
        let lock = lock(path)?;
        for entry in fs::read_dir(path).map_err(unusable)? {
            let name = entry.map_err(unusable)?.file_name().to_string_lossy().into_owned();
            if name == UNFINISHED {
                return Err(OpenError::Unfinished { directory: path.to_owned() });
            }
            // What a new file system has of itself, and the lock that has just been taken.
            if name != LOCK && name != "lost+found" {
                return Err(OpenError::NotEmpty { directory: path.to_owned(), found: name });
            }
        }
        let mark = create_file(&path.join(UNFINISHED)).and_then(|mark| mark.sync_all());
        mark.and_then(|()| File::open(path)?.sync_all()).map_err(unusable)?;
        Self::open_locked(library, path, lock)
    }

    /// From here on a restored directory is a store.
    ///
    /// # Errors
    ///
    /// When the file system fails; the directory stays unfinished.
    pub fn finish(path: &Path) -> io::Result<()> {
        // Everything before the mark goes.
        rustix::fs::syncfs(File::open(path)?)?;
        fs::remove_file(path.join(UNFINISHED))?;
        File::open(path)?.sync_all()
    }

    fn open_locked(library: &Path, path: &Path, lock: File) -> Result<Self, OpenError> {
        remove_frozen(path);
        // The engine joins a relative path to itself when it writes.
        let path = path.canonicalize().map_err(|source| OpenError::Directory { directory: path.to_owned(), source })?;
        let database = load(library, &path.join(ENGINE))?;
        Ok(Self { open: Arc::new(Open { path, numbers: AtomicU64::new(0), database, _lock: lock }) })
    }

    pub fn path(&self) -> &Path {
        &self.open.path
    }

    /// Where the engine keeps its own.
    pub(super) fn engine_path(&self) -> PathBuf {
        self.open.path.join(ENGINE)
    }

    /// A new connection of the engine. Takes 1 to 2 ms; the first one, which starts the engine, 0.3 s.
    pub(super) fn connect(&self) -> Result<ManagedConnection, StoreError> {
        self.open.database.new_connection().map_err(|error| StoreError::Engine { code: 0, message: error.message })
    }

    /// A number that nothing else of this process has.
    pub(super) fn next_number(&self) -> u64 {
        self.open.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

impl fmt::Debug for DataDirectory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DataDirectory").field("path", &self.open.path).finish_non_exhaustive()
    }
}

/// Takes the lock file, which says whose it is, for as long as the returned file is open.
fn lock(directory: &Path) -> Result<File, OpenError> {
    let unusable = |source| OpenError::Directory { directory: directory.to_owned(), source };
    make_directories(directory).map_err(unusable)?;
    let mut file = open_file(&directory.join(LOCK)).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => {
            write_owner(&mut file).map_err(unusable)?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            // The number is only a help; without it the message still says what to do.
            let _ = file.read_to_string(&mut process);
            let process = process.trim();
            let owner = if process.is_empty() { String::new() } else { format!(" (process {process})") };
            Err(OpenError::InUse { directory: directory.to_owned(), owner })
        }
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// What a process that was killed had frozen: it would keep the files of old parts for ever. Nobody else can have frozen
/// it, because the lock is ours.
fn remove_frozen(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory.join(ENGINE).join("shadow")) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(FROZEN)
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::warn!(%error, path = %entry.path().display(), "what a backup had frozen cannot be removed");
        }
    }
}

/// Bytes that may still be written where a directory is.
///
/// # Errors
/// When the file system does not say.
pub fn free_bytes(directory: &Path) -> io::Result<u64> {
    let told = rustix::fs::statvfs(directory)?;
    Ok(told.f_bavail.saturating_mul(told.f_frsize))
}

fn write_owner(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn load(library: &Path, path: &Path) -> Result<ManagedDatabase, OpenError> {
    let failed =
        |error: adbc_core::error::Error| OpenError::Library { library: library.to_owned(), reason: error.message };
    let mut driver =
        ManagedDriver::load_dynamic_from_filename(library, Some(ENTRY_POINT), AdbcVersion::V110).map_err(failed)?;
    let path = path.to_string_lossy().into_owned();
    driver
        .new_database_with_opts([(OptionDatabase::Other("path".to_owned()), OptionValue::String(path))])
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_directory_that_is_made_is_its_owners_alone_and_one_that_is_there_stays_as_it_is() {
        let parent = tempfile::tempdir().unwrap();
        let rights = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let made = parent.path().join("a/b");
        drop(lock(&made).unwrap());
        assert_eq!((rights(&made), rights(&made.join(LOCK))), (0o700, 0o600));
        let there = parent.path().join("c");
        fs::create_dir(&there).unwrap();
        fs::set_permissions(&there, fs::Permissions::from_mode(0o750)).unwrap();
        drop(lock(&there).unwrap());
        assert_eq!(rights(&there), 0o750);
    }
}
