//! `GET /metrics`: how the connections and the queue fare, as Prometheus and its kin read it.
//!
//! It names connections and platforms and nothing of a tenant's data, and only for who has the configured token.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::errors::{ApiError, Code};
use super::server::HttpState;
use crate::ingest::Ingest;
use crate::ingest::connection::Connections;
use crate::ingest::connection::health::Counts;
use crate::ingest::connector::options::Hidden;
use crate::ingest::connector::signature::is_same;
use crate::ingest::errands::Waiting;
use crate::ingest::queued::{Intake, Lag};
use crate::model::clock::Millis;

/// The text format of OpenMetrics, which Prometheus asks for.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long the engine may take to say what waits to be asked: Prometheus itself waits ten seconds.
const WAITING_WITHIN: Duration = Duration::from_secs(3);

#[derive(Clone)]
pub struct ExpositionState {
    pub http: Arc<HttpState>,
    pub connections: Connections,
    pub ingest: Ingest,
    pub intake: Intake,
    /// `None`: the route is not there.
    pub token: Option<Hidden>,
}

pub fn routes(state: ExpositionState) -> Router {
    if state.token.is_none() {
        return Router::new();
    }
    let not_get = || async { ApiError::method_not_allowed("this route takes GET", "GET, HEAD") };
    Router::new().route("/metrics", routing::get(metrics).fallback(not_get)).with_state(state)
}

async fn metrics(State(state): State<ExpositionState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if !given.zip(state.token.as_ref()).is_some_and(|(given, token)| is_same(token, given.trim())) {
        let message = "give the configured `metrics_token` as `Authorization: Bearer …`";
        return Err(ApiError::new(Code::Unauthenticated, message));
    }
    // An engine that is away takes nothing from the other counts.
    let waiting = match tokio::time::timeout(WAITING_WITHIN, state.ingest.waiting_lookups()).await {
        Ok(Ok(waiting)) => Some(waiting),
        Ok(Err(_)) | Err(_) => None,
    };
    let lag = match tokio::time::timeout(WAITING_WITHIN, state.intake.lag()).await {
        Ok(Ok(lag)) => lag,
        Ok(Err(_)) | Err(_) => None,
    };
    let text = expose(&state.connections, waiting.as_deref(), lag, state.http.clock.now());
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    connection: String,
    platform: &'static str,
}

/// A counter of the connections: its name, what it counts, and where the count is.
type Count = (&'static str, &'static str, fn(&Counts) -> u64);

static COUNTS: [Count; 10] = [
    ("webhook_deliveries", "Deliveries that were taken in", |counts| counts.received),
    ("webhook_events_accepted", "Events of deliveries that were new", |counts| counts.accepted),
    ("webhook_events_duplicate", "Events of deliveries that were known already", |counts| counts.duplicates),
    ("webhook_events_rejected", "Events of deliveries that break the rules of an event", |counts| counts.rejected),
    ("webhook_events_ignored", "Events of deliveries that no figure needs", |counts| counts.ignored),
    ("webhook_deliveries_unknown", "Deliveries with a kind that the connector does not know", |counts| counts.unknown),
    ("webhook_deliveries_unreadable", "Deliveries that could not be read, as a whole or in part", |counts| {
        counts.unreadable
    }),
    ("webhook_deliveries_refused", "Deliveries whose signature is missing, wrong or stale", |counts| counts.refused),
    ("webhook_deliveries_foreign", "Deliveries about another account", |counts| counts.foreign),
    ("webhook_deliveries_failed", "Deliveries that the store did not take", |counts| counts.failed),
];

