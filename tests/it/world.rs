//! A whole API in a test: real engine, real routes, no sockets; only the clock is ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono_tz::Tz;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use rapport::api::audit::Log;
use rapport::api::{Limits, LimitsByRole};
use rapport::app::build::{Policy, Service, build_router, facts};
use rapport::auth::{Grant, Role, Secret, TokenConfig, issue};
use rapport::ingest::Ingest;
use rapport::ingest::connection::{Connection, Connections};
use rapport::ingest::connector::options::Hidden;
use rapport::model::clock::{Clock, Millis};
use rapport::queue::Queue;
use rapport::store::migrations::{MIGRATIONS, migrate};
use rapport::store::{self, StoreError};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::engine::{FixedClock, TestStore, empty_store_with, limits};
use crate::hindered::{After, Call, Hindered, Hindrance, free};

pub const SECRET: &str = "a secret for tests that is long enough";

/// The tenant that tests speak for unless they say otherwise.
pub const TENANT: &str = "acme";

/// Counts the statements that answer something: not those that ask what is still to be derived.
pub struct Counting {
    store: Arc<TestStore>,
    queries: AtomicUsize,
}

impl Hindrance for Counting {
    fn meet(self: Arc<Self>, call: Call<'_>) -> BoxFuture<'static, Result<After, StoreError>> {
        if let Call::Query(statement) = call {
            let derives =
                [" stale_threads ", " stale_links ", " derived_by ", " dialog_events ", " derivation_leases "]
                    .iter()
                    .any(|table| statement.text().contains(table));
            self.queries.fetch_add(usize::from(!derives), Ordering::Relaxed);
        }
        free()
    }
}

/// The store of a world.
pub type CountingStore = Hindered<Counting>;

impl CountingStore {
    fn over(store: TestStore) -> Arc<Self> {
        let store = Arc::new(store);
        let counting = Counting { store: Arc::clone(&store), queries: AtomicUsize::new(0) };
        Self::new(store, Arc::new(counting))
    }

    /// Waits for what still runs, where a test has stopped waiting for it: the next one may open the directory anew.
    pub async fn close(&self) {
        self.hindrance().store.close().await;
    }

    /// Statements so far.
    pub fn count(&self) -> usize {
        self.hindrance().queries.load(Ordering::Relaxed)
    }
}

/// An API over an empty store, at an instant that stands still.
pub struct World {
    pub router: Router,
    pub store: Arc<CountingStore>,
    pub now: Millis,
    /// What all worlds over the store share: only one may write behind events.
    pub ingest: Ingest,
    /// The way in's clock.
    pub turning: Arc<TurningClock>,
}

/// Stands still until it is turned.
pub struct TurningClock(AtomicI64);

impl Clock for TurningClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::Relaxed)
    }
}

/// What all worlds over one store share.
struct WayIn {
    ingest: Ingest,
    store: Arc<CountingStore>,
    pub turning: Arc<TurningClock>,
}

impl World {
    pub async fn at(now: &str) -> Self {
        let now = instant(now);
        // As patient as the API over it.
        let patience = patient().execution_time.as_secs();
        let store = empty_store_with(store::limits::Limits { seconds: patience, ..limits() });
        migrate(&store, &FixedClock(now), MIGRATIONS, &facts()).await.expect("the migrations run");
        let store = CountingStore::over(store);
        let turning = Arc::new(TurningClock(AtomicI64::new(now)));
        let ingest = Ingest::open(store.clone(), turning.clone()).await.expect("nothing is left to be written");
        let way_in = WayIn { ingest, store, turning };
        Self::under(Policy::default(), Connections::default(), way_in, now, patient().into())
    }

    /// The same world with other limits.
    pub fn limited(&self, limits: impl Into<LimitsByRole>) -> Self {
        Self::under(Policy::default(), Connections::default(), self.way_in(), self.now, limits.into())
    }

    /// The same world with another way in, which must be the only one that is used.
    pub fn with(&self, ingest: Ingest) -> Self {
        let way_in = WayIn { ingest, ..self.way_in() };
        Self::under(Policy::default(), Connections::default(), way_in, self.now, patient().into())
    }

    /// The same world at another instant.
    pub fn turned_to(&self, now: Millis) -> Self {
        self.turning.0.store(now, Ordering::Relaxed);
        let WayIn { ingest, store, turning } = self.way_in();
        Self { router: self.router.clone(), store, now, ingest, turning }
    }

    /// The same world with these ways in.
    pub fn connected(&self, connections: impl IntoIterator<Item = Connection>) -> Self {
        self.connected_under(Policy::default(), connections)
    }

    /// The same with `/metrics` for who has the token.
    pub fn exposed(&self, connections: impl IntoIterator<Item = Connection>, token: &str) -> Self {
        self.connected_under(Policy { metrics_token: Some(Hidden::new(token)), ..Policy::default() }, connections)
    }

    /// The same behind a queue, which somebody else reads.
    pub fn queued(&self, connections: impl IntoIterator<Item = Connection>, queue: Queue) -> Self {
        self.connected_under(Policy { queue: Some(queue), ..Policy::default() }, connections)
    }

    fn connected_under(&self, policy: Policy, connections: impl IntoIterator<Item = Connection>) -> Self {
        let connections = Connections::new(connections);
        Self::under(policy, connections, self.way_in(), self.now, patient().into())
    }

    /// The same world, recorded.
    pub fn recorded(&self, audit: Log) -> Self {
        self.recorded_by(Connections::default(), audit)
    }

