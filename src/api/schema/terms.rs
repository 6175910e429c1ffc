//! The arguments of families: what they are called, what they allow, and what they bring to a question.

use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{InputValue, ObjectAccessor, TypeRef, ValueAccessor};

use crate::api::errors::Code;
use crate::metrics::catalogue::{Argument, Family};
use crate::metrics::schedule::Boundaries;
use crate::metrics::terms::{ACTIONS_MAX, BOUNDS_MAX, Terms};
use crate::model::TimeRange;
use crate::model::clock::Millis;

use super::{Asking, arguments, inputs, refused};

/// A year: later reads tell nothing of a message.
const WITHIN_HOURS_MAX: i32 = 8_760;
/// A week.
const TARGET_SECONDS_MAX: i32 = 7 * 86_400;
/// Longer silences are no part of one conversation.
const INACTIVITY_MINUTES_MAX: i32 = 240;
const WINDOW_DAYS_MAX: i32 = 90;

/// The arguments of a family's field.
pub fn values(family: &Family) -> Vec<InputValue> {
    family.arguments.iter().map(|argument| value(*argument)).collect()
}

/// The inputs of a family where it stands among others: a histogram is no column.
pub fn inputs(family: &Family) -> Vec<InputValue> {
    family.arguments.iter().filter(|argument| **argument != Argument::Bounds).map(|argument| value(*argument)).collect()
}

fn value(argument: Argument) -> InputValue {
    let Row { name, of, definition } = row(argument);
    InputValue::new(name, of).description(definition)
}

/// What an argument is called, its type and what it says.
pub struct Row {
    pub name: &'static str,
    pub of: TypeRef,
    pub definition: &'static str,
}

pub fn row(argument: Argument) -> Row {
    let optional = |name, of: &str, definition: &'static str| Row { name, of: TypeRef::named(of), definition };
    let list = |name, of: &str, definition: &'static str| Row { name, of: TypeRef::named_nn_list(of), definition };
    match argument {
        Argument::WithinHours => optional(
            "withinHours",
            TypeRef::INT,
            "Only reads at most so many hours after sending count; 1 to 8760. Default: all.",
        ),
        Argument::Kind => optional("kind", inputs::RESPONSE_KIND, "Which turns; default ALL."),
        Argument::BusinessHours => optional(
            "businessHours",
            TypeRef::BOOLEAN,
            "Count only seconds inside the company's business hours. Default: false.",
        ),
        Argument::BotStopsClock => {
            optional("botStopsClock", TypeRef::BOOLEAN, "Whether a bot's reply is an answer too. Default: false.")
        }
        Argument::TargetSeconds => {
            optional("targetSeconds", TypeRef::INT, "The longest time that is within the target; 1 to 604800.")
        }
        Argument::InactivityMinutes => {
            optional("inactivityMinutes", TypeRef::INT, "The longest silence within a session; 1 to 240. Default: 30.")
        }
        Argument::WindowDays => optional(
            "windowDays",
            TypeRef::INT,
            "How long after the client's first message in the dialog a conversion counts; 1 to 90 days of 24 hours. Default: 7.",
        ),
        Argument::Attribution => optional(
            "attribution",
            inputs::ATTRIBUTION,
            "To which of several dialogs it is credited; default LAST_TOUCH.",
        ),
        Argument::Actions => list(
            "actions",
            TypeRef::STRING,
            "Only these kinds of conversions count, for example purchase. Default: all.",
        ),
        Argument::Bounds => {
            list("bounds", TypeRef::FLOAT, "Where the bins of `histogram` meet: 1 to 50 ascending numbers.")
        }
    }
}

/// What the arguments say; without any, what each says by default.
///
/// # Errors
/// When one is not what it may be.
pub async fn parse_if_given(
    family: &Family,
    given: Option<&ObjectAccessor<'_>>,
    asking: &Asking,
    range: TimeRange,
) -> Result<Terms, Error> {
    match given {
        Some(given) => parse(family, given, asking, range).await,
        None => Ok(Terms::at(asking.now)),
    }
}

/// What the arguments say.
///
/// # Errors
/// When one is not what it may be, or business hours are asked for and none are set.
pub async fn parse(
    family: &Family,
    given: &ObjectAccessor<'_>,
    asking: &Asking,
    range: TimeRange,
) -> Result<Terms, Error> {
    let mut terms = Terms::at(asking.now);
    for argument in family.arguments {
        read(*argument, given, &mut terms)?;
    }
    if family.takes(Argument::BusinessHours) && flag(given, "businessHours")? {
        terms.response.open = Some(open_time(asking, range, terms.now).await?);
    }
    Ok(terms)
}

/// The same terms for another range and the terms' own present: when it is open is prepared for each.
///
/// # Errors
/// When the engine fails.
pub async fn for_range(terms: &Terms, asking: &Asking, range: TimeRange) -> Result<Terms, Error> {
    let mut terms = terms.clone();
    if terms.response.open.is_some() {
        terms.response.open = Some(open_time(asking, range, terms.now).await?);
    }
    Ok(terms)
}

