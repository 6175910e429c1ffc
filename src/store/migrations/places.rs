//! Shards stay where they were: each has written down which one it is and over how many tenants are spread.
//!
//! Two shards in another order, or tenants spread over one more, would be empty answers and no error: so the program does not
//! start then. It moves nothing.

use std::collections::BTreeSet;

use arrow::datatypes::UInt64Type;

use super::{MigrationError, Tables};
use crate::sql::Sql;
use crate::store::cluster::ClusterStore;
use crate::store::columns::{numbers, texts};
use crate::store::{Store, StoreError};

const CREATE_PLACE: &str = "\
CREATE TABLE IF NOT EXISTS shard_place
(
    place UInt64,
    spread UInt64
)
ENGINE = MergeTree
ORDER BY place
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1";

/// Compares each shard with what it has written down, and writes it down where nothing is.
///
/// # Errors
/// [`MigrationError::Places`] when a shard was another one, or tenants were spread otherwise.
pub async fn hold(tables: Tables, cluster: &ClusterStore) -> Result<(), MigrationError> {
    let failed = |source| MigrationError::Statement { name: "shard_place", source };
    for statement in tables.render("shard_place", CREATE_PLACE)? {
        cluster.execute(statement).await.map_err(failed)?;
    }
    let spread = cluster.placing().spread() as u64;
    let places: Vec<u64> = (1..=cluster.shards().len() as u64).collect();
    let mut unwritten = Vec::new();
    for (shard, place) in cluster.shards().iter().zip(&places) {
        let rows = read(shard.as_ref()).await.map_err(failed)?;
        if let Some((was, _)) = rows.iter().find(|(was, _)| was != place) {
            let reason = format!(
                "what is configured as shard {place} was shard {was}: name the shards of `store` in their old order"
            );
            return Err(MigrationError::Places { reason });
        }
        if let Some((_, was)) = rows.iter().find(|(_, was)| *was != spread) {
            let reason = format!(
                "tenants were spread over {was} shards and would now be over {spread}, which would move them: set \
                 `cluster_spread` to {was}, and name the tenants of a new shard in `[[cluster_tenants]]`"
            );
            return Err(MigrationError::Places { reason });
        }
        if rows.is_empty() {
            unwritten.push((shard, *place));
        }
    }
    // Only where nothing contradicts it.
    for (shard, place) in unwritten {
        let mut note = Sql::new("INSERT INTO shard_place SELECT toUInt64(");
        note.bind(place.cast_signed()).push("), toUInt64(").bind(spread.cast_signed()).push(")");
        shard.execute(note).await.map_err(failed)?;
    }
    Ok(())
}

async fn read(shard: &dyn Store) -> Result<BTreeSet<(u64, u64)>, StoreError> {
    let mut rows = BTreeSet::new();
    for batch in shard.query(Sql::new("SELECT place, spread FROM shard_place")).await? {
        let (places, spreads) = (numbers::<UInt64Type>(&batch, 0)?, numbers::<UInt64Type>(&batch, 1)?);
        rows.extend(places.values().iter().copied().zip(spreads.values().iter().copied()));
    }
    Ok(rows)
}

/// What a server calls itself: its `macros`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub cluster: String,
    pub shard: String,
    pub replica: String,
}

/// Asks a server what it calls itself.
///
/// # Errors
/// When it cannot be asked, or has no such names.
pub async fn names(server: &dyn Store) -> Result<Names, StoreError> {
    let question =
        Sql::new("SELECT toString(getMacro('cluster')), toString(getMacro('shard')), toString(getMacro('replica'))");
    let batches = server.query(question).await?;
    let text = |column: usize| {
        let found = batches.first().map(|batch| texts(batch, column).map(|found| found.value(0).to_owned()));
        found.unwrap_or_else(|| Ok(String::new()))
    };
    Ok(Names { cluster: text(0)?, shard: text(1)?, replica: text(2)? })
}

/// Whether the servers know the cluster by its name, and each shard by a name of its own: two shards of one name would copy
/// each other's rows. One server of each shard is asked; `doctor` asks all of them.
///
/// # Errors
/// [`MigrationError::Places`] when not.
pub async fn check_names(cluster: &ClusterStore, name: &str) -> Result<(), MigrationError> {
    let wrong = |reason| MigrationError::Places { reason };
    let mut known = BTreeSet::new();
    for (index, shard) in cluster.shards().iter().enumerate() {
        let place = index + 1;
        let names = names(shard.as_ref()).await.map_err(|source| match source {
            StoreError::Engine { message, .. } => wrong(format!(
                "a server of shard {place} does not know its `macros` `cluster`, `shard` and `replica`: {message}"
            )),
            source => MigrationError::Register { source },
        })?;
        if names.cluster != name {
            let reason = format!("shard {place} is of the cluster `{}` by its macros, not of `{name}`", names.cluster);
            return Err(wrong(reason));
        }
        if let Some(shard) = known.replace(names.shard) {
            return Err(wrong(format!("shard {place} has the macro `shard` = `{shard}`, and another one has it too")));
        }
    }
    Ok(())
}
