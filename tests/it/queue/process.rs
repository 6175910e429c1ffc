//! The program itself behind its queue, killed and stopped as a machine does it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rapport::auth::{Grant, Role, Secret, TokenConfig, issue};
use rapport::model::{Clock, SystemClock};
use serde_json::Value;

use super::broker::{Broker, PATIENCE};
use super::house::{lines, messages_before};
use crate::engine::library;
use crate::world::{SECRET, TENANT};

fn program(directory: &Path, broker: Option<&Broker>, command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_rapport"));
    program
        .arg(command)
        .current_dir(directory)
        .env("RAPPORT_LISTEN", "127.0.0.1:0")
        .env("RAPPORT_ENGINE_LIBRARY", library())
        .env("RAPPORT_JWT_SECRET", SECRET)
        .env_remove("RAPPORT_NATS")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    if let Some(broker) = broker {
        program.env("RAPPORT_NATS", broker.address()).env("RAPPORT_NATS_MAX_GIB", "1");
        program.env("RAPPORT_NATS_STREAM", "PROGRAM");
    }
    program
}

/// A server that runs.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(directory: &Path, broker: &Broker) -> Self {
        let mut child = program(directory, Some(broker), "serve").spawn().unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let mut all = String::new();
        let address = loop {
            let mut line = String::new();
            assert_ne!(told.read_line(&mut line).unwrap(), 0, "it ended after: {all}");
            if let Some(rest) = line.strip_prefix("Serving http://") {
                break rest.split('/').next().unwrap().to_owned();
            }
            all.push_str(&line);
        };
        // Somebody must read what it goes on to say, or it waits for that.
        std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
        Self { child, address }
    }

    /// Status and body; `None` where the connection broke.
    fn post(&self, path: &str, token: &str, body: &str) -> Option<(u16, Value)> {
        post(&self.address, path, token, body)
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn terminate(mut self) -> bool {
        let stopped = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status().unwrap();
        assert!(stopped.success());
        self.child.wait().unwrap().success()
    }
}

fn post(address: &str, path: &str, token: &str, body: &str) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.get(9..12)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n")?.1;
    Some((status, serde_json::from_str(body).ok()?))
}

fn token(role: Role) -> String {
    let grant = Grant { sub: "tester".into(), tenant: TENANT.into(), role, operator: None, teams: Vec::new() };
    let secret = Secret::new(SECRET).unwrap();
    issue(&secret, &TokenConfig::default(), &grant, SystemClock.now(), Duration::from_secs(3600)).unwrap()
}

/// Messages that an answer counts, once it counts as many or time is up.
fn counted(served: &Served, manager: &str, expected: u64) -> u64 {
    let query = r#"{"query": "{ analytics(range: {last: \"P2D\"}) { activity { total { messages } } } }"}"#;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, answer) = served.post("/graphql", manager, query).unwrap();
        let messages = answer["data"]["analytics"]["activity"]["total"]["messages"].as_u64();
        let messages = messages.unwrap_or_else(|| panic!("{answer}"));
        if expected <= messages || deadline < Instant::now() {
            return messages;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_program_that_is_killed_behind_its_queue_loses_and_doubles_nothing_that_it_acknowledged() {
    const BODIES: u32 = 24;
    const EVENTS: u32 = 50;
    let broker = Broker::start();
    let directory = tempfile::tempdir().unwrap();
    let (service, manager) = (token(Role::Service), token(Role::Manager));
    let now = SystemClock.now();
    let mut served = Served::start(directory.path(), &broker);
    for body in 0..BODIES {
        let text = lines(&messages_before(now, body * EVENTS..(body + 1) * EVENTS));
        if body % 8 == 7 {
            // While it answers, or before, or after: each time elsewhere. Nobody knows then what became of it.
            let (address, service, text) = (served.address.clone(), service.clone(), text.clone());
            let in_the_air = std::thread::spawn(move || post(&address, "/v1/events", &service, &text));
            std::thread::sleep(Duration::from_millis(u64::from(body % 5) * 3));
            served.kill();
            let _ = in_the_air.join();
            served = Served::start(directory.path(), &broker);
        }
        let (status, receipt) = served.post("/v1/events", &service, &text).unwrap();
        let told = receipt["accepted"].as_u64().unwrap() + receipt["duplicates"].as_u64().unwrap();
        assert_eq!((status, told, &receipt["queued"]), (200, EVENTS.into(), &Value::Bool(true)), "{receipt}");
    }
    assert_eq!(counted(&served, &manager, u64::from(BODIES * EVENTS)), u64::from(BODIES * EVENTS));
    assert!(served.terminate(), "it ends well");
    // And all of it is in the store: nothing waits any more.
    let doctor = program(directory.path(), Some(&broker), "doctor").stdout(Stdio::piped()).output().unwrap();
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(told.contains("the stream PROGRAM answers, one copy") && told.contains("; 0 messages wait"), "{told}");
}

#[test]
fn a_worker_says_what_it_needs() {
    let directory = tempfile::tempdir().unwrap();
    let output = program(directory.path(), None, "worker").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && told.contains("no queue is configured: name its servers in RAPPORT_NATS"),
        "{told}"
    );
    let broker = Broker::start();
    let served = Served::start(directory.path(), &broker);
    let output = program(directory.path(), Some(&broker), "worker").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let expected = "with the embedded store `rapport serve` runs the worker itself";
    assert!(!output.status.success() && told.contains(expected), "{told}");
    assert!(served.terminate());
}

#[test]
fn a_worker_alone_stores_what_a_server_left() {
    let broker = Broker::start();
    let directory = tempfile::tempdir().unwrap();
    let (service, manager) = (token(Role::Service), token(Role::Manager));
    let served = Served::start(directory.path(), &broker);
    let text = lines(&messages_before(SystemClock.now(), 0..200));
    assert_eq!(served.post("/v1/events", &service, &text).unwrap().0, 200);
    served.kill();
    let mut worker = program(directory.path(), Some(&broker), "worker").spawn().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config = rapport::queue::QueueConfig { stream: "PROGRAM".into(), ..broker.config() };
        let queue = super::broker::open(config).await;
        let deadline = Instant::now() + PATIENCE;
        while queue.lag().await.unwrap().messages != 0 {
            assert!(Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let stopped = Command::new("sh").args(["-c", &format!("kill -TERM {}", worker.id())]).status().unwrap();
    assert!(stopped.success() && worker.wait().unwrap().success());
    let served = Served::start(directory.path(), &broker);
    assert_eq!(counted(&served, &manager, 200), 200);
    assert!(served.terminate());
}
