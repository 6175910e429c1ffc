//! What was accepted before a request counts in it. When that takes too long the answer says what it does not know yet.

use arrow::array::RecordBatch;
use tokio::sync::OnceCell;

use super::Asking;
use crate::ingest::derive::Derivation;
use crate::metrics::answer::Warning;
use crate::sql::Sql;
use crate::store::StoreError;

/// Code of the warning that more is known than was counted.
pub const STALE: &str = "STALE";

/// Whether what a request reads is up to date: found out once.
pub(super) struct Freshness {
    derivation: Derivation,
    /// Whether something has changed and is not derived yet.
    stale: OnceCell<bool>,
}

impl Freshness {
    pub fn of(derivation: Derivation) -> Self {
        Self { derivation, stale: OnceCell::new() }
    }
}

impl Asking {
    /// Reads what is derived from events, after all that arrived before the request.
    pub(super) async fn query(&self, statement: Sql) -> Result<Vec<RecordBatch>, StoreError> {
        let catch_up = || async {
            let tenant = self.viewer.tenant();
            self.freshness.derivation.catch_up_within(tenant, self.limits.catch_up_time).await
        };
        self.freshness.stale.get_or_try_init(catch_up).await?;
        self.read(statement).await
    }

    /// Asks the engine when it is this bearer's turn.
    pub(super) async fn read(&self, statement: Sql) -> Result<Vec<RecordBatch>, StoreError> {
        let _turn = self.turns.take(&self.bearer).await;
        self.store.query(statement).await
    }

    /// Whether something that the request read was not derived in time.
    pub fn is_stale(&self) -> bool {
        self.freshness.stale.get().copied().unwrap_or(false)
    }

    /// What a reader must know then. How much it is nobody is told: it is the whole tenant's.
    pub(super) fn staleness(&self) -> Option<Warning> {
        let message = "What has just changed is still being counted in: ask again in a few seconds.";
        self.is_stale().then(|| Warning { code: STALE, message: message.to_owned() })
    }
}
