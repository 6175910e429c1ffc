//! The way in through the queue: the API reads, checks and publishes, and a [`worker`] stores.
//!
//! What is published has passed every rule that a line can break, so the sender hears of bad lines at once; what the store
//! knows already is found out by the worker. Nothing is answered before the stream has it on disk. What a message holds is
//! in [`mod@message`].

mod failures;
mod message;
mod together;
pub mod worker;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use self::message::{Head, Section};
use super::connection::Connection;
use super::connector::Payload;
use super::group::Groups;
use super::item::LINE_BYTES_MAX;
use super::normalise::normalise;
use super::prepare::{Rejected, show_id, text_of};
use super::reason::Reason;
use super::receipt::Place;
use super::receive::Received;
use super::retention;
use super::{Ingest, IngestError, Item, Origin, Receipt};
use crate::model::Clock;
use crate::model::clock::Millis;
use crate::model::retention::Retention;
use crate::queue::{Published, Queue};

pub use self::message::MessageError;
pub use crate::queue::{Lag, QueueError};

/// Bytes of what is published together, before they are compressed: about ten thousand events, and as JSON compresses to
/// less than an eighth well below the `max_payload` of a server's own (1 MiB).
const GROUP_BYTES_MAX: usize = 4 << 20;

/// Events of one section: a worker stores it with one insert.
const SECTION_EVENTS_MAX: u64 = 20_000;

/// What a section weighs at least, so that no message has more of them than a worker takes.
const SECTION_WEIGHT_MIN: usize = GROUP_BYTES_MAX / message::SECTIONS_MAX;

/// How long a request waits for the stream, with others before it. After that it is told to come again.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(10);

/// How the API takes things in.
#[derive(Clone)]
pub enum Intake {
    /// It writes to the store itself.
    Direct(Ingest),
    Queued(Queued),
}

/// What became of a payload.
#[derive(Clone, Debug, PartialEq)]
pub enum Taken {
    Stored(Received),
    /// It is in the queue; what it says is not known yet.
    Queued,
}

impl Intake {
    /// Takes items in: as [`Ingest::accept_from`], or into the queue.
    ///
    /// # Errors
    /// When neither the store nor the stream has them all. Sending everything again is safe and completes it.
    pub async fn accept_from<I>(&self, origin: Origin, items: I) -> Result<Receipt, IngestError>
    where
        I: Iterator<Item = Item> + Send + 'static,
    {
        match self {
            Self::Direct(ingest) => ingest.accept_from(origin, items).await,
            Self::Queued(queued) => queued.accept_from(origin, items).await,
        }
    }

    /// Takes a verified payload in.
    ///
    /// # Errors
    /// As [`Intake::accept_from`].
    pub async fn receive(&self, connection: &Arc<Connection>, payload: Payload<'_>) -> Result<Taken, IngestError> {
        match self {
            Self::Direct(ingest) => ingest.receive(connection, payload).await.map(Taken::Stored),
            Self::Queued(queued) => queued.receive(connection, payload).await.map(|()| Taken::Queued),
        }
    }

    /// What waits in the queue; `None` where there is none.
    ///
    /// # Errors
    /// When no server answers.
    pub async fn lag(&self) -> Result<Option<Lag>, QueueError> {
        match self {
            Self::Direct(_) => Ok(None),
            Self::Queued(queued) => queued.publisher.queue.lag().await.map(Some),
        }
    }
}

/// The way into one queue. Cloning it gives another handle.
#[derive(Clone)]
pub struct Queued {
    publisher: Arc<Publisher>,
}

struct Publisher {
    queue: Queue,
    clock: Arc<dyn Clock>,
    /// Keeps what is rejected.
    ingest: Ingest,
    /// What waits for the stream at the same time shares a message. The outcome is how many events the stream did not have.
    groups: Groups<Section, u64, IngestError>,
}

/// A request's items, read.
struct Read {
    sections: Vec<Section>,
    repeats: u64,
    rejected: Rejected,
}

impl Queued {
    pub fn new(queue: Queue, ingest: Ingest, clock: Arc<dyn Clock>) -> Self {
        let groups = Groups::telling(GROUP_BYTES_MAX, away);
        Self { publisher: Arc::new(Publisher { queue, clock, ingest, groups }) }
    }

    async fn accept_from<I>(&self, origin: Origin, items: I) -> Result<Receipt, IngestError>
    where
        I: Iterator<Item = Item> + Send + 'static,
    {
        let received_at = origin.received_at.unwrap_or_else(|| self.publisher.clock.now());
        // A line that cannot be compressed must fit into a message of its own.
        let line_max = LINE_BYTES_MAX.min(self.publisher.queue.body_bytes_max() / 2);
        let (of, ingest) = (origin.clone(), self.publisher.ingest.clone());
        let read = spawn_blocking(move || read(&of, items, received_at, (line_max, ingest.retention())));
        let Read { sections, repeats, rejected } = read.await??;
        let mut receipt = Receipt { duplicates: repeats, place: Place::Queued, ..Receipt::default() };
        for section in sections {
            let events = section.events();
            let new = self.publish(section).await?;
            receipt.accepted += new;
            receipt.duplicates += events - new;
        }
        rejected.listed.into_iter().for_each(|rejection| receipt.reject(rejection));
        receipt.rejected_total += rejected.unlisted;
        let ingest = self.publisher.ingest.clone();
        // A task of its own: what others keep is written with it, and who hangs up must not stop that half way.
        let keeping = tokio::spawn(async move { ingest.keep_rejected(&origin, &rejected.kept).await });
        if let Err(error) = keeping.await {
            tracing::warn!(%error, "rejected lines could not be kept");
        }
        Ok(receipt)
    }

