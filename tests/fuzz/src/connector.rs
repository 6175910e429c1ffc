//! One harness for the connectors of all platforms: any bytes as a payload, a delivery, a greeting and an answer.
//!
//! What must hold: nothing panics, the same bytes are read the same each time, what is read is within the bounds that the
//! rest relies on, and the archive gives the payload back byte for byte. Whether the reading is right, the snapshots of the
//! crate's own tests say.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use rapport::ingest::connection::Connection;
use rapport::ingest::connector::options::Options;
use rapport::ingest::connector::{Accounts, Connector, Delivery, Payload, Platform, Reading, platform};
use rapport::ingest::normalise::{ID_CHARS_MAX, normalise};
use rapport::ingest::raw::{self, RawPayload};
use rapport::ingest::receive::Received;
use rapport::model::event::{Kind, Scalar};
use serde_json::{Map, Value};

use crate::{NOW, choose};

/// Where platforms and mapping files put signatures, secrets and times.
const HEADERS: [&str; 10] = [
    "authorization",
    "x-hub-signature-256",
    "x-telegram-bot-api-secret-token",
    "x-viber-content-signature",
    "x-max-bot-api-secret",
    "x-signature",
    "x-hubspot-signature-v3",
    "x-hubspot-request-timestamp",
    "x-sign",
    "x-time",
];

/// Bytes of a header's value.
const VALUE_BYTES_MAX: usize = 200;

/// Kinds that a reading may name as unknown, and the characters of one.
const UNKNOWN_MAX: usize = 20;
const UNKNOWN_CHARS_MAX: usize = 80;

/// Checks all that a connector does with these bytes, for every connection of the platform that has payloads.
///
/// # Panics
/// When something does not hold, or there is no such platform.
pub fn check(name: &str, input: &[u8]) {
    static CONNECTIONS: OnceLock<Vec<Connection>> = OnceLock::new();
    // A target is of one platform, so that one place is enough.
    for connection in CONNECTIONS.get_or_init(|| open_all(name)) {
        assert_eq!(connection.platform.name, name, "a target is of one platform");
        check_reading(connection, input);
        check_delivery(connection.connector.as_ref(), input);
    }
}

/// A connection for each directory of payloads: `tests/payloads/{name}` and `tests/payloads/{name}-…`.
fn open_all(name: &str) -> Vec<Connection> {
    let platform = platform(name).unwrap_or_else(|| panic!("there is no platform `{name}`"));
    let payloads = root().join("tests/payloads");
    let entries = fs::read_dir(&payloads).unwrap_or_else(|error| panic!("{}: {error}", payloads.display()));
    let directories = entries.map(|entry| entry.expect("an entry of a directory").path()).filter(|path| {
        let directory = path.file_name().expect("a name").to_string_lossy();
        directory.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    let connections: Vec<Connection> = directories.map(|directory| open(platform, &directory)).collect();
    assert!(!connections.is_empty(), "`{name}` has no payloads under {}", payloads.display());
    connections
}

fn open(platform: &'static Platform, directory: &Path) -> Connection {
    let path = directory.join("connection.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut written: Map<String, Value> = serde_json::from_str(&text).expect("a connection is an object");
    let accounts = written.remove("accounts").expect("a connection has accounts");
    let accounts = serde_json::from_value(accounts).expect("accounts are a list of texts");
    for (name, value) in &mut written {
        // Written from the root of the repository, wherever the target is run.
        if let (true, Value::String(file)) = (name.ends_with("_file"), &mut *value) {
            *file = root().join(&*file).to_string_lossy().into_owned();
        }
    }
    let accounts = Accounts::new(accounts).expect("accounts have names");
    let name = directory.file_name().expect("a name").to_string_lossy();
    Connection::open((&name, "acme"), platform, accounts, Options::new(written), 1)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// By the first byte, which stays: seeds are payloads as they come.
fn content_type(input: &[u8]) -> &'static str {
    match input.first() {
        Some(b'{' | b'[') => "application/json",
        Some(byte) if byte.is_ascii_alphanumeric() => "application/x-www-form-urlencoded",
        Some(byte) => choose(&["", "application/json", "multipart/form-data", "text/plain"], *byte),
        None => "",
    }
}

fn check_reading(connection: &Connection, input: &[u8]) {
    let payload = Payload { body: input, content_type: content_type(input), received_at: NOW };
    let reading = connection.connector.read(&payload);
    assert_eq!(reading, connection.connector.read(&payload), "the same bytes are read the same each time");
    check_bounds(&reading);

    assert_eq!(raw::read_back(&raw::written(input)), input, "the archive gives the payload back");
    let kept = RawPayload::of(connection, &payload, &Received::default());
    let rows = raw::build(&[kept]).expect("a payload becomes a row");
    assert_eq!(rows.num_rows(), 1);
}

fn check_bounds(reading: &Reading) {
    for event in &reading.events {
        let Some(Scalar::Text(id)) = &event.id else { panic!("an event without an id: {event:?}") };
        assert!((1..=ID_CHARS_MAX).contains(&id.chars().count()), "{id}");
        let Some(Scalar::Text(kind)) = &event.kind else { panic!("an event without a kind: {event:?}") };
        assert!(Kind::parse(kind).is_some(), "{kind}");
        let is_named = |name: &Option<Scalar>| matches!(name, Some(Scalar::Text(name)) if !name.is_empty());
        assert!(is_named(&event.channel) && is_named(&event.account), "{event:?}");
        // May refuse it, with a reason.
        if let Err(reason) = normalise(event.clone(), NOW) {
            assert!(!reason.to_string().is_empty());
        }
    }
    for deal in &reading.deals {
        assert!((1..=ID_CHARS_MAX).contains(&deal.id.chars().count()), "{deal:?}");
        assert!(!deal.deal.is_empty(), "{deal:?}");
    }
    assert!(reading.unknown.len() <= UNKNOWN_MAX);
    for kind in &reading.unknown {
        assert!(kind.chars().count() <= UNKNOWN_CHARS_MAX && !kind.contains(char::is_control), "{kind:?}");
    }
}

/// Everything else of the connector: it may say what it wants, and must say it.
fn check_delivery(connector: &dyn Connector, input: &[u8]) {
    let query: String = input.iter().filter(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect();
    let path_and_query = format!("/webhooks/x?{query}");
    for headers in [HeaderMap::new(), headers(input)] {
        let delivery =
            Delivery { headers: &headers, path_and_query: &path_and_query, query: &query, body: input, now: NOW };
        let verdict = connector.verify(&delivery);
        assert_eq!(verdict, connector.verify(&delivery), "the same delivery has the same verdict");
    }
    let _ = connector.greet(&query);
    let _ = connector.handshake(input);
    if let Ok(answer) = serde_json::from_slice::<Value>(input) {
        let _ = connector.read_answer(&answer);
    }
}

/// Every header with a line of the input, as far as a header can hold it.
fn headers(input: &[u8]) -> HeaderMap {
    let mut lines = input.split(|byte| *byte == b'\n').cycle();
    let mut headers = HeaderMap::new();
    for name in HEADERS {
        let line = lines.next().unwrap_or_default();
        let line = &line[..line.len().min(VALUE_BYTES_MAX)];
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    headers
}