    /// The same world with these ways in, recorded.
    pub fn recorded_by(&self, connections: Connections, audit: Log) -> Self {
        let limits = Limits { catch_up_time: Duration::from_secs(600), ..Limits::default() };
        let policy = Policy { audit, ..Policy::default() };
        Self::under(policy, connections, self.way_in(), self.now, limits.into())
    }

    fn way_in(&self) -> WayIn {
        WayIn { ingest: self.ingest.clone(), store: self.store.clone(), turning: self.turning.clone() }
    }

    fn under(policy: Policy, connections: Connections, way_in: WayIn, now: Millis, limits: LimitsByRole) -> Self {
        let WayIn { ingest, store, turning } = way_in;
        let service = Service {
            ingest: ingest.clone(),
            clock: Arc::new(FixedClock(now)),
            secret: Secret::new(SECRET).expect("long enough"),
            timezone: Tz::UTC,
            limits,
            queries_at_once: 2,
            connections,
            policy,
        };
        Self { router: build_router(service).expect("the schema is sound"), store, now, ingest, turning }
    }

    pub fn token_of(&self, tenant: &str, role: Role, operator: Option<&str>, teams: &[&str]) -> String {
        let grant = Grant {
            sub: "tester".to_owned(),
            tenant: tenant.to_owned(),
            role,
            operator: operator.map(str::to_owned),
            teams: teams.iter().map(|team| (*team).to_owned()).collect(),
        };
        let secret = Secret::new(SECRET).expect("long enough");
        issue(&secret, &TokenConfig::default(), &grant, self.now, Duration::from_secs(3600)).expect("a sound grant")
    }

    pub fn manager(&self) -> String {
        self.token_of(TENANT, Role::Manager, None, &[])
    }

    pub fn operator(&self, name: &str) -> String {
        self.token_of(TENANT, Role::Operator, Some(name), &[])
    }

    pub fn service(&self) -> String {
        self.token_of(TENANT, Role::Service, None, &[])
    }

    /// Posts a body to `/v1/events` and returns status and answer.
    pub async fn post_events(&self, token: &str, encoding: Option<&str>, body: impl Into<Body>) -> (StatusCode, Value) {
        let mut request = Request::post("/v1/events").header("authorization", format!("Bearer {token}"));
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        self.send(request.body(body.into()).expect("a request")).await
    }

    /// Sends events of the usual tenant; all must be new or all but `duplicates`.
    pub async fn take(&self, events: &[Value]) -> Value {
        let (status, receipt) = self.post_events(&self.service(), None, Value::from(events.to_vec()).to_string()).await;
        assert_eq!(status, StatusCode::OK, "{receipt}");
        assert_eq!(receipt["rejectedTotal"], 0, "{receipt}");
        receipt
    }

    /// Asks and returns the whole answer, errors included, but for its cost: what is left of a minute's points is another
    /// number each time.
    pub async fn answer(&self, token: &str, query: &str) -> Value {
        let mut answer = self.answer_with_cost(token, query).await;
        if let Some(extensions) = answer.get_mut("extensions").and_then(Value::as_object_mut) {
            extensions.remove("cost");
            if extensions.is_empty() {
                answer.as_object_mut().expect("an answer").remove("extensions");
            }
        }
        answer
    }

    pub async fn answer_with_cost(&self, token: &str, query: &str) -> Value {
        let request = Request::post("/graphql")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(json!({"query": query}).to_string()))
            .expect("a request");
        self.send(request).await.1
    }

    /// Asks what must be answered without errors, and returns `data`.
    pub async fn ask(&self, token: &str, query: &str) -> Value {
        let answer = self.answer(token, query).await;
        assert!(answer.get("errors").is_none(), "{query}\n{answer:#}");
        answer["data"].clone()
    }

    /// Asks `analytics(…) { … }` as the manager.
    pub async fn analytics(&self, arguments: &str, fields: &str) -> Value {
        self.ask(&self.manager(), &format!("{{ analytics({arguments}) {{ {fields} }} }}")).await["analytics"].clone()
    }

    /// How many statements the engine gets for a question.
    pub async fn statements(&self, query: &str) -> usize {
        let before = self.store.count();
        self.ask(&self.manager(), query).await;
        self.store.count() - before
    }

    pub async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let (status, text) = self.send_for_text(request).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub async fn send_for_text(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.router.clone().oneshot(request).await.expect("the router answers");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// An event about a message of a WhatsApp chat, with more fields or other values.
pub fn event(kind: &str, chat: &str, message: &str, at: &str, more: &Value) -> Value {
    let mut event = json!({"id": format!("{kind} {chat} {message} {at}"), "kind": kind, "at": at, "channel": "WHATSAPP",
        "account": "a", "chat": chat, "message": message});
    for (name, value) in more.as_object().expect("an object") {
        event[name] = value.clone();
    }
    event
}

/// Milliseconds of an RFC 3339 instant.
pub fn instant(text: &str) -> Millis {
    chrono::DateTime::parse_from_rfc3339(text).expect("a test's instant").timestamp_millis()
}

/// However slow the machine is, a test sees all that it sent. The clock stands still, so that what is spent never comes back.
pub fn patient() -> Limits {
    Limits {
        catch_up_time: Duration::from_secs(600),
        execution_time: Duration::from_secs(600),
        cost_per_minute: 1_000_000_000,
        tenant_cost_per_minute: 1_000_000_000,
        ..Limits::default()
    }
}
