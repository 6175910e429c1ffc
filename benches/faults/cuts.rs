//! F10 and F14: the same events again and again, in any order, across restarts and lost answers.

use super::client::Client;
use super::crashes::wait_until;
use super::load::{Copies, Shape, lock};
use super::outcome::Outcome;
use super::proxy;
use super::stage::Stage;
use super::traffic::body;
use super::{House, Plan};

/// F10: every event one to three times, shuffled, while the server is stopped and killed in turn.
pub fn shuffled_duplicates(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let shape = Shape { connections: 4, body_events: plan.choose(50, 200), copies: Copies::UpToThree };
        let mut stage = Stage::begin(house, plan, "F10", shape)?;
        for round in 0..plan.choose(2, plan.rounds.min(20)) {
            let senders = stage.load.start();
            let answered = stage.load.requests_answered();
            wait_until(|| answered + plan.choose(15, 60) <= stage.load.requests_answered());
            if round % 2 == 0 {
                stage.kill();
            } else {
                let (status, _, said) = stage.take_server().terminate();
                stage.outcome.trials += 1;
                if !status.success() {
                    stage.wrong(format!("SIGTERM ended it with {status}: {said}"));
                }
            }
            stage.start()?;
            senders.stop();
        }
        let sent: usize = stage.load.samples().iter().map(|sample| sample.events).sum();
        stage.note(format!("{sent} events sent with repeats"));
        stage.reckon()
    })
}

/// F14: the answer is cut after so many bytes, from none to nearly all; the client sends the same again.
pub fn cut_answers(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let shape = Shape { connections: 1, body_events: plan.choose(20, 100), copies: Copies::Once };
        let mut stage = Stage::begin(house, plan, "F14", shape)?;
        let load = stage.load.clone();
        for round in 0..plan.choose(12, plan.rounds.max(50)) {
            let events = load.next_body();
            lock(&load.ledger).send(&events);
            // The head of an answer has about 500 bytes.
            let bytes = if round == 0 { 0 } else { stage.chance.between(0, 600) as usize };
            let (address, proxy) = proxy::cut_answer(load.address(), bytes);
            let answered = Client::new(address).post("/v1/events", load.token(events[0].tenant), &body(&events));
            proxy.join().expect("the proxy does not panic");
            stage.outcome.trials += 1;
            match answered {
                // So many bytes were all of it.
                Ok(answer) if answer.status == 200 => load.note_receipt(&events, &answer),
                _ => load.put_back(events),
            }
        }
        stage.reckon()
    })
}
