//! F4: the disk of the data directory is full, and then it is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::asking::{ask, small_query};
use super::client::Client;
use super::load::{Copies, Shape};
use super::outcome::Outcome;
use super::stage::Stage;
use super::{House, Plan};

/// How long the small disk may take to fill.
const FILL_BODIES_MAX: u32 = 4_000;

/// What the ballast leaves free: some bodies fit into it.
const LEFT_MIB: u64 = 6;

/// A file system in memory that is taken away when this is dropped.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    fn mount(path: &Path, mib: u64) -> Result<Self, String> {
        fs::create_dir_all(path).map_err(|error| error.to_string())?;
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]).arg(path))?;
        Ok(Self { path: path.to_owned() })
    }

    fn grow(&self, mib: u64) -> Result<(), String> {
        run(Command::new("mount").args(["-o", &format!("remount,size={mib}m")]).arg(&self.path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that is just ending may still be in it.
        let _ = run(Command::new("umount").arg("--lazy").arg(&self.path));
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

/// 503 with Retry-After while it is full, reads go on, and afterwards the repeats complete everything. The audit log is on
/// another disk: without room for it nothing is answered at all, by design.
pub fn disk_full(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let shape = Shape { connections: 4, body_events: 200, copies: Copies::Once };
        let mut stage = Stage::prepare(house, plan, "F4", shape);
        let mount = stage.path().join("small");
        let disk = match SmallDisk::mount(&mount, 256) {
            Ok(disk) => disk,
            Err(reason) => return Ok(Outcome::not_run(&format!("a tmpfs cannot be mounted here: {reason}"))),
        };
        stage.setting.data = mount.join("data");
        stage.start()?;
        stage.load.send_one();
        for round in 0..plan.choose(1, 5) {
            // Ballast, so that filling takes moments.
            let free = free_mib(&mount)?;
            fs::write(mount.join(format!("ballast-{round}")), vec![0; (free.saturating_sub(LEFT_MIB) as usize) << 20])
                .map_err(|error| format!("the ballast does not fit: {error}"))?;
            fill(&mut stage)?;
            read_while_full(&mut stage)?;
            stage.outcome.trials += 1;
            disk.grow(256 * (round + 2))?;
            stage.load.finish(Duration::from_secs(60))?;
        }
        if stage.server().has_ended() {
            let said = stage.server().said();
            stage.wrong(format!("the server ended: {said}"));
        }
        let mut outcome = stage.reckon();
        drop(disk);
        if let Ok(outcome) = &mut outcome {
            outcome.notes.push("the same process went on: there was nothing to recover".to_owned());
        }
        outcome
    })
}

/// Sends until bodies are refused, ten times in a row.
fn fill(stage: &mut Stage) -> Result<(), String> {
    let mut refused = 0;
    let mut client = Client::new(stage.load.address());
    for sent in 0..FILL_BODIES_MAX {
        let events = stage.load.next_body();
        match stage.load.send(&mut client, events) {
            200 => refused = 0,
            503 => refused += 1,
            status => return Err(format!("a full disk is answered with {status}: {}", last_words(stage))),
        }
        if refused == 10 {
            stage.note(format!("full after {} bodies more; 10 in a row refused with 503", sent - 9));
            return Ok(());
        }
    }
    Err(format!("the disk is not full after {FILL_BODIES_MAX} bodies"))
}

fn last_words(stage: &mut Stage) -> String {
    stage.server().said().lines().rev().take(3).collect::<Vec<_>>().join(" | ")
}

fn read_while_full(stage: &mut Stage) -> Result<(), String> {
    let mut client = Client::new(stage.load.address());
    for tenant in [0, 1] {
        let answer =
            ask(&mut client, tenant, &small_query()).map_err(|failure| format!("a read failed: {failure:?}"))?;
        if answer.get("errors").is_some() {
            stage.wrong(format!("a read is not answered while the disk is full: {}", answer["errors"]));
        }
    }
    Ok(())
}

fn free_mib(path: &Path) -> Result<u64, String> {
    let output =
        Command::new("df").args(["-m", "--output=avail"]).arg(path).output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().nth(1).and_then(|line| line.trim().parse().ok()).ok_or(format!("df says {text}"))
}
