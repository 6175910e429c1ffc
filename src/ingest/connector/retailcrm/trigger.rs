//! Calls of an account's triggers: the fields that its people wrote into them.
//!
//! Nothing signs such a call: it has a secret in its address or in a header.

use serde_json::Value;

use super::Orders;
use crate::ingest::connector::deals::money::{amount, currency};
use crate::ingest::connector::errands;
use crate::ingest::connector::form;
use crate::ingest::connector::json;
use crate::ingest::connector::options::{Hidden, OptionError, Options};
use crate::ingest::connector::signature::{check, header, parameter};
use crate::ingest::connector::{Accounts, Delivery, Reading, Refusal};
use crate::ingest::deal::DealFact;
use crate::model::clock::Millis;

/// What a trigger can say, by our names; they are the names of its fields too, unless `fields` says others.
const NAMES: [&str; 8] = ["order", "status", "total", "currency", "customer", "phone", "at", "account"];

/// The header that can carry the secret in place of the address.
const SECRET_HEADER: &str = "x-rapport-secret";

#[derive(Debug)]
pub(super) struct Trigger {
    secret: Hidden,
    /// Theirs for ours, in the order of [`NAMES`].
    names: [String; NAMES.len()],
}

impl Trigger {
    /// Takes the options `path_secret` and `fields`.
    ///
    /// # Errors
    /// When one is not what it should be.
    pub fn from_options(options: &mut Options) -> Result<Option<Self>, OptionError> {
        let secret = options.secret_if_given("path_secret")?;
        let table = options.table("fields")?;
        let Some(secret) = secret else {
            return match table.is_empty() {
                true => Ok(None),
                false => Err(OptionError::Missing { name: "path_secret" }),
            };
        };
        let mut names = NAMES.map(str::to_owned);
        for (ours, theirs) in table {
            let place = NAMES.iter().zip(&mut names).find(|(name, _)| **name == ours);
            let Some((_, name)) = place.filter(|_| !theirs.is_empty()) else {
                let reason = format!("`{ours}` is none of {}", NAMES.join(", "));
                return Err(OptionError::Invalid { name: "fields", reason });
            };
            *name = theirs;
        }
        Ok(Some(Self { secret, names }))
    }

    pub fn verify(&self, accounts: &Accounts, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        let what = "the parameter `secret`";
        let in_header = || header(delivery, SECRET_HEADER).ok().map(str::to_owned);
        let given = parameter(delivery.query, "secret", what)?.or_else(in_header);
        check(&self.secret, given.as_deref(), what)?;
        let call = form::document(delivery.body).unwrap_or_default();
        // An answer: nobody but us may tell one.
        if errands::is_wrapped(&call) {
            return Err(Refusal::BadSignature { what });
        }
        match self.text(&call, "account") {
            Some(account) => accounts.check(&account),
            // The secret is this connection's alone.
            None => Ok(()),
        }
    }

    pub fn read(&self, orders: &Orders, call: &Value, received_at: Millis) -> Reading {
        let text = |name| self.text(call, name);
        let deals = orders.deals();
        let Some(order) = text("order").filter(|order| errands::is_digits(order)) else {
            return Reading::unreadable(format!("the field `{}` has no number of an order", self.name("order")));
        };
        let mut reading = Reading::default();
        let at = text("at").map(|at| orders.instant(&at).ok_or(at));
        if let Some(Err(_)) = &at {
            reading.note_unreadable(format!("the field `{}` is no time; that of arrival is taken", self.name("at")));
        }
        let at = at.and_then(Result::ok).unwrap_or(received_at);
        let moment = at.to_string();
        if let Some(status) = text("status") {
            let fact = deals.fact(&order, at, &["trigger", &moment, "status", &status]);
            reading.deals.push(DealFact { stage: Some(deals.stage(&status)), ..fact });
        }
        if let Some(amount) = amount(call, &self.pointer("total")) {
            let currency = text("currency").and_then(|text| currency(&text));
            let fact = deals.fact(&order, at, &["trigger", &moment, "amount", &amount]);
            reading.deals.push(DealFact { amount: Some(amount), currency, ..fact });
        }
        let phone = text("phone").and_then(|text| deals.phone(&text));
        let deal = deals.deal(&order);
        let (contact, names): (String, Vec<String>) =
            match text("customer").filter(|customer| errands::is_digits(customer)) {
                Some(customer) => (deals.contact(&customer), phone.into_iter().chain([deal]).collect()),
                None => (deal, phone.into_iter().collect()),
            };
        reading.events = deals.links(&contact, &names, at, &[]);
        if reading.deals.is_empty() && reading.events.is_empty() {
            reading.ignore();
        }
        reading
    }

    fn name(&self, ours: &str) -> &str {
        NAMES.iter().zip(&self.names).find(|(name, _)| **name == ours).map_or("", |(_, theirs)| theirs)
    }

    /// Theirs may lead into objects: `order.status`.
    fn pointer(&self, ours: &str) -> String {
        let steps = self.name(ours).split('.').map(|step| step.replace('~', "~0").replace('/', "~1"));
        steps.map(|step| format!("/{step}")).collect()
    }

    fn text(&self, call: &Value, ours: &str) -> Option<String> {
        json::text(call, &self.pointer(ours))
    }
}
