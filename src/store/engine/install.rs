//! Fetches the engine's package by npm, so that the user's own registry settings apply, and unpacks it.
//!
//! Only one process at a time gets here: the caller holds the lock. Nothing appears under its final name before it is
//! complete and verified.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::progress::Progress;
use super::{Cache, EngineError, LIBRARY, Pinned, VERSION, failed};
use crate::model::hex;

const PACKAGE: &str = "@chdb/lib-linux-x64-gnu";
/// Where the library is in the package.
const ENTRY: &str = "package/libchdb.so";
const TARBALL: Pinned =
    Pinned { bytes: 177_817_999, checksum: "c0d32b129e988f2b9a9a31c9141aecf5e1e2453f9a079efc4d36ab8e3f92b2ad" };
/// Name of a download's directory up to the number of its process.
const DOWNLOAD: &str = "download-";
/// Bytes copied at a time: large enough that counting and hashing cost nothing beside them.
const CHUNK_BYTES: usize = 1 << 18;

/// Puts the verified library in its place.
pub(super) fn install(cache: &Cache) -> Result<(), EngineError> {
    remove_old_downloads(&cache.directory)?;
    let download = Download::create(&cache.directory)?;
    let tarball = pack(&download.directory)?;
    verify(&tarball, &TARBALL)?;
    let library = download.directory.join("libchdb.so");
    unpack(&tarball, &library)?;
    verify(&library, &LIBRARY)?;
    fs::rename(&library, cache.library()).map_err(|source| failed(&cache.library(), source))
}

/// Compares a file with what it must be.
pub(super) fn verify(path: &Path, expected: &Pinned) -> Result<(), EngineError> {
    let size = fs::metadata(path).map_err(|source| failed(path, source))?.len();
    if size != expected.bytes {
        return Err(EngineError::Checksum {
            path: path.to_owned(),
            found: format!("{size} bytes"),
            expected: format!("{} bytes", expected.bytes),
        });
    }
    let progress = Progress::bytes("verifying the engine", size);
    let mut file = File::open(path).map_err(|source| failed(path, source))?;
    let mut hash = Sha256::new();
    copy(&mut file, &progress, |chunk| {
        hash.update(chunk);
        Ok(())
    })
    .map_err(|source| failed(path, source))?;
    progress.finish();
    let found = hex(&hash.finalize());
    if found != expected.checksum {
        return Err(EngineError::Checksum {
            path: path.to_owned(),
            found: format!("SHA-256 {found}"),
            expected: format!("SHA-256 {}", expected.checksum),
        });
    }
    Ok(())
}

/// A directory of this process that goes away with everything in it, also when a step fails.
struct Download {
    directory: PathBuf,
}

impl Download {
    fn create(parent: &Path) -> Result<Self, EngineError> {
        let directory = parent.join(format!("{DOWNLOAD}{}", std::process::id()));
        fs::create_dir(&directory).map_err(|source| failed(&directory, source))?;
        Ok(Self { directory })
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        // What stays behind is removed by the next installation.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Removes what a killed process left: whoever holds the lock knows that nobody else is downloading.
fn remove_old_downloads(parent: &Path) -> Result<(), EngineError> {
    for entry in fs::read_dir(parent).map_err(|source| failed(parent, source))? {
        let entry = entry.map_err(|source| failed(parent, source))?;
        if entry.file_name().to_string_lossy().starts_with(DOWNLOAD) {
            fs::remove_dir_all(entry.path()).map_err(|source| failed(&entry.path(), source))?;
        }
    }
    Ok(())
}

/// Lets npm fetch the package; returns its file.
fn pack(directory: &Path) -> Result<PathBuf, EngineError> {
    let progress = Progress::spinner("fetching the engine (chDB, 178 MB) with npm, once for this machine");
    let output = Command::new("npm")
        .args(["pack", &format!("{PACKAGE}@{VERSION}"), "--pack-destination"])
        .arg(directory)
        .output();
    progress.finish();
    let output = match output {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(EngineError::NoNpm),
        Err(error) => return Err(EngineError::Npm { message: error.to_string() }),
    };
    if !output.status.success() {
        return Err(EngineError::Npm { message: reason(&String::from_utf8_lossy(&output.stderr)) });
    }
    for entry in fs::read_dir(directory).map_err(|source| failed(directory, source))? {
        let path = entry.map_err(|source| failed(directory, source))?.path();
        if path.extension().is_some_and(|extension| extension == "tgz") {
            return Ok(path);
        }
    }
    Err(EngineError::Npm { message: "nothing, but it left no package".to_owned() })
}

/// The reason in what npm says: it stands first among the errors, advice and paths follow.
fn reason(text: &str) -> String {
    const LINES: usize = 4;
    let errors = text.lines().filter_map(|line| line.strip_prefix("npm error").or(line.strip_prefix("npm ERR!")));
    let lines: Vec<&str> = errors.map(str::trim).filter(|line| !line.is_empty()).take(LINES).collect();
    if lines.is_empty() { text.trim().to_owned() } else { lines.join("; ") }
}

/// Writes the package's library to a file, on disk when this returns.
fn unpack(tarball: &Path, library: &Path) -> Result<(), EngineError> {
    let tarball_failed = |source| failed(tarball, source);
    let file = BufReader::with_capacity(CHUNK_BYTES, File::open(tarball).map_err(tarball_failed)?);
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    for entry in archive.entries().map_err(tarball_failed)? {
        let mut entry = entry.map_err(tarball_failed)?;
        if entry.path().map_err(tarball_failed)? != Path::new(ENTRY) {
            continue;
        }
        let library_failed = |source| failed(library, source);
        let progress = Progress::bytes("unpacking the engine", LIBRARY.bytes);
        let mut target = BufWriter::new(File::create(library).map_err(library_failed)?);
        copy(&mut entry, &progress, |chunk| target.write_all(chunk)).map_err(library_failed)?;
        let target = target.into_inner().map_err(|error| library_failed(error.into_error()))?;
        target.sync_all().map_err(library_failed)?;
        progress.finish();
        return Ok(());
    }
    Err(EngineError::NotInPackage)
}

/// Hands everything that the source has to the sink, a chunk at a time.
fn copy(source: &mut impl Read, progress: &Progress, mut sink: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = source.read(&mut chunk)?;
        if length == 0 {
            return Ok(());
        }
        sink(&chunk[..length])?;
        progress.advance(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_refused() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("file");
        fs::write(&path, "abc").expect("the directory is writable");
        let checksum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(verify(&path, &Pinned { bytes: 3, checksum }).is_ok());
        assert!(verify(&path, &Pinned { bytes: 4, checksum }).is_err());
        fs::write(&path, "abd").expect("the directory is writable");
        assert!(verify(&path, &Pinned { bytes: 3, checksum }).is_err());
    }

    #[test]
    fn of_npms_words_the_reason_is_kept() {
        let text = "npm warn old\nnpm error code E404\nnpm error\nnpm error 404 Not Found\n";
        assert_eq!(reason(text), "code E404; 404 Not Found");
        assert_eq!(reason("killed\n"), "killed");
    }
}
