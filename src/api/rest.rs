//! The routes that are not GraphQL: events and reports of sends in ([`intake`], with [`rooms`] for their bodies), and [`health`].

pub mod health;
mod intake;
mod rooms;

use std::sync::Arc;
use std::time::Duration;

use axum::{Router, routing};

use crate::auth::Role;
use crate::ingest::Ingest;
use crate::ingest::connection::Connections;
use crate::ingest::queued::Intake;

use self::health::{Health, LastLook};
use self::rooms::Rooms;
use super::errors::ApiError;
use super::server::HttpState;
use super::turns::Turns;

/// What the routes share.
pub struct RestState {
    pub http: Arc<HttpState>,
    pub ingest: Ingest,
    pub intake: Intake,
    pub connections: Connections,
    health: Health,
    last_look: Arc<LastLook>,
    /// Bodies that are taken in at once.
    turns: Turns,
    /// Small ones that are.
    small_turns: Turns,
    /// For bodies that are being sent, wait for their turn or are being stored.
    rooms: Arc<Rooms>,
}

/// A body takes up to 8 MiB as sent, 32 MiB plain, and about twice that as events and rows: 8 of them stay below 1 GiB.
const BODIES_MAX: usize = 8;

/// A small body does not wait behind large ones, and many of them are stored together. What they take together is bounded by
/// their [`rooms`].
const SMALL_BODIES_MAX: usize = 1_024;

/// How long a body waits for its turn, and for room.
const PLACE_WITHIN: Duration = Duration::from_secs(5);

impl RestState {
    pub fn new(http: Arc<HttpState>, ingest: Ingest, intake: Intake, connections: Connections, health: Health) -> Self {
        let largest = Role::ALL.map(|role| http.limits.of(role).ingest_compressed_bytes).into_iter().max();
        let rooms = Arc::new(Rooms::new(largest.unwrap_or_default()));
        let (turns, small_turns) = (Turns::new(BODIES_MAX), Turns::new(SMALL_BODIES_MAX));
        let last_look = Arc::default();
        Self { http, ingest, intake, connections, health, last_look, turns, small_turns, rooms }
    }
}

fn busy() -> ApiError {
    ApiError::unavailable("too many bodies are being taken in: send this one again", 1)
}

pub fn routes(state: RestState) -> Router {
    let not_post = || async { ApiError::method_not_allowed("this route takes POST", "POST") };
    let not_get = || async { ApiError::method_not_allowed("this route takes GET", "GET, HEAD") };
    Router::new()
        .route("/v1/events", routing::post(intake::events).fallback(not_post))
        .route("/v1/sends/{connection}", routing::post(intake::sends).fallback(not_post))
        .route("/health/live", routing::get(health::live).fallback(not_get))
        .route("/health/ready", routing::get(health::ready).fallback(not_get))
        .with_state(Arc::new(state))
}
