//! `quality` of a metrics object: level, coverage, whether it is provisional, and warnings.

use async_graphql::dynamic::{Field, FieldFuture, FieldValue, Object, SchemaBuilder, TypeRef};

use crate::metrics::answer::{Quality, Warning};

use super::inputs;

pub const QUALITY: &str = "Quality";
const WARNING: &str = "Warning";

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let quality = Object::new(QUALITY)
        .description("How far values can be trusted. Unknown is never zero: what a channel cannot tell is null.")
        .field(
            field("level", TypeRef::named_nn(inputs::LEVEL), |quality| {
                Some(FieldValue::value(async_graphql::Value::Enum(async_graphql::Name::new(quality.level.name()))))
            })
            .description("The weakest level among the channels that the values are computed over."),
        )
        .field(
            field("coverage", TypeRef::named(TypeRef::FLOAT), |quality| quality.coverage.map(FieldValue::value))
                .description(
                    "Share (0 to 1) of the cohort on channels that report the signal; null when the cohort is empty.",
                ),
        )
        .field(
            field("provisional", TypeRef::named_nn(TypeRef::BOOLEAN), |quality| {
                Some(FieldValue::value(quality.provisional))
            })
            .description("True while late events can be expected to change the values."),
        )
        .field(Field::new("warnings", TypeRef::named_nn_list_nn(WARNING), |context| {
            FieldFuture::new(async move {
                let quality = context.parent_value.try_downcast_ref::<Quality>()?;
                Ok(Some(FieldValue::list(quality.warnings.iter().map(|warning| FieldValue::borrowed_any(warning)))))
            })
        }));
    let text = |name: &str, text: fn(&Warning) -> String| {
        Field::new(name, TypeRef::named_nn(TypeRef::STRING), move |context| {
            FieldFuture::new(async move {
                let warning = context.parent_value.try_downcast_ref::<Warning>()?;
                Ok(Some(FieldValue::value(text(warning))))
            })
        })
    };
    let warning = Object::new(WARNING)
        .description("Something a reader of the values should know.")
        .field(
            text("code", |warning| warning.code.to_owned())
                .description("UNAVAILABLE, PARTIAL_COVERAGE or ORPHAN_STATUSES."),
        )
        .field(text("message", |warning| warning.message.clone()));
    schema.register(quality).register(warning)
}

fn field(name: &str, of: TypeRef, value: fn(&Quality) -> Option<FieldValue<'static>>) -> Field {
    Field::new(name, of, move |context| {
        FieldFuture::new(async move { Ok(value(context.parent_value.try_downcast_ref::<Quality>()?)) })
    })
}
