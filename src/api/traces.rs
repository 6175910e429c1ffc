//! A request as a span and as a line of access: by the pattern of its route, never by its path.
//!
//! Neither holds anything that a client sent but for the ids of a `traceparent`, which are numbers. Where spans go is for `app` to
//! say; how many went is counted here, so that it can be exposed.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

use super::http::request_id::RequestId;
use super::meters::NO_ROUTE;
use crate::model::trace;

/// Routes that machines ask all day: what they take is in `/metrics`.
const UNFOLLOWED: [&str; 3] = ["/health/live", "/health/ready", "/metrics"];

/// The layer of the router, inside of that which names requests.
pub async fn follow(request: Request, next: Next) -> Response {
    let pattern = request.extensions().get::<MatchedPath>().cloned();
    let route = pattern.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let id = request.extensions().get::<RequestId>().cloned();
    let id = id.as_ref().map_or("", RequestId::text);
    let method = name_of(request.method());
    let span = begin(&request, (method, route, id));
    let began = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status = status.as_u16();
    tracing::info!(target: trace::ACCESS, request_id = id, method, route, status, ms, "answered");
    response
}

fn begin(request: &Request, (method, route, id): (&'static str, &str, &str)) -> Span {
    if UNFOLLOWED.contains(&route) || !trace::is_collected() {
        return Span::none();
    }
    let span = info_span!(
        target: trace::SPANS,
        "http",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        request_id = id,
    );
    #[cfg(feature = "otlp")]
    parent::take(&span, request.headers());
    #[cfg(not(feature = "otlp"))]
    let _ = request;
    span
}

/// A client can send any word as a method.
fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "_OTHER",
    }
}

/// What a request's sender follows it by.
#[cfg(feature = "otlp")]
mod parent {
    use axum::http::HeaderMap;
    use opentelemetry::Context;
    use opentelemetry::propagation::{Extractor, TextMapPropagator};
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    /// Only this header: `tracestate` and `baggage` hold words of whoever sends them, and would be passed on.
    const TRACEPARENT: &str = "traceparent";

    struct Traceparent<'a>(&'a HeaderMap);

    impl Extractor for Traceparent<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            if key != TRACEPARENT {
                return None;
            }
            self.0.get(key)?.to_str().ok()
        }

        fn keys(&self) -> Vec<&str> {
            vec![TRACEPARENT]
        }
    }

    /// One that is missing or malformed begins a trace of its own.
    pub fn take(span: &Span, headers: &HeaderMap) {
        if !headers.contains_key(TRACEPARENT) {
            return;
        }
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &Traceparent(headers));
        // It fails only where nobody listens to this span.
        let _ = span.set_parent(parent);
    }
}

/// What became of spans. Cloning gives another handle.
#[derive(Clone, Debug, Default)]
pub struct Exported(Family<Labels, Counter>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: Outcome,
}

/// What can become of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Outcome {
    Sent,
    /// The receiver was away or refused it.
    Failed,
    /// There was no room for it.
    Dropped,
}

impl Exported {
    pub fn note(&self, outcome: Outcome, spans: u64) {
        self.0.get_or_create(&Labels { outcome }).inc_by(spans);
    }

    pub fn count(&self, outcome: Outcome) -> u64 {
        self.0.get_or_create(&Labels { outcome }).get()
    }

    pub fn register(&self, registry: &mut Registry) {
        registry.register("trace_spans", "Spans that ended, by what became of them", self.0.clone());
    }
}
