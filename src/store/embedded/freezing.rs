//! All tables of a database at one instant, and tables filled with what was frozen elsewhere.
//!
//! Nobody writes while tables are frozen: all writing connections are held. That takes milliseconds, because freezing
//! makes hard links to files that never change. What is done with the links is in [`super::super::backup`].

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

use super::super::StoreError;
use super::super::data_directory::FROZEN;
use super::EmbeddedStore;

/// One instant of a database, as hard links beside it. Dropped, the links go.
#[derive(Debug)]
pub struct Frozen {
    pub tables: Vec<FrozenTable>,
    /// How long nobody could write.
    pub held: Duration,
    root: PathBuf,
}

/// A table and the directory with its parts; the directory is not there where the table was empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenTable {
    pub name: String,
    pub directory: PathBuf,
}

impl EmbeddedStore {
    /// Freezes every table at one instant between two changes.
    ///
    /// # Errors
    /// When the engine cannot make the links, or the store is closed.
    pub async fn freeze(&self) -> Result<Frozen, StoreError> {
        // In this order: a list can take its turn for seconds, and senders must not wait for that.
        let lists = Arc::clone(&self.lists).lock_owned().await;
        let feeder = Arc::clone(&self.feeder).lock_owned().await;
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        let label = format!("{FROZEN}{}", self.directory.next_number());
        let engine = self.directory.engine_path();
        let work = spawn_blocking(move || {
            let began = Instant::now();
            let writer = writer.as_mut().ok_or(StoreError::Closed)?;
            // From here on the links go when anything fails.
            let root = engine.join("shadow").join(&label);
            let mut frozen = Frozen { tables: Vec::new(), held: Duration::ZERO, root };
            for (name, path) in writer.tables()? {
                writer.freeze(&name, &label)?;
                let directory = frozen.root.join(path.strip_prefix(&engine).unwrap_or(&path));
                frozen.tables.push(FrozenTable { name, directory });
            }
            frozen.held = began.elapsed();
            drop((lists, feeder));
            Ok(frozen)
        });
        // Only a runtime that is shutting down drops the work.
        work.await.unwrap_or(Err(StoreError::Closed))
    }

    /// The tables that are kept on disk, with their directories.
    ///
    /// # Errors
    /// When the engine fails.
    pub(in crate::store) async fn tables(&self) -> Result<Vec<(String, PathBuf)>, StoreError> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        let work = spawn_blocking(move || writer.as_mut().ok_or(StoreError::Closed)?.tables());
        work.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Puts what lies in a table's `detached` in the place of what it holds.
    ///
    /// # Errors
    /// When the engine does not take a part.
    pub(in crate::store) async fn attach(&self, table: String) -> Result<(), StoreError> {
        self.write(&self.writer, move |writer| writer.attach(&table)).await
    }

    /// The data directory that the store lies in.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.root)
            && self.root.exists()
        {
            tracing::warn!(%error, path = %self.root.display(), "what was frozen for a backup cannot be removed");
        }
    }
}
