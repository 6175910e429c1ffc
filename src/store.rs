//! ClickHouse behind one trait: statements and Arrow batches in, Arrow batches out.
//!
//! This module runs what it is given. It knows nothing of metrics, events or viewers. The embedded engine is
//! in [`embedded`], finding and installing its library in [`engine`], tables in [`migrations`].

use arrow::array::RecordBatch;
use futures_util::future::BoxFuture;

use crate::sql::Sql;

/// A ClickHouse of one kind or another.
///
/// Dropping a query's future stops the query in the engine.
pub trait Store: Send + Sync {
    /// Runs a reading statement within the engine's limits. The batches may be none at all.
    fn query(&self, statement: Sql) -> BoxFuture<'_, Result<Vec<RecordBatch>, StoreError>>;

    /// Inserts a batch; columns are matched by name. Returns when it is on disk.
    fn insert(&self, table: &'static str, batch: RecordBatch) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Runs a statement that changes something: a migration, a maintenance step.
    fn execute(&self, statement: Sql) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The engine's version, as it says itself.
    fn version(&self) -> BoxFuture<'_, Result<String, StoreError>>;
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the query took longer than {seconds} s and was stopped")]
    TimedOut { seconds: u64 },
    #[error("the query needs more memory than {limit} allows")]
    TooMuchMemory { limit: &'static str },
    #[error("the query reads or returns more rows than {limit} allows")]
    TooManyRows { limit: &'static str },
    #[error("the disk of the data directory is full")]
    DiskFull,
    #[error("the store is shutting down")]
    Closed,
    #[error("the engine refused a statement (code {code}): {message}")]
    Engine { code: i32, message: String },
}
