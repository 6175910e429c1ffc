//! The files of a backup: copied with their sums, checked against them. It knows no engine.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{BackupError, MANIFEST, Progress};
use crate::model::hex;
use crate::store::data_directory::free_bytes;
use crate::store::private::{create_file, make_directories, write_file};

/// The list of all files with their sums, as `sha256sum --check` reads it.
pub const SUMS: &str = "files.sha256";

/// Its lock says that a backup is being made.
const LOCK: &str = "making.lock";

/// What a backup's name ends with while it is being made.
const UNFINISHED: &str = ".unfinished";

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;

/// What a file system needs beside the bytes of files: blocks that are not full, directories. A twentieth, and 16 MiB.
const ROOM_MORE: u64 = 16 << 20;

/// Damaged files that are told by name; there can be thousands.
pub(super) const TOLD_MAX: usize = 5;

/// A backup while it is written. Dropped before its end, it goes.
pub(super) struct Writing {
    directory: PathBuf,
    unfinished: PathBuf,
    name: String,
    sums: BTreeMap<String, String>,
    lock: Option<File>,
}

impl Writing {
    /// Makes the directory of a backup that is to be, after what a killed process left.
    pub(super) fn begin(directory: &Path, name: &str, bytes: u64) -> Result<Self, BackupError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BackupError::File { path, source }
        };
        make_directories(directory).map_err(failed(directory))?;
        remove_unfinished(directory).map_err(failed(directory))?;
        let path = directory.join(name);
        if path.exists() {
            return Err(BackupError::Exists { path });
        }
        let needed = bytes + bytes / 20 + ROOM_MORE;
        let free = free_bytes(directory).map_err(failed(directory))?;
        if free < needed {
            return Err(BackupError::NoRoom { directory: directory.to_owned(), free, needed });
        }
        let unfinished = directory.join(format!(".{name}{UNFINISHED}"));
        make_directories(&unfinished).map_err(failed(&unfinished))?;
        let mut writing = Self {
            directory: directory.to_owned(),
            name: name.to_owned(),
            sums: BTreeMap::new(),
            lock: None,
            unfinished,
        };
        let path = writing.unfinished.join(LOCK);
        let lock = create_file(&path).map_err(failed(&path))?;
        lock.try_lock().map_err(|error| failed(&path)(error.into()))?;
        writing.lock = Some(lock);
        Ok(writing)
    }

    pub(super) fn files(&self) -> u64 {
        self.sums.len() as u64
    }

    /// Copies all files of a directory to a place in the backup; returns their bytes.
    pub(super) fn copy_all(&mut self, from: &Path, below: &Path, progress: &Progress) -> Result<u64, BackupError> {
        let mut bytes = 0;
        for path in walk(from).map_err(|source| BackupError::file(from, source))? {
            let relative = below.join(path.strip_prefix(from).unwrap_or(&path));
            let copied = copy(&path, &self.unfinished.join(&relative), progress)?;
            bytes += copied.bytes;
            self.sums.insert(relative.to_string_lossy().into_owned(), copied.sum);
        }
        Ok(bytes)
    }

    /// Writes the manifest and the list of sums, and gives the backup its name when all of it is on disk.
    pub(super) fn finish(mut self, manifest: &[u8]) -> Result<(), BackupError> {
        self.sums.insert(MANIFEST.to_owned(), hex(&Sha256::digest(manifest)));
        let sums: String = self.sums.iter().map(|(path, sum)| format!("{sum}  {path}\n")).collect();
        let path = self.directory.join(&self.name);
        let moved = (|| {
            write_file(&self.unfinished.join(MANIFEST), manifest)?;
            write_file(&self.unfinished.join(SUMS), sums.as_bytes())?;
            fs::remove_file(self.unfinished.join(LOCK))?;
            // One call for thousands of files: to wait for each of them would take minutes.
            rustix::fs::syncfs(File::open(&self.unfinished)?)?;
            fs::rename(&self.unfinished, &path)?;
            File::open(&self.directory)?.sync_all()
        })();
        moved.map_err(|source| BackupError::File { path, source })
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // After the end it is not there any more.
        if self.unfinished.exists()
            && let Err(error) = fs::remove_dir_all(&self.unfinished)
        {
            tracing::warn!(%error, path = %self.unfinished.display(), "an unfinished backup cannot be removed");
        }
    }
}

