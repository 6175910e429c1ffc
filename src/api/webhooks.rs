//! `/webhooks/{connection}`: what platforms send, checked over its raw bytes and answered when it is stored.
//!
//! A delivery has no bearer: its platform's signature says whose it is, and the connection says whose data it becomes.
//! Nothing of one that is refused is kept. What a payload says is found out by [`crate::ingest::connector`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, routing};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::errors::{ApiError, Code};
use super::http::body::{BytesLimit, read_body};
use super::http::request_id::RequestId;
use super::server::HttpState;
use crate::ingest::connection::health::Turned;
use crate::ingest::connection::{Connection, Connections};
use crate::ingest::connector::{Delivery, Payload, Refusal};
use crate::ingest::{Ingest, IngestError, raw};

/// What the routes share.
#[derive(Clone)]
pub struct WebhookState {
    http: Arc<HttpState>,
    ingest: Ingest,
    connections: Connections,
    rooms: Arc<Rooms>,
}

/// KiB of deliveries that are on their way in, as long as they are.
struct Rooms {
    all: Semaphore,
    by_connection: BTreeMap<String, Semaphore>,
}

/// 256 MiB as sent, twice to four times that while they are read: each delivery takes what it announces, or the most.
const ROOM_KIB: usize = 256 * 1024;

/// A quarter: one platform that floods leaves the others room.
const ROOM_OF_ONE_KIB: usize = ROOM_KIB / 4;

/// How long a delivery waits for room: less than the shortest patience of a platform (5 s).
const ROOM_WITHIN: Duration = Duration::from_secs(2);

impl WebhookState {
    pub fn new(http: Arc<HttpState>, ingest: Ingest, connections: Connections) -> Self {
        let room = |connection: &Arc<Connection>| (connection.name.clone(), Semaphore::new(ROOM_OF_ONE_KIB));
        let by_connection = connections.all().map(room).collect();
        let rooms = Arc::new(Rooms { all: Semaphore::new(ROOM_KIB), by_connection });
        Self { http, ingest, connections, rooms }
    }

    fn find(&self, name: &str) -> Result<&Arc<Connection>, ApiError> {
        self.connections.find(name).ok_or_else(|| {
            let message = "there is no connection of this name: `[[connections]]` of the configuration names them";
            ApiError::new(Code::NotFound, message)
        })
    }
}

pub fn routes(state: WebhookState) -> Router {
    let other = || async { ApiError::method_not_allowed("this route takes POST, and GET to verify", "GET, POST") };
    Router::new().route("/webhooks/{connection}", routing::post(deliver).get(greet).fallback(other)).with_state(state)
}

/// The check of an address by which some platforms begin.
async fn greet(State(state): State<WebhookState>, Path(name): Path<String>, uri: Uri) -> Result<Response, ApiError> {
    let connection = state.find(&name)?;
    match connection.connector.greet(uri.query().unwrap_or_default()) {
        // Text for no browser to make anything of.
        Ok(answer) => Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], answer).into_response()),
        Err(Refusal::NoGreeting) => Err(ApiError::method_not_allowed("this connection's platform sends POST", "POST")),
        Err(refusal) => Err(turn_away(&state, connection, &refusal)),
    }
}

async fn deliver(
    State(state): State<WebhookState>,
    Extension(request_id): Extension<RequestId>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let connection = Arc::clone(state.find(&name)?);
    let limits = state.http.limits.of_server();
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        // A signature is over the bytes as sent, and no platform compresses.
        return Err(ApiError::new(Code::UnsupportedMediaType, "a webhook's body must not be encoded"));
    }
    let limit = BytesLimit { name: "webhookBytes", bytes: limits.webhook_bytes };
    let _room = take_room(&state.rooms, &connection.name, &headers, limit).await?;
    let body = read_body(body, &headers, limit, limits.body_time).await?;
    let now = state.http.clock.now();
    let delivery = Delivery {
        headers: &headers,
        path_and_query: uri.path_and_query().map_or("", |path| path.as_str()),
        query: uri.query().unwrap_or_default(),
        body: &body,
        now,
    };
    connection.connector.verify(&delivery).map_err(|refusal| turn_away(&state, &connection, &refusal))?;
    if let Some(answer) = connection.connector.handshake(&body) {
        return Ok(plain(answer));
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // A task of its own: a platform that hangs up does not stop what has begun between its two writes.
    let taken = tokio::spawn({
        let (ingest, connection) = (state.ingest.clone(), Arc::clone(&connection));
        async move {
            let payload = Payload { body: &body, content_type: &content_type, received_at: now };
            let received = ingest.receive(&connection, payload).await;
            match &received {
                Ok(received) => connection.health.note_received(now, received),
                Err(_) => _ = connection.health.note_turned(now, Turned::Unstored),
            }
            received
        }
    });
    let received = taken.await.map_err(|error| ApiError::internal(&request_id, &error))?;
    let received = received.map_err(|error| match error {
        IngestError::Store(error) => ApiError::of_store(&request_id, &error),
        error => ApiError::internal(&request_id, &error),
    })?;
    if let Some(rejection) = received.receipt.rejected.first() {
        tracing::warn!(
            connection = connection.name,
            rejected = received.receipt.rejected_total,
            reason = raw::without_values(&rejection.reason),
            "events of a webhook were rejected; the raw payload is kept"
        );
    }
    if let Some(reason) = &received.unreadable {
        tracing::warn!(connection = connection.name, reason, "a webhook could not be read; the raw payload is kept");
    }
    // What VK asks for word for word, and the others do not mind.
    Ok(plain("ok".to_owned()))
}

fn plain(answer: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], answer).into_response()
}

async fn take_room<'a>(
    rooms: &'a Rooms,
    connection: &str,
    headers: &HeaderMap,
    limit: BytesLimit,
) -> Result<(SemaphorePermit<'a>, Option<SemaphorePermit<'a>>), ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let kib = announced.unwrap_or(limit.bytes).min(limit.bytes).div_ceil(1024).clamp(1, ROOM_OF_ONE_KIB);
    let kib = u32::try_from(kib).unwrap_or(u32::MAX);
    let taking = async {
        let own = match rooms.by_connection.get(connection) {
            Some(room) => Some(room.acquire_many(kib).await.ok()?),
            None => None,
        };
        Some((rooms.all.acquire_many(kib).await.ok()?, own))
    };
    let taken = tokio::time::timeout(ROOM_WITHIN, taking).await.ok().flatten();
    taken.ok_or_else(|| ApiError::unavailable("too many deliveries are being taken in: send this one again", 1))
}

/// Counts a refusal, logs the first of a minute, and says no.
fn turn_away(state: &WebhookState, connection: &Connection, refusal: &Refusal) -> ApiError {
    let (turned, code) = match refusal {
        Refusal::Unsigned { .. } | Refusal::BadSignature { .. } | Refusal::Stale { .. } => {
            (Turned::Unsigned, Code::Unauthenticated)
        }
        Refusal::ForeignAccount { .. } => (Turned::Foreign, Code::Forbidden),
        Refusal::NoGreeting | Refusal::NotAGreeting { .. } => (Turned::Unsigned, Code::Forbidden),
    };
    if connection.health.note_turned(state.http.clock.now(), turned) {
        tracing::warn!(connection = connection.name, reason = %refusal, "a webhook was refused; nothing of it is kept");
    }
    ApiError::new(code, refusal.to_string())
}
