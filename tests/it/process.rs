//! The program as a process of its own, and the requests that tests send it over a socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rapport::auth::{Grant, Role, Secret, TokenConfig, issue};
use rapport::model::{Clock, SystemClock};
use serde_json::Value;

use crate::engine::library;
use crate::world::{SECRET, TENANT};

/// `rapport serve`, killed when dropped.
pub struct Server {
    pub address: SocketAddr,
    child: Child,
}

/// A command over a data directory, with nothing of the configuration of whoever runs the tests.
#[expect(clippy::disallowed_methods, reason = "what the tests are told is none of the program's configuration")]
pub fn command(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rapport"));
    let names = std::env::vars_os().map(|(name, _)| name);
    for name in names.filter(|name| name.to_string_lossy().starts_with("RAPPORT_")) {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .env("RAPPORT_DATA_DIR", data_dir)
        .env("RAPPORT_LISTEN", "127.0.0.1:0")
        .env("RAPPORT_ENGINE_LIBRARY", library())
        .env("RAPPORT_JWT_SECRET", SECRET)
        .stdin(Stdio::null());
    command
}

pub fn run(data_dir: &Path, arguments: &[&str]) -> Output {
    command(data_dir, arguments).output().expect("the program starts")
}

pub fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

impl Server {
    pub fn start(data_dir: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = command(data_dir, &["serve"]);
        command.envs(variables.iter().copied());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let mut said = String::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("it ended: {said}")).expect("it writes text");
            if let Some(rest) = line.strip_prefix("Serving http://") {
                break rest.split_once('/').expect("a path follows").0.parse().expect("an address");
            }
            said.push_str(&line);
        };
        // Somebody has to read what it says later.
        std::thread::spawn(move || lines.for_each(drop));
        Self { address, child }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.id())]).status();
        assert!(sent.expect("there is a shell").success());
    }

    /// Asks it to stop and waits until it has; whether it ended well.
    pub fn stop(mut self) -> bool {
        self.signal("TERM");
        self.child.wait().expect("it is ours").success()
    }

    pub fn wait(&mut self) -> bool {
        self.child.wait().expect("it is ours").success()
    }

    pub fn send(&self, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
        let mut client = Client::connect(self.address).expect("it accepts");
        client.send(method, path, token, body).expect("it answers")
    }

    /// Asks until the answer is what is waited for.
    pub fn until(&self, path: &str, token: &str, is_it: impl Fn(u16, &Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let (status, answer) = self.send("GET", path, token, "");
            if is_it(status, &answer) {
                return answer;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "{path}: {status} {answer}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn token(role: Role) -> String {
    let grant = Grant { sub: "tester".to_owned(), tenant: TENANT.to_owned(), role, operator: None, teams: Vec::new() };
    let secret = Secret::new(SECRET).expect("long enough");
    issue(&secret, &TokenConfig::default(), &grant, SystemClock.now(), Duration::from_secs(3600))
        .expect("a sound grant")
}

/// One connection that is kept.
pub struct Client {
    stream: BufReader<TcpStream>,
    /// Whether the last answer said that the connection ends.
    pub closes: bool,
}

impl Client {
    pub fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), closes: false })
    }

    /// An answer that is no JSON is its text.
    pub fn send(&mut self, method: &str, path: &str, token: &str, body: &str) -> std::io::Result<(u16, Value)> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             accept: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.read()
    }

    fn read(&mut self) -> std::io::Result<(u16, Value)> {
        let cut_off = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let (mut status, mut length) = (0, 0);
        for number in 0.. {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(cut_off());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if number == 0 {
                status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut_off)?;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(|_| cut_off())?;
            }
            self.closes |= line == "connection: close";
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let text = String::from_utf8_lossy(&body).into_owned();
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::String(text))))
    }
}
