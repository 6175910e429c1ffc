//! The way of a line from a request to the writer: a bounded queue, one thread, and word that it is written.
//!
//! A request waits for that word. A queue that stays full, a writer that hangs and a disk that fails all end the same:
//! the request is told that it is not recorded.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::record::Record;
use super::refusals::{Refusal, Refusals};
use crate::model::Clock;
use crate::model::clock::Millis;

/// Lines that wait for the writer. Few are ever longer than a kilobyte.
const QUEUE_MAX: usize = 256;

/// How long a request waits to be recorded.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Where lines go: files, or a test's memory.
pub trait Sink: Send + 'static {
    /// Writes whole lines that belong to this day (UTC). What it has taken outlives the process.
    ///
    /// # Errors
    /// When they are not written.
    fn write(&mut self, day: NaiveDate, lines: &[u8]) -> io::Result<()>;

    /// Makes sure that what was written outlives the machine.
    ///
    /// # Errors
    /// When it may not.
    fn flush(&mut self) -> io::Result<()>;
}

/// The record of a server; clones are the same one.
#[derive(Clone)]
pub struct Log {
    /// `None` keeps no record.
    open: Option<Open>,
}

#[derive(Clone)]
struct Open {
    queue: mpsc::Sender<Message>,
    clock: Arc<dyn Clock>,
    patience: Duration,
    /// Whether the last write failed.
    is_failing: Arc<AtomicBool>,
    refusals: Arc<Mutex<Refusals>>,
}

enum Message {
    Line { day: NaiveDate, line: Vec<u8>, written: oneshot::Sender<()> },
    Close { closed: oneshot::Sender<()> },
}

impl Message {
    /// The line, and where word of it comes.
    fn line(record: &Record) -> Result<(Self, oneshot::Receiver<()>), Unrecorded> {
        let mut line = serde_json::to_vec(record).map_err(|_| Unrecorded)?;
        line.push(b'\n');
        let day = DateTime::from_timestamp_millis(record.at).unwrap_or_default().date_naive();
        let (written, word) = oneshot::channel();
        Ok((Self::Line { day, line, written }, word))
    }
}

/// The line was not written, or nobody knows whether it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrecorded;

impl Log {
    /// Records nothing.
    pub fn off() -> Self {
        Self { open: None }
    }

    /// Starts the writer.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(sink: impl Sink, clock: Arc<dyn Clock>, patience: Duration) -> io::Result<Self> {
        let (queue, messages) = mpsc::channel(QUEUE_MAX);
        // A thread, not a task: a disk that hangs must cost nothing but the record.
        let is_failing = Arc::new(AtomicBool::new(false));
        let health = Health { is_failing: Arc::clone(&is_failing) };
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || write_all(sink, messages, health))?;
        let refusals = Arc::default();
        Ok(Self { open: Some(Open { queue, clock, patience, is_failing, refusals }) })
    }

    /// The present, by the record's clock; `None` where there is no record.
    pub fn now(&self) -> Option<Millis> {
        self.open.as_ref().map(|open| open.clock.now())
    }

    /// Whether the last line could not be written.
    pub fn is_failing(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.is_failing.load(Ordering::Relaxed))
    }

    /// Counts a request of which nobody knows whose it is.
    pub fn count_refusal(&self, at: Millis) -> Refusal {
        let Some(open) = &self.open else { return Refusal::Counted };
        open.refusals.lock().unwrap_or_else(PoisonError::into_inner).count(at)
    }

    /// Returns when the line is written.
    ///
    /// # Errors
    /// When it is not, or not in time.
    pub async fn record(&self, record: &Record) -> Result<(), Unrecorded> {
        let Some(open) = &self.open else { return Ok(()) };
        let (line, word) = Message::line(record)?;
        let recorded = async {
            open.queue.send(line).await.map_err(|_| Unrecorded)?;
            word.await.map_err(|_| Unrecorded)
        };
        tokio::time::timeout(open.patience, recorded).await.unwrap_or(Err(Unrecorded))
    }

    /// For a request that nobody waits for any more. The line has its place in the queue at once, unless that is full.
    pub fn record_unawaited(&self, record: Record) {
        let Some(open) = &self.open else { return };
        let Ok((line, _)) = Message::line(&record) else { return };
        if let Err(TrySendError::Full(_)) = open.queue.try_send(line)
            && let Ok(runtime) = Handle::try_current()
        {
            let log = self.clone();
            runtime.spawn(async move { log.record(&record).await });
        }
    }

    /// Returns when all that came before is on the disk, or has had its time. Nothing is recorded afterwards.
    pub async fn close(&self) {
        let Some(open) = &self.open else { return };
        let (closed, word) = oneshot::channel();
        let closing = async {
            if open.queue.send(Message::Close { closed }).await.is_ok() {
                // No word means that the writer has gone before.
                let _ = word.await;
            }
        };
        if tokio::time::timeout(open.patience, closing).await.is_err() {
            tracing::warn!("the audit log did not close in time: its last lines may be missing");
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Log").field("is_on", &self.open.is_some()).finish_non_exhaustive()
    }
}

