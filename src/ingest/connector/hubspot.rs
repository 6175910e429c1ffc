//! HubSpot: properties of deals and contacts that were changed, and what was joined to what.
//!
//! HubSpot tells one property at a time, up to a hundred in one request, in no order and sometimes twice. An event's own
//! id is not unique by its documentation, so ids are made of what is told.

mod change;
mod signed;

use std::sync::Arc;

use serde_json::Value;

use self::change::{Change, Object, Subject};
use super::deals::{AccountDeals, Crm, Deals, Stages};
use super::email::email;
use super::json;
use super::json::text;
use super::options::{Hidden, OptionError, Options};
use super::{Accounts, Connector, Delivery, Payload, Reading, Refusal};
use crate::ingest::deal::{DealFact, Stage};
use crate::model::clock::Millis;
use crate::model::event::Event;

/// HubSpot in names and ids.
const CRM: Crm = Crm { name: "hubspot", channel: "HUBSPOT", facts: "hubspot" };

/// Those of the pipeline that every portal begins with.
const STAGES: Stages = Stages { won: ("won_stages", &["closedwon"]), lost: ("lost_stages", &["closedlost"]) };

/// One connection. Its accounts are portals.
#[derive(Debug)]
pub struct HubSpot {
    accounts: Accounts,
    deals: Deals,
    client_secret: Hidden,
    /// As HubSpot calls it: it is signed.
    public_url: String,
    won_by: WonBy,
}

/// What says that a deal is won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WonBy {
    /// Its stage is one of those configured.
    Stage,
    /// HubSpot's own property, which knows the won stages of every pipeline.
    Property,
}

/// # Errors
/// When an option is missing or wrong.
pub fn open(accounts: &Accounts, options: &mut Options) -> Result<Arc<dyn Connector>, OptionError> {
    let has_stages = options.has("won_stages") || options.has("lost_stages");
    let deals = Deals::from_options(options, CRM, STAGES)?;
    Ok(Arc::new(HubSpot {
        accounts: accounts.clone(),
        deals,
        client_secret: options.secret("client_secret")?,
        public_url: signed::address(options)?,
        won_by: won_by(options, has_stages)?,
    }))
}

fn won_by(options: &mut Options, has_stages: bool) -> Result<WonBy, OptionError> {
    let invalid = |reason: &str| OptionError::Invalid { name: "won_by", reason: reason.to_owned() };
    match options.text_if_given("won_by")?.as_deref() {
        None | Some("dealstage") => Ok(WonBy::Stage),
        Some(IS_WON) if has_stages => {
            Err(invalid("with \"hs_is_closed_won\" the stages say nothing: leave out `won_stages` and `lost_stages`"))
        }
        Some(IS_WON) => Ok(WonBy::Property),
        Some(_) => Err(invalid("give \"dealstage\" or \"hs_is_closed_won\"")),
    }
}

const IS_WON: &str = "hs_is_closed_won";

impl Connector for HubSpot {
    fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        signed::verify(&self.client_secret, &self.public_url, delivery)?;
        // Signed and no list: it cannot be about another account, and reading says what is wrong with it.
        let Ok(body) = json::parse(delivery.body) else { return Ok(()) };
        events(&body).iter().try_for_each(|event| self.accounts.check(&text(event, "/portalId").unwrap_or_default()))
    }

    fn read(&self, payload: &Payload<'_>) -> Reading {
        let body: Value = match json::parse(payload.body) {
            Ok(body) => body,
            Err(error) => return Reading::unreadable(format!("the payload is no JSON: {error}")),
        };
        let mut reading = Reading::default();
        if !body.is_array() && body.get("subscriptionType").is_none() {
            return Reading::unreadable("the payload is no list of events");
        }
        for event in events(&body) {
            let account = text(event, "/portalId").unwrap_or_default();
            if !self.accounts.has(&account) {
                reading.note_unreadable("an event is of a portal that is not this connection's");
                continue;
            }
            match change::read(event, payload.received_at) {
                Ok(subject) => self.tell(self.deals.of(&account), &subject, &mut reading),
                Err(change::Unread::Unknown { kind }) => reading.note_unknown(&kind),
                Err(change::Unread::Ignored) => reading.ignore(),
                Err(change::Unread::Broken { reason }) => reading.note_unreadable(reason),
            }
        }
        reading
    }
}

