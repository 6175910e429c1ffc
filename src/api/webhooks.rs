//! `/webhooks/{connection}`: what platforms send, checked over its raw bytes and answered when it is stored, or in
//! the queue where there is one.
//!
//! A delivery has no bearer: its platform's signature says whose it is, and the connection says whose data it becomes.
//! Nothing of one that is refused is kept. What a payload says is found out by [`crate::ingest::connector`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, routing};
use bytes::Bytes;
use tokio::sync::Semaphore;

use super::errors::{ApiError, Code};
use super::http::body::{BytesLimit, media_type, read_body_into};
use super::http::request_id::RequestId;
use super::http::room::{Place, carry_through};
use super::server::HttpState;
use crate::ingest::connection::health::Turned;
use crate::ingest::connection::{Connection, Connections};
use crate::ingest::connector::{Delivery, Payload, Refusal};
use crate::ingest::meters::{Meters, Source};
use crate::ingest::queued::{Intake, Taken};
use crate::ingest::raw;
use crate::model::clock::Millis;

/// What the routes share.
pub struct WebhookState {
    http: Arc<HttpState>,
    intake: Intake,
    meters: Meters,
    connections: Connections,
    rooms: Rooms,
}

/// KiB of deliveries that are on their way in, as long as they are, and turns of proving where they come from.
struct Rooms {
    all: Arc<Semaphore>,
    by_connection: BTreeMap<String, Arc<Semaphore>>,
    proving: Arc<Semaphore>,
}

/// Deliveries that are proved at once: some platforms sign in the body, and to read four MiB that nobody has signed can take
/// some hundred MiB for a moment.
const PROVING_MAX: usize = 4;

/// 256 MiB as sent: each delivery takes what has come of it, and no more.
const ROOM_KIB: usize = 256 * 1024;

/// A quarter: one platform that floods leaves the others room.
const ROOM_OF_ONE_KIB: usize = ROOM_KIB / 4;

/// How long a delivery waits for room: less than the shortest patience of a platform (5 s).
const ROOM_WITHIN: Duration = Duration::from_secs(2);

impl WebhookState {
    pub fn new(http: Arc<HttpState>, intake: Intake, meters: Meters, connections: Connections) -> Self {
        let room = |connection: &Arc<Connection>| (connection.name.clone(), Arc::new(Semaphore::new(ROOM_OF_ONE_KIB)));
        let by_connection = connections.all().map(room).collect();
        let proving = Arc::new(Semaphore::new(PROVING_MAX));
        let rooms = Rooms { all: Arc::new(Semaphore::new(ROOM_KIB)), by_connection, proving };
        Self { http, intake, meters, connections, rooms }
    }

    fn find(&self, name: Result<Path<String>, PathRejection>) -> Result<&Arc<Connection>, ApiError> {
        // A name that is no text is none either.
        name.ok().and_then(|Path(name)| self.connections.find(&name)).ok_or_else(|| {
            let message = "there is no connection of this name: `[[connections]]` of the configuration names them";
            ApiError::new(Code::NotFound, message)
        })
    }
}

pub fn routes(state: WebhookState) -> Router {
    let other = || async { ApiError::method_not_allowed("this route takes POST, and GET to verify", "GET, POST") };
    Router::new()
        .route("/webhooks/{connection}", routing::post(deliver).get(greet).fallback(other))
        .with_state(Arc::new(state))
}

/// The check of an address by which some platforms begin.
async fn greet(
    State(state): State<Arc<WebhookState>>,
    name: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let connection = state.find(name)?;
    match connection.connector.greet(uri.query().unwrap_or_default()) {
        // Text for no browser to make anything of.
        Ok(answer) => Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], answer).into_response()),
        Err(Refusal::NoGreeting) => Err(ApiError::method_not_allowed("this connection's platform sends POST", "POST")),
        Err(refusal) => Err(turn_away(&state, connection, &refusal)),
    }
}

