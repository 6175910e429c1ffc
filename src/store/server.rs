//! ClickHouse servers as a [`Store`], over their HTTP interface: one database on one or more hosts that hold the same data.
//!
//! A host that cannot be reached or says that it is in trouble comes after the others for a while. A question goes to the next
//! host then. A change does so only if the first certainly never had it, or if it is an insert with a token: the server then
//! knows a repeat for what it is. What is in one request is in [`host`], which host comes next in [`hosts`], how a statement
//! looks in [`statement`]; addresses are in [`address`]. It makes no database and no user.

pub mod address;
mod arrow_stream;
mod host;
mod hosts;
mod statement;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{RwLock, Semaphore, watch};
use tokio::time::timeout;

use self::address::ServerConfig;
use self::host::{Failure, Host};
use self::hosts::Hosts;
use super::columns::{in_order, select_columns, texts};
use super::limits::Limits;
use super::token::Token;
use super::{OpenError, Sharing, Store, StoreError};
use crate::outbound;
use crate::sql::Sql;

/// How much longer than the server's own limit we wait, for the way there and back.
const GRACE: Duration = Duration::from_secs(1);

/// One database of ClickHouse servers. Nothing is connected before something is asked.
pub struct ServerStore {
    inner: Arc<Inner>,
}

struct Inner {
    hosts: Vec<Host>,
    order: Hosts,
    database: String,
    limits: Limits,
    /// Queries at once.
    permits: Semaphore,
    /// Held while something is changed; `false` once the store is closed.
    open: RwLock<bool>,
    closing: watch::Sender<bool>,
    /// One list of changes at a time.
    lists: tokio::sync::Mutex<()>,
    /// Each table's columns in their order.
    columns: Mutex<HashMap<&'static str, Vec<String>>>,
    /// What the names of this process's queries begin with.
    prefix: String,
    number: AtomicU64,
}

/// How far a failed change may have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    /// It may be done twice: the server sees that it is the same.
    Harmless,
    /// Only if no host ever had it.
    IfNeverSent,
}

/// What `doctor` tells of one host.
#[derive(Debug)]
pub struct HostReport {
    pub host: String,
    /// Its version, or why it does not say.
    pub version: Result<String, String>,
    /// Whether the user of queries can write, or why that is not known.
    pub reader_can_write: Result<bool, String>,
}

