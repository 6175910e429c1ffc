//! Normalising: an event as received becomes one that means the same everywhere, or a reason why not.
//!
//! Every rule for one event is here and below; what concerns several (duplicates) is in [`super`]. Pure: the time
//! of arrival is an argument.

mod amount;
mod attributes;
pub mod decoration;
mod identity;
mod objects;
mod text;
mod time;

pub use attributes::{ATTRIBUTES_MAX, NAME_CHARS_MAX, TEXT_FIELDS, VALUE_CHARS_MAX};
pub use identity::{IDENTITIES_MAX, phone};
pub use text::{ID_CHARS_MAX, SEGMENTS_MAX, TEXT_CHARS_MAX};
pub(super) use time::show as shown;

use self::attributes::Attributes;
use super::reason::{Reason, excerpt};
use crate::model::Channel;
use crate::model::clock::Millis;
use crate::model::event::{Author, Event, Kind, Needs, NormalEvent, Scalar};

/// Applies every rule to one event that arrived at `received_at`.
pub fn normalise(event: Event, received_at: Millis) -> Result<NormalEvent, Reason> {
    let id = text::required("id", text::id("id", event.id)?)?;
    let kind = read_kind(event.kind)?;
    let channel = read_channel(event.channel)?;
    let occurrence = time::decide(event.at, received_at)?;
    let operator = text::id("operator", event.operator)?;
    let author = read_author(kind, event.author, &operator)?;
    let mut attributes = Attributes::collect(event.attributes, event.other)?;
    if let Some(original) = occurrence.original {
        attributes.set("occurred_at", original);
    }

    let failure = objects::failure(kind, event.failure, &mut attributes)?;
    let survey = objects::survey(event.survey)?;
    let conversion = objects::conversion(event.conversion)?;
    let cost = objects::cost(event.cost)?;
    let consent = event.consent.unwrap_or_default();
    let link_url = text::long("link.url", event.link.unwrap_or_default().url)?;

    let normal = NormalEvent {
        id,
        kind,
        at: occurrence.at,
        received_at,
        clock: occurrence.clock,
        channel,
        account: text::id("account", event.account)?,
        chat: text::id("chat", event.chat)?,
        contact: text::id("contact", event.contact)?,
        identities: identity::read(event.identities)?,
        dialog: text::id("dialog", event.dialog)?,
        message: text::id("message", event.message)?,
        operator,
        team: text::id("team", event.team)?,
        author,
        assisted: event.assisted.unwrap_or(false),
        segments: text::segments(event.segments)?,
        campaign: text::short("campaign", event.campaign)?,
        scenario: text::short("scenario", event.scenario)?,
        template: text::short("template", event.template)?,
        source: text::short("source", event.source)?,
        message_kind: text::short("message_kind", event.message_kind)?.to_lowercase(),
        failure_code: failure.code,
        failure_reason: failure.reason,
        survey_id: survey.id,
        survey_score: survey.score,
        survey_scale: survey.scale,
        conversion_action: conversion.action,
        conversion_value: conversion.value,
        conversion_currency: conversion.currency,
        conversion_order: conversion.order,
        cost_amount: cost.amount,
        cost_currency: cost.currency,
        cost_category: cost.category,
        consent_purpose: text::short("consent.purpose", consent.purpose)?,
        consent_text_version: text::short("consent.text_version", consent.text_version)?,
        link_url: attributes.cut(link_url),
        attributes: attributes.into_entries(),
    };
    check_needs(&normal)?;
    Ok(normal)
}

/// The time that an event of `at` gets when it arrives at `received_at`; `None` where no event can have it.
pub fn believed_time(at: Millis, received_at: Millis) -> Option<Millis> {
    time::decide(Some(Scalar::from(at)), received_at).ok().map(|occurrence| occurrence.at)
}

fn read_kind(kind: Option<Scalar>) -> Result<Kind, Reason> {
    let name = text::required("kind", text::unlimited("kind", kind)?)?;
    Kind::parse(&name).ok_or_else(|| Reason::UnknownKind { kind: excerpt(&name) })
}

fn read_channel(channel: Option<Scalar>) -> Result<String, Reason> {
    let name = text::required("channel", text::unlimited("channel", channel)?)?;
    match Channel::parse(&name) {
        Some(channel) => Ok(channel.as_str().to_owned()),
        None => Err(Reason::BadChannel { channel: excerpt(&name) }),
    }
}

/// Who wrote: the client where only a client can, an operator where one is named.
fn read_author(kind: Kind, author: Option<Scalar>, operator: &str) -> Result<Option<Author>, Reason> {
    let name = text::unlimited("author", author)?;
    let author = if name.is_empty() {
        None
    } else {
        Some(Author::parse(&name).ok_or_else(|| Reason::UnknownAuthor { author: excerpt(&name) })?)
    };
    match (kind, author) {
        (Kind::MessageReceived, None | Some(Author::Client)) => Ok(Some(Author::Client)),
        (Kind::MessageReceived, Some(other)) => Err(Reason::NotTheClient { author: other.as_str(), kind }),
        (_, Some(Author::Client)) if kind.is_outbound_origin() => Err(Reason::ClientOutbound { kind }),
        (_, None) if kind.is_outbound_origin() && !operator.is_empty() => Ok(Some(Author::Operator)),
        (_, author) => Ok(author),
    }
}

/// The fields that this kind cannot do without.
fn check_needs(event: &NormalEvent) -> Result<(), Reason> {
    let kind = event.kind;
    let need = |field: &'static str, present: bool| {
        if present { Ok(()) } else { Err(Reason::MissingForKind { field, kind }) }
    };
    match kind.needs() {
        Needs::ChatAndMessage => {
            need("chat", !event.chat.is_empty())?;
            need("message", !event.message.is_empty())
        }
        Needs::Chat => {
            need("chat", !event.chat.is_empty())?;
            // Read as "no number" a wrong mark would mark the whole chat as read.
            if !event.message.is_empty() && event.message.parse::<u64>().is_err() {
                return Err(Reason::MarkNotANumber { message: excerpt(&event.message), kind });
            }
            Ok(())
        }
        Needs::DialogOrChat => need("dialog` or `chat", !event.dialog.is_empty() || !event.chat.is_empty()),
        Needs::Contact => need("contact", !event.contact.is_empty()),
        Needs::Operator => need("operator", !event.operator.is_empty()),
        Needs::Survey => need("survey.id", !event.survey_id.is_empty()),
        Needs::Rating => {
            need("survey.id", !event.survey_id.is_empty())?;
            need("survey.scale", event.survey_scale.is_some())?;
            need("survey.score", event.survey_score.is_some())
        }
        Needs::Conversion => need("conversion.action", !event.conversion_action.is_empty()),
        Needs::Cost => need("cost.amount", event.cost_amount.is_some()),
    }
}

#[cfg(test)]
mod tests;
