//! The harness harms what it counts and must find it: a check that cannot fail proves nothing.

use super::client::Client;
use super::counting::Harm;
use super::load::{Copies, Shape, lock};
use super::outcome::{Outcome, State};
use super::stage::Stage;
use super::traffic::{Event, TENANTS, body};
use super::{House, Plan};

const SHAPE: Shape = Shape { connections: 1, body_events: 40, copies: Copies::Once };

fn begin(house: &House, plan: Plan, name: &str) -> Result<Stage, String> {
    let mut stage = Stage::begin(house, plan, name, SHAPE)?;
    for _ in 0..5 {
        stage.load.send_one();
    }
    stage.outcome.trials = 1;
    Ok(stage)
}

/// The driver tells itself that an event was acknowledged that it never sent.
pub fn acknowledged_without_sending(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let mut stage = begin(house, plan, "C1")?;
        // A status without its message: answers do not count it, so only the store can tell that it is not there.
        lock(&stage.load.ledger).acknowledge(&[Event { tenant: 0, number: (1 << 40) + 6 }]);
        stage.outcome.state = State::Control { lost: 1, doubled: 0 };
        stage.reckon()
    })
}

/// A row of an acknowledged event is deleted from the directory.
pub fn a_row_deleted(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let mut stage = begin(house, plan, "C2")?;
        stage.outcome.state = State::Control { lost: 1, doubled: 0 };
        let (tenant, id) = victim(&stage)?;
        stage.reckon_after(Harm::DeleteRow { tenant, id })
    })
}

/// A stored row is inserted a second time behind the server's back.
pub fn a_row_doubled(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let mut stage = begin(house, plan, "C3")?;
        stage.outcome.state = State::Control { lost: 0, doubled: 1 };
        let (tenant, id) = victim(&stage)?;
        stage.reckon_after(Harm::DoubleRow { tenant, id })
    })
}

/// A sender without idempotent ids sends the same again: its repeats have to show as events that nobody sent.
pub fn sent_under_other_ids(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let mut stage = begin(house, plan, "C4")?;
        stage.outcome.state = State::Control { lost: 0, doubled: 0 };
        let events = stage.load.next_body();
        let text: String = events.iter().map(|event| event.line(&format!("again-{}", event.number)) + "\n").collect();
        let mut client = Client::new(stage.load.address());
        lock(&stage.load.ledger).send(&events);
        for bytes in [body(&events), text.into_bytes()] {
            let token = stage.load.token(events[0].tenant).to_owned();
            let answer = client.post("/v1/events", &token, &bytes).map_err(|failure| format!("{failure:?}"))?;
            if answer.status != 200 {
                return Err(format!("the events were not taken: {}", answer.status));
            }
        }
        lock(&stage.load.ledger).acknowledge(&events);
        let mut outcome = stage.reckon()?;
        let expected = format!("{} ids are stored that nobody sent", events.len());
        if !outcome.verdict.wrong.contains(&expected) {
            outcome.verdict.wrong.push("cannot see events that were sent again under other ids".to_owned());
        }
        Ok(outcome)
    })
}

fn victim(stage: &Stage) -> Result<(String, String), String> {
    let event = lock(&stage.load.ledger).any_acknowledged().ok_or("nothing was acknowledged")?;
    Ok((TENANTS[event.tenant].to_owned(), event.id()))
}
