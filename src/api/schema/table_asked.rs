//! What a table is asked for: its columns, its rows, their order and page, and the arguments of its families.

use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{
    Field, InputObject, InputValue, ObjectAccessor, ResolverContext, SchemaBuilder, TypeRef, ValueAccessor,
};
use tokio::sync::OnceCell;

use crate::api::errors::Code;
use crate::api::limits::check_limit;
use crate::metrics::catalogue::{Dimension, Entry, FAMILIES, Family};
use crate::metrics::query::Question;
use crate::metrics::table::{Column, Order};
use crate::metrics::terms::Terms;
use crate::model::TimeRange;

use super::definitions::{DIMENSION, METRIC_NAME};
use super::table::Table;
use super::{Asking, arguments, inputs, refused, terms};

const ORDER: &str = "TableOrder";
const ARGUMENTS: &str = "TableArguments";

pub fn add_arguments(field: Field) -> Field {
    field
        .argument(
            InputValue::new("metrics", TypeRef::named_nn_list_nn(METRIC_NAME))
                .description("The values of each row, in this order."),
        )
        .argument(
            InputValue::new("by", TypeRef::named_nn_list(DIMENSION))
                .description("The keys of each row; all metrics must have them. Default: one row, the whole."),
        )
        .argument(
            InputValue::new("orderBy", TypeRef::named_nn_list(ORDER))
                .description("What to sort by, the first first; unknown values stand last. Default: the keys."),
        )
        .argument(
            InputValue::new("first", TypeRef::named(TypeRef::INT))
                .description("At most so many rows, up to the limit `groups`; default 100."),
        )
        .argument(
            InputValue::new("offset", TypeRef::named(TypeRef::INT))
                .description("How many rows to leave out before them, for the next page; default 0."),
        )
        .argument(
            InputValue::new("arguments", TypeRef::named(ARGUMENTS))
                .description("The arguments of families; those of families without a column change nothing."),
        )
}

pub fn register(mut schema: SchemaBuilder) -> SchemaBuilder {
    let mut all = InputObject::new(ARGUMENTS).description("The arguments of the families of a table.");
    for family in FAMILIES {
        let values = terms::inputs(family);
        if values.is_empty() {
            continue;
        }
        let name = format!("{}Arguments", family.type_name);
        all = all.field(InputValue::new(family.name, TypeRef::named(&name)));
        let input = InputObject::new(name).description(format!("The arguments of `{}`.", family.name));
        schema = schema.register(values.into_iter().fold(input, InputObject::field));
    }
    let order = InputObject::new(ORDER)
        .description("A column to sort by: either a metric of the table or a dimension of its `by`.")
        .field(InputValue::new("metric", TypeRef::named(METRIC_NAME)))
        .field(InputValue::new("dimension", TypeRef::named(DIMENSION)))
        .field(
            InputValue::new("direction", TypeRef::named(inputs::DIRECTION))
                .description("Default: DESC for a metric, ASC for a dimension."),
        );
    schema.register(all).register(order)
}

/// The table, with everything refused that cannot be answered; nothing has run yet.
///
/// # Errors
/// Which say what is wrong with the arguments, or who may read them.
pub async fn parse(context: &ResolverContext<'_>) -> Result<Table, Error> {
    let asking = Arc::clone(context.data::<Arc<Asking>>()?);
    let scope = asking.scope()?;
    let args = &context.args;
    let (calendar, filter) = arguments::question(args, &asking)?;
    let columns = each_once(&args.try_get("metrics")?, "metrics", Entry::by_enum_name)?;
    if columns.is_empty() {
        return Err(refused(Code::InvalidQuery, "`metrics` is empty: name at least one"));
    }
    let by = match arguments::given(args, "by") {
        Some(by) => each_once(&by, "by", |name| Dimension::ALL.into_iter().find(|known| known.name() == name))?,
        None => Vec::new(),
    };
    for entry in &columns {
        asking.check_reader(entry.metric)?;
        entry.check(&by, &filter).map_err(|error| asking.refuse_query(&error))?;
    }
    let first = arguments::optional_int(args, "first", 1, i32::MAX)?.map_or(100, i32::unsigned_abs) as usize;
    check_limit("groups", asking.limits.groups, first)?;
    let offset = arguments::optional_int(args, "offset", 0, i32::MAX)?.map_or(0, i32::unsigned_abs) as usize;
    let orders = orders(args, &columns, &by)?;
    let given = arguments::given(args, "arguments");
    let given = given.as_ref().map(|given| arguments::object(given, "arguments")).transpose()?;
    let mut questions: Vec<Question> = Vec::new();
    for entry in &columns {
        let family = entry.family;
        if questions.iter().all(|question| !std::ptr::eq(question.family, family)) {
            let terms = terms_of(family, given.as_ref(), &asking, calendar.range()).await?;
            let (calendar, filter, scope) = (calendar.clone(), filter.clone(), scope.clone());
            questions.push(Question { family, calendar, filter, scope, terms, histogram: false });
        }
    }
    let (page, totals) = (OnceCell::new(), OnceCell::new());
    let table = Table { asking, calendar, by, columns, questions, orders, first, offset, page, totals };
    for question in &table.questions {
        table.asking.statements(question, &table.metrics_of(question), &table.grouping())?;
    }
    Ok(table)
}