/// Backups of processes that were killed: those whose lock nobody holds.
fn remove_unfinished(directory: &Path) -> io::Result<()> {
    for path in directories(directory)? {
        let is_unfinished = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(UNFINISHED));
        let is_made = || File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_err());
        if is_unfinished && !is_made() {
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

/// What was read and written of one file.
pub(super) struct Copied {
    pub bytes: u64,
    pub sum: String,
}

/// Copies a file and says its sum. The sum is of what was written, so that a reader can compare it with what was meant.
pub(super) fn copy(from: &Path, to: &Path, progress: &Progress) -> Result<Copied, BackupError> {
    let written = |source| BackupError::file(to, source);
    if let Some(parent) = to.parent() {
        make_directories(parent).map_err(written)?;
    }
    let mut output = create_file(to).map_err(written)?;
    read(from, |chunk| {
        output.write_all(chunk).map_err(written)?;
        progress.add(chunk.len() as u64)
    })
}

fn read(path: &Path, mut take: impl FnMut(&[u8]) -> Result<(), BackupError>) -> Result<Copied, BackupError> {
    let failed = |source| BackupError::file(path, source);
    let mut input = File::open(path).map_err(failed)?;
    let (mut digest, mut bytes) = (Sha256::new(), 0);
    let size = input.metadata().map_err(failed)?.len();
    let mut buffer = vec![0; usize::try_from(size).unwrap_or(CHUNK).clamp(1, CHUNK)];
    loop {
        match input.read(&mut buffer).map_err(failed)? {
            0 => return Ok(Copied { bytes, sum: hex(&digest.finalize()) }),
            count => {
                digest.update(&buffer[..count]);
                bytes += count as u64;
                take(&buffer[..count])?;
            }
        }
    }
}

/// The files of a backup by their paths, with the sums that they should have.
///
/// # Errors
/// When there is no list, or it is not what it should be.
pub fn read_sums(backup: &Path) -> Result<BTreeMap<String, String>, BackupError> {
    let path = backup.join(SUMS);
    let text = fs::read_to_string(&path);
    let text = text.map_err(|source| BackupError::NoBackup { directory: backup.to_owned(), source })?;
    let mut sums = BTreeMap::new();
    for line in text.lines() {
        let parsed = line.split_once("  ").filter(|(sum, path)| sum.len() == 64 && is_inside(path));
        let Some((sum, path)) = parsed else {
            return Err(BackupError::Damaged { findings: vec![format!("a line of {SUMS} is none")] });
        };
        sums.insert(path.to_owned(), sum.to_owned());
    }
    Ok(sums)
}

/// Whether a path stays below where it begins.
fn is_inside(path: &str) -> bool {
    !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Reads every file of a backup and compares it with its sum. Returns the bytes.
///
/// # Errors
/// [`BackupError::Damaged`] with what is missing, more than listed, or not what it was.
pub fn verify(backup: &Path, progress: &Progress) -> Result<u64, BackupError> {
    let sums = read_sums(backup)?;
    let mut findings = Findings::default();
    let mut bytes = 0;
    for (path, sum) in &sums {
        match read(&backup.join(path), |chunk| progress.add(chunk.len() as u64)) {
            Ok(found) if found.sum == *sum => bytes += found.bytes,
            Ok(_) => findings.add(|| format!("{path} is not what was written")),
            Err(BackupError::Stopped) => return Err(BackupError::Stopped),
            Err(_) => findings.add(|| format!("{path} cannot be read")),
        }
    }
    let found = walk(backup).map_err(|source| BackupError::file(backup, source))?;
    for path in found {
        let relative = path.strip_prefix(backup).unwrap_or(&path).to_string_lossy();
        if relative != SUMS && !sums.contains_key(relative.as_ref()) {
            findings.add(|| format!("{relative} does not belong to it"));
        }
    }
    findings.into_result().map(|()| bytes)
}

/// What is wrong with a backup: the first few, and how many more.
#[derive(Default)]
struct Findings {
    told: Vec<String>,
    more: usize,
}

impl Findings {
    fn add(&mut self, finding: impl FnOnce() -> String) {
        match self.told.len() < TOLD_MAX {
            true => self.told.push(finding()),
            false => self.more += 1,
        }
    }

    fn into_result(mut self) -> Result<(), BackupError> {
        if 0 < self.more {
            self.told.push(format!("and {} more", self.more));
        }
        if self.told.is_empty() { Ok(()) } else { Err(BackupError::Damaged { findings: self.told }) }
    }
}

/// All files below a directory, in order; none where it is not there.
pub(super) fn walk(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut files, mut open) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(directory) = open.pop() {
        for (path, is_directory) in entries(&directory)? {
            if is_directory { open.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

/// The directories in a directory, in order; none where it is not there.
pub(super) fn directories(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found: Vec<_> = entries(directory)?.into_iter().filter(|entry| entry.1).map(|entry| entry.0).collect();
    found.sort();
    Ok(found)
}

/// Bytes of all files below a directory.
pub(super) fn size(directory: &Path) -> io::Result<u64> {
    walk(directory)?.iter().map(|path| Ok(fs::metadata(path)?.len())).sum()
}

/// Paths, and whether each is a directory.
fn entries(directory: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
    match fs::read_dir(directory) {
        Ok(found) => {
            found.map(|entry| entry.and_then(|entry| Ok((entry.path(), entry.file_type()?.is_dir())))).collect()
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(parent: &Path) -> PathBuf {
        let from = parent.join("part");
        fs::create_dir_all(from.join("inner")).unwrap();
        fs::write(from.join("a.bin"), vec![7; CHUNK + 3]).unwrap();
        fs::write(from.join("inner/b.txt"), "b").unwrap();
        let mut writing = Writing::begin(&parent.join("backups"), "one", 10).unwrap();
        let bytes = writing.copy_all(&from, Path::new("tables/t/part"), &Progress::default()).unwrap();
        assert_eq!(bytes, CHUNK as u64 + 4);
        writing.finish(b"{}").unwrap();
        parent.join("backups/one")
    }

    #[test]
    fn nobody_but_its_owner_reads_a_backup() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let backup = made(parent.path());
        let rights = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let mut directories = vec![parent.path().join("backups"), backup.clone()];
        directories
            .extend(["tables", "tables/t", "tables/t/part", "tables/t/part/inner"].map(|path| backup.join(path)));
        for directory in directories {
            assert_eq!(rights(&directory), 0o700, "{}", directory.display());
        }
        let files = walk(&backup).unwrap();
        assert_eq!(files.len(), 4);
        for file in files {
            assert_eq!(rights(&file), 0o600, "{}", file.display());
        }
    }

    type Damage = (&'static str, fn(&Path));

    #[test]
    fn a_whole_backup_is_found_to_be_whole_and_every_damage_is_found() {
        let parent = tempfile::tempdir().unwrap();
        let backup = made(parent.path());
        assert_eq!(verify(&backup, &Progress::default()).unwrap(), CHUNK as u64 + 6);
        let damage: [Damage; 4] = [
            ("tables/t/part/a.bin is not what was written", |path| {
                let mut bytes = fs::read(path.join("tables/t/part/a.bin")).unwrap();
                bytes[CHUNK + 1] ^= 1;
                fs::write(path.join("tables/t/part/a.bin"), bytes).unwrap();
            }),
            ("b.txt cannot be read", |path| fs::remove_file(path.join("tables/t/part/inner/b.txt")).unwrap()),
            ("more.bin does not belong to it", |path| fs::write(path.join("tables/more.bin"), "x").unwrap()),
            ("a line of files.sha256 is none", |path| fs::write(path.join(SUMS), "../../etc/passwd\n").unwrap()),
        ];
        for (expect, damage) in damage {
            damage(&backup);
            let error = verify(&backup, &Progress::default()).unwrap_err().to_string();
            assert!(error.contains(expect), "{expect}: {error}");
        }
    }

    #[test]
    fn what_is_not_whole_leaves_nothing_and_what_was_killed_goes_with_the_next() {
        let parent = tempfile::tempdir().unwrap();
        let backups = parent.path().join("backups");
        let writing = Writing::begin(&backups, "two", 10).unwrap();
        drop(writing);
        assert_eq!(fs::read_dir(&backups).unwrap().count(), 0);
        fs::create_dir_all(backups.join(".three.unfinished")).unwrap();
        // One that somebody makes at this moment stays.
        let made = Writing::begin(&backups, "four", 10).unwrap();
        let next = Writing::begin(&backups, "five", 10).unwrap();
        assert!(!backups.join(".three.unfinished").exists() && backups.join(".four.unfinished").exists());
        drop((made, next));
        assert!(matches!(Writing::begin(&backups, "six", u64::MAX / 2), Err(BackupError::NoRoom { .. })));
    }
}
