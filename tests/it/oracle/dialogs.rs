//! Dialogs and their cycles, one dialog after the other.

use std::collections::{BTreeMap, BTreeSet};

use super::events::{DAY, Event, id};
use super::messages::Row;

/// The source's dialog, else the chat.
pub type Key = (&'static str, &'static str, &'static str, &'static str);

pub fn key(dialog: &'static str, channel: &'static str, account: &'static str, chat: &'static str) -> Key {
    if dialog.is_empty() { ("", channel, account, chat) } else { (dialog, "", "", "") }
}

/// An operator and a team; nobody is two empty texts.
pub type Owner = (&'static str, &'static str);

/// A message of a dialog, and who had the dialog then.
#[derive(Clone, Debug)]
pub struct Said {
    pub row: Row,
    pub assignee: Owner,
}

#[derive(Clone, Debug)]
pub struct Dialog {
    pub key: Key,
    /// Also those that are none: only automation, only a close, only assignments.
    pub cycles: Vec<Cycle>,
}

#[derive(Clone, Debug, Default)]
pub struct Cycle {
    pub said: Vec<Said>,
    /// `None` where nothing opens it.
    pub opened_at: Option<i64>,
    pub closed_at: i64,
    /// Who had the dialog when the last thing of the cycle happened.
    pub assignee: Owner,
}

/// What happens in a dialog, in the order in which things of one instant happen. Of equals, the text decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Told,
    Client,
    Business,
    Closed,
}

#[derive(Clone, Debug)]
enum Happening<'a> {
    Message(&'a Row),
    Opened,
    Assigned(Owner),
    Closed,
}

type Flow<'a> = Vec<((i64, Step, String), Happening<'a>)>;

impl Dialog {
    /// The source's id, else the place in words.
    pub fn name(&self) -> String {
        let (dialog, channel, account, chat) = self.key;
        if dialog.is_empty() { format!("{channel} {account} {chat}") } else { dialog.to_owned() }
    }
}

impl Cycle {
    /// Its attributes and owner; `None` when it is no dialog.
    pub fn row(&self) -> Option<Row> {
        let said: Vec<&Said> = self.said.iter().collect();
        Some(summary(self.opened_at?, &said, self.assignee))
    }

    pub fn first_of_client(&self) -> Option<i64> {
        self.said.iter().find(|said| said.row.author == "CLIENT").map(|said| said.row.at)
    }
}

/// One row for several messages: each attribute from the first that has it, the owner from the last operator.
pub fn summary(at: i64, said: &[&Said], assignee: Owner) -> Row {
    let first = |value: fn(&Row) -> &'static str| {
        said.iter().map(|said| value(&said.row)).find(|value| !value.is_empty()).unwrap_or("")
    };
    let wrote = said.iter().rev().find(|said| said.row.author == "OPERATOR" && !said.row.operator.is_empty());
    let (operator, team) = wrote.map_or(assignee, |said| (said.row.operator, said.row.team));
    Row {
        at,
        operator,
        team,
        channel: first(|row| row.channel),
        account: first(|row| row.account),
        contact: first(|row| row.contact),
        campaign: first(|row| row.campaign),
        scenario: first(|row| row.scenario),
        source: first(|row| row.source),
        segments: said.iter().map(|said| &said.row.segments).find(|own| !own.is_empty()).cloned().unwrap_or_default(),
        ..Row::default()
    }
}

/// Every dialog of a tenant.
pub fn dialogs(clients: &[Row], outbound: &[Row], events: &[Event]) -> Vec<Dialog> {
    let mut flows: BTreeMap<Key, Flow> = BTreeMap::new();
    let public = outbound.iter().filter(|row| row.went_out && row.author != "SYSTEM");
    for (step, row) in clients.iter().map(|row| (Step::Client, row)).chain(public.map(|row| (Step::Business, row))) {
        let tie = [row.message, row.channel, row.account, row.chat].join(" ");
        let flow = flows.entry(key(row.dialog, row.channel, row.account, row.chat)).or_default();
        flow.push(((row.at, step, tie), Happening::Message(row)));
    }
    let mut closed = BTreeSet::new();
    let mut opened = BTreeSet::new();
    for (index, event) in events.iter().enumerate().filter(|(_, event)| event.kind.starts_with("dialog.")) {
        let key = key(event.dialog, event.channel, event.account, event.chat);
        let (step, happening) = match event.kind {
            "dialog.opened" => (Step::Told, Happening::Opened),
            "dialog.closed" => (Step::Closed, Happening::Closed),
            _ => (Step::Told, Happening::Assigned((event.who.operator, event.who.team))),
        };
        match happening {
            Happening::Opened => opened.insert(key),
            Happening::Closed => closed.insert(key),
            _ => false,
        };
        flows.entry(key).or_default().push(((event.at, step, id(index)), happening));
    }
    let ever_closed = !closed.is_empty();
    let dialogs = flows.into_iter().map(|(key, mut flow)| {
        flow.sort_by(|one, other| one.0.cmp(&other.0));
        // A source that never says that a dialog closed says nothing by opening one.
        let explicit = closed.contains(&key) || (ever_closed && opened.contains(&key));
        Dialog { key, cycles: if explicit { told_cycles(&flow) } else { silent_cycles(&flow) } }
    });
    dialogs.collect()
}

/// Cycles that end when the source says so, or never.
fn told_cycles(flow: &Flow) -> Vec<Cycle> {
    let mut done = Vec::new();
    let mut cycle = Cycle { closed_at: i64::MAX, ..Cycle::default() };
    for ((at, ..), happening) in flow {
        match happening {
            Happening::Message(row) => say(&mut cycle, row),
            Happening::Opened => cycle.opened_at = cycle.opened_at.or(Some(*at)),
            Happening::Assigned(owner) => cycle.assignee = *owner,
            Happening::Closed => {
                let next = Cycle { closed_at: i64::MAX, assignee: cycle.assignee, ..Cycle::default() };
                cycle.closed_at = *at;
                done.push(std::mem::replace(&mut cycle, next));
            }
        }
    }
    done.push(cycle);
    done
}

/// Cycles that end a day after their last message.
fn silent_cycles(flow: &Flow) -> Vec<Cycle> {
    let mut cycles = vec![Cycle::default()];
    for ((at, ..), happening) in flow {
        let cycle = cycles.last_mut().unwrap();
        match happening {
            Happening::Message(row) => {
                if cycle.said.last().is_some_and(|last| DAY <= at - last.row.at) {
                    let assignee = cycle.assignee;
                    cycles.push(Cycle { assignee, ..Cycle::default() });
                }
                let cycle = cycles.last_mut().unwrap();
                say(cycle, row);
                cycle.closed_at = at + DAY;
            }
            Happening::Assigned(owner) => cycle.assignee = *owner,
            Happening::Opened => {}
            Happening::Closed => unreachable!("a dialog that closes is explicit"),
        }
    }
    cycles
}

fn say(cycle: &mut Cycle, row: &Row) {
    if row.author != "AUTOMATION" {
        cycle.opened_at = cycle.opened_at.or(Some(row.at));
    }
    cycle.said.push(Said { row: row.clone(), assignee: cycle.assignee });
}
