//! `metricDefinitions`: what every number means, what it can be divided and filtered by, and who may read it.
//!
//! Nothing is written here: each answer is a line of the catalogue. That a metric exists is no secret, the schema tells it
//! too, so a metric that the viewer may not read is listed with those who may.

use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, FieldValue, InputValue, Object, ResolverContext, SchemaBuilder, TypeRef,
};

use crate::api::errors::Code;
use crate::auth::Role;
use crate::metrics::catalogue::{Argument, Dimension, ENTRIES, Entry, FAMILIES, Unit};
use crate::model::Level;

use super::{Asking, arguments, enum_value, inputs, part, refused, scalars, terms};

pub const DEFINITION: &str = "MetricDefinition";
pub const METRIC_NAME: &str = "MetricName";
pub const DIMENSION: &str = "Dimension";
pub const UNIT: &str = "MetricUnit";
const ARGUMENT: &str = "ArgumentDefinition";
const CHANNEL: &str = "ChannelLevel";

pub fn add_to(query: Object) -> Object {
    query.field(
        Field::new("metricDefinitions", TypeRef::named_nn_list_nn(DEFINITION), |context| {
            FieldFuture::new(async move {
                let entries = definitions(&context)?;
                Ok(Some(FieldValue::list(entries.into_iter().map(|entry| FieldValue::borrowed_any(entry)))))
            })
        })
        .description(
            "What every metric means, in the order of the families; metrics that your role may not read as well.",
        )
        .argument(
            InputValue::new("families", TypeRef::named_nn_list(TypeRef::STRING))
                .description("Only the metrics of these families, for example responseTime."),
        ),
    )
}

fn definitions(context: &ResolverContext<'_>) -> Result<Vec<&'static Entry>, Error> {
    // Only to refuse those who read nothing.
    context.data::<Arc<Asking>>()?.scope()?;
    let Some(families) = arguments::given(&context.args, "families") else {
        return Ok(ENTRIES.iter().collect());
    };
    let mut names = Vec::new();
    arguments::each_item(&families, |item| {
        names.push(item.string()?.to_owned());
        Ok(())
    })?;
    if let Some(unknown) = names.iter().find(|name| FAMILIES.iter().all(|family| family.name != *name)) {
        let unknown: String = unknown.chars().take(40).collect();
        let known = FAMILIES.map(|family| family.name).join(", ");
        return Err(refused(Code::InvalidQuery, format!("there is no family `{unknown}`; there are {known}")));
    }
    Ok(ENTRIES.iter().filter(|entry| names.iter().any(|name| name == entry.family.name)).collect())
}

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let mut units = Enum::new(UNIT).description("What a number is measured in.");
    for (unit, definition) in Unit::ALL {
        units = units.item(EnumItem::new(unit.name()).description(definition));
    }
    let mut dimensions = Enum::new(DIMENSION).description("A property of rows by which numbers can be divided.");
    for dimension in Dimension::ALL {
        dimensions = dimensions.item(EnumItem::new(dimension.name()).description(dimension.definition()));
    }
    let mut names = Enum::new(METRIC_NAME).description("A metric of any family.");
    for entry in ENTRIES.iter() {
        names = names.item(EnumItem::new(&entry.enum_name).description(entry.metric.definition()));
    }
    schema
        .register(units)
        .register(dimensions)
        .register(names)
        .register(argument())
        .register(channel())
        .register(definition())
}

