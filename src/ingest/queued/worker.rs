//! A worker: takes messages from the queue, stores what is in them, and acknowledges what is stored.
//!
//! It acknowledges nothing that is not stored and drops nothing. A message may come twice, or to two workers: storing it
//! again changes nothing, because ids are known. While the store is away it holds what it has and takes no more, so that
//! what comes gathers in the stream. What fails by itself, while others get through, is put aside with its reason.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::failures::Failures;
use super::message::{self, Head, MessageError, Section};
use super::together::Parts;
use crate::ingest::commit::Coming;
use crate::ingest::connection::{Connection, Connections};
use crate::ingest::connector::Payload;
use crate::ingest::raw::without_values;
use crate::ingest::{Ingest, IngestError, Origin, lines};
use crate::queue::pull::{Delivery, Puller};
use crate::queue::{Queue, QueueError};
use crate::store::StoreError;
use crate::store::token::Token;

/// Parts of a message that are stored at once. Those that wait for the store at the same time share an insert.
const SECTIONS_AT_ONCE: usize = 32;

/// How many times the longest time for which a message that failed stays away its failures are remembered.
const REMEMBERED_TIMES: u32 = 10;

/// How much a worker takes, and how patient it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Messages in work at once. Those that wait for the store together are inserted together.
    pub messages_max: usize,
    /// Bytes of all of them, unpacked; the largest message fits in any case.
    pub unpacked_bytes_max: usize,
    /// Between the first two attempts; it doubles up to `pause_max`.
    pub pause: Duration,
    pub pause_max: Duration,
    /// Attempts at a message that fails by itself.
    pub tries: u32,
}

impl Default for Pace {
    /// 32 messages of 4 MiB unpack to 128 MiB, and take about three times that as rows.
    fn default() -> Self {
        Self {
            messages_max: 32,
            unpacked_bytes_max: 128 << 20,
            pause: Duration::from_millis(500),
            pause_max: Duration::from_secs(30),
            tries: 6,
        }
    }
}

/// What a worker works with.
pub struct Worker {
    pub queue: Queue,
    pub ingest: Ingest,
    pub connections: Connections,
    pub inserts: Inserts,
    pub pace: Pace,
}

/// How messages become inserts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserts {
    /// Messages that wait at the same time share one. For a store of this process: it always knows what became of an insert,
    /// and nobody else writes between its question which ids are known and its answer.
    Joined,
    /// One for each message and tenant, with a token cut from the message's place in the stream, so that an insert of which nobody
    /// knows what became, or that two workers do, is done once. For a store that others write to as well.
    OneEach,
}

/// A worker that goes on beside whoever started it.
pub struct Working {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Working {
    /// Takes no more messages, and returns when what is being stored is stored and acknowledged.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the worker of the queue broke off; what it had is delivered again");
        }
    }

    /// Ends it where it stands, as the end of its process would.
    pub fn abort(self) {
        self.task.abort();
    }
}

/// What is remembered while it works.
struct Work {
    worker: Worker,
    /// Messages that were stored.
    stored: AtomicU64,
    /// Those that failed by themselves.
    failures: Mutex<Failures>,
    /// A permit is a byte that may be unpacked.
    room: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

/// Whose fault it is that a message is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The next message would fare no better.
    Store,
    /// Perhaps the message's: it is, when others get through.
    Either,
    /// The message's, whatever the store does.
    Message,
}

impl Worker {
    pub fn start(self) -> Working {
        let (stop, stopped) = watch::channel(false);
        let away_most = self.pace.pause_max.saturating_add(self.queue.config().ack_wait);
        let failures = Mutex::new(Failures::remembered_for(away_most.saturating_mul(REMEMBERED_TIMES)));
        let room = Arc::new(Semaphore::new(self.pace.unpacked_bytes_max.max(message::PLAIN_BYTES_MAX)));
        let work = Work { worker: self, stored: AtomicU64::new(0), failures, room, stop: stopped };
        Working { stop, task: tokio::spawn(Arc::new(work).run()) }
    }
}

impl Work {
    async fn run(self: Arc<Self>) {
        let pace = self.worker.pace;
        let mut in_work = JoinSet::new();
        let mut puller = None;
        let mut pause = pace.pause;
        loop {
            let round = tokio::select! {
                () = self.stopped() => break,
                round = self.round(&mut puller, &mut in_work) => round,
            };
            let Err(error) = round else {
                pause = pace.pause;
                continue;
            };
            tracing::warn!(%error, "the queue gives no messages; it is asked again");
            puller = None;
            tokio::select! {
                () = self.stopped() => break,
                () = tokio::time::sleep(pause) => {}
            }
            pause = pause.saturating_mul(2).min(pace.pause_max);
        }
        while in_work.join_next().await.is_some() {}
    }

