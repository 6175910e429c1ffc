//! A plain HTTP client that tells apart what can happen to a request. It never tries again by itself.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long anything may take before it counts as unanswered: longer than the server's own limits.
pub const PATIENCE: Duration = Duration::from_secs(40);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection: nothing was sent.
    Refused,
    /// The connection broke while something was sent or awaited.
    Broken,
    Unanswered,
}

/// One connection, made when it is needed and kept for as long as it works.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// Goes on with another server from now on.
    pub fn turn_to(&mut self, address: SocketAddr) {
        if self.address != address {
            *self = Self::new(address);
        }
    }

    pub fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nhost: faults\r\n\r\n"), &[])
    }

    pub fn post(&mut self, path: &str, token: &str, body: &[u8]) -> Result<Answer, Failure> {
        self.exchange(&head(path, token, body.len()), body)
    }

    fn exchange(&mut self, head: &str, body: &[u8]) -> Result<Answer, Failure> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address)?,
        };
        let message = [head.as_bytes(), body].concat();
        stream.write_all(&message).map_err(|error| failure(&error))?;
        let answer = read_answer(&mut stream)?;
        self.stream = Some(stream);
        Ok(answer)
    }
}

/// The head of a post.
pub fn head(path: &str, token: &str, length: usize) -> String {
    let content_type = if path == "/v1/events" { "application/x-ndjson" } else { "application/json" };
    format!(
        "POST {path} HTTP/1.1\r\nhost: faults\r\nauthorization: Bearer {token}\r\ncontent-type: {content_type}\r\n\
         content-length: {length}\r\n\r\n"
    )
}

pub fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|_| Failure::Refused)?;
    stream.set_nodelay(true).expect("a socket has options");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket has options");
    stream.set_write_timeout(Some(PATIENCE)).expect("a socket has options");
    Ok(stream)
}

/// One answer with a `content-length`.
pub fn read_answer(stream: &mut TcpStream) -> Result<Answer, Failure> {
    let mut bytes = Vec::new();
    loop {
        if let Some(answer) = parse(&bytes) {
            return Ok(answer);
        }
        let mut chunk = [0; 16_384];
        match stream.read(&mut chunk).map_err(|error| failure(&error))? {
            0 => return Err(Failure::Broken),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

/// The answer, if all of it is there.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let value = |name: &str| head.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
    let length: usize = value("content-length:").and_then(|text| text.parse().ok()).unwrap_or_default();
    let body = bytes.get(end + 4..end + 4 + length)?;
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or_default();
    Some(Answer { status, retry_after: value("retry-after:"), body: body.to_vec() })
}

fn failure(error: &std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Failure::Unanswered,
        _ => Failure::Broken,
    }
}
