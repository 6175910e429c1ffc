//! The embedded engine as a [`Store`]: ClickHouse in this process.
//!
//! Readers share a few connections that cannot change anything; one connection writes, one more runs lists of changes
//! that take their time, and one lists of inserts. Every call into the engine blocks, so all of them run on tokio's
//! blocking threads. What happens on one connection is in [`connection`], how a query that nobody waits for is stopped
//! in [`running`], and how all tables are held still for a backup in [`freezing`].

mod connection;
mod freezing;
mod running;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use self::connection::{Connection, Writer};
pub use self::freezing::{Frozen, FrozenTable};
use self::running::Running;
use super::data_directory::DataDirectory;
use super::limits::Limits;
use super::meters::Meters;
use super::token::Token;
use super::{Insert, OpenError, Store, StoreError};
use crate::sql::Sql;

/// How much longer than the engine's own limit we wait before a query is stopped from outside.
const GRACE: Duration = Duration::from_millis(500);

/// One database of the embedded engine.
pub struct EmbeddedStore {
    readers: Arc<Readers>,
    /// `None` once the store is closed.
    writer: Arc<tokio::sync::Mutex<Option<Writer>>>,
    /// For lists of changes; `None` once the store is closed.
    lists: Arc<tokio::sync::Mutex<Option<Writer>>>,
    /// For lists of inserts; `None` once the store is closed.
    feeder: Arc<tokio::sync::Mutex<Option<Writer>>>,
    running: Arc<Running>,
    stopper: Mutex<Option<JoinHandle<()>>>,
    directory: DataDirectory,
    database: String,
    limits: Limits,
    meters: Meters,
}

/// Connections for queries. A permit stands for one that is idle; permits are given in order of arrival.
struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

/// A reader's connection while it is in use; it goes back when this is dropped.
struct Lease {
    connection: Option<Connection>,
    readers: Arc<Readers>,
    _permit: OwnedSemaphorePermit,
}

impl EmbeddedStore {
    /// Opens a database, creating it if it is not there. Blocking: about 20 ms.
    ///
    /// # Errors
    ///
    /// [`OpenError::DatabaseName`] for a name that would need quoting, [`OpenError::Engine`] if the engine refuses.
    pub fn open(directory: &DataDirectory, database: &str, limits: Limits) -> Result<Self, OpenError> {
        let plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_';
        if database.is_empty() || !database.chars().all(plain) {
            return Err(OpenError::DatabaseName { name: database.to_owned() });
        }
        let failed = |source| OpenError::Engine { directory: directory.path().to_owned(), source };
        let writer = Writer::open(directory, database).map_err(failed)?;
        let lists = Writer::open(directory, database).map_err(failed)?;
        let feeder = Writer::open(directory, database).map_err(failed)?;
        let mut idle = Vec::with_capacity(limits.connections);
        for _ in 0..limits.connections {
            idle.push(Connection::open_reader(directory, database, &limits).map_err(failed)?);
        }
        let running = Arc::new(Running::default());
        let stopper = running::start_stopper(&running, Connection::open(directory).map_err(failed)?);
        Ok(Self {
            readers: Arc::new(Readers {
                idle: Mutex::new(idle),
                permits: Arc::new(Semaphore::new(limits.connections)),
            }),
            writer: Arc::new(tokio::sync::Mutex::new(Some(writer))),
            lists: Arc::new(tokio::sync::Mutex::new(Some(lists))),
            feeder: Arc::new(tokio::sync::Mutex::new(Some(feeder))),
            running,
            stopper: Mutex::new(Some(stopper)),
            directory: directory.clone(),
            database: database.to_owned(),
            limits,
            meters: Meters::default(),
        })
    }

    /// How long it takes, counted.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Another database of the same directory, within the same limits. Blocking: about 20 ms.
    ///
    /// # Errors
    ///
    /// As [`EmbeddedStore::open`].
    pub fn open_beside(&self, database: &str) -> Result<Self, OpenError> {
        Self::open(&self.directory, database, self.limits.clone())
    }

    /// Stops the queries, waits for the change that is being written, and closes every connection.
    ///
    /// Whoever waits or comes later gets [`StoreError::Closed`]. Closing twice does nothing.
    pub async fn close(&self) {
        self.running.stop_all();
        let all = u32::try_from(self.limits.connections).expect("there are fewer connections than cores times two");
        // An error means that the store is closed already.
        let _ = self.readers.permits.acquire_many(all).await;
        self.readers.permits.close();
        let writer = self.writer.lock().await.take();
        let lists = self.lists.lock().await.take();
        let feeder = self.feeder.lock().await.take();
        let readers = std::mem::take(&mut *self.readers.idle.lock().expect("no holder of this lock panics"));
        let stopper = self.stopper.lock().expect("no holder of this lock panics").take();
        self.running.close();
        let closed = spawn_blocking(move || {
            drop((writer, lists, feeder, readers));
            stopper.map(JoinHandle::join)
        });
        if let Ok(Some(Err(_))) = closed.await {
            tracing::error!("the thread that stops queries had panicked");
        }
    }

