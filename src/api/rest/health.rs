//! `/health/live` and `/health/ready`: whether the process runs, and whether it should be sent requests.
//!
//! Neither asks for a token, so neither names a tenant or an account. What another server would fare no better with, such
//! as a platform that does not answer or a disk that fills up, is told and does not make this one unready.
//!
//! Whoever asks costs nothing: the engine and the disk are asked once a second at most, for all who ask then.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::RestState;
use crate::api::errors::{ApiError, Code};
use crate::api::serve::Stopping;
use crate::ingest::connection::Connection;
use crate::model::clock::Millis;
use crate::store::Store;
use crate::store::data_directory::free_bytes;
use crate::store::migrations::{self, MIGRATIONS};

/// How long the engine may take to answer a question of health.
const READY_WITHIN: Duration = Duration::from_secs(1);

/// How long an answer is told again: who asks ten times a second learns nothing by it.
const FRESH: Duration = Duration::from_secs(1);

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
#[derive(Clone, Debug, Serialize)]
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

/// What was looked at last, and when. Whoever comes while somebody looks waits for what that one finds.
#[derive(Default)]
pub(super) struct LastLook {
    seen: Mutex<Option<(Instant, [Check; 3])>>,
    /// They are never undone, so once is enough.
    has_all_migrations: AtomicBool,
}

impl LastLook {
    /// The engine, its migrations and the disk, as they are or were a moment ago.
    async fn checks(&self, store: &dyn Store, data_dir: Option<&Path>) -> [Check; 3] {
        let mut seen = self.seen.lock().await;
        if let Some((_, checks)) = seen.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return checks.clone();
        }
        let checks = tokio::join!(engine(store), self.migrations(store), disk(data_dir)).into();
        seen.insert((Instant::now(), checks)).1.clone()
    }

    async fn migrations(&self, store: &dyn Store) -> Check {
        if self.has_all_migrations.load(Ordering::Relaxed) {
            return check("migrations", CheckState::Ok, None);
        }
        match tokio::time::timeout(READY_WITHIN, migrations::count_applied(store)).await {
            Ok(Ok(count)) if count == MIGRATIONS.len() as u64 => {
                self.has_all_migrations.store(true, Ordering::Relaxed);
                check("migrations", CheckState::Ok, None)
            }
            Ok(Ok(count)) => {
                let message = format!("{count} of {} migrations have run", MIGRATIONS.len());
                check("migrations", CheckState::Failing, Some(message))
            }
            Ok(Err(_)) | Err(_) => {
                check("migrations", CheckState::Failing, Some("which migrations have run cannot be told".to_owned()))
            }
        }
    }
}

/// `GET /health/ready`: each check, and how each connection fares. 503 where one fails.
pub(super) async fn ready(State(state): State<Arc<RestState>>) -> Response {
    let now = state.http.clock.now();
    let store = state.ingest.derivation().store().as_ref();
    let [engine, migrations, disk] = state.last_look.checks(store, state.health.data_dir.as_deref()).await;
    let checks = [stopping(&state), engine, migrations, derivation(&state), disk];
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

async fn engine(store: &dyn Store) -> Check {
    match tokio::time::timeout(READY_WITHIN, store.version()).await {
        Ok(Ok(_)) => check("engine", CheckState::Ok, None),
        Ok(Err(_)) | Err(_) => check("engine", CheckState::Failing, Some("the engine does not answer".to_owned())),
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

async fn disk(data_dir: Option<&Path>) -> Check {
    let Some(data_dir) = data_dir.map(Path::to_owned) else { return check("disk", CheckState::Ok, None) };
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use arrow::array::RecordBatch;
    use futures_util::FutureExt;
    use futures_util::future::{BoxFuture, join_all};

    use super::*;
    use crate::sql::Sql;
    use crate::store::StoreError;
    use crate::store::token::Token;

    /// Counts what it is asked, and takes a moment for it.
    #[derive(Default)]
    struct Counting {
        asked: AtomicUsize,
    }

    impl Counting {
        fn ask<Answer: Send + 'static>(&self, answer: Answer) -> BoxFuture<'_, Result<Answer, StoreError>> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            async {
                tokio::task::yield_now().await;
                Ok(answer)
            }
            .boxed()
        }
    }

    impl Store for Counting {
        fn query(&self, _: Sql) -> BoxFuture<'_, Result<Vec<RecordBatch>, StoreError>> {
            self.ask(Vec::new())
        }

        fn insert(&self, _: &'static str, _: RecordBatch, _: Option<Token>) -> BoxFuture<'_, Result<(), StoreError>> {
            self.ask(())
        }

        fn execute(&self, _: Sql) -> BoxFuture<'_, Result<(), StoreError>> {
            self.ask(())
        }

        fn execute_all(&self, _: Vec<Sql>) -> BoxFuture<'_, Result<(), StoreError>> {
            self.ask(())
        }

        fn version(&self) -> BoxFuture<'_, Result<String, StoreError>> {
            self.ask("1".to_owned())
        }
    }

    #[tokio::test]
    async fn hundreds_who_ask_at_once_cost_the_engine_one_look() {
        let (look, store) = (LastLook::default(), Counting::default());
        let all = join_all((0..300).map(|_| look.checks(&store, None))).await;
        // The version, and the register of migrations.
        assert_eq!(store.asked.load(Ordering::Relaxed), 2);
        let is_told = |[engine, migrations, _]: &[Check; 3]| {
            (engine.state, migrations.state) == (CheckState::Ok, CheckState::Failing)
        };
        assert!(all.iter().all(is_told), "all are told the same: the register is empty");
    }
}
