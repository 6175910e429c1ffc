//! `by`: a family's breakdown by one or several dimensions, sorted and cut.

use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, FieldValue, InputObject, InputValue, Object, ResolverContext, SchemaBuilder,
    TypeRef,
};

use crate::api::errors::Code;
use crate::api::limits::check_limit;
use crate::metrics::answer::{self, Line};
use crate::metrics::catalogue::{Dimension, Family, Metric};
use crate::metrics::query::Grouping;

use super::family::{Asked, lines_metrics};
use super::told::{self, Told};
use super::{arguments, inputs, part, refused};

pub fn field(family: &'static Family) -> Field {
    let named = |suffix: &str| format!("{}{suffix}", family.type_name);
    Field::new("by", TypeRef::named_nn_list_nn(named("Group")), move |context| {
        FieldFuture::new(async move {
            let lines = groups(&context, family).await?;
            Ok(Some(FieldValue::list(lines.into_iter().map(FieldValue::owned_any))))
        })
    })
    .description("A breakdown by one or several dimensions; sorted by its keys unless `orderBy` says otherwise.")
    .argument(InputValue::new("dimensions", TypeRef::named_nn_list_nn(named("Dimension"))))
    .argument(
        InputValue::new("first", TypeRef::named(TypeRef::INT))
            .description("At most so many groups, up to the limit `groups`; default 100."),
    )
    .argument(InputValue::new("orderBy", TypeRef::named(named("Order"))))
}

/// The group object, and the names that a breakdown is asked for with.
pub fn register(schema: SchemaBuilder, family: &'static Family) -> SchemaBuilder {
    let named = |suffix: &str| format!("{}{suffix}", family.type_name);
    let mut metrics = Enum::new(named("Metric")).description("A metric of the family.");
    for metric in family.metrics {
        metrics = metrics.item(EnumItem::new(metric.name).description(metric.definition()));
    }
    let mut dimensions = Enum::new(named("Dimension")).description("What the family can be divided by.");
    for dimension in family.dimensions() {
        dimensions = dimensions.item(EnumItem::new(dimension.name()).description(dimension.definition()));
    }
    let order = InputObject::new(named("Order"))
        .description("A metric to sort by; unknown values stand last.")
        .field(InputValue::new("metric", TypeRef::named_nn(named("Metric"))))
        .field(
            InputValue::new("direction", TypeRef::named_nn(inputs::DIRECTION))
                .default_value(async_graphql::Value::Enum(async_graphql::Name::new("DESC"))),
        );
    let group = Object::new(named("Group"))
        .description("A group of a breakdown.")
        .field(
            part("keys", TypeRef::NonNull(Box::new(TypeRef::named_list(TypeRef::STRING))), |told: &Told| {
                let key = |key: &Option<String>| key.as_ref().map_or(FieldValue::NULL, FieldValue::value);
                Some(FieldValue::list(told.line.keys.iter().map(key)))
            })
            .description("The keys in the order of the dimensions; null where a row has none."),
        )
        .field(told::metrics_field(family));
    schema.register(metrics).register(dimensions).register(order).register(group)
}

async fn groups(context: &ResolverContext<'_>, family: &'static Family) -> Result<Vec<Told>, Error> {
    let asked = context.parent_value.try_downcast_ref::<Asked>()?;
    let mut dimensions = Vec::new();
    arguments::each_item(&context.args.try_get("dimensions")?, |item| {
        let name = item.enum_name()?;
        dimensions.extend(Dimension::ALL.into_iter().find(|dimension| dimension.name() == name));
        Ok(())
    })?;
    let first = arguments::optional_int(&context.args, "first", 1, i32::MAX)?.map_or(100, i32::unsigned_abs) as usize;
    check_limit("groups", asked.asking.limits.groups, first)?;
    let own = lines_metrics(family, context.field());
    let order = match arguments::given(&context.args, "orderBy") {
        Some(order) => {
            let order = arguments::object(&order, "orderBy")?;
            let metric = family
                .metric(order.try_get("metric")?.enum_name()?)
                .ok_or_else(|| refused(Code::InvalidQuery, "`orderBy` names no metric"))?;
            asked.asking.check_reader(metric)?;
            // The library fills in no defaults inside an input object.
            let direction = arguments::given(&order, "direction");
            Some((metric, direction.is_some_and(|direction| direction.enum_name().is_ok_and(|name| name == "ASC"))))
        }
        None => None,
    };
    let metrics = metrics_of(asked, &own, &dimensions, order.map(|(metric, _)| metric));
    let grouping = Grouping::By(dimensions);
    let mut lines = asked.asking.answer(&asked.question, &metrics, &grouping).await?;
    if let Some((metric, ascending)) = order {
        sort_lines(&mut lines, metric, ascending);
    }
    lines.truncate(first);
    asked.asking.count_lines(lines.len())?;
    Ok(Told::lines(&asked.asking, &Arc::clone(&asked.question), &metrics, &grouping, lines))
}

/// The metrics that a breakdown asks for, given those selected of it and the one that it is sorted by.
pub fn metrics_of(
    asked: &Asked,
    own: &[&'static Metric],
    dimensions: &[Dimension],
    order: Option<&'static Metric>,
) -> Vec<&'static Metric> {
    let mut metrics = asked.metrics.clone();
    // A metric that only other parts of the family want cannot forbid this part its dimensions.
    metrics.retain(|metric| {
        let divisible = dimensions.iter().all(|dimension| metric.divides_by(*dimension));
        divisible || own.iter().any(|own| std::ptr::eq(*own, *metric))
    });
    metrics.extend(order);
    metrics
}

/// A stable sort: groups of equal value stay in the order of their keys.
fn sort_lines(lines: &mut [Line], metric: &Metric, ascending: bool) {
    lines.sort_by(|left, right| {
        let (left, right) = (left.metrics.value(metric.name), right.metrics.value(metric.name));
        answer::compare(left, right, ascending)
    });
}
