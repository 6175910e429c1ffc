//! amoCRM, abroad Kommo: leads and contacts that were changed.
//!
//! Webhooks of the CRM are not signed: what proves them is a secret in the address and the account that they name. Those of
//! its chats are signed, and nothing of them is read: the messenger's own connection tells the same messages.

mod order;

use std::sync::Arc;

use aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
use serde_json::{Map, Value};

use self::order::{Entry, Order};
use super::deals::{AccountDeals, Crm, Deals, Stages, checked_id};
use super::email::email;
use super::json::{number, text};
use super::options::{Hidden, OptionError, Options};
use super::{Accounts, Connector, Delivery, Payload, Reading, Refusal, form, signature};
use crate::ingest::deal::{DealFact, Stage};
use crate::model::clock::Millis;

/// amoCRM in names and ids.
const CRM: Crm = Crm { name: "amocrm", channel: "AMOCRM", facts: "amocrm" };

/// Every pipeline of every account ends with these two.
const STAGES: Stages = Stages { won: ("won_stages", &["142"]), lost: ("lost_stages", &["143"]) };

/// One connection.
#[derive(Debug)]
pub struct AmoCrm {
    accounts: Accounts,
    deals: Deals,
    path_secret: Hidden,
    channel_secret: Option<Hidden>,
}

/// # Errors
/// When an option is missing or wrong.
pub fn open(accounts: &Accounts, options: &mut Options) -> Result<Arc<dyn Connector>, OptionError> {
    Ok(Arc::new(AmoCrm {
        accounts: accounts.clone(),
        deals: Deals::from_options(options, CRM, STAGES)?,
        path_secret: options.secret("path_secret")?,
        channel_secret: options.secret_if_given("channel_secret")?,
    }))
}

/// What webhooks are about beside leads and contacts.
const IGNORED: [&str; 17] = [
    "catalog_elements",
    "catalogs",
    "companies",
    "company",
    "customer",
    "customers",
    "message",
    "messages",
    "note",
    "notes",
    "talk",
    "talks",
    "task",
    "tasks",
    "template",
    "templates",
    "unsorted",
];

const SECRET: &str = "the query parameter `secret`";

/// The header of the chats' signature.
const CHAT_SIGNATURE: &str = "x-signature";

impl Connector for AmoCrm {
    fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        if let Some(secret) = &self.channel_secret
            && delivery.headers.contains_key(CHAT_SIGNATURE)
        {
            let hex = signature::header(delivery, CHAT_SIGNATURE)?;
            if !signature::is_hmac_hex(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret, delivery.body, hex) {
                return Err(Refusal::BadSignature { what: "X-Signature" });
            }
            // The chats know the account by another id.
            let account = form::document(delivery.body).ok().and_then(|body| text(&body, "/account_id"));
            return self.accounts.check(&account.unwrap_or_default());
        }
        let secret = signature::parameter(delivery.query, "secret", SECRET)?;
        signature::check(&self.path_secret, secret.as_deref(), SECRET)?;
        let names = form::document(delivery.body).map(|body| self.names(&body)).unwrap_or_default();
        self.accounts.check_any(&names)
    }

    fn read(&self, payload: &Payload<'_>) -> Reading {
        let body = match form::document(payload.body) {
            Ok(body) => body,
            Err(reason) => return Reading::unreadable(reason),
        };
        let Some(root) = body.as_object() else {
            return Reading::unreadable("the payload is no object");
        };
        let names = self.names(&body);
        // A payload that names neither is not taken; one that was, before another configuration, is the first one's.
        let account = names.iter().find(|name| self.accounts.has(name)).map_or(self.accounts.first(), String::as_str);
        let mut told = Told {
            crm: self,
            account,
            received_at: payload.received_at,
            order: Order::default(),
            reading: Reading::default(),
        };
        if text(&body, "/account_id").is_some() && body.get("message").is_some() {
            told.reading.ignore();
            return told.reading;
        }
        for (entity, actions) in root {
            match entity.as_str() {
                "account" => {}
                "leads" => told.each(actions, "leads", Told::lead),
                "contacts" => told.each(actions, "contacts", Told::contact),
                name if IGNORED.contains(&name) => told.each(actions, name, Told::other),
                name => told.reading.note_unknown(name),
            }
        }
        told.order.rank(&mut told.reading.deals);
        told.reading
    }
}

