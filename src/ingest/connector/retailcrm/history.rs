//! Pages of the histories become facts and links, record by record. A record is one change: a field, its old and its new
//! value; or a thing that is new, with all that it was made with.

use serde_json::Value;

use super::Orders;
use super::api::{CUSTOMERS, ORDERS};
use crate::ingest::connector::Reading;
use crate::ingest::connector::deals::AccountDeals;
use crate::ingest::connector::deals::money::{amount, currency};
use crate::ingest::connector::email::email;
use crate::ingest::connector::errands::{Told, digits};
use crate::ingest::connector::json::{is_true, list, text};
use crate::ingest::deal::{DealFact, Stage};
use crate::model::clock::Millis;
use crate::model::event::Event;

/// Phones of one customer that are read.
const PHONES_MAX: usize = 100;

pub(super) fn read(orders: &Orders, told: &Told<'_>) -> Reading {
    let subject = match told.method {
        ORDERS => "order",
        CUSTOMERS => "customer",
        method => return Reading::unreadable(format!("an answer to {method}, which is never asked")),
    };
    let mut reading = Reading::default();
    for record in list(told.answer, "/history") {
        let read = Record::of(orders, record, subject);
        match read {
            Some(read) if subject == "order" => read.note_order(&mut reading),
            Some(read) => read.note_customer(&mut reading),
            None => {
                let id = text(record, "/id").unwrap_or_else(|| "without a number".to_owned());
                reading.note_unreadable(format!("the record {id} of {} names no {subject} or no time", told.method));
            }
        }
    }
    reading
}

/// One change, with what every change has.
struct Record<'a> {
    deals: AccountDeals<'a>,
    record: &'a Value,
    /// The record's own number.
    number: String,
    /// The number of the order or customer.
    id: String,
    at: Millis,
}

impl<'a> Record<'a> {
    fn of(orders: &'a Orders, record: &'a Value, subject: &str) -> Option<Self> {
        let number = digits(record, "/id")?;
        let id = digits(record, &format!("/{subject}/id"))?;
        let at = orders.instant(&text(record, "/createdAt")?)?;
        Some(Self { deals: orders.deals(), record, number, id, at })
    }

    fn note_order(&self, reading: &mut Reading) {
        let before = (reading.deals.len(), reading.events.len());
        match self.change() {
            Change::Made => {
                reading.deals.extend(self.stage("/order/status"));
                reading.deals.extend(self.amount(&["/order/totalSumm", "/order/summ"]));
                reading.events.extend(self.people_of_order());
            }
            // An order that was put into another one is no order any more; its sum is the other one's.
            Change::Gone | Change::Joined { .. } => {
                let fact = self.fact("gone");
                reading.deals.push(DealFact { stage: Some(Stage::Lost), ..fact });
            }
            Change::Field("status") => reading.deals.extend(self.stage("/newValue")),
            Change::Field("total_summ" | "totalSumm") => reading.deals.extend(self.amount(&["/newValue"])),
            // One that replaces another says that the order was somebody else's, not that the two are one person.
            Change::Field("phone") if self.was_empty() => {
                let names = self.phone("/newValue");
                reading.events.extend(self.links(&self.deals.deal(&self.id), names));
            }
            Change::Field("customer") if self.was_empty() => {
                if let Some(customer) = person("customer", self.record, "/newValue") {
                    let names = vec![self.deals.deal(&self.id)];
                    reading.events.extend(self.links(&self.deals.contact(&customer), names));
                }
            }
            Change::Field(_) | Change::Other => {}
        }
        self.count(before, reading);
    }

