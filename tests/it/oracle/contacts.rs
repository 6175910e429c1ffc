//! Unsubscribes: who was written to, who left and who came back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::answer::Facts;
use super::events::{Event, HOUR, id};
use super::expected::{Keeps, Measures, within};
use super::measure::{Level, quality, share};
use super::messages::Row;
use super::people::Name;

pub struct Unsubscribes<'a> {
    facts: &'a Facts,
    exposures: Vec<Row>,
    opt_outs: Vec<OptOut>,
    mutes: Vec<Row>,
}

struct OptOut {
    row: Row,
    who: BTreeSet<Name>,
    /// Told by a failed send only.
    through_failure: bool,
    came_back: bool,
}

/// What a contact told a channel, or a failed message tells of it. Returns come first at one instant, failures last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Returned,
    Muted,
    Left,
    LeftByFailure,
}

struct Told {
    order: (i64, usize, [String; 3]),
    what: What,
    /// The contact, the channel, and what is known beside.
    row: Row,
}

/// The person who is the contact, else the one whose the place is.
fn contact_of(facts: &Facts, row: &Row) -> BTreeSet<Name> {
    facts.people.person(&match row.contact {
        "" => Name::Chat(row.channel, row.account, row.chat),
        contact => Name::Contact(contact),
    })
}

impl<'a> Unsubscribes<'a> {
    pub fn of(facts: &'a Facts) -> Self {
        let reached = |row: &&Row| row.known && (row.went_out || row.arrived);
        let mut all = Self {
            facts,
            exposures: facts.outbound.iter().filter(reached).cloned().collect(),
            opt_outs: Vec::new(),
            mutes: Vec::new(),
        };
        let mut told = told(facts);
        told.sort_by(|one, other| one.order.cmp(&other.order));
        for (index, one) in told.iter().enumerate() {
            let who = contact_of(facts, &one.row);
            let same = |other: &&Told| other.row.channel == one.row.channel && contact_of(facts, &other.row) == who;
            let moves = |other: &&Told| other.what != What::Muted;
            let before = told[..index].iter().rev().filter(same).find(moves);
            let is_out = before.is_some_and(|before| before.what != What::Returned);
            let came_back = told[index..].iter().filter(same).any(|other| other.what == What::Returned);
            let through_failure = one.what == What::LeftByFailure;
            match one.what {
                What::Returned => {}
                What::Muted => all.mutes.push(all.attributed(&one.row)),
                What::LeftByFailure if is_out => {}
                What::Left | What::LeftByFailure => {
                    all.opt_outs.push(OptOut { row: all.attributed(&one.row), who, through_failure, came_back });
                }
            }
        }
        all
    }

    /// A row with the attributes of the last message that the contact was sent on the channel.
    fn attributed(&self, row: &Row) -> Row {
        let soon = |sent: &&Row| sent.at < row.at && row.at <= sent.at + 72 * HOUR;
        let same =
            |sent: &&Row| sent.channel == row.channel && contact_of(self.facts, sent) == contact_of(self.facts, row);
        let last = self
            .exposures
            .iter()
            .filter(same)
            .filter(soon)
            .max_by_key(|sent| (sent.at, [sent.message, sent.account, sent.chat].map(str::to_owned)));
        let nothing = Row { account: row.account, segments: row.segments.clone(), ..Row::default() };
        Row { at: row.at, channel: row.channel, contact: row.contact, ..last.cloned().unwrap_or(nothing) }
    }
}

fn told(facts: &Facts) -> Vec<Told> {
    let mut told = Vec::new();
    for (index, event) in facts.events.iter().enumerate() {
        let (step, what) = match event.kind {
            "contact.subscribed" | "contact.unblocked" => (0, What::Returned),
            "contact.muted" => (1, What::Muted),
            "contact.unsubscribed" | "contact.blocked" => (1, What::Left),
            _ => continue,
        };
        let row = Row {
            at: event.at,
            channel: event.channel,
            account: event.account,
            contact: event.contact,
            segments: event.segments.iter().copied().collect(),
            ..Row::default()
        };
        told.push(Told { order: (event.at, step, [id(index), String::new(), String::new()]), what, row });
    }
    for row in &facts.outbound {
        let Some(at) = row.failed_at.filter(|_| row.failure == Some("OPT_OUT") && !row.arrived) else { continue };
        if !is_ambiguous(row, &facts.events) {
            let order = (at, 2, [row.message, row.account, row.chat].map(str::to_owned));
            told.push(Told { order, what: What::LeftByFailure, row: Row { at, ..row.clone() } });
        }
    }
    told
}

/// One code of WhatsApp's says "undeliverable" for many reasons.
fn is_ambiguous(row: &Row, events: &[Event]) -> bool {
    let own = |event: &&Event| {
        event.kind == "message.failed"
            && (event.channel, event.account, event.chat, event.message)
                == (row.channel, row.account, row.chat, row.message)
    };
    row.channel == "WHATSAPP" && events.iter().filter(own).any(|event| event.code == "131026")
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

fn distinct(persons: impl Iterator<Item = BTreeSet<Name>>) -> usize {
    persons.collect::<BTreeSet<_>>().len()
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
        let of = |row: &Row| contact_of(self.facts, row);
        let exposed = distinct(exposures.iter().map(|row| of(row)));
        let unsubscribed = distinct(opt_outs.iter().map(|opt_out| opt_out.who.clone()));
        let gone = opt_outs.iter().filter(|opt_out| !opt_out.came_back).map(|opt_out| opt_out.who.clone());

        let telling = distinct(exposures.iter().filter(|row| tells_mutes(row)).map(|row| of(row)));
        let muted = distinct(self.mutes.iter().filter(|row| tells_mutes(row) && lies(row)).map(of));
        let blind = 0 < exposed && telling == 0;

        let failed = opt_outs.iter().any(|opt_out| opt_out.through_failure);
        let lowered = failed.then_some(Level::Approximate);
        let level = exposures.iter().map(|row| level(row)).chain(lowered).max().unwrap_or(Level::Exact);
        let warnings: &[&str] = if failed { &["SEEN_BY_FAILURE"] } else { &[] };
        json!({
            "rate": share(unsubscribed, exposed),
            "muteRate": share(muted, telling),
            "unsubscribed": unsubscribed,
            "netUnsubscribed": distinct(gone),
            "exposed": exposed,
            "muted": (!blind).then_some(muted),
            "quality": quality(level, exposed, self.facts.now < to, warnings),
        })
    }
}