    /// Asks once for as many messages as there is room for, and begins with each as it comes.
    async fn round(self: &Arc<Self>, puller: &mut Option<Puller>, in_work: &mut JoinSet<()>) -> Result<(), QueueError> {
        let most = self.worker.pace.messages_max.max(1);
        // Half of them free: a question for each single message would cost more than it brings.
        while most / 2 < in_work.len() {
            in_work.join_next().await;
        }
        let puller = match puller {
            Some(puller) => puller,
            None => puller.insert(self.worker.queue.puller().await?),
        };
        let mut pulled = puller.pull(most - in_work.len()).await?;
        while let Some(delivery) = pulled.next().await? {
            in_work.spawn(Arc::clone(self).handle(delivery));
        }
        Ok(())
    }

    async fn handle(self: Arc<Self>, delivery: Delivery) {
        let unpacked = tokio::select! {
            () = self.stopped() => return delivery.give_back(Duration::ZERO).await,
            unpacked = self.keep(&delivery, self.unpack(&delivery)) => unpacked,
        };
        // The room is taken until the message is done.
        let (sections, _room) = match unpacked {
            Ok(unpacked) => unpacked,
            Err(error) => return self.fail(&delivery, &IngestError::Message(error)).await,
        };
        let pace = self.worker.pace;
        let (mut pause, mut attempt) = (pace.pause, delivery.attempt);
        loop {
            let storing = self.store(&sections, &delivery, attempt);
            attempt += 1;
            match self.keep(&delivery, storing).await {
                Ok(()) => return self.succeed(&delivery).await,
                Err(error) if fault(&error) == Fault::Store => {
                    tracing::warn!(
                        sequence = delivery.sequence,
                        error = crate::outbound::with_causes(&error),
                        "the store is away; what was accepted waits in the queue"
                    );
                }
                Err(error) => return self.fail(&delivery, &error).await,
            }
            tokio::select! {
                () = self.stopped() => return delivery.give_back(Duration::ZERO).await,
                () = self.keep(&delivery, tokio::time::sleep(pause)) => {}
            }
            pause = pause.saturating_mul(2).min(pace.pause_max);
        }
    }

    /// The sections of a message, once there is room for them. How much it takes is known only afterwards.
    async fn unpack(&self, delivery: &Delivery) -> Result<(Vec<Section>, Option<OwnedSemaphorePermit>), MessageError> {
        let permits = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let most = message::plain_bytes_most(delivery.body()).min(message::PLAIN_BYTES_MAX);
        // Nobody closes it.
        let mut room = Arc::clone(&self.room).acquire_many_owned(permits(most)).await.ok();
        let sections = message::decode(delivery.body())?;
        let taken: usize = sections.iter().map(|section| section.body.len()).sum();
        let spare = room.as_mut().and_then(|room| room.split(most.saturating_sub(taken)));
        drop(spare);
        Ok((sections, room))
    }

    /// Waits, and meanwhile tells the queue that the message is in work.
    async fn keep<F: Future>(&self, delivery: &Delivery, working: F) -> F::Output {
        let every = self.worker.queue.config().ack_wait / 3;
        let mut working = pin!(working);
        loop {
            tokio::select! {
                done = &mut working => return done,
                () = tokio::time::sleep(every) => delivery.keep().await,
            }
        }
    }

    /// What is in a message is stored side by side.
    async fn store(&self, sections: &[Section], delivery: &Delivery, attempt: u64) -> Result<(), IngestError> {
        let mut by_tenant: BTreeMap<&str, Parts> = BTreeMap::new();
        let mut work: Vec<BoxFuture<'_, Result<(), IngestError>>> = Vec::new();
        for Section { head, body } in sections {
            match head {
                Head::Events { tenant, connection, received_at, .. } => {
                    // Of events that a sending system sent itself it is empty.
                    if !connection.is_empty() {
                        self.connection(tenant, connection)?;
                    }
                    let Ok(lines) = lines::split(body.clone()) else { continue };
                    let origin = Origin {
                        tenant: tenant.clone(),
                        connection: connection.clone(),
                        received_at: Some(*received_at),
                        ..Origin::default()
                    };
                    by_tenant.entry(tenant).or_default().push((origin, lines));
                }
                Head::Payload { .. } => work.push(self.store_payload(head, body).boxed()),
            }
        }
        for (tenant, parts) in by_tenant {
            let coming = match self.worker.inserts {
                Inserts::Joined => Coming::Once,
                Inserts::OneEach if attempt == 1 => Coming::First(self.token(delivery, tenant)),
                Inserts::OneEach => Coming::Again(self.token(delivery, tenant)),
            };
            work.push(self.store_events(parts, coming).boxed());
        }
        let done: Vec<_> = stream::iter(work).buffer_unordered(SECTIONS_AT_ONCE).collect().await;
        let mut failed: Vec<IngestError> = done.into_iter().filter_map(Result::err).collect();
        // If the store is away for one of them, no other is to blame.
        let place = failed.iter().position(|error| fault(error) == Fault::Store).unwrap_or(0);
        if failed.is_empty() { Ok(()) } else { Err(failed.swap_remove(place)) }
    }

