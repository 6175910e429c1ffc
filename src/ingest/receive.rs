//! A platform's payload on its way in: read, archived and taken in, and only then answered.

use std::sync::Arc;

use super::connection::Connection;
use super::connector::{Payload, Reading};
use super::normalise::decoration;
use super::raw::{self, RawPayload};
use super::rejected::Way;
use super::{Ingest, IngestError, Item, Origin, Receipt, errands::stored};
use crate::model::event::Scalar;

/// What became of a payload that was taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Received {
    pub receipt: Receipt,
    /// Things that it names, which are asked for where the platform can be.
    pub lookups: u32,
    pub ignored: u32,
    pub unknown: Vec<String>,
    pub unreadable: Option<String>,
    /// Between what happened and its arrival, of the latest event that says when it happened.
    pub lag_ms: Option<i64>,
}

/// Bytes of payloads of one insert: ten of the largest that platforms send.
pub(super) const ARCHIVED_BYTES_MAX: usize = 32 << 20;

impl Ingest {
    /// Takes a verified payload in: when this returns, what it says is stored and it is archived. After an error the
    /// platform's next attempt completes it.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn receive(&self, connection: &Arc<Connection>, payload: Payload<'_>) -> Result<Received, IngestError> {
        let reading = connection.connector.read(&payload);
        // From its events to its archive: an erasure that finds the ones finds the other.
        let _within = self.come_in().await;
        let received = self.take_in(connection, payload, reading).await?;
        // Afterwards, because the archive also tells what became of it.
        self.archive(RawPayload::of(connection, &payload, &received)).await?;
        Ok(received)
    }

    /// The same without the archive: what a payload said, at the time at which it came.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn take_in(
        &self,
        connection: &Connection,
        payload: Payload<'_>,
        reading: Reading,
    ) -> Result<Received, IngestError> {
        let Reading { mut events, deals, lookups, ignored, unknown, mut unreadable } = reading;
        events.iter_mut().for_each(decoration::trim);
        let latest = events.iter().filter_map(|event| instant(event.at.as_ref()?)).max();
        let items: Vec<Item> = (1..).zip(events).map(|(line, event)| Item::of(line, event)).collect();
        let origin = Origin {
            tenant: connection.tenant.clone(),
            connection: connection.name.clone(),
            received_at: Some(payload.received_at),
            way: Way::Platform,
            raw_days: Some(connection.keep_days),
            ..Origin::default()
        };
        let mut receipt = match items.is_empty() {
            true => Receipt::default(),
            false => self.accept_within(origin.clone(), items.into_iter()).await?,
        };
        // After the events: what joins a deal to a person is there before its conversions.
        let settled = self.settle_deals(origin, deals).await?;
        receipt.accepted += settled.receipt.accepted;
        settled.receipt.rejected.into_iter().for_each(|rejection| receipt.reject(rejection));
        if 0 < settled.refused && unreadable.is_none() {
            unreadable = Some(format!("{} facts about deals have an impossible time or name", settled.refused));
        }
        if connection.connector.can_be_asked() {
            stored::note(self.door.store.as_ref(), connection, &lookups, payload.received_at).await?;
        }
        Ok(Received {
            receipt,
            ignored,
            lookups: u32::try_from(lookups.len()).unwrap_or(u32::MAX),
            unknown,
            unreadable,
            lag_ms: latest.map(|latest| payload.received_at.saturating_sub(latest)),
        })
    }

    async fn archive(&self, payload: RawPayload) -> Result<(), IngestError> {
        let ingest = self.clone();
        // A task of its own, as a write of events is: who hangs up does not stop it half way.
        tokio::spawn(async move {
            let weight = payload.bytes();
            let store = &ingest.door.store;
            let write = async |payloads: Vec<RawPayload>| {
                let rows = raw::build(&payloads).map_err(IngestError::Batch)?;
                store.insert("raw_payloads", rows, None).await?;
                Ok(vec![(); payloads.len()])
            };
            ingest.door.archive.write(payload, weight, None, write).await
        })
        .await?
    }
}

/// Milliseconds of an event's time as connectors write it: a number. A text is rare, and its lag nobody's loss.
fn instant(at: &Scalar) -> Option<i64> {
    match at {
        Scalar::Number(number) => number.as_i64(),
        Scalar::Text(_) | Scalar::Other(_) => None,
    }
}