impl AmoCrm {
    /// The account's id and its name in addresses.
    fn names(&self, body: &Value) -> Vec<String> {
        ["/account/id", "/account/subdomain"].into_iter().filter_map(|pointer| text(body, pointer)).collect()
    }
}

/// What one payload tells of one account.
struct Told<'a> {
    crm: &'a AmoCrm,
    account: &'a str,
    received_at: Millis,
    /// Of what is told of leads.
    order: Order,
    reading: Reading,
}

/// Whether a kind is one that the connector knows.
enum Kind {
    Known,
    Unknown,
}

impl Told<'_> {
    fn deals(&self) -> AccountDeals<'_> {
        self.crm.deals.of(self.account)
    }

    /// Reads every entry of `{action: [entry, …]}`.
    fn each(&mut self, actions: &Value, entity: &str, read: fn(&mut Self, &str, &Value) -> Kind) {
        for (action, list) in actions.as_object().unwrap_or(&Map::new()) {
            for entry in entries(list) {
                if let Kind::Unknown = read(self, action, entry) {
                    self.reading.note_unknown(&format!("{entity}.{action}"));
                }
            }
        }
    }

    fn other(&mut self, _action: &str, _entry: &Value) -> Kind {
        self.reading.ignore();
        Kind::Known
    }

    fn lead(&mut self, action: &str, lead: &Value) -> Kind {
        let what = match action {
            "add" | "update" | "status" | "responsible" => None,
            "delete" => Some(Stage::Deleted),
            "restore" => Some(Stage::Restored),
            "note" | "task" => return self.other(action, lead),
            _ => return Kind::Unknown,
        };
        let Some(id) = text(lead, "/id").and_then(checked_id) else {
            self.reading.note_unreadable("a lead has no id");
            return Kind::Known;
        };
        let at = self.time(lead);
        if let Some(stage) = what {
            let fact = self.fact(&id, at, &[stage.as_str()]);
            self.note(DealFact { stage: Some(stage), ..fact }, Entry::default());
        }
        let status = text(lead, "/status_id");
        let price = lead.get("price").and_then(price);
        // A lead that is gone still names the stage that it was in; what is told of it then is nothing new.
        if what != Some(Stage::Deleted) && (status.is_some() || price.is_some()) {
            let old_status = text(lead, "/old_status_id").filter(|old| Some(old) != status.as_ref());
            // Every change of a lead tells its stage, so that it was won long ago, too.
            let is_transition =
                matches!(action, "add" | "status" | "restore") || old_status.is_some() || status.is_none();
            let mut parts = vec![status.as_deref().unwrap_or_default(), price.as_deref().unwrap_or_default()];
            // A fact of its own: it must not take the place of the one that tells the change.
            parts.extend((!is_transition).then_some("mentioned"));
            let fact = self.fact(&id, at, &parts);
            let stage = status.as_deref().map(|status| self.crm.deals.stage(status));
            let was_closed = old_status.as_deref().is_some_and(|old| self.crm.deals.configured_stage(old).is_some());
            let entry = Entry { is_added: action == "add", was_closed, status, old_status };
            self.note(DealFact { stage, amount: price, is_transition, ..fact }, entry);
        }
        if let Some(contact) = main_contact(lead) {
            let deal = self.deals().deal(&id);
            self.link(&contact, &[deal], at);
        }
        Kind::Known
    }

    fn note(&mut self, fact: DealFact, entry: Entry) {
        self.reading.deals.push(fact);
        self.order.note(entry);
    }

    fn contact(&mut self, action: &str, contact: &Value) -> Kind {
        match action {
            "add" | "update" | "restore" | "responsible" => {}
            "delete" | "note" | "task" => return self.other(action, contact),
            _ => return Kind::Unknown,
        }
        // Companies come among the contacts; their numbers are those of many people.
        if text(contact, "/type").is_some_and(|kind| kind == "company") {
            return self.other(action, contact);
        }
        let Some(id) = text(contact, "/id").and_then(checked_id) else {
            self.reading.note_unreadable("a contact has no id");
            return Kind::Known;
        };
        let mut identities = self.numbers(contact);
        identities.extend(linked_leads(contact).map(|lead| self.deals().deal(&lead)));
        if identities.is_empty() {
            return self.other(action, contact);
        }
        let at = self.time(contact);
        self.link(&id, &identities, at);
        Kind::Known
    }

    /// Telephone numbers and addresses of a contact.
    fn numbers(&self, contact: &Value) -> Vec<String> {
        let mut identities = Vec::new();
        for field in ["custom_fields", "custom_fields_values"].into_iter().flat_map(|name| entries_of(contact, name)) {
            let code = text(field, "/code").or_else(|| text(field, "/field_code")).unwrap_or_default();
            for value in entries_of(field, "values") {
                let value = text(value, "/value").or_else(|| text(value, "")).unwrap_or_default();
                identities.extend(match code.as_str() {
                    "PHONE" => self.crm.deals.phone(&value),
                    "EMAIL" => email(&value),
                    _ => None,
                });
            }
        }
        identities
    }

    fn link(&mut self, contact: &str, identities: &[String], at: Millis) {
        let deals = self.deals();
        let events = deals.links(&deals.contact(contact), identities, at, &[&at.to_string()]);
        self.reading.events.extend(events);
    }

    fn fact(&self, lead: &str, at: Millis, parts: &[&str]) -> DealFact {
        let written = at.to_string();
        let mut all = vec![written.as_str()];
        all.extend(parts);
        self.deals().fact(lead, at, &all)
    }

    /// When the entry was changed. Webhooks of a pipeline and of deletions do not say: then it is when they arrive, and the
    /// same told again is a fact of its own, which says the same of the deal.
    fn time(&self, entry: &Value) -> Millis {
        let seconds = ["/updated_at", "/last_modified"].into_iter().find_map(|pointer| number(entry, pointer));
        seconds.filter(|seconds| 0 < *seconds).map_or(self.received_at, |seconds| seconds.saturating_mul(1_000))
    }
}

