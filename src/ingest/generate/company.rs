//! The company that the traffic belongs to: its channels, operators and contacts.

use chrono_tz::Tz;

use super::chance::Chance;
use super::rhythm::Hour;
use super::sink::Sink;
use crate::model::clock::Millis;
use crate::model::event::{Cost, Kind};

/// What a channel reports of an outbound message's reading.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Reads {
    None,
    EachMessage,
    /// A mark with a number, or sometimes without one.
    Watermark {
        without_number: f64,
    },
}

/// How the platform numbers messages. Numbers grow with time, as watermarks need it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum MessageIds {
    /// `wamid.…`: unique everywhere.
    Unique(&'static str),
    /// A number in the chat, counted from here.
    From(i64),
}

pub(super) struct ChannelTraits {
    pub name: &'static str,
    pub accounts: &'static [&'static str],
    share: f64,
    pub accepts: bool,
    pub delivers: bool,
    pub reads: Reads,
    pub ids: MessageIds,
}

/// What each platform can know; see `model::channel` for the sources.
pub(super) static CHANNELS: [ChannelTraits; 5] = [
    ChannelTraits {
        name: "WHATSAPP",
        accounts: &["+49301234567", "+49301234568"],
        share: 0.34,
        accepts: true,
        delivers: true,
        reads: Reads::EachMessage,
        ids: MessageIds::Unique("wamid.HBg"),
    },
    ChannelTraits {
        name: "TELEGRAM",
        accounts: &["shop_bot", "help_bot"],
        share: 0.26,
        accepts: false,
        delivers: false,
        reads: Reads::None,
        ids: MessageIds::From(1),
    },
    ChannelTraits {
        name: "VK",
        accounts: &["club177001"],
        share: 0.17,
        accepts: false,
        delivers: false,
        reads: Reads::Watermark { without_number: 0.0 },
        ids: MessageIds::From(1),
    },
    ChannelTraits {
        name: "MAX",
        accounts: &["max_shop"],
        share: 0.13,
        accepts: false,
        delivers: false,
        reads: Reads::None,
        ids: MessageIds::Unique("mid."),
    },
    ChannelTraits {
        name: "VIBER",
        accounts: &["viber_shop"],
        share: 0.10,
        accepts: true,
        delivers: true,
        reads: Reads::Watermark { without_number: 0.5 },
        // Tokens of 64 bits, beyond what a float keeps.
        ids: MessageIds::From(5_900_000_000_000_000_000),
    },
];

pub(super) struct Operator {
    pub name: &'static str,
    pub team: &'static str,
    /// The local hour in which the shift of nine hours begins.
    shift: u32,
    /// The first of two days off, 0 is Monday.
    day_off: u32,
    /// Slower than the average by this factor.
    pub pace: f64,
    /// The chance that a rating is the best one.
    pub charm: f64,
}

const fn operator(name: &'static str, team: &'static str, shift: u32, day_off: u32, pace: f64, charm: f64) -> Operator {
    Operator { name, team, shift, day_off, pace, charm }
}

pub(super) static OPERATORS: [Operator; 12] = [
    operator("anna", "sales", 8, 5, 0.7, 0.68),
    operator("boris", "sales", 9, 5, 1.0, 0.55),
    operator("clara", "sales", 12, 6, 1.2, 0.6),
    operator("dmitri", "sales", 13, 2, 1.6, 0.42),
    operator("elena", "support", 8, 5, 0.9, 0.62),
    operator("farid", "support", 8, 0, 0.8, 0.58),
    operator("greta", "support", 10, 6, 1.1, 0.5),
    operator("hugo", "support", 12, 5, 1.4, 0.47),
    operator("irina", "support", 13, 3, 0.6, 0.7),
    operator("jonas", "billing", 9, 5, 1.3, 0.52),
    operator("kira", "billing", 9, 5, 0.9, 0.6),
    operator("lev", "billing", 13, 1, 2.0, 0.35),
];

const SHIFT_HOURS: u32 = 9;

