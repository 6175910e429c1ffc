//! Unsubscribes: who was written to, who left and who came back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::answer::Facts;
use super::events::{Event, HOUR, id};
use super::expected::{Keeps, Measures, within};
use super::measure::{Level, quality, share};
use super::messages::Row;

pub struct Unsubscribes<'a> {
    facts: &'a Facts,
    exposures: Vec<Row>,
    opt_outs: Vec<OptOut>,
    mutes: Vec<Row>,
}

struct OptOut {
    row: Row,
    /// Told by a failed send only.
    through_failure: bool,
    came_back: bool,
}

/// The contact, else the place.
fn contact(contact: &str, channel: &str, account: &str, chat: &str) -> String {
    if contact.is_empty() { [channel, account, chat].join(" ") } else { contact.to_owned() }
}

fn contact_of(row: &Row) -> String {
    contact(row.contact, row.channel, row.account, row.chat)
}

fn contact_named(event: &Event) -> String {
    contact(event.contact, event.channel, event.account, event.chat)
}

impl<'a> Unsubscribes<'a> {
    pub fn of(facts: &'a Facts) -> Self {
        let mut all = Self {
            facts,
            exposures: facts.outbound.iter().filter(|row| row.known && row.accepted).cloned().collect(),
            opt_outs: Vec::new(),
            mutes: Vec::new(),
        };
        for (index, event) in facts.events.iter().enumerate() {
            let through_failure = event.kind == "message.failed";
            if event.kind == "contact.muted" {
                all.mutes.push(all.attributed(event));
            } else if opts_out(event, &facts.events) && !(through_failure && all.is_out(index, event)) {
                let row = all.attributed(event);
                let came_back = all.came_back(index, event);
                all.opt_outs.push(OptOut { row, through_failure, came_back });
            }
        }
        all
    }

    /// What happens to the event's contact on its channel, in order.
    fn same_contact(&self, event: &Event) -> Vec<(i64, String, &Event)> {
        let own = contact_named(event);
        let mut events: Vec<(i64, String, &Event)> = (self.facts.events.iter().enumerate())
            .filter(|(_, other)| other.channel == event.channel && contact_named(other) == own)
            .map(|(index, other)| (other.at, id(index), other))
            .collect();
        events.sort_by_key(|(at, id, _)| (*at, id.clone()));
        events
    }

    /// Whether the contact had opted out before the event, and not come back since.
    fn is_out(&self, index: usize, event: &Event) -> bool {
        let mut is_out = false;
        for (at, other_id, other) in self.same_contact(event) {
            if (event.at, &id(index)) <= (at, &other_id) {
                break;
            }
            is_out = !returns(other) && (is_out || opts_out(other, &self.facts.events));
        }
        is_out
    }

    fn came_back(&self, index: usize, event: &Event) -> bool {
        let after = |at: i64, other: &String| (event.at, &id(index)) < (at, other);
        self.same_contact(event).iter().any(|(at, id, other)| after(*at, id) && returns(other))
    }

    /// An event with the attributes of the last message that the contact was sent on the channel.
    fn attributed(&self, event: &Event) -> Row {
        let own = contact_named(event);
        let soon = |row: &&Row| row.at < event.at && event.at <= row.at + 72 * HOUR;
        let sent = self.exposures.iter().filter(|row| row.channel == event.channel && contact_of(row) == own);
        let last =
            sent.filter(soon).max_by_key(|row| (row.at, [row.message, row.channel, row.account, row.chat].join(" ")));
        let nothing =
            Row { account: event.account, segments: event.segments.iter().copied().collect(), ..Row::default() };
        Row {
            at: event.at,
            channel: event.channel,
            contact: event.contact,
            // Who has no name is named by the place, and that is the message's too.
            chat: event.chat,
            ..last.cloned().unwrap_or(nothing)
        }
    }
}

fn returns(event: &Event) -> bool {
    matches!(event.kind, "contact.subscribed" | "contact.unblocked")
}

/// Whether an event says that its contact opted out, however it says so.
fn opts_out(event: &Event, events: &[Event]) -> bool {
    match event.kind {
        "contact.unsubscribed" | "contact.blocked" => true,
        "message.failed" if event.reason == "OPT_OUT" => {
            let message = |event: &Event| (event.channel, event.account, event.chat, event.message);
            let arrived = |other: &Event| {
                matches!(other.kind, "message.delivered" | "message.read") && message(other) == message(event)
            };
            (event.channel, event.code) != ("WHATSAPP", "131026") && !events.iter().any(arrived)
        }
        _ => false,
    }
}

fn tells_mutes(row: &Row) -> bool {
    !["WHATSAPP", "TELEGRAM", "VIBER", "VK"].contains(&row.channel)
}

/// How well a channel tells who opts out.
fn level(row: &Row) -> Level {
    match row.channel {
        "WHATSAPP" | "TELEGRAM" | "VIBER" | "MAX" | "VK" => Level::Exact,
        _ => Level::LowerBound,
    }
}

fn distinct<'a>(rows: impl Iterator<Item = &'a Row>) -> usize {
    rows.map(contact_of).collect::<BTreeSet<_>>().len()
}

impl Measures for Unsubscribes<'_> {
    fn rows(&self, from: i64, to: i64) -> Vec<&Row> {
        let opt_outs = self.opt_outs.iter().map(|opt_out| &opt_out.row);
        let mutes = self.mutes.iter().filter(|row| tells_mutes(row));
        self.exposures.iter().chain(opt_outs).chain(mutes).filter(within(from, to)).collect()
    }

    fn metrics(&self, from: i64, to: i64, keeps: Keeps) -> Value {
        let lies = |row: &Row| within(from, to)(&row) && keeps(row);
        let exposures: Vec<&Row> = self.exposures.iter().filter(|row| lies(row)).collect();
        let opt_outs: Vec<&OptOut> = self.opt_outs.iter().filter(|opt_out| lies(&opt_out.row)).collect();
        let exposed = distinct(exposures.iter().copied());
        let unsubscribed = distinct(opt_outs.iter().map(|opt_out| &opt_out.row));
        let gone = opt_outs.iter().filter(|opt_out| !opt_out.came_back).map(|opt_out| &opt_out.row);

        let telling = distinct(exposures.iter().copied().filter(|row| tells_mutes(row)));
        let muted = distinct(self.mutes.iter().filter(|row| tells_mutes(row) && lies(row)));
        let blind = 0 < exposed && telling == 0;

        let failed = opt_outs.iter().any(|opt_out| opt_out.through_failure).then_some(Level::Approximate);
        let level = exposures.iter().map(|row| level(row)).chain(failed).max().unwrap_or(Level::Exact);
        json!({
            "rate": share(unsubscribed, exposed),
            "muteRate": share(muted, telling),
            "unsubscribed": unsubscribed,
            "netUnsubscribed": distinct(gone),
            "exposed": exposed,
            "muted": (!blind).then_some(muted),
            "quality": quality(level, exposed, self.facts.now < to, &[]),
        })
    }
}
