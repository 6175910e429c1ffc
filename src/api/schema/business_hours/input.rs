//! `BusinessHoursInput`, read with errors that say where something is wrong.
//!
//! A misspelt field of a change must not be lost in silence, so unknown ones are refused here whatever the library does.

use async_graphql::Error;
use async_graphql::dynamic::{InputObject, InputValue, ObjectAccessor, SchemaBuilder, TypeRef, ValueAccessor};

use crate::api::arguments::bounded_int;
use crate::api::errors::Code;
use crate::api::schema::arguments::{each_item, given};
use crate::api::schema::refused;
use crate::metrics::period;
use crate::metrics::schedule::{DayHours, Draft, Exception, Schedule, ScheduleError, WeeklyHours};
use crate::model::clock::Millis;

pub const INPUT: &str = "BusinessHoursInput";
const WEEKLY: &str = "WeeklyHoursInput";
const EXCEPTION: &str = "HoursExceptionInput";
const INTERVAL: &str = "HoursIntervalInput";

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let text = |name: &str| InputValue::new(name, TypeRef::named_nn(TypeRef::STRING));
    let from = || text("from").description("HH:MM on the zone's clocks, 00:00 to 23:59.");
    let to = || text("to").description("HH:MM, up to 24:00; at or before `from`: on the next day.");
    let input = InputObject::new(INPUT)
        .description("A whole schedule. It replaces the one before it, also its exceptions.")
        .field(
            InputValue::new("validFrom", TypeRef::named(TypeRef::STRING))
                .description("A date in the schedule's zone (2026-03-29: its first instant) or an instant (2026-03-29T10:00:00Z). Default: now. The first version holds before it, too."),
        )
        .field(text("timezone").description("The IANA name of the zone whose clocks the times are on, such as Europe/Berlin."))
        .field(
            InputValue::new("weekly", TypeRef::named_nn_list_nn(WEEKLY))
                .description("The intervals of a week; overlapping ones count once."),
        )
        .field(
            InputValue::new("exceptions", TypeRef::named_nn_list(EXCEPTION))
                .description("Holidays and other dates that are not like their weekday."),
        );
    let weekly = InputObject::new(WEEKLY)
        .description("An interval of every week, which belongs to the day on which it begins.")
        .field(InputValue::new("weekday", TypeRef::named_nn(TypeRef::INT)).description("1 (Monday) to 7 (Sunday)."))
        .field(from())
        .field(to());
    let exception = InputObject::new(EXCEPTION)
        .description("A date with intervals of its own.")
        .field(text("date").description("A date in the schedule's zone, 2026-12-25."))
        .field(
            InputValue::new("note", TypeRef::named(TypeRef::STRING))
                .description("For people, such as the holiday's name."),
        )
        .field(
            InputValue::new("intervals", TypeRef::named_nn_list(INTERVAL))
                .description("They replace all intervals that begin on this date. None, the default: closed."),
        );
    let interval = InputObject::new(INTERVAL).description("From one local time to another.").field(from()).field(to());
    schema.register(input).register(weekly).register(exception).register(interval)
}

/// The schedule, and from when on it holds if that is said.
///
/// # Errors
/// When something is missing, unknown, or cannot be.
pub fn parse(input: &ObjectAccessor<'_>) -> Result<(Schedule, Option<Millis>), Error> {
    check_names(input, "input", &["validFrom", "timezone", "weekly", "exceptions"])?;
    let timezone = required_text(input, "timezone", "timezone")?;
    let mut weekly = Vec::new();
    each_object(input, "weekly", "weekly", |item, place| {
        check_names(item, place, &["weekday", "from", "to"])?;
        let weekday = item.try_get("weekday").map_err(|_| missing(&format!("{place}.weekday")))?;
        let weekday = bounded_int(&weekday, &format!("{place}.weekday"), 1, 7)?;
        let DayHours { from, to } = day_hours(item, place)?;
        weekly.push(WeeklyHours { weekday: weekday.into(), from, to });
        Ok(())
    })?;
    let mut exceptions = Vec::new();
    each_object(input, "exceptions", "exceptions", |item, place| {
        check_names(item, place, &["date", "note", "intervals"])?;
        let mut intervals = Vec::new();
        each_object(item, "intervals", &format!("{place}.intervals"), |hours, place| {
            check_names(hours, place, &["from", "to"])?;
            intervals.push(day_hours(hours, place)?);
            Ok(())
        })?;
        let date = required_text(item, "date", &format!("{place}.date"))?;
        let note = given(item, "note").map(|note| text(&note, &format!("{place}.note"))).transpose()?;
        exceptions.push(Exception { date, note, intervals });
        Ok(())
    })?;
    let valid_from = given(input, "validFrom").map(|value| text(&value, "validFrom")).transpose()?;
    let schedule = Schedule::new(Draft { timezone, weekly, exceptions }).map_err(refuse)?;
    let valid_from = valid_from
        .map(|text| period::instant("validFrom", &text, schedule.zone()))
        .transpose()
        .map_err(|error| refused(Code::InvalidQuery, error.to_string()))?;
    Ok((schedule, valid_from))
}

fn day_hours(object: &ObjectAccessor<'_>, place: &str) -> Result<DayHours, Error> {
    let from = required_text(object, "from", &format!("{place}.from"))?;
    let to = required_text(object, "to", &format!("{place}.to"))?;
    Ok(DayHours { from, to })
}

/// Visits the objects of a list, each with its place; a list that is not there has none.
fn each_object(
    object: &ObjectAccessor<'_>,
    name: &str,
    place: &str,
    mut visit: impl FnMut(&ObjectAccessor<'_>, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(list) = given(object, name) else {
        return Ok(());
    };
    let mut index = 0;
    each_item(&list, |item| {
        let place = format!("{place}[{index}]");
        index += 1;
        let object = item.object().map_err(|_| wrong(&place, item, "an input object in braces"))?;
        visit(&object, &place)
    })
}

fn required_text(object: &ObjectAccessor<'_>, name: &str, place: &str) -> Result<String, Error> {
    text(&given(object, name).ok_or_else(|| missing(place))?, place)
}

fn text(value: &ValueAccessor<'_>, place: &str) -> Result<String, Error> {
    value.string().map(str::to_owned).map_err(|_| wrong(place, value, "a text in quotation marks"))
}

fn check_names(object: &ObjectAccessor<'_>, place: &str, names: &[&str]) -> Result<(), Error> {
    match object.keys().find(|key| !names.contains(&key.as_str())) {
        Some(key) => {
            let key: String = key.as_str().chars().take(40).collect();
            Err(refused(Code::InvalidQuery, format!("`{place}` has no field `{key}`; it takes {}", names.join(", "))))
        }
        None => Ok(()),
    }
}

fn missing(place: &str) -> Error {
    refused(Code::InvalidQuery, format!("`{place}` is missing"))
}

fn wrong(place: &str, value: &ValueAccessor<'_>, expect: &str) -> Error {
    let given: String = value.as_value().to_string().chars().take(40).collect();
    refused(Code::InvalidQuery, format!("`{place}` is {given}; it takes {expect}"))
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn refuse(error: ScheduleError) -> Error {
    let code = match error {
        ScheduleError::TooManyIntervals { .. }
        | ScheduleError::TooManyExceptions { .. }
        | ScheduleError::LongNote { .. } => Code::LimitExceeded,
        _ => Code::InvalidQuery,
    };
    refused(code, error.to_string())
}
