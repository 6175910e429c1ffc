//! The routes that are not GraphQL: events in, and health.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json, Router, routing};
use serde_json::{Value, json};

use crate::auth::Role;
use crate::ingest::body::{BodyError, BodyLimits, decode};
use crate::ingest::connection::{Connection, Connections};
use crate::ingest::lines::{LinesError, split};
use crate::ingest::{Ingest, IngestError};
use crate::model::clock::Millis;

use super::audit::Trace;
use tokio::sync::Semaphore;

use super::bearers::Bearer;
use super::errors::{ApiError, Code};
use super::http::body::{BytesLimit, read_body};
use super::http::request_id::RequestId;
use super::server::HttpState;
use super::turns::Turns;

/// How long the engine may take to answer a question of health.
const READY_WITHIN: Duration = Duration::from_secs(1);

/// What the routes share.
#[derive(Clone)]
pub struct RestState {
    pub http: Arc<HttpState>,
    pub ingest: Ingest,
    pub connections: Connections,
    /// Bodies that are taken in at once.
    turns: Turns,
    /// KiB of bodies that are being sent or wait for their turn.
    sent_kib: Arc<Semaphore>,
}

/// A body takes up to 8 MiB as sent, 32 MiB plain, and about twice that as events and rows: 8 of them stay below 1 GiB.
const BODIES_MAX: usize = 8;

/// 256 MiB of bodies as they are sent: each takes what it announces, or the most, before its first byte is read.
const SENT_KIB_MAX: usize = 256 * 1024;

/// How long a body waits for its turn, and for room.
const PLACE_WITHIN: Duration = Duration::from_secs(5);

impl RestState {
    pub fn new(http: Arc<HttpState>, ingest: Ingest, connections: Connections) -> Self {
        Self {
            http,
            ingest,
            connections,
            turns: Turns::new(BODIES_MAX),
            sent_kib: Arc::new(Semaphore::new(SENT_KIB_MAX)),
        }
    }
}

pub fn routes(state: RestState) -> Router {
    let not_post = || async { ApiError::method_not_allowed("this route takes POST", "POST") };
    let not_get = || async { ApiError::method_not_allowed("this route takes GET", "GET, HEAD") };
    Router::new()
        .route("/v1/events", routing::post(events).fallback(not_post))
        .route("/health/live", routing::get(|| async { Json(json!({"status": "live"})) }).fallback(not_get))
        .route("/health/ready", routing::get(ready).fallback(not_get))
        .with_state(state)
}

/// `POST /v1/events`: NDJSON or a JSON array, plain, gzip or zstd. Answers with the receipt when all is stored.
async fn events(
    State(state): State<RestState>,
    Extension(request_id): Extension<RequestId>,
    Extension(trace): Extension<Arc<Trace>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let viewer = state.http.authenticate(&headers).await?;
    trace.note_viewer(&viewer);
    if !matches!(viewer.role(), Role::Service | Role::Admin) {
        let message = format!("a token of the role {} cannot send events: use one of the role SERVICE", viewer.role());
        return Err(ApiError::new(Code::Forbidden, message));
    }
    let limits = state.http.limits.of(viewer.role());
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("unreadable").to_owned());
    let body_limits = BodyLimits { sent_bytes: limits.ingest_compressed_bytes, plain_bytes: limits.ingest_bytes };
    let limit = BytesLimit { name: "ingestCompressedBytes", bytes: body_limits.sent_bytes };
    let busy = || ApiError::unavailable("too many bodies are being taken in: send this one again", 1);
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let kib = announced.unwrap_or(limit.bytes).min(limit.bytes).div_ceil(1024).clamp(1, SENT_KIB_MAX);
    let room = state.sent_kib.acquire_many(u32::try_from(kib).unwrap_or(u32::MAX));
    let Ok(Ok(_room)) = tokio::time::timeout(PLACE_WITHIN, room).await else { return Err(busy()) };
    let sent = read_body(body, &headers, limit, limits.body_time).await?;
    // Only after the body is there: who sends slowly must not keep a place from the others.
    let bearer = Bearer::of(&viewer);
    let turn = tokio::time::timeout(PLACE_WITHIN, state.turns.take(&bearer)).await;
    let turn = turn.map_err(|_| busy())?;
    // Decompressing and finding the lines is work for a thread of its own. The turn goes with it: the thread works on when the
    // client has gone.
    let lines = tokio::task::spawn_blocking(move || {
        let plain = decode(sent, encoding.as_deref(), body_limits).map_err(|error| refuse_body(&error))?;
        let lines = split(plain).map_err(|error| refuse_lines(&error))?;
        Ok::<_, ApiError>((lines, turn))
    });
    let (lines, _turn) = lines.await.map_err(|error| ApiError::internal(&request_id, &error))??;
    trace.note_write();
    let receipt = state.ingest.accept(viewer.tenant(), lines).await;
    let receipt = receipt.map_err(|error| match error {
        IngestError::Store(error) => ApiError::of_store(&request_id, &error),
        error => ApiError::internal(&request_id, &error),
    })?;
    trace.note_receipt(&receipt);
    Ok(Json(receipt).into_response())
}

fn refuse_body(error: &BodyError) -> ApiError {
    let code = match error {
        BodyError::TooLarge { .. } => {
            return ApiError::new(Code::PayloadTooLarge, format!("{error} (the limit `ingestBytes`)"));
        }
        BodyError::UnknownEncoding { .. } => Code::UnsupportedMediaType,
        BodyError::Empty | BodyError::Broken { .. } => Code::InvalidBody,
    };
    ApiError::new(code, error.to_string())
}

fn refuse_lines(error: &LinesError) -> ApiError {
    ApiError::new(Code::InvalidBody, error.to_string())
}

/// `GET /health/ready`: whether the engine answers, and how each connection fares. A connection that fares badly does not
/// make the server unready: another server would fare no better.
async fn ready(State(state): State<RestState>) -> Response {
    match tokio::time::timeout(READY_WITHIN, state.ingest.derivation().store().version()).await {
        Ok(Ok(_)) => {
            let now = state.http.clock.now();
            let connections: Vec<_> = state.connections.all().map(|connection| show(connection, now)).collect();
            Json(json!({"status": "ready", "connections": connections})).into_response()
        }
        Ok(Err(_)) | Err(_) => ApiError::unavailable("not ready: the engine does not answer", 1).into_response(),
    }
}

/// Without tenant and account: the route asks for no token.
fn show(connection: &Connection, now: Millis) -> Value {
    let counts = connection.health.counts();
    let seconds = counts.last_received_at.map(|at| now.saturating_sub(at) / 1_000);
    json!({
        "name": connection.name,
        "platform": connection.platform.name,
        "state": counts.state(now).name(),
        "secondsSinceLast": seconds,
    })
}