    async fn run_query(&self, statement: Sql) -> Result<Vec<RecordBatch>, StoreError> {
        let mut lease = self.lease().await?;
        let number = self.directory.next_number();
        let mark = self.running.start(number, lease.connection().label()).ok_or(StoreError::Closed)?;
        let stop_when_dropped = self.running.stop_when_dropped(number);
        let limits = self.limits.clone();
        let work = spawn_blocking(move || {
            // Order matters: locals go from the last to the first, and the register must not have the query any more
            // when its connection goes to the next one.
            let mut lease = lease;
            let mark = mark;
            if !mark.is_wanted() {
                // Nobody reads this: the future was dropped or the store closes.
                return Err(StoreError::Closed);
            }
            lease.connection().query(&statement, &limits)
        });
        let answer = match timeout(Duration::from_secs(self.limits.seconds) + GRACE, work).await {
            Ok(Ok(answer)) => answer,
            // Only a runtime that is shutting down drops the work, and a panic was reported where it happened.
            Ok(Err(_)) => Err(StoreError::Closed),
            Err(_) => Err(StoreError::TimedOut { seconds: self.limits.seconds }),
        };
        drop(stop_when_dropped);
        match answer {
            Err(StoreError::TimedOut { .. }) if self.running.is_closing() => Err(StoreError::Closed),
            answer => answer,
        }
    }

    async fn lease(&self) -> Result<Lease, StoreError> {
        // Half of a query's time, so that "busy" is told before the client's own patience ends.
        let seconds = self.limits.seconds.div_ceil(2);
        let permit =
            match timeout(Duration::from_secs(seconds), Arc::clone(&self.readers.permits).acquire_owned()).await {
                Ok(permit) => permit.map_err(|_| StoreError::Closed)?,
                Err(_) => return Err(StoreError::Busy { seconds }),
            };
        let connection = self.readers.idle.lock().expect("no holder of this lock panics").pop();
        match connection {
            Some(connection) => {
                Ok(Lease { connection: Some(connection), readers: Arc::clone(&self.readers), _permit: permit })
            }
            None => Err(StoreError::Closed),
        }
    }

    /// Runs a change on a writing connection, one after the other, through to its end.
    async fn write<Change>(
        &self,
        writer: &Arc<tokio::sync::Mutex<Option<Writer>>>,
        change: Change,
    ) -> Result<(), StoreError>
    where
        Change: FnOnce(&mut Writer) -> Result<(), StoreError> + Send + 'static,
    {
        let mut writer = Arc::clone(writer).lock_owned().await;
        let work = spawn_blocking(move || change(writer.as_mut().ok_or(StoreError::Closed)?));
        // As above: only a runtime that is shutting down drops the work.
        work.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Store for EmbeddedStore {
    fn query(&self, statement: Sql) -> BoxFuture<'_, Result<Vec<RecordBatch>, StoreError>> {
        async move {
            let began = Instant::now();
            let answer = self.run_query(statement).await;
            self.meters.note_query(&answer, began.elapsed());
            answer
        }
        .boxed()
    }

    /// Arrow types that the engine takes for its own:
    ///
    /// | Arrow | ClickHouse |
    /// |---|---|
    /// | `Utf8` | `String`, `LowCardinality(String)` |
    /// | `Boolean` | `Bool` |
    /// | `Int64`, `Float64`, with nulls | `Nullable(Int64)`, `Nullable(Float64)` |
    /// | `Timestamp(Millisecond, "UTC")` | `DateTime64(3, 'UTC')` |
    /// | `Decimal128(18, 4)`, with nulls | `Nullable(Decimal(18, 4))` |
    /// | `List<Utf8>` | `Array(String)`, `Array(LowCardinality(String))` |
    /// | `Map<Utf8, Utf8>` | `Map(String, String)`, `Map(LowCardinality(String), String)` |
    fn insert(
        &self,
        table: &'static str,
        batch: RecordBatch,
        token: Option<Token>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            if batch.num_rows() == 0 {
                return Ok(());
            }
            let began = Instant::now();
            let inserted = self.write(&self.writer, move |writer| writer.insert(table, &batch, token)).await;
            self.meters.note_insert(table, began.elapsed());
            inserted
        }
        .boxed()
    }

    fn insert_all(&self, inserts: Vec<Insert>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(&self.feeder, move |writer| {
            let mut inserts = inserts.iter().filter(|insert| 0 < insert.rows.num_rows());
            inserts.try_for_each(|insert| writer.insert(insert.table, &insert.rows, None))
        })
        .boxed()
    }

    fn execute(&self, statement: Sql) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(&self.writer, move |writer| writer.execute(&statement)).boxed()
    }

    fn execute_all(&self, statements: Vec<Sql>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(&self.lists, move |writer| statements.iter().try_for_each(|statement| writer.execute(statement)))
            .boxed()
    }

    fn version(&self) -> BoxFuture<'_, Result<String, StoreError>> {
        async move {
            let batches = self.run_query(Sql::new("SELECT version()")).await?;
            let column = batches.first().and_then(|batch| batch.column(0).as_string_opt::<i32>());
            column.map(|column| column.value(0).to_owned()).ok_or_else(|| StoreError::Engine {
                code: 0,
                message: "the engine does not tell its version".to_owned(),
            })
        }
        .boxed()
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EmbeddedStore")
            .field("directory", &self.directory)
            .field("database", &self.database)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Drop for EmbeddedStore {
    /// Without [`EmbeddedStore::close`] the connections close when their last user is done. The thread ends before
    /// this returns: one that outlives `main` uses the engine while the process tears it down.
    fn drop(&mut self) {
        self.running.stop_all();
        self.running.close();
        let stopper = self.stopper.get_mut().expect("no holder of this lock panics").take();
        if let Some(Err(_)) = stopper.map(JoinHandle::join) {
            tracing::error!("the thread that stops queries had panicked");
        }
    }
}

impl Lease {
    fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a lease has its connection until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut idle = self.readers.idle.lock().expect("no holder of this lock panics");
        idle.extend(self.connection.take());
    }
}
