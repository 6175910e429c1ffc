//! `quality` of a metrics object: level, coverage, whether it is provisional, and warnings.

use async_graphql::dynamic::{FieldValue, Object, SchemaBuilder, TypeRef};

use crate::metrics::answer::{Quality, Warning};
use crate::metrics::catalogue::FAMILIES;

use super::asking::{RETENTION, STALE};
use super::{enum_value, inputs, part};

pub const QUALITY: &str = "Quality";
const WARNING: &str = "Warning";

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let quality = Object::new(QUALITY)
        .description("How far values can be trusted. Unknown is never zero: what a channel cannot tell is null.")
        .field(
            part("level", TypeRef::named_nn(inputs::LEVEL), |quality: &Quality| Some(enum_value(quality.level.name())))
                .description("The weakest level among the channels that the values are computed over."),
        )
        .field(
            part("coverage", TypeRef::named(TypeRef::FLOAT), |quality: &Quality| {
                quality.coverage.map(FieldValue::value)
            })
            .description(
                "Share (0 to 1) of the cohort on channels that report the signal; null when the cohort is empty.",
            ),
        )
        .field(
            part("provisional", TypeRef::named_nn(TypeRef::BOOLEAN), |quality: &Quality| {
                Some(FieldValue::value(quality.provisional))
            })
            .description("True while late events can be expected to change the values."),
        )
        .field(part("warnings", TypeRef::named_nn_list_nn(WARNING), |quality: &Quality| {
            Some(FieldValue::list(quality.warnings.iter().map(|warning| FieldValue::borrowed_any(warning))))
        }));
    let warning = Object::new(WARNING)
        .description("Something a reader of the values should know.")
        .field(
            part("code", TypeRef::named_nn(TypeRef::STRING), |warning: &Warning| Some(FieldValue::value(warning.code)))
                .description(codes()),
        )
        .field(part("message", TypeRef::named_nn(TypeRef::STRING), |warning: &Warning| {
            Some(FieldValue::value(&warning.message))
        }));
    schema.register(quality).register(warning)
}

fn codes() -> String {
    let mut codes = vec!["UNAVAILABLE", "PARTIAL_COVERAGE", STALE, RETENTION];
    for check in FAMILIES.iter().flat_map(|family| family.checks) {
        if !codes.contains(&check.code) {
            codes.push(check.code);
        }
    }
    format!("One of {}.", codes.join(", "))
}
