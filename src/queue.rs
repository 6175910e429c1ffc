//! The queue: a NATS JetStream stream that keeps what was accepted until a worker has stored it.
//!
//! It moves bytes under an id and knows nothing of events. One of the modules that open connections (`lib.rs` has the
//! list), only to the configured servers. What the bytes are is in [`crate::ingest::queued`], how streams are set up in
//! [`set_up`], how they are read in [`pull`].

pub mod pull;
mod set_up;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::{ContextBuilder, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context, ErrorCode};
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use bytes::Bytes;
use tokio::sync::{Mutex, watch};

use crate::model::clock::{DAY_SECONDS, Millis};

/// How long the servers may take to answer: longer than a disk that is slow for a moment, shorter than a sender's patience.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The longest pause between two attempts to connect.
const RECONNECT_MAX: Duration = Duration::from_secs(2);

/// What a message's headers take of the largest message, generously.
const HEADERS_BYTES: usize = 4 * 1024;

/// Where the queue is, and how it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// `nats://host:port` or `tls://host:port`.
    pub servers: Vec<String>,
    pub credentials: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub stream: String,
    /// Copies of each message.
    pub replicas: usize,
    /// When the stream is full, publishing is refused.
    pub bytes_max: i64,
    /// How long a message that is sent again is known.
    pub duplicate_window: Duration,
    /// How long what cannot be stored is kept.
    pub aside_age: Duration,
    /// How long a worker may be silent about a message before another gets it.
    pub ack_wait: Duration,
}

impl QueueConfig {
    const STREAM: &str = "RAPPORT";
    /// About 200 million events, compressed.
    pub const BYTES_MAX: i64 = 8 << 30;
    /// The server's own default: longer than any sender waits before its next attempt.
    const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);
    /// Long enough for somebody to see it; what people wrote is in it.
    pub const ASIDE_DAYS: u16 = 90;
    const ACK_WAIT: Duration = Duration::from_secs(30);

    pub fn days(days: u16) -> Duration {
        Duration::from_secs(u64::from(days) * DAY_SECONDS.unsigned_abs())
    }

    /// The defaults, for these servers.
    pub fn at(servers: Vec<String>) -> Self {
        Self {
            servers,
            credentials: None,
            ca_file: None,
            stream: Self::STREAM.to_owned(),
            replicas: 1,
            bytes_max: Self::BYTES_MAX,
            duplicate_window: Self::DUPLICATE_WINDOW,
            aside_age: Self::days(Self::ASIDE_DAYS),
            ack_wait: Self::ACK_WAIT,
        }
    }
}

/// A handle of the queue. Cloning it gives another to the same connection.
#[derive(Clone)]
pub struct Queue {
    shared: Arc<Shared>,
}

struct Shared {
    config: QueueConfig,
    client: Client,
    context: Context,
    connected: watch::Receiver<bool>,
    /// Whether the streams were found or made since the process began.
    prepared: Mutex<bool>,
}

/// What became of a message that the stream has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    New,
    /// It was there already under the same id.
    Known,
}

/// What waits in the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Messages that nobody has stored yet.
    pub messages: u64,
    pub bytes: u64,
    /// When the oldest of them was published.
    pub oldest: Option<Millis>,
    /// Messages that were put aside, because they cannot be stored.
    pub aside: u64,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("stream", &self.shared.config.stream).finish_non_exhaustive()
    }
}

impl Queue {
    /// A queue to which the connection is made, and made again, in the background.
    ///
    /// # Errors
    /// When an address is none, or a file cannot be read.
    pub async fn open(config: QueueConfig) -> Result<Self, QueueError> {
        let address = |server: &String| server.parse::<ServerAddr>().map_err(QueueError::Address);
        let servers = config.servers.iter().map(address).collect::<Result<Vec<_>, _>>()?;
        let (tell, connected) = watch::channel(false);
        let tell = Arc::new(tell);
        let mut options = ConnectOptions::new()
            .name("rapport")
            .retry_on_initial_connect()
            .connection_timeout(ANSWER_WITHIN)
            .request_timeout(Some(ANSWER_WITHIN))
            .reconnect_delay_callback(|attempt| {
                let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
                Duration::from_millis(100).saturating_mul(attempt).min(RECONNECT_MAX)
            })
            .event_callback(move |event| {
                let tell = Arc::clone(&tell);
                async move { note(&tell, &event) }
            });
        if let Some(path) = &config.ca_file {
            options = options.add_root_certificates(path.clone());
        }
        if let Some(path) = &config.credentials {
            let unread = |source| QueueError::Credentials { path: path.clone(), source };
            options = options.credentials_file(path).await.map_err(unread)?;
        }
        let client = options.connect(servers).await.map_err(QueueError::Connect)?;
        let context = ContextBuilder::new().timeout(ANSWER_WITHIN).ack_timeout(ANSWER_WITHIN).build(client.clone());
        let prepared = Mutex::new(false);
        Ok(Self { shared: Arc::new(Shared { config, client, context, connected, prepared }) })
    }

    pub fn config(&self) -> &QueueConfig {
        &self.shared.config
    }

