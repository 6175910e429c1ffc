//! What a client allows, orders and fills in. VK dates orders alone; the rest counts from its arrival.

use serde_json::{Map, Value};

use super::{Told, Unread};
use crate::ingest::connector::json::{self, Unit};
use crate::ingest::connector::payload::EntryLinks;
use crate::model::event::{Conversion, Event, Kind, Scalar};

/// An order's status: cancelled, and returned.
const TAKEN_BACK: [i64; 2] = [5, 6];

/// `message_allow`: `key` is what the company's page handed to VK's button.
pub(super) fn allowed(links: &EntryLinks, told: &Told<'_>) -> Result<Event, Unread> {
    let mut event = told.of_user(Kind::ContactSubscribed, told.user("/user_id")?, &[&told.delivery_id()]);
    if let Some(key) = json::text(told.object, "/key") {
        links.note(&mut event, &key);
    }
    Ok(event)
}

/// `message_deny`: an opt-out and a block are one thing in VK.
pub(super) fn denied(told: &Told<'_>) -> Result<Event, Unread> {
    Ok(told.of_user(Kind::ContactUnsubscribed, told.user("/user_id")?, &[&told.delivery_id()]))
}

/// `market_order_new`: a purchase in the community's shop.
pub(super) fn ordered(told: &Told<'_>) -> Result<Event, Unread> {
    let (mut event, order) = order_event(told, Kind::ConversionRecorded)?;
    event.at = json::instant(told.object, "/date", Unit::Seconds);
    let (value, currency) = match total(told.object) {
        Some((value, currency)) => (Some(Scalar::Text(value)), Some(Scalar::Text(currency))),
        None => (None, None),
    };
    event.conversion = Some(Conversion { action: Some("purchase".into()), value, currency, order: Some(order) });
    Ok(event)
}

/// `market_order_edit`: only the end of an order changes a figure. It is taken back once and as a whole, whatever its
/// total became, and at the arrival of the news: `date` is that of the order.
pub(super) fn order_changed(told: &Told<'_>) -> Result<Event, Unread> {
    let is_taken_back = json::number(told.object, "/status").is_some_and(|status| TAKEN_BACK.contains(&status));
    if !is_taken_back {
        return Err(Unread::Ignored);
    }
    let (mut event, order) = order_event(told, Kind::ConversionReverted)?;
    event.conversion =
        Some(Conversion { action: Some("purchase".into()), order: Some(order), ..Conversion::default() });
    Ok(event)
}

/// `lead_forms_new`: a form in an advertisement. The phone and the address in it are what somebody typed: taken for names,
/// they would let anybody be somebody else.
pub(super) fn form_filled(told: &Told<'_>) -> Result<Event, Unread> {
    let lead = json::text(told.object, "/lead_id").ok_or(Unread::Missing("there is no lead_id"))?;
    let form = json::text(told.object, "/form_id").unwrap_or_default();
    let mut event = told.of_user(Kind::ConversionRecorded, told.user("/user_id")?, &[&form, &lead]);
    event.conversion = Some(Conversion { action: Some("form".into()), ..Conversion::default() });
    let mut attributes = Map::new();
    for name in ["form_id", "form_name", "ad_id"] {
        if let Some(value) = json::text(told.object, &format!("/{name}")) {
            attributes.insert(name.to_owned(), Value::String(value));
        }
    }
    event.attributes = Some(attributes);
    Ok(event)
}

/// The event and the name of its order: orders are numbered for each buyer, as in the number that buyers see.
fn order_event(told: &Told<'_>, kind: Kind) -> Result<(Event, Scalar), Unread> {
    let id = json::text(told.object, "/id").ok_or(Unread::Missing("the order has no id"))?;
    let user = told.user("/user_id")?;
    let order = Scalar::Text(format!("{user}-{id}"));
    Ok((told.of_user(kind, user, &["order", &id]), order))
}

/// The total in units of its currency: VK writes hundredths.
fn total(order: &Value) -> Option<(String, String)> {
    let hundredths = json::number(order, "/total_price/amount").filter(|amount| 0 <= *amount)?;
    let currency = json::text(order, "/total_price/currency/name")?;
    Some((format!("{}.{:02}", hundredths / 100, hundredths % 100), currency))
}
