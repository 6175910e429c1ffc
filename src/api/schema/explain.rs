//! `explain` of a metrics object: what its numbers mean, what was asked, and the statements that answer it.
//!
//! The statements are those that answer this question by itself, text and bound values, for managers: they name tables
//! and columns. Questions of one request that are over the same rows went to the engine in one statement. How many rows a
//! statement reads is counted in whole blocks of the tables, before the scope, so it is for managers too.

use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{Field, FieldFuture, FieldValue, Object, SchemaBuilder, TypeRef};
use chrono::{DateTime, SecondsFormat};
use futures_util::future::try_join_all;

use crate::metrics::catalogue::{Argument, Dimension, ENTRIES, Entry};
use crate::metrics::filter::{Effect, ToldList};
use crate::metrics::query::Grouping;
use crate::model::clock::Millis;
use crate::sql::{Sql, Value};

use super::definitions::{DEFINITION, DIMENSION};
use super::told::Told;
use super::{Asking, enum_value, inputs, part, scalars, terms};

const EXPLANATION: &str = "Explanation";
const FILTER: &str = "ExplainedFilter";
const ARGUMENT: &str = "ExplainedArgument";
const STEP: &str = "ExplainedStep";
const KEY: &str = "ExplainedKey";
const STATEMENT: &str = "ExplainedStatement";
const PARAMETER: &str = "ExplainedParameter";

/// A statement that answers the question by itself.
struct Statement {
    asking: Arc<Asking>,
    sql: Sql,
}

/// An argument and what it is.
struct InForce {
    argument: Argument,
    value: Option<String>,
}

/// The field of a metrics object. Nullable, so that its error leaves the numbers.
pub fn field() -> Field {
    Field::new("explain", TypeRef::named(EXPLANATION), |context| {
        FieldFuture::new(async move {
            let told = context.parent_value.try_downcast_ref::<Told>()?;
            told.asking.count_explanation()?;
            Ok(Some(FieldValue::borrowed_any(told)))
        })
    })
    .description("What these numbers mean and where they come from.")
}

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let object = meaning(Object::new(EXPLANATION).description("Where numbers come from."));
    schema
        .register(origin(object))
        .register(filter())
        .register(argument())
        .register(step())
        .register(key())
        .register(statement())
        .register(parameter())
}

/// What was asked, as it was understood.
fn meaning(object: Object) -> Object {
    let text = || TypeRef::named_nn(TypeRef::STRING);
    let instant = || TypeRef::named_nn(scalars::DATE_TIME);
    object
        .field(
            part("metrics", TypeRef::named_nn_list_nn(DEFINITION), |told: &Told| {
                let entries = ENTRIES.iter().filter(|entry| is_asked(told, entry));
                Some(FieldValue::list(entries.map(|entry| FieldValue::borrowed_any(entry))))
            })
            .description("The metrics that the statements bring."),
        )
        .field(part("from", instant(), |told: &Told| Some(scalars::date_time(told.question.calendar.range().from()))))
        .field(part("to", instant(), |told: &Told| Some(scalars::date_time(told.question.calendar.range().to()))))
        .field(part("timezone", text(), |told: &Told| Some(FieldValue::value(told.question.calendar.zone().name()))))
        .field(
            part("localFrom", text(), |told: &Told| local(told, told.question.calendar.range().from()))
                .description("`from` on the zone's clocks."),
        )
        .field(
            part("localTo", text(), |told: &Told| local(told, told.question.calendar.range().to()))
                .description("`to` on the zone's clocks."),
        )
        .field(
            part("filter", TypeRef::named_nn_list_nn(FILTER), |told: &Told| {
                Some(FieldValue::list(told.question.filter.told().into_iter().map(FieldValue::owned_any)))
            })
            .description("The lists in force; empty when every row counts."),
        )
        .field(
            part("arguments", TypeRef::named_nn_list_nn(ARGUMENT), |told: &Told| {
                let in_force = |argument: &Argument| {
                    let value = terms::in_force(*argument, &told.question.terms);
                    FieldValue::owned_any(InForce { argument: *argument, value })
                };
                Some(FieldValue::list(told.question.family.arguments.iter().map(in_force)))
            })
            .description("The family's arguments, given or by default."),
        )
        .field(
            part("step", TypeRef::named(STEP), |told: &Told| told.line.point.map(|_| FieldValue::borrowed_any(told)))
                .description("Which step of a series this is; null when it is none."),
        )
        .field(
            part("group", TypeRef::named_nn_list(KEY), |told: &Told| match &*told.grouping {
                Grouping::By(dimensions) => {
                    let keys = dimensions.iter().copied().zip(told.line.keys.iter().cloned());
                    Some(FieldValue::list(keys.map(FieldValue::owned_any)))
                }
                Grouping::Total | Grouping::Every(_) => None,
            })
            .description("Which group of a breakdown this is; null when it is none."),
        )
}

