//! Bitrix24: deals and contacts of one portal.
//!
//! A portal's calls name what changed and say nothing of it. What they name becomes a lookup; [`rest`] says how it is asked
//! for and [`answer`] what the answer means. Without `rest_url` lookups stay pending. `account` and `accounts` are names of
//! the one portal: its `member_id`, its `domain`.

mod answer;
mod rest;

use std::sync::Arc;

use serde_json::Value;

use self::rest::Portal;
use super::errands::{self, Errands, is_digits};
use super::fields::Fields;
use super::options::{Hidden, OptionError, Options};
use super::sender::{Sender, event_id};
use super::signature::check;
use super::terms::Terms;
use super::{Accounts, Connector, Delivery, Payload, Platform, Reading, Refusal};
use crate::ingest::deal::{DealFact, Stage};

pub const BITRIX24: Platform = Platform { name: "bitrix24", open };

const NAME: &str = "bitrix24";

#[derive(Debug)]
struct Bitrix24 {
    accounts: Accounts,
    application_token: Hidden,
    deals: Deals,
    portal: Option<Arc<Portal>>,
}

/// What the portal's deals mean.
#[derive(Clone, Debug)]
struct Deals {
    sender: Sender,
    account: String,
    terms: Terms,
    won_stages: Vec<String>,
    lost_stages: Vec<String>,
}

fn open(accounts: &Accounts, options: &mut Options) -> Result<Arc<dyn Connector>, OptionError> {
    let application_token = options.secret("application_token")?;
    let deals = Deals {
        sender: Sender { channel: "BITRIX24" },
        account: accounts.first().to_owned(),
        terms: Terms::from_options(options)?,
        won_stages: options.list("won_stages")?,
        lost_stages: options.list("lost_stages")?,
    };
    let portal = Portal::from_options(options)?.map(Arc::new);
    Ok(Arc::new(Bitrix24 { accounts: accounts.clone(), application_token, deals, portal }))
}

impl Connector for Bitrix24 {
    fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        let what = "auth[application_token]";
        let fields = Fields::of(delivery.body, "").ok_or(Refusal::Unsigned { what })?;
        check(&self.application_token, fields.text(&["auth", "application_token"]).as_deref(), what)?;
        if fields.json().is_some_and(errands::is_wrapped) {
            return Err(Refusal::BadSignature { what });
        }
        let names = ["member_id", "domain"].map(|name| fields.text(&["auth", name]));
        match names.iter().flatten().any(|name| self.accounts.has(name)) {
            true => Ok(()),
            false => self.accounts.check(names.iter().flatten().next().map_or("", String::as_str)),
        }
    }

    fn read(&self, payload: &Payload<'_>) -> Reading {
        let Some(fields) = Fields::read(payload) else {
            return Reading::unreadable("neither a form nor JSON");
        };
        match fields.json().filter(|value| errands::is_wrapped(value)) {
            Some(value) => self.read_asked(value, payload),
            None => self.read_call(&fields, payload),
        }
    }

    fn errands(&self) -> Option<Arc<dyn Errands>> {
        self.portal.clone().map(|portal| portal as Arc<dyn Errands>)
    }
}

impl Bitrix24 {
    fn read_asked(&self, value: &Value, payload: &Payload<'_>) -> Reading {
        match errands::unwrap(NAME, value) {
            Some(told) => answer::read(&self.deals, &told, payload.received_at),
            None => Reading::unreadable("an answer of another platform"),
        }
    }

    /// A call of the portal: the name of an event, and the id of what it is about.
    fn read_call(&self, fields: &Fields, payload: &Payload<'_>) -> Reading {
        let Some(event) = fields.text(&["event"]) else {
            return Reading::unreadable("the name of the event is missing");
        };
        let event = event.to_ascii_uppercase();
        let mut reading = Reading::default();
        let subject = match event.as_str() {
            "ONCRMDEALADD" | "ONCRMDEALUPDATE" | "ONCRMDEALMOVETOCATEGORY" | "ONCRMDEALDELETE" => "deal",
            "ONCRMCONTACTADD" | "ONCRMCONTACTUPDATE" => "contact",
            _ if is_of_no_figure(&event) => {
                reading.ignore();
                return reading;
            }
            _ => {
                reading.note_unknown(&event);
                return reading;
            }
        };
        let Some(id) = fields.text(&["data", "FIELDS", "ID"]).filter(|id| is_digits(id)) else {
            return Reading::unreadable(format!("{event} without the number of its {subject}"));
        };
        match event.as_str() {
            "ONCRMDEALDELETE" => {
                // When it was sent: later than it happened by the queue's length.
                let sent = fields.text(&["ts"]).and_then(|text| text.trim().parse::<i64>().ok());
                let at = sent.map_or(payload.received_at, |seconds| seconds.saturating_mul(1_000));
                reading.deals.push(self.deals.deleted(&id, at));
            }
            _ => reading.lookups.push(format!("{subject} {id}")),
        }
        reading
    }
}

impl Deals {
    fn deal(&self, id: &str) -> String {
        format!("{NAME}:{}:deal:{id}", self.account)
    }

    fn contact(&self, id: &str) -> String {
        format!("{NAME}:{}:contact:{id}", self.account)
    }

    /// A deal that is no more counts as lost: test deals and doubles are what people delete.
    fn deleted(&self, id: &str, at: i64) -> DealFact {
        DealFact { stage: Some(Stage::Lost), ..self.fact(id, &["deleted"], at) }
    }

    /// A fact of a deal that says nothing yet.
    fn fact(&self, id: &str, parts: &[&str], at: i64) -> DealFact {
        let mut all = vec![self.sender.channel, &self.account, "deal", id];
        all.extend(parts);
        DealFact {
            id: event_id(&all),
            deal: self.deal(id),
            channel: self.sender.channel.to_owned(),
            account: self.account.clone(),
            action: self.terms.action.clone(),
            at,
            stage: None,
            amount: None,
            currency: None,
            usual_currency: self.terms.currency.clone(),
        }
    }
}

/// Events that portals are often set to send, and that say nothing of deals and of people in messengers.
fn is_of_no_figure(event: &str) -> bool {
    const ENTITIES: [&str; 14] = [
        "ONCRMLEAD",
        "ONCRMCONTACT",
        "ONCRMCOMPANY",
        "ONCRMACTIVITY",
        "ONCRMQUOTE",
        "ONCRMINVOICE",
        "ONCRMPRODUCT",
        "ONCRMREQUISITE",
        "ONCRMCURRENCY",
        "ONCRMTIMELINECOMMENT",
        "ONCRMDYNAMICITEM",
        "ONCRMDEALUSERFIELD",
        "ONCRMDEALRECURRING",
        "ONAPP",
    ];
    ENTITIES.iter().any(|entity| event.starts_with(entity))
}

#[cfg(test)]
mod tests;