/// All of it as text.
fn expose(connections: &Connections, waiting: Option<&[Waiting]>, queue: Option<Lag>, now: Millis) -> String {
    let mut registry = Registry::with_prefix("rapport");
    let counters = COUNTS.map(|(name, help, value)| {
        let family = Family::<Labels, Counter>::default();
        registry.register(name, help, family.clone());
        (family, value)
    });
    let since = Family::<Labels, Gauge>::default();
    registry.register("webhook_seconds_since_last", "Seconds since a delivery was taken in", since.clone());
    let lag = Family::<Labels, Gauge>::default();
    registry.register(
        "webhook_lag_milliseconds",
        "Between what happened and its arrival, of the last delivery",
        lag.clone(),
    );
    let (asking_fails, answered) = (Family::<Labels, Gauge>::default(), Family::<Labels, Gauge>::default());
    let (pending, pending_since) = (Family::<Labels, Gauge>::default(), Family::<Labels, Gauge>::default());
    for (name, help, family) in [
        ("asking_fails", "1 while the platform does not answer what it is asked", &asking_fails),
        ("asking_seconds_since_answer", "Seconds since the platform answered what it was asked", &answered),
        ("lookups_pending", "Things that were named and are still to be asked for", &pending),
        ("lookups_pending_seconds", "Seconds since that was named of them that waits longest", &pending_since),
    ] {
        registry.register(name, help, family.clone());
    }
    for connection in connections.all() {
        let labels = Labels { connection: connection.name.clone(), platform: connection.platform.name };
        let counts = connection.health.counts();
        for (family, value) in &counters {
            family.get_or_create(&labels).inc_by(value(&counts));
        }
        if let Some(at) = counts.last_received_at {
            since.get_or_create(&labels).set(now.saturating_sub(at) / 1_000);
        }
        if let Some(lag_ms) = counts.last_lag_ms {
            lag.get_or_create(&labels).set(lag_ms);
        }
        if counts.failing_since.or(counts.last_answered_at).is_some() {
            asking_fails.get_or_create(&labels).set(counts.failing_since.is_some().into());
        }
        if let Some(at) = counts.last_answered_at {
            answered.get_or_create(&labels).set(now.saturating_sub(at) / 1_000);
        }
        if let Some(waiting) = waiting.filter(|_| connection.connector.can_be_asked()) {
            let is_of_it = |of: &&Waiting| of.tenant == connection.tenant && of.connection == connection.name;
            let found = waiting.iter().find(is_of_it);
            let count = found.map_or(0, |found| i64::try_from(found.lookups).unwrap_or(i64::MAX));
            pending.get_or_create(&labels).set(count);
            if let Some(found) = found {
                pending_since.get_or_create(&labels).set(now.saturating_sub(found.since) / 1_000);
            }
        }
    }
    if let Some(lag) = queue {
        let age_ms = lag.oldest.map_or(0, |oldest| now.saturating_sub(oldest).max(0));
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for (name, help, value) in [
            ("queue_messages", "Messages of the queue that no worker has stored yet", whole(lag.messages)),
            ("queue_bytes", "Bytes of the messages that no worker has stored yet", whole(lag.bytes)),
            ("queue_oldest_seconds", "Seconds since the oldest of them was published", age_ms / 1_000),
            ("queue_aside", "Messages that were put aside because they cannot be stored", whole(lag.aside)),
        ] {
            let gauge = Gauge::<i64>::default();
            gauge.set(value);
            registry.register(name, help, gauge);
        }
    }
    let mut text = String::new();
    encode(&mut text, &registry).expect("a text takes what is written to it");
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ingest::connection::Connection;
    use crate::ingest::connector::options::Options;
    use crate::ingest::connector::{Accounts, platform};

    #[test]
    fn what_waits_to_be_asked_is_told_of_the_connection_whose_it_is() {
        let options = json!({"application_token": "a-token-of-tests"}).as_object().cloned().unwrap();
        let accounts = Accounts::new(vec!["garden".to_owned()]).unwrap();
        let (names, bitrix24) = (("crm", "acme"), platform("bitrix24").unwrap());
        let connection = Connection::open(names, bitrix24, accounts, Options::new(options), 30).unwrap();
        connection.health.note_unanswered(5_000);
        let connections = Connections::new([connection]);
        let of = |tenant: &str, lookups| Waiting {
            tenant: tenant.to_owned(),
            connection: "crm".to_owned(),
            lookups,
            since: 1_000,
        };
        let text = expose(&connections, Some(&[of("acme", 7), of("rival", 9)]), None, 61_000);
        let labels = r#"{connection="crm",platform="bitrix24"}"#;
        for line in ["lookups_pending", "lookups_pending_seconds", "asking_fails"].iter().zip([7, 60, 1]) {
            let line = format!("rapport_{}{labels} {}\n", line.0, line.1);
            assert!(text.contains(&line), "{line}{text}");
        }
        assert!(!text.contains("asking_seconds_since_answer{"), "it never answered: {text}");
        // Where the engine does not say it, nothing is claimed.
        assert!(!expose(&connections, None, None, 61_000).contains("lookups_pending{"));
    }

    #[test]
    fn the_lag_of_the_queue_is_told_where_there_is_one() {
        let connections = Connections::default();
        let lag = Lag { messages: 3, bytes: 500, oldest: Some(1_000), aside: 2 };
        let text = expose(&connections, None, Some(lag), 61_000);
        for line in ["queue_messages 3", "queue_bytes 500", "queue_oldest_seconds 60", "queue_aside 2"] {
            assert!(text.contains(&format!("rapport_{line}\n")), "{line}\n{text}");
        }
        let empty = expose(&connections, None, Some(Lag::default()), 61_000);
        assert!(empty.contains("rapport_queue_oldest_seconds 0\n"), "{empty}");
        assert!(!expose(&connections, None, None, 61_000).contains("queue_"));
    }
}
