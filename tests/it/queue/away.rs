//! The store goes away and comes back while events are posted: a real broker, `rapport serve` and `rapport worker` before a
//! double of ClickHouse.
//!
//! It is away for three seconds, or for as many as RAPPORT_TEST_AWAY_SECONDS says. Then the figures are worth reading:
//! `RAPPORT_TEST_AWAY_SECONDS=120 cargo test --test it -- a_store_that_is_away_for_a_while --nocapture`. They are shown and not
//! demanded: how fast this is depends on the machine and on the build.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use rapport::auth::Role;
use rapport::model::{Clock, SystemClock};
use rapport::sql::Sql;
use rapport::store::Store;

use super::broker::{Broker, PATIENCE};
use super::house::{lines, messages_before};
use super::process::counted;
use crate::double::{DATABASE, Data, Host, READER, WRITER};
use crate::process::{Client, Server, command, token};

const METRICS_TOKEN: &str = "who-reads-metrics-here-0123456789";

/// The pace: a body twice a second.
const EVENTS: u32 = 500;
const EVERY: Duration = Duration::from_millis(500);

#[expect(clippy::disallowed_methods, reason = "who runs the tests asks for a longer absence")]
fn away_seconds() -> u64 {
    let asked = std::env::var("RAPPORT_TEST_AWAY_SECONDS").ok();
    asked.map_or(3, |seconds| seconds.parse().expect("RAPPORT_TEST_AWAY_SECONDS is a number of seconds"))
}

/// `rapport worker`, killed when dropped.
struct Storing(Child);

impl Storing {
    /// Returns when it stores: one that has not begun when the store goes ends.
    fn start(mut worker: Command) -> Self {
        let mut storing = Self(worker.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let mut lines = BufReader::new(storing.0.stderr.take().unwrap()).lines();
        let begun = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with("Storing what the queue has"));
        assert!(begun.is_some(), "it ended");
        // Somebody has to read what it says later.
        std::thread::spawn(move || lines.for_each(drop));
        storing
    }

    fn stop(mut self) -> bool {
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.0.id())]).status();
        sent.unwrap().success() && self.0.wait().unwrap().success()
    }
}

impl Drop for Storing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An answer to a body.
struct Answer {
    status: u16,
    at: Instant,
    took: Duration,
}

/// Posts body after body at a steady pace until it is over. None is sent twice, so that nothing heals what was lost.
fn post(address: SocketAddr, end: i64, answers: &Mutex<Vec<Answer>>, is_over: &AtomicBool) {
    let service = token(Role::Service);
    let mut client = Client::connect(address).unwrap();
    let begin = Instant::now();
    for body in 0.. {
        // Who is late sends at once, so that the pace is kept on the whole.
        std::thread::sleep((begin + EVERY * body).saturating_duration_since(Instant::now()));
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let text = lines(&messages_before(end, body * EVENTS..(body + 1) * EVENTS));
        let asked = Instant::now();
        let (status, receipt) = client.send("POST", "/v1/events", &service, &text).expect("it answers");
        assert!(status != 200 || receipt["accepted"] == EVENTS, "{receipt}");
        let at = Instant::now();
        answers.lock().unwrap().push(Answer { status, at, took: at - asked });
    }
}

/// What `GET /metrics` says of the queue: messages that wait, and the age of the oldest in seconds.
fn lag(served: &Server) -> (u64, u64) {
    let (_, text) = served.send("GET", "/metrics", METRICS_TOKEN, "");
    let text = text.as_str().unwrap_or_else(|| panic!("{text}")).to_owned();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse::<f64>().unwrap() as u64)
    };
    (value("rapport_queue_messages"), value("rapport_queue_oldest_seconds"))
}

