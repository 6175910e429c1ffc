//! What a rule makes of a deal or an order that a CRM's trigger tells.

use super::expression::{Expression, Wanted};
use super::path::Scene;
use super::written::{MappingError, Place, Written};
use crate::ingest::connector::deals::{ACTION, money};
use crate::ingest::deal::{DEAL_CHARS_MAX, DealFact, Stage};
use crate::model::clock::Millis;

#[derive(Clone, Debug)]
pub struct DealRule {
    deal: Expression,
    at: Option<Expression>,
    stage: Option<Expression>,
    amount: Option<Expression>,
    currency: Option<Expression>,
    /// What the client does by it.
    action: Option<Expression>,
}

impl DealRule {
    /// # Errors
    /// When something in it is missing or not known.
    pub fn parse(mut written: Written) -> Result<Self, MappingError> {
        let (place, value) = written.need("deal")?;
        let deal = Expression::parse(&place, value, Wanted::Text)?;
        let mut optional = |key: &str, wanted| match written.take(key) {
            None => Ok(None),
            Some((place, value)) => Expression::parse(&place, value, wanted).map(|found| Some((place, found))),
        };
        let at = optional("at", Wanted::Time)?.map(|(_, at)| at);
        let stage = optional("stage", Wanted::Text)?;
        let amount = optional("amount", Wanted::Number)?.map(|(_, amount)| amount);
        let currency = optional("currency", Wanted::Text)?;
        let action = optional("action", Wanted::Text)?.map(|(_, action)| action);
        check(stage.as_ref(), |text| stage_of(text).is_some(), "open, won or lost")?;
        check(currency.as_ref(), |text| money::currency(text).is_some(), "three letters, such as RUB")?;
        written.finish()?;
        Ok(Self {
            deal,
            at,
            stage: stage.map(|(_, stage)| stage),
            amount,
            currency: currency.map(|(_, name)| name),
            action,
        })
    }

    /// What the payload says of the deal.
    ///
    /// # Errors
    /// When it cannot be read, in words without what was read.
    pub fn read(&self, scene: &Scene<'_>, id: String, received_at: Millis) -> Result<DealFact, String> {
        let text = |expression: &Option<Expression>| expression.as_ref().and_then(|found| found.text(scene));
        let at = match text(&self.at) {
            // A trigger fires when the thing happens.
            None => received_at,
            Some(millis) => millis.parse().map_err(|_| "`deal.at` is not in its unit".to_owned())?,
        };
        let amount = text(&self.amount);
        if amount.as_deref().is_some_and(|amount| !is_amount(amount)) {
            return Err("`deal.amount` is no decimal number".to_owned());
        }
        let currency = match text(&self.currency) {
            None => None,
            Some(name) => Some(money::currency(&name).ok_or("`deal.currency` is no code of three letters")?),
        };
        let deal = self.deal.text(scene).ok_or("`deal.deal` finds nothing")?;
        if DEAL_CHARS_MAX < deal.chars().count() {
            return Err(format!("`deal.deal` is longer than {DEAL_CHARS_MAX} characters"));
        }
        Ok(DealFact {
            id,
            deal,
            channel: scene.channel.to_owned(),
            account: scene.account.to_owned(),
            action: text(&self.action).unwrap_or_else(|| ACTION.to_owned()),
            at,
            rank: 0,
            is_transition: true,
            stage: text(&self.stage).as_deref().and_then(stage_of),
            amount,
            currency,
            usual_currency: None,
        })
    }
}

fn check(found: Option<&(Place, Expression)>, is_allowed: fn(&str) -> bool, allowed: &str) -> Result<(), MappingError> {
    let Some((place, expression)) = found else { return Ok(()) };
    match expression.known().find(|text| !is_allowed(text)) {
        None => Ok(()),
        Some(text) => Err(place.wrong(format!("can become `{text}`; it must be {allowed}"))),
    }
}

fn stage_of(text: &str) -> Option<Stage> {
    match text {
        "open" => Some(Stage::Open),
        "won" => Some(Stage::Won),
        "lost" => Some(Stage::Lost),
        _ => None,
    }
}

/// Here it may be below zero: a mapping can tell what was paid back.
fn is_amount(text: &str) -> bool {
    money::is_amount(text.strip_prefix('-').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_plain_decimal_number() {
        assert!(["0", "1500", "1500.50", "-3.1"].into_iter().all(is_amount));
        assert!(!["", ".", "1.", ".5", "1e20", "1,5", "NaN", "123456789012345"].into_iter().any(is_amount));
    }
}
