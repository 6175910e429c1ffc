//! A store in whose way a test stands: what it is asked to do can be counted, fail, wait, or be done and not be told. All else
//! is the real one's.

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures_util::future::{BoxFuture, ready};
use rapport::sql::Sql;
use rapport::store::token::Token;
use rapport::store::{Insert, Sharing, Store, StoreError};

/// What the store is asked.
#[derive(Clone, Copy, Debug)]
pub enum Call<'a> {
    Query(&'a Sql),
    Insert(&'static str, &'a RecordBatch),
    /// A list of changes.
    Changes(&'a [Sql]),
}

/// What comes after the store has done it; where it fails nobody hears that it is done.
pub type After = BoxFuture<'static, Result<(), StoreError>>;

/// What stands in the way.
pub trait Hindrance: Send + Sync + 'static {
    /// Before the store is asked; where it fails the store is not.
    fn meet(self: Arc<Self>, call: Call<'_>) -> BoxFuture<'static, Result<After, StoreError>>;

    /// Whether other processes seem to use the store.
    fn sharing(&self, sharing: Sharing) -> Sharing {
        sharing
    }
}

/// Nothing is in the way.
pub fn free() -> BoxFuture<'static, Result<After, StoreError>> {
    let after: After = Box::pin(ready(Ok(())));
    Box::pin(ready(Ok(after)))
}

pub fn refused(error: StoreError) -> BoxFuture<'static, Result<After, StoreError>> {
    Box::pin(ready(Err(error)))
}

pub struct Hindered<H> {
    store: Arc<dyn Store>,
    hindrance: Arc<H>,
}

impl<H: Hindrance> Hindered<H> {
    pub fn new(store: Arc<dyn Store>, hindrance: Arc<H>) -> Arc<Self> {
        Arc::new(Self { store, hindrance })
    }

    pub fn hindrance(&self) -> &H {
        &self.hindrance
    }

    fn around<'a, T: Send + 'a>(
        &self,
        call: Call<'_>,
        work: impl FnOnce() -> BoxFuture<'a, Result<T, StoreError>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        let before = Arc::clone(&self.hindrance).meet(call);
        Box::pin(async move {
            let after = before.await?;
            let done = work().await?;
            after.await?;
            Ok(done)
        })
    }
}

impl<H: Hindrance> Store for Hindered<H> {
    fn query(&self, statement: Sql) -> BoxFuture<'_, Result<Vec<RecordBatch>, StoreError>> {
        self.around(Call::Query(&statement.clone()), move || self.store.query(statement))
    }

    fn insert(
        &self,
        table: &'static str,
        batch: RecordBatch,
        token: Option<Token>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        self.around(Call::Insert(table, &batch.clone()), move || self.store.insert(table, batch, token))
    }

    fn insert_all(&self, inserts: Vec<Insert>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.insert_all(inserts)
    }

    fn execute(&self, statement: Sql) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.execute(statement)
    }

    fn execute_all(&self, statements: Vec<Sql>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.around(Call::Changes(&statements.clone()), move || self.store.execute_all(statements))
    }

    fn sharing(&self) -> Sharing {
        self.hindrance.sharing(self.store.sharing())
    }

    fn shards(&self) -> usize {
        self.store.shards()
    }

    fn shard_of(&self, tenant: &str) -> usize {
        self.store.shard_of(tenant)
    }

    fn version(&self) -> BoxFuture<'_, Result<String, StoreError>> {
        self.store.version()
    }
}
