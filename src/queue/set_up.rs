//! The streams and the consumer of the queue: found, or made as they must be.
//!
//! A stream that is there is never changed: who made it otherwise had a reason, or another use for it.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::{CreateStreamError, CreateStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};

use super::{Queue, QueueConfig, QueueError};

/// All workers share it, so that each message is one worker's.
const CONSUMER: &str = "store";

/// Messages that are with workers at once, all workers together.
const IN_WORK_MAX: i64 = 1_000;

/// Copies below which the loss of one machine can lose what was accepted.
const REPLICAS_SAFE: usize = 3;

/// What cannot be stored is little, or something is wrong that nobody should wait to see.
const ASIDE_PART: i64 = 4;

pub(super) fn batch_subject(config: &QueueConfig) -> String {
    format!("{}.batch", config.stream)
}

pub(super) fn aside_subject(config: &QueueConfig) -> String {
    format!("{}.dead", config.stream)
}

/// A stream of its own: what lies here for long must neither fill the other nor look like its lag.
pub(super) fn aside_stream(config: &QueueConfig) -> String {
    format!("{}_DEAD", config.stream)
}

pub(super) async fn streams(queue: &Queue) -> Result<(), QueueError> {
    let config = queue.config();
    // A message leaves when it is acknowledged: with another retention a stream that refuses when it is full would stay full.
    let batches = Config {
        name: config.stream.clone(),
        subjects: vec![batch_subject(config)],
        retention: RetentionPolicy::WorkQueue,
        description: Some("rapport: what was accepted and is not stored yet".to_owned()),
        ..of_all(config)
    };
    let aside = Config {
        name: aside_stream(config),
        subjects: vec![aside_subject(config)],
        retention: RetentionPolicy::Limits,
        max_bytes: config.bytes_max / ASIDE_PART,
        max_age: config.aside_age,
        description: Some("rapport: what cannot be stored, with the reason".to_owned()),
        ..of_all(config)
    };
    for wanted in [batches, aside] {
        let name = wanted.name.clone();
        let refused = |reason: String| QueueError::Stream { stream: name.clone(), reason };
        let found = queue.shared.context.get_or_create_stream(wanted.clone()).await;
        let found = found.map_err(|error| match queue.is_connected() {
            true if is_beyond_storage(&error) => refused(format!(
                "the server has no room for its {} bytes: raise `max_file_store` of nats-server, or lower RAPPORT_NATS_MAX_GIB",
                wanted.max_bytes
            )),
            true if is_for_now(&error) => queue.away(&error.to_string()),
            true => refused(error.to_string()),
            false => queue.away("no server answers"),
        })?;
        let found = &found.cached_info().config;
        check(found, &wanted).map_err(refused)?;
        if found.max_age.is_zero() && !wanted.max_age.is_zero() {
            tracing::warn!(
                stream = wanted.name,
                "the stream keeps for ever what cannot be stored, and no erasure reaches it: give it an age, such as \
                 `nats stream edit {} --max-age 90d`",
                wanted.name
            );
        }
    }
    warn_of(config);
    Ok(())
}

fn is_beyond_storage(error: &CreateStreamError) -> bool {
    match error.kind() {
        CreateStreamErrorKind::JetStream(error) => error.error_code() == ErrorCode::STORAGE_RESOURCES_EXCEEDED,
        _ => false,
    }
}

/// Servers that have no majority, or are choosing who leads them, say nothing of the stream: it may be all right.
fn is_for_now(error: &CreateStreamError) -> bool {
    match error.kind() {
        CreateStreamErrorKind::TimedOut => true,
        CreateStreamErrorKind::JetStream(error) => error.error_code() == ErrorCode::CLUSTER_NOT_AVAILABLE,
        _ => false,
    }
}

fn of_all(config: &QueueConfig) -> Config {
    Config {
        storage: StorageType::File,
        // What is accepted is never thrown away for something newer.
        discard: DiscardPolicy::New,
        max_bytes: config.bytes_max,
        duplicate_window: config.duplicate_window,
        num_replicas: config.replicas,
        ..Config::default()
    }
}

/// What a stream that is there must have; its sizes are its owner's.
fn check(found: &Config, wanted: &Config) -> Result<(), String> {
    let advice = "remove it, or choose another name with RAPPORT_NATS_STREAM";
    if found.retention != wanted.retention {
        return Err(format!("its retention is {:?}, not {:?}: {advice}", found.retention, wanted.retention));
    }
    if found.discard != wanted.discard || found.storage != wanted.storage {
        return Err(format!("it must keep files and discard new messages when it is full: {advice}"));
    }
    if !found.max_age.is_zero() && wanted.max_age.is_zero() {
        return Err(format!("it forgets messages by age, stored or not: {advice}"));
    }
    if !wanted.subjects.iter().all(|subject| found.subjects.contains(subject)) {
        return Err(format!("it does not take the subject {:?}: {advice}", wanted.subjects));
    }
    Ok(())
}

fn warn_of(config: &QueueConfig) {
    if config.replicas < REPLICAS_SAFE {
        // No client can ask a server for it.
        tracing::warn!(
            replicas = config.replicas,
            "the queue keeps fewer than three copies, and nobody can tell from here when its servers write to disk: set \
             `sync_interval: always` in nats-server, or a power cut can lose what was accepted"
        );
    }
}

pub(super) async fn consumer(queue: &Queue) -> Result<PullConsumer, QueueError> {
    queue.prepare_streams().await?;
    let stream = queue.shared.context.get_stream(&queue.config().stream).await;
    let stream = match stream {
        Ok(stream) => stream,
        Err(error) => {
            // Perhaps somebody took it away: the next attempt makes it again.
            *queue.shared.prepared.lock().await = false;
            return Err(queue.away(&error.to_string()));
        }
    };
    let wanted = pull::Config {
        durable_name: Some(CONSUMER.to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: queue.config().ack_wait,
        max_ack_pending: IN_WORK_MAX,
        // What cannot be stored is put aside by a worker that says why, never dropped by a count.
        max_deliver: -1,
        ..pull::Config::default()
    };
    let consumer = stream.get_or_create_consumer(CONSUMER, wanted).await;
    consumer.map_err(|error| queue.away(&error.to_string()))
}
