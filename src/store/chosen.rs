//! The store that was chosen by configuration: the embedded engine, servers, or a cluster of them. It only passes on, and tells
//! traces of it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

use super::cluster::ClusterStore;
use super::embedded::EmbeddedStore;
use super::limits::Limits;
use super::server::ServerStore;
use super::spans::{self, Size};
use super::token::Token;
use super::{Insert, Sharing, Store, StoreError};
use crate::sql::Sql;

/// A store of any kind.
#[derive(Clone, Debug)]
pub enum ChosenStore {
    Embedded(Arc<EmbeddedStore>),
    Server(Arc<ServerStore>),
    Cluster(Arc<ClusterStore>, Shards),
}

/// The servers of each shard.
pub type Shards = Vec<Arc<ServerStore>>;

impl ChosenStore {
    fn chosen(&self) -> &dyn Store {
        match self {
            Self::Embedded(store) => store.as_ref(),
            Self::Server(store) => store.as_ref(),
            Self::Cluster(store, _) => store.as_ref(),
        }
    }

    /// The embedded engine, where it is that.
    pub fn embedded(&self) -> Option<&Arc<EmbeddedStore>> {
        match self {
            Self::Embedded(store) => Some(store),
            Self::Server(_) | Self::Cluster(..) => None,
        }
    }

    /// Those of one shard.
    pub fn limits(&self) -> &Limits {
        match self {
            Self::Embedded(store) => store.limits(),
            Self::Server(store) => store.limits(),
            Self::Cluster(_, shards) => shards.first().expect("a cluster has a shard").limits(),
        }
    }

    /// Stops the queries, waits for the changes that go on, and lets nothing new begin.
    pub async fn close(&self) {
        match self {
            Self::Embedded(store) => store.close().await,
            Self::Server(store) => store.close().await,
            Self::Cluster(_, shards) => drop(join_all(shards.iter().map(|shard| shard.close())).await),
        }
    }
}

impl Store for ChosenStore {
    fn query(&self, statement: Sql) -> BoxFuture<'_, Result<Vec<RecordBatch>, StoreError>> {
        spans::query(self.chosen(), statement).boxed()
    }

    fn insert(
        &self,
        table: &'static str,
        batch: RecordBatch,
        token: Option<Token>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        spans::insert(table, batch.num_rows(), self.chosen().insert(table, batch, token)).boxed()
    }

    fn insert_all(&self, inserts: Vec<Insert>) -> BoxFuture<'_, Result<(), StoreError>> {
        let size = Size::of_inserts(&inserts);
        spans::several("insert_all", size, self.chosen().insert_all(inserts)).boxed()
    }

    fn execute(&self, statement: Sql) -> BoxFuture<'_, Result<(), StoreError>> {
        spans::several("execute", Size::of_changes(1), self.chosen().execute(statement)).boxed()
    }

    fn execute_all(&self, statements: Vec<Sql>) -> BoxFuture<'_, Result<(), StoreError>> {
        let size = Size::of_changes(statements.len());
        spans::several("execute_all", size, self.chosen().execute_all(statements)).boxed()
    }

    fn sharing(&self) -> Sharing {
        self.chosen().sharing()
    }

    fn shards(&self) -> usize {
        self.chosen().shards()
    }

    fn shard_of(&self, tenant: &str) -> usize {
        self.chosen().shard_of(tenant)
    }

    fn version(&self) -> BoxFuture<'_, Result<String, StoreError>> {
        self.chosen().version()
    }
}
