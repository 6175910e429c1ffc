//! A platform's payload on its way in: read, archived and taken in, and only then answered.

use std::sync::Arc;

use super::connection::Connection;
use super::connector::{Payload, Reading};
use super::raw::{self, RawPayload};
use super::{Ingest, IngestError, Item, Origin, Receipt, errands::stored};

/// What became of a payload that was taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Received {
    pub receipt: Receipt,
    /// Things that it names, which are asked for where the platform can be.
    pub lookups: u32,
    pub ignored: u32,
    pub unknown: Vec<String>,
    pub unreadable: Option<String>,
}

/// Bytes of payloads of one insert: a hundred of the largest that platforms send.
pub(super) const ARCHIVED_BYTES_MAX: usize = 32 << 20;

impl Ingest {
    /// Takes a verified payload in: when this returns, it is archived and what it says is stored. After an error the
    /// platform's next attempt completes it.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn receive(&self, connection: &Arc<Connection>, payload: Payload<'_>) -> Result<Received, IngestError> {
        let reading = connection.connector.read(&payload);
        let kept = RawPayload::of(connection, &payload, &reading);
        let Reading { events, lookups, ignored, unknown, unreadable, .. } = reading;
        let items = (1..).zip(events).map(|(line, event)| Item { line, event: Ok(event) });
        let items: Vec<Item> = items.collect();
        let origin = Origin {
            tenant: connection.tenant.clone(),
            connection: connection.name.clone(),
            received_at: Some(payload.received_at),
        };
        // Side by side: neither waits for the other's write to disk.
        let (archived, receipt, noted) = tokio::join!(
            self.archive(kept),
            self.accept_from(origin, items.into_iter()),
            stored::note(self.door.store.as_ref(), connection, &lookups, payload.received_at),
        );
        archived?;
        noted?;
        let lookups = u32::try_from(lookups.len()).unwrap_or(u32::MAX);
        Ok(Received { receipt: receipt?, lookups, ignored, unknown, unreadable })
    }

    async fn archive(&self, payload: Option<RawPayload>) -> Result<(), IngestError> {
        let Some(payload) = payload else { return Ok(()) };
        let ingest = self.clone();
        // A task of its own, as a write of events is: who hangs up does not stop it half way.
        tokio::spawn(async move {
            let weight = payload.bytes();
            let store = &ingest.door.store;
            let write = async |payloads: Vec<RawPayload>| {
                let rows = raw::build(&payloads).map_err(IngestError::Batch)?;
                store.insert("raw_payloads", rows).await?;
                Ok(vec![(); payloads.len()])
            };
            ingest.door.archive.write(payload, weight, write).await
        })
        .await?
    }
}