async fn deliver(
    State(state): State<Arc<WebhookState>>,
    Extension(request_id): Extension<RequestId>,
    name: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let connection = Arc::clone(state.find(name)?);
    let limits = state.http.limits.of_server();
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        // A signature is over the bytes as sent, and no platform compresses.
        return Err(ApiError::new(Code::UnsupportedMediaType, "a webhook's body must not be encoded"));
    }
    let limit = BytesLimit { name: "webhookBytes", bytes: limits.webhook_bytes };
    let rooms = [state.rooms.by_connection.get(&connection.name), Some(&state.rooms.all)];
    let mut place = Place::within(rooms.into_iter().flatten().cloned().collect(), ROOM_WITHIN, busy);
    let body = read_body_into(body, &headers, limit, limits.body_time, &mut place).await;
    let body = body.inspect_err(|error| {
        if error.code == Code::Unavailable {
            connection.health.note_turned(state.http.clock.now(), Turned::Unstored);
        }
    })?;
    let now = state.http.clock.now();
    let proved = prove(&state, Arc::clone(&connection), headers.clone(), uri, body.clone(), now).await;
    let proved = proved.ok_or_else(busy)?;
    if let Some(answer) = proved.map_err(|refusal| turn_away(&state, &connection, &refusal))? {
        return Ok(plain(answer));
    }
    let content_type = media_type(&headers).to_ascii_lowercase();
    // A task of its own: a platform that hangs up does not stop what has begun between its two writes. The room goes with it: the
    // body is there until it is done.
    let taken = carry_through(place, {
        let (intake, connection) = (state.intake.clone(), Arc::clone(&connection));
        let meters = state.meters.clone();
        async move {
            let payload = Payload { body: &body, content_type: &content_type, received_at: now };
            let received = intake.receive(&connection, payload).await;
            match &received {
                Ok(Taken::Stored(received)) => {
                    meters.count(Source::Webhook, &received.receipt);
                    connection.health.note_received(now, received);
                }
                Ok(Taken::Queued) => connection.health.note_queued(now),
                Err(_) => _ = connection.health.note_turned(now, Turned::Unstored),
            }
            received
        }
    });
    let received = taken.await.map_err(|error| ApiError::internal(&request_id, &error))?;
    let received = match received.map_err(|error| ApiError::of_ingest(&request_id, &error))? {
        Taken::Stored(received) => received,
        // What is wrong with it, the worker finds out.
        Taken::Queued => return Ok(accepted()),
    };
    if let Some(rejection) = received.receipt.rejected.first() {
        tracing::warn!(
            connection = connection.name,
            rejected = received.receipt.rejected_total,
            reason = raw::without_values(&rejection.reason),
            "events of a webhook were rejected; the raw payload is kept"
        );
    }
    if let Some(reason) = received.unreadable.as_deref().map(raw::without_values) {
        tracing::warn!(connection = connection.name, reason, "a webhook could not be read; the raw payload is kept");
    }
    Ok(accepted())
}

/// What VK asks for word for word, and the others do not mind.
fn accepted() -> Response {
    plain("ok".to_owned())
}

fn plain(answer: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], answer).into_response()
}

/// Whether a delivery is the platform's, found out on a thread of its own; the answer to one that only checks the address.
/// `None` where there is no turn for it, or no thread.
async fn prove(
    state: &WebhookState,
    connection: Arc<Connection>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
    now: Millis,
) -> Option<Result<Option<String>, Refusal>> {
    let turn = Arc::clone(&state.rooms.proving).acquire_owned();
    let turn = tokio::time::timeout(ROOM_WITHIN, turn).await.ok()?.ok()?;
    let proving = tokio::task::spawn_blocking(move || {
        let delivery = Delivery {
            headers: &headers,
            path_and_query: uri.path_and_query().map_or("", |path| path.as_str()),
            query: uri.query().unwrap_or_default(),
            body: &body,
            now,
        };
        let proved = connection.connector.verify(&delivery).map(|()| connection.connector.handshake(&body));
        drop(turn);
        proved
    });
    proving.await.ok()
}

fn busy() -> ApiError {
    ApiError::unavailable("too many deliveries are being taken in: send this one again", 1)
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
