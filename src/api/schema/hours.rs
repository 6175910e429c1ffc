//! Peak hours: `heatmap` and `peak` of the family `activity`.

use async_graphql::dynamic::{Field, FieldFuture, FieldValue, Object, SchemaBuilder, TypeRef};
use async_graphql::{Error, SelectionField};

use crate::metrics::catalogue::{Dimension, Family, Metric};
use crate::metrics::heatmap::{self, Cell};
use crate::metrics::query::Grouping;

use super::family::Asked;
use super::{part, scalars};

const CELL: &str = "HourOfWeek";

fn has_hours(family: &Family) -> bool {
    family.name == "activity"
}

/// The fields of this module that a family has.
pub fn fields(family: &Family) -> &'static [&'static str] {
    if has_hours(family) { &["heatmap", "peak"] } else { &[] }
}

/// The metrics that a selected part of the family needs, when the part is one of this module's.
pub fn needed_metrics(family: &'static Family, part: SelectionField<'_>) -> Vec<&'static Metric> {
    if !fields(family).contains(&part.name()) {
        return Vec::new();
    }
    let turns = part.selection_set().any(|field| matches!(field.name(), "turns" | "turnsPerOccurrence"));
    let names: &[&str] = if turns { &["messages", "turns"] } else { &["messages"] };
    names.iter().filter_map(|name| family.metric(name)).collect()
}

pub fn add_to(object: Object, family: &'static Family) -> Object {
    if !has_hours(family) {
        return object;
    }
    object
        .field(
            Field::new("heatmap", TypeRef::named_nn_list_nn(CELL), |context| {
                FieldFuture::new(async move {
                    let cells = cells(context.parent_value.try_downcast_ref::<Asked>()?).await?;
                    Ok(Some(FieldValue::list(cells.into_iter().map(FieldValue::owned_any))))
                })
            })
            .description("All 168 hours of the week, Monday first."),
        )
        .field(
            Field::new("peak", TypeRef::named(CELL), |context| {
                FieldFuture::new(async move {
                    let cells = cells(context.parent_value.try_downcast_ref::<Asked>()?).await?;
                    Ok(heatmap::peak(&cells).map(FieldValue::owned_any))
                })
            })
            .description(
                "The hour of the week with the most messages for each time it came round; null without messages.",
            ),
        )
}

/// `heatmap` and `peak` ask the same, so one statement serves both.
async fn cells(asked: &Asked) -> Result<Vec<Cell>, Error> {
    let lines = asked.lines(&Grouping::By(vec![Dimension::Weekday, Dimension::Hour])).await?;
    heatmap::heatmap(&asked.question.calendar, &lines).map_err(|error| asked.asking.refuse_answer(&error.into()))
}

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let int = || TypeRef::named_nn(TypeRef::INT);
    let cell = Object::new(CELL)
        .description("One local hour of the week. Where it never came round in the range, its figures are null.")
        .field(
            part("weekday", int(), |cell: &Cell| Some(FieldValue::value(cell.weekday)))
                .description("1 (Monday) to 7 (Sunday)."),
        )
        .field(part("hour", int(), |cell: &Cell| Some(FieldValue::value(cell.hour))).description("0 to 23."))
        .field(
            part("occurrences", TypeRef::named_nn(scalars::LONG), |cell: &Cell| {
                Some(FieldValue::value(cell.occurrences))
            })
            .description("How often the hour came round in the range, hours that the range cuts included."),
        )
        .field(
            part("messages", TypeRef::named(scalars::LONG), |cell: &Cell| occurred(cell, cell.messages))
                .description("Client messages in this hour, in total."),
        )
        .field(
            part("perOccurrence", TypeRef::named(TypeRef::FLOAT), |cell: &Cell| {
                cell.messages_per_occurrence().map(FieldValue::value)
            })
            .description("Client messages for each time the hour came round."),
        )
        .field(
            part("turns", TypeRef::named(scalars::LONG), |cell: &Cell| occurred(cell, cell.turns))
                .description("Turns that began in this hour, in total."),
        )
        .field(
            part("turnsPerOccurrence", TypeRef::named(TypeRef::FLOAT), |cell: &Cell| {
                cell.turns_per_occurrence().map(FieldValue::value)
            })
            .description("Turns that began, for each time the hour came round."),
        );
    schema.register(cell)
}

fn occurred(cell: &Cell, count: u64) -> Option<FieldValue<'static>> {
    (0 < cell.occurrences).then(|| FieldValue::value(count))
}
