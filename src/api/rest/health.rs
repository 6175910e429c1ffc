//! `/health/live` and `/health/ready`: whether the process runs, and whether it should be sent requests.
//!
//! Neither asks for a token, so neither names a tenant or an account. What another server would fare no better with, such
//! as a platform that does not answer or a disk that fills up, is told and does not make this one unready.

use std::path::PathBuf;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::RestState;
use crate::api::errors::{ApiError, Code};
use crate::api::serve::Stopping;
use crate::ingest::connection::Connection;
use crate::model::clock::Millis;
use crate::store::backup::files::free_bytes;
use crate::store::migrations::{self, MIGRATIONS};

/// How long the engine may take to answer a question of health.
const READY_WITHIN: Duration = Duration::from_secs(1);

/// Below it the engine soon finds no room to merge parts: it needs as much as the parts that it merges.
const FREE_BYTES_MIN: u64 = 2 << 30;

/// What readiness knows beside the engine.
#[derive(Clone, Debug, Default)]
pub struct Health {
    pub stopping: Stopping,
    /// Whose disk is looked at; `None` where the data are elsewhere.
    pub data_dir: Option<PathBuf>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    state: CheckState,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum CheckState {
    Ok,
    /// It is told, and requests are answered all the same.
    Warning,
    /// This server should be sent no requests.
    Failing,
}

pub(super) async fn live() -> Json<Value> {
    Json(json!({"status": "live"}))
}

/// `GET /health/ready`: each check, and how each connection fares. 503 where one fails.
pub(super) async fn ready(State(state): State<RestState>) -> Response {
    let now = state.http.clock.now();
    let checks =
        [stopping(&state), engine(&state).await, migrations(&state).await, derivation(&state), disk(&state).await];
    let connections: Vec<_> = state.connections.all().map(|connection| show(connection, now)).collect();
    let Some(failing) = checks.iter().find(|check| check.state == CheckState::Failing) else {
        return Json(json!({"status": "ready", "checks": checks, "connections": connections})).into_response();
    };
    let message = format!("not ready: {}", failing.message.as_deref().unwrap_or(failing.name));
    let status = if failing.name == "stopping" { "stopping" } else { "unready" };
    let mut body = ApiError::new(Code::Unavailable, message).body();
    body["status"] = json!(status);
    body["checks"] = json!(checks);
    body["connections"] = json!(connections);
    let retry_after = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
    (StatusCode::SERVICE_UNAVAILABLE, retry_after, Json(body)).into_response()
}

fn check(name: &'static str, state: CheckState, message: Option<String>) -> Check {
    Check { name, state, message }
}

fn stopping(state: &RestState) -> Check {
    match state.health.stopping.has_begun() {
        true => check("stopping", CheckState::Failing, Some("the server is stopping".to_owned())),
        false => check("stopping", CheckState::Ok, None),
    }
}

async fn engine(state: &RestState) -> Check {
    match tokio::time::timeout(READY_WITHIN, state.ingest.derivation().store().version()).await {
        Ok(Ok(_)) => check("engine", CheckState::Ok, None),
        Ok(Err(_)) | Err(_) => check("engine", CheckState::Failing, Some("the engine does not answer".to_owned())),
    }
}

async fn migrations(state: &RestState) -> Check {
    let store = state.ingest.derivation().store();
    match tokio::time::timeout(READY_WITHIN, migrations::count_applied(store.as_ref())).await {
        Ok(Ok(count)) if count == MIGRATIONS.len() as u64 => check("migrations", CheckState::Ok, None),
        Ok(Ok(count)) => {
            let message = format!("{count} of {} migrations have run", MIGRATIONS.len());
            check("migrations", CheckState::Failing, Some(message))
        }
        Ok(Err(_)) | Err(_) => {
            check("migrations", CheckState::Failing, Some("which migrations have run cannot be told".to_owned()))
        }
    }
}

fn derivation(state: &RestState) -> Check {
    match state.ingest.derivation().is_failing() {
        true => {
            let message = "what follows from events cannot be derived: answers lack the latest, and the log says why";
            check("derivation", CheckState::Warning, Some(message.to_owned()))
        }
        false => check("derivation", CheckState::Ok, None),
    }
}

async fn disk(state: &RestState) -> Check {
    let Some(data_dir) = state.health.data_dir.clone() else { return check("disk", CheckState::Ok, None) };
    // A disk that hangs must not hang the others' threads.
    let asked = tokio::task::spawn_blocking(move || free_bytes(&data_dir));
    match tokio::time::timeout(READY_WITHIN, asked).await {
        Ok(Ok(Ok(free))) if FREE_BYTES_MIN <= free => check("disk", CheckState::Ok, None),
        Ok(Ok(Ok(free))) => {
            let message = format!("the disk of the data directory has room for {} MiB only", free >> 20);
            check("disk", CheckState::Warning, Some(message))
        }
        Ok(Ok(Err(_)) | Err(_)) | Err(_) => {
            check("disk", CheckState::Warning, Some("the disk of the data directory does not answer".to_owned()))
        }
    }
}

/// Without tenant and account.
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
