//! What a filter can be set to: the operators, teams and so on that there are in a range, most used first.
//!
//! They are keys of messages that the viewer sees, so an operator finds itself and nobody else.

use std::cmp::Reverse;
use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, Object, ResolverContext, SchemaBuilder, TypeRef,
};

use crate::api::errors::Code;
use crate::metrics::answer::{Line, Number};
use crate::metrics::catalogue::Dimension;
use crate::metrics::catalogue::seen::SEEN;
use crate::metrics::filter::{VALUE_CHARS_MAX, VALUES_MAX};
use crate::metrics::query::{Grouping, Question};
use crate::metrics::terms::Terms;
use crate::model::clock::Millis;

use super::{Asking, arguments, part, refused, scalars};

const VALUE: &str = "FilterValue";

/// The fields, each named as the filter's list that it fills.
static PICKERS: [(&str, Dimension, &str); 5] = [
    ("operators", Dimension::Operator, "The operators whose messages, or whose clients' messages, are in the range."),
    ("teams", Dimension::Team, "The teams of these operators at the time."),
    ("segments", Dimension::Segment, "The segments of contacts that wrote or were written to in the range."),
    ("campaigns", Dimension::Campaign, "The campaigns of the range's messages."),
    ("scenarios", Dimension::Scenario, "The bot scenarios of the range's messages."),
];

/// One of the values.
struct Value {
    text: String,
    messages: u64,
    last_seen: Millis,
}

pub fn add_to(mut query: Object) -> Object {
    for (name, dimension, definition) in PICKERS {
        let field = Field::new(name, TypeRef::named_nn_list(VALUE), move |context| {
            FieldFuture::new(async move {
                let values = values(&context, dimension).await?;
                Ok(Some(FieldValue::list(values.into_iter().map(FieldValue::owned_any))))
            })
        });
        query = query.field(
            arguments::add_question(field)
                .description(format!("What the filter `{name}` can be set to, most used first. {definition}"))
                .argument(
                    InputValue::new("search", TypeRef::named(TypeRef::STRING))
                        .description("Only those that contain this, whatever the case of letters."),
                )
                .argument(
                    InputValue::new("first", TypeRef::named(TypeRef::INT))
                        .description("At most so many, 1 to 500; default 100."),
                ),
        );
    }
    query
}

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let value = Object::new(VALUE)
        .description("A value that a filter can have.")
        .field(part("value", TypeRef::named_nn(TypeRef::STRING), |value: &Value| Some(FieldValue::value(&value.text))))
        .field(
            part("messages", TypeRef::named_nn(scalars::LONG), |value: &Value| Some(FieldValue::value(value.messages)))
                .description("Outbound and client messages that have it."),
        )
        .field(
            part("lastSeenAt", TypeRef::named_nn(scalars::DATE_TIME), |value: &Value| {
                Some(scalars::date_time(value.last_seen))
            })
            .description("When the last of them was."),
        );
    schema.register(value)
}

async fn values(context: &ResolverContext<'_>, dimension: Dimension) -> Result<Vec<Value>, Error> {
    let asking = context.data::<Arc<Asking>>()?;
    let scope = asking.scope()?;
    let (calendar, filter) = arguments::question(&context.args, asking)?;
    let most = i32::try_from(VALUES_MAX).unwrap_or(i32::MAX);
    let first = arguments::optional_int(&context.args, "first", 1, most)?.map_or(100, i32::unsigned_abs) as usize;
    let search = match arguments::given(&context.args, "search") {
        Some(search) => {
            asking.trace.note_search();
            search.string()?.to_lowercase()
        }
        None => String::new(),
    };
    if VALUE_CHARS_MAX < search.chars().count() {
        let message =
            format!("`search` is longer than {VALUE_CHARS_MAX} characters, the limit `filterValueCharacters`");
        return Err(refused(Code::LimitExceeded, message));
    }
    let terms = Terms::at(asking.now);
    let question = Question { family: &SEEN, calendar, filter, scope, terms, histogram: false };
    let metrics: Vec<_> = SEEN.metrics.iter().collect();
    let lines = asking.answer(&question, &metrics, &Grouping::By(vec![dimension])).await?;
    let mut values: Vec<Value> = lines.into_iter().filter_map(value).collect();
    values.retain(|value| value.text.to_lowercase().contains(&search));
    // Stable: those used equally often stay in the order of their names.
    values.sort_by_key(|value| Reverse(value.messages));
    values.truncate(first);
    asking.count_lines(values.len())?;
    Ok(values)
}

/// `None` for messages that have no value, which no filter can name.
fn value(mut line: Line) -> Option<Value> {
    let text = line.keys.pop()??;
    let count = |name| match line.metrics.value(name) {
        Some(Number::Count(count)) => *count,
        _ => 0,
    };
    let instant = |name| match line.metrics.value(name) {
        Some(Number::Instant(at)) => Some(*at),
        _ => None,
    };
    let last_seen = instant("sentAt").max(instant("receivedAt"))?;
    Some(Value { text, messages: count("sent") + count("received"), last_seen })
}
