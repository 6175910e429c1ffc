//! F8, F9 and queries during ingestion: what one crowd costs the others.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::asking::{ask, figures, small_query};
use super::client::{Client, connect, head};
use super::load::{Copies, Load, Sample, Shape, percentile};
use super::outcome::Outcome;
use super::stage::Stage;
use super::traffic::TENANTS;
use super::{House, Plan};

/// Clients that keep connections busy until this is stopped.
struct Nuisance {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// How often a slow client sends a byte.
const BYTE_EVERY: Duration = Duration::from_millis(100);

impl Nuisance {
    /// So many that announce a body of so many bytes and send a byte now and then.
    fn slow_bodies(load: &Arc<Load>, count: usize, announced: usize) -> Self {
        let head = head("/v1/events", load.token(0), announced);
        Self::start(load, count, move |stream| stream.write_all(head.as_bytes()))
    }

    /// So many whose heads never end.
    fn slow_heads(load: &Arc<Load>, count: usize) -> Self {
        Self::start(load, count, |stream| stream.write_all(b"POST /v1/events HTTP/1.1\r\nx: "))
    }

    /// So many that ask and ask and never read an answer.
    fn slow_readers(load: &Arc<Load>, count: usize) -> Self {
        let ask = "GET /graphql HTTP/1.1\r\nhost: faults\r\naccept: text/html\r\n\r\n".repeat(50);
        Self::start(load, count, move |stream| stream.write_all(ask.as_bytes()))
    }

    fn start(
        load: &Arc<Load>,
        count: usize,
        begin: impl Fn(&mut TcpStream) -> std::io::Result<()> + Clone + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let one = |_| {
            let (stop, begin, load) = (Arc::clone(&stop), begin.clone(), Arc::clone(load));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let Ok(mut stream) = connect(load.address()) else { continue };
                    let _ = stream.set_write_timeout(Some(Duration::from_millis(200)));
                    let mut is_open = begin(&mut stream).is_ok();
                    while is_open && !stop.load(Ordering::Relaxed) {
                        std::thread::sleep(BYTE_EVERY);
                        is_open = stream.write_all(b" ").is_ok();
                    }
                }
            })
        };
        Self { threads: (0..count).map(one).collect(), stop }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a slow client does not panic");
        }
    }
}

/// The samples of the senders over a while.
pub fn measure(stage: &Stage, length: Duration) -> Vec<Sample> {
    let before = stage.load.samples().len();
    let senders = stage.load.start();
    std::thread::sleep(length);
    senders.stop();
    stage.load.samples().split_off(before)
}

/// F8: the p99 of others, with and without 60 slow clients of three kinds.
pub fn slow_clients(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let shape = Shape { connections: 2, body_events: 1, copies: Copies::Once };
        let mut stage = Stage::begin(house, plan, "F8a", shape)?;
        let length = Duration::from_secs(plan.choose(2, 20));
        // The first requests of a process are its slowest.
        measure(&stage, length / 4);
        let quiet = measure(&stage, length);
        let memory_before = stage.server().memory_mib();
        let slow = [
            Nuisance::slow_bodies(&stage.load, 20, 1 << 20),
            Nuisance::slow_heads(&stage.load, 20),
            Nuisance::slow_readers(&stage.load, 20),
        ];
        let disturbed = measure(&stage, length);
        let memory = stage.server().memory_mib();
        slow.into_iter().for_each(Nuisance::stop);
        stage.outcome.trials = 60;
        compare(&mut stage, &quiet, &disturbed);
        stage.note(format!("memory {memory_before} MiB before, {memory} MiB during"));
        stage.reckon()
    })
}

/// F8: bodies that announce the most that is allowed take all the room that bodies have. How long do others wait?
pub fn slow_and_large(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let shape = Shape { connections: 2, body_events: 1, copies: Copies::Once };
        let mut stage = Stage::begin(house, plan, "F8b", shape)?;
        let length = Duration::from_secs(plan.choose(2, 20));
        measure(&stage, length / 4);
        let quiet = measure(&stage, length);
        let slow = Nuisance::slow_bodies(&stage.load, 32, 8 << 20);
        std::thread::sleep(Duration::from_millis(300));
        let disturbed = measure(&stage, length);
        slow.stop();
        stage.outcome.trials = 32;
        compare(&mut stage, &quiet, &disturbed);
        stage.reckon()
    })
}

