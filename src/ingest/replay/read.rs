//! Archived payloads taken in again, by the way on which they came the first time: [`Ingest::take_in`].

use std::collections::{BTreeMap, HashSet};

use futures_util::future::join_all;

use super::archive::Archived;
use crate::ingest::connection::Connection;
use crate::ingest::connector::Reading;
use crate::ingest::{Ingest, IngestError};
use crate::model::event::Scalar;

/// Payloads that are taken in at the same time, and so in a few inserts instead of one each.
const AT_ONCE_MAX: usize = 200;

/// Reasons of rejected events that are repeated.
const REASONS_MAX: usize = 5;

/// What the connectors of now made of the payloads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub payloads: u64,
    /// Payloads that could not be read, or not wholly.
    pub unreadable: u64,
    pub rejected: u64,
    /// Why events were rejected; the first few reasons.
    pub reasons: Vec<String>,
    /// Kinds that the connector does not know, with the number of payloads that had them.
    pub unknown: BTreeMap<String, u64>,
}

/// Takes the payloads in, in their order as far as it matters: of those that tell of the same event or the same deal, one
/// waits until the one before it is stored. All others may overtake each other, which changes nothing.
///
/// # Errors
/// When the store does not take them.
pub async fn read_again(
    ingest: &Ingest,
    connection: &Connection,
    payloads: &[Archived],
    tally: &mut Tally,
) -> Result<(), IngestError> {
    let mut together: Vec<(&Archived, Reading)> = Vec::new();
    let mut names: HashSet<String> = HashSet::new();
    for archived in payloads {
        let reading = connection.connector.read(&archived.payload());
        let told = names_of(&reading);
        if AT_ONCE_MAX <= together.len() || told.iter().any(|name| names.contains(name)) {
            take(ingest, connection, std::mem::take(&mut together), tally).await?;
            names.clear();
        }
        names.extend(told);
        together.push((archived, reading));
    }
    take(ingest, connection, together, tally).await
}

async fn take(
    ingest: &Ingest,
    connection: &Connection,
    together: Vec<(&Archived, Reading)>,
    tally: &mut Tally,
) -> Result<(), IngestError> {
    let taken = together.into_iter().map(|(archived, reading)| ingest.take_in(connection, archived.payload(), reading));
    for received in join_all(taken).await {
        let received = received?;
        tally.payloads += 1;
        tally.unreadable += u64::from(received.unreadable.is_some());
        tally.rejected += received.receipt.rejected_total;
        for rejection in received.receipt.rejected {
            if tally.reasons.len() < REASONS_MAX && !tally.reasons.contains(&rejection.reason) {
                tally.reasons.push(rejection.reason);
            }
        }
        for kind in received.unknown {
            *tally.unknown.entry(kind).or_default() += 1;
        }
    }
    Ok(())
}

/// What of a payload another one could tell too.
fn names_of(reading: &Reading) -> Vec<String> {
    let events = reading.events.iter().filter_map(|event| match event.id.as_ref()? {
        Scalar::Text(text) => Some(format!("event {}", text.trim())),
        Scalar::Number(number) => Some(format!("event {number}")),
        Scalar::Other(_) => None,
    });
    let deals = reading.deals.iter().flat_map(|deal| [format!("fact {}", deal.id), format!("deal {}", deal.deal)]);
    events.chain(deals).collect()
}
