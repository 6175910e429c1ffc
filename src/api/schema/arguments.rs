//! Arguments, parsed with errors that say what was wrong.
//!
//! The library checks neither the range of an `Int` in a schema that is built at run time, nor anything inside a
//! string, so every argument goes through here.

use async_graphql::Error;
use async_graphql::dynamic::{Field, InputValue, ObjectAccessor, TypeRef, ValueAccessor};

use crate::api::arguments::bounded_int;
use crate::api::errors::Code;
use crate::metrics::calendar::Calendar;
use crate::metrics::filter::{Clauses, Filter, FilterError, Property, VALUE_CHARS_MAX};
use crate::metrics::period::{self, PeriodError};
use crate::model::clock::Millis;
use crate::model::{Channel, TimeRange, TimeRangeError};

use chrono_tz::Tz;

use super::{Asking, inputs, refused};

/// The arguments of every root field that asks about a range of time.
pub fn add_question(field: Field) -> Field {
    field
        .argument(InputValue::new("range", TypeRef::named_nn(inputs::RANGE)))
        .argument(
            InputValue::new("timezone", TypeRef::named(TypeRef::STRING))
                .description("An IANA name such as Europe/Berlin, in which days and hours are cut. Default: the server's setting, UTC unless configured."),
        )
        .argument(InputValue::new("filter", TypeRef::named(inputs::FILTER)))
}

/// The range in its zone, and the filter.
///
/// # Errors
/// When one of them cannot be.
pub fn question(arguments: &ObjectAccessor<'_>, asking: &Asking) -> Result<(Calendar, Filter), Error> {
    let zone = zone(arguments, asking.default_zone)?;
    let range = range(arguments, zone, asking.now)?;
    let calendar = Calendar::new(range, zone);
    let calendar = match last(arguments)? {
        Some(last) => calendar.called(&last),
        None => calendar,
    };
    let filter = filter(arguments)?;
    asking.trace.note_question(&calendar, &filter);
    Ok((calendar, filter))
}

/// An optional whole number within bounds.
///
/// # Errors
/// When it is out of bounds or no number.
pub fn optional_int(
    arguments: &ObjectAccessor<'_>,
    name: &'static str,
    min: i32,
    max: i32,
) -> Result<Option<i32>, Error> {
    given(arguments, name).map(|value| bounded_int(&value, name, min, max)).transpose()
}

/// An input object. The library lets any value through to here.
///
/// # Errors
/// When it is something else.
pub fn object<'a>(value: &ValueAccessor<'a>, name: &'static str) -> Result<ObjectAccessor<'a>, Error> {
    value.object().map_err(|_| {
        let given: String = value.as_value().to_string().chars().take(40).collect();
        refused(Code::InvalidQuery, format!("`{name}` is {given}; it takes an input object in braces"))
    })
}

/// An argument that is there and not null.
pub fn given<'a>(arguments: &'a ObjectAccessor<'_>, name: &str) -> Option<ValueAccessor<'a>> {
    arguments.get(name).filter(|value| !value.is_null())
}

/// The zone of a request: its own, else the house's.
///
/// # Errors
/// When there is no such zone.
fn zone(arguments: &ObjectAccessor<'_>, default: Tz) -> Result<Tz, Error> {
    match given(arguments, "timezone") {
        Some(value) => period::zone(value.string()?).map_err(refuse_period),
        None => Ok(default),
    }
}

/// The range of a request: `{from, to}` or `{last}`.
///
/// # Errors
/// When it is neither, or not a range.
fn range(arguments: &ObjectAccessor<'_>, zone: Tz, now: Millis) -> Result<TimeRange, Error> {
    let range = arguments.try_get("range")?;
    let range = object(&range, "range")?;
    let text = |name: &str| -> Result<Option<String>, Error> {
        given(&range, name).map(|value| value.string().map(str::to_owned)).transpose()
    };
    match (text("from")?, text("to")?, text("last")?) {
        (Some(from), Some(to), None) => period::between(&from, &to, zone).map_err(refuse_period),
        (None, None, Some(last)) => period::last(&last, zone, now).map_err(refuse_period),
        _ => Err(refused(Code::InvalidQuery, "`range` takes either both `from` and `to`, or `last`")),
    }
}

