//! The objects that belong to a kind: failure, survey, conversion, cost.

use super::attributes::Attributes;
use super::{amount, text};
use crate::ingest::reason::{Reason, excerpt};
use crate::model::event::{Amount, Conversion, Cost, Failure, FailureReason, Kind, Scalar, Survey};

#[derive(Default)]
pub(super) struct NormalFailure {
    pub code: String,
    pub reason: Option<FailureReason>,
}

/// Only a failed message has a failure: on another kind it would turn a healthy message into a failed one, so it
/// is kept as attributes there.
pub(super) fn failure(
    kind: Kind,
    failure: Option<Failure>,
    attributes: &mut Attributes,
) -> Result<NormalFailure, Reason> {
    let failure = failure.unwrap_or_default();
    let code = text::short("failure.code", failure.code)?;
    let name = text::unlimited("failure.reason", failure.reason)?;
    let reason = if name.is_empty() {
        None
    } else {
        let unknown = || Reason::UnknownFailureReason { reason: excerpt(&name) };
        Some(FailureReason::parse(&name).ok_or_else(unknown)?)
    };
    if kind == Kind::MessageFailed {
        return Ok(NormalFailure { code, reason: reason.or(Some(FailureReason::Unknown)) });
    }
    if !code.is_empty() {
        attributes.set("failure.code", code);
    }
    if let Some(reason) = reason {
        attributes.set("failure.reason", reason.as_str().to_owned());
    }
    Ok(NormalFailure::default())
}

pub(super) struct NormalSurvey {
    pub id: String,
    pub score: Option<f64>,
    pub scale: Option<i64>,
}

pub(super) fn survey(survey: Option<Survey>) -> Result<NormalSurvey, Reason> {
    let survey = survey.unwrap_or_default();
    let id = text::id("survey.id", survey.id)?;
    let scale = read_scale(survey.scale)?;
    let score = number_text("survey.score", survey.score)?;
    let score = match (score, scale) {
        (None, _) => None,
        (Some(score), scale) => Some(read_score(&score, scale.unwrap_or(LONGEST_SCALE))?),
    };
    Ok(NormalSurvey { id, score, scale })
}

/// The scales whose satisfied points the definition of CSAT names.
const SCALES: [i64; 4] = [2, 3, 5, LONGEST_SCALE];
const LONGEST_SCALE: i64 = 10;

fn read_scale(scale: Option<Scalar>) -> Result<Option<i64>, Reason> {
    let Some(text) = number_text("survey.scale", scale)? else { return Ok(None) };
    match text.parse::<f64>() {
        // Parquet and CSV write a whole number of a nullable column as 5.0.
        Ok(number) if SCALES.iter().any(|scale| *scale as f64 == number) => Ok(Some(number as i64)),
        _ => Err(Reason::BadScale { scale: excerpt(&text) }),
    }
}

fn read_score(text: &str, scale: i64) -> Result<f64, Reason> {
    match text.parse::<f64>() {
        Ok(score) if 1.0 <= score && score <= scale as f64 => Ok(score),
        _ => Err(Reason::BadScore { score: excerpt(text), scale }),
    }
}

fn number_text(field: &'static str, value: Option<Scalar>) -> Result<Option<String>, Reason> {
    match value {
        None => Ok(None),
        Some(Scalar::Text(text)) if text.is_empty() => Ok(None),
        Some(Scalar::Text(text)) => Ok(Some(text)),
        Some(Scalar::Number(number)) => Ok(Some(number.to_string())),
        Some(Scalar::Other(got)) => Err(Reason::WrongType { field, expected: "a number", got }),
    }
}

pub(super) struct NormalConversion {
    pub action: String,
    pub value: Option<Amount>,
    pub currency: String,
    pub order: String,
}

pub(super) fn conversion(conversion: Option<Conversion>) -> Result<NormalConversion, Reason> {
    let conversion = conversion.unwrap_or_default();
    let value = amount::read("conversion.value", conversion.value.clone())?;
    if value.is_some_and(|value| value < Amount(0)) {
        let written = number_text("conversion.value", conversion.value)?.unwrap_or_default();
        return Err(Reason::NegativeConversion { value: excerpt(&written) });
    }
    Ok(NormalConversion {
        action: text::short("conversion.action", conversion.action)?.to_lowercase(),
        value,
        currency: currency("conversion.currency", conversion.currency, value)?,
        order: text::id("conversion.order", conversion.order)?,
    })
}

pub(super) struct NormalCost {
    pub amount: Option<Amount>,
    pub currency: String,
    pub category: String,
}

pub(super) fn cost(cost: Option<Cost>) -> Result<NormalCost, Reason> {
    let cost = cost.unwrap_or_default();
    let amount = amount::read("cost.amount", cost.amount)?;
    Ok(NormalCost {
        amount,
        currency: currency("cost.currency", cost.currency, amount)?,
        category: text::short("cost.category", cost.category)?,
    })
}

/// Three letters, upper case; needed as soon as there is an amount, because amounts of different currencies are
/// never added.
fn currency(field: &'static str, value: Option<Scalar>, amount: Option<Amount>) -> Result<String, Reason> {
    let name = text::unlimited(field, value)?;
    if name.is_empty() {
        return if amount.is_some() { Err(Reason::NoCurrency { field }) } else { Ok(name) };
    }
    if name.len() != 3 || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(Reason::BadCurrency { field, currency: excerpt(&name) });
    }
    Ok(name.to_ascii_uppercase())
}
