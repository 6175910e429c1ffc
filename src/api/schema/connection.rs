//! Relay connections: `totalCount`, `edges`, `nodes`, `pageInfo`.

use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, Object, ResolverContext, SchemaBuilder, TypeRef,
};
use tokio::sync::OnceCell;

use crate::api::limits::check_limit;
use crate::metrics::catalogue::Column;
use crate::metrics::records::{Place, RecordQuery, Shown, read_count, read_page};
use crate::metrics::timeline::TimelineQuery;
use crate::model::clock::Millis;
use crate::sql::Sql;

use super::cursor::{self, Cursor};
use super::record::Node;
use super::{Asking, arguments as given, part, scalars};

pub const PAGE_INFO: &str = "PageInfo";
const RECORDS_DEFAULT: usize = 50;

/// Where records come from.
pub enum Source {
    Records(Box<RecordQuery>),
    Timeline(TimelineQuery),
}

impl Source {
    fn count(&self) -> Sql {
        match self {
            Self::Records(query) => query.count(),
            Self::Timeline(query) => query.count(),
        }
    }

    fn page(&self, columns: &[&'static Column], after: Option<Place>, records_max: usize) -> Sql {
        match self {
            Self::Records(query) => query.page(columns, after, records_max),
            Self::Timeline(query) => query.page(columns, after, records_max),
        }
    }
}

/// The page that is asked for.
#[derive(Clone, Copy)]
pub struct Page {
    pub first: usize,
    pub after: Option<Cursor>,
    /// As of when the first page was asked: all pages belong to one number.
    pub now: Millis,
}

impl Page {
    /// # Errors
    /// When `first` is out of bounds, or `after` is no cursor of ours.
    pub fn asked(context: &ResolverContext<'_>, asking: &Asking) -> Result<Self, Error> {
        let first = given::optional_int(&context.args, "first", 1, i32::MAX)?;
        let first = first.map_or(RECORDS_DEFAULT, |first| first.unsigned_abs() as usize);
        check_limit("pageRecords", asking.limits.page_records, first)?;
        let after = match given::given(&context.args, "after") {
            Some(text) => Some(cursor::read(&asking.seal, text.string()?)?),
            None => None,
        };
        Ok(Self { first, after, now: after.map_or(asking.now, |cursor| cursor.now) })
    }
}

/// The arguments of a field that gives a connection.
pub fn arguments(field: Field) -> Field {
    field
        .argument(
            InputValue::new("first", TypeRef::named(TypeRef::INT))
                .description("At most so many, 1 up to the limit `pageRecords`.")
                .default_value(i32::try_from(RECORDS_DEFAULT).unwrap_or(i32::MAX)),
        )
        .argument(
            InputValue::new("after", TypeRef::named(TypeRef::STRING)).description("The cursor after which to go on."),
        )
}

/// Records as they were asked for. The page is fetched when one of its fields is.
pub struct Connection {
    asking: Arc<Asking>,
    source: Source,
    /// Names the question in cursors: the statement of its count, which holds everything but the page.
    question: String,
    columns: Vec<&'static Column>,
    page: Page,
    fetched: OnceCell<Fetched>,
}

struct Fetched {
    records: Arc<Vec<Shown>>,
    has_next: bool,
}

struct Edge {
    node: Node,
    cursor: String,
}

/// Where a page lies.
pub struct PageInfo {
    pub has_next: bool,
    pub has_previous: bool,
    pub start: Option<String>,
    pub end: Option<String>,
}

impl Connection {
    /// # Errors
    /// When the cursor belongs to another question.
    pub fn new(asking: Arc<Asking>, source: Source, columns: Vec<&'static Column>, page: Page) -> Result<Self, Error> {
        let question = format!("{:?}", source.count());
        if let Some(after) = page.after {
            after.check(&asking.seal, &question)?;
        }
        Ok(Self { asking, source, question, columns, page, fetched: OnceCell::new() })
    }

    async fn count(&self) -> Result<u64, Error> {
        let batches = self.asking.fetch(self.source.count()).await?;
        read_count(&batches).map_err(|error| self.asking.refuse_answer(&error))
    }

