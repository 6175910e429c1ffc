//! Scalars, and how values take their shape.

use async_graphql::dynamic::{FieldValue, Scalar, SchemaBuilder, TypeRef};
use chrono::{DateTime, SecondsFormat};

use crate::metrics::answer::Number;
use crate::metrics::catalogue::Unit;
use crate::model::clock::Millis;

pub const LONG: &str = "Long";
pub const DATE_TIME: &str = "DateTime";
pub const DECIMAL: &str = "Decimal";

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    schema
        .register(Scalar::new(LONG).description("A whole number of up to 64 bits; 0 or more in every answer."))
        .register(
            Scalar::new(DECIMAL)
                .description("An exact decimal number as a string, with up to four decimals: \"1249.5\"."),
        )
        .register(
            Scalar::new(DATE_TIME)
                .description("An instant in UTC with milliseconds, RFC 3339: 2026-03-29T10:00:00.000Z.")
                .specified_by_url("https://scalars.graphql.org/andimarek/date-time.html"),
        )
}

pub fn date_time(at: Millis) -> FieldValue<'static> {
    let instant = DateTime::from_timestamp_millis(at).unwrap_or(DateTime::UNIX_EPOCH);
    FieldValue::value(instant.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// The type of a metric of this unit.
pub fn of_unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count | Unit::Distinct => LONG,
        Unit::Share | Unit::Seconds | Unit::Mean => TypeRef::FLOAT,
        Unit::Instant => DATE_TIME,
        Unit::Money => DECIMAL,
        Unit::Code => TypeRef::STRING,
    }
}

pub fn number(number: Option<&Number>) -> Option<FieldValue<'static>> {
    number.map(|number| match number {
        Number::Count(count) => FieldValue::value(*count),
        Number::Real(real) => FieldValue::value(*real),
        Number::Instant(at) => date_time(*at),
        Number::Text(text) => FieldValue::value(text.clone()),
    })
}