impl ServerStore {
    /// # Errors
    /// When there are no certificates to know hosts by, or the system has no random numbers.
    pub fn open(config: &ServerConfig, limits: Limits) -> Result<Self, OpenError> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(|error| OpenError::Random { reason: error.to_string() })?;
        let tls = outbound::trust(config.ca_file.as_deref()).map_err(|source| OpenError::Trust { source })?;
        let hosts = config.hosts.iter().map(|name| Host::new(name, config, &limits, tls.clone())).collect();
        let inner = Inner {
            hosts,
            order: Hosts::new(config.hosts.len()),
            database: config.database.clone(),
            permits: Semaphore::new(limits.connections),
            limits,
            open: RwLock::new(true),
            closing: watch::Sender::new(false),
            lists: tokio::sync::Mutex::new(()),
            columns: Mutex::default(),
            prefix: format!("rapport-{:016x}", u64::from_le_bytes(random)),
            number: AtomicU64::new(0),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Lets nothing new begin, stops the queries and waits for the changes that go on. Closing twice does nothing.
    pub async fn close(&self) {
        self.inner.permits.close();
        self.inner.closing.send_replace(true);
        *self.inner.open.write().await = false;
    }

    /// The name by which this process is known to the servers.
    pub fn process_name(&self) -> &str {
        &self.inner.prefix
    }

    /// Asks every host, also those that failed lately.
    pub async fn examine(&self) -> Vec<HostReport> {
        let mut reports = Vec::with_capacity(self.inner.hosts.len());
        for host in &self.inner.hosts {
            let version = host.look_up(&Sql::new("SELECT version()")).await;
            let version = version.map(|batches| first_text(&batches).unwrap_or_default());
            let reader_can_write = host.reader_can_write().await.map_err(|failure| failure.to_string());
            let version = version.map_err(|failure| failure.to_string());
            reports.push(HostReport { host: host.name.clone(), version, reader_can_write });
        }
        reports
    }

    /// Runs a change in a task of its own, through to its end.
    async fn change<Work>(&self, work: Work) -> Result<(), StoreError>
    where
        Work: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        let done = tokio::spawn(async move {
            let open = inner.open.read().await;
            if *open { work.await } else { Err(StoreError::Closed) }
        });
        // Only a runtime that is shutting down drops the work, and a panic was reported where it happened.
        done.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Inner {
    async fn query(self: &Arc<Self>, statement: &Sql) -> Result<Vec<RecordBatch>, StoreError> {
        // Half of a query's time, so that "busy" is told before the client's own patience ends.
        let seconds = self.limits.seconds.div_ceil(2);
        let _permit = match timeout(Duration::from_secs(seconds), self.permits.acquire()).await {
            Ok(permit) => permit.map_err(|_| StoreError::Closed)?,
            Err(_) => return Err(StoreError::Busy { seconds }),
        };
        let answer = timeout(Duration::from_secs(self.limits.seconds) + GRACE, self.query_one_of(statement)).await;
        answer.unwrap_or(Err(StoreError::TimedOut { seconds: self.limits.seconds }))
    }

    async fn query_one_of(self: &Arc<Self>, statement: &Sql) -> Result<Vec<RecordBatch>, StoreError> {
        let ask = |index: usize| async move {
            let id = format!("{}-{}", self.prefix, self.number.fetch_add(1, Ordering::Relaxed));
            let mut stop = StopWhenDropped { inner: Arc::clone(self), host: index, id: Some(id.clone()) };
            let answer = self.hosts[index].query(statement, &id, &self.limits).await;
            // It is over, whatever it was; of a silent one nobody knows.
            if !matches!(answer, Err(Failure::Silent(_))) {
                stop.id = None;
            }
            answer
        };
        self.on_first(Repeat::Harmless, ask).await.map(|(_, batches)| batches)
    }

    /// Asks one host after the other until one does it. Returns which, and what it says.
    async fn on_first<Ask, Asked, Answer>(&self, repeat: Repeat, ask: Ask) -> Result<(usize, Answer), StoreError>
    where
        Ask: Fn(usize) -> Asked,
        Asked: Future<Output = Result<Answer, Failure>>,
    {
        let mut failed = Vec::new();
        for index in self.order.in_order(Instant::now()) {
            match ask(index).await {
                Ok(answer) => {
                    self.order.answered(index);
                    return Ok((index, answer));
                }
                Err(Failure::Refused(error)) => return Err(error),
                Err(failure) => {
                    self.note(index, &failure, &mut failed);
                    if repeat == Repeat::IfNeverSent && matches!(failure, Failure::Silent(_)) {
                        break;
                    }
                }
            }
        }
        Err(StoreError::Unreachable { hosts: failed.join("; ") })
    }

    async fn insert(&self, table: &'static str, batch: RecordBatch, token: Option<Token>) -> Result<(), StoreError> {
        let columns = self.columns_of(table).await?;
        let batch = in_order(table, &columns, &batch)?;
        // With a token the server takes a second one for done: tables that keep tokens hold them for the replicas together,
        // and what follows from an insert is left out with it. Without one, only what was certainly not sent is sent again.
        let repeat = if token.is_some() { Repeat::Harmless } else { Repeat::IfNeverSent };
        let insert = |index: usize| self.hosts[index].insert(table, &batch, token);
        let inserted = self.on_first(repeat, insert).await;
        if let Err(StoreError::Engine { .. }) = inserted {
            // Another process may have changed the table.
            self.forget_columns();
        }
        // The one host that is there had it and hung up: the same once more tells whether it was done.
        match inserted {
            Err(StoreError::Unreachable { .. }) if token.is_some() => self.on_first(repeat, insert).await.map(drop),
            other => other.map(drop),
        }
    }

    async fn columns_of(&self, table: &'static str) -> Result<Vec<String>, StoreError> {
        if let Some(columns) = self.columns.lock().expect("no holder of this lock panics").get(table) {
            return Ok(columns.clone());
        }
        let statement = select_columns(table);
        let (_, batches) = self.on_first(Repeat::Harmless, |index| self.hosts[index].look_up(&statement)).await?;
        let mut found = Vec::new();
        for batch in &batches {
            found.extend(texts(batch, 0)?.iter().flatten().map(str::to_owned));
        }
        if !found.is_empty() {
            self.columns.lock().expect("no holder of this lock panics").insert(table, found.clone());
        }
        Ok(found)
    }

    fn forget_columns(&self) {
        self.columns.lock().expect("no holder of this lock panics").clear();
    }

    async fn execute(&self, statement: &Sql) -> Result<(), StoreError> {
        // The statement may change a table.
        self.forget_columns();
        self.on_first(Repeat::IfNeverSent, |index| self.hosts[index].execute(statement)).await.map(drop)
    }

    /// All on one host: what they leave in tables in memory is there and nowhere else.
    async fn execute_all(&self, statements: &[Sql]) -> Result<(), StoreError> {
        let _turn = self.lists.lock().await;
        self.forget_columns();
        let Some((first, rest)) = statements.split_first() else { return Ok(()) };
        let (host, ()) = self.on_first(Repeat::IfNeverSent, |index| self.hosts[index].execute(first)).await?;
        for statement in rest {
            match self.hosts[host].execute(statement).await {
                Ok(()) => {}
                Err(Failure::Refused(error)) => return Err(error),
                Err(failure) => {
                    let mut failed = Vec::new();
                    self.note(host, &failure, &mut failed);
                    return Err(StoreError::Unreachable { hosts: failed.join("; ") });
                }
            }
        }
        Ok(())
    }

    fn note(&self, host: usize, failure: &Failure, failed: &mut Vec<String>) {
        self.order.failed(host, Instant::now());
        let name = &self.hosts[host].name;
        tracing::warn!(host = %name, %failure, "a host of the store failed; the next is asked");
        failed.push(format!("{name}: {failure}"));
    }
}

/// Ends a query in the server when nobody waits for it any more.
struct StopWhenDropped {
    inner: Arc<Inner>,
    host: usize,
    id: Option<String>,
}

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        // The closed connection ends it too, unless something stands between.
        if let (Some(id), Ok(runtime)) = (self.id.take(), Handle::try_current()) {
            let (inner, host) = (Arc::clone(&self.inner), self.host);
            runtime.spawn(async move {
                if let Err(failure) = inner.hosts[host].kill(&id).await {
                    tracing::debug!(host = %inner.hosts[host].name, %failure, "a query could not be stopped");
                }
            });
        }
    }
}

