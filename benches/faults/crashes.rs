//! F1 and F2: SIGKILL at any moment and in each window of a request, as a client sees it: the moments are bytes and milliseconds.
//! The windows that only the data directory shows are in [`super::windows`].

use std::io::Write;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::client::{Client, connect, head};
use super::load::{Copies, Shape, lock, percentile};
use super::outcome::Outcome;
use super::proxy;
use super::stage::Stage;
use super::traffic::{Event, body};
use super::{House, Plan};

pub fn shape(plan: Plan) -> Shape {
    Shape { connections: 4, body_events: plan.choose(100, 400), copies: Copies::Once }
}

/// F1: senders go on all the time; the server dies and comes back under them.
pub fn at_random_moments(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let mut stage = Stage::begin(house, plan, "F1", shape(plan))?;
        for _ in 0..plan.rounds {
            let senders = stage.load.start();
            let answered = stage.load.requests_answered();
            let pause = Duration::from_millis(stage.chance.between(0, 400));
            // Something has to be acknowledged in each round, or nothing could be lost.
            wait_until(|| answered < stage.load.requests_answered());
            std::thread::sleep(pause);
            stage.kill();
            stage.start()?;
            senders.stop();
        }
        stage.reckon()
    })
}

/// F2, before the insert: the body breaks off at a random byte, and then the server.
pub fn before_the_insert(house: &House, plan: Plan) -> Outcome {
    in_window(house, plan, "F2a", |stage, events| {
        let bytes = body(&events);
        let length = bytes.len() as u64;
        let cut = stage.chance.between(0, length) as usize;
        let head = head("/v1/events", stage.load.token(events[0].tenant), bytes.len());
        let mut stream = connect(stage.server().address).map_err(|failure| format!("{failure:?}"))?;
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes[..cut]));
        stage.kill();
        stage.load.put_back(events);
        sent.map_err(|error| format!("the server did not take the body: {error}"))
    })
}

/// F2, between the inserts: all of the body is there, and the server dies some milliseconds later. The milliseconds are
/// those that requests of this run take, so that the work of one is hit at every place.
pub fn between_the_inserts(house: &House, plan: Plan) -> Outcome {
    in_window(house, plan, "F2b", |stage, events| {
        let usual = percentile(&stage.load.samples(), 0.5).max(2.0);
        let micros = stage.chance.between(0, (usual * 1_200.0) as u64);
        let bytes = body(&events);
        let mut stream = connect(stage.server().address).map_err(|failure| format!("{failure:?}"))?;
        let head = head("/v1/events", stage.load.token(events[0].tenant), bytes.len());
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes));
        std::thread::sleep(Duration::from_micros(micros));
        stage.kill();
        // Whatever was answered before was not read, so it does not count as acknowledged.
        stage.load.put_back(events);
        sent.map_err(|error| format!("the server did not take the body: {error}"))
    })
}

/// F2, after the insert: the proxy sees the answer, and neither the client nor the server does afterwards.
pub fn before_the_answer(house: &House, plan: Plan) -> Outcome {
    in_window(house, plan, "F2c", |stage, events| {
        let (tell, told) = mpsc::channel();
        let (hold, held) = mpsc::channel::<()>();
        let (address, proxy) = proxy::strike_at_answer(stage.server().address, move || {
            let _ = tell.send(());
            // Until the server is dead; an error means the same.
            let _ = held.recv();
        });
        let token = stage.load.token(events[0].tenant).to_owned();
        let bytes = body(&events);
        let client = std::thread::spawn(move || Client::new(address).post("/v1/events", &token, &bytes).is_ok());
        told.recv_timeout(Duration::from_secs(30)).map_err(|_| "no answer came in 30 s".to_owned())?;
        stage.kill();
        drop(hold);
        proxy.join().expect("the proxy does not panic");
        let is_answered = client.join().expect("the client does not panic");
        stage.load.put_back(events);
        if is_answered { Err("the proxy let an answer through".to_owned()) } else { Ok(()) }
    })
}

/// Rounds of one request that is hit, each after some that are not.
fn in_window(
    house: &House,
    plan: Plan,
    name: &str,
    strike: impl Fn(&mut Stage, Vec<Event>) -> Result<(), String>,
) -> Outcome {
    Outcome::of(|| {
        let mut stage = Stage::begin(house, plan, name, shape(plan))?;
        for _ in 0..plan.rounds {
            let load = stage.load.clone();
            let mut client = Client::new(load.address());
            for _ in 0..3 {
                let events = load.next_body();
                load.send(&mut client, events);
            }
            let events = load.next_body();
            lock(&load.ledger).send(&events);
            strike(&mut stage, events)?;
            stage.start()?;
        }
        stage.reckon()
    })
}

pub fn wait_until(mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
}