async fn terms_of(
    family: &'static Family,
    given: Option<&ObjectAccessor<'_>>,
    asking: &Asking,
    range: TimeRange,
) -> Result<Terms, Error> {
    let given = given.and_then(|given| arguments::given(given, family.name));
    let given = given.as_ref().map(|given| arguments::object(given, family.name)).transpose()?;
    terms::parse_if_given(family, given.as_ref(), asking, range).await
}

/// The items of a list of enum values, none of them twice.
fn each_once<T: Copy>(
    list: &ValueAccessor<'_>,
    argument: &str,
    find: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Error> {
    let (mut names, mut found) = (Vec::new(), Vec::new());
    arguments::each_item(list, |item| {
        let name = item.enum_name()?;
        let Some(value) = find(name) else {
            return Err(refused(Code::InvalidQuery, format!("`{argument}` has a value that the schema does not know")));
        };
        if names.iter().any(|known| known == name) {
            return Err(refused(Code::InvalidQuery, format!("`{argument}` names {name} twice")));
        }
        names.push(name.to_owned());
        found.push(value);
        Ok(())
    })?;
    Ok(found)
}

fn orders(args: &ObjectAccessor<'_>, columns: &[&'static Entry], by: &[Dimension]) -> Result<Vec<Order>, Error> {
    let mut orders: Vec<Order> = Vec::new();
    let Some(given) = arguments::given(args, "orderBy") else { return Ok(orders) };
    arguments::each_item(&given, |item| {
        let order = order(&arguments::object(item, "orderBy")?, columns, by)?;
        if orders.iter().any(|known| known.by == order.by) {
            return Err(refused(Code::InvalidQuery, "`orderBy` names a column twice"));
        }
        orders.push(order);
        Ok(())
    })?;
    Ok(orders)
}

fn order(given: &ObjectAccessor<'_>, columns: &[&'static Entry], by: &[Dimension]) -> Result<Order, Error> {
    let name = |field: &str| -> Result<Option<String>, Error> {
        arguments::given(given, field).map(|value| value.enum_name().map(str::to_owned)).transpose()
    };
    let no_column = |name: &str, list: &str| {
        let message = format!("`orderBy` names {name}, which is no column of the table: add it to `{list}`");
        refused(Code::InvalidQuery, message)
    };
    let by = match (name("metric")?, name("dimension")?) {
        (Some(metric), None) => {
            let index = columns.iter().position(|entry| entry.enum_name == metric);
            Column::Value(index.ok_or_else(|| no_column(&metric, "metrics"))?)
        }
        (None, Some(dimension)) => {
            let index = by.iter().position(|known| known.name() == dimension);
            Column::Key(index.ok_or_else(|| no_column(&dimension, "by"))?)
        }
        _ => {
            return Err(refused(Code::InvalidQuery, "`orderBy` takes either a `metric` or a `dimension` in each item"));
        }
    };
    let ascending = match name("direction")? {
        Some(direction) => direction == "ASC",
        None => matches!(by, Column::Key(_)),
    };
    Ok(Order { by, ascending })
}