impl Operator {
    fn works(&self, hour: Hour) -> bool {
        let is_off = hour.weekday == self.day_off || hour.weekday == (self.day_off + 1) % 7;
        !is_off && (self.shift..self.shift + SHIFT_HOURS).contains(&hour.local_hour)
    }
}

/// One client on one channel.
#[derive(Clone, Copy)]
pub(super) struct Contact {
    pub index: u64,
    pub channel: &'static ChannelTraits,
    pub account: &'static str,
}

impl Contact {
    /// Labels that stay with the contact.
    pub fn segments(&self) -> Vec<&'static str> {
        let mut segments = vec![["new", "regular", "regular", "vip"][(self.index % 4) as usize]];
        if self.index.is_multiple_of(3) {
            segments.push("newsletter");
        }
        segments
    }
}

pub(super) struct Company {
    pub zone: Tz,
    contacts: u64,
}

/// Messages that one contact takes part in, on average: it decides how many contacts there are.
const MESSAGES_PER_CONTACT: u64 = 40;

impl Company {
    pub fn new(messages: u64, zone: Tz) -> Self {
        Self { zone, contacts: messages / MESSAGES_PER_CONTACT + 25 }
    }

    /// Few contacts write often, many write seldom.
    pub fn pick_contact(&self, chance: &mut Chance) -> Contact {
        let skewed = chance.between(0.0, 1.0).powf(1.7);
        self.contact((skewed * self.contacts as f64) as u64)
    }

    /// Any contact, as a campaign reaches them.
    pub fn any_contact(&self, chance: &mut Chance) -> Contact {
        self.contact(chance.below(self.contacts as i64).unsigned_abs())
    }

    fn contact(&self, index: u64) -> Contact {
        // Spreads neighbours over the channels: a multiplicative hash, by the golden ratio.
        let hash = index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let mut place = (hash % 1_000) as f64 / 1_000.0;
        let mut channel = &CHANNELS[0];
        for candidate in &CHANNELS {
            channel = candidate;
            if place < candidate.share {
                break;
            }
            place -= candidate.share;
        }
        let account = channel.accounts[(hash % channel.accounts.len() as u64) as usize];
        Contact { index, channel, account }
    }

    /// An operator who works at this time, or who starts next, and when he can first answer.
    pub fn operator_for(&self, at: Millis, chance: &mut Chance) -> (&'static Operator, Millis) {
        let mut hour = Hour::at(at, self.zone);
        // Somebody works on every day, so a day and a half is enough.
        for _ in 0..36 {
            let working: Vec<&'static Operator> = OPERATORS.iter().filter(|operator| operator.works(hour)).collect();
            if !working.is_empty() {
                return (*chance.pick(&working), at.max(hour.start));
            }
            hour = Hour::at(hour.start + super::rhythm::HOUR_MS, self.zone);
        }
        (&OPERATORS[0], at)
    }

    /// What the clock brings: shifts begin and end, the day's bill arrives.
    pub fn begin_hour(&self, hour: Hour, chance: &mut Chance, sink: &mut Sink) {
        let before = Hour::at(hour.start - 1, self.zone);
        for operator in &OPERATORS {
            let kind = match (operator.works(before), operator.works(hour)) {
                (false, true) => Kind::OperatorOnline,
                (true, false) => Kind::OperatorOffline,
                _ => continue,
            };
            let mut event = sink.event(kind, hour.start + chance.below(300_000));
            event.channel = Some("DESK".into());
            event.operator = Some(operator.name.into());
            event.team = Some(operator.team.into());
            sink.put(event);
        }
        if hour.local_hour == 23 {
            let mut event = sink.event(Kind::SpendRecorded, hour.start);
            event.channel = Some(CHANNELS[0].name.into());
            event.account = Some(CHANNELS[0].accounts[0].into());
            event.cost = Some(Cost {
                amount: Some(format!("{:.2}", chance.amount(40.0, 0.3)).into()),
                currency: Some("EUR".into()),
                category: Some("marketing".into()),
            });
            sink.put(event);
        }
    }
}
