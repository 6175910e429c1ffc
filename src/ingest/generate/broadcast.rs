//! Campaigns: one message to many contacts, by automation; some click, some answer, some leave.

use super::chance::Chance;
use super::company::{Company, Contact};
use super::dialog;
use super::outbound;
use super::rhythm::{HOUR_MS, Hour};
use super::sink::Sink;
use crate::model::clock::Millis;
use crate::model::event::{Kind, Link, Scalar};

const TOPICS: [&str; 4] = ["sale", "news", "restock", "survey"];

/// Sends the campaign of this hour to one contact.
pub(super) fn send(hour: Hour, company: &Company, chance: &mut Chance, sink: &mut Sink) {
    let contact = company.any_contact(chance);
    let at = hour.start + chance.below(HOUR_MS);
    let topic = TOPICS[hour.day.unsigned_abs() as usize % TOPICS.len()];
    let campaign = format!("{topic}-{}", hour.day);
    let segments = contact.segments();
    let sent = outbound::send(at, contact, chance, sink, |event| {
        event.author = Some("AUTOMATION".into());
        event.campaign = Some(campaign.as_str().into());
        event.template = Some(topic.into());
        event.message_kind = Some("image".into());
        event.segments = Some(segments.iter().map(|segment| Scalar::from(*segment)).collect());
    });
    if !sent.reached {
        return;
    }
    outbound::mark_read(at, contact, &sent.message, chance, sink);
    if chance.happens(0.06) {
        let mut event = sink.contact_event(Kind::MessageClicked, at + chance.delay_ms(1_200.0, 1.2), contact);
        event.message = Some(sent.message.clone());
        event.link = Some(Link { url: Some(format!("https://shop.example/{campaign}").into()) });
        sink.put(event);
    }
    if chance.happens(0.008) {
        leave(at + chance.delay_ms(900.0, 1.2), contact, chance, sink);
    } else if chance.happens(0.03) {
        dialog::play(at + chance.delay_ms(1_500.0, 1.0), contact, company, chance, sink);
    }
}

/// Leaves in the way that the channel offers; some come back.
fn leave(at: Millis, contact: Contact, chance: &mut Chance, sink: &mut Sink) {
    let (out, back) = match contact.channel.name {
        "WHATSAPP" | "VK" => (Kind::ContactUnsubscribed, Kind::ContactSubscribed),
        "MAX" if chance.happens(0.5) => (Kind::ContactMuted, Kind::ContactUnmuted),
        _ => (Kind::ContactBlocked, Kind::ContactUnblocked),
    };
    let left = sink.contact_event(out, at, contact);
    sink.put(left);
    if chance.happens(0.2) {
        let returned = sink.contact_event(back, at + chance.delay_ms(3.0 * 86_400.0, 0.7), contact);
        sink.put(returned);
    }
}
