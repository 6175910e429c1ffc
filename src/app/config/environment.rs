//! The environment: the only module that reads it.

use std::path::PathBuf;

/// A variable is this and the key in upper case.
const PREFIX: &str = "RAPPORT_";

/// Keys and values of the variables that are ours. Values are texts, also where they look like numbers.
#[expect(clippy::disallowed_methods, reason = "this module is where the environment is read")]
pub(super) fn variables() -> Vec<(String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .filter_map(|(name, value)| Some((super::queue::key(name.strip_prefix(PREFIX)?.to_ascii_lowercase()), value)))
        .collect()
}

/// The user's cache directory, where the engine's library is kept for all data directories.
#[expect(clippy::disallowed_methods, reason = "this module is where the environment is read")]
pub fn default_cache_dir() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = named.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    cache.map(|cache| cache.join("rapport"))
}

/// Warnings, and what the program says of itself, without a line for each request.
pub const LOG_FILTER: &str = "warn,rapport=info,rapport::access=off";

/// The log's filter: `RUST_LOG`, else [`LOG_FILTER`].
#[expect(clippy::disallowed_methods, reason = "this module is where the environment is read")]
pub fn log_filter() -> String {
    std::env::var("RUST_LOG").unwrap_or_else(|_| LOG_FILTER.to_owned())
}
