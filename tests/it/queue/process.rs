//! The program itself behind its queue, killed and stopped as a machine does it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rapport::auth::Role;
use rapport::model::{Clock, SystemClock};
use serde_json::Value;

use super::broker::{Broker, PATIENCE};
use super::house::{lines, messages_before};
use crate::process::{Client, Server, command, token, told};

/// What makes a command use the broker.
fn behind(broker: &Broker) -> [(&'static str, String); 3] {
    [
        ("RAPPORT_NATS", broker.address()),
        ("RAPPORT_NATS_MAX_GIB", "1".to_owned()),
        ("RAPPORT_NATS_STREAM", "PROGRAM".to_owned()),
    ]
}

fn serve(directory: &Path, broker: &Broker) -> Server {
    let variables = behind(broker);
    Server::start(directory, &variables.each_ref().map(|(name, value)| (*name, value.as_str())))
}

fn program(directory: &Path, broker: &Broker, name: &str) -> Command {
    let mut program = command(directory, &[name]);
    program.envs(behind(broker));
    program
}

/// Messages that an answer counts, once it counts as many or time is up.
pub fn counted(served: &Server, manager: &str, expected: u64) -> u64 {
    let query = r#"{"query": "{ analytics(range: {last: \"P2D\"}) { activity { total { messages } } } }"}"#;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, answer) = served.send("POST", "/graphql", manager, query);
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
    let mut served = serve(directory.path(), &broker);
    for body in 0..BODIES {
        let text = lines(&messages_before(now, body * EVENTS..(body + 1) * EVENTS));
        if body % 8 == 7 {
            // While it answers, or before, or after: each time elsewhere. Nobody knows then what became of it.
            let (address, service, text) = (served.address, service.clone(), text.clone());
            let in_the_air =
                std::thread::spawn(move || Client::connect(address)?.send("POST", "/v1/events", &service, &text));
            std::thread::sleep(Duration::from_millis(u64::from(body % 5) * 3));
            drop(served);
            let _ = in_the_air.join();
            served = serve(directory.path(), &broker);
        }
        let (status, receipt) = served.send("POST", "/v1/events", &service, &text);
        let told = receipt["accepted"].as_u64().unwrap() + receipt["duplicates"].as_u64().unwrap();
        assert_eq!((status, told, &receipt["queued"]), (200, EVENTS.into(), &Value::Bool(true)), "{receipt}");
    }
    assert_eq!(counted(&served, &manager, u64::from(BODIES * EVENTS)), u64::from(BODIES * EVENTS));
    assert!(served.stop(), "it ends well");
    // And all of it is in the store: nothing waits any more.
    let told = told(&program(directory.path(), &broker, "doctor").output().unwrap());
    assert!(told.contains("the stream PROGRAM answers, one copy") && told.contains("; 0 messages wait"), "{told}");
}

#[test]
fn a_worker_says_what_it_needs() {
    let directory = tempfile::tempdir().unwrap();
    let output = command(directory.path(), &["worker"]).env_remove("RAPPORT_NATS").output().unwrap();
    let expected = "no queue is configured: name its servers in RAPPORT_NATS";
    assert!(!output.status.success() && told(&output).contains(expected), "{}", told(&output));
    let broker = Broker::start();
    let served = serve(directory.path(), &broker);
    let output = program(directory.path(), &broker, "worker").output().unwrap();
    let expected = "with the embedded store `rapport serve` runs the worker itself";
    assert!(!output.status.success() && told(&output).contains(expected), "{}", told(&output));
    assert!(served.stop());
}

#[test]
fn a_worker_alone_stores_what_a_server_left() {
    let broker = Broker::start();
    let directory = tempfile::tempdir().unwrap();
    let (service, manager) = (token(Role::Service), token(Role::Manager));
    let served = serve(directory.path(), &broker);
    let text = lines(&messages_before(SystemClock.now(), 0..200));
    assert_eq!(served.send("POST", "/v1/events", &service, &text).0, 200);
    drop(served);
    let quiet = || Stdio::null();
    let mut worker = program(directory.path(), &broker, "worker").stdout(quiet()).stderr(quiet()).spawn().unwrap();
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
    let served = serve(directory.path(), &broker);
    assert_eq!(counted(&served, &manager, 200), 200);
    assert!(served.stop());
}
