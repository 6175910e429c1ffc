//! The real writer and its files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use chrono::NaiveDate;
use rapport::api::audit::{Files, Log, Sink};
use rapport::api::server::Network;
use rapport::model::Clock;
use rapport::model::clock::Millis;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture_schema::{Stopped, app_in};
use crate::http::{Answer, request, send};
use crate::world::instant;

struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
}

struct Kept {
    directory: TempDir,
    clock: Arc<SetClock>,
    log: Log,
}

impl Kept {
    fn at(now: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(SetClock(AtomicI64::new(instant(now))));
        let files = Files::open(&directory.path().join("audit"), 3, day(&now[..10])).unwrap();
        let log = Log::start(files, clock.clone(), Duration::from_secs(60)).unwrap();
        Self { directory, clock, log }
    }

    async fn ask_at(&self, now: &str) -> Answer {
        self.clock.0.store(instant(now), Ordering::SeqCst);
        let get = request(Method::GET, "/graphql?query=%7Bone%7D").body(Body::empty()).unwrap();
        send(app_in(Network::default(), self.log.clone(), Stopped::default()), get).await
    }

    /// The lines of a day: each must be JSON.
    fn lines(&self, day: &str) -> Vec<Value> {
        lines(&self.directory.path().join("audit"), day)
    }

    fn names(&self) -> Vec<String> {
        names(&self.directory.path().join("audit"))
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn lines(directory: &Path, day: &str) -> Vec<Value> {
    let text = fs::read_to_string(directory.join(format!("{day}.ndjson"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_line_is_in_its_days_file_before_the_answer_is_given_and_nobody_else_can_read_it() {
    let kept = Kept::at("2026-11-23T12:00:00Z");
    assert_eq!(kept.ask_at("2026-11-23T12:00:01Z").await.status, 200);
    assert_eq!(kept.lines("2026-11-23")[0]["at"], "2026-11-23T12:00:01.000Z");
    let directory = kept.directory.path().join("audit");
    assert_eq!((mode(&directory), mode(&directory.join("2026-11-23.ndjson"))), (0o700, 0o600));
}

#[tokio::test]
async fn a_new_day_has_a_new_file_and_the_oldest_goes() {
    let kept = Kept::at("2026-11-23T23:59:59Z");
    for now in ["2026-11-23T23:59:59.999Z", "2026-11-24T00:00:00Z", "2026-11-24T00:00:01Z", "2026-11-25T00:00:00Z"] {
        assert_eq!(kept.ask_at(now).await.status, 200);
    }
    assert_eq!(kept.names(), ["2026-11-23.ndjson", "2026-11-24.ndjson", "2026-11-25.ndjson"]);
    assert_eq!((kept.lines("2026-11-23").len(), kept.lines("2026-11-24").len()), (1, 2));
    assert_eq!(kept.ask_at("2026-11-26T00:00:00Z").await.status, 200);
    assert_eq!(kept.names(), ["2026-11-24.ndjson", "2026-11-25.ndjson", "2026-11-26.ndjson"]);
}

#[test]
fn a_request_that_ends_after_midnight_is_recorded_on_its_own_day() {
    let directory = tempfile::tempdir().unwrap();
    let mut files = Files::open(directory.path(), 3, day("2026-11-23")).unwrap();
    files.write(day("2026-11-24"), b"{\"a\":1}\n").unwrap();
    files.write(day("2026-11-23"), b"{\"b\":1}\n").unwrap();
    files.write(day("2026-11-24"), b"{\"c\":1}\n").unwrap();
    files.flush().unwrap();
    assert_eq!((lines(directory.path(), "2026-11-23").len(), lines(directory.path(), "2026-11-24").len()), (1, 2));
}

#[test]
fn only_files_of_days_that_are_too_old_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let others = ["2026-11-1.ndjson", "2026-11-20.ndjson.gz", "2026-13-01.ndjson", "notes.txt", "x2026-11-20.ndjson"];
    for name in
        ["2025-01-01.ndjson", "2026-11-20.ndjson", "2026-11-21.ndjson", "2026-12-31.ndjson"].iter().chain(&others)
    {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let _files = Files::open(directory.path(), 3, day("2026-11-23")).unwrap();
    let mut expect: Vec<_> =
        ["2026-11-21.ndjson", "2026-11-23.ndjson", "2026-12-31.ndjson"].iter().chain(&others).copied().collect();
    expect.sort_unstable();
    assert_eq!(names(directory.path()), expect);
}

#[test]
fn a_restart_goes_on_after_a_line_that_broke_off_and_takes_rights_away() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("2026-11-23.ndjson");
    fs::write(&path, "{\"whole\":1}\n{\"bro").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut files = Files::open(directory.path(), 3, day("2026-11-23")).unwrap();
    files.write(day("2026-11-23"), b"{\"next\":1}\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"whole\":1}\n{\"bro\n{\"next\":1}\n");
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_directory_that_cannot_be_written_is_told_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let taken = directory.path().join("audit");
    fs::write(&taken, "").unwrap();
    for error in [
        Files::open(&taken, 3, day("2026-11-23")).err().unwrap(),
        Files::check(&taken).unwrap_err(),
        Files::check(&taken.join("inside")).unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(error.contains("audit") && error.contains("RAPPORT_AUDIT_DIR"), "{error}");
    }
    let free = directory.path().join("free");
    Files::check(&free).unwrap();
    assert!(!free.exists(), "who asks may be somebody else than who serves");
    fs::create_dir(&free).unwrap();
    Files::check(&free).unwrap();
    assert_eq!(names(&free), Vec::<String>::new());
}

#[tokio::test]
async fn a_directory_that_is_lost_stops_answers_until_it_is_back() {
    let kept = Kept::at("2026-11-23T12:00:00Z");
    let (directory, away) = (kept.directory.path().join("audit"), kept.directory.path().join("away"));
    fs::rename(&directory, &away).unwrap();
    fs::write(&directory, "").unwrap();
    kept.ask_at("2026-11-24T00:00:00Z").await.refused(503, "UNAVAILABLE");
    fs::remove_file(&directory).unwrap();
    fs::rename(&away, &directory).unwrap();
    // The next request is the try whether it works again.
    kept.ask_at("2026-11-24T00:00:01Z").await.refused(503, "UNAVAILABLE");
    assert_eq!(kept.ask_at("2026-11-24T00:00:02Z").await.status, 200);
    let outcomes: Vec<_> = kept.lines("2026-11-24").into_iter().map(|line| line["outcome"].clone()).collect();
    assert_eq!(outcomes, ["UNAVAILABLE", "OK"]);
}
