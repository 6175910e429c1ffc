//! Events that the log has and no figure: written once more to the tables that follow from the log.
//!
//! To take them in again would find them known and do nothing. It changes nothing in the log, and what is counted
//! already counts once.

use std::ops::Range;

use super::stored::{self, Head};
use crate::ingest::bisect::bisect;
use crate::ingest::reason::Reason;
use crate::ingest::{Ingest, IngestError, Receipt, Rejection, known};
use crate::store::StoreError;

impl Ingest {
    /// Counts in what the log has of the lines; the number of each is its place. One that is not there is rejected: it
    /// was erased, or is older than its tenant lets it be kept.
    pub(super) async fn recount(&self, tenant: &str, group: &[Head]) -> Result<Receipt, IngestError> {
        let store = self.door.store.as_ref();
        // Who erases or removes holds it too: of what is half removed nothing must be written.
        let _held = self.derivation().hold(tenant).await?;
        let ids: Vec<&str> = group.iter().map(|head| head.event_id.as_str()).collect();
        let stored = known::find(store, tenant, &ids).await?;
        let mut receipt = Receipt::default();
        let reject = |receipt: &mut Receipt, line: u64, id: &str, (code, reason): (&'static str, String)| {
            receipt.reject(Rejection { line, id: Some(id.to_owned()), reason, code });
        };
        let mut lines: Vec<(u64, &str)> = Vec::new();
        for (line, id) in (1..).zip(ids) {
            if stored.contains(id) {
                lines.push((line, id));
            } else {
                reject(&mut receipt, line, id, ("GONE", "the event is not stored any more".to_owned()));
            }
        }
        let write = async |range: Range<usize>| {
            let ids: Vec<&str> = lines[range].iter().map(|(_, id)| *id).collect();
            if ids.is_empty() { Ok(()) } else { store.execute_all(stored::count_in(tenant, &ids)).await }
        };
        let refused = bisect(lines.len(), StoreError::is_about_rows, write).await?;
        for refused in &refused {
            let (line, id) = lines[refused.row];
            let code = match &refused.error {
                StoreError::Engine { code, .. } => *code,
                _ => 0,
            };
            let reason = Reason::Refused { code };
            reject(&mut receipt, line, id, (reason.code(), reason.to_string()));
        }
        receipt.accepted = (lines.len() - refused.len()) as u64;
        self.derivation().tell_stored();
        Ok(receipt)
    }
}
