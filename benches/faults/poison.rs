//! F13: lines that cannot be events, among lines that are.

use rapport::model::Role;
use serde_json::Value;

use super::child::token;
use super::client::Client;
use super::load::{Copies, Shape, lock};
use super::outcome::Outcome;
use super::stage::Stage;
use super::traffic::TENANTS;
use super::{House, Plan};

/// Each is one line and no event.
fn poisons() -> Vec<Vec<u8>> {
    let mut poisons: Vec<Vec<u8>> = [
        "{", "]", "null", "7", "\"text\"", "[]", "{}", r#"{"id":""}"#, r#"{"id":"p","kind":"message.sent"}"#,
        r#"{"id":"p","kind":"no.such.kind","at":"2026-03-01T00:00:00Z","channel":"WHATSAPP","chat":"c","message":"m"}"#,
        r#"{"id":"p","kind":"message.sent","at":"yesterday","channel":"WHATSAPP","account":"a","chat":"c","message":"m"}"#,
        r#"{"id":"p","kind":"message.sent","at":"1999-01-01T00:00:00Z","channel":"WHATSAPP","chat":"c","message":"m"}"#,
        r#"{"id":["p"],"kind":"message.sent","at":"2026-03-01T00:00:00Z","channel":"WHATSAPP","chat":"c"}"#,
        r#"{"id":"p","kind":"message.sent","at":"2026-03-01T00:00:00Z","channel":"WHATSAPP"} {"id":"q"}"#,
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    poisons.push(vec![0xff, 0xfe, 0x00, 0x80]);
    poisons.push([b"{\"id\":\"".as_slice(), &vec![b'x'; 100_000], b"\"}"].concat());
    poisons.push("[".repeat(10_000).into_bytes());
    poisons
}

/// Each body has good lines and poison at random places: it is answered with 200, names the bad lines, and keeps the good ones.
pub fn poison_lines(house: &House, plan: Plan) -> Outcome {
    Outcome::of(|| {
        let shape = Shape { connections: 1, body_events: 60, copies: Copies::Once };
        let mut stage = Stage::begin(house, plan, "F13", shape)?;
        let load = stage.load.clone();
        let mut client = Client::new(load.address());
        let poisons = poisons();
        let mut rejected = 0;
        for _ in 0..plan.choose(10, 200) {
            let events = load.next_body();
            let mut lines: Vec<(bool, Vec<u8>)> =
                events.iter().map(|event| (false, event.line(&event.id()).into_bytes())).collect();
            for _ in 0..stage.chance.between(1, 8) {
                let poison = poisons[stage.chance.between(0, poisons.len() as u64) as usize].clone();
                let place = stage.chance.between(0, lines.len() as u64 + 1) as usize;
                lines.insert(place, (true, poison));
            }
            let bad: Vec<u64> = (1..).zip(&lines).filter(|(_, (is_bad, _))| *is_bad).map(|(line, _)| line).collect();
            let text = lines.iter().flat_map(|(_, line)| [line.as_slice(), b"\n"]).collect::<Vec<_>>().concat();
            lock(&load.ledger).send(&events);
            stage.outcome.trials += 1;
            let answer = client
                .post("/v1/events", &token(TENANTS[events[0].tenant], Role::Service), &text)
                .map_err(|failure| format!("poison was not answered: {failure:?}"))?;
            let receipt: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let named: Vec<u64> =
                receipt["rejected"].as_array().into_iter().flatten().filter_map(|one| one["line"].as_u64()).collect();
            if answer.status != 200 || receipt["accepted"] != events.len() || named != bad {
                stage.wrong(format!("{} for bad lines {bad:?} of {}: {receipt}", answer.status, lines.len()));
                load.put_back(events);
                continue;
            }
            rejected += bad.len();
            let mut ledger = lock(&load.ledger);
            ledger.accepted += events.len() as u64;
            ledger.acknowledge(&events);
        }
        stage.note(format!("{rejected} bad lines, each named in its receipt"));
        stage.reckon()
    })
}
