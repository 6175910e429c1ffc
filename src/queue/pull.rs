//! Reading the stream: messages that a worker takes, keeps in work, and acknowledges when they are stored.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use futures_util::StreamExt;

use super::{Queue, QueueError, set_up};

/// How long a question for messages stays open when there are none.
const OPEN_FOR: Duration = Duration::from_secs(5);

/// A worker's way to the stream.
pub struct Puller {
    queue: Queue,
    consumer: PullConsumer,
}

/// Messages as they come in answer to one question.
pub struct Pulled {
    queue: Queue,
    batch: pull::Batch,
}

/// A message that is this worker's until it acknowledges it, gives it back, or is silent for too long.
pub struct Delivery {
    queue: Queue,
    message: jetstream::Message,
    /// Its place in the stream, the same whenever it is delivered.
    pub sequence: u64,
    /// When it came into the stream, since the Unix epoch; the same whenever it is delivered, too.
    pub published_nanoseconds: i128,
    /// How often it was delivered, this time included.
    pub attempt: u64,
}

impl Queue {
    /// # Errors
    /// When no server answers, or the stream cannot be used.
    pub async fn puller(&self) -> Result<Puller, QueueError> {
        Ok(Puller { queue: self.clone(), consumer: set_up::consumer(self).await? })
    }

    pub(super) fn is_connected(&self) -> bool {
        *self.shared.connected.borrow()
    }
}

impl Puller {
    /// Asks for this many messages; they come one by one.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn pull(&self, messages_max: usize) -> Result<Pulled, QueueError> {
        let asked = self.consumer.batch().max_messages(messages_max).expires(OPEN_FOR).messages().await;
        let batch = asked.map_err(|error| self.queue.away(&error.to_string()))?;
        Ok(Pulled { queue: self.queue.clone(), batch })
    }
}

impl Pulled {
    /// The next message; `None` when there are no more for this question.
    ///
    /// # Errors
    /// When the connection is lost, or the consumer is.
    pub async fn next(&mut self) -> Result<Option<Delivery>, QueueError> {
        let Some(message) = self.batch.next().await else { return Ok(None) };
        let lost = |error: async_nats::Error| self.queue.away(&error.to_string());
        let message = message.map_err(lost)?;
        let info = message.info().map_err(lost)?;
        let (sequence, attempt) = (info.stream_sequence, u64::try_from(info.delivered).unwrap_or(0));
        let published_nanoseconds = info.published.unix_timestamp_nanos();
        Ok(Some(Delivery { queue: self.queue.clone(), message, sequence, published_nanoseconds, attempt }))
    }
}

impl Delivery {
    pub fn body(&self) -> &Bytes {
        &self.message.payload
    }

    /// Says that work on it goes on. A signal that is lost costs at most a second delivery.
    pub async fn keep(&self) {
        _ = self.message.ack_with(AckKind::Progress).await;
    }

    /// Says that it is stored, and returns when the server has heard it.
    ///
    /// # Errors
    /// When that is not known: it is delivered again, and storing it again changes nothing.
    pub async fn done(&self) -> Result<(), QueueError> {
        self.message.double_ack().await.map_err(|error| self.queue.away(&error.to_string()))
    }

    /// Gives it back, for whoever pulls after a while.
    pub async fn give_back(&self, after: Duration) {
        let after = (!after.is_zero()).then_some(after);
        _ = self.message.ack_with(AckKind::Nak(after)).await;
    }

    /// Keeps it in the other stream, with the reason, and takes it from this one.
    ///
    /// # Errors
    /// When the other stream does not take it: it stays where it is.
    pub async fn put_aside(&self, reason: &str) -> Result<(), QueueError> {
        let config = self.queue.config();
        let stream = set_up::aside_stream(config);
        let message = PublishMessage::build()
            .payload(self.message.payload.clone())
            // Two workers that put the same one aside keep it once.
            .message_id(format!("{}-{}", config.stream, self.sequence))
            .header("Rapport-Sequence", self.sequence.to_string().as_str())
            .header("Rapport-Reason", one_line(reason).as_str());
        self.queue.publish_to(set_up::aside_subject(config), &stream, message).await?;
        self.done().await
    }
}

/// A header is a line, and short.
fn one_line(reason: &str) -> String {
    let visible = |character: char| if character.is_ascii_graphic() { character } else { ' ' };
    reason.chars().map(visible).take(500).collect()
}
