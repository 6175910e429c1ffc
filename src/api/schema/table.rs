//! `table`: metrics of any families in one flat table, as dashboards and spreadsheets take it.
//!
//! Each family is asked as `analytics` asks it, at the same time as the others, and its quality stands at its columns. What
//! was asked for is parsed in `table_asked`; joining and sorting is in `metrics::table`.

use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{Field, FieldFuture, FieldValue, Object, SchemaBuilder, TypeRef};
use futures_util::future::try_join_all;
use tokio::sync::OnceCell;

use crate::metrics::answer::{AnswerError, Line, Number};
use crate::metrics::calendar::Calendar;
use crate::metrics::catalogue::{Dimension, Entry, Metric, Unit};
use crate::metrics::query::{Grouping, Question};
use crate::metrics::table::{self, Order, Part, Row};

use super::definitions::{DIMENSION, METRIC_NAME, UNIT};
use super::histogram::CELLS_A_LINE;
use super::{Asking, arguments, enum_value, part, quality, scalars, table_asked};

const TABLE: &str = "Table";
const COLUMN: &str = "TableColumn";
const ROW: &str = "TableRow";
const VALUE: &str = "TableValue";

/// A table as it was asked for, and its answers once somebody wants them.
pub struct Table {
    pub asking: Arc<Asking>,
    pub calendar: Calendar,
    pub by: Vec<Dimension>,
    pub columns: Vec<&'static Entry>,
    /// One for each family of the columns.
    pub questions: Vec<Question>,
    pub orders: Vec<Order>,
    pub first: usize,
    pub offset: usize,
    pub page: OnceCell<Page>,
    /// One line for each question.
    pub totals: OnceCell<Vec<Line>>,
}

/// The rows that were asked for, and how many there are in all. The others are not kept.
pub struct Page {
    rows: Vec<Row>,
    count: usize,
}

impl Table {
    pub fn grouping(&self) -> Grouping {
        match self.by.is_empty() {
            true => Grouping::Total,
            false => Grouping::By(self.by.clone()),
        }
    }

    /// The columns of a family.
    pub fn metrics_of(&self, question: &Question) -> Vec<&'static Metric> {
        let of_family = self.columns.iter().filter(|entry| std::ptr::eq(entry.family, question.family));
        of_family.map(|entry| entry.metric).collect()
    }

    async fn answers(&self, grouping: &Grouping) -> Result<Vec<Vec<Line>>, Error> {
        let answer = async |question| self.asking.answer(question, &self.metrics_of(question), grouping).await;
        try_join_all(self.questions.iter().map(answer)).await
    }

    async fn page(&self) -> Result<&Page, Error> {
        let page = self.page.get_or_try_init(|| async {
            let answers = self.answers(&self.grouping()).await?;
            let parts = self.questions.iter().zip(&answers).map(|(question, lines)| Part { question, lines });
            let mut rows = table::join(&self.columns, &parts.collect::<Vec<_>>());
            // Each family keeps to it; together they can have more.
            let limit = self.asking.limits.groups_read;
            if limit < rows.len() {
                return Err(self.asking.refuse_answer(&AnswerError::TooManyGroups { limit }));
            }
            table::sort(&mut rows, &self.orders);
            let count = rows.len();
            Ok(Page { rows: rows.into_iter().skip(self.offset).take(self.first).collect(), count })
        });
        page.await
    }

    async fn total_of(&self, entry: &Entry) -> Result<Option<&Line>, Error> {
        let totals = self.totals.get_or_try_init(|| async {
            let answers = self.answers(&Grouping::Total).await?;
            Ok::<_, Error>(answers.into_iter().filter_map(|lines| lines.into_iter().next()).collect())
        });
        let index = self.questions.iter().position(|question| std::ptr::eq(question.family, entry.family));
        Ok(index.zip(Some(totals.await?)).and_then(|(index, totals)| totals.get(index)))
    }
}

/// A column of a table: one of its keys, then one of its metrics.
enum Column {
    Key(Dimension),
    Value(Arc<Table>, &'static Entry),
}

pub fn add_to(query: Object) -> Object {
    let field = Field::new("table", TypeRef::named(TABLE), |context| {
        FieldFuture::new(async move {
            let table = table_asked::parse(&context).await?;
            Ok(Some(FieldValue::owned_any(Arc::new(table))))
        })
    });
    let field = table_asked::add_arguments(arguments::add_question(field));
    query.field(field.description(
        "Metrics of any families by dimensions that they share, in one table: sorted by `orderBy`, then by the keys.",
    ))
}

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let value = async_graphql::dynamic::Scalar::new(VALUE).description(
        "The value of a cell by the unit of its column: a number; an instant, an amount of money or a code as a string; \
         null when it is unknown.",
    );
    table_asked::register(schema).register(value).register(table_object()).register(row()).register(column())
}

