//! Senders: several connections that send bodies, and send again under the same ids what was not acknowledged.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rapport::auth::Role;
use serde_json::Value;

use super::chance::Chance;
use super::child::token;
use super::client::{Answer, Client, Failure};
use super::ledger::Ledger;
use super::traffic::{Event, TENANTS, body};

/// How long a sender waits before it sends again what was not taken.
const AGAIN_AFTER: Duration = Duration::from_millis(20);

/// How often each event is sent, whatever is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copies {
    Once,
    /// One to three times, in another order and at other times.
    UpToThree,
}

#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub connections: usize,
    /// Events of a body: from 1 to this.
    pub body_events: u64,
    pub copies: Copies,
}

/// What became of one request.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub began: Instant,
    pub took: Duration,
    /// 0 where there was no answer.
    pub status: u16,
    pub events: usize,
}

/// What all senders of a trial share.
#[derive(Debug)]
pub struct Load {
    shape: Shape,
    address: Mutex<SocketAddr>,
    queue: Mutex<Queue>,
    pub ledger: Mutex<Ledger>,
    samples: Mutex<Vec<Sample>>,
    /// Refusals that do not say when to come again, and answers that should not be.
    complaints: Mutex<BTreeMap<String, u64>>,
    tokens: [String; 2],
}

#[derive(Debug)]
struct Queue {
    chance: Chance,
    next: [u64; 2],
    again: VecDeque<Vec<Event>>,
}

/// Senders at work.
#[derive(Debug)]
pub struct Senders {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub fn new(shape: Shape, chance: Chance) -> Arc<Self> {
        Arc::new(Self {
            shape,
            address: Mutex::new(SocketAddr::from(([127, 0, 0, 1], 1))),
            queue: Mutex::new(Queue { chance, next: [0; 2], again: VecDeque::new() }),
            ledger: Mutex::default(),
            samples: Mutex::default(),
            complaints: Mutex::default(),
            tokens: TENANTS.map(|tenant| token(tenant, Role::Service)),
        })
    }

    pub fn turn_to(&self, address: SocketAddr) {
        *lock(&self.address) = address;
    }

    pub fn address(&self) -> SocketAddr {
        *lock(&self.address)
    }

    pub fn token(&self, tenant: usize) -> &str {
        &self.tokens[tenant]
    }

    /// Sends new events until it is told to stop.
    pub fn start(self: &Arc<Self>) -> Senders {
        self.start_with(self.shape.connections)
    }

    pub fn start_with(self: &Arc<Self>, connections: usize) -> Senders {
        let stop = Arc::new(AtomicBool::new(false));
        let send = |_| {
            let (load, stop) = (Arc::clone(self), Arc::clone(&stop));
            std::thread::spawn(move || {
                let mut client = Client::new(load.address());
                while !stop.load(Ordering::Relaxed) {
                    let body = load.next_body();
                    load.send(&mut client, body);
                }
            })
        };
        let threads = (0..connections).map(send).collect();
        Senders { stop, threads }
    }

    /// Sends what is not acknowledged until it is. Says what is left when the time is over.
    pub fn finish(&self, within: Duration) -> Result<(), String> {
        let began = Instant::now();
        let mut client = Client::new(self.address());
        loop {
            let Some(body) = lock(&self.queue).again.pop_front() else { return Ok(()) };
            if within < began.elapsed() {
                let left = 1 + lock(&self.queue).again.len();
                return Err(format!("{left} bodies are still refused after {} s", within.as_secs()));
            }
            self.send(&mut client, body);
        }
    }

    /// Sends one new body now, whatever becomes of it.
    pub fn send_one(&self) -> u16 {
        let body = self.next_body();
        self.send(&mut Client::new(self.address()), body)
    }

