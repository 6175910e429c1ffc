//! What the fuzz targets share: the whole API over a store without data, and what must hold of every answer.
//!
//! All use of the library that makes something (a router, an authenticator, a token, a seal) is in this file; targets
//! only send requests and look at answers. Connectors are made and checked in [`connector`]. The engine is not fuzzed: it would not survive it in one process.

mod answer;
pub mod connector;
mod store;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header, request};
use chrono_tz::Tz;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use rapport::api::{Limits, LimitsByRole};
use rapport::app::build::{Policy, Service, build_router};
use rapport::auth::{Authenticator, Grant, Seal, Secret, TokenConfig, Viewer, issue};
use rapport::ingest::Ingest;
use rapport::ingest::connection::Connections;
use rapport::model::clock::Millis;
use rapport::model::{Clock, Role};
use tokio::runtime::Runtime;
use tower::ServiceExt;

pub use self::answer::Answer;
use self::store::EmptyStore;

/// What tokens are signed with.
pub const SECRET: &str = "a secret for fuzzing that is long enough";

/// 2026-09-21T14:13:20Z.
pub const NOW: Millis = 1_790_000_000_000;

/// The one tenant that tokens of [`send`] speak for.
const TENANT: &str = "acme";

/// Requests to one API before it is made anew, whose clock then begins at [`NOW`] again. They are a minute apart, so
/// that no budget is ever spent: after 1,024 it is 17 hours later.
const REQUESTS_MAX: u32 = 1_024;

/// The limits of the API under test: the defaults, but for those that let one input of 4 KB take seconds. Compressed, it
/// can be 32 MiB of lines.
pub fn limits() -> Limits {
    Limits { series_points: 200, lines: 400, ingest_bytes: 256 * 1024, ..Limits::default() }
}

/// A clock that somebody sets.
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::Relaxed)
    }
}

/// The API that the targets ask, and what keeps it going.
struct Api {
    runtime: Runtime,
    router: Router,
    clock: Arc<SetClock>,
    store: Arc<EmptyStore>,
    requests: u32,
}

static API: Mutex<Option<Api>> = Mutex::new(None);

/// Sends a request with a token of this role; what must hold of every answer is checked.
///
/// # Panics
/// When it does not hold.
pub fn send(role: Role, request: request::Builder, body: impl Into<Body>) -> Answer {
    let mut shared = API.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.as_ref().is_none_or(|api| api.requests == REQUESTS_MAX) {
        *shared = Some(Api::new());
    }
    let api = shared.as_mut().expect("it was made above");
    let answer = api.send(role, request, body.into());
    answer.check();
    answer
}

impl Api {
    fn new() -> Self {
        // What failed inside says why only in the log. It fails if it is set already, which is as well.
        let _ = tracing_subscriber::fmt().with_env_filter("error").with_writer(std::io::stderr).try_init();
        let clock = Arc::new(SetClock(AtomicI64::new(NOW)));
        let store = Arc::new(EmptyStore::default());
        let service = Service {
            ingest: Ingest::new(store.clone(), clock.clone()),
            clock: clock.clone(),
            secret: secret(),
            timezone: Tz::UTC,
            limits: LimitsByRole::from(limits()),
            queries_at_once: 2,
            connections: Connections::default(),
            policy: Policy::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        Self { runtime, router: build_router(service).expect("the schema is sound"), clock, store, requests: 0 }
    }

    fn send(&mut self, role: Role, request: request::Builder, body: Body) -> Answer {
        self.requests += 1;
        self.clock.0.fetch_add(60_000, Ordering::Relaxed);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", token(role, self.clock.now())));
        let request = request.body(body).expect("the targets send sound headers");
        self.runtime.block_on(answered(&self.router, &self.store, request))
    }
}

async fn answered(router: &Router, store: &EmptyStore, request: Request<Body>) -> Answer {
    let stored_before = store.events();
    let response = router.clone().oneshot(request).await.expect("the router answers");
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    Answer { status: head.status, headers: head.headers, body, stored: store.events() - stored_before }
}

/// The one who holds a token, at [`NOW`].
pub fn verify(token: &str) -> Option<Viewer> {
    static AUTHENTICATOR: Mutex<Option<Authenticator>> = Mutex::new(None);
    let clock = || Arc::new(SetClock(AtomicI64::new(NOW)));
    let mut shared = AUTHENTICATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let authenticator = shared.get_or_insert_with(|| Authenticator::new(&secret(), TokenConfig::default(), clock()));
    // Its key is at hand, so nothing waits.
    authenticator.verify(token).now_or_never().expect("the key is at hand").ok()
}

/// What cursors are sealed with.
pub fn seal() -> Seal {
    Seal::new(&secret(), "cursors of a fuzz target")
}

fn token(role: Role, now: Millis) -> String {
    let grant = Grant {
        sub: "fuzzer".to_owned(),
        tenant: TENANT.to_owned(),
        role,
        operator: (role == Role::Operator).then(|| "anna".to_owned()),
        teams: if role == Role::Supervisor { vec!["sales".to_owned()] } else { Vec::new() },
    };
    issue(&secret(), &TokenConfig::default(), &grant, now, Duration::from_secs(600)).expect("a sound grant")
}

fn secret() -> Secret {
    Secret::new(SECRET).expect("long enough")
}

/// One of several, by a byte of the input: `0` is the first, so that seeds can be read.
pub fn choose<T: Copy>(from: &[T], byte: u8) -> T {
    from[usize::from(byte.wrapping_sub(b'0')) % from.len()]
}