/// The events of a payload; one alone needs no brackets.
fn events(body: &Value) -> &[Value] {
    body.as_array().map_or(std::slice::from_ref(body), Vec::as_slice)
}

impl HubSpot {
    fn tell(&self, deals: AccountDeals<'_>, subject: &Subject, reading: &mut Reading) {
        let Subject { object, id, at, change } = subject;
        match (object, change) {
            (Object::Deal, Change::Property { name, value }) => match self.fact(deals, subject, name, value) {
                Some(fact) => reading.deals.push(fact),
                None => reading.ignore(),
            },
            (Object::Deal, Change::Deletion) => reading.deals.push(staged(deals, id, *at, Stage::Deleted)),
            (Object::Deal, Change::Restore) => reading.deals.push(staged(deals, id, *at, Stage::Restored)),
            (Object::Deal, Change::Merge { merged, into }) => {
                // What was merged is no deal of its own any more: the one that stays counts. Where that is a new one, the one
                // that the others were merged into is gone like them.
                let gone = merged.iter().chain(into.as_ref().map(|_| id)).filter(|deal| Some(*deal) != into.as_ref());
                reading.deals.extend(gone.map(|deal| staged(deals, deal, *at, Stage::Deleted)));
                let names: Vec<String> = merged.iter().chain(into).map(|deal| deals.deal(deal)).collect();
                reading.events.extend(link(deals, &deals.deal(id), &names, *at));
            }
            (Object::Contact, Change::Property { name, value }) => {
                let identity = match name.as_str() {
                    "phone" | "mobilephone" | "hs_whatsapp_phone_number" => self.deals.phone(value),
                    "email" => email(value),
                    _ => None,
                };
                match identity {
                    Some(identity) => {
                        reading.events.extend(link(deals, &deals.contact(id), &[identity], *at));
                    }
                    None => reading.ignore(),
                }
            }
            (Object::Contact, Change::Merge { merged, into }) => {
                let names: Vec<String> = merged.iter().chain(into).map(|contact| deals.contact(contact)).collect();
                reading.events.extend(link(deals, &deals.contact(id), &names, *at));
            }
            (Object::Contact, Change::Joined { deal }) => {
                let deal = [deals.deal(deal)];
                reading.events.extend(link(deals, &deals.contact(id), &deal, *at));
            }
            // Nothing is made of a contact that comes, goes or is forgotten: erasing is asked of us by another way.
            (Object::Contact, Change::Deletion | Change::Restore) | (Object::Deal, Change::Joined { .. }) => {
                reading.ignore();
            }
        }
    }

    /// What a property says of a deal; `None` where no figure needs it.
    fn fact(&self, deals: AccountDeals<'_>, subject: &Subject, name: &str, value: &str) -> Option<DealFact> {
        let fact = deals.fact(&subject.id, subject.at, &[name, &subject.at.to_string(), value]);
        match name {
            "dealstage" if self.won_by == WonBy::Stage => {
                Some(DealFact { stage: Some(self.deals.stage(value)), ..fact })
            }
            IS_WON if self.won_by == WonBy::Property => {
                let stage = if value.eq_ignore_ascii_case("true") { Stage::Won } else { Stage::Open };
                Some(DealFact { stage: Some(stage), ..fact })
            }
            "amount" => Some(DealFact { amount: Some(value.to_owned()), ..fact }),
            "deal_currency_code" => Some(DealFact { currency: Some(value.to_owned()), ..fact }),
            _ => None,
        }
    }
}

fn staged(deals: AccountDeals<'_>, deal: &str, at: Millis, stage: Stage) -> DealFact {
    DealFact { stage: Some(stage), ..deals.fact(deal, at, &[stage.as_str(), &at.to_string()]) }
}

fn link(deals: AccountDeals<'_>, contact: &str, names: &[String], at: Millis) -> Vec<Event> {
    deals.links(contact, names, at, &[&at.to_string()])
}

#[cfg(test)]
mod tests;
