//! `dialog(id)`: one dialog with its cycles and all that happened in it.
//!
//! A dialog out of sight looks exactly like one that does not exist, and so does an id that none can have.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::Error;
use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, FieldValue, InputValue, Object, ResolverContext, SchemaBuilder, TypeRef,
};

use crate::metrics::catalogue::Column;
use crate::metrics::records::{Cell, Shown, read_page};
use crate::metrics::timeline::{CYCLE, DIALOG, EVENT, KINDS, TimelineQuery};
use crate::sql::Sql;

use super::connection::{self, Connection, Page, Source};
use super::record::{self, Node};
use super::{Asking, part};

const TYPE: &str = "Dialog";
const CYCLE_TYPE: &str = "DialogCycle";
const EVENT_TYPE: &str = "TimelineEvent";
const KIND: &str = "TimelineKind";
const TIMELINE: &str = "Timeline";

/// When it is told that there is no dialog in sight. To look takes 0.15 s; where one is that nobody may see, a sixth more.
const NOTHING_STEP: Duration = Duration::from_millis(500);

/// A dialog that the viewer sees.
struct Dialog {
    asking: Arc<Asking>,
    query: TimelineQuery,
    head: Node,
}

pub fn add_to(query: Object) -> Object {
    let field = Field::new("dialog", TypeRef::named(TYPE), |context| {
        FieldFuture::new(async move {
            let asking = Arc::clone(context.data::<Arc<Asking>>()?);
            let scope = asking.scope()?;
            // An `ID` may be written as a number; no dialog has such a one.
            let id = context.args.try_get("id")?;
            let id = id.string().map_or_else(|_| id.as_value().to_string(), str::to_owned);
            let query = TimelineQuery::new(scope, &id);
            // As it is looked up, whatever way it was written.
            asking.trace.note_dialog(query.as_ref().map_or(id.as_str(), TimelineQuery::id));
            let Some(query) = query else {
                return Ok(None);
            };
            let begin = Instant::now();
            let heads = fetch(&asking, query.dialog(), &DIALOG).await?;
            let seen = !heads.is_empty();
            if !seen {
                even_out(begin).await;
            }
            let head = Node { page: Arc::new(heads), index: 0 };
            Ok(seen.then(|| FieldValue::owned_any(Dialog { asking, query, head })))
        })
    });
    query.field(
        field
            .description("A dialog by the id that records give. Null when there is none in your sight.")
            .argument(InputValue::new("id", TypeRef::named_nn(TypeRef::ID))),
    )
}

/// Waits for the next step: to find nothing in sight takes longer where a dialog is than where none is, and how long must
/// not tell which.
async fn even_out(begin: Instant) {
    let steps = begin.elapsed().div_duration_f64(NOTHING_STEP).ceil();
    tokio::time::sleep_until((begin + NOTHING_STEP.mul_f64(steps)).into()).await;
}

async fn fetch(asking: &Asking, statement: Sql, columns: &'static [Column]) -> Result<Vec<Shown>, Error> {
    let batches = asking.fetch(statement).await?;
    let columns: Vec<&'static Column> = columns.iter().collect();
    read_page(&columns, &batches).map_err(|error| asking.refuse_answer(&error))
}

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let mut kinds = Enum::new(KIND).description("What happened in a dialog.");
    for (name, definition) in KINDS {
        kinds = kinds.item(EnumItem::new(name).description(definition));
    }
    let mut cycle = Object::new(CYCLE_TYPE).description(
        "A cycle of a dialog: from its opening to its closing. A dialog that is opened again has another.",
    );
    for column in &CYCLE {
        cycle = cycle.field(record::field(column, true));
    }
    let mut event = Object::new(EVENT_TYPE).description("Something that happened in a dialog.");
    for column in &EVENT {
        event = event.field(match column.name {
            "kind" => part("kind", TypeRef::named_nn(KIND), |node: &Node| match node.cell("kind") {
                Some(Cell::Text(name)) => {
                    Some(FieldValue::value(async_graphql::Value::Enum(async_graphql::Name::new(name))))
                }
                _ => None,
            })
            .description(column.description()),
            _ => record::field(column, true),
        });
    }
    connection::register_type(
        schema.register(kinds).register(cycle).register(event).register(dialog()),
        TIMELINE,
        EVENT_TYPE,
    )
}

fn dialog() -> Object {
    let mut object = Object::new(TYPE).description("A dialog: the source's, else a chat.").field(
        part("id", TypeRef::named_nn(TypeRef::ID), |dialog: &Dialog| Some(FieldValue::value(dialog.query.id())))
            .description("The id by which it was asked for."),
    );
    for column in &DIALOG {
        object = object.field(
            Field::new(column.name, TypeRef::named(TypeRef::STRING), move |context| {
                FieldFuture::new(async move {
                    let dialog = context.parent_value.try_downcast_ref::<Dialog>()?;
                    Ok(dialog.head.cell(column.name).map(record::value))
                })
            })
            .description(column.description()),
        );
    }
    object
        .field(
            Field::new("cycles", TypeRef::named_nn_list_nn(CYCLE_TYPE), |context| {
                FieldFuture::new(async move {
                    let dialog = context.parent_value.try_downcast_ref::<Dialog>()?;
                    let asking = &dialog.asking;
                    let cycles = fetch(asking, dialog.query.cycles(asking.limits.page_records), &CYCLE).await?;
                    asking.count_lines(cycles.len())?;
                    let cycles = Arc::new(cycles);
                    let node = |index| FieldValue::owned_any(Node { page: Arc::clone(&cycles), index });
                    Ok(Some(FieldValue::list((0..cycles.len()).map(node))))
                })
            })
            .description("The latest cycles, the last one first, up to the limit `pageRecords`."),
        )
        .field(
            connection::arguments(Field::new("timeline", TypeRef::named(connection::type_name(TIMELINE)), |context| {
                FieldFuture::new(async move { Ok(Some(FieldValue::owned_any(connect(&context)?))) })
            }))
            .description("All that happened, the earliest first."),
        )
}

fn connect(context: &ResolverContext<'_>) -> Result<Connection, Error> {
    let dialog = context.parent_value.try_downcast_ref::<Dialog>()?;
    let asking = &dialog.asking;
    asking.trace.note_records("timeline");
    let page = Page::asked(context, asking)?;
    let columns = record::selected(EVENT.iter(), context.field(), asking);
    Connection::new(Arc::clone(asking), Source::Timeline(dialog.query.clone()), columns, page)
}
