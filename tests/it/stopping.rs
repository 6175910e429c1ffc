//! The end of a server under load: whoever was accepted is answered, and what was answered is there afterwards.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rapport::auth::Role;
use serde_json::json;

use crate::process::{Client, Server, token};

/// What one client met until the server was gone.
#[derive(Debug, Default)]
struct Met {
    /// Ids of events that were acknowledged.
    stored: Vec<String>,
    failed: Vec<String>,
    /// Answers that said that the connection ends.
    closing: usize,
}

/// Sends on kept connections, single events and queries by turns, until nobody listens any more.
fn load(server: &Server, number: usize, answered: &AtomicUsize) -> Met {
    let (service, manager) = (token(Role::Service), token(Role::Manager));
    let query = json!({"query": "{ limits { name } }"}).to_string();
    let mut met = Met::default();
    let mut count = 0;
    // Refused at connecting: the server is gone.
    while let Ok(mut client) = Client::connect(server.address) {
        while !client.closes {
            count += 1;
            let id = format!("{number}-{count}");
            let answer = match count % 3 {
                0 => client.send("POST", "/graphql", &manager, &query),
                _ => {
                    let event = json!({"id": id, "kind": "message.received", "at": "2026-02-01T09:00:00Z",
                        "channel": "WHATSAPP", "account": "a", "chat": id, "message": id});
                    client.send("POST", "/v1/events", &service, &event.to_string())
                }
            };
            match answer {
                Ok((200, _)) if count % 3 == 0 => {}
                Ok((200, receipt)) => {
                    assert_eq!(receipt["accepted"], 1, "{receipt}");
                    met.stored.push(id);
                }
                // A machine that is too slow for so many says so; that is an answer, and nothing of the end.
                Ok((503, answer)) if answer.to_string().contains("too many bodies are being taken in") => {}
                Ok((status, answer)) => met.failed.push(format!("{id}: {status} {answer}")),
                Err(error) => {
                    met.failed.push(format!("{id}: {error}"));
                    break;
                }
            }
            answered.fetch_add(1, Ordering::Relaxed);
        }
        met.closing += usize::from(client.closes);
    }
    met
}

#[test]
fn a_server_that_is_stopped_under_load_fails_no_request_and_keeps_what_it_answered() {
    const CLIENTS: usize = 12;
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let data = parent.path().join("data");
    // Answers after which the signal is sent: different moments of the load, the same each time.
    for moment in [1, 57, 230] {
        let mut server = Server::start(&data, &[]);
        let answered = AtomicUsize::new(0);
        let all = Mutex::new(Vec::new());
        let mut took = Duration::ZERO;
        std::thread::scope(|scope| {
            for number in 0..CLIENTS {
                let (server, answered, all) = (&server, &answered, &all);
                scope.spawn(move || {
                    let met = load(server, moment * 1_000 + number, answered);
                    all.lock().unwrap().push(met);
                });
            }
            while answered.load(Ordering::Relaxed) < moment {
                std::thread::yield_now();
            }
            server.signal("TERM");
        });
        let begin = Instant::now();
        assert!(server.wait(), "it ends well");
        took += begin.elapsed();
        let all = all.into_inner().unwrap();
        let failed: Vec<_> = all.iter().flat_map(|met| &met.failed).collect();
        let stored: Vec<_> = all.iter().flat_map(|met| &met.stored).collect();
        let closing: usize = all.iter().map(|met| met.closing).sum();
        println!(
            "after {moment}: {} answered, {} stored, {closing} told to close, {took:?}",
            answered.into_inner(),
            stored.len()
        );
        assert_eq!(failed, Vec::<&String>::new(), "after {moment}");
        assert!(0 < closing, "who keeps a connection is told that it ends");
        assert!(took < Duration::from_secs(10), "{took:?}");
        // All that was acknowledged is known.
        let server = Server::start(&data, &[]);
        let again: Vec<_> = stored
            .iter()
            .map(|id| {
                json!({"id": id, "kind": "message.received", "at": "2026-02-01T09:00:00Z", "channel": "WHATSAPP",
                    "account": "a", "chat": id, "message": id})
            })
            .collect();
        let (status, receipt) = server.send("POST", "/v1/events", &token(Role::Service), &json!(again).to_string());
        assert_eq!((status, &receipt["accepted"]), (200, &json!(0)), "{receipt}");
        assert!(server.stop());
    }
}

#[test]
fn a_server_that_gives_notice_says_so_and_serves_meanwhile() {
    let parent = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut server = Server::start(&parent.path().join("data"), &[("RAPPORT_STOP_NOTICE_SECONDS", "3")]);
    let (status, ready) = server.send("GET", "/health/ready", "", "");
    assert_eq!((status, &ready["status"]), (200, &json!("ready")), "{ready}");
    let checks = ready["checks"].as_array().unwrap();
    let names: Vec<_> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["stopping", "engine", "migrations", "derivation", "disk"]);
    assert!(checks.iter().all(|check| check["state"] != "FAILING"), "{ready}");
    server.signal("TERM");
    let stopping = server.until("/health/ready", "", |status, _| status == 503);
    assert_eq!(stopping["status"], "stopping");
    assert_eq!(stopping["errors"][0]["extensions"]["code"], "UNAVAILABLE");
    // New connections are still served.
    let query = json!({"query": "{ limits { name } }"}).to_string();
    assert_eq!(server.send("POST", "/graphql", &token(Role::Manager), &query).0, 200);
    assert!(server.wait());
}
