//! The record's files: one a UTC day, readable by their owner alone, kept for so many days.
//!
//! A line belongs to the day of its request, also when it ends after midnight. Files of other names are left alone.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};

use super::log::Sink;

/// The name of a day's file.
const NAME: &str = "%Y-%m-%d.ndjson";

/// Days that go when a new one begins or the server starts: two, so that a reading of a clock that is years ahead does not
/// cost the whole record.
const REMOVED_AT_ONCE: usize = 2;

/// A file that is there only while the directory is tried.
const PROBE: &str = ".tried";

/// A directory of files.
pub struct Files {
    directory: PathBuf,
    days_kept: u32,
    open: Option<(NaiveDate, File)>,
    /// The latest day seen; a later one is when old files go.
    latest: NaiveDate,
}

impl Files {
    /// Makes the directory, opens the day's file, and removes what is too old.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(directory: &Path, days_kept: u32, today: NaiveDate) -> Result<Self, FilesError> {
        let opened = make(directory).and_then(|()| open_day(directory, today));
        let file = opened.map_err(|source| FilesError { directory: directory.to_owned(), source })?;
        let files = Self { directory: directory.to_owned(), days_kept, open: Some((today, file)), latest: today };
        files.remove_old();
        Ok(files)
    }

    /// Whether it could be written: for a moment there is a file in it, or in the nearest directory above it that there is. It
    /// is not made: whoever asks may be somebody else than who serves.
    ///
    /// # Errors
    /// When it could not.
    pub fn check(directory: &Path) -> Result<(), FilesError> {
        let nearest = directory.ancestors().find(|above| above.exists()).unwrap_or(Path::new("."));
        let probe = nearest.join(PROBE);
        let checked = File::create(&probe).and_then(|_| fs::remove_file(&probe));
        checked.map_err(|source| FilesError { directory: directory.to_owned(), source })
    }

    fn remove_old(&self) {
        if let Err(error) = self.try_remove_old() {
            tracing::warn!(%error, "old files of the audit log could not be removed");
        }
    }

    fn try_remove_old(&self) -> io::Result<()> {
        let Some(oldest) = self.latest.checked_sub_days(Days::new(u64::from(self.days_kept.saturating_sub(1)))) else {
            return Ok(());
        };
        let mut old = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let day = name.to_str().and_then(|name| NaiveDate::parse_from_str(name, NAME).ok());
            old.extend(day.filter(|day| *day < oldest && day.format(NAME).to_string().as_str() == name));
        }
        old.sort_unstable();
        for day in old.into_iter().take(REMOVED_AT_ONCE) {
            fs::remove_file(self.directory.join(day.format(NAME).to_string()))?;
            tracing::info!(%day, "a day of the audit log was removed: it was older than `audit_days`");
        }
        Ok(())
    }
}

impl Sink for Files {
    fn write(&mut self, day: NaiveDate, lines: &[u8]) -> io::Result<()> {
        let file = match self.open.take() {
            Some((open, file)) if open == day => file,
            before => {
                if let Some((_, file)) = before {
                    file.sync_data()?;
                }
                open_day(&self.directory, day)?
            }
        };
        // Only a file that took everything stays open: the next try ends a line that broke off.
        (&file).write_all(lines)?;
        self.open = Some((day, file));
        if self.latest < day {
            self.latest = day;
            self.remove_old();
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open.as_ref().map_or(Ok(()), |(_, file)| file.sync_data())
    }
}

fn make(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

/// A day's file, at its end.
fn open_day(directory: &Path, day: NaiveDate) -> io::Result<File> {
    let path = directory.join(day.format(NAME).to_string());
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("a day's file is a device or a pipe"));
    }
    // It may have been there before, with more rights.
    file.set_permissions(Permissions::from_mode(0o600))?;
    if 0 < file.seek(SeekFrom::End(0))? {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

/// The directory cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the audit log cannot be written to {}: make the directory writable, set RAPPORT_AUDIT_DIR to another, or RAPPORT_AUDIT=off", directory.display())]
pub struct FilesError {
    directory: PathBuf,
    source: io::Error,
}
