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
    /// Threads that changed and are not derived yet.
    stale: OnceCell<u64>,
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
        self.store.query(statement).await
    }

    /// What a reader must know when something was not derived in time.
    pub(super) fn staleness(&self) -> Option<Warning> {
        let stale = self.freshness.stale.get().copied().filter(|stale| 0 < *stale)?;
        Some(Warning {
            code: STALE,
            message: format!(
                "{stale} chats or dialogs have changed and are still being counted in: ask again in a few seconds."
            ),
        })
    }
}
