//! F18 and F20: no memory left, no file descriptors left.

use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::cgroup::Group;
use super::client::Client;
use super::crashes::wait_until;
use super::load::{Copies, Shape};
use super::outcome::Outcome;
use super::stage::Stage;
use super::{House, Plan};

/// What the server may take at first beyond what it has when it is ready, and how much less after each while: under some
/// loads it keeps within little, and it has to be killed.
const SPARE_BYTES: i64 = 24 << 20;
const LESS_BYTES: i64 = 8 << 20;
const LESS_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked whether it was killed.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Below what it had when it was idle no server can stay.
const KILLED_WITHIN: Duration = Duration::from_secs(60);

/// How long an idle connection waits to be let in.
const CONNECT_WITHIN: Duration = Duration::from_millis(500);

const LIMIT: &str = "memory.limit_in_bytes";

/// F18: the limit is a little above what an idle server has, and becomes less until the load has it killed. It starts again and
/// is exact.
pub fn memory(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let group = match Group::make("memory") {
            Ok(group) => group,
            Err(reason) => {
                return Ok(Outcome::not_run(&format!("memory cgroups (version 1) cannot be made here: {reason}")));
            }
        };
        let shape = Shape { connections: 8, body_events: 2_000, copies: Copies::Once };
        let mut stage = Stage::prepare(house, plan, "F18", shape);
        stage.setting.before = group.join_command();
        stage.start()?;
        stage.load.send_one();
        for _ in 0..plan.choose(1, plan.rounds.min(10)) {
            // What the process holds itself: pages of files can be taken away without harm.
            let held = group.read_line("memory.stat", "rss")?;
            let senders = stage.load.start();
            let killed = squeeze(&mut stage, &group, held);
            group.write(LIMIT, "-1")?;
            match killed? {
                Some((limit, after)) => {
                    stage.note(format!(
                        "killed at {} MiB after {:.1} s, {} MiB when idle",
                        limit >> 20,
                        after.as_secs_f64(),
                        held >> 20
                    ));
                    stage.kill();
                    stage.start()?;
                }
                None => stage.wrong(format!("{} s of load did not have it killed", KILLED_WITHIN.as_secs())),
            }
            senders.stop();
        }
        let outcome = stage.reckon();
        drop(group);
        outcome
    })
}

/// Takes memory away until the server is gone. Returns at which limit that was, and after how long.
fn squeeze(stage: &mut Stage, group: &Group, held: u64) -> Result<Option<(u64, Duration)>, String> {
    let began = Instant::now();
    let mut spare = SPARE_BYTES;
    while began.elapsed() < KILLED_WITHIN {
        let wanted = held.saturating_add_signed(spare);
        // The system does not go below what the process holds now. At that, whatever more it asks for is too much.
        if group.write(LIMIT, &wanted.to_string()).is_err() {
            let _ = group.write(LIMIT, &group.read("memory.usage_in_bytes")?.to_string());
        }
        spare -= LESS_BYTES;
        let lowered = Instant::now();
        while lowered.elapsed() < LESS_EVERY {
            if stage.server().has_ended() {
                return Ok(Some((group.read(LIMIT)?, began.elapsed())));
            }
            sleep(LOOK_EVERY);
        }
    }
    Ok(None)
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
            sleep(Duration::from_millis(1_500));
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
