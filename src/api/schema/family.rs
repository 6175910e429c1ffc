//! The shape that every family of metrics has: total, series, breakdown, comparison.
//!
//! A family's resolver looks at all that is selected below it, so each statement brings every metric that any part
//! of the family wants: aliases and fragments of one part cost nothing more.

use std::sync::Arc;

use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, FieldValue, InputObject, InputValue, Object, ResolverContext, SchemaBuilder,
    TypeRef,
};
use async_graphql::{Error, SelectionField};

use crate::api::errors::Code;
use crate::api::limits::check_limit;
use crate::metrics::answer::{Line, Metrics, Number};
use crate::metrics::catalogue::{Family, Metric, Unit};
use crate::metrics::query::{Grouping, Question, Terms};

use super::analytics::Analytics;
use super::{Asking, arguments, hours, inputs, part, quality, refused, scalars};

/// A year: later reads tell nothing of a message.
const WITHIN_HOURS_MAX: i32 = 8_760;

/// A family as it was asked for.
pub struct Asked {
    pub asking: Arc<Asking>,
    pub question: Question,
    pub metrics: Vec<&'static Metric>,
}

impl Asked {
    pub async fn lines(&self, grouping: &Grouping) -> Result<Vec<Line>, Error> {
        self.asking.answer(&self.question, &self.metrics, grouping).await
    }
}

/// The family's field of `analytics`. Nullable, so that one family's error leaves the others their answers.
pub fn field(family: &'static Family) -> Field {
    let field = Field::new(family.name, TypeRef::named(family.type_name), move |context| {
        FieldFuture::new(async move {
            let analytics = context.parent_value.try_downcast_ref::<Analytics>()?;
            let read_within_hours = match has_horizon(family) {
                true => arguments::optional_int(&context.args, "withinHours", 1, WITHIN_HOURS_MAX)?,
                false => None,
            };
            let question = Question {
                family,
                calendar: analytics.calendar.clone(),
                filter: analytics.filter.clone(),
                scope: analytics.scope.clone(),
                terms: Terms { now: analytics.asking.now, read_within_hours },
            };
            let metrics = selected_metrics(family, context.field());
            Ok(Some(FieldValue::owned_any(Asked { asking: Arc::clone(&analytics.asking), question, metrics })))
        })
    });
    let field = field.description(family.definition);
    match has_horizon(family) {
        true => field.argument(
            InputValue::new("withinHours", TypeRef::named(TypeRef::INT))
                .description("Only reads at most so many hours after sending count; 1 to 8760. Default: all."),
        ),
        false => field,
    }
}

fn has_horizon(family: &Family) -> bool {
    family.name == "reads"
}

/// Every metric that is selected anywhere below the family's field.
fn selected_metrics(family: &'static Family, field: SelectionField<'_>) -> Vec<&'static Metric> {
    let mut metrics = Vec::new();
    for part in field.selection_set() {
        match part.name() {
            "total" | "compare" => metrics.extend(named_metrics(family, part)),
            "series" | "by" => metrics.extend(lines_metrics(family, part)),
            _ => metrics.extend(hours::needed_metrics(family, part)),
        }
    }
    metrics
}

/// Every metric that is selected of the steps or groups of one part.
fn lines_metrics(family: &'static Family, part: SelectionField<'_>) -> Vec<&'static Metric> {
    let lines = part.selection_set().filter(|field| field.name() == "metrics");
    lines.flat_map(|line| named_metrics(family, line)).collect()
}

fn named_metrics(family: &'static Family, of: SelectionField<'_>) -> Vec<&'static Metric> {
    of.selection_set().filter_map(|field| family.metric(field.name())).collect()
}

