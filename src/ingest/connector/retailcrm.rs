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
use super::deals::{AccountDeals, Crm, Deals, Stages};
use super::errands::{self, Errands};
use super::options::{OptionError, Options};
use super::{Accounts, Connector, Delivery, Payload, Platform, Reading, Refusal, form};
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
    deals: Deals,
    account: String,
    /// Of the times that it writes without an offset: all of them.
    zone: Tz,
}

/// RetailCRM in names and ids.
const CRM: Crm = Crm { name: NAME, channel: "RETAILCRM", facts: "RETAILCRM" };

/// The status of a new account that ends an order well, and those of its group of cancelled orders, spelt as the platform
/// spells them.
const STATUSES: Stages = Stages {
    won: ("won_statuses", &["complete"]),
    lost: (
        "lost_statuses",
        &["no-call", "no-product", "already-buyed", "delyvery-did-not-suit", "prices-did-not-suit", "cancel-other"],
    ),
};

fn open(accounts: &Accounts, options: &mut Options) -> Result<Arc<dyn Connector>, OptionError> {
    let zone = options.text("time_zone")?;
    let expected = "the name of the account's time zone, such as Europe/Madrid";
    let zone = zone.parse().map_err(|_| OptionError::WrongType { name: "time_zone", expected })?;
    let deals = Deals::from_options(options, CRM, STATUSES)?;
    let orders = Orders { deals, account: accounts.first().to_owned(), zone };
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
        let told = match form::document(payload.body) {
            Ok(told) => told,
            Err(reason) => return Reading::unreadable(reason),
        };
        if errands::is_wrapped(&told) {
            return match errands::unwrap(NAME, &told) {
                Some(told) => history::read(&self.orders, &told),
                None => Reading::unreadable("an answer of another platform"),
            };
        }
        match &self.trigger {
            Some(trigger) => trigger.read(&self.orders, &told, payload.received_at),
            // It was taken while the connection had one.
            None => Reading::unreadable("a trigger's call, and the connection has no `path_secret`"),
        }
    }

    fn errands(&self) -> Option<Arc<dyn Errands>> {
        self.api.clone().map(|api| api as Arc<dyn Errands>)
    }
}

impl Orders {
    fn deals(&self) -> AccountDeals<'_> {
        self.deals.of(&self.account)
    }

    /// A time as the account writes it, or with an offset.
    fn instant(&self, text: &str) -> Option<Millis> {
        let exact = DateTime::parse_from_rfc3339(text.trim()).ok().map(|at| at.timestamp_millis());
        exact.or_else(|| local_time::read(text, self.zone, None))
    }
}

#[cfg(test)]
mod tests;
