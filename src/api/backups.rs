//! `/v1/backups`: a copy of the store while it goes on, asked for by whoever runs the server.
//!
//! A backup holds the data of all tenants, so only a token of the role `ADMIN` that was made with the server's own secret
//! counts here, none of an issuer. Nobody names a path: the directory is configured, and a name is an instant and a label.
//! How a backup is made is in [`crate::store::backup`]. To begin one costs points of the bearer's minute, and nobody fills a disk
//! with them: after so many somebody has to look.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json, Router, routing};
use serde::Deserialize;
use serde_json::{Value, json};

use super::audit::Trace;
use super::errors::{ApiError, Code};
use super::http::body::{BytesLimit, read_body};
use super::http::request_id::RequestId;
use super::rates::Place;
use super::server::HttpState;
use crate::auth::{Role, TokenConfig, Viewer};
use crate::model::Clock;
use crate::store::backup::{self, BackupError, Name, Progress};
use crate::store::embedded::EmbeddedStore;

/// Backups in the directory, after which none is made over HTTP: three months of nightly ones.
const BACKUPS_MAX: usize = 100;

/// Points that it costs to begin one: nobody can write while the tables are frozen, so that a dozen a minute is too many.
const POINTS: usize = 100;

/// What the routes share.
#[derive(Clone)]
pub struct BackupState {
    pub http: Arc<HttpState>,
    /// `None` where no directory is configured.
    pub backups: Option<Backups>,
}

/// The backups of one store, made one at a time. Cloning gives another handle.
#[derive(Clone)]
pub struct Backups {
    inner: Arc<Inner>,
}

impl fmt::Debug for Backups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backups").field("directory", &self.inner.directory).finish_non_exhaustive()
    }
}

struct Inner {
    store: Arc<EmbeddedStore>,
    directory: PathBuf,
    clock: Arc<dyn Clock>,
    latest: Mutex<Option<Job>>,
}

/// The backup that was asked for last.
#[derive(Clone, Debug)]
struct Job {
    name: Name,
    progress: Arc<Progress>,
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    Whole,
    Failed { reason: String },
}

impl Backups {
    pub fn new(store: Arc<EmbeddedStore>, directory: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { inner: Arc::new(Inner { store, directory, clock, latest: Mutex::new(None) }) }
    }

    /// Begins a backup and returns its name; it goes on by itself.
    fn begin(&self, label: Option<&str>) -> Result<Name, ApiError> {
        let at = self.inner.clock.now();
        let name = Name::new(at, label).map_err(|error| ApiError::new(Code::InvalidBody, error.to_string()))?;
        let progress = Arc::new(Progress::default());
        {
            let mut latest = self.lock();
            if let Some(running) = latest.as_ref().filter(|job| job.stage == Stage::Running) {
                let message = format!("the backup {} is being made: wait for its end", running.name.text());
                return Err(ApiError::unavailable(message, 10));
            }
            *latest = Some(Job { name: name.clone(), progress: Arc::clone(&progress), stage: Stage::Running });
        }
        let (backups, of) = (self.clone(), name.clone());
        tokio::spawn(async move {
            let (inner, named) = (Arc::clone(&backups.inner), of.clone());
            let making = async move { backup::make(&inner.store, (&inner.directory, &named), at, &progress).await };
            // A task of its own, so that one that breaks off is told as well: who waits for its end would wait for ever.
            let stage = match tokio::spawn(making).await.unwrap_or(Err(BackupError::Stopped)) {
                Ok(manifest) => {
                    let (bytes, held) = (manifest.bytes, manifest.held_milliseconds);
                    tracing::info!(name = of.text(), bytes, held_milliseconds = held, "a backup is whole");
                    Stage::Whole
                }
                Err(error) => {
                    tracing::error!(name = of.text(), error = &error as &dyn std::error::Error, "a backup failed");
                    Stage::Failed { reason: error.in_words() }
                }
            };
            if let Some(job) = backups.lock().as_mut() {
                job.stage = stage;
            }
        });
        Ok(name)
    }

    /// How a backup fares; `None` where there is none of this name.
    fn show(&self, name: &Name) -> Option<Value> {
        let job = self.lock().clone().filter(|job| job.name == *name);
        match job {
            Some(Job { stage: Stage::Running, progress, .. }) => Some(json!({
                "name": name.text(),
                "state": "RUNNING",
                "bytes": progress.bytes.load(Ordering::Relaxed),
                "bytesTotal": progress.bytes_total.load(Ordering::Relaxed),
            })),
            Some(Job { stage: Stage::Failed { reason }, .. }) => {
                Some(json!({"name": name.text(), "state": "FAILED", "reason": reason}))
            }
            Some(Job { stage: Stage::Whole, .. }) | None => {
                let manifest = backup::read_manifest(&self.inner.directory.join(name.text())).ok()?;
                Some(json!({"name": name.text(), "state": "WHOLE", "manifest": manifest}))
            }
        }
    }

