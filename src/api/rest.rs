//! The routes that are not GraphQL: events and reports of sends in ([`intake`]), and [`health`].

pub mod health;
mod intake;

use std::sync::Arc;
use std::time::Duration;

use axum::{Router, routing};
use tokio::sync::Semaphore;

use crate::ingest::Ingest;
use crate::ingest::connection::Connections;
use crate::ingest::queued::Intake;

use self::health::Health;
use super::errors::ApiError;
use super::server::HttpState;
use super::turns::Turns;

/// What the routes share.
#[derive(Clone)]
pub struct RestState {
    pub http: Arc<HttpState>,
    pub ingest: Ingest,
    pub intake: Intake,
    pub connections: Connections,
    health: Health,
    /// Bodies that are taken in at once.
    turns: Turns,
    /// Small ones that are.
    small_turns: Turns,
    /// KiB of bodies that are being sent or wait for their turn.
    sent_kib: Arc<Semaphore>,
}

/// A body takes up to 8 MiB as sent, 32 MiB plain, and about twice that as events and rows: 8 of them stay below 1 GiB.
const BODIES_MAX: usize = 8;

/// A small body does not wait behind large ones, and many of them are stored together: 1,024 that are plain and not larger than
/// [`SMALL_BYTES`] take about 200 MiB with their events.
const SMALL_BODIES_MAX: usize = 1_024;

/// Some hundred events.
const SMALL_BYTES: usize = 64 * 1024;

/// 256 MiB of bodies as they are sent: each takes what has come of it.
const SENT_KIB_MAX: usize = 256 * 1024;

/// How long a body waits for its turn, and for room.
const PLACE_WITHIN: Duration = Duration::from_secs(5);

impl RestState {
    pub fn new(http: Arc<HttpState>, ingest: Ingest, intake: Intake, connections: Connections, health: Health) -> Self {
        let sent_kib = Arc::new(Semaphore::new(SENT_KIB_MAX));
        let (turns, small_turns) = (Turns::new(BODIES_MAX), Turns::new(SMALL_BODIES_MAX));
        Self { http, ingest, intake, connections, health, turns, small_turns, sent_kib }
    }
}

pub fn routes(state: RestState) -> Router {
    let not_post = || async { ApiError::method_not_allowed("this route takes POST", "POST") };
    let not_get = || async { ApiError::method_not_allowed("this route takes GET", "GET, HEAD") };
    Router::new()
        .route("/v1/events", routing::post(intake::events).fallback(not_post))
        .route("/v1/sends/{connection}", routing::post(intake::sends).fallback(not_post))
        .route("/health/live", routing::get(health::live).fallback(not_get))
        .route("/health/ready", routing::get(health::ready).fallback(not_get))
        .with_state(state)
}
