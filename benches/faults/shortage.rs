//! F18 and F20: no memory left, no file descriptors left.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::client::Client;
use super::crashes::wait_until;
use super::load::{Copies, Shape};
use super::outcome::Outcome;
use super::stage::Stage;
use super::{House, Plan};

/// Where cgroups of version 1 limit memory.
const MEMORY_CGROUPS: &str = "/sys/fs/cgroup/memory";
/// What the server may take beyond what it has when it is ready.
const SPARE_BYTES: u64 = 24 << 20;

/// How long an idle connection waits to be let in.
const CONNECT_WITHIN: Duration = Duration::from_millis(500);

/// A cgroup of our own, removed when it is dropped and empty.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    fn make() -> Result<Self, String> {
        let path = Path::new(MEMORY_CGROUPS).join(format!("rapport-faults-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|error| error.to_string())?;
        let group = Self(path);
        group.read("memory.usage_in_bytes")?;
        group.limit(None)?;
        Ok(group)
    }

    fn read(&self, name: &str) -> Result<u64, String> {
        let text = fs::read_to_string(self.0.join(name)).map_err(|error| error.to_string())?;
        text.trim().parse().map_err(|_| format!("{name} says {text}"))
    }

    fn limit(&self, bytes: Option<u64>) -> Result<(), String> {
        let text = bytes.map_or("-1".to_owned(), |bytes| bytes.to_string());
        fs::write(self.0.join("memory.limit_in_bytes"), text).map_err(|error| error.to_string())
    }

    /// What the process holds itself: pages of files can be taken away without harm.
    fn held_bytes(&self) -> Result<u64, String> {
        let text = fs::read_to_string(self.0.join("memory.stat")).map_err(|error| error.to_string())?;
        let line = text.lines().find_map(|line| line.strip_prefix("rss "));
        line.and_then(|rest| rest.trim().parse().ok()).ok_or("memory.stat tells no rss".to_owned())
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// F18: the limit is a little above what an idle server has; the load has it killed. It starts again and is exact.
pub fn memory(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let group = match MemoryGroup::make() {
            Ok(group) => group,
            Err(reason) => {
                return Ok(Outcome::not_run(&format!("memory cgroups (version 1) cannot be made here: {reason}")));
            }
        };
        let shape = Shape { connections: 8, body_events: 2_000, copies: Copies::Once };
        let mut stage = Stage::prepare(house, plan, "F18", shape);
        stage.setting.before = format!("echo $$ > {}/cgroup.procs", group.0.display());
        stage.start()?;
        stage.load.send_one();
        for _ in 0..plan.choose(1, plan.rounds.min(10)) {
            let held = group.held_bytes()?;
            group.limit(Some(held + SPARE_BYTES))?;
            let senders = stage.load.start();
            wait_until(|| stage.server().has_ended());
            let has_ended = stage.server().has_ended();
            group.limit(None)?;
            if has_ended {
                stage.note(format!("killed at {} MiB, {} MiB when idle", (held + SPARE_BYTES) >> 20, held >> 20));
                stage.kill();
                stage.start()?;
            } else {
                stage.note(format!("60 s of load at {} MiB did not have it killed", (held + SPARE_BYTES) >> 20));
            }
            senders.stop();
        }
        let outcome = stage.reckon();
        drop(group);
        outcome
    })
}

/// F20: idle connections take all descriptors. Whatever is refused is refused as it should be, and it passes.
pub fn descriptors(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let shape = Shape { connections: 4, body_events: 50, copies: Copies::Once };
        let mut stage = Stage::prepare(house, plan, "F20", shape);
        stage.setting.before = "ulimit -n 256".to_owned();
        stage.start()?;
        let address = stage.load.address();
        for _ in 0..plan.choose(1, 5) {
            let senders = stage.load.start();
            let before = stage.load.requests_answered();
            wait_until(|| before + 8 <= stage.load.requests_answered());
            let began = Instant::now();
            // Up to the first that is not let in.
            let connect = |_| TcpStream::connect_timeout(&address, CONNECT_WITHIN).ok();
            let idle: Vec<TcpStream> = (0..300).map_while(connect).collect();
            let connected = began.elapsed();
            // Long enough that descriptors are asked for while there are none.
            std::thread::sleep(Duration::from_millis(1_500));
            let samples = stage.load.samples();
            let idle_count = idle.len();
            drop(idle);
            let freed = Instant::now();
            let recovered = Client::new(address).get("/health/ready").is_ok_and(|answer| answer.status == 200);
            let ready_after = freed.elapsed();
            senders.stop();
            stage.outcome.trials += 1;
            let refused = samples.iter().filter(|sample| sample.status != 200).count();
            stage.note(format!(
                "{} idle connections within {} ms: {refused} of {} requests refused; ready {} ms after they went",
                idle_count,
                connected.as_millis(),
                samples.len(),
                ready_after.as_millis()
            ));
            if !recovered {
                stage.wrong("it is not ready after the connections went".to_owned());
            }
        }
        if stage.server().has_ended() {
            let said = stage.server().said();
            return Err(format!("the server ended: {said}"));
        }
        stage.reckon()
    })
}