    async fn receive(&self, connection: &Connection, payload: Payload<'_>) -> Result<(), IngestError> {
        let head = Head::Payload {
            tenant: connection.tenant.clone(),
            connection: connection.name.clone(),
            content_type: payload.content_type.to_owned(),
            received_at: payload.received_at,
            bytes: payload.body.len(),
        };
        let body = bytes::Bytes::copy_from_slice(payload.body);
        self.publish(Section { head, body }).await.map(|_| ())
    }

    /// A task of its own: who hangs up does not take the turn away from those whom it publishes for. It ends in time,
    /// too: one that went on waiting would be one more each second that the stream is silent.
    async fn publish(&self, section: Section) -> Result<u64, IngestError> {
        let publisher = Arc::clone(&self.publisher);
        let publishing = tokio::spawn(async move {
            let weight = section.body.len().max(SECTION_WEIGHT_MIN);
            let write = async |group| publisher.publish_group(group).await;
            tokio::time::timeout(PUBLISHED_WITHIN, publisher.groups.write(section, weight, None, write)).await
        });
        let late = QueueError::Away { reason: "it takes too long".to_owned() };
        publishing.await?.map_err(|_| late)?
    }
}

/// A stream that is away is away for everybody who publishes.
fn away(error: &IngestError) -> Option<IngestError> {
    match error {
        IngestError::Queue(QueueError::Away { reason }) => Some(QueueError::Away { reason: reason.clone() }.into()),
        _ => None,
    }
}

impl Publisher {
    async fn publish_group(&self, group: Vec<Section>) -> Result<Vec<u64>, IngestError> {
        match <[Section; 1]>::try_from(group) {
            Ok([alone]) => Ok(vec![self.publish_in_parts(alone).await?]),
            Err(group) => {
                let events: Vec<u64> = group.iter().map(Section::events).collect();
                match self.publish_message(group).await? {
                    Published::New => Ok(events),
                    Published::Known => Ok(vec![0; events.len()]),
                }
            }
        }
    }

    /// As one message, or as many as it takes.
    async fn publish_in_parts(&self, section: Section) -> Result<u64, IngestError> {
        let mut new = 0;
        let mut rest = vec![section];
        while let Some(section) = rest.pop() {
            let events = section.events();
            match self.publish_message(vec![section.clone()]).await {
                Ok(Published::New) => new += events,
                Ok(Published::Known) => {}
                Err(IngestError::Queue(QueueError::TooLarge { bytes_max })) => {
                    let too_large = || QueueError::TooLarge { bytes_max };
                    let (first, second) = section.halves().ok_or_else(too_large)?;
                    rest.extend([second, first]);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(new)
    }

    async fn publish_message(&self, sections: Vec<Section>) -> Result<Published, IngestError> {
        let bytes_max = self.queue.body_bytes_max();
        // To compress and to hash some megabytes is work for a thread of its own.
        let encoding = spawn_blocking(move || Ok((message::id(&sections), message::encode(&sections)?)));
        let (id, body) = encoding.await?.map_err(IngestError::Message)?;
        if bytes_max < body.len() {
            return Err(QueueError::TooLarge { bytes_max }.into());
        }
        Ok(self.queue.publish(&id, body).await?)
    }
}

/// Reads a request's items by the rules of [`mod@super::prepare`], and keeps the lines of those that pass.
fn read(
    origin: &Origin,
    items: impl Iterator<Item = Item>,
    received_at: Millis,
    (line_max, retention): (usize, &Retention),
) -> Result<Read, IngestError> {
    let mut read = Read { sections: Vec::new(), repeats: 0, rejected: Rejected::default() };
    let mut ids: HashSet<String> = HashSet::new();
    let mut body: Vec<u8> = Vec::new();
    let mut events = 0;
    for Item { line, event, source } in items {
        let event = match event {
            Ok(event) => event,
            Err(unreadable) => {
                read.rejected.add(line, unreadable.id, &unreadable.reason, || text_of(source, None));
                continue;
            }
        };
        let id = event.id.as_ref().and_then(show_id);
        let text = message::line(event.clone()).map_err(IngestError::Message)?;
        let reason =
            match normalise(event, received_at).and_then(|event| retention::check(retention, &origin.tenant, event)) {
                Ok(_) if line_max < text.len() => Reason::LineTooLong { bytes: text.len(), max: line_max },
                Ok(event) if !ids.insert(event.id.clone()) => {
                    read.repeats += 1;
                    continue;
                }
                Ok(_) => {
                    if !body.is_empty() && (GROUP_BYTES_MAX < body.len() + text.len() || SECTION_EVENTS_MAX <= events) {
                        read.sections.push(section(origin, received_at, std::mem::take(&mut body), events));
                        events = 0;
                    }
                    body.extend_from_slice(&text);
                    events += 1;
                    continue;
                }
                Err(reason) => reason,
            };
        read.rejected.add(line, id, &reason, || text_of(source, None));
    }
    if !body.is_empty() {
        read.sections.push(section(origin, received_at, body, events));
    }
    Ok(read)
}

fn section(origin: &Origin, received_at: Millis, body: Vec<u8>, events: u64) -> Section {
    let head = Head::Events {
        tenant: origin.tenant.clone(),
        connection: origin.connection.clone(),
        received_at,
        events,
        bytes: body.len(),
    };
    Section { head, body: body.into() }
}
