//! An outbound message and what becomes of it, as far as its channel can know.

use super::chance::Chance;
use super::company::{Contact, Reads};
use super::sink::Sink;
use crate::model::clock::Millis;
use crate::model::event::{Event, Failure, Kind, Scalar};

/// What became of a message.
pub(super) struct Sent {
    pub message: Scalar,
    pub reached: bool,
}

const FAILURES: [(&str, &str, f64); 5] = [
    ("131026", "RECIPIENT", 0.35),
    ("131050", "OPT_OUT", 0.2),
    ("131047", "POLICY", 0.2),
    ("131056", "TRANSIENT", 0.2),
    ("131031", "SENDER", 0.05),
];

/// Sends a message at `at`; `write` fills in who wrote it and what it is.
pub(super) fn send(
    at: Millis,
    contact: Contact,
    chance: &mut Chance,
    sink: &mut Sink,
    write: impl Fn(&mut Event),
) -> Sent {
    let channel = contact.channel;
    let message = sink.message_id(at, contact);
    let status = |kind: Kind, at: Millis, sink: &mut Sink| {
        let mut event = sink.contact_event(kind, at, contact);
        event.message = Some(message.clone());
        event
    };
    if channel.accepts {
        let mut accepted = status(Kind::MessageAccepted, at, sink);
        write(&mut accepted);
        sink.put(accepted);
    }
    if chance.happens(0.02) {
        let weights = FAILURES.map(|(_, _, weight)| weight);
        let (code, reason, _) = FAILURES[chance.weighted(&weights)];
        let mut failed = status(Kind::MessageFailed, at + chance.delay_ms(2.0, 0.5), sink);
        write(&mut failed);
        failed.failure = Some(Failure { code: Some(code.into()), reason: Some(reason.into()) });
        sink.put(failed);
        return Sent { message, reached: false };
    }
    let sent_at = if channel.accepts { at + 150 + chance.below(900) } else { at };
    let mut sent = status(Kind::MessageSent, sent_at, sink);
    write(&mut sent);
    sink.put(sent);
    if !channel.delivers {
        return Sent { message, reached: true };
    }
    // Telephones are off now and then.
    if chance.happens(0.03) {
        return Sent { message, reached: false };
    }
    let delivered_at = sent_at + chance.delay_ms(2.0, 1.2);
    let delivered = status(Kind::MessageDelivered, delivered_at, sink);
    sink.put(delivered);
    // Receipts can be switched off, and not everything is read.
    if channel.reads == Reads::EachMessage && chance.happens(0.74) {
        let read = status(Kind::MessageRead, delivered_at + chance.delay_ms(90.0, 1.6), sink);
        sink.put(read);
    }
    Sent { message, reached: true }
}

/// On channels that report reading by a mark: the client has read up to this message.
pub(super) fn mark_read(at: Millis, contact: Contact, message: &Scalar, chance: &mut Chance, sink: &mut Sink) {
    let Reads::Watermark { without_number } = contact.channel.reads else { return };
    if !chance.happens(0.8) {
        return;
    }
    let mut mark = sink.contact_event(Kind::ReadWatermark, at + chance.delay_ms(60.0, 1.4), contact);
    if !chance.happens(without_number) {
        mark.message = Some(message.clone());
    }
    sink.put(mark);
}
