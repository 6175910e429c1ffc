//! `businessHours` and `setBusinessHours`: when a tenant is open, for response times that count only that.

mod input;

use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{Field, FieldFuture, FieldValue, InputValue, Object, SchemaBuilder, TypeRef};

use crate::metrics::schedule::{DayHours, Exception, Version, WeeklyHours};

use super::{Asking, arguments, part, scalars};

const BUSINESS_HOURS: &str = "BusinessHours";
const WEEKLY: &str = "WeeklyHours";
const EXCEPTION: &str = "HoursException";
const INTERVAL: &str = "HoursInterval";

/// A version as an answer shows it.
struct Shown {
    version: Version,
    in_force: bool,
}

pub fn add_to_query(query: Object) -> Object {
    let field = Field::new("businessHours", TypeRef::named_nn_list_nn(BUSINESS_HOURS), |context| {
        FieldFuture::new(async move {
            let asking = context.data::<Arc<Asking>>()?;
            asking.scope()?;
            let first = arguments::optional_int(&context.args, "first", 1, i32::MAX)?;
            let shown = versions(asking, first.map_or(usize::MAX, |first| first.unsigned_abs() as usize)).await?;
            Ok(Some(FieldValue::list(shown.into_iter().map(FieldValue::owned_any))))
        })
    });
    query.field(
        field
            .description("The tenant's business hours: every version, the one that is valid from the latest instant first. Empty when none are set.")
            .argument(
                InputValue::new("first", TypeRef::named(TypeRef::INT))
                    .description("At most so many versions; default all."),
            ),
    )
}

pub fn add_to_mutation(mutation: Object) -> Object {
    let field = Field::new("setBusinessHours", TypeRef::named_nn(BUSINESS_HOURS), |context| {
        FieldFuture::new(async move {
            let asking = context.data::<Arc<Asking>>()?;
            let value = context.args.try_get("input")?;
            let (schedule, valid_from) = input::parse(&arguments::object(&value, "input")?)?;
            let (version, in_force) = asking.set_business_hours(schedule, valid_from).await?;
            Ok(Some(FieldValue::owned_any(Shown { version, in_force })))
        })
    });
    mutation.field(
        field
            .description(
                "Sets the business hours from an instant on; earlier versions keep what lies before it. A version of the same `validFrom` is replaced. For the roles MANAGER and ADMIN.",
            )
            .argument(InputValue::new("input", TypeRef::named_nn(input::INPUT))),
    )
}

async fn versions(asking: &Asking, first: usize) -> Result<Vec<Shown>, Error> {
    let Some(hours) = asking.business_hours_versions().await? else {
        return Ok(Vec::new());
    };
    let in_force = hours.in_force_at(asking.now);
    let mut lines = 0;
    let mut shown = Vec::new();
    for version in hours.newest_first().take(first) {
        let draft = version.schedule.draft();
        let intervals: usize = draft.exceptions.iter().map(|exception| exception.intervals.len()).sum();
        lines += 1 + draft.weekly.len() + draft.exceptions.len() + intervals;
        shown.push(Shown { version: version.clone(), in_force: version == in_force });
    }
    asking.count_lines(lines)?;
    Ok(shown)
}

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let weekly = Object::new(WEEKLY)
        .description("An interval of every week, which belongs to the day on which it begins.")
        .field(
            part("weekday", TypeRef::named_nn(TypeRef::INT), |hours: &WeeklyHours| {
                Some(FieldValue::value(hours.weekday))
            })
            .description("1 (Monday) to 7 (Sunday)."),
        )
        .field(part("from", text(), |hours: &WeeklyHours| Some(FieldValue::value(&hours.from))))
        .field(
            part("to", text(), |hours: &WeeklyHours| Some(FieldValue::value(&hours.to)))
                .description("At or before `from`: on the next day."),
        );
    let exception = Object::new(EXCEPTION)
        .description("A date with intervals of its own.")
        .field(part("date", text(), |exception: &Exception| Some(FieldValue::value(&exception.date))))
        .field(part("note", TypeRef::named(TypeRef::STRING), |exception: &Exception| {
            exception.note.as_ref().map(FieldValue::value)
        }))
        .field(
            part("intervals", TypeRef::named_nn_list_nn(INTERVAL), |exception: &Exception| {
                Some(FieldValue::list(exception.intervals.iter().map(|hours| FieldValue::borrowed_any(hours))))
            })
            .description("They replace all intervals that begin on this date; none: closed."),
        );
    let interval = Object::new(INTERVAL)
        .description("From one local time to another.")
        .field(part("from", text(), |hours: &DayHours| Some(FieldValue::value(&hours.from))))
        .field(
            part("to", text(), |hours: &DayHours| Some(FieldValue::value(&hours.to)))
                .description("At or before `from`: on the next day."),
        );
    input::register(schema).register(weekly).register(exception).register(interval).register(business_hours())
}

fn business_hours() -> Object {
    Object::new(BUSINESS_HOURS)
        .description("When the tenant is open: a schedule of the week with exceptions, from an instant on.")
        .field(
            part("validFrom", TypeRef::named_nn(scalars::DATE_TIME), |shown: &Shown| {
                Some(scalars::date_time(shown.version.valid_from))
            })
            .description("It holds from here until the next version; the first one also before."),
        )
        .field(part("setAt", TypeRef::named_nn(scalars::DATE_TIME), |shown: &Shown| {
            Some(scalars::date_time(shown.version.set_at))
        }))
        .field(
            part("timezone", text(), |shown: &Shown| Some(FieldValue::value(&shown.version.schedule.draft().timezone)))
                .description("The schedule's own zone, whatever the query's is."),
        )
        .field(part("weekly", TypeRef::named_nn_list_nn(WEEKLY), |shown: &Shown| {
            let weekly = &shown.version.schedule.draft().weekly;
            Some(FieldValue::list(weekly.iter().map(|hours| FieldValue::borrowed_any(hours))))
        }))
        .field(part("exceptions", TypeRef::named_nn_list_nn(EXCEPTION), |shown: &Shown| {
            let exceptions = &shown.version.schedule.draft().exceptions;
            Some(FieldValue::list(exceptions.iter().map(|exception| FieldValue::borrowed_any(exception))))
        }))
        .field(
            part("inForce", TypeRef::named_nn(TypeRef::BOOLEAN), |shown: &Shown| {
                Some(FieldValue::value(shown.in_force))
            })
            .description("Whether it holds now."),
        )
}

fn text() -> TypeRef {
    TypeRef::named_nn(TypeRef::STRING)
}
