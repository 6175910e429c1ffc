//! Several stores as one [`Store`]: each tenant lies whole on one of them.
//!
//! So all that a statement joins lies together, and every number is exact: the statements are those of one store, run where
//! their tenant lies. What that costs is that a tenant is as large as a shard. Which shard that is says [`placing`]. A statement
//! that says neither whose it is nor that it is everyone's is refused, and so is one about several tenants. Nothing is moved,
//! and no shard knows of another.

pub mod placing;

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all, try_join_all};

use self::placing::{Placing, PlacingError};
use super::token::Token;
use super::{Sharing, Store, StoreError};
use crate::sql::{About, Sql};

/// The column by which rows are told apart. Every table that is written to by batches has it.
const TENANT: &str = "tenant";

/// Characters of a statement that are shown of one that is refused; no values are among them.
const SHOWN_CHARS: usize = 120;

/// Stores of which each has some of the tenants.
pub struct ClusterStore {
    shards: Vec<Arc<dyn Store>>,
    placing: Placing,
    /// The name of this process.
    name: String,
}

/// Who gets a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    One(usize),
    All,
}

impl ClusterStore {
    /// # Errors
    /// When there are other shards than tenants are placed on.
    pub fn new(shards: Vec<Arc<dyn Store>>, placing: Placing, name: String) -> Result<Self, PlacingError> {
        match shards.len() == placing.shards() {
            true => Ok(Self { shards, placing, name }),
            false => Err(PlacingError::Spread { spread: placing.shards(), shards: shards.len() }),
        }
    }

    /// The shards in the order in which they are counted.
    pub fn shards(&self) -> &[Arc<dyn Store>] {
        &self.shards
    }

    pub fn placing(&self) -> &Placing {
        &self.placing
    }

    fn place(&self, statement: &Sql) -> Result<Place, StoreError> {
        match statement.about() {
            About::Tenant(tenant) => Ok(Place::One(self.placing.shard_of(tenant))),
            About::Everyone => Ok(Place::All),
            About::Cluster => Ok(Place::One(0)),
            About::Unsaid | About::Several => {
                Err(StoreError::NoShard { text: statement.text().chars().take(SHOWN_CHARS).collect() })
            }
        }
    }

    /// Those who get a list of statements: all of it must be for the same.
    fn place_of_all(&self, statements: &[Sql]) -> Result<Option<Place>, StoreError> {
        let Some(first) = statements.first() else { return Ok(None) };
        let place = self.place(first)?;
        for statement in statements {
            if self.place(statement)? != place {
                return Err(StoreError::NoShard { text: statement.text().chars().take(SHOWN_CHARS).collect() });
            }
        }
        Ok(Some(place))
    }

    /// Does it at one shard or at all of them. A shard that fails does not keep the others from it.
    async fn at<'a, Work>(&'a self, place: Place, work: Work) -> Result<(), StoreError>
    where
        Work: Fn(&'a dyn Store) -> BoxFuture<'a, Result<(), StoreError>>,
    {
        match place {
            Place::One(shard) => work(self.shards[shard].as_ref()).await,
            Place::All => join_all(self.shards.iter().map(|shard| work(shard.as_ref()))).await.into_iter().collect(),
        }
    }

    /// The rows that go to each shard that gets any.
    fn split(&self, table: &'static str, batch: RecordBatch) -> Result<Vec<(usize, RecordBatch)>, StoreError> {
        let wrong = |reason: &str| StoreError::WrongColumns { table, reason: reason.to_owned() };
        let column = batch.column_by_name(TENANT).ok_or_else(|| wrong("the batch has no column tenant"))?;
        let tenants = column.as_string_opt::<i32>().ok_or_else(|| wrong("the column tenant is no text"))?;
        let shards = self.shards_of(tenants);
        let Some(first) = shards.first().copied() else { return Ok(Vec::new()) };
        if shards.iter().all(|shard| *shard == first) {
            return Ok(vec![(first, batch)]);
        }
        let mut parts = Vec::new();
        for shard in 0..self.shards.len() {
            let mask: BooleanArray = shards.iter().map(|of_row| Some(*of_row == shard)).collect();
            let part = filter_record_batch(&batch, &mask).map_err(|error| wrong(&error.to_string()))?;
            if 0 < part.num_rows() {
                parts.push((shard, part));
            }
        }
        Ok(parts)
    }

    fn shards_of(&self, tenants: &StringArray) -> Vec<usize> {
        let mut shards = Vec::with_capacity(tenants.len());
        // Rows of a tenant mostly stand together.
        let mut last: Option<(&str, usize)> = None;
        for row in 0..tenants.len() {
            let tenant = tenants.value(row);
            let shard = match last {
                Some((known, shard)) if known == tenant => shard,
                _ => self.placing.shard_of(tenant),
            };
            last = Some((tenant, shard));
            shards.push(shard);
        }
        shards
    }
}

impl Store for ClusterStore {
    fn query(&self, statement: Sql) -> BoxFuture<'_, Result<Vec<RecordBatch>, StoreError>> {
        async move {
            match self.place(&statement)? {
                Place::One(shard) => self.shards[shard].query(statement).await,
                Place::All => {
                    let answers = self.shards.iter().map(|shard| shard.query(statement.clone()));
                    Ok(try_join_all(answers).await?.into_iter().flatten().collect())
                }
            }
        }
        .boxed()
    }

    /// Each shard has a table of its own, with tokens of its own: a repeat of which one shard had its part and another had
    /// not is done by the second alone.
    fn insert(
        &self,
        table: &'static str,
        batch: RecordBatch,
        token: Option<Token>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let parts = self.split(table, batch)?;
            let inserts = parts.into_iter().map(|(shard, part)| self.shards[shard].insert(table, part, token));
            join_all(inserts).await.into_iter().collect()
        }
        .boxed()
    }

    fn execute(&self, statement: Sql) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let place = self.place(&statement)?;
            self.at(place, |shard| shard.execute(statement.clone())).await
        }
        .boxed()
    }

    fn execute_all(&self, statements: Vec<Sql>) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let Some(place) = self.place_of_all(&statements)? else { return Ok(()) };
            self.at(place, |shard| shard.execute_all(statements.clone())).await
        }
        .boxed()
    }

    /// Who has a cluster has other processes too.
    fn sharing(&self) -> Sharing {
        Sharing::Shared { name: self.name.clone() }
    }

    fn shards(&self) -> usize {
        self.shards.len()
    }

    fn shard_of(&self, tenant: &str) -> usize {
        self.placing.shard_of(tenant)
    }

    /// Those of all shards, each once.
    fn version(&self) -> BoxFuture<'_, Result<String, StoreError>> {
        async move {
            let mut versions = try_join_all(self.shards.iter().map(|shard| shard.version())).await?;
            versions.sort();
            versions.dedup();
            Ok(versions.join(", "))
        }
        .boxed()
    }
}

impl fmt::Debug for ClusterStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClusterStore").field("placing", &self.placing).finish_non_exhaustive()
    }
}
