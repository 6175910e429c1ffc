//! A real `rapport serve` with a data directory of its own, started, watched and ended by signals.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rapport::auth::{Grant, Role, Secret, TokenConfig, issue};
use rapport::model::{Clock, SystemClock};

use super::client::Client;

const SECRET: &str = "a secret of the fault harness that is long enough";
/// A start that takes longer has failed.
const START_MAX: Duration = Duration::from_secs(120);
/// How long it waits before it asks again whether the server is ready.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Budgets are not what is tested, and the harness asks from one address as one bearer.
const CONFIGURATION: &str = "[limits]\ncostPerMinute = 100000000\ntenantCostPerMinute = 100000000\n";

/// Where and how a server runs. Restarts have the same.
#[derive(Clone, Debug)]
pub struct Setting {
    pub library: PathBuf,
    /// Holds the configuration and the audit log.
    pub directory: PathBuf,
    pub data: PathBuf,
    /// What the shell does before it becomes the server: `ulimit`, a cgroup.
    pub before: String,
}

#[derive(Debug)]
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// From the start of the process until the first question was answered.
    pub ready_after: Duration,
    said: Arc<Mutex<String>>,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub fn start(setting: &Setting) -> Result<Self, String> {
        let began = Instant::now();
        let mut child = spawn(setting);
        let said = Arc::new(Mutex::new(String::new()));
        let (tell, told) = mpsc::channel();
        let output = BufReader::new(child.stderr.take().expect("it is piped"));
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("Serving http://").and_then(|rest| rest.split('/').next()) {
                    let _ = tell.send(address.to_owned());
                }
                let mut said = heard.lock().unwrap_or_else(PoisonError::into_inner);
                said.push_str(&line);
                said.push('\n');
            }
        });
        let mut server =
            Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), ready_after: Duration::ZERO, said };
        // An error also when the process ended: the channel closes with its output.
        let address = told.recv_timeout(START_MAX).map_err(|_| format!("it did not start: {}", server.said()))?;
        server.address = address.parse().map_err(|_| format!("it tells no address: {address}"))?;
        while began.elapsed() < START_MAX {
            let mut client = Client::new(server.address);
            if client.get("/health/ready").is_ok_and(|answer| answer.status == 200) {
                server.ready_after = began.elapsed();
                return Ok(server);
            }
            if server.has_ended() {
                return Err(format!("it ended before it was ready: {}", server.said()));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(format!("it is not ready after {} s: {}", START_MAX.as_secs(), server.said()))
    }

    /// Everything that it has written so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL, and it is gone.
    pub fn kill(mut self) {
        self.end();
    }

    /// SIGKILL now; [`Server::kill`] or dropping waits for it.
    pub fn strike(&mut self) {
        let _ = self.child.kill();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM; waits for the end that the server itself makes.
    pub fn terminate(mut self) -> (ExitStatus, Duration, String) {
        let began = Instant::now();
        self.ask_to_end();
        let status = self.child.wait().expect("a child can be waited for");
        (status, began.elapsed(), self.said())
    }

    pub fn ask_to_end(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.process().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal could not be sent");
    }

    /// How much memory it holds, in MiB.
    pub fn memory_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        kib.unwrap_or_default() / 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// The process, not yet ready.
pub fn spawn(setting: &Setting) -> Child {
    fs::write(setting.directory.join("rapport.toml"), CONFIGURATION).expect("there is room");
    let program = env!("CARGO_BIN_EXE_rapport");
    // `exec`, so that the signals reach the server and not a shell.
    let script = format!("{}\nexec \"$0\" serve", setting.before);
    Command::new("sh")
        .args(["-c", &script, program])
        .current_dir(&setting.directory)
        .env("RAPPORT_DATA_DIR", &setting.data)
        .env("RAPPORT_AUDIT_DIR", setting.directory.join("audit"))
        .env("RAPPORT_LISTEN", "127.0.0.1:0")
        .env("RAPPORT_JWT_SECRET", SECRET)
        .env("RAPPORT_ENGINE_LIBRARY", &setting.library)
        .env("RUST_LOG", "warn")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// A token for the server, good for as long as any run lasts.
pub fn token(tenant: &str, role: Role) -> String {
    let grant = Grant { sub: "faults".to_owned(), tenant: tenant.to_owned(), role, operator: None, teams: Vec::new() };
    let secret = Secret::new(SECRET).expect("it is long enough");
    issue(&secret, &TokenConfig::default(), &grant, SystemClock.now(), Duration::from_secs(86_400))
        .expect("a sound grant")
}
