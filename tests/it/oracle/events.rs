//! Random events of small domains, so that they collide: the same message, the same instant, the same dialog.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::local::written;
use super::outcomes::{Conversion, Survey, conversion, survey};
use super::schedule::{Schedule, schedule};
use crate::world::instant;

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

pub const CHANNELS: &[&str] = &["WHATSAPP", "TELEGRAM", "VIBER", "VK", "SITE", "MAX"];
pub const ACCOUNTS: &[&str] = &["a", "b", ""];
pub const CHATS: &[&str] = &["x", "y", "z"];
pub const OPERATORS: &[&str] = &["", "anna", "bob"];
pub const TEAMS: &[&str] = &["", "north", "south"];
pub const CONTACTS: &[&str] = &["", "c1", "c2", "c3"];
/// Other names of contacts, and a deal.
const IDENTITIES: &[&str] = &["phone:+4915111111111", "telegram:1", "crm:1:contact:2", "crm:1:deal:7"];
pub const SEGMENTS: &[&str] = &["vip", "new"];
pub const CAMPAIGNS: &[&str] = &["", "", "", "spring", "fall"];
pub const SCENARIOS: &[&str] = &["", "welcome", "faq"];
pub const SOURCES: &[&str] = &["", "ad", "link"];
pub const MESSAGE_KINDS: &[&str] = &["text", "image", "note", ""];
const AUTHORS: &[&str] = &["OPERATOR", "OPERATOR", "", "BOT", "BOT", "AUTOMATION", "SYSTEM", "UNKNOWN"];
const DIALOGS: &[&str] = &["", "", "", "d1", "d1", "d2"];
const REASONS: &[&str] = &["", "RECIPIENT", "OPT_OUT", "OPT_OUT", "POLICY", "SENDER", "TRANSIENT", "UNKNOWN"];
/// The second says nothing certain of a contact.
const CODES: &[&str] = &["", "131026", "131050"];
/// Numbers for read marks to reach, in another order than as texts, and ids that are no numbers. The last is 2 beyond a
/// multiple of 2^64.
const MESSAGES: &[&str] = &["2", "10", "1", "007", "m", "0", "36893488147419103234"];
/// Ids that only messages themselves have, so that fewer of them are said to be two things at once.
const FRESH: &[&str] = &["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "20", "21", "22"];
const MARKS: &[&str] = &["", "", "2", "1", "7", "10", "0", "18446744073709551615"];

/// First days of windows: around changes of clocks in Berlin, Lord Howe and St. John's, a leap day, and plain summer.
const WINDOWS: &[&str] = &[
    "2026-06-28T00:00:00Z",
    "2026-03-27T00:00:00Z",
    "2026-10-23T00:00:00Z",
    "2026-04-03T00:00:00Z",
    "2026-10-02T00:00:00Z",
    "2026-03-06T00:00:00Z",
    "2026-10-30T00:00:00Z",
    "2028-02-27T00:00:00Z",
];

/// An event as it is sent; `""` is an absent field.
#[derive(Clone, Default)]
pub struct Event {
    pub kind: &'static str,
    pub at: i64,
    pub channel: &'static str,
    pub account: &'static str,
    pub chat: &'static str,
    pub message: &'static str,
    pub dialog: &'static str,
    pub who: Who,
    pub contact: &'static str,
    pub identities: Vec<&'static str>,
    pub segments: Vec<&'static str>,
    pub campaign: &'static str,
    pub scenario: &'static str,
    pub source: &'static str,
    pub message_kind: &'static str,
    pub reason: &'static str,
    pub code: &'static str,
    pub assisted: bool,
    pub survey: Option<Survey>,
    pub conversion: Option<Conversion>,
}

/// The id under which the event at an index is sent.
pub fn id(index: usize) -> String {
    format!("e{index}")
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Who {
    pub operator: &'static str,
    pub team: &'static str,
    pub author: &'static str,
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut json = self.json(0);
        json["at"] = written(self.at).into();
        write!(f, "{json}")
    }
}

impl Event {
    pub fn is_origin(&self) -> bool {
        self.is_outbound_origin() || self.kind == "message.received"
    }

    pub fn is_outbound_origin(&self) -> bool {
        matches!(self.kind, "message.accepted" | "message.sent" | "message.failed")
    }

    pub fn json(&self, index: usize) -> Value {
        let mut json = json!({
            "id": id(index), "kind": self.kind, "at": self.at, "channel": self.channel, "account": self.account,
            "chat": self.chat, "message": self.message, "dialog": self.dialog, "operator": self.who.operator,
            "team": self.who.team, "author": self.who.author, "contact": self.contact, "identities": self.identities, "segments": self.segments,
            "campaign": self.campaign, "scenario": self.scenario, "source": self.source,
            "message_kind": self.message_kind, "failure": {"reason": self.reason, "code": self.code}, "assisted": self.assisted,
            "survey": self.survey.map(Survey::json), "conversion": self.conversion.map(Conversion::json),
        });
        json.as_object_mut().unwrap().retain(|_, value| value != "" && !value.is_null());
        if self.identities.is_empty() {
            json.as_object_mut().unwrap().remove("identities");
        }
        json
    }
}

/// What a source told us, how it arrived, and when it is asked about.
#[derive(Clone, Debug)]
pub struct History {
    pub window: i64,
    pub events: Vec<Event>,
    pub arrival: u64,
    pub now: i64,
    /// The tenant's hours of business, where it has told them.
    pub schedule: Option<Schedule>,
}

/// The last events of a window happen so long after its beginning.
pub const WINDOW: i64 = 7 * DAY;

pub fn history() -> impl Strategy<Value = History> {
    let places = vec((select(CHANNELS), select(ACCOUNTS), select(CHATS)), 1..=3);
    // Mostly after everything but what comes late; else in the midst of it.
    let now = prop_oneof![3 => 28_i64..=60, 1 => 2_i64..28].prop_map(|steps| steps * 6 * HOUR);
    let events = prop_oneof![1 => vec(event(), 1..=20), 2 => vec(event(), 30..=120)];
    let schedule = schedule().prop_map(Some);
    (select(WINDOWS), places, events, any::<u64>(), any::<bool>(), now, schedule).prop_map(
        |(window, places, mut events, arrival, names_dialogs, now, schedule)| {
            let window = instant(window);
            for (place, event) in &mut events {
                event.at += window;
                (event.channel, event.account, event.chat) = places[*place % places.len()];
                if !names_dialogs {
                    event.dialog = "";
                }
                settle(event);
            }
            let now = window + now;
            let events = events.into_iter().map(|(_, event)| event).filter(|event| event.at <= now).collect();
            History { window, events, arrival, now, schedule: schedule.map(|schedule| schedule.of(window)) }
        },
    )
}

/// Leaves out what an event of its kind need not name, some of the time, and puts in what it must.
fn settle(event: &mut Event) {
    let subject = event.kind.split('.').next().unwrap();
    let drawn = event.message;
    match subject {
        "dialog" if !event.dialog.is_empty() && drawn == "m" => event.chat = "",
        "survey" | "conversion" if matches!(drawn, "m" | "1" | "007") => event.chat = "",
        "contact" => {
            if drawn == "m" {
                event.chat = "";
            }
            if event.contact.is_empty() {
                event.contact = "c1";
            }
        }
        _ => {}
    }
    if matches!(subject, "survey" | "conversion" | "contact") {
        event.message = "";
    }
}

fn kind() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        14 => Just("message.received"),
        14 => Just("message.sent"),
        2 => Just("message.accepted"),
        2 => Just("message.delivered"),
        2 => Just("message.read"),
        2 => Just("message.failed"),
        1 => select(&["message.clicked", "message.button_pressed", "message.reacted", "message.forwarded"][..]),
        2 => Just("read.watermark"),
        1 => Just("dialog.opened"),
        2 => select(&["dialog.assigned", "dialog.handed_off"][..]),
        1 => Just("dialog.closed"),
        1 => Just("survey.sent"),
        2 => Just("survey.rated"),
        3 => Just("conversion.recorded"),
        1 => Just("conversion.reverted"),
        2 => select(&["contact.unsubscribed", "contact.blocked"][..]),
        1 => select(&["contact.subscribed", "contact.unblocked"][..]),
        1 => select(&["contact.muted", "contact.muted", "contact.unmuted"][..]),
        1 => Just("contact.linked"),
    ]
}

