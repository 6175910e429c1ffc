//! F21 and F22: being told to stop under load, and a second process on the same directory.

use std::io::Read;
use std::time::{Duration, Instant};

use super::child::spawn;
use super::crashes::wait_until;
use super::load::{Copies, Shape};
use super::outcome::Outcome;
use super::stage::Stage;
use super::{House, Plan};

/// What the design promises.
const STOP_MAX: Duration = Duration::from_secs(10);

/// F21: every request that the server had when the signal came is answered.
pub fn under_load(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let shape = Shape { connections: 8, body_events: plan.choose(100, 400), copies: Copies::Once };
        let mut stage = Stage::begin(house, plan, "F21", shape)?;
        let mut stops = Vec::new();
        let (mut in_flight, mut failed) = (0, 0);
        for _ in 0..plan.choose(1, plan.rounds.min(20)) {
            let before = stage.load.samples().len();
            let senders = stage.load.start();
            wait_until(|| before + 24 <= stage.load.samples().len());
            std::thread::sleep(Duration::from_millis(stage.chance.between(0, 100)));
            // What began this long before was sent whole and read: bodies are small and the way is short.
            let told = Instant::now();
            let (status, took, said) = stage.take_server().terminate();
            stops.push(took.as_millis());
            stage.outcome.trials += 1;
            if !status.success() || STOP_MAX < took {
                stage.wrong(format!("SIGTERM ended it with {status} after {} ms: {said}", took.as_millis()));
            }
            stage.start()?;
            senders.stop();
            let open = |began: Instant, took: Duration| began + Duration::from_millis(20) < told && told < began + took;
            let samples = stage.load.samples();
            let open: Vec<_> = samples.iter().filter(|sample| open(sample.began, sample.took)).collect();
            in_flight += open.len();
            failed += open.iter().filter(|sample| sample.status != 200).count();
        }
        stops.sort_unstable();
        stage.note(format!(
            "{in_flight} requests were open when the signal came, {failed} of them failed; it ended after {:?} ms",
            stops
        ));
        if 0 < failed {
            stage.wrong(format!("{failed} requests failed that were open when the signal came"));
        }
        stage.reckon()
    })
}

/// F22: it refuses, says why and what to do, and the first one goes on.
pub fn second_process(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let shape = Shape { connections: 1, body_events: 20, copies: Copies::Once };
        let mut stage = Stage::begin(house, plan, "F22", shape)?;
        stage.load.send_one();
        let began = Instant::now();
        let mut second = spawn(&stage.setting);
        let mut said = String::new();
        let mut output = second.stderr.take().expect("it is piped");
        // Ends when the process does. One that serves would never end, so the harness looks first.
        wait_until(|| !matches!(second.try_wait(), Ok(None)));
        let _ = second.kill();
        let status = second.wait().expect("a child can be waited for");
        let _ = output.read_to_string(&mut said);
        stage.outcome.trials = 1;
        stage.note(format!("refused after {} ms: {}", began.elapsed().as_millis(), said.trim()));
        let owner = format!("(process {})", stage.server().process());
        if status.success() || !said.contains("belongs to another running rapport") || !said.contains(&owner) {
            stage.wrong(format!("the second process ended with {status} and said: {said}"));
        }
        if stage.load.send_one() != 200 {
            stage.wrong("the first process does not take events any more".to_owned());
        }
        stage.reckon()
    })
}