pub fn register(schema: SchemaBuilder, family: &'static Family) -> SchemaBuilder {
    let named = |suffix: &str| format!("{}{suffix}", family.type_name);
    let mut metrics = Object::new(named("Metrics")).description(family.definition);
    let mut metric_names = Enum::new(named("Metric")).description("A metric of the family, to sort by.");
    for metric in family.metrics {
        let of = match metric.unit() {
            Unit::Count => scalars::LONG,
            Unit::Share => TypeRef::FLOAT,
        };
        metrics = metrics.field(
            Field::new(metric.name, TypeRef::named(of), move |context| {
                FieldFuture::new(async move {
                    let metrics = context.parent_value.try_downcast_ref::<Metrics>()?;
                    Ok(scalars::number(metrics.value(metric.name)))
                })
            })
            .description(metric.definition),
        );
        metric_names = metric_names.item(EnumItem::new(metric.name).description(metric.definition));
    }
    metrics = metrics.field(
        part("quality", TypeRef::named_nn(quality::QUALITY), |metrics: &Metrics| {
            Some(FieldValue::borrowed_any(&metrics.quality))
        })
        .description("How far these values can be trusted."),
    );
    let mut dimensions = Enum::new(named("Dimension")).description("What the family can be divided by.");
    for dimension in family.fact.dimensions {
        dimensions = dimensions.item(EnumItem::new(dimension.name()).description(dimension.definition()));
    }
    let order = InputObject::new(named("Order"))
        .description("A metric to sort by; unknown values stand last.")
        .field(InputValue::new("metric", TypeRef::named_nn(named("Metric"))))
        .field(
            InputValue::new("direction", TypeRef::named_nn(inputs::DIRECTION))
                .default_value(async_graphql::Value::Enum(async_graphql::Name::new("DESC"))),
        );
    let point = Object::new(named("Point"))
        .description("A step of a series, cut at the ends of the range.")
        .field(part("start", TypeRef::named_nn(scalars::DATE_TIME), |line: &Line| {
            line.point.map(|point| scalars::date_time(point.start))
        }))
        .field(
            part("end", TypeRef::named_nn(scalars::DATE_TIME), |line: &Line| {
                line.point.map(|point| scalars::date_time(point.end))
            })
            .description("The first instant that is no longer part of the step."),
        )
        .field(line_metrics(&named("Metrics")));
    let group = Object::new(named("Group"))
        .description("A group of a breakdown.")
        .field(
            part("keys", TypeRef::NonNull(Box::new(TypeRef::named_list(TypeRef::STRING))), |line: &Line| {
                let key = |key: &Option<String>| key.as_ref().map_or(FieldValue::NULL, FieldValue::value);
                Some(FieldValue::list(line.keys.iter().map(key)))
            })
            .description("The keys in the order of the dimensions; null where a row has none."),
        )
        .field(line_metrics(&named("Metrics")));
    schema
        .register(metric_names)
        .register(dimensions)
        .register(order)
        .register(metrics)
        .register(point)
        .register(group)
        .register(family_object(family))
}

fn line_metrics(of: &str) -> Field {
    part("metrics", TypeRef::named_nn(of), |line: &Line| Some(FieldValue::borrowed_any(&line.metrics)))
}

fn family_object(family: &'static Family) -> Object {
    let named = |suffix: &str| format!("{}{suffix}", family.type_name);
    let object = Object::new(family.type_name)
        .description(family.definition)
        .field(
            Field::new("total", TypeRef::named_nn(named("Metrics")), |context| {
                FieldFuture::new(async move {
                    let asked = context.parent_value.try_downcast_ref::<Asked>()?;
                    total(asked, &asked.question).await
                })
            })
            .description("The whole range."),
        )
        .field(
            Field::new("series", TypeRef::named_nn_list_nn(named("Point")), |context| {
                FieldFuture::new(async move {
                    let asked = context.parent_value.try_downcast_ref::<Asked>()?;
                    let every = inputs::granularity(context.args.try_get("every")?.enum_name()?)
                        .ok_or_else(|| refused(Code::InvalidQuery, "`every` is no granularity"))?;
                    let lines = asked.lines(&Grouping::Every(every)).await?;
                    asked.asking.count_lines(lines.len())?;
                    Ok(Some(FieldValue::list(lines.into_iter().map(FieldValue::owned_any))))
                })
            })
            .description("Every step of the range, also those in which nothing happened.")
            .argument(InputValue::new("every", TypeRef::named_nn(inputs::GRANULARITY))),
        )
        .field(
            Field::new("by", TypeRef::named_nn_list_nn(named("Group")), move |context| {
                FieldFuture::new(async move {
                    let lines = groups(&context, family).await?;
                    Ok(Some(FieldValue::list(lines.into_iter().map(FieldValue::owned_any))))
                })
            })
            .description(
                "A breakdown by one or several dimensions; sorted by its keys unless `orderBy` says otherwise.",
            )
            .argument(InputValue::new("dimensions", TypeRef::named_nn_list_nn(named("Dimension"))))
            .argument(
                InputValue::new("first", TypeRef::named(TypeRef::INT))
                    .description("At most so many groups, up to the limit `groups`; default 100."),
            )
            .argument(InputValue::new("orderBy", TypeRef::named(named("Order")))),
        )
        .field(
            Field::new("compare", TypeRef::named_nn(named("Metrics")), |context| {
                FieldFuture::new(async move {
                    let asked = context.parent_value.try_downcast_ref::<Asked>()?;
                    let by = inputs::comparison(context.args.try_get("to")?.enum_name()?)
                        .ok_or_else(|| refused(Code::InvalidQuery, "`to` is no comparison"))?;
                    let calendar = asked
                        .question
                        .calendar
                        .compared(by)
                        .map_err(|error| refused(Code::InvalidQuery, error.to_string()))?;
                    total(asked, &Question { calendar, ..asked.question.clone() }).await
                })
            })
            .description("The same metrics over an earlier range.")
            .argument(InputValue::new("to", TypeRef::named_nn(inputs::COMPARISON))),
        );
    hours::add_to(object, family)
}