/// What the engine was asked.
fn origin(object: Object) -> Object {
    object
        .field(
            Field::new("statementCount", TypeRef::named_nn(TypeRef::INT), |context| {
                FieldFuture::new(async move {
                    let told = context.parent_value.try_downcast_ref::<Told>()?;
                    Ok(Some(FieldValue::value(statements(told)?.len())))
                })
            })
            .description("How many statements answer the question by itself: one for each kind of rows."),
        )
        .field(
            Field::new("rowsRead", TypeRef::named(scalars::LONG), |context| {
                FieldFuture::new(async move {
                    let told = context.parent_value.try_downcast_ref::<Told>()?;
                    let statements = statements(told)?;
                    let rows = try_join_all(statements.iter().map(|sql| told.asking.rows_read(sql))).await?;
                    Ok(Some(FieldValue::value(rows.into_iter().fold(0, u64::saturating_add))))
                })
            })
            .description(
                "How many rows of its tables the engine reads for them, in whole blocks as it estimates beforehand. \
                 For the roles MANAGER and ADMIN.",
            ),
        )
        .field(
            Field::new("statements", TypeRef::named_nn_list(STATEMENT), |context| {
                FieldFuture::new(async move {
                    let told = context.parent_value.try_downcast_ref::<Told>()?;
                    let statement = |sql| Statement { asking: Arc::clone(&told.asking), sql };
                    let statements = statements(told)?.into_iter().map(statement);
                    Ok(Some(FieldValue::list(statements.map(FieldValue::owned_any))))
                })
            })
            .description(
                "The statements that answer the question by itself, for all steps or groups at once. \
                 For the roles MANAGER and ADMIN.",
            ),
        )
}

fn is_asked(told: &Told, entry: &Entry) -> bool {
    told.asked.iter().any(|metric| std::ptr::eq(*metric, entry.metric))
}

fn statements(told: &Told) -> Result<Vec<Sql>, Error> {
    told.asking.statements(&told.question, &told.asked, &told.grouping)
}

fn local(told: &Told, at: Millis) -> Option<FieldValue<'static>> {
    let instant = DateTime::from_timestamp_millis(at)?.with_timezone(&told.question.calendar.zone());
    Some(FieldValue::value(instant.to_rfc3339_opts(SecondsFormat::Millis, false)))
}

fn filter() -> Object {
    Object::new(FILTER)
        .description("A list of the filter.")
        .field(part("list", TypeRef::named_nn(TypeRef::STRING), |told: &ToldList| Some(FieldValue::value(told.name))))
        .field(part("values", TypeRef::named_nn_list_nn(TypeRef::STRING), |told: &ToldList| {
            Some(FieldValue::list(told.values.iter().map(FieldValue::value)))
        }))
        .field(
            part("isNot", TypeRef::named_nn(TypeRef::BOOLEAN), |told: &ToldList| {
                Some(FieldValue::value(told.effect == Effect::LeavesOut))
            })
            .description("Whether it stands under `not`, whose lists leave out together."),
        )
}

fn argument() -> Object {
    Object::new(ARGUMENT)
        .description("An argument in force.")
        .field(part("name", TypeRef::named_nn(TypeRef::STRING), |told: &InForce| {
            Some(FieldValue::value(terms::row(told.argument).name))
        }))
        .field(
            part("value", TypeRef::named(TypeRef::STRING), |told: &InForce| told.value.as_ref().map(FieldValue::value))
                .description("Null where none was given and it has no default."),
        )
}

fn step() -> Object {
    Object::new(STEP)
        .description("A step of a series.")
        .field(part("every", TypeRef::named_nn(inputs::GRANULARITY), |told: &Told| match &*told.grouping {
            Grouping::Every(every) => Some(enum_value(inputs::granularity_name(*every))),
            Grouping::Total | Grouping::By(_) => None,
        }))
        .field(part("start", TypeRef::named_nn(scalars::DATE_TIME), |told: &Told| {
            told.line.point.map(|point| scalars::date_time(point.start))
        }))
        .field(part("end", TypeRef::named_nn(scalars::DATE_TIME), |told: &Told| {
            told.line.point.map(|point| scalars::date_time(point.end))
        }))
}

fn key() -> Object {
    Object::new(KEY)
        .description("A key of a group.")
        .field(part("dimension", TypeRef::named_nn(DIMENSION), |(dimension, _): &(Dimension, Option<String>)| {
            Some(enum_value(dimension.name()))
        }))
        .field(part("key", TypeRef::named(TypeRef::STRING), |(_, key): &(Dimension, Option<String>)| {
            key.as_ref().map(FieldValue::value)
        }))
}

fn statement() -> Object {
    Object::new(STATEMENT)
        .description("A statement of the engine's SQL and what was bound to it.")
        .field(
            part("sql", TypeRef::named_nn(TypeRef::STRING), |statement: &Statement| {
                Some(FieldValue::value(statement.sql.text()))
            })
            .description("Each question mark is a parameter."),
        )
        .field(
            part("parameters", TypeRef::named_nn_list_nn(PARAMETER), |statement: &Statement| {
                Some(FieldValue::list(statement.sql.values().iter().map(|value| FieldValue::borrowed_any(value))))
            })
            .description("The values of the question marks, in order."),
        )
        .field(Field::new("rowsRead", TypeRef::named_nn(scalars::LONG), |context| {
            FieldFuture::new(async move {
                let statement = context.parent_value.try_downcast_ref::<Statement>()?;
                Ok(Some(FieldValue::value(statement.asking.rows_read(&statement.sql).await?)))
            })
        }))
}

fn parameter() -> Object {
    Object::new(PARAMETER)
        .description("A value that was bound to a statement.")
        .field(
            part("type", TypeRef::named_nn(TypeRef::STRING), |value: &Value| {
                Some(FieldValue::value(match value {
                    Value::Text(_) => "String",
                    Value::Int(_) => "Int64",
                    Value::Float(_) => "Float64",
                }))
            })
            .description("The engine's: String, Int64 or Float64."),
        )
        .field(part("value", TypeRef::named_nn(TypeRef::STRING), |value: &Value| {
            Some(match value {
                Value::Text(text) => FieldValue::value(text),
                Value::Int(number) => FieldValue::value(number.to_string()),
                Value::Float(number) => FieldValue::value(number.to_string()),
            })
        }))
}