impl Store for ServerStore {
    fn query(&self, statement: Sql) -> BoxFuture<'_, Result<Vec<RecordBatch>, StoreError>> {
        async move {
            let mut closed = std::pin::pin!(self.closed());
            tokio::select! {
                answer = self.inner.query(&statement) => answer,
                () = &mut closed => Err(StoreError::Closed),
            }
        }
        .boxed()
    }

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
            let inner = Arc::clone(&self.inner);
            self.change(async move { inner.insert(table, batch, token).await }).await
        }
        .boxed()
    }

    fn execute(&self, statement: Sql) -> BoxFuture<'_, Result<(), StoreError>> {
        let inner = Arc::clone(&self.inner);
        self.change(async move { inner.execute(&statement).await }).boxed()
    }

    fn execute_all(&self, statements: Vec<Sql>) -> BoxFuture<'_, Result<(), StoreError>> {
        let inner = Arc::clone(&self.inner);
        self.change(async move { inner.execute_all(&statements).await }).boxed()
    }

    fn sharing(&self) -> Sharing {
        Sharing::Shared { name: self.inner.prefix.clone() }
    }

    fn version(&self) -> BoxFuture<'_, Result<String, StoreError>> {
        async move {
            let batches = self.query(Sql::new("SELECT version()")).await?;
            first_text(&batches).ok_or_else(|| StoreError::Engine {
                code: 0,
                message: "the server does not tell its version".to_owned(),
            })
        }
        .boxed()
    }
}

impl ServerStore {
    /// Waits until the store is closed.
    async fn closed(&self) {
        // An error would mean that the sender is gone, and it is ours.
        let _ = self.inner.closing.subscribe().wait_for(|closing| *closing).await;
    }
}

impl fmt::Debug for ServerStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<&str> = self.inner.hosts.iter().map(|host| host.name.as_str()).collect();
        formatter
            .debug_struct("ServerStore")
            .field("hosts", &hosts)
            .field("database", &self.inner.database)
            .field("limits", &self.inner.limits)
            .finish_non_exhaustive()
    }
}

fn first_text(batches: &[RecordBatch]) -> Option<String> {
    let batch = batches.first()?;
    texts(batch, 0).ok()?.iter().flatten().next().map(str::to_owned)
}
