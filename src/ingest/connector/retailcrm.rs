//! RetailCRM, which is Simla elsewhere: orders and customers of one account.
//!
//! It comes in two ways, and one connection may have both. With `api_url` and `api_key` the histories of orders and
//! customers are read page by page ([`api`], [`history`]): what is missed is read later. With `path_secret` triggers of the
//! account may call, with the fields that its people write into them ([`trigger`]).

mod api;
mod history;
mod trigger;

use std::sync::Arc;

use chrono::DateTime;
use chrono_tz::Tz;

use self::api::Api;
use self::trigger::Trigger;
use super::errands::{self, Errands};
use super::fields::Fields;
use super::options::{OptionError, Options};
use super::sender::{Sender, event_id};
use super::terms::Terms;
use super::{Accounts, Connector, Delivery, Payload, Platform, Reading, Refusal};
use crate::ingest::deal::{DealFact, Stage};
use crate::ingest::file::local_time;
use crate::model::clock::Millis;

pub const RETAILCRM: Platform = Platform { name: "retailcrm", open };

const NAME: &str = "retailcrm";

#[derive(Debug)]
struct RetailCrm {
    accounts: Accounts,
    orders: Orders,
    api: Option<Arc<Api>>,
    trigger: Option<Trigger>,
}

/// What the account's orders mean.
#[derive(Clone, Debug)]
struct Orders {
    sender: Sender,
    account: String,
    terms: Terms,
    /// Of the times that it writes without an offset: all of them.
    zone: Tz,
    won_statuses: Vec<String>,
    lost_statuses: Vec<String>,
}

/// The status of a new account that ends an order well.
const WON_STATUSES: [&str; 1] = ["complete"];

/// Those of its group of cancelled orders, spelt as the platform spells them.
const LOST_STATUSES: [&str; 6] =
    ["no-call", "no-product", "already-buyed", "delyvery-did-not-suit", "prices-did-not-suit", "cancel-other"];

fn open(accounts: &Accounts, options: &mut Options) -> Result<Arc<dyn Connector>, OptionError> {
    let zone = options.text("time_zone")?;
    let expected = "the name of the account's time zone, such as Europe/Madrid";
    let zone = zone.parse().map_err(|_| OptionError::WrongType { name: "time_zone", expected })?;
    let mut statuses = |name, defaults: &[&str]| {
        let given = options.list(name)?;
        let defaults = || defaults.iter().map(|status| (*status).to_owned()).collect();
        Ok(if given.is_empty() { defaults() } else { given })
    };
    let won_statuses = statuses("won_statuses", &WON_STATUSES)?;
    let lost_statuses = statuses("lost_statuses", &LOST_STATUSES)?;
    let orders = Orders {
        sender: Sender { channel: "RETAILCRM" },
        account: accounts.first().to_owned(),
        terms: Terms::from_options(options)?,
        zone,
        won_statuses,
        lost_statuses,
    };
    let api = Api::from_options(options)?.map(Arc::new);
    let trigger = Trigger::from_options(options)?;
    if api.is_none() && trigger.is_none() {
        let reason = "give it, or `path_secret`, or both: one of them is how orders come in".to_owned();
        return Err(OptionError::Invalid { name: "api_url", reason });
    }
    Ok(Arc::new(RetailCrm { accounts: accounts.clone(), orders, api, trigger }))
}

impl Connector for RetailCrm {
    fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        match &self.trigger {
            Some(trigger) => trigger.verify(&self.accounts, delivery),
            None => Err(Refusal::Unsigned { what: "this connection has no `path_secret`, so nothing may call it" }),
        }
    }

    fn read(&self, payload: &Payload<'_>) -> Reading {
        let Some(fields) = Fields::read(payload) else {
            return Reading::unreadable("neither a form nor JSON");
        };
        match (fields.json().filter(|value| errands::is_wrapped(value)), &self.trigger) {
            (Some(value), _) => match errands::unwrap(NAME, value) {
                Some(told) => history::read(&self.orders, &told),
                None => Reading::unreadable("an answer of another platform"),
            },
            (None, Some(trigger)) => trigger.read(&self.orders, &fields, payload.received_at),
            // It was taken while the connection had one.
            (None, None) => Reading::unreadable("a trigger's call, and the connection has no `path_secret`"),
        }
    }

    fn errands(&self) -> Option<Arc<dyn Errands>> {
        self.api.clone().map(|api| api as Arc<dyn Errands>)
    }
}

impl Orders {
    fn order(&self, id: &str) -> String {
        format!("{NAME}:{}:deal:{id}", self.account)
    }

    fn customer(&self, id: &str) -> String {
        format!("{NAME}:{}:contact:{id}", self.account)
    }

    fn stage(&self, status: &str) -> Stage {
        let is_among = |statuses: &[String]| statuses.iter().any(|known| known == status);
        match (is_among(&self.won_statuses), is_among(&self.lost_statuses)) {
            (true, _) => Stage::Won,
            (false, true) => Stage::Lost,
            (false, false) => Stage::Open,
        }
    }

    /// A fact of an order that says nothing yet.
    fn fact(&self, order: &str, parts: &[&str], at: Millis) -> DealFact {
        let mut all = vec![self.sender.channel, &self.account, "deal", order];
        all.extend(parts);
        DealFact {
            id: event_id(&all),
            deal: self.order(order),
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

    /// A time as the account writes it, or with an offset.
    fn instant(&self, text: &str) -> Option<Millis> {
        let exact = DateTime::parse_from_rfc3339(text.trim()).ok().map(|at| at.timestamp_millis());
        exact.or_else(|| local_time::read(text, self.zone, None))
    }
}

#[cfg(test)]
mod tests;
