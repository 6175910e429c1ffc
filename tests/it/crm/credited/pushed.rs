//! CRMs that push what changed: amoCRM's forms, HubSpot's events, the triggers of RetailCRM.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::floor::{ACCOUNT, Floor, millis, rfc3339};
use super::{Crm, Said};

const FORM: &str = "application/x-www-form-urlencoded";

/// Leads by their status; whose they are, the contacts say. Of a merge it tells what the contact that stays has now.
pub struct AmoCrm;

impl Crm for AmoCrm {
    async fn open() -> Self {
        Self
    }

    fn platform(&self) -> &'static str {
        "amocrm"
    }

    fn options(&self) -> Value {
        json!({"path_secret": "4f2c8d0a6b1e", "currency": "EUR"})
    }

    async fn tell(&mut self, floor: &Floor, said: Said) {
        match said {
            Said::Person { contact, phone, at } => amo_contact(floor, "add", contact, &[phone], None, at).await,
            Said::Won { deal, contact, amount, at } => {
                amo_lead(floor, deal, "142", amount, at).await;
                amo_contact(floor, "update", contact, &[], Some(deal), at).await;
            }
            Said::TakenBack { deal, amount, at, .. } => amo_lead(floor, deal, "143", amount, at).await,
            Said::Merged { gone, into, phones, at } => {
                amo_contact(floor, "update", into, &phones, None, at).await;
                amo_contact(floor, "delete", gone, &[], None, at).await;
            }
            Said::Shared { deal, contact, at, .. } => {
                amo_contact(floor, "update", contact, &[], Some(deal), at).await;
            }
        }
    }
}

async fn amo_lead(floor: &Floor, deal: u32, status: &str, amount: u32, at: &str) {
    let lead = "leads[status][0]";
    let changed = millis(at) / 1_000;
    let body = format!(
        "{lead}[id]={deal}&{lead}[status_id]={status}&{lead}[price]={amount}&{lead}[updated_at]={changed}&account[id]={ACCOUNT}"
    );
    floor.call("?secret=4f2c8d0a6b1e", FORM, &[], body).await;
}

async fn amo_contact(floor: &Floor, action: &str, contact: u32, phones: &[&str], deal: Option<u32>, at: &str) {
    let entry = format!("contacts[{action}][0]");
    let mut body = format!("{entry}[id]={contact}&{entry}[type]=contact&{entry}[updated_at]={}", millis(at) / 1_000);
    if let Some(deal) = deal {
        body.push_str(&format!("&{entry}[linked_leads_id][{deal}][ID]={deal}"));
    }
    for (index, phone) in phones.iter().enumerate() {
        let field = format!("{entry}[custom_fields][0]");
        body.push_str(&format!("&{field}[code]=PHONE&{field}[values][{index}][value]=%2B{phone}"));
    }
    floor.call("?secret=4f2c8d0a6b1e", FORM, &[], format!("{body}&account[id]={ACCOUNT}")).await;
}

/// Property by property; a sale that is taken back is a deal in an open stage again.
pub struct HubSpot;

const CLIENT_SECRET: &str = "7d1f0c2b-58aa-4e61-9f0d-3c1b2a4e5f60";
const PUBLIC_URL: &str = "https://rapport.example.com/webhooks/crm";

impl Crm for HubSpot {
    async fn open() -> Self {
        Self
    }

    fn platform(&self) -> &'static str {
        "hubspot"
    }

    fn options(&self) -> Value {
        json!({"client_secret": CLIENT_SECRET, "public_url": PUBLIC_URL, "currency": "EUR"})
    }

    async fn tell(&mut self, floor: &Floor, said: Said) {
        let property = |object: &str, id: u32, name: &str, value: &str, at: &str| {
            json!({"portalId": 5001, "subscriptionType": format!("{object}.propertyChange"), "objectId": id,
                "propertyName": name, "propertyValue": value, "occurredAt": millis(at), "attemptNumber": 0})
        };
        let joined = |deal: u32, contact: u32, at: &str| {
            json!({"portalId": 5001, "subscriptionType": "deal.associationChange", "associationType": "DEAL_TO_CONTACT",
                "fromObjectId": deal, "toObjectId": contact, "associationRemoved": false, "occurredAt": millis(at)})
        };
        let events = match said {
            Said::Person { contact, phone, at } => {
                vec![property("contact", contact, "phone", &format!("+{phone}"), at)]
            }
            // In no order, as HubSpot does.
            Said::Won { deal, contact, amount, at } => vec![
                joined(deal, contact, at),
                property("deal", deal, "dealstage", "closedwon", at),
                property("deal", deal, "amount", &amount.to_string(), at),
            ],
            Said::TakenBack { deal, at, .. } => vec![property("deal", deal, "dealstage", "contractsent", at)],
            Said::Merged { gone, into, at, .. } => vec![json!({"portalId": 5001, "subscriptionType": "contact.merge",
                "primaryObjectId": into, "mergedObjectIds": [gone], "occurredAt": millis(at)})],
            Said::Shared { deal, contact, at, .. } => vec![joined(deal, contact, at)],
        };
        let body = Value::from(events).to_string();
        let now = floor.now();
        let key = hmac::Key::new(hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
        let tag = hmac::sign(&key, format!("POST{PUBLIC_URL}{body}{now}").as_bytes());
        let headers =
            [("x-hubspot-signature-v3", STANDARD.encode(tag)), ("x-hubspot-request-timestamp", now.to_string())];
        floor.call("", "application/json", &headers, body).await;
    }
}

/// Orders alone: who somebody is, is told by the orders that he makes. A sale is taken back by a cancelled order.
pub struct RetailCrmTrigger;

impl Crm for RetailCrmTrigger {
    async fn open() -> Self {
        Self
    }

    fn platform(&self) -> &'static str {
        "retailcrm"
    }

    fn options(&self) -> Value {
        json!({"path_secret": "not-a-real-secret", "time_zone": "Europe/Madrid", "currency": "EUR"})
    }

    async fn tell(&mut self, floor: &Floor, said: Said) {
        let order = |order: u32, status: &str, customer: u32, at: &str| json!({"order": order, "status": status, "customer": customer, "at": rfc3339(at), "account": ACCOUNT});
        let body = match said {
            Said::Person { contact, phone, at } => {
                let mut body = order(contact * 10, "new", contact, at);
                body["phone"] = format!("+{phone}").into();
                body
            }
            Said::Won { deal, contact, amount, at } => {
                let mut body = order(deal, "complete", contact, at);
                body["total"] = amount.into();
                body
            }
            Said::TakenBack { deal, contact, at, .. } => order(deal, "cancel-other", contact, at),
            // A trigger has no word for it: the customer who stays orders under the number of the other.
            Said::Merged { into, phones, at, .. } => {
                let mut body = order(into * 10 + 1, "new", into, at);
                body["phone"] = format!("+{}", phones[1]).into();
                body
            }
            Said::Shared { deal, contact, at, .. } => order(deal, "complete", contact, at),
        };
        floor.call("?secret=not-a-real-secret", "application/json", &[], body.to_string()).await;
    }
}
