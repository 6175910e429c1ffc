//! Clients' turns: whose each is, and who answered it and when.

use super::dialogs::{Cycle, Dialog, Owner, Said};
use super::messages::Row;

/// A run of client messages that nothing public of the business breaks.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The attributes of its first message; its operator's; as author that of the first reply of any kind.
    pub row: Row,
    /// Whose it is when a bot's reply counts too.
    pub owner_with_bots: Owner,
    pub is_first: bool,
    /// When an operator replied.
    pub replied_at: Option<i64>,
    /// When an operator or a bot did.
    pub replied_at_with_bots: Option<i64>,
    /// Whether the first reply of any kind was a draft that an operator approved.
    pub assisted: bool,
    /// Whether somebody unknown wrote where the first reply may have been.
    pub unknown: bool,
    pub closed_at: i64,
}

/// Clients' messages with their owners, and whether they start a turn.
pub fn client_messages(dialogs: &[Dialog]) -> Vec<Row> {
    let mut rows = Vec::new();
    for cycle in dialogs.iter().flat_map(|dialog| &dialog.cycles) {
        for index in 0..cycle.said.len() {
            if cycle.said[index].row.author == "CLIENT" {
                let mut row = cycle.said[index].row.clone();
                row.starts_turn = index == 0 || cycle.said[index - 1].row.author != "CLIENT";
                (row.operator, row.team) = owner(&cycle.said[index], reply(cycle, index, is_operator));
                rows.push(row);
            }
        }
    }
    rows
}

pub fn turns(dialogs: &[Dialog]) -> Vec<Turn> {
    let mut turns = Vec::new();
    for cycle in dialogs.iter().flat_map(|dialog| &dialog.cycles) {
        let mut is_first = true;
        for index in 0..cycle.said.len() {
            let client = |index: usize| cycle.said[index].row.author == "CLIENT";
            if client(index) && (index == 0 || !client(index - 1)) {
                turns.push(turn(cycle, index, is_first));
                is_first = false;
            }
        }
    }
    turns
}

fn turn(cycle: &Cycle, index: usize, is_first: bool) -> Turn {
    let start = &cycle.said[index];
    let by_operator = reply(cycle, index, is_operator);
    let with_bots = reply(cycle, index, |row| is_operator(row) || row.author == "BOT");
    let position = (index + 1..cycle.said.len()).find(|position| replies(&cycle.said[*position].row));
    let until = position.unwrap_or(cycle.said.len());
    let any = position.map(|position| &cycle.said[position].row);
    let mut row = start.row.clone();
    (row.operator, row.team) = owner(start, by_operator);
    row.author = any.map_or("", |any| any.author);
    Turn {
        row,
        owner_with_bots: owner(start, with_bots.filter(|reply| is_operator(reply))),
        is_first,
        replied_at: by_operator.map(|reply| reply.at),
        replied_at_with_bots: with_bots.map(|reply| reply.at),
        assisted: any.is_some_and(|any| any.author == "OPERATOR" && any.assisted),
        unknown: cycle.said[index + 1..until].iter().any(|said| said.row.author == "UNKNOWN"),
        closed_at: cycle.closed_at,
    }
}

fn is_operator(row: &Row) -> bool {
    row.author == "OPERATOR"
}

/// A broadcast is no reply, and nobody knows whether somebody unknown replied.
fn replies(row: &Row) -> bool {
    match row.author {
        "OPERATOR" | "BOT" => true,
        "AUTOMATION" => row.campaign.is_empty(),
        _ => false,
    }
}

/// The first reply of some kind to a client's message.
fn reply(cycle: &Cycle, index: usize, counts: impl Fn(&Row) -> bool) -> Option<&Row> {
    cycle.said[index + 1..].iter().map(|said| &said.row).find(|row| counts(row))
}

/// A client's message belongs to the operator who replies, if named, else to the assignee at the time.
fn owner(message: &Said, reply: Option<&Row>) -> Owner {
    match reply {
        Some(reply) if !reply.operator.is_empty() => (reply.operator, reply.team),
        _ => message.assignee,
    }
}
