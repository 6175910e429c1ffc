//! Kept lines taken in again, as they came: by the same way, with the same time of arrival, under the same rules as any.
//!
//! To do it twice changes nothing: what is stored is not tried again, and an event that is known is a duplicate. A line is only
//! ever what was sent; who has a better one sends it.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;

use super::stored::{self, Head, Outcome, Row, Which};
use super::{RejectedBy, Way};
use crate::ingest::connection::{Connection, Connections};
use crate::ingest::item::Item;
use crate::ingest::{Ingest, IngestError, Origin, Receipt, raw, sends};
use crate::model::clock::Millis;

/// Lines of one submission: as many as fit on a page.
pub const LINES_MAX: usize = 500;

/// Bytes of their texts: half of what a body may have.
pub const BYTES_MAX: u64 = 16 << 20;

/// Lines of one connection and one arrival are submitted together; so many such groups at once.
const GROUPS_AT_ONCE: usize = 8;

/// What came of a submission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resubmitted {
    /// Events that are stored now and were not before.
    pub accepted: u64,
    /// Events that were known already.
    pub duplicates: u64,
    pub rejected: u64,
    /// Lines that are meant too and were not tried, because they are too many for one submission.
    pub left: u64,
}

impl Ingest {
    /// Submits lines again, those first that were not tried for the longest time. A line that is stored by now, and one that is not
    /// kept whole, is none of them.
    ///
    /// The work is a task of its own: a client that hangs up does not stop it between storing and noting that. One of a
    /// tenant goes on at a time, so that clients that hang up do not leave many behind.
    ///
    /// # Errors
    /// When the store does not take or give something; to submit them again completes it.
    pub async fn resubmit(
        &self,
        tenant: &str,
        which: Which,
        connections: &Connections,
    ) -> Result<Resubmitted, IngestError> {
        let (ingest, tenant, connections) = (self.clone(), tenant.to_owned(), connections.clone());
        let turn = self.door.rejections.turn_of(&tenant).await;
        tokio::spawn(async move {
            let _turn = turn;
            ingest.resubmit_now(&tenant, which, &connections).await
        })
        .await?
    }

    async fn resubmit_now(
        &self,
        tenant: &str,
        which: Which,
        connections: &Connections,
    ) -> Result<Resubmitted, IngestError> {
        let which = Which { open_only: true, ..which };
        let store = self.door.store.as_ref();
        let count = stored::read_count(&store.query(stored::select_count(tenant, &which)).await?);
        let count = count.map_err(IngestError::Batch)?;
        let heads = store.query(stored::select_untried(tenant, &which, LINES_MAX)).await?;
        let mut heads = stored::read_heads(&heads).map_err(IngestError::Batch)?;
        heads.truncate(stored::within_bytes(&heads, BYTES_MAX));
        let mut result = Resubmitted { left: count.saturating_sub(heads.len() as u64), ..Resubmitted::default() };
        if heads.is_empty() {
            return Ok(result);
        }
        let keys: Vec<&str> = heads.iter().map(|head| head.key.as_str()).collect();
        let texts = stored::read_raw(&store.query(stored::select_raw(tenant, &keys)).await?);
        let texts: HashMap<String, String> = texts.map_err(IngestError::Batch)?.into_iter().collect();

        let groups = group(heads);
        let submissions = groups.into_iter().map(|group| self.submit(tenant, group, &texts, connections));
        let done: Vec<_> = stream::iter(submissions).buffer_unordered(GROUPS_AT_ONCE).collect().await;
        let now = self.door.clock.now();
        let mut marks = Vec::new();
        let mut failed = None;
        for submitted in done {
            match submitted {
                Ok((group, receipt)) => {
                    result.accepted += receipt.accepted;
                    result.duplicates += receipt.duplicates;
                    result.rejected += receipt.rejected_total;
                    marks
                        .extend(group.into_iter().zip(1..).map(|(head, line)| mark(tenant, head, line, &receipt, now)));
                }
                Err(error) => failed = Some(error),
            }
        }
        // What is stored is noted also where something else was not.
        if !marks.is_empty() {
            store.insert(stored::TABLE, stored::build(marks.iter()).map_err(IngestError::Batch)?, None).await?;
        }
        failed.map_or(Ok(result), Err)
    }

    /// Takes a group in; a line's number is its place in it.
    async fn submit(
        &self,
        tenant: &str,
        group: Vec<Head>,
        texts: &HashMap<String, String>,
        connections: &Connections,
    ) -> Result<(Vec<Head>, Receipt), IngestError> {
        let Some(head) = group.first() else { return Ok((group, Receipt::default())) };
        if head.by == RejectedBy::Views {
            let receipt = self.recount(tenant, &group).await?;
            return Ok((group, receipt));
        }
        let origin = Origin {
            tenant: tenant.to_owned(),
            connection: head.connection.clone(),
            received_at: Some(head.first_at),
            way: Way::Again,
            ..Origin::default()
        };
        let read = |(head, line): (&Head, u64)| {
            let text = texts.get(&head.key).map(|text| raw::read_back(text)).unwrap_or_default();
            Item::read(line, text.into())
        };
        let items: Vec<Item> = group.iter().zip(1..).map(read).collect();
        // What the store refused is no report any more: it was read.
        let receipt = if head.way != Way::Sends || head.by != RejectedBy::Rules {
            self.accept_from(origin, items.into_iter()).await?
        } else if let Some(connection) = of_tenant(connections, tenant, &head.connection) {
            self.accept_from(origin, sends::read(connection, items.into_iter())).await?
        } else {
            gone(&group)
        };
        Ok((group, receipt))
    }
}

fn of_tenant(connections: &Connections, tenant: &str, name: &str) -> Option<Arc<Connection>> {
    connections.find(name).filter(|connection| connection.tenant == tenant).cloned()
}

/// Reports that nobody can read any more.
fn gone(group: &[Head]) -> Receipt {
    let mut receipt = Receipt::default();
    for (line, head) in (1..).zip(group) {
        receipt.reject(crate::ingest::Rejection {
            line,
            id: None,
            reason: format!("the connection {} is not configured any more", head.connection),
            code: "NO_CONNECTION",
        });
    }
    receipt
}

/// Lines that can be taken in together: of one connection, way and arrival, and not taken by the same.
fn group(heads: Vec<Head>) -> Vec<Vec<Head>> {
    let mut groups: HashMap<(String, Way, RejectedBy, Millis), Vec<Head>> = HashMap::new();
    for head in heads {
        let same = (head.connection.clone(), head.way, head.by, head.first_at);
        groups.entry(same).or_default().push(head);
    }
    groups.into_values().collect()
}

/// The row that says what came of a line. It adds neither text nor a time seen.
fn mark(tenant: &str, head: Head, line: u64, receipt: &Receipt, now: Millis) -> Row {
    let rejection = receipt.rejected.iter().find(|rejection| rejection.line == line);
    let outcome = if rejection.is_some() { Outcome::Rejected } else { Outcome::Stored };
    let (code, reason) = match rejection {
        Some(rejection) => (rejection.code.to_owned(), rejection.reason.clone()),
        None => (head.code, head.reason),
    };
    let head = Head { code, reason, times_seen: 0, resubmitted_at: Some(now), outcome: Some(outcome), ..head };
    Row { tenant: tenant.to_owned(), raw: String::new(), head }
}
