//! What `/metrics` tells: every family in the form of Prometheus, names that are few, numbers that are right.

use std::collections::{BTreeMap, BTreeSet};

use rapport::auth::Role;

use crate::process::{Server, token};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Values by name and labels, checked for their form.
fn parse(text: &str) -> BTreeMap<String, f64> {
    let mut values = BTreeMap::new();
    let mut families = BTreeSet::new();
    assert!(text.ends_with("# EOF\n"), "{text}");
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(families.insert(rest.split(' ').next().unwrap().to_owned()), "told twice: {line}");
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        let bare = name.split('{').next().unwrap();
        assert!(bare.starts_with("rapport_"), "{line}");
        assert!(families.iter().any(|family| bare.starts_with(family.as_str())), "no type: {line}");
        values.insert(name.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line}")));
    }
    values
}

fn scrape(server: &Server) -> BTreeMap<String, f64> {
    let (status, text) = server.send("GET", "/metrics", TOKEN, "");
    assert_eq!(status, 200, "{text}");
    parse(text.as_str().unwrap())
}

#[test]
fn requests_events_engine_and_process_are_told_under_few_names() {
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let server = Server::start(&parent.path().join("data"), &[("RAPPORT_METRICS_TOKEN", TOKEN)]);
    assert_eq!(server.send("GET", "/metrics", "wrong", "").0, 401);
    let event = r#"{"id":"1","kind":"message.received","at":"2026-02-01T09:00:00Z","channel":"WHATSAPP","account":"a","chat":"secret-chat","message":"1"}"#;
    let service = token(Role::Service);
    for _ in 0..2 {
        assert_eq!(server.send("POST", "/v1/events", &service, event).0, 200);
    }
    assert_eq!(server.send("POST", "/v1/events", &service, "{}").0, 200);
    for path in ["/nowhere/1", "/nowhere/2", "/v1/backups/x", "/webhooks/one", "/webhooks/two"] {
        assert_ne!(server.send("GET", path, &service, "").0, 200);
    }
    let query = r#"{"query":"{ nothing }"}"#;
    assert_eq!(server.send("POST", "/graphql", &token(Role::Manager), query).0, 200);
    let values = scrape(&server);
    for (name, expected) in [
        (r#"rapport_http_requests_total{route="/v1/events",status="200"}"#, 3.0),
        (r#"rapport_http_requests_total{route="other",status="404"}"#, 2.0),
        (r#"rapport_http_requests_total{route="/webhooks/{connection}",status="404"}"#, 2.0),
        (r#"rapport_http_requests_total{route="/metrics",status="401"}"#, 1.0),
        (r#"rapport_http_request_seconds_count{route="/v1/events"}"#, 3.0),
        (r#"rapport_errors_total{route="/graphql",code="INVALID_QUERY"}"#, 1.0),
        (r#"rapport_errors_total{route="/v1/backups/{name}",code="FORBIDDEN"}"#, 1.0),
        (r#"rapport_ingest_events_total{source="Http",outcome="Accepted"}"#, 1.0),
        (r#"rapport_ingest_events_total{source="Http",outcome="Duplicate"}"#, 1.0),
        (r#"rapport_ingest_events_total{source="Http",outcome="Rejected"}"#, 1.0),
        (r#"rapport_engine_table_rows{table="events"}"#, 1.0),
        (r#"rapport_http_requests_running"#, 1.0),
    ] {
        assert_eq!(values.get(name), Some(&expected), "{name}: {values:#?}");
    }
    for name in [
        "rapport_connections",
        "rapport_ingest_batches_total",
        "rapport_ingest_batch_rows_count",
        "rapport_ingest_batch_seconds_count",
        r#"rapport_engine_query_seconds_count{outcome="Answered"}"#,
        r#"rapport_engine_insert_seconds_count{table="events"}"#,
        "rapport_engine_rows_read_total",
        "rapport_engine_rows_inserted_total",
        r#"rapport_engine_parts{table="events"}"#,
        "rapport_process_resident_memory_bytes",
        "rapport_process_open_fds",
        concat!(r#"rapport_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""}"#),
    ] {
        assert!(values.get(name).is_some_and(|value| 0.0 < *value), "{name}: {values:#?}");
    }
    assert!(
        values.contains_key("rapport_derivation_stale") && values.contains_key("rapport_derivation_failures_total")
    );
    // No path, tenant, chat or bearer is a name.
    let text = format!("{values:?}");
    for word in ["nowhere", "secret-chat", "acme", "tester", "/webhooks/one"] {
        assert!(!text.contains(word), "{word}");
    }
}

/// The alert rules name only what is told; some of it only when there is something to tell.
#[test]
fn every_alert_is_about_something_that_is_told_and_explained() {
    let told = [
        include_str!("../../src/api/meters.rs"),
        include_str!("../../src/api/exposition/connections.rs"),
        include_str!("../../src/api/exposition/gauges.rs"),
        include_str!("../../src/api/exposition/queue.rs"),
        include_str!("../../src/ingest/meters.rs"),
        include_str!("../../src/store/meters.rs"),
    ];
    let readme = include_str!("../../README.md");
    let mut alerts = 0;
    for line in include_str!("../../ops/alerts.yml").lines() {
        if let Some(name) = line.trim().strip_prefix("- alert: ") {
            assert!(readme.contains(&format!("`{name}`")), "the README does not say what to do on {name}");
            alerts += 1;
        }
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        for name in line.split(|c| !is_of_name(c)).filter_map(|word| word.strip_prefix("rapport_")) {
            let family = ["_total", "_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end));
            let registered = format!("\"{}\"", family.unwrap_or(name));
            assert!(told.iter().any(|source| source.contains(&registered)), "{name} is told by nobody");
        }
    }
    assert!(5 < alerts);
}