    /// What waits to be sent, else new events; with copies, these wait to be sent again at some later time.
    pub fn next_body(&self) -> Vec<Event> {
        let mut queue = lock(&self.queue);
        // New events go on while others are sent again, as it is with independent senders.
        if queue.again.len() >= 4 || (!queue.again.is_empty() && queue.chance.between(0, 2) == 0) {
            return queue.again.pop_front().expect("there are some");
        }
        let tenant = queue.chance.between(0, 2) as usize;
        let count = queue.chance.between(1, self.shape.body_events + 1);
        let first = queue.next[tenant];
        queue.next[tenant] += count;
        let events: Vec<_> = (first..first + count).map(|number| Event { tenant, number }).collect();
        if self.shape.copies == Copies::UpToThree {
            for _ in 0..queue.chance.between(0, 3) {
                let mut copy = events.clone();
                queue.chance.shuffle(&mut copy);
                let most = queue.again.len() as u64;
                let place = queue.chance.between(0, most + 1) as usize;
                queue.again.insert(place, copy);
            }
        }
        events
    }

    /// Puts back what was taken by [`Load::next_body`] and not acknowledged.
    pub fn put_back(&self, body: Vec<Event>) {
        lock(&self.queue).again.push_back(body);
    }

    /// Sends a body, notes what is known of it, and puts it back if it was not acknowledged. Returns the status, or 0.
    pub fn send(&self, client: &mut Client, events: Vec<Event>) -> u16 {
        let Some(first) = events.first() else { return 0 };
        client.turn_to(self.address());
        lock(&self.ledger).send(&events);
        let began = Instant::now();
        let answered = client.post("/v1/events", &self.tokens[first.tenant], &body(&events));
        let status = answered.as_ref().map_or(0, |answer| answer.status);
        lock(&self.samples).push(Sample { began, took: began.elapsed(), status, events: events.len() });
        match answered {
            Ok(answer) if answer.status == 200 => self.note_receipt(&events, &answer),
            answered => {
                self.complain(&answered);
                self.put_back(events);
                std::thread::sleep(AGAIN_AFTER);
            }
        }
        status
    }

    pub fn note_receipt(&self, events: &[Event], answer: &Answer) {
        let mut ledger = lock(&self.ledger);
        let receipt: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let count = |name: &str| receipt[name].as_u64().unwrap_or(u64::MAX >> 2);
        ledger.accepted += receipt["accepted"].as_u64().unwrap_or_default();
        if count("accepted") + count("duplicates") != events.len() as u64 || count("rejectedTotal") != 0 {
            ledger.wrong_receipts.push(format!("a receipt for {} events says {receipt}", events.len()));
        }
        ledger.acknowledge(events);
    }

    fn complain(&self, answered: &Result<Answer, Failure>) {
        let complaint = match answered {
            Ok(Answer { status: 429 | 503, retry_after: Some(_), .. }) | Err(_) => return,
            Ok(Answer { status: status @ (429 | 503), .. }) => format!("{status} without Retry-After"),
            Ok(answer) => format!("{}: {}", answer.status, String::from_utf8_lossy(&answer.body)),
        };
        // The request's id makes each one different.
        let complaint = complaint.split("the request id is").next().unwrap_or_default().chars().take(200).collect();
        *lock(&self.complaints).entry(complaint).or_default() += 1;
    }

    pub fn complaints(&self) -> BTreeMap<String, u64> {
        lock(&self.complaints).clone()
    }

    pub fn samples(&self) -> Vec<Sample> {
        lock(&self.samples).clone()
    }

    pub fn acknowledged(&self) -> u64 {
        lock(&self.ledger).acknowledged()
    }

    pub fn requests_answered(&self) -> usize {
        lock(&self.samples).iter().filter(|sample| sample.status == 200).count()
    }
}

impl Senders {
    /// Lets each finish the request that it waits for.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a sender does not panic");
        }
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time that so much of the requests stayed within, in milliseconds.
pub fn percentile(samples: &[Sample], share: f64) -> f64 {
    let mut times: Vec<_> = samples.iter().map(|sample| sample.took.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let last = times.len().saturating_sub(1) as f64;
    times.get((last * share).round() as usize).copied().unwrap_or_default()
}