    /// Refuses where there are too many already. Blocking.
    fn check_count(&self) -> Result<(), ApiError> {
        // What cannot be read is told by the backup that fails there.
        match backup::count(&self.inner.directory) {
            Ok(count) if BACKUPS_MAX <= count => {
                let message = format!(
                    "the directory for backups has {count}, and over HTTP none is made where there are {BACKUPS_MAX}: \
                     remove old ones"
                );
                Err(ApiError::new(Code::LimitExceeded, message))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Job>> {
        self.inner.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub fn routes(state: BackupState) -> Router {
    let not_post = || async { ApiError::method_not_allowed("this route takes POST", "POST") };
    let not_get = || async { ApiError::method_not_allowed("this route takes GET", "GET, HEAD") };
    Router::new()
        .route("/v1/backups", routing::post(begin).fallback(not_post))
        .route("/v1/backups/{name}", routing::get(show).fallback(not_get))
        .with_state(state)
}

/// What a body can say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    label: Option<String>,
}

/// `POST /v1/backups`: begins one, and says where to ask how it fares.
async fn begin(
    State(state): State<BackupState>,
    Extension(request_id): Extension<RequestId>,
    Extension(trace): Extension<Arc<Trace>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let Admitted { viewer, backups, place } = admit(&state, &headers, &trace).await?;
    let limits = state.http.limits.of(viewer.role());
    state.http.rates.spend(&place, viewer.role(), limits, POINTS.min(limits.cost_per_minute))?;
    let limit = BytesLimit { name: "bodyBytes", bytes: limits.body_bytes };
    let body = read_body(body, &headers, limit, limits.body_time).await?;
    let asked: Asked = match body.is_empty() {
        true => Asked::default(),
        false => serde_json::from_slice(&body).map_err(|_| {
            ApiError::new(Code::InvalidBody, "the body is none, or `{\"label\": \"…\"}` with a-z, 0-9 and -")
        })?,
    };
    let counting = backups.clone();
    let counted = tokio::task::spawn_blocking(move || counting.check_count()).await;
    counted.map_err(|error| ApiError::internal(&request_id, &error))??;
    trace.note_write();
    let name = backups.begin(asked.label.as_deref())?;
    let location = format!("/v1/backups/{}", name.text());
    let answer = Json(json!({"name": name.text(), "state": "RUNNING"}));
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], answer).into_response())
}

/// `GET /v1/backups/{name}`: how it fares, and what it holds when it is whole.
async fn show(
    State(state): State<BackupState>,
    name: Result<Path<String>, PathRejection>,
    Extension(trace): Extension<Arc<Trace>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Admitted { backups, place: _place, .. } = admit(&state, &headers, &trace).await?;
    let name = name.ok().and_then(|Path(name)| Name::parse(&name));
    let shown = tokio::task::spawn_blocking(move || backups.show(&name?)).await.ok().flatten();
    shown
        .map(|shown| Json(shown).into_response())
        .ok_or_else(|| ApiError::new(Code::NotFound, "there is no such backup"))
}

/// Who asks, and the place among the requests that run.
struct Admitted {
    viewer: Viewer,
    backups: Backups,
    place: Place,
}

/// Whose request it is, if it is one who runs the server.
async fn admit(state: &BackupState, headers: &HeaderMap, trace: &Trace) -> Result<Admitted, ApiError> {
    let viewer = state.http.authenticate(headers).await?;
    trace.note_viewer(&viewer);
    let place = state.http.rates.enter(&viewer, state.http.limits.of(viewer.role()))?;
    if viewer.role() != Role::Admin || viewer.issuer() != TokenConfig::default().issuer {
        let message = "a backup holds the data of all tenants: use a token of the role ADMIN that `rapport token` made";
        return Err(ApiError::new(Code::Forbidden, message));
    }
    match &state.backups {
        Some(backups) => Ok(Admitted { viewer, backups: backups.clone(), place }),
        None => Err(ApiError::new(Code::NotFound, "no directory for backups is configured: set RAPPORT_BACKUP_DIR")),
    }
}