fn definition() -> Object {
    let text = || TypeRef::named_nn(TypeRef::STRING);
    let texts = || TypeRef::named_nn_list_nn(TypeRef::STRING);
    let object = Object::new(DEFINITION)
        .description("What a metric means.")
        .field(part("name", text(), |entry: &Entry| Some(FieldValue::value(entry.metric.name))))
        .field(
            part("family", text(), |entry: &Entry| Some(FieldValue::value(entry.family.name)))
                .description("The field of `analytics` that has it."),
        )
        .field(
            part("fullName", text(), |entry: &Entry| Some(FieldValue::value(&entry.full_name)))
                .description("Family and name: responseTime.p50Seconds."),
        )
        .field(
            part("metric", TypeRef::named_nn(METRIC_NAME), |entry: &Entry| Some(enum_value(&entry.enum_name)))
                .description("Its name in `table`."),
        )
        .field(part("definition", text(), |entry: &Entry| Some(FieldValue::value(entry.metric.definition()))))
        .field(part("unit", TypeRef::named_nn(UNIT), |entry: &Entry| Some(enum_value(entry.metric.unit().name()))))
        .field(
            part("isAdditive", TypeRef::named_nn(TypeRef::BOOLEAN), |entry: &Entry| {
                Some(FieldValue::value(entry.metric.unit() == Unit::Count))
            })
            .description("Whether parts add up to the whole. By SEGMENT nothing does: a contact can have several."),
        )
        .field(
            part("numerator", text(), |entry: &Entry| Some(FieldValue::value(entry.metric.what)))
                .description("What is counted or measured; of a share, what stands above the line."),
        )
        .field(
            part("denominator", TypeRef::named(TypeRef::STRING), |entry: &Entry| {
                (!entry.metric.over.is_empty()).then(|| FieldValue::value(entry.metric.over))
            })
            .description("Of a share, what stands below the line; else null."),
        )
        .field(
            part("cohort", text(), |entry: &Entry| Some(FieldValue::value(entry.family.cohort.time)))
                .description("The time at which a row of the family counts."),
        )
        .field(
            part("population", text(), |entry: &Entry| Some(FieldValue::value(entry.family.cohort.called)))
                .description("What the rows of the family's `quality` are."),
        )
        .field(
            part("settleHours", TypeRef::named_nn(scalars::LONG), |entry: &Entry| {
                Some(FieldValue::value(entry.settle_hours()))
            })
            .description("How long after the cohort's time a value can still change, with the arguments' defaults."),
        );
    can_be_asked(object)
        .field(
            part("readers", texts(), |entry: &Entry| {
                let readers = Role::ALL.into_iter().filter(|role| entry.metric.readers.include(*role));
                Some(FieldValue::list(readers.map(|role| FieldValue::value(role.name()))))
            })
            .description("The roles that may read it, each within what it sees."),
        )
        .field(
            part("channels", TypeRef::named_nn_list_nn(CHANNEL), |entry: &Entry| {
                Some(FieldValue::list(entry.channels().map(FieldValue::owned_any)))
            })
            .description("How well each channel supplies what it rests on; `other` is a channel of your own sources."),
        )
}

/// How it can be divided, filtered and told.
fn can_be_asked(object: Object) -> Object {
    object
        .field(
            part("dimensions", TypeRef::named_nn_list_nn(DIMENSION), |entry: &Entry| {
                Some(FieldValue::list(entry.dimensions().map(|dimension| enum_value(dimension.name()))))
            })
            .description("By what it can be divided."),
        )
        .field(
            part("filters", TypeRef::named_nn_list_nn(TypeRef::STRING), |entry: &Entry| {
                Some(FieldValue::list(entry.filters().map(FieldValue::value)))
            })
            .description("The lists of `filter` that its rows can answer."),
        )
        .field(
            part("arguments", TypeRef::named_nn_list_nn(ARGUMENT), |entry: &Entry| {
                let arguments = entry.family.arguments.iter().map(|argument| FieldValue::borrowed_any(argument));
                Some(FieldValue::list(arguments))
            })
            .description("The arguments of its family."),
        )
        .field(
            part("histogramBounds", TypeRef::named_nn_list(TypeRef::FLOAT), |entry: &Entry| {
                let histogram = entry.family.histogram.as_ref()?;
                Some(FieldValue::list(histogram.bounds.iter().map(|bound| FieldValue::value(*bound))))
            })
            .description("Where the bins of its family's histogram meet by default; null when it has none."),
        )
}

fn argument() -> Object {
    let text = || TypeRef::named_nn(TypeRef::STRING);
    Object::new(ARGUMENT)
        .description("An argument of a family.")
        .field(part("name", text(), |argument: &Argument| Some(FieldValue::value(terms::row(*argument).name))))
        .field(part("type", text(), |argument: &Argument| {
            Some(FieldValue::value(terms::row(*argument).of.to_string()))
        }))
        .field(part("definition", text(), |argument: &Argument| {
            Some(FieldValue::value(terms::row(*argument).definition))
        }))
}

fn channel() -> Object {
    Object::new(CHANNEL)
        .description("How well a channel supplies something.")
        .field(part("channel", TypeRef::named_nn(TypeRef::STRING), |(channel, _): &(&'static str, Level)| {
            Some(FieldValue::value(*channel))
        }))
        .field(part("level", TypeRef::named_nn(inputs::LEVEL), |(_, level): &(&'static str, Level)| {
            Some(enum_value(level.name()))
        }))
}