async fn total(asked: &Asked, question: &Question) -> Result<Option<FieldValue<'static>>, Error> {
    let lines = asked.asking.answer(question, &asked.metrics, &Grouping::Total).await?;
    Ok(lines.into_iter().next().map(|line| FieldValue::owned_any(line.metrics)))
}

async fn groups(context: &ResolverContext<'_>, family: &'static Family) -> Result<Vec<Line>, Error> {
    let asked = context.parent_value.try_downcast_ref::<Asked>()?;
    let mut dimensions = Vec::new();
    arguments::each_item(&context.args.try_get("dimensions")?, |item| {
        let name = item.enum_name()?;
        dimensions.extend(family.fact.dimensions.iter().copied().find(|dimension| dimension.name() == name));
        Ok(())
    })?;
    let first = arguments::optional_int(&context.args, "first", 1, i32::MAX)?.map_or(100, i32::unsigned_abs) as usize;
    check_limit("groups", asked.asking.limits.groups, first)?;
    // A metric that only other parts of the family want cannot forbid this part its dimensions.
    let own = lines_metrics(family, context.field());
    let mut metrics = asked.metrics.clone();
    metrics.retain(|metric| {
        let divisible = dimensions.iter().all(|dimension| metric.fact.dimensions.contains(dimension));
        divisible || own.iter().any(|own| std::ptr::eq(*own, *metric))
    });
    let order = match arguments::given(&context.args, "orderBy") {
        Some(order) => {
            let order = arguments::object(&order, "orderBy")?;
            let metric = family
                .metric(order.try_get("metric")?.enum_name()?)
                .ok_or_else(|| refused(Code::InvalidQuery, "`orderBy` names no metric"))?;
            metrics.push(metric);
            // The library fills in no defaults inside an input object.
            let direction = arguments::given(&order, "direction");
            Some((metric, direction.is_some_and(|direction| direction.enum_name().is_ok_and(|name| name == "ASC"))))
        }
        None => None,
    };
    let mut lines = asked.asking.answer(&asked.question, &metrics, &Grouping::By(dimensions)).await?;
    if let Some((metric, ascending)) = order {
        // A stable sort: groups of equal value stay in the order of their keys.
        lines.sort_by(|left, right| {
            let (left, right) =
                (left.metrics.value(metric.name).map(as_float), right.metrics.value(metric.name).map(as_float));
            match (left, right) {
                (Some(left), Some(right)) if ascending => left.total_cmp(&right),
                (Some(left), Some(right)) => right.total_cmp(&left),
                (left, right) => right.is_some().cmp(&left.is_some()),
            }
        });
    }
    lines.truncate(first);
    asked.asking.count_lines(lines.len())?;
    Ok(lines)
}

fn as_float(number: Number) -> f64 {
    match number {
        Number::Count(count) => count as f64,
        Number::Share(share) => share,
    }
}
