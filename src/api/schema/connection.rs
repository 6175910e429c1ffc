//! Relay connections over records: `totalCount`, `edges`, `nodes`, `pageInfo`.

use std::sync::Arc;

use async_graphql::dynamic::{Field, FieldFuture, FieldValue, Object, SchemaBuilder, TypeRef};
use async_graphql::{Error, SelectionField};
use tokio::sync::OnceCell;

use crate::metrics::catalogue::{Column, RecordKind};
use crate::metrics::records::{Place, RecordQuery, Shown, read_count, read_page};
use crate::model::clock::Millis;

use super::record::{self, Node};
use super::{Asking, cursor, part, scalars};

const PAGE_INFO: &str = "PageInfo";

/// Records as they were asked for. The page is fetched when one of its fields is.
pub struct Connection {
    asking: Arc<Asking>,
    query: RecordQuery,
    /// Names the question in cursors: the statement of its count, which holds everything but the page.
    question: String,
    columns: Vec<&'static Column>,
    now: Millis,
    first: usize,
    after: Option<Place>,
    page: OnceCell<Page>,
}

#[derive(Clone)]
struct Page {
    records: Arc<Vec<Shown>>,
    has_next: bool,
}

struct Edge {
    node: Node,
    cursor: String,
}

struct PageInfo {
    has_next: bool,
    has_previous: bool,
    start: Option<String>,
    end: Option<String>,
}

impl Connection {
    pub fn new(
        asking: Arc<Asking>,
        query: RecordQuery,
        selection: SelectionField<'_>,
        now: Millis,
        first: usize,
        after: Option<Place>,
    ) -> Self {
        let columns = record::selected(query.record(), selection);
        let question = format!("{:?}", query.count());
        Self { asking, query, question, columns, now, first, after, page: OnceCell::new() }
    }

    pub fn question(&self) -> &str {
        &self.question
    }

    async fn count(&self) -> Result<u64, Error> {
        let batches = self.asking.fetch(self.query.count()).await?;
        read_count(&batches).map_err(|error| self.asking.refuse_answer(&error))
    }

    async fn page(&self) -> Result<&Page, Error> {
        let fetch = || async {
            // One more tells whether there is a next page.
            let statement = self.query.page(&self.columns, self.after, self.first + 1);
            let batches = self.asking.fetch(statement).await?;
            let mut records = read_page(&self.columns, &batches).map_err(|error| self.asking.refuse_answer(&error))?;
            let has_next = self.first < records.len();
            records.truncate(self.first);
            self.asking.count_lines(records.len())?;
            Ok(Page { records: Arc::new(records), has_next })
        };
        self.page.get_or_try_init(fetch).await
    }

    fn cursor(&self, record: &Shown) -> String {
        cursor::write(&self.asking.seal, &self.question, self.now, record.place)
    }

    async fn edges(&self) -> Result<Vec<Edge>, Error> {
        let page = self.page().await?;
        let edge = |(index, record)| Edge {
            node: Node { page: Arc::clone(&page.records), index },
            cursor: self.cursor(record),
        };
        Ok(page.records.iter().enumerate().map(edge).collect())
    }

    async fn page_info(&self) -> Result<PageInfo, Error> {
        let page = self.page().await?;
        Ok(PageInfo {
            has_next: page.has_next,
            has_previous: self.after.is_some(),
            start: page.records.first().map(|record| self.cursor(record)),
            end: page.records.last().map(|record| self.cursor(record)),
        })
    }
}

pub fn type_name(kind: RecordKind) -> String {
    format!("{}Connection", kind.type_name())
}

pub fn register(mut schema: SchemaBuilder) -> SchemaBuilder {
    for kind in RecordKind::ALL {
        schema = schema.register(connection(kind)).register(edge(kind));
    }
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
    record::register(schema).register(info)
}

fn connection(kind: RecordKind) -> Object {
    Object::new(type_name(kind))
        .description("Records behind a number, page by page.")
        .field(
            Field::new("totalCount", TypeRef::named_nn(scalars::LONG), |context| {
                FieldFuture::new(async move {
                    let connection = context.parent_value.try_downcast_ref::<Connection>()?;
                    Ok(Some(FieldValue::value(connection.count().await?)))
                })
            })
            .description("How many there are on all pages. Where the number counts them, it is the number."),
        )
        .field(Field::new("edges", TypeRef::named_nn_list_nn(edge_name(kind)), |context| {
            FieldFuture::new(async move {
                let connection = context.parent_value.try_downcast_ref::<Connection>()?;
                Ok(Some(FieldValue::list(connection.edges().await?.into_iter().map(FieldValue::owned_any))))
            })
        }))
        .field(Field::new("nodes", TypeRef::named_nn_list_nn(record::type_name(kind)), |context| {
            FieldFuture::new(async move {
                let connection = context.parent_value.try_downcast_ref::<Connection>()?;
                let page = connection.page().await?;
                let node = |index| FieldValue::owned_any(Node { page: Arc::clone(&page.records), index });
                Ok(Some(FieldValue::list((0..page.records.len()).map(node))))
            })
        }))
        .field(Field::new("pageInfo", TypeRef::named_nn(PAGE_INFO), |context| {
            FieldFuture::new(async move {
                let connection = context.parent_value.try_downcast_ref::<Connection>()?;
                Ok(Some(FieldValue::owned_any(connection.page_info().await?)))
            })
        }))
}

fn edge_name(kind: RecordKind) -> String {
    format!("{}Edge", kind.type_name())
}

fn edge(kind: RecordKind) -> Object {
    Object::new(edge_name(kind))
        .description("A record and its place.")
        .field(part("cursor", TypeRef::named_nn(TypeRef::STRING), |edge: &Edge| Some(FieldValue::value(&edge.cursor))))
        .field(part("node", TypeRef::named_nn(record::type_name(kind)), |edge: &Edge| {
            Some(FieldValue::borrowed_any(&edge.node))
        }))
}
