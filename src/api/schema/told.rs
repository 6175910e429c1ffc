//! A metrics object: the numbers of a total, a step or a group, and what explains them.

use std::sync::Arc;

use async_graphql::dynamic::{Field, FieldFuture, FieldValue, Object, SchemaBuilder, TypeRef};

use crate::metrics::answer::{Line, Metrics};
use crate::metrics::catalogue::{Family, Metric};
use crate::metrics::query::{Grouping, Question};

use super::{Asking, behind, explain, histogram, part, quality, scalars};

/// The field of a metrics object that the family's statement has to bring.
pub const HISTOGRAM: &str = "histogram";

/// A line of an answer, and the question that it answers.
pub struct Told {
    pub asking: Arc<Asking>,
    pub question: Arc<Question>,
    /// The metrics that were asked for.
    pub asked: Arc<[&'static Metric]>,
    pub grouping: Arc<Grouping>,
    pub line: Line,
}

impl Told {
    pub fn lines(
        asking: &Arc<Asking>,
        question: &Arc<Question>,
        metrics: &[&'static Metric],
        grouping: &Grouping,
        lines: Vec<Line>,
    ) -> Vec<Told> {
        let (asked, grouping): (Arc<[_]>, _) = (metrics.into(), Arc::new(grouping.clone()));
        let told = |line: Line| Told {
            asking: Arc::clone(asking),
            question: Arc::clone(question),
            asked: Arc::clone(&asked),
            grouping: Arc::clone(&grouping),
            line,
        };
        lines.into_iter().map(told).collect()
    }

    pub fn metrics(&self) -> &Metrics {
        &self.line.metrics
    }
}

/// The field `metrics` of a step or a group.
pub fn metrics_field(family: &Family) -> Field {
    part("metrics", TypeRef::named_nn(type_name(family)), |told: &Told| Some(FieldValue::borrowed_any(told)))
}

pub fn type_name(family: &Family) -> String {
    format!("{}Metrics", family.type_name)
}

/// The metrics object of a family and the step of its series.
pub fn register(schema: SchemaBuilder, family: &'static Family) -> SchemaBuilder {
    let mut object = Object::new(type_name(family)).description(family.definition);
    for metric in family.metrics {
        object = object.field(metric_field(metric));
    }
    object = object.field(
        part("quality", TypeRef::named_nn(quality::QUALITY), |told: &Told| {
            Some(FieldValue::borrowed_any(&told.line.metrics.quality))
        })
        .description("How far these values can be trusted."),
    );
    if family.histogram.is_some() {
        object = object.field(histogram::field());
    }
    object = object.field(explain::field());
    object = object.field(behind::field(family));
    let point = Object::new(format!("{}Point", family.type_name))
        .description("A step of a series, cut at the ends of the range.")
        .field(part("start", TypeRef::named_nn(scalars::DATE_TIME), |told: &Told| {
            told.line.point.map(|point| scalars::date_time(point.start))
        }))
        .field(
            part("end", TypeRef::named_nn(scalars::DATE_TIME), |told: &Told| {
                told.line.point.map(|point| scalars::date_time(point.end))
            })
            .description("The first instant that is no longer part of the step."),
        )
        .field(metrics_field(family));
    behind::register_family(schema.register(object).register(point), family)
}

fn metric_field(metric: &'static Metric) -> Field {
    Field::new(metric.name, TypeRef::named(scalars::of_unit(metric.unit())), move |context| {
        FieldFuture::new(async move {
            let told = context.parent_value.try_downcast_ref::<Told>()?;
            Ok(scalars::number(told.metrics().value(metric.name)))
        })
    })
    .description(metric.definition())
}
