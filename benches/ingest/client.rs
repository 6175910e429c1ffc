//! A small HTTP client: bodies over a few connections, each waiting for its answer before it sends the next.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rapport::auth::Role;
use serde_json::{Map, Value, json};

use super::ways::TENANT;
use crate::world;

/// A request: its head's lines beside `host` and `content-length`, each with its line break, and its body.
pub struct Message {
    pub path: &'static str,
    pub head: String,
    pub body: Vec<u8>,
}

/// A body that goes with its head.
const SMALL_BYTES: usize = 16 << 10;

/// The file's lines in bodies of so many.
pub fn bodies(path: &Path, lines: usize) -> Vec<Message> {
    let head = format!("authorization: Bearer {}\r\n", world::token(TENANT, Role::Service));
    let mut file = BufReader::new(File::open(path).expect("the events are there"));
    let mut bodies = Vec::new();
    loop {
        let mut body = Vec::new();
        for _ in 0..lines {
            file.read_until(b'\n', &mut body).expect("the events can be read");
        }
        if body.is_empty() {
            return bodies;
        }
        bodies.push(Message { path: "/v1/events", head: head.clone(), body });
    }
}

/// Sends every body and tells how long all took and how long one takes.
pub fn send(address: &str, messages: Vec<Message>, connections: usize) -> Map<String, Value> {
    let count = messages.len();
    let left = Arc::new(Mutex::new(messages.into_iter()));
    let start = Instant::now();
    let mut threads = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket has options");
        let left = Arc::clone(&left);
        threads.push(std::thread::spawn(move || converse(stream, &left)));
    }
    let mut times = Vec::new();
    for thread in threads {
        times.extend(thread.join().expect("every answer is right"));
    }
    let seconds = start.elapsed().as_secs_f64();
    times.sort();
    let milliseconds = |share: f64| times[((count - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let (p50, p95, p99) = (milliseconds(0.5), milliseconds(0.95), milliseconds(0.99));
    let mut sent = Map::new();
    sent.insert("seconds".into(), json!(seconds));
    sent.insert("bodies".into(), json!(count));
    sent.insert("p50Ms".into(), json!(p50));
    sent.insert("p95Ms".into(), json!(p95));
    sent.insert("p99Ms".into(), json!(p99));
    sent.insert("more".into(), json!(format!("a body: p50 {p50:.0} ms, p95 {p95:.0} ms, p99 {p99:.0} ms")));
    sent
}

fn converse(mut stream: TcpStream, left: &Mutex<std::vec::IntoIter<Message>>) -> Vec<Duration> {
    let mut times = Vec::new();
    loop {
        let next = left.lock().expect("no holder panics").next();
        let Some(Message { path, head, body }) = next else { return times };
        let start = Instant::now();
        let head = format!("POST {path} HTTP/1.1\r\nhost: bench\r\n{head}content-length: {}\r\n\r\n", body.len());
        // One write for a small request, as clients do: two would be two packets, and two reads of the server.
        let (first, rest) = match body.len() {
            0..SMALL_BYTES => ([head.as_bytes(), &body].concat(), [].as_slice()),
            _ => (head.into_bytes(), body.as_slice()),
        };
        stream.write_all(&first).and_then(|()| stream.write_all(rest)).expect("the server reads");
        let answer = read_answer(&mut stream);
        if path == "/v1/events" {
            let receipt: Value = serde_json::from_slice(&answer).expect("a receipt is JSON");
            assert_eq!(receipt["rejectedTotal"], 0, "{receipt}");
        }
        times.push(start.elapsed());
    }
}

/// One answer with a `content-length`.
fn read_answer(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4_096];
        let read = stream.read(&mut chunk).expect("the server answers");
        assert_ne!(read, 0, "the server hung up");
        bytes.extend_from_slice(&chunk[..read]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.and_then(|text| text.trim().parse().ok()).expect("answers tell their length");
        if end + 4 + length <= bytes.len() {
            assert!(head.starts_with("http/1.1 200"), "{}", String::from_utf8_lossy(&bytes));
            return bytes.split_off(end + 4);
        }
    }
}
