//! `GET /metrics`: how the server, its connections and its queue fare, as Prometheus and its kin read it.
//!
//! It names routes, tables, connections and platforms and nothing of a tenant's data, and only for who has the configured
//! token. What is counted as it happens is registered here by whoever counts it; what is measured when somebody asks is in
//! [`gauges`]. An engine that does not answer takes nothing from the rest.

mod connections;
mod gauges;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::errors::{ApiError, Code};
use super::meters::Meters;
use super::server::HttpState;
use super::traces::Exported;
use crate::ingest::Ingest;
use crate::ingest::connection::Connections;
use crate::ingest::connector::options::Hidden;
use crate::ingest::connector::signature::is_same;
use crate::ingest::queued::Intake;
use crate::store;

/// The text format of OpenMetrics, which Prometheus asks for.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long the engine and the queue together may take to say what they are asked: Prometheus itself waits ten seconds.
const TOLD_WITHIN: Duration = Duration::from_secs(3);

#[derive(Clone)]
pub struct ExpositionState {
    pub http: Arc<HttpState>,
    pub connections: Connections,
    pub ingest: Ingest,
    pub intake: Intake,
    /// `None`: the route is not there.
    pub token: Option<Hidden>,
    pub meters: Meters,
    pub engine: Option<store::meters::Meters>,
    pub traces: Option<Exported>,
}

pub fn routes(state: ExpositionState) -> Router {
    if state.token.is_none() {
        return Router::new();
    }
    let not_get = || async { ApiError::method_not_allowed("this route takes GET", "GET, HEAD") };
    Router::new().route("/metrics", routing::get(metrics).fallback(not_get)).with_state(state)
}

async fn metrics(State(state): State<ExpositionState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if !given.zip(state.token.as_ref()).is_some_and(|(given, token)| is_same(token, given.trim())) {
        let message = "give the configured `metrics_token` as `Authorization: Bearer …`";
        return Err(ApiError::new(Code::Unauthenticated, message));
    }
    let deadline = tokio::time::Instant::now() + TOLD_WITHIN;
    let waiting = match tokio::time::timeout_at(deadline, state.ingest.waiting_lookups()).await {
        Ok(Ok(waiting)) => Some(waiting),
        Ok(Err(_)) | Err(_) => None,
    };
    let told = tokio::time::timeout_at(deadline, gauges::ask(&state.ingest)).await.unwrap_or_default();
    let lag = match tokio::time::timeout_at(deadline, state.intake.lag()).await {
        Ok(Ok(lag)) => lag,
        Ok(Err(_)) | Err(_) => None,
    };
    let mut registry = Registry::with_prefix("rapport");
    state.meters.register(&mut registry);
    state.ingest.meters().register(&mut registry);
    state.ingest.derivation().runs().register(&mut registry);
    if let Some(engine) = &state.engine {
        engine.register(&mut registry);
    }
    if let Some(traces) = &state.traces {
        traces.register(&mut registry);
    }
    gauges::register(&mut registry, &told);
    connections::register(&mut registry, &state.connections, waiting.as_deref(), state.http.clock.now());
    queue::register(&mut registry, lag, state.http.clock.now());
    let mut text = String::new();
    encode(&mut text, &registry).expect("a text takes what is written to it");
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

/// A count as gauges take it.
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
