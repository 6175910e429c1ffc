//! `behind` of a metrics object: from a number to the records that it counts.
//!
//! An object of its own, because families have metrics of the same names as records. Each kind of record is a Relay
//! connection; its page is one statement and its count another, and neither runs unless it is selected.

use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, FieldValue, InputValue, Object, ResolverContext, SchemaBuilder, TypeRef,
};

use crate::api::errors::Code;
use crate::metrics::answer::Line;
use crate::metrics::catalogue::{Family, Metric, RecordKind};
use crate::metrics::query::{Grouping, Question};
use crate::metrics::records::{Part, RecordError, RecordQuery};

use super::connection::{self, Connection, Page, Source};
use super::told::Told;
use super::{Asking, arguments, cursor, enum_value, part, record, refused, terms};

const PART: &str = "Part";

static PARTS: [(&str, Part, &str); 2] = [
    ("NUMERATOR", Part::Numerator, "What is counted or measured; of a share, what stands above the line."),
    ("DENOMINATOR", Part::Denominator, "Of a share, what stands below the line; of any other number the same."),
];

/// A number, and the line on which it stands.
struct Behind {
    asking: Arc<Asking>,
    question: Arc<Question>,
    grouping: Arc<Grouping>,
    line: Line,
    metric: &'static Metric,
    part: Part,
}

/// The field of every metrics object. Nullable, so that an error in it leaves the numbers.
pub fn field(family: &'static Family) -> Field {
    Field::new("behind", TypeRef::named(type_name(family)), move |context| {
        FieldFuture::new(async move {
            let told = context.parent_value.try_downcast_ref::<Told>()?;
            let metric = family
                .metric(context.args.try_get("of")?.enum_name()?)
                .ok_or_else(|| refused(Code::InvalidQuery, "`of` names no metric"))?;
            told.asking.check_reader(metric)?;
            Ok(Some(FieldValue::owned_any(Behind {
                asking: Arc::clone(&told.asking),
                question: Arc::clone(&told.question),
                grouping: Arc::clone(&told.grouping),
                line: told.line.clone(),
                metric,
                part: asked_part(&context)?,
            })))
        })
    })
    .description("The records behind one of these numbers.")
    .argument(InputValue::new("of", TypeRef::named_nn(format!("{}Metric", family.type_name))))
    .argument(
        InputValue::new("part", TypeRef::named(PART))
            .description("Of a share: above or below the line.")
            .default_value(async_graphql::Value::Enum(async_graphql::Name::new(PARTS[0].0))),
    )
}

fn asked_part(context: &ResolverContext<'_>) -> Result<Part, Error> {
    let Some(value) = arguments::given(&context.args, "part") else {
        return Ok(Part::Numerator);
    };
    let name = value.enum_name()?;
    let part = PARTS.iter().find(|(known, _, _)| *known == name).map(|(_, part, _)| *part);
    part.ok_or_else(|| refused(Code::InvalidQuery, "`part` is neither NUMERATOR nor DENOMINATOR"))
}

fn type_name(family: &Family) -> String {
    format!("{}Behind", family.type_name)
}

/// The object of a family, with the kinds of records that its metrics count.
pub fn register_family(schema: SchemaBuilder, family: &'static Family) -> SchemaBuilder {
    let mut object = Object::new(type_name(family))
        .description("What stands behind one number. A kind that it does not count is refused.");
    object =
        object.field(part("metric", TypeRef::named_nn(format!("{}Metric", family.type_name)), |behind: &Behind| {
            Some(enum_value(behind.metric.name))
        }));
    for kind in RecordKind::ALL {
        let has = |metric: &Metric| metric.fact.records().any(|record| record.kind == kind);
        if family.metrics.iter().any(has) {
            object = object.field(connection_field(kind));
        }
    }
    schema.register(object)
}

/// What all families share.
pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let mut parts = Enum::new(PART).description("Which of a share is meant.");
    for (name, _, definition) in PARTS {
        parts = parts.item(EnumItem::new(name).description(definition));
    }
    let mut schema = record::register(connection::register(schema.register(parts)));
    for kind in RecordKind::ALL {
        schema = connection::register_type(schema, kind.type_name(), &record::type_name(kind));
    }
    schema
}

fn connection_field(kind: RecordKind) -> Field {
    let of = TypeRef::named(connection::type_name(kind.type_name()));
    connection::arguments(Field::new(kind.name(), of, move |context| {
        FieldFuture::new(async move { Ok(Some(FieldValue::owned_any(connect(&context, kind).await?))) })
    }))
    .description(kind.definition())
}

async fn connect(context: &ResolverContext<'_>, kind: RecordKind) -> Result<Connection, Error> {
    let behind = context.parent_value.try_downcast_ref::<Behind>()?;
    let asking = &behind.asking;
    asking.trace.note_records(kind.name());
    asking.count_connection()?;
    let page = Page::asked(context, asking)?;
    let line = (&*behind.grouping, &behind.line);
    let mut question = (*behind.question).clone();
    question.terms.now = page.now;
    question.terms = terms::for_range(&question.terms, asking, question.calendar.at(page.now).range()).await?;
    let query = RecordQuery::new(&question, line, (behind.metric, behind.part), kind, page.now);
    let query = query.map_err(|error| match error {
        RecordError::NoSuchStep => cursor::refuse(),
        RecordError::NotOfKind { .. } => refused(Code::InvalidQuery, error.to_string()),
        RecordError::Query(error) => asking.refuse_query(&error),
    })?;
    let columns = record::selected(query.record().columns(), context.field(), asking);
    Connection::new(Arc::clone(asking), Source::Records(Box::new(query)), columns, page)
}
