//! CRMs that are asked: the cards of Bitrix24 after its calls, and the histories of RetailCRM. Both are fakes on this machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::floor::{ACCOUNT, Floor, rfc3339};
use super::{Crm, Said};
use crate::errands::fake_crm::{Asked, FakeCrm, Reply};

/// Cards by what is asked for and their numbers; a sale that is taken back is a deal that was lost.
pub struct Bitrix24 {
    crm: FakeCrm,
    cards: Arc<Mutex<BTreeMap<String, Value>>>,
}

impl Crm for Bitrix24 {
    async fn open() -> Self {
        let cards: Arc<Mutex<BTreeMap<String, Value>>> = Arc::default();
        let known = cards.clone();
        let answer = move |asked: &Asked| {
            let question: Value = serde_json::from_str(&asked.body).unwrap();
            let method = asked.path_and_query.strip_prefix("/rest/1/a-secret/").unwrap();
            let name = format!("{method} {}", question["id"].as_str().unwrap());
            match known.lock().unwrap().get(&name) {
                Some(card) => Reply::Json(json!({"result": card}).to_string()),
                None => Reply::Json(json!({"error": "", "error_description": "Not found"}).to_string()),
            }
        };
        Self { crm: FakeCrm::start(answer).await, cards }
    }

    fn platform(&self) -> &'static str {
        "bitrix24"
    }

    fn options(&self) -> Value {
        let url = format!("{}/rest/1/a-secret/", self.crm.url);
        json!({"application_token": "a-token-of-tests", "rest_url": url, "currency": "EUR"})
    }

    async fn tell(&mut self, floor: &Floor, said: Said) {
        match said {
            Said::Person { contact, phone, at } => {
                self.write_contact(contact, &[phone], at);
                call(floor, "ONCRMCONTACTADD", contact).await;
            }
            Said::Won { deal, contact, amount, at } => {
                self.write_deal(deal, ("WON", "S"), &[contact], amount, (at, at));
                call(floor, "ONCRMDEALUPDATE", deal).await;
            }
            Said::TakenBack { deal, contact, amount, at } => {
                self.write_deal(deal, ("LOSE", "F"), &[contact], amount, (at, at));
                call(floor, "ONCRMDEALUPDATE", deal).await;
            }
            // The portal tells of both, and the card that stays has all numbers.
            Said::Merged { gone, into, phones, at } => {
                self.write_contact(into, &phones, at);
                self.cards.lock().unwrap().remove(&format!("crm.contact.get {gone}"));
                call(floor, "ONCRMCONTACTDELETE", gone).await;
                call(floor, "ONCRMCONTACTUPDATE", into).await;
            }
            // The second contact is made the main one, which is how a card of one contact names another.
            Said::Shared { deal, first, contact, at } => {
                self.write_deal(deal, ("WON", "S"), &[contact, first], 90, ("11T09:00:00", at));
                call(floor, "ONCRMDEALUPDATE", deal).await;
            }
        }
        floor.ask_crm().await;
    }
}

impl Bitrix24 {
    fn write_contact(&self, contact: u32, phones: &[&str], at: &str) {
        let phones: Vec<Value> = phones.iter().map(|phone| json!({"VALUE": format!("+{phone}")})).collect();
        let card = json!({"ID": contact.to_string(), "DATE_MODIFY": rfc3339(at), "PHONE": phones});
        self.cards.lock().unwrap().insert(format!("crm.contact.get {contact}"), card);
    }

    fn write_deal(&self, deal: u32, stage: (&str, &str), contacts: &[u32], amount: u32, (moved, at): (&str, &str)) {
        let card = json!({"ID": deal.to_string(), "STAGE_ID": stage.0, "STAGE_SEMANTIC_ID": stage.1,
            "OPPORTUNITY": format!("{amount}.00"), "CURRENCY_ID": "EUR", "CONTACT_ID": contacts[0].to_string(),
            "CONTACT_IDS": contacts, "MOVED_TIME": rfc3339(moved), "DATE_MODIFY": rfc3339(at)});
        self.cards.lock().unwrap().insert(format!("crm.deal.get {deal}"), card);
    }
}

