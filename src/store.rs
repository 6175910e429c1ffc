//! ClickHouse behind one trait: statements and Arrow batches in, Arrow batches out.
//!
//! This module runs what it is given. It knows nothing of metrics, events or viewers. The embedded engine is
//! in [`embedded`], the directory it owns in [`data_directory`], finding and installing its library in
//! [`engine`], ClickHouse servers in [`server`], several stores as one in [`cluster`], tables in [`migrations`], copies of the
//! whole and stores made of them in [`backup`], what the engine says of its parts in [`parts`], how long it takes in [`meters`].

pub mod backup;
pub mod chosen;
pub mod cluster;
pub mod columns;
pub mod data_directory;
pub mod embedded;
pub mod engine;
pub mod limits;
pub mod meters;
pub mod migrations;
pub mod parts;
mod private;
mod refusal;
pub mod server;
mod settings;
mod spans;
pub mod token;

use std::io;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use self::token::Token;
use crate::outbound::TrustError;
use crate::sql::Sql;

/// A ClickHouse of one kind or another.
///
/// Dropping the future of [`Store::query`] stops the query in the engine. A change that has begun is carried
/// through even if nobody waits for it any more.
pub trait Store: Send + Sync {
    /// Runs a reading statement within the engine's limits. The batches may be none at all; none is empty.
    ///
    /// The statement must not have a `SETTINGS` clause: a reading connection may not change settings.
    fn query(&self, statement: Sql) -> BoxFuture<'_, Result<Vec<RecordBatch>, StoreError>>;

    /// Inserts a batch; columns are matched by name and must be exactly the table's. Returns when it is on disk.
    ///
    /// A batch without rows is not an error and does nothing. Neither does one whose token the table knows, if the table
    /// keeps tokens: that is how an insert is repeated of which nobody knows whether it was done.
    fn insert(
        &self,
        table: &'static str,
        batch: RecordBatch,
        token: Option<Token>,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Inserts batches one after the other, beside other inserts and changes; one such list runs at a time. It ends at the
    /// first that fails.
    fn insert_all(&self, inserts: Vec<Insert>) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            for Insert { table, rows } in inserts {
                self.insert(table, rows, None).await?;
            }
            Ok(())
        }
        .boxed()
    }

    /// Runs a statement that changes something: a migration, a maintenance step.
    fn execute(&self, statement: Sql) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Runs changes one after the other, beside inserts and other changes; one such list runs at a time. It ends at the
    /// first that fails.
    fn execute_all(&self, statements: Vec<Sql>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Whether other processes may write to the same tables at the same time.
    fn sharing(&self) -> Sharing {
        Sharing::Own
    }

    /// How many parts it has, of which each has tenants of its own.
    fn shards(&self) -> usize {
        1
    }

    /// Which of them has a tenant.
    fn shard_of(&self, _tenant: &str) -> usize {
        0
    }

    /// The engine's version, as it says itself.
    fn version(&self) -> BoxFuture<'_, Result<String, StoreError>>;
}

/// A batch for a table.
#[derive(Clone, Debug)]
pub struct Insert {
    pub table: &'static str,
    pub rows: RecordBatch,
}

/// Whose a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// This process's alone.
    Own,
    /// That of any number of processes, of which this one has a name.
    Shared { name: String },
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the query took longer than {seconds} s and was stopped")]
    TimedOut { seconds: u64 },
    #[error("every query connection was busy for {seconds} s")]
    Busy { seconds: u64 },
    #[error("the query needs more memory than {limit_bytes} bytes, the limit of a query")]
    TooMuchMemory { limit_bytes: u64 },
    #[error("the query reads or returns more rows than the limit {limit} = {rows} allows")]
    TooManyRows { limit: &'static str, rows: u64 },
    #[error("the disk of the data directory is full")]
    DiskFull,
    #[error("the engine has no memory left for this now")]
    NoMemory,
    #[error("the process has no file descriptors left: allow it more (`ulimit -n`, or `LimitNOFILE` of its service)")]
    NoDescriptors,
    #[error("the store is shutting down")]
    Closed,
    #[error("no host of the store can be reached now: {hosts}")]
    Unreachable { hosts: String },
    #[error("a statement does not say which tenant it is about, and the store has several shards: {text} …")]
    NoShard { text: String },
    #[error("the batch does not fit the table {table}: {reason}")]
    WrongColumns { table: &'static str, reason: String },
    #[error("the engine refused a statement (code {code}): {message}")]
    Engine { code: i32, message: String },
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "the data directory {directory} belongs to another running rapport{owner}: stop that one, choose another \
         directory with RAPPORT_DATA_DIR, or send events to the running one over HTTP"
    )]
    InUse { directory: PathBuf, owner: String },
    #[error("the data directory {directory} cannot be used")]
    Directory {
        directory: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "the data directory {directory} holds a restore that was broken off: delete the directory and restore it again"
    )]
    Unfinished { directory: PathBuf },
    #[error("the data directory {directory} is not empty (there is {found}): a restore needs an empty one")]
    NotEmpty { directory: PathBuf, found: String },
    #[error("the engine library {library} could not be loaded: {reason}")]
    Library { library: PathBuf, reason: String },
    #[error("the store's certificates cannot be used")]
    Trust {
        #[source]
        source: TrustError,
    },
    #[error("the system gives no random numbers: {reason}")]
    Random { reason: String },
    #[error("a database's name has lower-case letters, digits and _ only, not {name:?}")]
    DatabaseName { name: String },
    #[error("the engine could not open {directory}")]
    Engine {
        directory: PathBuf,
        #[source]
        source: StoreError,
    },
}
