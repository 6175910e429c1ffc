//! A generated history with something of everything, the same in every run.

use serde_json::{Value, json};

/// The first instant of the history: 2026-03-02T00:00:00Z, a Monday.
const START: i64 = 1_772_409_600_000;
const MINUTE: i64 = 60_000;

/// Draws that share nothing visible (SplitMix64).
struct Draws(u64);

impl Draws {
    fn next(&mut self, below: u64) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % below).unwrap()
    }

    fn of<'a>(&mut self, values: &[&'a str]) -> &'a str {
        values[self.next(values.len() as u64)]
    }
}

/// Twelve days of a dozen chats on four channels.
pub fn events(count: usize) -> Vec<Value> {
    let mut draws = Draws(7);
    let mut events = Vec::new();
    for index in 0..count {
        let chat = draws.next(12);
        let channel = ["WHATSAPP", "TELEGRAM", "VIBER", "MAX"][chat % 4];
        let at = START + (draws.next(12 * 24 * 12) as i64) * 5 * MINUTE;
        let account = ["a", "b"][chat % 2];
        let mut event = json!({"at": at, "channel": channel, "account": account, "chat": format!("chat{chat}")});
        let put = |event: &mut Value, name: &str, value: &str| {
            if !value.is_empty() {
                event[name] = value.into();
            }
        };
        let contact = if chat.is_multiple_of(5) { String::new() } else { format!("c{}", chat / 2) };
        put(&mut event, "contact", &contact);
        put(&mut event, "dialog", if chat < 3 { "d" } else { "" });
        put(&mut event, "campaign", draws.of(&["", "", "", "spring"]));
        put(&mut event, "scenario", draws.of(&["", "faq"]));
        put(&mut event, "source", draws.of(&["", "ad"]));
        if draws.next(3) == 0 {
            event["segments"] = [json!(["vip"]), json!(["vip", "new"])][draws.next(2)].clone();
        }
        let message = format!("m{}", draws.next(40));
        let kind = draws.of(&[
            "message.received",
            "message.received",
            "message.received",
            "message.sent",
            "message.sent",
            "message.sent",
            "message.accepted",
            "message.delivered",
            "message.delivered",
            "message.read",
            "message.failed",
            "dialog.assigned",
            "dialog.closed",
            "survey",
            "conversion",
            "contact",
        ]);
        match kind {
            "survey" => {
                event["kind"] = draws.of(&["survey.sent", "survey.rated"]).into();
                let score = i64::try_from(draws.next(5)).unwrap() + 1;
                event["survey"] = match event["kind"] == "survey.rated" {
                    true => json!({"id": format!("s{}", draws.next(12)), "score": score, "scale": 5}),
                    false => json!({"id": format!("s{}", draws.next(12))}),
                };
            }
            "conversion" => {
                event["kind"] = "conversion.recorded".into();
                event["conversion"] =
                    json!({"action": draws.of(&["purchase", "form"]), "value": "10.5", "currency": "EUR"});
            }
            "contact" if contact.is_empty() => continue,
            "contact" => {
                event["kind"] = draws
                    .of(&["contact.unsubscribed", "contact.blocked", "contact.muted", "contact.subscribed"])
                    .into();
            }
            kind => {
                event["kind"] = kind.into();
                if kind.starts_with("message.") {
                    event["message"] = message.into();
                }
                if matches!(kind, "message.sent" | "message.accepted") {
                    put(&mut event, "author", draws.of(&["OPERATOR", "OPERATOR", "BOT", "AUTOMATION", ""]));
                }
                if event["author"] == "OPERATOR" || kind == "dialog.assigned" {
                    let operator = draws.next(3);
                    put(&mut event, "operator", ["anna", "bob", "carl"][operator]);
                    put(&mut event, "team", ["north", "south", ""][operator]);
                }
                if kind == "message.failed" {
                    event["failure"] = json!({"reason": draws.of(&["RECIPIENT", "OPT_OUT", "UNKNOWN"])});
                }
                if kind == "dialog.closed" && chat != 3 && chat != 7 {
                    continue;
                }
            }
        }
        event["id"] = format!("g{index}").into();
        events.push(event);
    }
    events
}