/// The ratio is a figure and no condition: a shared machine has a p99 of its own. To be refused for others is a fault.
fn compare(stage: &mut Stage, quiet: &[Sample], disturbed: &[Sample]) {
    let refused = disturbed.iter().filter(|sample| sample.status != 200).count();
    if 0 < refused || disturbed.is_empty() {
        stage.wrong(format!("{refused} of {} requests were refused because others are slow", disturbed.len()));
    }
    let (before, after) = (percentile(quiet, 0.99), percentile(disturbed, 0.99));
    stage.note(format!(
        "single events: p50 {:.1} ms and p99 {before:.1} ms ({} requests) without, p50 {:.1} ms and p99 {after:.1} ms ({} \
         requests, {refused} refused) with slow clients: p99 × {:.2}",
        percentile(quiet, 0.5),
        quiet.len(),
        percentile(disturbed, 0.5),
        disturbed.len(),
        after / before
    ));
}

/// F9: the connections that are usual, then ten times as many, then the usual ones again.
pub fn burst(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let usual = 8;
        let shape = Shape { connections: usual, body_events: 20, copies: Copies::Once };
        let mut stage = Stage::begin(house, plan, "F9", shape)?;
        let length = Duration::from_secs(plan.choose(2, 60));
        let before = measure(&stage, length / 2);
        let first = stage.load.samples().len();
        let senders = stage.load.start_with(usual * 10);
        std::thread::sleep(length);
        let told = Instant::now();
        senders.stop();
        let drained = told.elapsed();
        let during = stage.load.samples().split_off(first);
        let memory = stage.server().memory_mib();
        let (_, caught_up) = figures(stage.load.address(), 0)?;
        let after = measure(&stage, length / 2);
        stage.outcome.trials = 1;
        let share =
            |status| during.iter().filter(|sample| sample.status == status).count() as f64 / during.len() as f64;
        stage.note(format!(
            "p99 {:.0} ms before, {:.0} ms with {} senders for {} s, {:.0} ms after; answered 429: {:.1} %, 503: {:.1} %",
            percentile(&before, 0.99),
            percentile(&during, 0.99),
            usual * 10,
            length.as_secs(),
            percentile(&after, 0.99),
            share(429) * 100.0,
            share(503) * 100.0
        ));
        stage.note(format!(
            "open requests drained in {} ms, answers exact {} ms later; memory {memory} MiB",
            drained.as_millis(),
            caught_up.as_millis()
        ));
        stage.reckon()
    })
}

/// A small query, asked again and again: alone, and while bodies come as fast as they are taken. It reads more the more there
/// is, so it is asked alone before and after: the mean of both is what it would take alone in between.
pub fn queries_while_ingesting(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let shape = Shape { connections: 8, body_events: 2_000, copies: Copies::Once };
        let mut stage = Stage::begin(house, plan, "Q", shape)?;
        let length = Duration::from_secs(plan.choose(2, 30));
        measure(&stage, length / 2);
        let (before, _) = ask_alone(&stage, length)?;
        let first = stage.load.samples().len();
        let senders = stage.load.start();
        let (busy, stale) = ask_for(&stage, length)?;
        senders.stop();
        let events: usize = stage.load.samples()[first..].iter().map(|sample| sample.events).sum();
        stage.outcome.trials = busy.len() as u64;
        let (after, _) = ask_alone(&stage, length)?;
        let told = |samples: &[Sample]| {
            let [median, high] = [0.5, 0.95].map(|share| percentile(samples, share));
            format!("p50 {median:.1} ms, p95 {high:.1} ms ({} queries)", samples.len())
        };
        let alone = (percentile(&before, 0.95) + percentile(&after, 0.95)) / 2.0;
        let ratio = percentile(&busy, 0.95) / alone;
        stage.note(format!(
            "alone before {}, at {:.0} events/s {} ({stale} stale), alone after {}: p95 × {ratio:.1}, to be at most 3",
            told(&before),
            events as f64 / length.as_secs_f64(),
            told(&busy),
            told(&after),
        ));
        stage.reckon()
    })
}

/// The same when everything is counted in.
fn ask_alone(stage: &Stage, length: Duration) -> Result<(Vec<Sample>, usize), String> {
    for tenant in 0..TENANTS.len() {
        figures(stage.load.address(), tenant)?;
    }
    ask_for(stage, length)
}

/// How long each query takes, and how many answers were stale.
fn ask_for(stage: &Stage, length: Duration) -> Result<(Vec<Sample>, usize), String> {
    let mut client = Client::new(stage.load.address());
    let query = small_query();
    let (mut samples, mut stale) = (Vec::new(), 0);
    let begin = Instant::now();
    while begin.elapsed() < length {
        let began = Instant::now();
        let answer = ask(&mut client, 0, &query).map_err(|failure| format!("a query failed: {failure:?}"))?;
        if answer.get("errors").is_some() {
            return Err(format!("a query was not answered: {}", answer["errors"]));
        }
        stale += usize::from(answer["extensions"].get("stale").is_some());
        samples.push(Sample { began, took: began.elapsed(), status: 200, events: 0 });
    }
    Ok((samples, stale))
}