    async fn fetched(&self) -> Result<&Fetched, Error> {
        let fetch = || async {
            let Page { first, after, .. } = self.page;
            // One more tells whether there is a next page.
            let statement = self.source.page(&self.columns, after.map(|cursor| cursor.place), first + 1);
            let batches = self.asking.fetch(statement).await?;
            let mut records = read_page(&self.columns, &batches).map_err(|error| self.asking.refuse_answer(&error))?;
            let has_next = first < records.len();
            records.truncate(first);
            self.asking.count_lines(records.len())?;
            Ok(Fetched { records: Arc::new(records), has_next })
        };
        self.fetched.get_or_try_init(fetch).await
    }

    fn cursor(&self, record: &Shown) -> String {
        cursor::write(&self.asking.seal, &self.question, self.page.now, record.place)
    }

    async fn edges(&self) -> Result<Vec<Edge>, Error> {
        let fetched = self.fetched().await?;
        let edge = |(index, record)| Edge {
            node: Node { page: Arc::clone(&fetched.records), index },
            cursor: self.cursor(record),
        };
        Ok(fetched.records.iter().enumerate().map(edge).collect())
    }

    async fn page_info(&self) -> Result<PageInfo, Error> {
        let fetched = self.fetched().await?;
        Ok(PageInfo {
            has_next: fetched.has_next,
            has_previous: self.page.after.is_some(),
            start: fetched.records.first().map(|record| self.cursor(record)),
            end: fetched.records.last().map(|record| self.cursor(record)),
        })
    }
}

pub fn type_name(stem: &str) -> String {
    format!("{stem}Connection")
}

pub fn edge_name(stem: &str) -> String {
    format!("{stem}Edge")
}

/// What all connections share.
pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let flag = || TypeRef::named_nn(TypeRef::BOOLEAN);
    let text = || TypeRef::named(TypeRef::STRING);
    let info = Object::new(PAGE_INFO)
        .description("Where a page lies.")
        .field(part("hasNextPage", flag(), |info: &PageInfo| Some(FieldValue::value(info.has_next))))
        .field(
            part("hasPreviousPage", flag(), |info: &PageInfo| Some(FieldValue::value(info.has_previous)))
                .description("Whether `after` was given."),
        )
        .field(part("startCursor", text(), |info: &PageInfo| info.start.as_ref().map(FieldValue::value)))
        .field(
            part("endCursor", text(), |info: &PageInfo| info.end.as_ref().map(FieldValue::value))
                .description("What to give as `after` for the next page, in the same question."),
        );
    schema.register(info)
}

/// The connection and the edge of one type of node.
pub fn register_type(schema: SchemaBuilder, stem: &str, node: &str) -> SchemaBuilder {
    let edge = Object::new(edge_name(stem))
        .description("A record and its place.")
        .field(part("cursor", TypeRef::named_nn(TypeRef::STRING), |edge: &Edge| Some(FieldValue::value(&edge.cursor))))
        .field(part("node", TypeRef::named_nn(node), |edge: &Edge| Some(FieldValue::borrowed_any(&edge.node))));
    schema.register(connection(stem, node)).register(edge)
}

fn connection(stem: &str, node: &str) -> Object {
    Object::new(type_name(stem))
        .description("Records, page by page.")
        .field(
            Field::new("totalCount", TypeRef::named_nn(scalars::LONG), |context| {
                FieldFuture::new(async move {
                    let connection = context.parent_value.try_downcast_ref::<Connection>()?;
                    Ok(Some(FieldValue::value(connection.count().await?)))
                })
            })
            .description("How many there are on all pages. Behind a number that counts them it is the number."),
        )
        .field(Field::new("edges", TypeRef::named_nn_list_nn(edge_name(stem)), |context| {
            FieldFuture::new(async move {
                let connection = context.parent_value.try_downcast_ref::<Connection>()?;
                Ok(Some(FieldValue::list(connection.edges().await?.into_iter().map(FieldValue::owned_any))))
            })
        }))
        .field(Field::new("nodes", TypeRef::named_nn_list_nn(node), |context| {
            FieldFuture::new(async move {
                let fetched = context.parent_value.try_downcast_ref::<Connection>()?.fetched().await?;
                let node = |index| FieldValue::owned_any(Node { page: Arc::clone(&fetched.records), index });
                Ok(Some(FieldValue::list((0..fetched.records.len()).map(node))))
            })
        }))
        .field(Field::new("pageInfo", TypeRef::named_nn(PAGE_INFO), |context| {
            FieldFuture::new(async move {
                let connection = context.parent_value.try_downcast_ref::<Connection>()?;
                Ok(Some(FieldValue::owned_any(connection.page_info().await?)))
            })
        }))
}