/// Looks at how many messages wait, and the oldest of them for how long, until it is so. Returns how many.
fn until_waiting(served: &Server, is_it: impl Fn(u64, Duration) -> bool, patience: Duration) -> u64 {
    let deadline = Instant::now() + patience;
    loop {
        let (messages, oldest) = lag(served);
        if is_it(messages, Duration::from_secs(oldest)) {
            return messages;
        }
        assert!(Instant::now() < deadline, "{messages} messages still wait, the oldest for {oldest} s");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends the posting, also where the test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Bodies that were accepted in a time, events a second, and of the times that the answers took a middle and the longest.
fn shown(answers: &[Answer], from: Instant, to: Instant) -> String {
    let mut times: Vec<Duration> = answers
        .iter()
        .filter(|answer| answer.status == 200 && from <= answer.at && answer.at < to)
        .map(|answer| answer.took)
        .collect();
    times.sort_unstable();
    let rate = times.len() as f64 * f64::from(EVENTS) / (to - from).as_secs_f64();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    format!("{rate:.0} events/s, p50 {:.0?}, p99 {:.0?}", at(50), at(99))
}

#[test]
fn a_store_that_is_away_for_a_while_is_missed_by_nobody_who_sends() {
    let away = Duration::from_secs(away_seconds());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _within = runtime.enter();
    let broker = Broker::start();
    let data = Data::new();
    let host = Host::start(&data, 0);
    let place = host.address;
    let variables = [
        ("RAPPORT_NATS", broker.address()),
        ("RAPPORT_NATS_MAX_GIB", "1".to_owned()),
        ("RAPPORT_STORE", format!("http://{}@{place}/{DATABASE}", WRITER.0)),
        ("RAPPORT_STORE_PASSWORD", WRITER.1.to_owned()),
        ("RAPPORT_STORE_READER", READER.0.to_owned()),
        ("RAPPORT_STORE_READER_PASSWORD", READER.1.to_owned()),
        ("RAPPORT_METRICS_TOKEN", METRICS_TOKEN.to_owned()),
    ];
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let served =
        Server::start(directories[0].path(), &variables.each_ref().map(|(name, value)| (*name, value.as_str())));
    let mut worker = command(directories[1].path(), &["worker"]);
    worker.envs(variables);
    let worker = Storing::start(worker);

    let (answers, is_over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let count = || answers.lock().unwrap().len() as u64;
    let (address, end) = (served.address, SystemClock.now());
    let [begun, gone, back, drained] = std::thread::scope(|scope| {
        let begun = Instant::now();
        let over = Over(&is_over);
        let posting = scope.spawn(|| post(address, end, &answers, &is_over));
        // With the store, for as long as shows how fast that is.
        std::thread::sleep((away / 4).max(Duration::from_secs(2)));
        drop(host);
        while TcpStream::connect(place).is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let (gone, before) = (Instant::now(), count());
        std::thread::sleep(away);
        let accepted = count() - before;
        let (most, oldest) = lag(&served);
        assert!(accepted <= most, "{accepted} bodies were accepted meanwhile, and only {most} messages wait");
        assert!(away.as_secs() <= oldest + 2, "the oldest is said to be {oldest} s old");
        let back = Instant::now();
        let _host = Host::start_at(place, &data, 0);
        // Until what came before is stored. Events go on coming, so that a few always wait.
        let is_newer = |messages, oldest| messages == 0 || oldest + Duration::from_secs(1) < back.elapsed();
        let left = until_waiting(&served, is_newer, PATIENCE + away * 4);
        let drained = Instant::now();
        let came = count() - before - accepted;
        std::thread::sleep(Duration::from_secs(1));
        drop(over);
        posting.join().unwrap();
        until_waiting(&served, |messages, _| messages == 0, PATIENCE + away * 4);
        let sent = count() * u64::from(EVENTS);
        let manager = token(Role::Manager);
        assert_eq!(counted(&served, &manager, sent), sent, "what the API answers");
        let seconds = (drained - back).as_secs_f64();
        let rate = (most + came - left) as f64 * f64::from(EVENTS) / seconds;
        println!(
            "lag at its most {most} messages, {oldest} s; drained to {left} in {seconds:.1} s, {rate:.0} events/s"
        );
        assert!(worker.stop(), "the worker ends well");
        assert!(served.stop(), "the server ends well");
        [begun, gone, back, drained]
    });

    let answers = answers.into_inner().unwrap();
    let acknowledged = answers.iter().filter(|answer| answer.status == 200).count() as u64 * u64::from(EVENTS);
    let sent = answers.len() as u64 * u64::from(EVENTS);
    let query = data.store().query(Sql::new("SELECT count(), uniqExact(tenant, id) FROM events"));
    let rows = runtime.block_on(query).unwrap();
    let number = |column: usize| rows[0].column(column).as_primitive::<UInt64Type>().value(0);
    let (stored, unique) = (number(0), number(1));
    let (lost, doubled) = (acknowledged.saturating_sub(unique), stored - unique);
    println!(
        "{sent} sent, {acknowledged} acknowledged, {stored} stored, {unique} unique, {lost} lost, {doubled} doubled"
    );
    println!("with the store {}", shown(&answers, begun, gone));
    println!("while it was away {} s {}", away.as_secs(), shown(&answers, gone, back));
    println!("while it came back {}", shown(&answers, back, drained));
    assert_eq!(
        (sent, stored, unique),
        (acknowledged, acknowledged, acknowledged),
        "nothing is refused, lost or doubled"
    );
}