    /// What the events of a tenant in a message are known by. A stream that is made anew begins at 1 again: when the
    /// message came into it tells it from those of the one before.
    fn token(&self, delivery: &Delivery, tenant: &str) -> Token {
        let Delivery { sequence, published_nanoseconds, .. } = delivery;
        let stream = &self.worker.queue.config().stream;
        Token::of(&format!("{stream}:{sequence}-{sequence} {published_nanoseconds} {tenant}"))
    }

    fn connection(&self, tenant: &str, name: &str) -> Result<&Arc<Connection>, IngestError> {
        let found = self.worker.connections.find(name).filter(|found| found.tenant == tenant);
        found.ok_or_else(|| IngestError::NoConnection { name: name.to_owned() })
    }

    async fn store_events(&self, parts: Parts, coming: Coming) -> Result<(), IngestError> {
        let refused = self.worker.ingest.accept_together(parts, coming).await?;
        if 0 < refused.count {
            // The API refused what breaks the rules: those of this process are others.
            let reason = refused.first.map(|rejection| without_values(&rejection.reason));
            tracing::error!(
                rejected = refused.count,
                reason,
                "events of the queue break the rules of this worker: run one version of API and workers"
            );
        }
        Ok(())
    }

    async fn store_payload(&self, head: &Head, body: &[u8]) -> Result<(), IngestError> {
        let Head::Payload { tenant, connection: name, content_type, received_at, .. } = head else { return Ok(()) };
        let connection = self.connection(tenant, name)?;
        let payload = Payload { body, content_type, received_at: *received_at };
        let received = self.worker.ingest.receive(connection, payload).await?;
        connection.health.note_read(&received);
        Ok(())
    }

    async fn succeed(&self, delivery: &Delivery) {
        self.stored.fetch_add(1, Ordering::Relaxed);
        self.lock_failures().forget(delivery.sequence);
        if let Err(error) = delivery.done().await {
            tracing::info!(sequence = delivery.sequence, %error, "a stored message is not acknowledged; it comes again");
        }
    }

    /// Gives a message back that failed, or puts it aside when it has failed often enough.
    async fn fail(&self, delivery: &Delivery, error: &IngestError) {
        let pace = self.worker.pace;
        let stored = self.stored.load(Ordering::Relaxed);
        let failure = self.lock_failures().note(delivery.sequence, stored, Instant::now());
        let is_its_own = match fault(error) {
            Fault::Message => true,
            // A store that refuses everything is not cured by putting everything aside.
            Fault::Store | Fault::Either => failure.stored_before < stored,
        };
        let reason = without_values(&crate::outbound::with_causes(error));
        if pace.tries <= failure.count && is_its_own {
            match delivery.put_aside(&reason).await {
                Ok(()) => {
                    self.lock_failures().forget(delivery.sequence);
                    tracing::error!(
                        sequence = delivery.sequence,
                        reason,
                        "a message cannot be stored and is put aside: see its stream"
                    );
                    return;
                }
                Err(error) => tracing::warn!(sequence = delivery.sequence, %error, "a message cannot be put aside"),
            }
        }
        let attempt = failure.count;
        tracing::warn!(sequence = delivery.sequence, attempt, reason, "a message cannot be stored; it is tried again");
        let pause = pace.pause.saturating_mul(1 << attempt.min(16)).min(pace.pause_max);
        delivery.give_back(pause).await;
    }

    async fn stopped(&self) {
        // Who let go of the handle wants no more either.
        _ = self.stop.clone().wait_for(|stop| *stop).await;
    }

    fn lock_failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fault(error: &IngestError) -> Fault {
    match error {
        IngestError::Store(error) => match error {
            StoreError::TimedOut { .. }
            | StoreError::Busy { .. }
            | StoreError::DiskFull
            | StoreError::NoMemory
            | StoreError::NoDescriptors
            | StoreError::Unreachable { .. }
            | StoreError::Closed => Fault::Store,
            StoreError::TooMuchMemory { .. }
            | StoreError::TooManyRows { .. }
            | StoreError::WrongColumns { .. }
            | StoreError::NoShard { .. }
            | StoreError::Engine { .. } => Fault::Either,
        },
        IngestError::Interrupted(error) if error.is_cancelled() => Fault::Store,
        IngestError::Interrupted(_) | IngestError::Batch(_) | IngestError::Unkept { .. } => Fault::Either,
        IngestError::Queue(_) | IngestError::Erasing => Fault::Store,
        IngestError::Message(MessageError::Packed(_) | MessageError::Head(_))
        | IngestError::Message(MessageError::Form { .. } | MessageError::Short)
        | IngestError::Message(MessageError::Large { .. } | MessageError::Many { .. })
        | IngestError::NoConnection { .. } => Fault::Message,
    }
}