async fn call(floor: &Floor, event: &str, id: u32) {
    let body =
        format!("event={event}&data[FIELDS][ID]={id}&auth[application_token]=a-token-of-tests&auth[domain]={ACCOUNT}");
    floor.call("", "application/x-www-form-urlencoded", &[], body).await;
}

/// Two histories, one a kind, in pages of two records; a sale that is taken back is a cancelled order.
pub struct RetailCrmHistory {
    crm: FakeCrm,
    histories: Arc<Mutex<BTreeMap<&'static str, Vec<Value>>>>,
}

const ORDERS: &str = "/api/v5/orders/history";
const CUSTOMERS: &str = "/api/v5/customers/history";

impl Crm for RetailCrmHistory {
    async fn open() -> Self {
        let histories: Arc<Mutex<BTreeMap<&'static str, Vec<Value>>>> = Arc::default();
        let known = histories.clone();
        let answer = move |asked: &Asked| {
            let (path, query) = asked.path_and_query.split_once('?').unwrap();
            let since = query.split_once("sinceId%5D=").map_or(0, |(_, since)| since.parse::<usize>().unwrap());
            let known = known.lock().unwrap();
            // Records are numbered from 1 in the order of their places.
            let left = known.get(path).map_or(&[][..], |records| &records[since..]);
            let page = &left[..left.len().min(2)];
            let pages = json!({"limit": 100, "currentPage": 1, "totalPageCount": left.len().div_ceil(2)});
            Reply::Json(json!({"success": true, "history": page, "pagination": pages}).to_string())
        };
        Self { crm: FakeCrm::start(answer).await, histories }
    }

    fn platform(&self) -> &'static str {
        "retailcrm"
    }

    fn options(&self) -> Value {
        json!({"api_url": self.crm.url, "api_key": "a-key-of-tests", "time_zone": "Europe/Madrid", "currency": "EUR"})
    }

    async fn tell(&mut self, floor: &Floor, said: Said) {
        match said {
            Said::Person { contact, phone, at } => self.note(
                CUSTOMERS,
                at,
                json!({"created": true,
                "customer": {"id": contact, "type": "customer", "phones": [{"number": format!("+{phone}")}]}}),
            ),
            Said::Won { deal, contact, amount, at } => {
                let order = json!({"id": deal, "status": "new", "totalSumm": amount,
                    "customer": {"id": contact, "type": "customer"}});
                self.note(ORDERS, "11T08:00:00", json!({"created": true, "order": order}));
                self.note_status(deal, "new", "complete", at);
            }
            Said::TakenBack { deal, at, .. } => self.note_status(deal, "complete", "cancel-other", at),
            Said::Merged { gone, into, at, .. } => self.note(
                CUSTOMERS,
                at,
                json!({
                "customer": {"id": gone, "type": "customer"}, "combinedTo": {"id": into}}),
            ),
            Said::Shared { deal, first, contact, at } => self.note(
                ORDERS,
                at,
                json!({"field": "customer",
                "oldValue": {"id": first}, "newValue": {"id": contact}, "order": {"id": deal}}),
            ),
        }
        floor.ask_crm().await;
    }
}

impl RetailCrmHistory {
    fn note_status(&self, order: u32, before: &str, now: &str, at: &str) {
        let change = json!({"field": "status", "oldValue": {"code": before}, "newValue": {"code": now},
            "order": {"id": order}});
        self.note(ORDERS, at, change);
    }

    /// A record of a history, at a time of ours.
    fn note(&self, history: &'static str, at: &str, mut record: Value) {
        let mut histories = self.histories.lock().unwrap();
        let records = histories.entry(history).or_default();
        record["id"] = (records.len() + 1).into();
        record["createdAt"] = madrid(at).into();
        records.push(record);
    }
}

/// As an account in Madrid writes it: two hours ahead of UTC in May.
fn madrid(at: &str) -> String {
    let (day, time) = at.split_once('T').unwrap();
    let (hour, rest) = time.split_once(':').unwrap();
    format!("2035-05-{day} {:02}:{rest}", hour.parse::<u32>().unwrap() + 2)
}
