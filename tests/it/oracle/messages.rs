//! What became of each message: the status lattice, read marks and reactions, one message after the other.

use std::collections::{BTreeMap, BTreeSet};

use super::events::{DAY, Event};

/// A row that metrics count: an outbound message or a client's.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub at: i64,
    pub channel: &'static str,
    pub account: &'static str,
    pub chat: &'static str,
    pub message: &'static str,
    pub dialog: &'static str,
    pub operator: &'static str,
    pub team: &'static str,
    pub contact: &'static str,
    pub segments: BTreeSet<&'static str>,
    pub campaign: &'static str,
    pub scenario: &'static str,
    pub source: &'static str,
    pub author: &'static str,
    pub message_kind: &'static str,
    /// Accepted, sent or failed; else only a status tells of it.
    pub known: bool,
    /// Accepted or sent; else it failed at once.
    pub went_out: bool,
    /// A status of its own says that it arrived.
    pub arrived: bool,
    /// When it failed first.
    pub failed_at: Option<i64>,
    pub accepted: bool,
    pub delivered: bool,
    pub read: Option<i64>,
    /// The reason of a failure, delivered or not.
    pub failure: Option<&'static str>,
    /// Whether its account ever told a status of any message.
    pub reports: bool,
    /// Whether the contact did something soon after; `None` for what engagement is not asked of.
    pub engaged: Option<bool>,
    pub starts_turn: bool,
    /// Whether an operator approved a machine's draft.
    pub assisted: bool,
    /// The action of a credited conversion.
    pub conversion_kind: &'static str,
}

/// Outbound messages, and clients' messages without owner and turn. Private notes are neither.
pub fn messages(events: &[Event]) -> (Vec<Row>, Vec<Row>) {
    let mut by_key: BTreeMap<_, Vec<&Event>> = BTreeMap::new();
    for event in events {
        let status = matches!(event.kind, "message.delivered" | "message.read");
        if event.is_origin() || status {
            by_key.entry((event.channel, event.account, event.chat, event.message)).or_default().push(event);
        }
    }
    let (mut outbound, mut inbound) = (Vec::new(), Vec::new());
    for own in by_key.values() {
        let mut row = attributes(own);
        if row.message_kind == "note" {
            continue;
        }
        if let Some(at) = earliest(own, "message.received") {
            row.at = at;
            row.author = "CLIENT";
            inbound.push(row);
        } else {
            follow(&mut row, own, events);
            outbound.push(row);
        }
    }
    (outbound, inbound)
}

fn earliest(own: &[&Event], kind: &str) -> Option<i64> {
    own.iter().filter(|event| event.kind == kind).map(|event| event.at).min()
}

/// Attributes come from the events that bring a message into being; of several the greatest counts.
fn attributes(own: &[&Event]) -> Row {
    let mut row = Row {
        channel: own[0].channel,
        account: own[0].account,
        chat: own[0].chat,
        message: own[0].message,
        ..Row::default()
    };
    for event in own.iter().filter(|event| event.is_origin()) {
        row.operator = row.operator.max(event.who.operator);
        row.team = row.team.max(event.who.team);
        row.dialog = row.dialog.max(event.dialog);
        row.contact = row.contact.max(event.contact);
        row.campaign = row.campaign.max(event.campaign);
        row.scenario = row.scenario.max(event.scenario);
        row.source = row.source.max(event.source);
        row.message_kind = row.message_kind.max(event.message_kind);
        row.segments.extend(&event.segments);
        row.assisted |= event.assisted;
        let author = match event.who.author {
            // Who names an operator and no author means the operator.
            "" if !event.who.operator.is_empty() => "OPERATOR",
            "UNKNOWN" => "",
            author => author,
        };
        row.author = row.author.max(author);
    }
    if row.author.is_empty() {
        row.author = "UNKNOWN";
    }
    row
}

/// The state of an outbound message.
fn follow(row: &mut Row, own: &[&Event], events: &[Event]) {
    let accepted = earliest(own, "message.accepted");
    let sent = earliest(own, "message.sent");
    let failed = earliest(own, "message.failed");
    let delivered = earliest(own, "message.delivered");
    let read = earliest(own, "message.read");
    let status = delivered.into_iter().chain(read).min();

    row.at = sent.or(accepted).or(failed).or(status).unwrap();
    row.known = sent.or(accepted).or(failed).is_some();
    row.went_out = sent.or(accepted).is_some();
    row.arrived = status.is_some();
    row.failed_at = failed;
    row.reports = events.iter().any(|event| {
        let status = ["message.delivered", "message.read", "message.failed", "read.watermark"].contains(&event.kind);
        status && (event.channel, event.account) == (row.channel, row.account)
    });
    row.failure = own
        .iter()
        .filter(|event| event.kind == "message.failed")
        .map(|event| if event.reason == "UNKNOWN" { "" } else { event.reason })
        .max()
        .map(|reason| if reason.is_empty() { "UNKNOWN" } else { reason });

    let number = row.message.parse::<u64>().ok();
    let marks = in_chat(row, events).filter(|event| event.kind == "read.watermark").filter(|mark| {
        match mark.message.parse::<u64>() {
            Ok(up_to) => number.is_some_and(|number| number <= up_to),
            Err(_) => status.is_some_and(|status| status < mark.at),
        }
    });
    row.read = marks.map(|mark| mark.at).chain(read).min();
    row.delivered = delivered.is_some() || row.read.is_some();
    row.accepted = row.went_out || row.delivered;
    if row.known && (row.went_out || status.is_some()) {
        let soon = |event: &Event| row.at < event.at && event.at <= row.at + DAY;
        row.engaged = Some(in_chat(row, events).any(|event| is_by_contact(event) && soon(event)));
    }
}

fn in_chat<'a>(row: &Row, events: &'a [Event]) -> impl Iterator<Item = &'a Event> + use<'a> {
    let place = (row.channel, row.account, row.chat);
    events.iter().filter(move |event| (event.channel, event.account, event.chat) == place)
}

/// Whether the contact wrote, clicked, pressed a button or reacted.
fn is_by_contact(event: &Event) -> bool {
    match event.kind {
        "message.received" => true,
        "message.clicked" | "message.button_pressed" | "message.reacted" => {
            event.who.author == "CLIENT"
                || (matches!(event.who.author, "" | "UNKNOWN") && event.who.operator.is_empty())
        }
        _ => false,
    }
}
