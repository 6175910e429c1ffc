//! F2 in the exact windows of the program's work: SIGKILL when the engine is seen to write a part of a table, or to have written
//! it. The kill comes a tenth of a millisecond later; what the engine did until it came says whether it met the window.

use std::cell::RefCell;
use std::sync::mpsc;
use std::time::Duration;

use super::asking::{ask, small_query};
use super::client::Client;
use super::crashes::shape;
use super::load::lock;
use super::outcome::Outcome;
use super::stage::Stage;
use super::traffic::{Event, body};
use super::watching::Step::{self, Begun, Noted, Placed, Rung};
use super::watching::{Sight, Watch, put_back_last_part};
use super::{House, Plan};

/// What follows from an event does so within this time, or not at all.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(15);

/// How long it may take until what the rounds before left is acknowledged.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(60);

/// A part is written in 5 to 15 ms. One that begins is left so much of that, by chance, so that it is met with any of its files.
const PART_MICROS: u64 = 4_000;

/// All that the windows are about.
const TABLES: [&str; 9] = [
    "events",
    "messages",
    "threads",
    "stale_threads",
    "fed",
    "derived_messages",
    "derived_cycles",
    "derived_clients",
    "derived_steps",
];

/// What ends a window.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The engine is further.
    Sight(Sight),
    /// The sender has its answer.
    Answer,
}

/// A stretch of the work of one request: from any of some steps up to its end.
struct Window {
    name: &'static str,
    begins: &'static [Sight],
    end: End,
    late: Late,
}

/// What is done about a kill that came too late.
#[derive(Clone, Copy, Debug)]
enum Late {
    Missed,
    /// The window is a rename: what it has renamed gets its old name, and the disk is as a kill in time would have left it.
    PutBack,
}

const fn sight(table: &'static str, step: Step) -> Sight {
    Sight { table, step }
}

/// Stored or not: nothing is acknowledged.
const WRITING: Window = Window {
    name: "F2d",
    begins: &[sight("events", Begun)],
    end: End::Sight(sight("events", Placed)),
    late: Late::Missed,
};

/// Stored, and the sender does not know.
const STORED: Window = Window { name: "F2e", begins: &[sight("events", Placed)], end: End::Answer, late: Late::Missed };

/// The engine notes the token of an insert before it puts the part in its place: in between it takes for done what is not there.
const NOTED: Window = Window {
    name: "F2h",
    begins: &[sight("events", Noted)],
    end: End::Sight(sight("events", Placed)),
    late: Late::PutBack,
};

/// Of what follows, the views of `inbox` fill the first two, those of `arrivals` the third, and `fed` says that it is all there.
const FOLLOWING: Window = Window {
    name: "F2f",
    begins: &[
        sight("messages", Begun),
        sight("messages", Placed),
        sight("threads", Placed),
        sight("stale_threads", Begun),
        sight("stale_threads", Placed),
        sight("fed", Begun),
    ],
    end: End::Sight(sight("fed", Placed)),
    late: Late::Missed,
};

/// At its end a run takes away the marks of what it has derived.
const DERIVING: Window = Window {
    name: "F2g",
    begins: &[
        sight("derived_messages", Begun),
        sight("derived_messages", Placed),
        sight("derived_cycles", Placed),
        sight("derived_clients", Placed),
        sight("derived_steps", Placed),
    ],
    end: End::Sight(sight("stale_threads", Placed)),
    late: Late::Missed,
};

/// F2: the part of `events` is being written.
pub fn while_events_are_written(house: &House, plan: Plan) -> Outcome {
    in_window(house, plan, &WRITING)
}

/// F2: the part of `events` is in its place, and nobody was told.
pub fn when_events_are_stored(house: &House, plan: Plan) -> Outcome {
    in_window(house, plan, &STORED)
}

/// F2: some of the tables that follow are written.
pub fn while_what_follows_is_written(house: &House, plan: Plan) -> Outcome {
    in_window(house, plan, &FOLLOWING)
}

/// F2: some of what is derived is written.
pub fn while_dialogs_are_derived(house: &House, plan: Plan) -> Outcome {
    in_window(house, plan, &DERIVING)
}

