//! From a span that ended to a receiver of OTLP: a bounded queue, batches, one question of HTTP each.
//!
//! Whoever ends a span never waits: where there is no room it is dropped and counted. A batch is sent once; one that the receiver
//! does not take is counted as failed and forgotten, because traces are for looking at and nothing depends on them.
//! The batches of the SDK's own exporter would bring a second client and count nothing.

use std::time::Duration;

use anyhow::{Context, Result};
use hyper::Method;
use hyper::header::{self, HeaderValue};
use opentelemetry::trace::TracerProvider;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use prost::Message;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;

use super::SpanLayer;
use crate::api::traces::{Exported, Outcome};
use crate::model::trace;
use crate::outbound::{self, Address, Bounds, Question, Target};

/// Spans that wait to be sent: about a kilobyte each.
const QUEUE_MAX: usize = 4_096;

/// Spans of one question.
const BATCH_MAX: usize = 512;

/// How long spans gather.
const PAUSE: Duration = Duration::from_secs(1);

/// What a receiver may take for a batch; meanwhile others wait in the queue.
const BOUNDS: Bounds = Bounds { time_max: Duration::from_secs(5), body_bytes_max: 64 * 1024 };

/// How long the end of the process waits for what is still to be sent.
const FLUSH_MAX: Duration = Duration::from_secs(3);

/// What goes on in the background.
pub struct Export {
    stop: watch::Sender<Phase>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Collecting,
    Stopping,
}

/// Begins to send what ends. Needs a runtime.
///
/// # Errors
/// When there are no certificates to know the receiver by.
pub fn begin(endpoint: &Address, share: f64, exported: Exported) -> Result<(Export, SpanLayer)> {
    let target = Target::new(endpoint.clone(), None, BOUNDS).context("traces cannot be sent")?;
    let resource = Resource::builder_empty()
        .with_service_name("rapport")
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let (sender, ended) = mpsc::channel(QUEUE_MAX);
    let (stop, stopping) = watch::channel(Phase::Collecting);
    let sending = Sending {
        path: format!("{}/v1/traces", endpoint.path_and_query().trim_end_matches('/')),
        target,
        resource: ResourceAttributesWithSchema::from(&resource),
        exported: exported.clone(),
        last: Reached::Yes,
    };
    let task = tokio::spawn(sending.keep_up(ended, stopping));
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        // Whoever asks with a `traceparent` has decided already.
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share))))
        .with_span_processor(Queue { sender, exported })
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("rapport"))
        .with_level(false)
        .with_target(false)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        // Lines of the log can quote what was sent: they stay in the log.
        .with_filter(filter_fn(|metadata| metadata.target() == trace::SPANS && metadata.is_span()));
    Ok((Export { stop, task }, Box::new(layer)))
}

impl Export {
    /// Sends what has ended. What the receiver does not take in time is lost.
    pub async fn close(self) {
        self.stop.send_replace(Phase::Stopping);
        let abort = self.task.abort_handle();
        if tokio::time::timeout(FLUSH_MAX, self.task).await.is_err() {
            abort.abort();
            tracing::warn!("the receiver of traces was too slow: the last ones are lost");
        }
    }
}

/// Where spans end.
#[derive(Debug)]
struct Queue {
    sender: mpsc::Sender<SpanData>,
    exported: Exported,
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.sender.try_send(span).is_err() {
            self.exported.note(Outcome::Dropped, 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    /// [`Export::close`] ends it.
    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Who sends.
struct Sending {
    target: Target,
    path: String,
    resource: ResourceAttributesWithSchema,
    exported: Exported,
    last: Reached,
}

/// Whether the receiver took the last batch: the log is told when that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    Yes,
    No,
}

impl Sending {
    /// Until it is stopped; then what is in the queue is sent.
    async fn keep_up(mut self, mut ended: mpsc::Receiver<SpanData>, mut stopping: watch::Receiver<Phase>) {
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                count = ended.recv_many(&mut batch, BATCH_MAX) => if count == 0 { return },
                _ = stopping.wait_for(|phase| *phase == Phase::Stopping), if !ended.is_closed() => {
                    ended.close();
                    continue;
                }
            }
            if batch.len() < BATCH_MAX && !ended.is_closed() {
                // More ends soon, and a question costs as much for one span as for many.
                let _ = tokio::time::timeout(PAUSE, stopping.wait_for(|phase| *phase == Phase::Stopping)).await;
            }
            while batch.len() < BATCH_MAX
                && let Ok(span) = ended.try_recv()
            {
                batch.push(span);
            }
            self.send(batch).await;
        }
    }

    async fn send(&mut self, batch: Vec<SpanData>) {
        let spans = batch.len() as u64;
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let question = Question {
            method: Method::POST,
            path_and_query: self.path.clone(),
            headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"))],
            body: ExportTraceServiceRequest { resource_spans }.encode_to_vec().into(),
        };
        let failure = match self.target.ask(question).await {
            Ok(answer) if answer.status.is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status)),
            Err(error) => Some(outbound::with_causes(&error)),
        };
        self.exported.note(if failure.is_none() { Outcome::Sent } else { Outcome::Failed }, spans);
        match (failure, self.last) {
            (Some(reason), Reached::Yes) => {
                self.last = Reached::No;
                tracing::warn!(reason, "the receiver of traces does not take them; they are lost until it does");
            }
            (None, Reached::No) => {
                self.last = Reached::Yes;
                tracing::info!("the receiver of traces takes them again");
            }
            _ => {}
        }
    }
}