async fn open_time(asking: &Asking, range: TimeRange, now: Millis) -> Result<Arc<Boundaries>, Error> {
    let message = "no business hours are set: a manager sets them by the mutation `setBusinessHours`";
    asking.business_hours(range, now).await?.ok_or_else(|| refused(Code::InvalidQuery, message))
}

/// What an argument is in a question, given or by default; `None` where it does not narrow anything.
pub fn in_force(argument: Argument, terms: &Terms) -> Option<String> {
    let number = |number: i32| number.to_string();
    match argument {
        Argument::WithinHours => terms.read_within_hours.map(number),
        Argument::Kind => Some(inputs::response_kind_name(terms.response.kind).to_owned()),
        Argument::BusinessHours => Some(terms.response.open.is_some().to_string()),
        Argument::BotStopsClock => Some(terms.response.bot_stops.to_string()),
        Argument::TargetSeconds => terms.response.target_seconds.map(number),
        Argument::InactivityMinutes => Some(number(terms.inactivity_minutes)),
        Argument::WindowDays => Some(number(terms.conversion.window_days)),
        Argument::Attribution => Some(inputs::attribution_name(terms.conversion.attribution).to_owned()),
        Argument::Actions => (!terms.conversion.actions.is_empty()).then(|| terms.conversion.actions.join(", ")),
        Argument::Bounds => {
            let bounds = terms.bounds.as_ref()?;
            Some(bounds.iter().map(f64::to_string).collect::<Vec<_>>().join(", "))
        }
    }
}

fn read(argument: Argument, given: &ObjectAccessor<'_>, terms: &mut Terms) -> Result<(), Error> {
    let int = |name, max| arguments::optional_int(given, name, 1, max);
    match argument {
        Argument::WithinHours => terms.read_within_hours = int("withinHours", WITHIN_HOURS_MAX)?,
        Argument::Kind => {
            if let Some(value) = arguments::given(given, "kind") {
                let kind = inputs::response_kind(value.enum_name()?);
                terms.response.kind = kind.ok_or_else(|| unknown("kind"))?;
            }
        }
        // What it asks for has to be read from the store.
        Argument::BusinessHours => {}
        Argument::BotStopsClock => terms.response.bot_stops = flag(given, "botStopsClock")?,
        Argument::TargetSeconds => terms.response.target_seconds = int("targetSeconds", TARGET_SECONDS_MAX)?,
        Argument::InactivityMinutes => {
            terms.inactivity_minutes =
                int("inactivityMinutes", INACTIVITY_MINUTES_MAX)?.unwrap_or(terms.inactivity_minutes);
        }
        Argument::WindowDays => {
            terms.conversion.window_days = int("windowDays", WINDOW_DAYS_MAX)?.unwrap_or(terms.conversion.window_days);
        }
        Argument::Attribution => {
            if let Some(value) = arguments::given(given, "attribution") {
                let attribution = inputs::attribution(value.enum_name()?);
                terms.conversion.attribution = attribution.ok_or_else(|| unknown("attribution"))?;
            }
        }
        Argument::Actions => {
            if let Some(value) = arguments::given(given, "actions") {
                terms.conversion.actions = actions(&value)?;
            }
        }
        Argument::Bounds => terms.bounds = arguments::given(given, "bounds").map(|value| bounds(&value)).transpose()?,
    }
    Ok(())
}

fn flag(given: &ObjectAccessor<'_>, name: &str) -> Result<bool, Error> {
    Ok(match arguments::given(given, name) {
        Some(value) => value.boolean()?,
        None => false,
    })
}

fn actions(value: &ValueAccessor<'_>) -> Result<Vec<String>, Error> {
    let mut actions = Vec::new();
    arguments::each_item(value, |item| {
        actions.push(item.string()?.to_lowercase());
        Ok(())
    })?;
    if actions.is_empty() {
        return Err(refused(Code::InvalidQuery, "`actions` is an empty list: leave it out to mean all"));
    }
    if ACTIONS_MAX < actions.len() {
        let message = format!("`actions` has {} values; the limit `actions` is {ACTIONS_MAX}", actions.len());
        return Err(refused(Code::LimitExceeded, message));
    }
    Ok(actions)
}

fn bounds(value: &ValueAccessor<'_>) -> Result<Vec<f64>, Error> {
    let mut bounds = Vec::new();
    arguments::each_item(value, |item| {
        bounds.push(item.f64()?);
        Ok(())
    })?;
    if bounds.is_empty() || bounds.windows(2).any(|pair| pair[1] <= pair[0]) {
        return Err(refused(
            Code::InvalidQuery,
            "`bounds` takes numbers in ascending order, each greater than the one before",
        ));
    }
    if BOUNDS_MAX < bounds.len() {
        let message = format!("`bounds` has {} numbers; the limit `histogramBounds` is {BOUNDS_MAX}", bounds.len());
        return Err(refused(Code::LimitExceeded, message));
    }
    Ok(bounds)
}

fn unknown(name: &str) -> Error {
    refused(Code::InvalidQuery, format!("`{name}` has a value that the schema does not know"))
}
