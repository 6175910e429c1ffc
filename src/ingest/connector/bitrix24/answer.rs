//! What the portal says of a deal or a contact becomes facts and links.
//!
//! A deal is told as it stands now. Its stage is as old as its last move, its amount as its last change: two facts, so that
//! a won deal whose note is changed a month later stays won when it was.

use chrono::DateTime;
use serde_json::Value;

use super::rest;
use crate::ingest::connector::Reading;
use crate::ingest::connector::deals::AccountDeals;
use crate::ingest::connector::deals::money::{amount, currency};
use crate::ingest::connector::email::email;
use crate::ingest::connector::errands::{Told, digits};
use crate::ingest::connector::json::{list, text};
use crate::ingest::deal::{DealFact, Stage};
use crate::model::clock::Millis;

/// Phones, addresses and messengers of one card that are read, each.
const CARD_ENTRIES_MAX: usize = 100;

pub(super) fn read(deals: AccountDeals<'_>, told: &Told<'_>, received_at: Millis) -> Reading {
    let asked_at = told.asked_at.unwrap_or(received_at);
    if rest::is_not_found(told.answer) {
        let mut reading = Reading::default();
        reading.ignore();
        return reading;
    }
    let Some(card) = told.answer.get("result").filter(|card| card.is_object()) else {
        return Reading::unreadable(format!("the answer to {} has no result", told.method));
    };
    if digits(card, "/ID").as_deref() != Some(told.id) {
        return Reading::unreadable(format!("the answer to {} is about another number", told.method));
    }
    match told.method {
        "crm.deal.get" => read_deal(deals, told.id, card, asked_at),
        "crm.contact.get" => read_contact(deals, told.id, card, asked_at),
        method => Reading::unreadable(format!("an answer to {method}, which is never asked")),
    }
}

fn read_deal(deals: AccountDeals<'_>, id: &str, card: &Value, asked_at: Millis) -> Reading {
    let mut reading = Reading::default();
    let changed_at = instant(card, "/DATE_MODIFY").unwrap_or(asked_at);
    match (text(card, "/STAGE_ID"), stage(deals, card)) {
        (stage_id, Some(stage)) => {
            let at = instant(card, "/MOVED_TIME").unwrap_or(changed_at);
            let name = stage_id.unwrap_or_default();
            let fact = deals.fact(id, at, &["stage", &name, &at.to_string()]);
            reading.deals.push(DealFact { stage: Some(stage), ..fact });
        }
        (_, None) => reading.note_unreadable("the deal has no stage that is known"),
    }
    if let Some(amount) = amount(card, "/OPPORTUNITY") {
        let currency = text(card, "/CURRENCY_ID").and_then(|text| currency(&text));
        let money = currency.clone().unwrap_or_default();
        let fact = deals.fact(id, changed_at, &["amount", &amount, &money, &changed_at.to_string()]);
        reading.deals.push(DealFact { amount: Some(amount), currency, ..fact });
    }
    // The main contact alone: all people of a deal would become one person.
    if let Some(contact) = digits(card, "/CONTACT_ID").filter(|contact| contact != "0") {
        let names = vec![deals.deal(id)];
        reading.events = deals.links(&deals.contact(&contact), &names, changed_at, &[]);
        reading.lookups.push(format!("contact {contact}"));
    }
    reading
}

/// The configured stages, and those that the portal itself calls won and lost.
fn stage(deals: AccountDeals<'_>, card: &Value) -> Option<Stage> {
    let stage = text(card, "/STAGE_ID");
    if let Some(configured) = stage.as_ref().and_then(|stage| deals.configured_stage(stage)) {
        return Some(configured);
    }
    match text(card, "/STAGE_SEMANTIC_ID").as_deref() {
        Some("S") => Some(Stage::Won),
        Some("F") => Some(Stage::Lost),
        Some("P") => Some(Stage::Open),
        // Boxed portals of some versions leave it out; an unknown stage is on the way.
        _ => stage.map(|_| Stage::Open),
    }
}

fn read_contact(deals: AccountDeals<'_>, id: &str, card: &Value, asked_at: Millis) -> Reading {
    let at = instant(card, "/DATE_MODIFY").unwrap_or(asked_at);
    let values = |pointer| list(card, pointer).iter().take(CARD_ENTRIES_MAX).filter_map(|entry| text(entry, "/VALUE"));
    let mut names: Vec<String> = values("/PHONE").filter_map(|value| deals.phone(&value)).collect();
    names.extend(values("/EMAIL").filter_map(|value| email(&value)));
    names.extend(values("/IM").filter_map(|value| open_line(&value)));
    let events = deals.links(&deals.contact(id), &names, at, &[]);
    let mut reading = Reading { events, ..Reading::default() };
    if reading.events.is_empty() {
        reading.ignore();
    }
    reading
}

/// The client of an open line, written `imol|connector|line|chat|user`: of these messengers the chat is the person.
fn open_line(value: &str) -> Option<String> {
    let parts: Vec<&str> = value.strip_prefix("imol|")?.split('|').collect();
    let [connector, _line, chat, _user] = parts[..] else { return None };
    let is_number = !chat.is_empty() && chat.bytes().all(|byte| byte.is_ascii_digit());
    match connector {
        "telegrambot" if is_number => Some(format!("telegram:{chat}")),
        "vkgroup" if is_number => Some(format!("vk:{chat}")),
        "viber" if !chat.is_empty() => Some(format!("viber:{chat}")),
        _ => None,
    }
}

fn instant(card: &Value, pointer: &str) -> Option<Millis> {
    DateTime::parse_from_rfc3339(&text(card, pointer)?).ok().map(|at| at.timestamp_millis())
}