/// F2: the engine has noted the insert into `events` as done, and its part is not in its place.
pub fn when_the_insert_is_noted(house: &House, plan: Plan) -> Outcome {
    in_window(house, plan, &NOTED)
}

fn in_window(house: &House, plan: Plan, window: &Window) -> Outcome {
    let met = RefCell::new(Vec::new());
    let mut outcome = Outcome::of(|| {
        let mut stage = Stage::begin(house, plan, window.name, shape(plan))?;
        let is_met = || met.borrow().iter().any(|met| *met != Met::Not);
        let mut round = 0;
        // A loaded machine can strike late a few times in a row.
        while round < plan.rounds || (!is_met() && round < 4 * plan.rounds) {
            round += 1;
            let load = stage.load.clone();
            for _ in 0..3 {
                load.send_one();
            }
            // What is sent again stores nothing, and would never be seen.
            load.finish(ACKNOWLEDGED_WITHIN)?;
            let events = load.next_body();
            lock(&load.ledger).send(&events);
            met.borrow_mut().push(strike(&mut stage, window, events)?);
            stage.start()?;
        }
        stage.reckon()
    });
    let count = |wanted| met.borrow().iter().filter(|met| **met == wanted).count();
    outcome.notes.push(match window.late {
        Late::Missed => format!("{} of {} kills met the window", count(Met::InTime), outcome.trials),
        Late::PutBack => format!(
            "{} of {} kills met the window, and after {} the part got its old name back",
            count(Met::InTime),
            outcome.trials,
            count(Met::PutBack)
        ),
    });
    if count(Met::InTime) + count(Met::PutBack) == 0 {
        outcome.verdict.wrong.push("the window was never met, so nothing was tried".to_owned());
    }
    outcome
}

/// Whether a kill met the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    Not,
    InTime,
    PutBack,
}

/// Sends the events and kills the server when it is seen in the window.
fn strike(stage: &mut Stage, window: &Window, events: Vec<Event>) -> Result<Met, String> {
    let begin = window.begins[stage.chance.between(0, window.begins.len() as u64) as usize];
    let asks = stage.chance.between(0, 2) == 0;
    let mut watch = Watch::begin(&stage.setting.data, &TABLES, stage.path())?;
    let bell = watch.bell();
    let (load, tenant, bytes) = (stage.load.clone(), events[0].tenant, body(&events));
    let (struck, wait) = mpsc::channel::<()>();
    let client = std::thread::spawn(move || {
        let mut client = Client::new(load.address());
        let answered = client.post("/v1/events", load.token(tenant), &bytes);
        // Who asks has at once what otherwise comes behind.
        if asks && answered.is_ok() {
            let _ = ask(&mut client, tenant, &small_query());
        }
        let _ = wait.recv_timeout(FOLLOWS_WITHIN);
        bell.ring();
        answered
    });
    let seen = loop {
        match watch.next()? {
            sight if sight == begin => break true,
            Sight { step: Rung, .. } => break false,
            _ => {}
        }
    };
    if begin.step == Begun {
        std::thread::sleep(Duration::from_micros(stage.chance.between(0, PART_MICROS)));
    }
    stage.server().strike();
    stage.kill();
    let after = watch.rest()?;
    drop(struck);
    let answered = client.join().expect("the client does not panic");
    let is_answered = answered.is_ok();
    match answered {
        Ok(answer) if answer.status == 200 => stage.load.note_receipt(&events, &answer),
        Ok(answer) => return Err(format!("the events were answered with {}", answer.status)),
        Err(_) => stage.load.put_back(events),
    }
    let has_ended = match window.end {
        End::Sight(end) => after.contains(&end),
        End::Answer => is_answered,
    };
    match window.late {
        Late::PutBack if seen && has_ended && !is_answered => {
            put_back_last_part(&stage.setting.data, begin.table)?;
            Ok(Met::PutBack)
        }
        _ if seen && !has_ended => Ok(Met::InTime),
        _ => Ok(Met::Not),
    }
}
