//! `rejectedEvents` and `resubmitRejected`: what could not be stored, for managers of its tenant, and once more.
//!
//! A line of another tenant looks like one that does not exist. Texts can hold what people wrote: the audit log has who
//! read them, and nothing of them.

mod types;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::error::ArrowError;
use async_graphql::Error;
use async_graphql::dynamic::{Field, FieldFuture, FieldValue, InputValue, Object, ObjectAccessor, TypeRef};
use tokio::sync::OnceCell;

use super::connection::{self, Page, PageInfo};
use super::cursor;
use super::{Asking, arguments, inputs};
use crate::api::errors::ApiError;
use crate::api::limits::check_limit;
use crate::ingest::Receipt;
use crate::ingest::rejected::RejectedBy;
use crate::ingest::rejected::resubmit::{LINES_MAX, Resubmitted};
use crate::ingest::rejected::stored::{self, Head, Position, Which};
use crate::metrics::filter::VALUE_CHARS_MAX;
use crate::metrics::records::Place;
use crate::model::clock::Millis;

pub use self::types::register;

const EVENT: &str = "RejectedEvent";
const ORIGIN: &str = "RejectedOrigin";
const RECEIPT: &str = "ResubmitReceipt";

/// Bytes of the texts of one page: ten of the longest in their Base64. A page of more of them ends earlier.
const PAGE_BYTES_MAX: u64 = 16 << 20;

/// Rejected lines as they were asked for.
struct Rejected {
    asking: Arc<Asking>,
    which: Which,
    /// Names the question in cursors.
    question: String,
    page: Page,
    fetched: OnceCell<Arc<Fetched>>,
}

struct Fetched {
    asking: Arc<Asking>,
    heads: Vec<Head>,
    has_next: bool,
    /// Read when the first text is asked for: all of the page at once.
    texts: OnceCell<HashMap<String, String>>,
}

/// One line of a page.
#[derive(Clone)]
struct Node {
    fetched: Arc<Fetched>,
    index: usize,
}

struct Edge {
    node: Node,
    cursor: String,
}

impl Node {
    fn head(&self) -> &Head {
        &self.fetched.heads[self.index]
    }
}

impl Rejected {
    async fn fetched(&self) -> Result<&Arc<Fetched>, Error> {
        let asking = &self.asking;
        let fetch = || async {
            let first = self.page.first;
            let after = self.page.after.map(|cursor| position(cursor.place));
            let statement = stored::select_page(asking.viewer.tenant(), &self.which, after.as_ref(), first + 1);
            let mut heads =
                stored::read_heads(&asking.look_up(statement).await?).map_err(|error| wrong(asking, &error))?;
            let shown = stored::within_bytes(&heads, PAGE_BYTES_MAX).min(first);
            let has_next = shown < heads.len();
            heads.truncate(shown);
            asking.count_lines(heads.len())?;
            asking.trace.note_records("rejectedEvents");
            Ok(Arc::new(Fetched { asking: Arc::clone(asking), heads, has_next, texts: OnceCell::new() }))
        };
        self.fetched.get_or_try_init(fetch).await
    }

    async fn count(&self) -> Result<u64, Error> {
        let statement = stored::select_count(self.asking.viewer.tenant(), &self.which);
        stored::read_count(&self.asking.look_up(statement).await?).map_err(|error| wrong(&self.asking, &error))
    }

    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        let fetched = self.fetched().await?;
        Ok((0..fetched.heads.len()).map(|index| Node { fetched: Arc::clone(fetched), index }).collect())
    }

    fn cursor(&self, head: &Head) -> String {
        cursor::write(&self.asking.seal, &self.question, self.page.now, place(head))
    }

    async fn page_info(&self) -> Result<PageInfo, Error> {
        let fetched = self.fetched().await?;
        Ok(PageInfo {
            has_next: fetched.has_next,
            has_previous: self.page.after.is_some(),
            start: fetched.heads.first().map(|head| self.cursor(head)),
            end: fetched.heads.last().map(|head| self.cursor(head)),
        })
    }
}

impl Fetched {
    /// The text of a line; `None` where none is kept.
    async fn text(&self, head: &Head) -> Result<Option<String>, Error> {
        let fetch = || async {
            // They are held until all is answered, whether they are shown or not.
            let bytes = self.heads.iter().map(|head| head.raw_bytes).sum();
            self.asking.count_texts(bytes)?;
            let keys: Vec<&str> = self.heads.iter().map(|head| head.key.as_str()).collect();
            let batches = self.asking.look_up(stored::select_raw(self.asking.viewer.tenant(), &keys)).await?;
            let texts = stored::read_raw(&batches).map_err(|error| wrong(&self.asking, &error))?;
            Ok::<_, Error>(texts.into_iter().collect::<HashMap<_, _>>())
        };
        let texts = self.texts.get_or_try_init(fetch).await?;
        let Some(text) = texts.get(&head.key).filter(|text| !text.is_empty()) else { return Ok(None) };
        // Each alias shows it once more.
        self.asking.count_texts(text.len() as u64)?;
        Ok(Some(text.clone()))
    }
}