/// The range of a question that can do without one.
///
/// # Errors
/// When it is given and is no range.
pub fn optional_range(
    arguments: &ObjectAccessor<'_>,
    default_zone: Tz,
    now: Millis,
) -> Result<Option<TimeRange>, Error> {
    if given(arguments, "range").is_none() {
        return Ok(None);
    }
    range(arguments, zone(arguments, default_zone)?, now).map(Some)
}

/// The duration that a range is called by, when it moves with the present.
///
/// # Errors
/// When the range is no range.
fn last(arguments: &ObjectAccessor<'_>) -> Result<Option<String>, Error> {
    let range = arguments.try_get("range")?;
    let range = object(&range, "range")?;
    given(&range, "last").map(|last| Ok(last.string()?.to_owned())).transpose()
}

/// The filter of a request; none keeps everything.
///
/// # Errors
/// When a list is empty, too long, or holds what cannot be.
pub fn filter(arguments: &ObjectAccessor<'_>) -> Result<Filter, Error> {
    let Some(value) = given(arguments, "filter") else {
        return Ok(Filter::default());
    };
    let object = object(&value, "filter")?;
    let keep = clauses(&object)?;
    let leave = match given(&object, "not") {
        Some(value) => clauses(&self::object(&value, "not")?)?,
        None => Clauses::default(),
    };
    Ok(Filter::new(keep, leave))
}

/// Visits the items of a list. GraphQL lets a client write one item without its brackets, and the library leaves it so.
///
/// # Errors
/// Those of the visits.
pub fn each_item(
    value: &ValueAccessor<'_>,
    mut visit: impl FnMut(&ValueAccessor<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    match value.list() {
        Ok(list) => list.iter().try_for_each(|item| visit(&item)),
        Err(_) => visit(value),
    }
}

fn clauses(object: &ObjectAccessor<'_>) -> Result<Clauses, Error> {
    let mut clauses = Clauses::default();
    for property in Property::ALL {
        let Some(value) = given(object, property.name()) else { continue };
        let mut texts = Vec::new();
        each_item(&value, |item| {
            texts.push(filter_value(property, item)?);
            Ok(())
        })?;
        clauses.add(property, texts).map_err(refuse_filter)?;
    }
    if let Some(value) = given(object, "hours") {
        clauses.add_hours(integers(&value)?).map_err(refuse_filter)?;
    }
    if let Some(value) = given(object, "weekdays") {
        clauses.add_weekdays(integers(&value)?).map_err(refuse_filter)?;
    }
    Ok(clauses)
}

fn filter_value(property: Property, item: &ValueAccessor<'_>) -> Result<String, Error> {
    if property == Property::Authors {
        return Ok(item.enum_name()?.to_owned());
    }
    let text = item.string()?;
    if VALUE_CHARS_MAX < text.chars().count() {
        let message = format!(
            "a value of the filter `{}` is longer than {VALUE_CHARS_MAX} characters, the limit `filterValueCharacters`",
            property.name()
        );
        return Err(refused(Code::LimitExceeded, message));
    }
    if property == Property::Channels {
        // A name that no channel can have matches nothing; it is no error, as a channel without rows is none.
        return Ok(Channel::parse(text).map_or_else(|| text.to_owned(), |channel| channel.as_str().to_owned()));
    }
    Ok(text.to_owned())
}

fn integers(value: &ValueAccessor<'_>) -> Result<Vec<i64>, Error> {
    let mut numbers = Vec::new();
    each_item(value, |item| {
        numbers.push(item.i64()?);
        Ok(())
    })?;
    Ok(numbers)
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn refuse_period(error: PeriodError) -> Error {
    let code = match error {
        PeriodError::Range(TimeRangeError::TooLong { .. }) => Code::LimitExceeded,
        _ => Code::InvalidQuery,
    };
    refused(code, error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn refuse_filter(error: FilterError) -> Error {
    let code = match error {
        FilterError::TooLong { .. } => Code::LimitExceeded,
        _ => Code::InvalidQuery,
    };
    refused(code, error.to_string())
}
