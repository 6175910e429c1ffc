//! Looking ahead: the library resolves the fields of an object one after the other, so a family asks at once for all that
//! its parts will ask, and they find it answered.
//!
//! What cannot be understood here is left to the part, which says what is wrong with it.

use async_graphql::{SelectionField, Value};
use futures_util::future::join_all;

use crate::metrics::catalogue::{Dimension, Family, Metric};
use crate::metrics::query::Grouping;

use super::family::{Asked, lines_metrics};
use super::{groups, inputs};

/// Asks for the total, the series and the breakdowns that are selected of a family.
pub async fn ask(asked: &Asked, field: SelectionField<'_>) {
    let family = asked.question.family;
    let parts: Vec<(Vec<&'static Metric>, Grouping)> =
        field.selection_set().filter_map(|part| wanted(family, asked, part)).collect();
    if 1 < parts.len() {
        // Errors come again when the parts ask.
        join_all(parts.iter().map(|(metrics, grouping)| asked.asking.answer(&asked.question, metrics, grouping))).await;
    }
}

fn wanted(
    family: &'static Family,
    asked: &Asked,
    part: SelectionField<'_>,
) -> Option<(Vec<&'static Metric>, Grouping)> {
    let arguments = part.arguments().ok()?;
    let argument = |name: &str| arguments.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    match part.name() {
        "total" => Some((asked.metrics.clone(), Grouping::Total)),
        "series" => Some((asked.metrics.clone(), Grouping::Every(inputs::granularity(name(argument("every")?)?)?))),
        "by" => {
            let dimensions = match argument("dimensions")? {
                Value::List(items) => items.iter().map(dimension).collect::<Option<Vec<_>>>()?,
                item => vec![dimension(item)?],
            };
            let order = match argument("orderBy") {
                None | Some(Value::Null) => None,
                Some(Value::Object(order)) => Some(family.metric(name(order.get("metric")?)?)?),
                Some(_) => return None,
            };
            let own = lines_metrics(family, part);
            Some((groups::metrics_of(asked, &own, &dimensions, order), Grouping::By(dimensions)))
        }
        _ => None,
    }
}

fn dimension(value: &Value) -> Option<Dimension> {
    let name = name(value)?;
    Dimension::ALL.into_iter().find(|dimension| dimension.name() == name)
}

fn name(value: &Value) -> Option<&str> {
    match value {
        Value::Enum(name) => Some(name.as_str()),
        Value::String(name) => Some(name),
        _ => None,
    }
}