/// An amount as text; a number of JSON is one too.
fn price(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The entries of a list, which a form writes as an object.
fn entries(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(entries) => entries.iter().collect(),
        Value::Object(entries) => entries.values().collect(),
        _ => Vec::new(),
    }
}

fn entries_of<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    value.get(name).map(entries).unwrap_or_default()
}

/// The leads of a contact: a list of ids, or an object whose keys they are.
fn linked_leads(contact: &Value) -> impl Iterator<Item = String> {
    let ids: Vec<String> = match contact.get("linked_leads_id") {
        Some(Value::Object(leads)) => leads
            .iter()
            .filter_map(|(key, lead)| match lead {
                // `linked_leads_id[0]=7`: a list after all.
                Value::String(id) => Some(id.clone()),
                _ => text(lead, "/ID").or_else(|| Some(key.clone())),
            })
            .collect(),
        Some(Value::Array(leads)) => leads.iter().filter_map(|lead| text(lead, "")).collect(),
        _ => Vec::new(),
    };
    ids.into_iter().filter_map(checked_id)
}

/// The main contact of a lead. The others stay apart: whoever is joined to a deal is one person with it.
fn main_contact(lead: &Value) -> Option<String> {
    let named = ["/main_contact_id", "/main_contact/id"].into_iter().find_map(|pointer| text(lead, pointer));
    let embedded = entries_of(lead.get("_embedded").unwrap_or(lead), "contacts");
    let is_main = |contact: &&&Value| matches!(contact.get("is_main"), Some(Value::Bool(true)));
    let main = embedded.iter().find(is_main).or(embedded.first());
    let listed = || main.and_then(|contact| text(contact, "/id").or_else(|| text(contact, "")));
    named.filter(|id| id != "0").or_else(listed).and_then(checked_id)
}

#[cfg(test)]
mod tests;
