//! Who derives, where several processes share a store: one at a time.
//!
//! One of the places outside `sql/` with SQL text: see `lib.rs`. Two that derive at the same time would fill the same
//! tables in memory and take marks away that the other has not done. The right to derive goes from number to number.
//! Who wants the next one inserts it with a token made of the number: the engine takes the first and leaves out all
//! others, and who stands in the table has it. Times are the server's own, so that the processes' clocks do not matter.
//! Where the store has shards each has a right of its own, which whoever wants it for a tenant of the shard takes in
//! that tenant's name. It never takes a right away that still holds. Who ends gives it back, so that nobody waits for its
//! end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::UInt64Type;
use tokio::sync::Mutex;

use crate::sql::Sql;
use crate::store::token::Token;
use crate::store::{Store, StoreError};

/// How long it holds. A run takes about two seconds, one that merges a large table half a minute.
const TERM: Duration = Duration::from_secs(300);

/// How much longer others wait: hosts' clocks differ, and a run that has begun in time may end after it.
const MARGIN_SECONDS: i64 = 120;

/// The holder of a right that was given back.
const NOBODY: &str = "";

/// One process's share in it.
pub(super) struct Lease {
    store: Arc<dyn Store>,
    /// The name of this process.
    holder: String,
    ours: Mutex<Ours>,
}

/// How long a number may be noted and not stand in the table. The engine notes it first: killed in between it knows the number for
/// ever and does not have it.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// What this process has of it.
enum Ours {
    Nothing,
    /// The engine took this number for known, and nobody has it.
    LeftOut {
        number: u64,
        since: Instant,
    },
    Held(Held),
    /// It was given back, and is not taken again.
    GivenBack,
}

struct Held {
    /// By our own measure from before it was taken.
    until: Instant,
    number: u64,
    /// For whom it was taken.
    tenant: String,
}

/// Whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Ours,
    Others,
}

/// The latest right there is.
struct Latest {
    number: u64,
    holder: String,
    is_valid: bool,
}

impl Lease {
    pub fn new(store: Arc<dyn Store>, holder: String) -> Self {
        Self { store, holder, ours: Mutex::new(Ours::Nothing) }
    }

    /// Takes it for a tenant and all others of its shard, or keeps it for longer, if it is nobody else's.
    pub async fn take(&self, tenant: &str, now: Instant) -> Result<Turn, StoreError> {
        let mut ours = self.ours.lock().await;
        match &*ours {
            // The half that is left is longer than any run.
            Ours::Held(held) if now + TERM / 2 < held.until => return Ok(Turn::Ours),
            Ours::GivenBack => return Ok(Turn::Others),
            Ours::Held(_) | Ours::LeftOut { .. } | Ours::Nothing => {}
        }
        let mut number = match self.latest(tenant).await? {
            None => 1,
            Some(latest) if latest.is_valid && ![&self.holder, NOBODY].contains(&latest.holder.as_str()) => {
                return Ok(Turn::Others);
            }
            Some(latest) => latest.number.saturating_add(1),
        };
        // Nobody will ever have it: the next one is the first that can be had.
        if let Ours::LeftOut { number: left_out, since } = *ours
            && number <= left_out
            && since + ON_ITS_WAY <= now
        {
            number = left_out.saturating_add(1);
        }
        self.store.insert("derivation_leases", row(tenant, number, &self.holder)?, Some(token(number))).await?;
        // What another process inserted first is what is there.
        let latest = self.latest(tenant).await?;
        *ours = match latest {
            Some(latest) if latest.number == number && latest.holder == self.holder => {
                Ours::Held(Held { until: now + TERM, number, tenant: tenant.to_owned() })
            }
            Some(latest) if number <= latest.number => Ours::Nothing,
            _ => match *ours {
                Ours::LeftOut { number: left_out, since } if left_out == number => Ours::LeftOut { number, since },
                _ => Ours::LeftOut { number, since: now },
            },
        };
        Ok(if matches!(*ours, Ours::Held(_)) { Turn::Ours } else { Turn::Others })
    }

    /// Gives it back, for good. Nothing may be derived any more by then.
    pub async fn give_back(&self, now: Instant) -> Result<(), StoreError> {
        let mut ours = self.ours.lock().await;
        let Ours::Held(Held { until, number, tenant }) = std::mem::replace(&mut *ours, Ours::GivenBack) else {
            return Ok(());
        };
        // What has come to an end may be another's.
        if until <= now {
            return Ok(());
        }
        let next = number.saturating_add(1);
        self.store.insert("derivation_leases", row(&tenant, next, NOBODY)?, Some(token(next))).await
    }

    async fn latest(&self, tenant: &str) -> Result<Option<Latest>, StoreError> {
        let mut sql = Sql::new("SELECT number, holder, toUInt64(now64(3, 'UTC') < at + toIntervalSecond(");
        sql.bind(TERM.as_secs() as i64 + MARGIN_SECONDS);
        sql.push(")) FROM derivation_leases ORDER BY number DESC LIMIT 1");
        // Whomever the latest was taken for.
        let sql = sql.of_tenant(tenant);
        let batches = self.store.query(sql).await?;
        let Some(batch) = batches.first() else { return Ok(None) };
        let numbers = [0, 2].map(|column| batch.column(column).as_primitive_opt::<UInt64Type>());
        let ([Some(number), Some(is_valid)], Some(holder)) = (numbers, batch.column(1).as_string_opt::<i32>()) else {
            return Err(unfit("a right to derive cannot be read"));
        };
        let holder = holder.value(0).to_owned();
        Ok(Some(Latest { number: number.value(0), holder, is_valid: is_valid.value(0) == 1 }))
    }
}

/// A pass that was held up for longer than its right held.
pub(super) fn lost() -> StoreError {
    unfit("another process has gone on deriving, because this one was held up")
}

fn token(number: u64) -> Token {
    Token::of(&format!("derivation lease {number}"))
}

fn row(tenant: &str, number: u64, holder: &str) -> Result<RecordBatch, StoreError> {
    let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text.to_owned()])) };
    let columns: [(&str, ArrayRef); 3] =
        [("number", Arc::new(UInt64Array::from(vec![number]))), ("holder", text(holder)), ("tenant", text(tenant))];
    RecordBatch::try_from_iter(columns)
        .map_err(|error| StoreError::WrongColumns { table: "derivation_leases", reason: error.to_string() })
}

fn unfit(message: &str) -> StoreError {
    StoreError::Engine { code: 0, message: message.to_owned() }
}