fn wrong(asking: &Asking, error: &ArrowError) -> Error {
    asking.refuse_inside(error)
}

/// A key is 128 bits in hexadecimal: two numbers of a cursor, whose order does not matter.
fn place(head: &Head) -> Place {
    let half =
        |digits: Option<&str>| digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default();
    Place([head.first_at, half(head.key.get(..16)).cast_signed(), half(head.key.get(16..)).cast_signed()])
}

fn position(Place([first_at, high, low]): Place) -> Position {
    Position { first_at, key: format!("{:016x}{:016x}", high.cast_unsigned(), low.cast_unsigned()) }
}

pub fn add_to_query(query: Object) -> Object {
    let field = Field::new("rejectedEvents", TypeRef::named_nn(connection::type_name(EVENT)), |context| {
        FieldFuture::new(async move {
            let asking = Arc::clone(context.data::<Arc<Asking>>()?);
            asking.count_connection()?;
            let page = Page::asked(&context, &asking)?;
            let which = which(&context.args, &asking, page.now)?;
            let question = format!("rejected {:?}", stored::select_count(asking.viewer.tenant(), &which));
            if let Some(after) = page.after {
                after.check(&asking.seal, &question)?;
            }
            Ok(Some(FieldValue::owned_any(Rejected { asking, which, question, page, fetched: OnceCell::new() })))
        })
    });
    let field = field.description(
        "Events that could not be stored, and why, the latest first, as long as they are kept. A page ends earlier where its \
         texts have more than 16 MiB, and a request has the texts of one such page. For the roles MANAGER and ADMIN.",
    );
    query.field(conditions(connection::arguments(field)))
}

pub fn add_to_mutation(mutation: Object) -> Object {
    let field = Field::new("resubmitRejected", TypeRef::named_nn(RECEIPT), |context| {
        FieldFuture::new(async move {
            let asking = Arc::clone(context.data::<Arc<Asking>>()?);
            let mut which = which(&context.args, &asking, asking.now)?;
            which.keys = arguments::given(&context.args, "ids").map(|ids| keys(&ids)).transpose()?;
            Ok(Some(FieldValue::owned_any(resubmit(&asking, which).await?)))
        })
    });
    let field = field
        .description(
            "Submits rejected events again, as they came: at most 500 at once, those first that were not tried for the longest \
             time. What is stored by now is left alone, so it can be repeated. Use it when what was wrong here is repaired; who \
             has a better line sends it. For the roles MANAGER and ADMIN.",
        )
        .argument(
            InputValue::new("ids", TypeRef::named_nn_list(TypeRef::ID))
                .description("Only these, by the `id` of `rejectedEvents`; default all that are meant otherwise."),
        );
    mutation.field(conditions(field))
}

fn conditions(field: Field) -> Field {
    field
        .argument(
            InputValue::new("origin", TypeRef::named(ORIGIN)).description("Only those that this one did not take."),
        )
        .argument(
            InputValue::new("connection", TypeRef::named(TypeRef::STRING))
                .description("Only what came by this connection; empty for what came by none."),
        )
        .argument(InputValue::new("range", TypeRef::named(inputs::RANGE)).description("Only what came first in it."))
        .argument(
            InputValue::new("timezone", TypeRef::named(TypeRef::STRING)).description("The zone of dates in `range`."),
        )
}

fn which(arguments: &ObjectAccessor<'_>, asking: &Asking, now: Millis) -> Result<Which, Error> {
    let by = match arguments::given(arguments, "origin") {
        Some(origin) => {
            let name = origin.enum_name()?;
            RejectedBy::ALL.into_iter().find(|by| by.name() == name)
        }
        None => None,
    };
    let connection = match arguments::given(arguments, "connection") {
        Some(connection) => Some(connection.string()?.chars().take(VALUE_CHARS_MAX).collect()),
        None => None,
    };
    let range = arguments::optional_range(arguments, asking.default_zone, now)?;
    Ok(Which { keys: None, by, connection, range, open_only: false })
}

/// What no id can be is left out: it looks like one that does not exist.
fn keys(ids: &async_graphql::dynamic::ValueAccessor<'_>) -> Result<Vec<String>, Error> {
    let mut keys = Vec::new();
    let mut count = 0;
    arguments::each_item(ids, |id| {
        count += 1;
        let id = id.string().unwrap_or_default();
        if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            keys.push(id.to_owned());
        }
        Ok(())
    })?;
    check_limit("resubmittedLines", LINES_MAX, count)?;
    Ok(keys)
}

async fn resubmit(asking: &Asking, which: Which) -> Result<Resubmitted, Error> {
    let done = asking.ingest.resubmit(asking.viewer.tenant(), which, &asking.ways_in).await;
    let done = done.map_err(|error| Error::from(ApiError::of_ingest(&asking.request_id, &error)))?;
    let (accepted, duplicates) = (done.accepted, done.duplicates);
    asking.trace.note_receipt(&Receipt { accepted, duplicates, rejected_total: done.rejected, ..Receipt::default() });
    Ok(done)
}
