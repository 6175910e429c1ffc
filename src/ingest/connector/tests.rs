//! Every payload under `tests/payloads/{platform}/` beside what it becomes: one snapshot a payload, reviewed.
//!
//! The directory is named after the platform, alone or with something behind it (`mapping-wazzup`); `connection.json` in it
//! is the connection's `accounts` and options. A file's ending decides its content type.

use std::fs;
use std::path::{Path, PathBuf};

use insta::{assert_snapshot, with_settings};
use serde_json::Value;

use super::options::Options;
use super::*;
use crate::ingest::normalise::normalise;

/// 2026-05-01T12:00:00Z: when every payload of the tests arrives.
pub const NOW: Millis = 1_777_636_800_000;

/// The directories of a platform, at least one: a connection each.
pub fn directories(platform: &Platform) -> Vec<PathBuf> {
    let payloads = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/payloads");
    let mut found: Vec<PathBuf> = fs::read_dir(payloads).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.strip_prefix(platform.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    found.sort();
    assert!(!found.is_empty(), "{} has no payloads", platform.name);
    found
}

/// The connector that `connection.json` of a directory describes.
pub fn open(platform: &Platform, directory: &Path) -> Arc<dyn Connector> {
    let text = fs::read_to_string(directory.join("connection.json")).expect("connection.json");
    let mut written: serde_json::Map<String, Value> = serde_json::from_str(&text).expect("an object");
    let accounts = serde_json::from_value(written.remove("accounts").expect("accounts")).expect("a list of texts");
    let mut options = Options::new(written);
    let connector = (platform.open)(&Accounts::new(accounts).unwrap(), &mut options).expect("sound options");
    options.finish().expect("known options");
    connector
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("form") => "application/x-www-form-urlencoded",
        _ => "application/json",
    }
}

/// The reading as people can check it: an event an object, and what normalising refuses with its reason.
fn show(reading: &Reading) -> String {
    let mut lines = Vec::new();
    for event in &reading.events {
        lines.push(serde_json::to_string_pretty(event).unwrap());
        if let Err(reason) = normalise(event.clone(), NOW) {
            lines.push(format!("REJECTED: {reason}"));
        }
    }
    lines.extend(reading.deals.iter().map(|deal| format!("{deal:#?}")));
    lines.extend(reading.lookups.iter().map(|lookup| format!("lookup: {lookup}")));
    lines.extend(reading.unknown.iter().map(|kind| format!("unknown: {kind}")));
    if 0 < reading.ignored {
        lines.push(format!("ignored: {}", reading.ignored));
    }
    lines.extend(reading.unreadable.iter().map(|reason| format!("unreadable: {reason}")));
    lines.join("\n")
}

#[test]
fn every_payload_becomes_the_events_that_were_reviewed() {
    for (platform, directory) in
        PLATFORMS.iter().flat_map(|one| directories(one).into_iter().map(move |path| (one, path)))
    {
        let connector = open(platform, &directory);
        let mut paths: Vec<PathBuf> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let is_payload =
            |path: &PathBuf| !path.ends_with("connection.json") && !path.to_string_lossy().contains(".snap");
        for path in paths.into_iter().filter(is_payload) {
            let body = fs::read(&path).unwrap();
            let payload = Payload { body: &body, content_type: content_type(&path), received_at: NOW };
            let reading = connector.read(&payload);
            assert_eq!(reading, connector.read(&payload), "{} is read the same each time", path.display());
            let channel = Some(platform.name.to_ascii_uppercase().into());
            assert!(
                reading.events.iter().all(|event| event.channel == channel),
                "{} has another channel",
                path.display()
            );
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            with_settings!({ snapshot_path => &directory, prepend_module_to_snapshot => false, omit_expression => true }, {
                assert_snapshot!(name, show(&reading));
            });
        }
    }
}

#[test]
fn nothing_that_comes_makes_a_connector_panic() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: [&[u8]; 10] = [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\"x\"",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        br#"{"a":"\ud800"}"#,
        b"a[0][b]=1&a[0=2&=&%zz",
        deep.as_bytes(),
    ];
    for (platform, directory) in
        PLATFORMS.iter().flat_map(|one| directories(one).into_iter().map(move |path| (one, path)))
    {
        let connector = open(platform, &directory);
        for body in bodies {
            for content_type in ["application/json", "application/x-www-form-urlencoded", ""] {
                let reading = connector.read(&Payload { body, content_type, received_at: NOW });
                assert_eq!((reading.events.len(), reading.deals.len()), (0, 0), "{} {body:?}", platform.name);
            }
            let (headers, query) = (HeaderMap::new(), "a=b");
            let delivery = Delivery { headers: &headers, path_and_query: "/webhooks/x?a=b", query, body, now: NOW };
            assert!(connector.verify(&delivery).is_err(), "{} takes an unsigned body", platform.name);
            assert!(connector.greet(query).is_err(), "{}", platform.name);
        }
    }
}
