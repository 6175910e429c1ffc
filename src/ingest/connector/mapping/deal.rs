//! What a rule makes of a deal or an order that a CRM's trigger tells.

use super::expression::{Expression, Wanted};
use super::path::Scene;
use super::written::{MappingError, Place, Written};
use crate::ingest::deal::{DealFact, Stage};
use crate::ingest::normalise::ID_CHARS_MAX;
use crate::model::clock::Millis;

#[derive(Clone, Debug)]
pub struct DealRule {
    deal: Expression,
    at: Option<Expression>,
    stage: Option<Expression>,
    amount: Option<Expression>,
    currency: Option<Expression>,
}

/// Digits of an amount before and behind the point, as the tables keep them.
const UNITS_MAX: usize = 14;

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
        check(stage.as_ref(), |text| stage_of(text).is_some(), "open, won or lost")?;
        check(currency.as_ref(), is_currency, "three letters, such as RUB")?;
        written.finish()?;
        Ok(Self { deal, at, stage: stage.map(|(_, stage)| stage), amount, currency: currency.map(|(_, name)| name) })
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
        let currency = text(&self.currency);
        if currency.as_deref().is_some_and(|name| !is_currency(name)) {
            return Err("`deal.currency` is no code of three letters".to_owned());
        }
        let deal = self.deal.text(scene).ok_or("`deal.deal` finds nothing")?;
        if ID_CHARS_MAX < deal.chars().count() {
            return Err(format!("`deal.deal` is longer than {ID_CHARS_MAX} characters"));
        }
        Ok(DealFact {
            id,
            deal,
            at,
            stage: text(&self.stage).as_deref().and_then(stage_of),
            amount,
            currency: currency.map(|name| name.to_ascii_uppercase()),
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

fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_amount(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (units, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    is_number(units) && is_number(decimals) && units.len() <= UNITS_MAX && decimals.len() <= UNITS_MAX
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
