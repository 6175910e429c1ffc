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
use super::deals::{AccountDeals, Crm, Deals, Stages};
use super::errands::{self, Errands, is_digits};
use super::json::{number, text};
use super::options::{Hidden, OptionError, Options};
use super::signature::check;
use super::{Accounts, Connector, Delivery, Payload, Platform, Reading, Refusal, form};
use crate::ingest::deal::{DealFact, Stage};
use crate::model::clock::Millis;

pub const BITRIX24: Platform = Platform { name: "bitrix24", open };

const NAME: &str = "bitrix24";

/// Bitrix24 in names and ids.
const CRM: Crm = Crm { name: NAME, channel: "BITRIX24", facts: "BITRIX24" };

/// The portal itself says of every stage whether it is won or lost.
const STAGES: Stages = Stages { won: ("won_stages", &[]), lost: ("lost_stages", &[]) };

#[derive(Debug)]
struct Bitrix24 {
    accounts: Accounts,
    application_token: Hidden,
    deals: Deals,
    portal: Option<Arc<Portal>>,
}

fn open(accounts: &Accounts, options: &mut Options) -> Result<Arc<dyn Connector>, OptionError> {
    let application_token = options.secret("application_token")?;
    let deals = Deals::from_options(options, CRM, STAGES)?;
    let portal = Portal::from_options(options)?.map(Arc::new);
    Ok(Arc::new(Bitrix24 { accounts: accounts.clone(), application_token, deals, portal }))
}

impl Connector for Bitrix24 {
    fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        let what = "auth[application_token]";
        let call = form::document(delivery.body).map_err(|_| Refusal::Unsigned { what })?;
        check(&self.application_token, text(&call, "/auth/application_token").as_deref(), what)?;
        if errands::is_wrapped(&call) {
            return Err(Refusal::BadSignature { what });
        }
        let names: Vec<String> =
            ["/auth/member_id", "/auth/domain"].iter().filter_map(|pointer| text(&call, pointer)).collect();
        self.accounts.check_any(&names)
    }

    fn read(&self, payload: &Payload<'_>) -> Reading {
        match form::document(payload.body) {
            Ok(told) if errands::is_wrapped(&told) => self.read_asked(&told, payload),
            Ok(call) => self.read_call(&call, payload),
            Err(reason) => Reading::unreadable(reason),
        }
    }

    fn errands(&self) -> Option<Arc<dyn Errands>> {
        self.portal.clone().map(|portal| portal as Arc<dyn Errands>)
    }

    /// Also without `rest_url`, which may be given later.
    fn can_be_asked(&self) -> bool {
        true
    }
}

impl Bitrix24 {
    fn deals(&self) -> AccountDeals<'_> {
        self.deals.of(self.accounts.first())
    }

    fn read_asked(&self, value: &Value, payload: &Payload<'_>) -> Reading {
        match errands::unwrap(NAME, value) {
            Some(told) => answer::read(self.deals(), &told, payload.received_at),
            None => Reading::unreadable("an answer of another platform"),
        }
    }

    /// A call of the portal: the name of an event, and the id of what it is about.
    fn read_call(&self, call: &Value, payload: &Payload<'_>) -> Reading {
        let Some(event) = text(call, "/event") else {
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
        let Some(id) = text(call, "/data/FIELDS/ID").filter(|id| is_digits(id)) else {
            return Reading::unreadable(format!("{event} without the number of its {subject}"));
        };
        match event.as_str() {
            "ONCRMDEALDELETE" => {
                // When it was sent: later than it happened by the queue's length.
                let at = number(call, "/ts").map_or(payload.received_at, |seconds| seconds.saturating_mul(1_000));
                reading.deals.push(deleted(self.deals(), &id, at));
            }
            _ => reading.lookups.push(format!("{subject} {id}")),
        }
        reading
    }
}

/// A deal that is no more counts as lost: test deals and doubles are what people delete.
fn deleted(deals: AccountDeals<'_>, id: &str, at: Millis) -> DealFact {
    DealFact { stage: Some(Stage::Lost), ..deals.fact(id, at, &["deleted"]) }
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
