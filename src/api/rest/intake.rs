//! What sending systems tell: events, and what platforms answered to their sends. One way of reading a body serves both.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::api::audit::Trace;
use crate::api::bearers::Bearer;
use crate::api::errors::{ApiError, Code};
use crate::api::http::body::{BytesLimit, Room, announced, media_type, read_body_into};
use crate::api::http::request_id::RequestId;
use crate::api::http::room::carry_through;
use crate::auth::{Role, Viewer};
use crate::ingest::body::{BodyError, BodyLimits, decode};
use crate::ingest::lines::{Lines, LinesError, split, split_lines};
use crate::ingest::meters::Source;
use crate::ingest::rejected::Way;
use crate::ingest::{Item, Origin, sends as reports};

use super::rooms::Size;
use super::{PLACE_WITHIN, RestState, busy};

/// What a sender says that its body is, where it is one JSON value a line and nothing else: a first line that is no event is not
/// taken for the beginning of an array then.
const LINES_TYPES: [&str; 4] =
    ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"];

/// A request and its companions.
struct Incoming {
    request_id: RequestId,
    trace: Arc<Trace>,
    headers: HeaderMap,
    body: Body,
}

/// `POST /v1/events`: NDJSON or a JSON array, plain, gzip or zstd. Answers with the receipt when all is stored,
/// or in the queue where there is one.
pub(super) async fn events(
    State(state): State<Arc<RestState>>,
    Extension(request_id): Extension<RequestId>,
    Extension(trace): Extension<Arc<Trace>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let viewer = sender(&state, &headers, &trace, "send events").await?;
    let origin = Origin { tenant: viewer.tenant().to_owned(), ..Origin::default() };
    take(&state, &viewer, Incoming { request_id, trace, headers, body }, origin, |lines| lines).await
}

/// `POST /v1/sends/{connection}`: the same for what the connection's platform answered to sends.
pub(super) async fn sends(
    State(state): State<Arc<RestState>>,
    name: Result<Path<String>, PathRejection>,
    Extension(request_id): Extension<RequestId>,
    Extension(trace): Extension<Arc<Trace>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let viewer = sender(&state, &headers, &trace, "report sends").await?;
    // Another tenant's connection looks as one that there is not.
    let named = name.ok().and_then(|Path(name)| state.connections.find(&name).cloned());
    let Some(connection) = named.filter(|connection| connection.tenant == viewer.tenant()) else {
        let message = "there is no such connection: the route ends with the `name` of one of `[[connections]]`";
        return Err(ApiError::new(Code::NotFound, message));
    };
    let origin = Origin {
        tenant: connection.tenant.clone(),
        connection: connection.name.clone(),
        way: Way::Sends,
        raw_days: Some(connection.keep_days),
        ..Origin::default()
    };
    let read = move |lines| reports::read(connection, lines);
    take(&state, &viewer, Incoming { request_id, trace, headers, body }, origin, read).await
}

/// Whose request it is, if it is one who may do `what`.
async fn sender(state: &RestState, headers: &HeaderMap, trace: &Trace, what: &str) -> Result<Viewer, ApiError> {
    let viewer = state.http.authenticate(headers).await?;
    trace.note_viewer(&viewer);
    match viewer.role() {
        Role::Service | Role::Admin => Ok(viewer),
        role => {
            let message = format!("a token of the role {role} cannot {what}: use one of the role SERVICE");
            Err(ApiError::new(Code::Forbidden, message))
        }
    }
}

/// Takes a body in, as the items that `read` makes of its lines.
async fn take<I>(
    state: &RestState,
    viewer: &Viewer,
    incoming: Incoming,
    origin: Origin,
    read: impl FnOnce(Lines) -> I,
) -> Result<Response, ApiError>
where
    I: Iterator<Item = Item> + Send + 'static,
{
    let Incoming { request_id, trace, headers, body } = incoming;
    let limits = state.http.limits.of(viewer.role());
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("unreadable").to_owned());
    let body_limits = BodyLimits { sent_bytes: limits.ingest_compressed_bytes, plain_bytes: limits.ingest_bytes };
    let limit = BytesLimit { name: "ingestCompressedBytes", bytes: body_limits.sent_bytes };
    let said = Size::of(encoding.as_deref(), announced(&headers));
    let expected = announced(&headers).and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
    let mut place = state.rooms.place(viewer.tenant(), said).expecting(expected);
    let sent = read_body_into(body, &headers, limit, limits.body_time, &mut place).await?;
    let size = Size::of(encoding.as_deref(), Some(sent.len() as u64));
    if size != said {
        // Nobody had said how small it is: it is weighed with the small ones from here on.
        place = state.rooms.place(viewer.tenant(), size);
        place.take(sent.len()).await?;
    }
    // Only after the body is there: who sends slowly must not keep a place from the others.
    let bearer = Bearer::of(viewer);
    let turns = match size {
        Size::Small => &state.small_turns,
        Size::Large => &state.turns,
    };
    let turn = tokio::time::timeout(PLACE_WITHIN, turns.take(&bearer)).await;
    let held = (place, turn.map_err(|_| busy())?);
    let take_apart = if says_lines(&headers) { split_lines } else { split };
    let read_lines = move || {
        let plain = decode(sent, encoding.as_deref(), body_limits).map_err(|error| refuse_body(&error))?;
        let lines = take_apart(plain).map_err(|error| refuse_lines(&error))?;
        Ok::<_, ApiError>((lines, held))
    };
    // Decompressing and finding the lines of a large body is work for a thread of its own. What it holds goes with it, and then
    // with the task that stores: both work on when the client has gone, and keep the body until they are done.
    let (lines, held) = match size {
        Size::Small => read_lines()?,
        Size::Large => {
            let lines = tokio::task::spawn_blocking(read_lines).await;
            lines.map_err(|error| ApiError::internal(&request_id, &error))??
        }
    };
    trace.note_write();
    let (intake, items) = (state.intake.clone(), read(lines));
    let storing = async move { intake.accept_from(origin, items).await };
    let receipt = carry_through(held, storing).await;
    let receipt = receipt.map_err(|error| ApiError::internal(&request_id, &error))?;
    let receipt = receipt.map_err(|error| ApiError::of_ingest(&request_id, &error))?;
    trace.note_receipt(&receipt);
    state.ingest.meters().count(Source::Http, &receipt);
    Ok(Json(receipt).into_response())
}

fn says_lines(headers: &HeaderMap) -> bool {
    let told = media_type(headers);
    LINES_TYPES.iter().any(|lines| told.eq_ignore_ascii_case(lines))
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
