//! What connectors of CRMs share: how deals are understood, and names of the CRM's contacts and deals.

use super::options::{OptionError, Options};
use super::sender::{Sender, event_id};
use crate::ingest::deal::{DealFact, Stage};
use crate::model::clock::Millis;
use crate::model::event::{Event, Kind, Scalar};

/// How the deals of a connection are understood.
#[derive(Clone, Debug)]
pub struct Deals {
    /// As in `amocrm:<account>:deal:<id>`.
    crm: &'static str,
    sender: Sender,
    /// The conversion's action.
    action: String,
    /// What amounts are in where the CRM does not say.
    currency: Option<String>,
    won: Vec<String>,
    lost: Vec<String>,
}

/// What a deal's client does where nothing else is configured.
const ACTION: &str = "purchase";

/// Identities of one event beside its contact; a person with more gets several events.
const LINKS_MAX: usize = crate::ingest::normalise::IDENTITIES_MAX;

/// Characters of a CRM's id: they are numbers of at most 20 digits.
const ID_CHARS_MAX: usize = 40;

impl Deals {
    /// Takes the options `action`, `currency`, `won_stages` and `lost_stages`.
    ///
    /// # Errors
    /// When one is not in order.
    pub fn from_options(
        options: &mut Options,
        crm: &'static str,
        channel: &'static str,
        (won, lost): (&str, &str),
    ) -> Result<Self, OptionError> {
        let mut stages = |name, usual: &str| {
            let stages = options.list(name)?;
            Ok(if stages.is_empty() { vec![usual.to_owned()] } else { stages })
        };
        let (won, lost) = (stages("won_stages", won)?, stages("lost_stages", lost)?);
        if let Some(both) = won.iter().find(|stage| lost.contains(stage)) {
            let reason = format!("`{both}` is in `lost_stages` too: a deal there is either won or lost");
            return Err(OptionError::Invalid { name: "won_stages", reason });
        }
        let action = options.text_if_given("action")?.unwrap_or_else(|| ACTION.to_owned());
        let currency = options.text_if_given("currency")?;
        let is_currency = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        match currency {
            Some(text) if !is_currency(&text) => Err(OptionError::Invalid {
                name: "currency",
                reason: format!("`{text}` is no currency: give three letters, such as \"EUR\""),
            }),
            currency => Ok(Self { crm, sender: Sender { channel }, action, currency, won, lost }),
        }
    }

    /// What a stage of this id means.
    pub fn stage(&self, id: &str) -> Stage {
        let has = |stages: &[String]| stages.iter().any(|stage| stage == id);
        match (has(&self.won), has(&self.lost)) {
            (true, _) => Stage::Won,
            (_, true) => Stage::Lost,
            _ => Stage::Open,
        }
    }

    /// A fact that says nothing yet. `parts` tell it from all others of the deal.
    pub fn fact(&self, account: &str, deal: &str, at: Millis, parts: &[&str]) -> DealFact {
        let mut all = vec![self.crm, account, "deal", deal];
        all.extend(parts);
        DealFact {
            id: event_id(&all),
            deal: self.deal(account, deal),
            channel: self.sender.channel.to_owned(),
            account: account.to_owned(),
            action: self.action.clone(),
            at,
            stage: None,
            amount: None,
            currency: None,
            usual_currency: self.currency.clone(),
        }
    }

    /// The deal as an identity.
    pub fn deal(&self, account: &str, id: &str) -> String {
        format!("{}:{account}:deal:{id}", self.crm)
    }

    /// The CRM's contact as an identity.
    pub fn contact(&self, account: &str, id: &str) -> String {
        format!("{}:{account}:contact:{id}", self.crm)
    }

    /// As [`links`].
    pub fn links(&self, account: &str, contact: &str, identities: &[String], at: Millis, parts: &[&str]) -> Vec<Event> {
        links(&self.sender, account, contact, (identities, at), parts)
    }
}

/// That all these names are of one person, as told at an instant. `parts` tell by what that was told; without any, the same
/// link told again is the same. No names, no events.
pub fn links(
    sender: &Sender,
    account: &str,
    contact: &str,
    (identities, at): (&[String], Millis),
    parts: &[&str],
) -> Vec<Event> {
    let mut distinct: Vec<&String> = identities.iter().filter(|name| *name != contact).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let link = |names: &[&String]| {
        let mut all = vec![contact];
        all.extend(parts);
        all.extend(names.iter().map(|name| name.as_str()));
        let mut event = sender.event(Kind::ContactLinked, account, &all);
        event.at = Some(Scalar::from(at));
        event.contact = Some(Scalar::from(contact));
        event.identities = Some(names.iter().map(|name| Scalar::from(name.as_str())).collect());
        event
    };
    distinct.chunks(LINKS_MAX).map(link).collect()
}

/// The id, where it can be one.
pub fn checked_id(id: String) -> Option<String> {
    let is_id = id.chars().count() <= ID_CHARS_MAX
        && id.chars().all(|char| char.is_ascii_alphanumeric() || "-_".contains(char));
    (is_id && !id.is_empty()).then_some(id)
}

/// An address as an identity; `None` where it is none.
pub fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let (name, host) = text.split_once('@')?;
    let is_plain = !text.chars().any(|char| char.is_whitespace() || char.is_control() || ",;<>".contains(char));
    let is_address = !name.is_empty() && host.contains('.') && !host.contains('@') && text.chars().count() <= 150;
    (is_plain && is_address).then(|| format!("email:{}", text.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn open(options: &serde_json::Value) -> Result<Deals, OptionError> {
        let mut options = Options::new(options.as_object().cloned().unwrap());
        Deals::from_options(&mut options, "amocrm", "AMOCRM", ("142", "143"))
    }

    #[test]
    fn stages_are_the_usual_ones_unless_others_are_named() {
        let usual = open(&json!({})).unwrap();
        assert_eq!(["142", "143", "7"].map(|id| usual.stage(id)), [Stage::Won, Stage::Lost, Stage::Open]);
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
        let names: Vec<String> = (0..20).map(|id| deals.deal("1", &id.to_string())).collect();
        let events = deals.links("1", &deals.contact("1", "5"), &names, 0, &["x"]);
        let counts: Vec<usize> = events.iter().map(|event| event.identities.as_ref().unwrap().len()).collect();
        assert_eq!(counts, [16, 4]);
        assert_ne!(events[0].id, events[1].id);
        let own = deals.contact("1", "5");
        assert_eq!(deals.links("1", &own, std::slice::from_ref(&own), 0, &["x"]).len(), 0);
    }

    #[test]
    fn an_address_has_a_name_and_a_host() {
        assert_eq!(email(" Anna@Example.com ").as_deref(), Some("email:anna@example.com"));
        for wrong in ["", "anna", "@example.com", "a@b", "a@b.c, d@e.f", "a@b@c.d", "a b@c.d"] {
            assert_eq!(email(wrong), None, "{wrong}");
        }
    }
}