fn table_object() -> Object {
    Object::new(TABLE)
        .description("Metrics side by side.")
        .field(part("from", TypeRef::named_nn(scalars::DATE_TIME), |table: &Arc<Table>| {
            Some(scalars::date_time(table.calendar.range().from()))
        }))
        .field(part("to", TypeRef::named_nn(scalars::DATE_TIME), |table: &Arc<Table>| {
            Some(scalars::date_time(table.calendar.range().to()))
        }))
        .field(part("timezone", TypeRef::named_nn(TypeRef::STRING), |table: &Arc<Table>| {
            Some(FieldValue::value(table.calendar.zone().name()))
        }))
        .field(
            part("columns", TypeRef::named_nn_list_nn(COLUMN), |table: &Arc<Table>| {
                let keys = table.by.iter().map(|dimension| Column::Key(*dimension));
                let values = table.columns.iter().map(|entry| Column::Value(Arc::clone(table), entry));
                Some(FieldValue::list(keys.chain(values).map(FieldValue::owned_any)))
            })
            .description("What the keys are, then what the values are."),
        )
        .field(
            Field::new("rows", TypeRef::named_nn_list_nn(ROW), |context| {
                FieldFuture::new(async move {
                    let table = context.parent_value.try_downcast_ref::<Arc<Table>>()?;
                    let page = table.page().await?;
                    table.asking.count_lines(page.rows.len() * table.columns.len().div_ceil(CELLS_A_LINE))?;
                    Ok(Some(FieldValue::list(page.rows.iter().map(|row| FieldValue::borrowed_any(row)))))
                })
            })
            .description("The rows of this page."),
        )
        .field(
            Field::new("rowCount", TypeRef::named_nn(scalars::LONG), |context| {
                FieldFuture::new(async move {
                    let table = context.parent_value.try_downcast_ref::<Arc<Table>>()?;
                    Ok(Some(FieldValue::value(table.page().await?.count)))
                })
            })
            .description("How many rows there are on all pages."),
        )
        .field(
            Field::new("totals", TypeRef::NonNull(Box::new(TypeRef::named_list(VALUE))), |context| {
                FieldFuture::new(async move {
                    let table = context.parent_value.try_downcast_ref::<Arc<Table>>()?;
                    let mut values = Vec::new();
                    for entry in &table.columns {
                        let line = table.total_of(entry).await?;
                        values.push(value(line.and_then(|line| line.metrics.value(entry.metric.name))));
                    }
                    Ok(Some(FieldValue::list(values)))
                })
            })
            .description("Each metric over the whole, in the order of the values; not a sum of the rows."),
        )
}

fn row() -> Object {
    Object::new(ROW)
        .description("A row of a table.")
        .field(
            part("keys", TypeRef::NonNull(Box::new(TypeRef::named_list(TypeRef::STRING))), |row: &Row| {
                let key = |key: &Option<String>| key.as_ref().map_or(FieldValue::NULL, FieldValue::value);
                Some(FieldValue::list(row.keys.iter().map(key)))
            })
            .description("In the order of `by`; null where a row has none."),
        )
        .field(
            part("values", TypeRef::NonNull(Box::new(TypeRef::named_list(VALUE))), |row: &Row| {
                Some(FieldValue::list(row.values.iter().map(|number| value(number.as_ref()))))
            })
            .description("In the order of `metrics`; null where a value is unknown."),
        )
}

fn value(number: Option<&Number>) -> FieldValue<'static> {
    scalars::number(number).unwrap_or(FieldValue::NULL)
}

fn column() -> Object {
    let of_metric = |name: &str, of: TypeRef, value: fn(&'static Entry) -> FieldValue<'static>| {
        Field::new(name, of, move |context| {
            FieldFuture::new(async move {
                Ok(match context.parent_value.try_downcast_ref::<Column>()? {
                    Column::Key(_) => None,
                    Column::Value(_, entry) => Some(value(entry)),
                })
            })
        })
    };
    Object::new(COLUMN)
        .description("A column of a table: a dimension, or a metric.")
        .field(
            part("name", TypeRef::named_nn(TypeRef::STRING), |column: &Column| {
                Some(match column {
                    Column::Key(dimension) => FieldValue::value(dimension.name()),
                    Column::Value(_, entry) => FieldValue::value(&entry.full_name),
                })
            })
            .description("CHANNEL, or responseTime.p50Seconds."),
        )
        .field(part("definition", TypeRef::named_nn(TypeRef::STRING), |column: &Column| {
            Some(match column {
                Column::Key(dimension) => FieldValue::value(dimension.definition()),
                Column::Value(_, entry) => FieldValue::value(entry.metric.definition()),
            })
        }))
        .field(
            part("dimension", TypeRef::named(DIMENSION), |column: &Column| match column {
                Column::Key(dimension) => Some(enum_value(dimension.name())),
                Column::Value(..) => None,
            })
            .description("Null for a metric; the fields below are null for a dimension."),
        )
        .field(of_metric("metric", TypeRef::named(METRIC_NAME), |entry| enum_value(&entry.enum_name)))
        .field(of_metric("family", TypeRef::named(TypeRef::STRING), |entry| FieldValue::value(entry.family.name)))
        .field(of_metric("unit", TypeRef::named(UNIT), |entry| enum_value(entry.metric.unit().name())))
        .field(of_metric("isAdditive", TypeRef::named(TypeRef::BOOLEAN), |entry| {
            FieldValue::value(entry.metric.unit() == Unit::Count)
        }))
        .field(
            Field::new("quality", TypeRef::named(quality::QUALITY), |context| {
                FieldFuture::new(async move {
                    match context.parent_value.try_downcast_ref::<Column>()? {
                        Column::Key(_) => Ok(None),
                        Column::Value(table, entry) => {
                            let line = table.total_of(entry).await?;
                            Ok(line.map(|line| FieldValue::borrowed_any(&line.metrics.quality)))
                        }
                    }
                })
            })
            .description("How far the total of this column can be trusted."),
        )
}
