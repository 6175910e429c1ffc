//! F19: too little processor time. A server with a tenth of a core, under load, is slow and stays sound.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::asking::figures;
use super::cgroup::Group;
use super::client::Client;
use super::crowds::measure;
use super::load::{Copies, Load, Sample, Shape, percentile};
use super::outcome::Outcome;
use super::stage::Stage;
use super::{House, Plan};

/// The system gives so much of each of its periods, of both cores together.
const PERIOD_MICROS: u32 = 100_000;
const STARVED_MICROS: u32 = 10_000;

/// How often health is asked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Who asks for health gives up after some seconds, and has the process started anew.
const HEALTH_WITHIN: Duration = Duration::from_secs(5);

const QUOTA: &str = "cpu.cfs_quota_us";

/// Health answers within seconds, requests are answered or refused as they should be, and it recovers by itself.
pub fn processor(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let group = match Group::make("cpu").and_then(|group| {
            group.write("cpu.cfs_period_us", &PERIOD_MICROS.to_string())?;
            group.write(QUOTA, "-1").map(|()| group)
        }) {
            Ok(group) => group,
            Err(reason) => {
                return Ok(Outcome::not_run(&format!("cpu cgroups (version 1) cannot be made here: {reason}")));
            }
        };
        let shape = Shape { connections: 8, body_events: plan.choose(20, 100), copies: Copies::Once };
        let mut stage = Stage::prepare(house, plan, "F19", shape);
        stage.setting.before = group.join_command();
        stage.start()?;
        let length = Duration::from_secs(plan.choose(3, 60));
        // The first requests of a process are its slowest.
        measure(&stage, length / 8);
        let before = measure(&stage, length / 4);
        let first = stage.load.samples().len();
        let senders = stage.load.start();
        let health = Prober::start(&stage.load);
        group.write(QUOTA, &STARVED_MICROS.to_string())?;
        sleep(length);
        group.write(QUOTA, "-1")?;
        let freed = Instant::now();
        let looks = health.stop();
        let is_ready = Client::new(stage.load.address()).get("/health/ready").is_ok_and(|answer| answer.status == 200);
        let ready_after = freed.elapsed();
        senders.stop();
        let drained = freed.elapsed();
        let during = stage.load.samples().split_off(first);
        figures(stage.load.address(), 0)?;
        let exact_after = freed.elapsed();
        let after = measure(&stage, length / 4);
        stage.outcome.trials = 1;
        stage.note(format!(
            "p99 {:.0} ms before, {:.0} ms with a tenth of a core for {} s under {} senders ({}), {:.0} ms after",
            percentile(&before, 0.99),
            percentile(&during, 0.99),
            length.as_secs(),
            shape.connections,
            statuses(&during),
            percentile(&after, 0.99)
        ));
        stage.note(format!(
            "once it had time again it was ready after {} ms, open requests were answered after {} ms, answers exact after {} ms",
            ready_after.as_millis(),
            drained.as_millis(),
            exact_after.as_millis()
        ));
        judge_health(&mut stage, &looks);
        if !is_ready {
            stage.wrong("it is not ready when it has time again".to_owned());
        }
        // What was refused without Retry-After, and every other status, is a complaint of the senders already.
        let unanswered = during.iter().filter(|sample| sample.status == 0).count();
        if 0 < unanswered {
            stage.wrong(format!("{unanswered} of {} requests were not answered at all", during.len()));
        }
        let starved = group.read_line("cpu.stat", "nr_throttled")?;
        if starved == 0 {
            stage.wrong("the server was never held back, so nothing was tried".to_owned());
        }
        let outcome = stage.reckon();
        drop(group);
        outcome
    })
}

fn judge_health(stage: &mut Stage, looks: &[Look]) {
    for path in PATHS {
        let looks = looks.iter().filter(|look| look.path == path).map(|look| look.sample);
        let samples: Vec<Sample> = looks.collect();
        let slowest = samples.iter().map(|sample| sample.took).max().unwrap_or_default();
        stage.note(format!(
            "{path} asked {} times meanwhile: {}, p50 {:.0} ms, the slowest {} ms",
            samples.len(),
            statuses(&samples),
            percentile(&samples, 0.5),
            slowest.as_millis()
        ));
        let is_sound = |sample: &Sample| match sample.status {
            200 => true,
            // Live it is always.
            503 => path == PATHS[1],
            _ => false,
        };
        if samples.is_empty() || !samples.iter().all(is_sound) || HEALTH_WITHIN < slowest {
            stage.wrong(format!("{path} is not answered as it must be within {} s", HEALTH_WITHIN.as_secs()));
        }
    }
}

/// So many of each status; 0 is no answer.
fn statuses(samples: &[Sample]) -> String {
    let count = |status| samples.iter().filter(|sample| sample.status == status).count();
    let mut all: Vec<u16> = samples.iter().map(|sample| sample.status).collect();
    all.sort_unstable();
    all.dedup();
    all.iter().map(|&status| format!("{} × {status}", count(status))).collect::<Vec<_>>().join(", ")
}

const PATHS: [&str; 2] = ["/health/live", "/health/ready"];

struct Look {
    path: &'static str,
    sample: Sample,
}

/// Asks for health until it is stopped, each time over a connection of its own, as orchestrators do.
struct Prober {
    stop: mpsc::Sender<()>,
    thread: std::thread::JoinHandle<Vec<Look>>,
}

impl Prober {
    fn start(load: &Load) -> Self {
        let (stop, stopped) = mpsc::channel::<()>();
        let address = load.address();
        let thread = std::thread::spawn(move || {
            let mut looks = Vec::new();
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                for path in PATHS {
                    let began = Instant::now();
                    let status = Client::new(address).get(path).map_or(0, |answer| answer.status);
                    looks.push(Look { path, sample: Sample { began, took: began.elapsed(), status, events: 0 } });
                }
            }
            looks
        });
        Self { stop, thread }
    }

    fn stop(self) -> Vec<Look> {
        drop(self.stop);
        self.thread.join().expect("the prober does not panic")
    }
}
