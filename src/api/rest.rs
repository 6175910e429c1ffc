//! The routes that are not GraphQL: events and reports of sends in ([`intake`]), and health.

mod intake;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::ingest::Ingest;
use crate::ingest::connection::{Connection, Connections};
use crate::ingest::queued::Intake;
use crate::model::clock::Millis;

use super::errors::ApiError;
use super::server::HttpState;
use super::turns::Turns;

/// How long the engine may take to answer a question of health.
const READY_WITHIN: Duration = Duration::from_secs(1);

/// What the routes share.
#[derive(Clone)]
pub struct RestState {
    pub http: Arc<HttpState>,
    pub ingest: Ingest,
    pub intake: Intake,
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
    pub fn new(http: Arc<HttpState>, ingest: Ingest, intake: Intake, connections: Connections) -> Self {
        let sent_kib = Arc::new(Semaphore::new(SENT_KIB_MAX));
        Self { http, ingest, intake, connections, turns: Turns::new(BODIES_MAX), sent_kib }
    }
}

pub fn routes(state: RestState) -> Router {
    let not_post = || async { ApiError::method_not_allowed("this route takes POST", "POST") };
    let not_get = || async { ApiError::method_not_allowed("this route takes GET", "GET, HEAD") };
    Router::new()
        .route("/v1/events", routing::post(intake::events).fallback(not_post))
        .route("/v1/sends/{connection}", routing::post(intake::sends).fallback(not_post))
        .route("/health/live", routing::get(|| async { Json(json!({"status": "live"})) }).fallback(not_get))
        .route("/health/ready", routing::get(ready).fallback(not_get))
        .with_state(state)
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
