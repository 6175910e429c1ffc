//! The record of who asked for what, when, from where, and how it ended: one line of JSON for each request.
//!
//! It holds no token, no text of a query and nothing of an answer. A request is answered only when its line is written:
//! where the record cannot be kept, nothing is told. What a line says is in [`mod@record`], what resolvers add to it in
//! [`trace`], the way to the writer in [`log`], the files in [`files`].

mod asked;
pub mod files;
pub mod log;
pub mod record;
pub mod refusals;
pub mod trace;

use std::sync::Arc;
use std::time::Instant;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

pub use asked::{fields, operation_name};
pub use files::Files;
pub use log::{Log, PATIENCE, Sink};
pub use trace::Trace;

use self::record::{Ending, Record, Request as Requested};
use self::refusals::Refusal;
use super::errors::{ApiError, Verdict};
use super::http::client::ClientAddress;
use super::http::request_id::RequestId;

/// The routes that are recorded. The others tell nothing of a tenant.
const ROUTES: [&str; 4] = ["/graphql", "/v1/events", SENDS, BACKUPS];

/// Below it stand the names of connections.
const SENDS: &str = "/v1/sends";

/// Below it stand the names of backups.
const BACKUPS: &str = "/v1/backups";

/// The layer of the router: gives each request its [`Trace`], and writes its line before it is answered.
pub async fn record(State(log): State<Log>, mut request: Request, next: Next) -> Response {
    let trace = Arc::new(Trace::default());
    request.extensions_mut().insert(Arc::clone(&trace));
    let Some(visit) = Visit::begin(&log, &request, trace) else {
        return next.run(request).await;
    };
    if log.is_failing() {
        // Nothing is done that cannot be recorded; this line is the try whether it can be again.
        let _ = visit.end(Ending::unrecorded()).await;
        return unrecorded().into_response();
    }
    let response = next.run(request).await;
    let verdict = response.extensions().get::<Verdict>().cloned().unwrap_or_default();
    match visit.end(Ending::answered(response.status(), verdict)).await {
        Ok(()) => response,
        Err(_) => unrecorded().into_response(),
    }
}

fn recorded_route(path: &str) -> Option<&'static str> {
    ROUTES.into_iter().find(|route| match path.strip_prefix(route) {
        Some(rest) => rest.is_empty() || (matches!(*route, SENDS | BACKUPS) && rest.starts_with('/')),
        None => false,
    })
}

fn unrecorded() -> ApiError {
    ApiError::unavailable("the audit log cannot be written, and nothing is answered unrecorded: try again", 5)
}

/// A request that is being answered. Where it is dropped before its end, the client went away, and that is recorded.
struct Visit {
    /// Taken at the end.
    open: Option<Open>,
}

struct Open {
    log: Log,
    requested: Requested,
    trace: Arc<Trace>,
    began: Instant,
}

impl Visit {
    /// `None` for what is not recorded.
    fn begin(log: &Log, request: &Request, trace: Arc<Trace>) -> Option<Self> {
        let at = log.now()?;
        let route = recorded_route(request.uri().path())?;
        let extensions = request.extensions();
        let requested = Requested {
            at,
            request_id: extensions.get::<RequestId>().map(|id| id.text().to_owned()),
            remote: extensions.get::<ClientAddress>().and_then(|client| client.0),
            route,
            method: request.method().as_str().chars().take(trace::NAME_CHARS_MAX).collect(),
        };
        Some(Self { open: Some(Open { log: log.clone(), requested, trace, began: Instant::now() }) })
    }

    async fn end(mut self, ending: Ending) -> Result<(), log::Unrecorded> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let Some(record) = open.line(ending) else { return Ok(()) };
        let log = open.log;
        // A task of its own: a client that goes away now does not keep the line from being written, or make a second one.
        let recording = tokio::spawn(async move { log.record(&record).await });
        recording.await.unwrap_or(Err(log::Unrecorded))
    }
}

impl Open {
    /// `None` for one of too many of which nobody knows whose they are.
    fn line(&self, ending: Ending) -> Option<Record> {
        let noted = self.trace.noted();
        let mut left_out = 0;
        if noted.who.is_nobody() {
            match self.log.count_refusal(self.requested.at) {
                Refusal::Recorded { left_out: count } => left_out = count,
                Refusal::Counted => return None,
            }
        }
        let milliseconds = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut record = Record::new(self.requested.clone(), noted, ending, milliseconds);
        record.left_out = left_out;
        Some(record)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        if let Some(record) = open.line(Ending::unanswered(open.trace.noted().writes)) {
            open.log.record_unawaited(record);
        }
    }
}
