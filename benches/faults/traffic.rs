//! Events that follow from their numbers, so that the oracle need not keep what it sent.
//!
//! Eight numbers in a row are one small story: four messages sent, two received, and one of the sent ones delivered and read.

use serde_json::json;

/// The same ids are used for both, so that a mistake about tenants shows.
pub const TENANTS: [&str; 2] = ["north", "south"];
pub const DAYS: u64 = 7;
const DAY_MS: i64 = 86_400_000;
/// 2026-03-01T00:00:00Z.
const BEGIN: i64 = 1_772_323_200_000;
/// The days of all events, as GraphQL takes a range.
pub const RANGE: &str = r#"{from: "2026-03-01", to: "2026-03-08"}"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Event {
    pub tenant: usize,
    pub number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sent,
    Received,
    Delivered,
    Read,
}

impl Event {
    pub fn id(self) -> String {
        format!("e-{}", self.number)
    }

    pub fn kind(self) -> Kind {
        match self.number % 8 {
            0..=3 => Kind::Sent,
            4 | 5 => Kind::Received,
            6 => Kind::Delivered,
            _ => Kind::Read,
        }
    }

    /// The story that it belongs to.
    pub fn story(self) -> u64 {
        self.number / 8
    }

    /// 0 is 2026-03-01.
    pub fn day(self) -> u64 {
        self.story() % DAYS
    }

    /// Its line, under an id of its own or another.
    pub fn line(self, id: &str) -> String {
        let (kind, message) = match self.kind() {
            Kind::Sent => ("message.sent", self.number),
            Kind::Received => ("message.received", self.number),
            Kind::Delivered => ("message.delivered", self.story() * 8),
            Kind::Read => ("message.read", self.story() * 8),
        };
        // Within the day, and later for later numbers of a story.
        let second = (self.story() / DAYS % 10_000) * 8 + self.number % 8;
        let at = BEGIN + self.day() as i64 * DAY_MS + second as i64 * 1_000;
        let at = chrono::DateTime::from_timestamp_millis(at).expect("a time of this year").to_rfc3339();
        let mut event = json!({
            "id": id, "kind": kind, "at": at, "channel": "WHATSAPP", "account": "main",
            "chat": format!("chat-{}", self.story() % 500), "message": format!("m-{message}"),
        });
        if self.kind() == Kind::Sent {
            event["operator"] = json!(format!("operator-{}", self.story() % 5));
        }
        event.to_string()
    }
}

/// The lines of a body.
pub fn body(events: &[Event]) -> Vec<u8> {
    let mut text = String::with_capacity(events.len() * 200);
    for event in events {
        text.push_str(&event.line(&event.id()));
        text.push('\n');
    }
    text.into_bytes()
}
