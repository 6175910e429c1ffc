//! What connectors of CRMs share: which deals are won and lost, what their amounts are in, and names of the CRM's contacts
//! and deals.
//!
//! It knows no CRM: each says in a [`Crm`] how it is called and in [`Stages`] how its stages are configured.

pub mod money;

use super::options::{OptionError, Options};
use super::phone::{self, Country};
use super::sender::{Sender, event_id};
use crate::ingest::deal::{DealFact, Stage};
use crate::model::clock::Millis;
use crate::model::event::{Event, Kind, Scalar};

/// A CRM as it is called in what is stored. None of it may ever change: the same thing told again would be another one.
#[derive(Clone, Copy, Debug)]
pub struct Crm {
    /// As in `amocrm:<account>:deal:<id>`.
    pub name: &'static str,
    /// As in an event's `channel`.
    pub channel: &'static str,
    /// What the ids of facts begin with: one of the two.
    pub facts: &'static str,
}

/// How the stages of deals that are won and lost are configured: the option's name, and what it is where it is not given.
#[derive(Clone, Copy, Debug)]
pub struct Stages {
    pub won: (&'static str, &'static [&'static str]),
    pub lost: (&'static str, &'static [&'static str]),
}

/// How the deals of a connection are understood.
#[derive(Clone, Debug)]
pub struct Deals {
    crm: Crm,
    sender: Sender,
    /// The conversion's action.
    action: String,
    /// What amounts are in where the CRM does not say; ISO 4217.
    currency: Option<String>,
    /// Of phone numbers without a country code.
    country: Option<Country>,
    won: Vec<String>,
    lost: Vec<String>,
}

/// The deals and contacts of one account of the connection.
#[derive(Clone, Copy, Debug)]
pub struct AccountDeals<'a> {
    deals: &'a Deals,
    account: &'a str,
}

/// What a deal's client does where nothing else is configured.
pub const ACTION: &str = "purchase";

/// Identities of one event beside its contact; a person with more gets several events.
const LINKS_MAX: usize = crate::ingest::normalise::IDENTITIES_MAX;

/// Characters of a CRM's id: they are numbers of at most 20 digits.
const ID_CHARS_MAX: usize = 40;

impl Deals {
    /// Takes the options `action`, `currency`, `country` and those of the stages.
    ///
    /// # Errors
    /// When one is not in order.
    pub fn from_options(options: &mut Options, crm: Crm, stages: Stages) -> Result<Self, OptionError> {
        let mut taken = |(name, usual): (&'static str, &[&str])| {
            let given = options.list(name)?;
            Ok(if given.is_empty() { usual.iter().map(|stage| (*stage).to_owned()).collect() } else { given })
        };
        let (won, lost): (Vec<String>, Vec<String>) = (taken(stages.won)?, taken(stages.lost)?);
        if let Some(both) = won.iter().find(|stage| lost.contains(stage)) {
            let reason = format!("`{both}` is in `{}` too: a deal there is either won or lost", stages.lost.0);
            return Err(OptionError::Invalid { name: stages.won.0, reason });
        }
        let action = options.text_if_given("action")?.unwrap_or_else(|| ACTION.to_owned());
        let currency = match options.text_if_given("currency")? {
            None => None,
            Some(text) => Some(money::currency(&text).ok_or_else(|| OptionError::Invalid {
                name: "currency",
                reason: format!("`{text}` is no currency: give three letters, such as \"EUR\""),
            })?),
        };
        let country = Country::from_options(options)?;
        Ok(Self { crm, sender: Sender { channel: crm.channel }, action, currency, country, won, lost })
    }

    pub fn of<'a>(&'a self, account: &'a str) -> AccountDeals<'a> {
        AccountDeals { deals: self, account }
    }

    /// What a stage of this id means; one that is not configured is on the way.
    pub fn stage(&self, id: &str) -> Stage {
        self.configured_stage(id).unwrap_or(Stage::Open)
    }

    /// The same; `None` where it is not configured.
    pub fn configured_stage(&self, id: &str) -> Option<Stage> {
        let has = |stages: &[String]| stages.iter().any(|stage| stage == id);
        match (has(&self.won), has(&self.lost)) {
            (true, _) => Some(Stage::Won),
            (_, true) => Some(Stage::Lost),
            _ => None,
        }
    }

    /// A number that people wrote, as an identity.
    pub fn phone(&self, text: &str) -> Option<String> {
        phone::phone(text, self.country)
    }
}

impl AccountDeals<'_> {
    /// As [`Deals::stage`].
    pub fn stage(&self, id: &str) -> Stage {
        self.deals.stage(id)
    }

    /// As [`Deals::configured_stage`].
    pub fn configured_stage(&self, id: &str) -> Option<Stage> {
        self.deals.configured_stage(id)
    }

    /// As [`Deals::phone`].
    pub fn phone(&self, text: &str) -> Option<String> {
        self.deals.phone(text)
    }

    /// The deal as an identity.
    pub fn deal(&self, id: &str) -> String {
        format!("{}:{}:deal:{id}", self.deals.crm.name, self.account)
    }

    /// The CRM's contact as an identity.
    pub fn contact(&self, id: &str) -> String {
        format!("{}:{}:contact:{id}", self.deals.crm.name, self.account)
    }

    /// A fact that says nothing yet. `parts` tell it from all others of the deal.
    pub fn fact(&self, deal: &str, at: Millis, parts: &[&str]) -> DealFact {
        let mut all = vec![self.deals.crm.facts, self.account, "deal", deal];
        all.extend(parts);
        DealFact {
            id: event_id(&all),
            deal: self.deal(deal),
            channel: self.deals.crm.channel.to_owned(),
            account: self.account.to_owned(),
            action: self.deals.action.clone(),
            at,
            rank: 0,
            stage: None,
            is_transition: true,
            amount: None,
            currency: None,
            usual_currency: self.deals.currency.clone(),
        }
    }

    /// That all these names are of one person, as told at an instant. `parts` tell by what that was told; without any, the
    /// same link told again is the same. No names, no events.
    pub fn links(&self, contact: &str, identities: &[String], at: Millis, parts: &[&str]) -> Vec<Event> {
        let mut distinct: Vec<&String> = identities.iter().filter(|name| *name != contact).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let link = |names: &[&String]| {
            let mut all = vec![contact];
            all.extend(parts);
            all.extend(names.iter().map(|name| name.as_str()));
            let mut event = self.deals.sender.event(Kind::ContactLinked, self.account, &all);
            event.at = Some(Scalar::from(at));
            event.contact = Some(Scalar::from(contact));
            event.identities = Some(names.iter().map(|name| Scalar::from(name.as_str())).collect());
            event
        };
        distinct.chunks(LINKS_MAX).map(link).collect()
    }
}

/// The id, where it can be one.
pub fn checked_id(id: String) -> Option<String> {
    let is_id = id.chars().count() <= ID_CHARS_MAX
        && id.chars().all(|char| char.is_ascii_alphanumeric() || "-_".contains(char));
    (is_id && !id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn open(options: &serde_json::Value) -> Result<Deals, OptionError> {
        let mut options = Options::new(options.as_object().cloned().unwrap());
        let crm = Crm { name: "amocrm", channel: "AMOCRM", facts: "amocrm" };
        let stages = Stages { won: ("won_stages", &["142"]), lost: ("lost_stages", &["143"]) };
        Deals::from_options(&mut options, crm, stages)
    }

    #[test]
    fn stages_are_the_usual_ones_unless_others_are_named() {
        let usual = open(&json!({})).unwrap();
        assert_eq!(["142", "143", "7"].map(|id| usual.stage(id)), [Stage::Won, Stage::Lost, Stage::Open]);
        assert_eq!(usual.configured_stage("7"), None);
        let own = open(&json!({ "won_stages": [7, "8"], "lost_stages": 9 })).unwrap();
        assert_eq!(["142", "7", "8", "9"].map(|id| own.stage(id)), [Stage::Open, Stage::Won, Stage::Won, Stage::Lost]);
    }

    #[test]
    fn options_that_cannot_be_meant_are_refused() {
        let refused = |options: serde_json::Value| open(&options).unwrap_err().to_string();
        assert_eq!(
            refused(json!({ "currency": "roubles" })),
            "`currency`: `roubles` is no currency: give three letters, such as \"EUR\""
        );
        assert_eq!(
            refused(json!({ "won_stages": ["1"], "lost_stages": ["1"] })),
            "`won_stages`: `1` is in `lost_stages` too: a deal there is either won or lost"
        );
    }

    #[test]
    fn many_names_of_one_person_are_told_in_several_events() {
        let deals = open(&json!({})).unwrap();
        let deals = deals.of("1");
        let names: Vec<String> = (0..20).map(|id| deals.deal(&id.to_string())).collect();
        let events = deals.links(&deals.contact("5"), &names, 0, &["x"]);
        let counts: Vec<usize> = events.iter().map(|event| event.identities.as_ref().unwrap().len()).collect();
        assert_eq!(counts, [16, 4]);
        assert_ne!(events[0].id, events[1].id);
        let own = deals.contact("5");
        assert_eq!(deals.links(&own, std::slice::from_ref(&own), 0, &["x"]).len(), 0);
    }
}