/// The writer's thread: takes what waits, writes it at once, and gives word.
fn write_all(mut sink: impl Sink, mut messages: mpsc::Receiver<Message>, mut health: Health) {
    let mut waiting = Vec::new();
    let mut closed = None;
    while closed.is_none() && messages.blocking_recv_many(&mut waiting, QUEUE_MAX) != 0 {
        let mut batch = Batch::default();
        for message in waiting.drain(..) {
            match message {
                Message::Line { day, line, written } => {
                    if batch.day != Some(day) {
                        std::mem::take(&mut batch).write(&mut sink, &mut health);
                    }
                    batch.day = Some(day);
                    batch.lines.extend(line);
                    batch.written.push(written);
                }
                // What comes after it is told that it is not recorded, by the end of its channel.
                Message::Close { closed: word } => {
                    closed = Some(word);
                    break;
                }
            }
        }
        batch.write(&mut sink, &mut health);
    }
    health.tell(&sink.flush());
    if let Some(word) = closed {
        // Whoever asked may have lost patience.
        let _ = word.send(());
    }
}

/// Lines of one day that are written together.
#[derive(Default)]
struct Batch {
    day: Option<NaiveDate>,
    lines: Vec<u8>,
    written: Vec<oneshot::Sender<()>>,
}

impl Batch {
    fn write(self, sink: &mut impl Sink, health: &mut Health) {
        let Some(day) = self.day else { return };
        let outcome = sink.write(day, &self.lines);
        health.tell(&outcome);
        if outcome.is_ok() {
            for written in self.written {
                let _ = written.send(());
            }
        }
    }
}

/// Whether the last write worked, so that a disk that fails is told once and not with each request.
struct Health {
    is_failing: Arc<AtomicBool>,
}

impl Health {
    fn tell(&mut self, outcome: &io::Result<()>) {
        let was_failing = self.is_failing.swap(outcome.is_err(), Ordering::Relaxed);
        match (was_failing, outcome) {
            (false, Err(error)) => {
                tracing::error!(%error, "the audit log cannot be written: requests are refused until it can");
            }
            (true, Ok(())) => tracing::info!("the audit log is written again"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_disk_that_fails_is_told_once_and_once_more_when_it_works_again() {
        let memory = Memory::default();
        let writer = memory.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            let mut health = Health { is_failing: Arc::default() };
            for kind in [None, Some(io::ErrorKind::StorageFull), Some(io::ErrorKind::StorageFull), None, None] {
                health.tell(&kind.map_or(Ok(()), |kind| Err(kind.into())));
            }
        });
        let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].contains("ERROR") && lines[0].contains("cannot be written"), "{text}");
        assert!(lines[1].contains("written again"), "{text}");
    }
}