    fn note_customer(&self, reading: &mut Reading) {
        let before = (reading.deals.len(), reading.events.len());
        let contact = self.deals.contact(&self.id);
        // A company's phones are those of all who work there.
        let is_person = person("customer", self.record, "/customer").is_some();
        match self.change() {
            Change::Made if is_person => {
                let phones = list(self.record, "/customer/phones").iter().take(PHONES_MAX);
                let mut names: Vec<String> = phones.filter_map(|entry| self.phone_of(entry, "/number")).collect();
                names.extend(text(self.record, "/customer/email").and_then(|text| email(&text)));
                reading.events.extend(self.links(&contact, names));
            }
            // The other one stays: both are one person from now on.
            Change::Joined { into } if is_person && into != self.id => {
                reading.events.extend(self.links(&self.deals.contact(&into), vec![contact]));
            }
            Change::Field("phones" | "phone") if is_person => {
                let one = self.phone("/newValue").or_else(|| self.phone("/newValue/number"));
                let many = list(self.record, "/newValue").iter().take(PHONES_MAX);
                let many =
                    many.filter_map(|entry| self.phone_of(entry, "/number").or_else(|| self.phone_of(entry, "")));
                reading.events.extend(self.links(&contact, one.into_iter().chain(many)));
            }
            Change::Field("email") if is_person => {
                let names = text(self.record, "/newValue").and_then(|text| email(&text));
                reading.events.extend(self.links(&contact, names));
            }
            _ => {}
        }
        self.count(before, reading);
    }

    /// A record that said nothing is one that no figure needs.
    fn count(&self, before: (usize, usize), reading: &mut Reading) {
        if (reading.deals.len(), reading.events.len()) == before {
            reading.ignore();
        }
    }

    fn change(&self) -> Change<'a> {
        let is = |pointer| is_true(self.record, pointer);
        if let Some(into) = digits(self.record, "/combinedTo/id") {
            return Change::Joined { into };
        }
        match self.record.get("field").and_then(Value::as_str) {
            _ if is("/deleted") => Change::Gone,
            _ if is("/created") => Change::Made,
            Some(field) => Change::Field(field),
            None => Change::Other,
        }
    }

    fn was_empty(&self) -> bool {
        match self.record.get("oldValue") {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(_) => false,
        }
    }

    /// A fact that says nothing yet. Times are of whole seconds; records are numbered as they are made.
    fn fact(&self, what: &str) -> DealFact {
        let rank = self.number.parse().unwrap_or(u64::MAX);
        DealFact { rank, ..self.deals.fact(&self.id, self.at, &["history", &self.number, what]) }
    }

    /// A status is its code, alone or in an object.
    fn stage(&self, pointer: &str) -> Option<DealFact> {
        let code = text(self.record, pointer).or_else(|| text(self.record, &format!("{pointer}/code")))?;
        let fact = self.fact("status");
        Some(DealFact { stage: Some(self.deals.stage(&code)), ..fact })
    }

    fn amount(&self, pointers: &[&str]) -> Option<DealFact> {
        let amount = pointers.iter().find_map(|pointer| amount(self.record, pointer))?;
        let currency = text(self.record, "/order/currency").and_then(|text| currency(&text));
        let fact = self.fact("amount");
        Some(DealFact { amount: Some(amount), currency, ..fact })
    }

    /// Whose a new order is: its customer's, else at least the phone's.
    fn people_of_order(&self) -> Vec<Event> {
        let order = self.deals.deal(&self.id);
        let phone = self.phone("/order/phone");
        let customer = person("customer", self.record, "/order/customer")
            .or_else(|| person("customer", self.record, "/order/contact"));
        match customer {
            Some(customer) => self.links(&self.deals.contact(&customer), phone.into_iter().chain([order])),
            None => self.links(&order, phone),
        }
    }

    fn phone(&self, pointer: &str) -> Option<String> {
        self.phone_of(self.record, pointer)
    }

    fn phone_of(&self, value: &Value, pointer: &str) -> Option<String> {
        self.deals.phone(&text(value, pointer)?)
    }

    fn links(&self, contact: &str, names: impl IntoIterator<Item = String>) -> Vec<Event> {
        let names: Vec<String> = names.into_iter().collect();
        self.deals.links(contact, &names, self.at, &[])
    }
}

/// What a record says.
enum Change<'a> {
    Made,
    Gone,
    Joined { into: String },
    Field(&'a str),
    Other,
}

/// The number of a customer that is one person.
fn person(kind: &str, record: &Value, pointer: &str) -> Option<String> {
    let is_person = text(record, &format!("{pointer}/type")).is_none_or(|given| given == kind);
    digits(record, &format!("{pointer}/id")).filter(|_| is_person)
}
