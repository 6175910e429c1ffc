//! Finds the engine's library, `libchdb.so`, and installs it where it is missing.
//!
//! The library is used only after its size and checksum are known to be right. A library that the caller names is
//! taken as it is. How it is fetched and unpacked is in [`install`]; loading it is the work of
//! [`super::data_directory`].

mod install;
mod progress;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use self::progress::Progress;

/// The release of chDB that this program was made and tested with.
pub const VERSION: &str = "26.7.3-stable.1";
/// Where a person gets the library without npm. The program itself never goes there.
const RELEASES: &str = "https://github.com/chdb-io/chdb/releases";
/// The only platform whose checksums could be verified.
const SUPPORTED: bool = cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"));

const LIBRARY: Pinned =
    Pinned { bytes: 566_330_096, checksum: "36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5" };

/// A file that must be exactly this one.
struct Pinned {
    bytes: u64,
    /// SHA-256 in lower-case hexadecimal digits.
    checksum: &'static str,
}

/// Where the engine may come from.
#[derive(Clone, Debug)]
pub struct EngineSource {
    /// A library to take as it is, whatever its version.
    pub library: Option<PathBuf>,
    /// The user's cache directory for this program; the library is kept below it.
    pub cache_dir: PathBuf,
}

/// The path of a library that is ready to load, installing it if needed: 178 MB to fetch, 744 MB of disk meanwhile,
/// 566 MB of it for good.
///
/// Blocks, the first time for as long as the download takes, and says on stderr what it does. Several processes may do
/// this at once: one installs, the others wait.
///
/// # Errors
///
/// [`EngineError`]; each message says what to do.
pub fn find_or_install(source: &EngineSource) -> Result<PathBuf, EngineError> {
    if let Some(library) = &source.library {
        // Absolute, because the loader searches the system's directories for a bare file name.
        return library
            .canonicalize()
            .map_err(|source| EngineError::NoSuchLibrary { library: library.clone(), source });
    }
    let cache = Cache { directory: source.cache_dir.join("engine").join(VERSION) };
    if cache.is_ready() {
        return Ok(cache.library());
    }
    if !SUPPORTED {
        return Err(EngineError::Platform { os: std::env::consts::OS, architecture: std::env::consts::ARCH });
    }
    fs::create_dir_all(&cache.directory).map_err(|source| cache.failed(source))?;
    let _lock = cache.lock()?;
    // Another process may have installed it while this one waited.
    if !cache.is_ready() {
        if !cache.has_unverified_library() {
            install::install(&cache)?;
        }
        cache.write_marker()?;
    }
    Ok(cache.library())
}

/// The directory of one release.
struct Cache {
    directory: PathBuf,
}

impl Cache {
    fn library(&self) -> PathBuf {
        self.directory.join("libchdb.so")
    }

    /// Written after the checksum was found right, so that 566 MB are not read again at each start.
    fn marker(&self) -> PathBuf {
        self.directory.join("libchdb.so.sha256")
    }

    fn is_ready(&self) -> bool {
        let size = fs::metadata(self.library()).map(|metadata| metadata.len());
        let checksum = fs::read_to_string(self.marker());
        size.is_ok_and(|size| size == LIBRARY.bytes) && checksum.is_ok_and(|text| text.trim() == LIBRARY.checksum)
    }

    /// Whether the right library lies there and only the marker is missing.
    fn has_unverified_library(&self) -> bool {
        let size = fs::metadata(self.library()).map(|metadata| metadata.len());
        size.is_ok_and(|size| size == LIBRARY.bytes) && install::verify(&self.library(), &LIBRARY).is_ok()
    }

    fn write_marker(&self) -> Result<(), EngineError> {
        fs::write(self.marker(), format!("{}\n", LIBRARY.checksum)).map_err(|source| self.failed(source))
    }

    /// Held while installing; waits for another process that has it.
    fn lock(&self) -> Result<File, EngineError> {
        let file = File::create(self.directory.join("install.lock")).map_err(|source| self.failed(source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let progress = Progress::spinner("another rapport installs the engine; waiting for it");
                file.lock().map_err(|source| self.failed(source))?;
                progress.finish();
            }
            Err(TryLockError::Error(source)) => return Err(self.failed(source)),
        }
        Ok(file)
    }

    fn failed(&self, source: io::Error) -> EngineError {
        failed(&self.directory, source)
    }
}

fn failed(path: &Path, source: io::Error) -> EngineError {
    EngineError::Io { path: path.to_owned(), source }
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("the engine library {library} cannot be used: set RAPPORT_ENGINE_LIBRARY to an existing libchdb.so")]
    NoSuchLibrary {
        library: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "the engine installs itself on Linux x86_64 (glibc) only, this is {os} {architecture}: download libchdb for \
         it from {RELEASES} and set RAPPORT_ENGINE_LIBRARY to the file"
    )]
    Platform { os: &'static str, architecture: &'static str },
    #[error(
        "the engine is fetched with npm, which is not installed: install npm, or download libchdb.so from {RELEASES} \
         and set RAPPORT_ENGINE_LIBRARY to the file"
    )]
    NoNpm,
    #[error(
        "npm could not fetch the engine; check the network and npm's registry settings, or download libchdb.so from \
         {RELEASES} and set RAPPORT_ENGINE_LIBRARY to the file. npm says: {message}"
    )]
    Npm { message: String },
    #[error("{path} is not the expected file ({found}, expected {expected}): it was damaged or changed; try again")]
    Checksum { path: PathBuf, found: String, expected: String },
    #[error("the package of the engine has no libchdb.so in it; try again")]
    NotInPackage,
    #[error("cannot write to {path}: check its permissions and the free space (the engine needs 744 MB)")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}
