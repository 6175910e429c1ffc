//! Whose each client message is, and whether it starts a turn: one dialog after the other.

use std::collections::BTreeMap;

use super::events::{DAY, Event};
use super::messages::Row;

/// The source's dialog, else the chat.
type Key = (&'static str, &'static str, &'static str, &'static str);

fn key(dialog: &'static str, channel: &'static str, account: &'static str, chat: &'static str) -> Key {
    if dialog.is_empty() { ("", channel, account, chat) } else { (dialog, "", "", "") }
}

/// What happens in a dialog, in the order in which things of one instant happen. Of equals, the id decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// The event's id; to whom, and whose team.
    Assigned(String, &'static str, &'static str),
    /// The message's id and place, and the index of the row.
    Client([&'static str; 4], usize),
    Business([&'static str; 4], usize),
    Closed,
}

fn id(row: &Row) -> [&'static str; 4] {
    [row.message, row.channel, row.account, row.chat]
}

/// Gives clients' messages their owners and turns.
pub fn own(clients: &mut [Row], outbound: &[Row], events: &[Event]) {
    let mut dialogs: BTreeMap<Key, Vec<(i64, Step)>> = BTreeMap::new();
    for (index, row) in clients.iter().enumerate() {
        dialogs
            .entry(key(row.dialog, row.channel, row.account, row.chat))
            .or_default()
            .push((row.at, Step::Client(id(row), index)));
    }
    for (index, row) in outbound.iter().enumerate() {
        if row.went_out && row.author != "SYSTEM" {
            let steps = dialogs.entry(key(row.dialog, row.channel, row.account, row.chat)).or_default();
            steps.push((row.at, Step::Business(id(row), index)));
        }
    }
    for (key, mut steps) in dialogs {
        let mut told = false;
        for (index, event) in events.iter().enumerate().filter(|(_, event)| event.kind.starts_with("dialog.")) {
            if self::key(event.dialog, event.channel, event.account, event.chat) != key {
                continue;
            }
            match event.kind {
                "dialog.opened" => told = true,
                "dialog.closed" => {
                    told = true;
                    steps.push((event.at, Step::Closed));
                }
                _ => steps.push((event.at, Step::Assigned(format!("e{index}"), event.who.operator, event.who.team))),
            }
        }
        steps.sort_unstable();
        for cycle in cycles(&steps, told) {
            own_cycle(&cycle, &steps, clients, outbound);
        }
    }
}

/// The messages of each cycle, in order.
fn cycles(steps: &[(i64, Step)], told: bool) -> Vec<Vec<(i64, Step)>> {
    let mut cycles = vec![Vec::new()];
    let mut last = None;
    for (at, step) in steps {
        match step {
            Step::Closed => cycles.push(Vec::new()),
            Step::Assigned(..) => {}
            Step::Client(..) | Step::Business(..) => {
                if !told && last.is_some_and(|last| DAY <= at - last) {
                    cycles.push(Vec::new());
                }
                last = Some(*at);
                cycles.last_mut().unwrap().push((*at, step.clone()));
            }
        }
    }
    cycles
}

fn own_cycle(cycle: &[(i64, Step)], steps: &[(i64, Step)], clients: &mut [Row], outbound: &[Row]) {
    for (position, (at, step)) in cycle.iter().enumerate() {
        let Step::Client(_, index) = step else { continue };
        let before = position.checked_sub(1).map(|before| &cycle[before].1);
        clients[*index].starts_turn = !matches!(before, Some(Step::Client(..)));

        let answer = cycle[position..].iter().find_map(|(_, step)| match step {
            Step::Business(_, index) => {
                let row = &outbound[*index];
                (row.author == "OPERATOR" && !row.operator.is_empty()).then_some((row.operator, row.team))
            }
            _ => None,
        });
        let assigned = steps.iter().rev().find_map(|(when, step)| match step {
            Step::Assigned(_, operator, team) if when <= at => Some((*operator, *team)),
            _ => None,
        });
        (clients[*index].operator, clients[*index].team) = answer.or(assigned).unwrap_or_default();
    }
}
