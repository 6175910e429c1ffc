//! Requests, counted, for whoever watches the server: by the pattern of their route and never by their path, so that
//! nothing that a client sends becomes a name.

use std::collections::HashSet;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::errors::{Code, Verdict};

/// The counters of one server. Cloning gives another handle.
#[derive(Clone, Debug)]
pub struct Meters {
    requests: Family<Answered, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    errors: Family<Failed, Counter>,
    running: Gauge,
    connections: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    route: String,
    code: &'static str,
}

/// What stands for a path that no route has.
pub(super) const NO_ROUTE: &str = "other";

impl Default for Meters {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            // 1 ms to 16 s: a request may take 10.
            seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 15))),
            errors: Family::default(),
            running: Gauge::default(),
            connections: Gauge::default(),
        }
    }
}

impl Meters {
    /// A connection is there until the returned value is dropped.
    pub fn enter(&self) -> Present {
        Present::of(&self.connections)
    }

    pub fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Requests that were answered", self.requests.clone());
        registry.register("http_request_seconds", "From a request's head to its answer's", self.seconds.clone());
        registry.register("errors", "Answers with an error, by each code that is in it", self.errors.clone());
        registry.register("http_requests_running", "Requests that are being answered", self.running.clone());
        registry.register("connections", "Open connections", self.connections.clone());
    }
}

/// Something that is counted as long as it is there.
pub struct Present(Gauge);

impl Present {
    fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The layer of the router. A client that goes away is not counted: nothing was answered.
pub async fn measure(State(meters): State<Meters>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let (began, running) = (Instant::now(), Present::of(&meters.running));
    let response = next.run(request).await;
    drop(running);
    meters.seconds.get_or_create(&Route { route: route.clone() }).observe(began.elapsed().as_secs_f64());
    let codes = response.extensions().get::<Verdict>().map(|verdict| verdict.codes.as_slice()).unwrap_or_default();
    // Only those of the table: a name must be one of few.
    let codes: HashSet<&str> = codes.iter().map(String::as_str).collect();
    for code in Code::ALL.iter().map(|code| code.text()).filter(|code| codes.contains(code)) {
        meters.errors.get_or_create(&Failed { route: route.clone(), code }).inc();
    }
    meters.requests.get_or_create(&Answered { route, status: response.status().as_u16() }).inc();
    response
}
