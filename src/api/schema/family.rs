//! The shape that every family of metrics has: total, series, breakdown, comparison.
//!
//! A family's resolver looks at all that is selected below it, so each statement brings every metric that any part
//! of the family wants: aliases and fragments of one part cost nothing more. What a metrics object has beside its
//! numbers is in [`told`], the breakdown in [`groups`].

use std::sync::Arc;

use async_graphql::dynamic::{Field, FieldFuture, FieldValue, InputValue, Object, SchemaBuilder, TypeRef};
use async_graphql::{Error, SelectionField};

use crate::api::errors::Code;
use crate::metrics::answer::Line;
use crate::metrics::catalogue::{Family, Metric};
use crate::metrics::query::{Grouping, Question};

use super::analytics::Analytics;
use super::told::{self, Told};
use super::{Asking, ahead, groups, hours, inputs, refused, standing, terms};

/// A family as it was asked for.
pub struct Asked {
    pub asking: Arc<Asking>,
    pub question: Arc<Question>,
    pub metrics: Vec<&'static Metric>,
}

impl Asked {
    pub async fn lines(&self, grouping: &Grouping) -> Result<Vec<Line>, Error> {
        self.asking.answer(&self.question, &self.metrics, grouping).await
    }
}

/// The family's field of `analytics`. Nullable, so that one family's error leaves the others their answers.
pub fn field(family: &'static Family) -> Field {
    let mut field = Field::new(family.name, TypeRef::named(family.type_name), move |context| {
        FieldFuture::new(async move {
            let analytics = context.parent_value.try_downcast_ref::<Analytics>()?;
            let selected = Selected::of(family, context.field());
            let question = Question {
                family,
                calendar: analytics.calendar.clone(),
                filter: analytics.filter.clone(),
                scope: analytics.scope.clone(),
                terms: terms::parse(family, &context.args, &analytics.asking, analytics.calendar.range()).await?,
                histogram: selected.histogram,
            };
            let asking = Arc::clone(&analytics.asking);
            let metrics = asking.readable(selected.metrics);
            let asked = Asked { asking, question: Arc::new(question), metrics };
            ahead::ask(&asked, context.field()).await;
            Ok(Some(FieldValue::owned_any(asked)))
        })
    });
    for argument in terms::values(family) {
        field = field.argument(argument);
    }
    field.description(family.definition)
}

/// What is selected anywhere below a family's field.
struct Selected {
    metrics: Vec<&'static Metric>,
    histogram: bool,
}

impl Selected {
    fn of(family: &'static Family, field: SelectionField<'_>) -> Self {
        let mut selected = Self { metrics: Vec::new(), histogram: false };
        for part in field.selection_set() {
            match part.name() {
                "total" | "compare" => selected.add(family, part),
                "series" | "by" => {
                    for line in part.selection_set().filter(|field| field.name() == "metrics") {
                        selected.add(family, line);
                    }
                }
                _ => selected.metrics.extend(hours::needed_metrics(family, part)),
            }
        }
        selected
    }

    fn add(&mut self, family: &'static Family, object: SelectionField<'_>) {
        for field in object.selection_set() {
            self.metrics.extend(family.metric(field.name()));
            self.histogram |= field.name() == told::HISTOGRAM;
        }
    }
}

/// Every metric that is selected of the steps or groups of one part.
pub fn lines_metrics(family: &'static Family, part: SelectionField<'_>) -> Vec<&'static Metric> {
    let lines = part.selection_set().filter(|field| field.name() == "metrics");
    lines
        .flat_map(|line| line.selection_set().filter_map(|field| family.metric(field.name())).collect::<Vec<_>>())
        .collect()
}

pub fn register(schema: SchemaBuilder, family: &'static Family) -> SchemaBuilder {
    let schema = told::register(schema, family);
    groups::register(schema, family).register(family_object(family))
}

fn family_object(family: &'static Family) -> Object {
    let named = |suffix: &str| format!("{}{suffix}", family.type_name);
    let object = Object::new(family.type_name)
        .description(family.definition)
        .field(
            Field::new("total", TypeRef::named_nn(named("Metrics")), |context| {
                FieldFuture::new(async move {
                    let asked = context.parent_value.try_downcast_ref::<Asked>()?;
                    total(asked, Arc::clone(&asked.question)).await
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
                    let grouping = Grouping::Every(every);
                    let lines = asked.lines(&grouping).await?;
                    asked.asking.count_lines(lines.len())?;
                    let lines = Told::lines(&asked.asking, &asked.question, &asked.metrics, &grouping, lines);
                    Ok(Some(FieldValue::list(lines.into_iter().map(FieldValue::owned_any))))
                })
            })
            .description("Every step of the range, also those in which nothing happened.")
            .argument(InputValue::new("every", TypeRef::named_nn(inputs::GRANULARITY))),
        )
        .field(groups::field(family))
        .field(standing::field(family))
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
                    let terms = terms::for_range(&asked.question.terms, &asked.asking, calendar.range()).await?;
                    total(asked, Arc::new(Question { calendar, terms, ..(*asked.question).clone() })).await
                })
            })
            .description("The same metrics over an earlier range.")
            .argument(InputValue::new("to", TypeRef::named_nn(inputs::COMPARISON))),
        );
    hours::add_to(object, family)
}

async fn total(asked: &Asked, question: Arc<Question>) -> Result<Option<FieldValue<'static>>, Error> {
    let lines = asked.asking.answer(&question, &asked.metrics, &Grouping::Total).await?;
    let lines = Told::lines(&asked.asking, &question, &asked.metrics, &Grouping::Total, lines);
    Ok(lines.into_iter().next().map(FieldValue::owned_any))
}