    /// Waits for the connection, and finds or makes the streams.
    ///
    /// # Errors
    /// When there is no server, or a stream of the name is another than ours.
    pub async fn prepare(&self) -> Result<(), QueueError> {
        let mut connected = self.shared.connected.clone();
        let connecting = connected.wait_for(|connected| *connected);
        match tokio::time::timeout(ANSWER_WITHIN, connecting).await {
            Ok(Ok(_)) => self.prepare_streams().await,
            Ok(Err(_)) | Err(_) => Err(self.away("no server answers")),
        }
    }

    /// The largest body of a message.
    pub fn body_bytes_max(&self) -> usize {
        self.shared.client.max_payload().saturating_sub(HEADERS_BYTES)
    }

    /// Returns when the stream has the message on its disk.
    ///
    /// # Errors
    /// When it has not, or nobody knows: publishing it again under the same id is safe.
    pub async fn publish(&self, id: &str, body: Bytes) -> Result<Published, QueueError> {
        let subject = set_up::batch_subject(&self.shared.config);
        self.publish_to(subject, &self.shared.config.stream, PublishMessage::build().payload(body).message_id(id)).await
    }

    async fn publish_to(
        &self,
        subject: String,
        stream: &str,
        message: PublishMessage,
    ) -> Result<Published, QueueError> {
        // The client would keep it for later; who sends must know now.
        if self.shared.client.connection_state() != State::Connected {
            return Err(self.away("no server answers"));
        }
        self.prepare_streams().await?;
        let sent = self.shared.context.send_publish(subject, message.expected_stream(stream)).await;
        let stored = match sent {
            Ok(stored) => stored.await,
            Err(error) => Err(error),
        };
        match stored {
            Ok(stored) if stored.duplicate => Ok(Published::Known),
            Ok(_) => Ok(Published::New),
            Err(error) => Err(self.refused(&error).await),
        }
    }

    /// What waits, as the stream says it.
    ///
    /// # Errors
    /// When no server answers.
    pub async fn lag(&self) -> Result<Lag, QueueError> {
        self.prepare_streams().await?;
        let state = self.stream_state(&self.shared.config.stream).await?;
        let aside = self.stream_state(&set_up::aside_stream(&self.shared.config)).await?.messages;
        let nanoseconds = state.first_timestamp.unix_timestamp_nanos();
        let oldest = (0 < state.messages).then(|| Millis::try_from(nanoseconds / 1_000_000).unwrap_or(0));
        Ok(Lag { messages: state.messages, bytes: state.bytes, oldest, aside })
    }

    async fn stream_state(&self, name: &str) -> Result<jetstream::stream::State, QueueError> {
        let stream = self.shared.context.get_stream(name).await;
        Ok(stream.map_err(|error| self.away(&error.to_string()))?.cached_info().state.clone())
    }

    async fn prepare_streams(&self) -> Result<(), QueueError> {
        let mut prepared = self.shared.prepared.lock().await;
        if !*prepared {
            set_up::streams(self).await?;
            *prepared = true;
        }
        Ok(())
    }

    async fn refused(&self, error: &jetstream::context::PublishError) -> QueueError {
        match error.kind() {
            // Somebody took the stream away; the next attempt makes it again.
            PublishErrorKind::StreamNotFound => {
                *self.shared.prepared.lock().await = false;
                self.away("the stream is not there")
            }
            PublishErrorKind::MaxPayloadExceeded => QueueError::TooLarge { bytes_max: self.body_bytes_max() },
            _ => match told(error) {
                Some(told) if is_full(told) => QueueError::Full { stream: self.shared.config.stream.clone() },
                Some(told) => self.away(&told.to_string()),
                None => self.away(&error.to_string()),
            },
        }
    }

    fn away(&self, reason: &str) -> QueueError {
        QueueError::Away { reason: reason.to_owned() }
    }
}

fn note(connected: &watch::Sender<bool>, event: &Event) {
    match event {
        Event::Connected => _ = connected.send_replace(true),
        Event::Disconnected | Event::Closed => _ = connected.send_replace(false),
        _ => {}
    }
    match event {
        Event::Connected => tracing::info!("the queue is connected"),
        Event::Disconnected => tracing::warn!("the connection to the queue is lost; it is tried again"),
        Event::ServerError(error) => tracing::warn!(%error, "the queue's server reports an error"),
        _ => {}
    }
}

/// What the server itself said.
fn told(error: &jetstream::context::PublishError) -> Option<&jetstream::Error> {
    std::error::Error::source(error).and_then(|source| source.downcast_ref())
}

/// The stream is at its bound, or the account or the disk is.
fn is_full(error: &jetstream::Error) -> bool {
    matches!(error.error_code(), ErrorCode::STREAM_STORE_FAILED | ErrorCode::INSUFFICIENT_RESOURCES)
}

/// Why the queue did not take it, or did not give it.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error("the queue cannot be reached: {reason}")]
    Away { reason: String },
    #[error("the queue is full: the stream {stream} keeps what workers have not stored yet, and takes no more")]
    Full { stream: String },
    #[error("a message of the queue has at most {bytes_max} bytes, compressed: raise `max_payload` of nats-server")]
    TooLarge { bytes_max: usize },
    #[error("the stream {stream} cannot be used: {reason}")]
    Stream { stream: String, reason: String },
    #[error("an address of the queue is none: give nats://host:4222 or tls://host:4222")]
    Address(#[source] std::io::Error),
    #[error("the credentials of the queue cannot be read from {path}")]
    Credentials {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the queue cannot be connected")]
    Connect(#[source] async_nats::ConnectError),
}