fn event() -> impl Strategy<Value = (usize, Event)> {
    // Six hours apart and a little beside: ties, gaps of a day exactly, gaps of more and of less, talks.
    let step = prop_oneof![2 => 0_i64..24, 2 => 0_i64..6, 2 => 0_i64..2];
    let beside = select(&[0, 0, 0, HOUR, 90 * MINUTE, 1, -1, 30 * MINUTE, 20_000, 5 * MINUTE, 31 * MINUTE][..]);
    let late = select(&[0, 0, 7 * DAY, 7 * DAY + 1][..]);
    let at = (step, beside, late);
    let ids = (select(MESSAGES), select(MARKS), select(DIALOGS), prop::option::weighted(0.6, select(FRESH)));
    let who = (select(OPERATORS), select(TEAMS), select(AUTHORS), any::<bool>(), select(&[false, false, true][..]));
    let words = (select(CONTACTS), select(CAMPAIGNS), select(SCENARIOS), select(SOURCES), subsequence(SEGMENTS, 0..=2));
    let message_kind = prop_oneof![3 => Just("text"), 3 => select(MESSAGE_KINDS)];
    let names = (subsequence(IDENTITIES, 0..=2), 0..20);
    let rest = (message_kind, select(REASONS), select(CODES), survey(), conversion(), names);
    (0_usize..6, kind(), at, ids, who, words, rest).prop_map(|(place, kind, at, ids, who, words, rest)| {
        let (operator, team, author, client, assisted) = who;
        let (step, beside, late) = at;
        let late =
            if matches!(kind, "survey.rated" | "conversion.recorded" | "conversion.reverted") { late } else { 0 };
        // What only a client can do is a client's; what a client cannot do is not.
        let author = match kind {
            "message.received" => ["", "CLIENT"][usize::from(client)],
            "message.accepted" | "message.sent" | "message.failed" => author,
            _ => [author, "CLIENT"][usize::from(client)],
        };
        let event = Event {
            kind,
            at: 6 * HOUR * (step + 1) + beside + late,
            channel: "",
            account: "",
            chat: "",
            message: match kind {
                "read.watermark" => ids.1,
                "message.received" | "message.sent" => ids.3.unwrap_or(ids.0),
                _ => ids.0,
            },
            dialog: ids.2,
            who: Who { operator, team, author },
            // A conversion can be of a deal; few messages say who else their contact is.
            contact: match (kind, rest.5.1) {
                ("conversion.recorded", 0..5) => "crm:1:deal:7",
                _ => words.0,
            },
            identities: if kind == "contact.linked" || rest.5.1 == 0 { rest.5.0 } else { Vec::new() },
            segments: words.4,
            campaign: words.1,
            scenario: words.2,
            source: words.3,
            message_kind: rest.0,
            reason: rest.1,
            code: rest.2,
            assisted,
            survey: kind.starts_with("survey.").then_some(rest.3).map(|survey| survey.of(kind)),
            conversion: kind.starts_with("conversion.").then_some(rest.4),
        };
        (place, event)
    })
}

/// The bodies in which the events arrive: in any order, some of them twice, in any pieces.
pub fn arrivals(history: &History) -> Vec<Vec<Value>> {
    let mut arrivals: Vec<(u64, usize)> = Vec::new();
    for index in 0..history.events.len() {
        let draw = mix(history.arrival.wrapping_add(index as u64));
        arrivals.push((draw, index));
        if draw.is_multiple_of(5) {
            arrivals.push((mix(draw), index));
        }
    }
    arrivals.sort_unstable();
    let size = 1 + usize::try_from(history.arrival % 40).unwrap();
    // Pieces of growing size, few enough to be quick.
    let mut bodies = Vec::new();
    let mut rest = &arrivals[..];
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(size * (1 + bodies.len()) + rest.len() / 8));
        bodies.push(piece.iter().map(|(_, index)| history.events[*index].json(*index)).collect());
        rest = after;
    }
    bodies
}

/// A number that shares nothing visible with `seed` (SplitMix64).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
