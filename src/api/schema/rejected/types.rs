//! The types of rejected events: what of a line, a page and a submission is shown, and how it is called.

use async_graphql::dynamic::{Enum, EnumItem, Field, FieldFuture, FieldValue, Object, SchemaBuilder, TypeRef};

use super::{EVENT, Edge, Node, ORIGIN, RECEIPT, Rejected};
use crate::api::schema::connection::{self, PAGE_INFO};
use crate::api::schema::{enum_value, part, scalars};
use crate::ingest::rejected::RejectedBy;
use crate::ingest::rejected::resubmit::Resubmitted;
use crate::ingest::rejected::stored::{Head, Outcome};

const OUTCOME: &str = "ResubmitOutcome";

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let mut origins = Enum::new(ORIGIN).description("Who did not take an event.");
    for by in RejectedBy::ALL {
        origins = origins.item(EnumItem::new(by.name()).description(by.definition()));
    }
    let outcomes = Enum::new(OUTCOME)
        .description("What came of submitting an event again.")
        .item(EnumItem::new("REJECTED").description("It was rejected again; `reason` says why."))
        .item(EnumItem::new("STORED").description("It is stored."));
    let edge = Object::new(connection::edge_name(EVENT))
        .description("A rejected event and its place.")
        .field(part("cursor", TypeRef::named_nn(TypeRef::STRING), |edge: &Edge| Some(FieldValue::value(&edge.cursor))))
        .field(part("node", TypeRef::named_nn(EVENT), |edge: &Edge| Some(FieldValue::borrowed_any(&edge.node))));
    schema.register(origins).register(outcomes).register(edge).register(events()).register(event()).register(receipt())
}

fn events() -> Object {
    Object::new(connection::type_name(EVENT))
        .description("Rejected events, page by page.")
        .field(
            Field::new("totalCount", TypeRef::named_nn(scalars::LONG), |context| {
                FieldFuture::new(async move {
                    let rejected = context.parent_value.try_downcast_ref::<Rejected>()?;
                    Ok(Some(FieldValue::value(rejected.count().await?)))
                })
            })
            .description("How many there are on all pages."),
        )
        .field(
            part("notKeptToday", TypeRef::named_nn(scalars::LONG), |rejected: &Rejected| {
                let asking = &rejected.asking;
                Some(FieldValue::value(asking.ingest.rejections().unkept_today(asking.viewer.tenant(), asking.now)))
            })
            .description(
                "Lines that were rejected today (UTC) since the server started and are not kept, because the tenant has had \
                 its day's budget.",
            ),
        )
        .field(Field::new("edges", TypeRef::named_nn_list_nn(connection::edge_name(EVENT)), |context| {
            FieldFuture::new(async move {
                let rejected = context.parent_value.try_downcast_ref::<Rejected>()?;
                let nodes = rejected.nodes().await?.into_iter();
                let edges = nodes.map(|node| Edge { cursor: rejected.cursor(node.head()), node });
                Ok(Some(FieldValue::list(edges.map(FieldValue::owned_any))))
            })
        }))
        .field(Field::new("nodes", TypeRef::named_nn_list_nn(EVENT), |context| {
            FieldFuture::new(async move {
                let nodes = context.parent_value.try_downcast_ref::<Rejected>()?.nodes().await?;
                Ok(Some(FieldValue::list(nodes.into_iter().map(FieldValue::owned_any))))
            })
        }))
        .field(Field::new("pageInfo", TypeRef::named_nn(PAGE_INFO), |context| {
            FieldFuture::new(async move {
                let rejected = context.parent_value.try_downcast_ref::<Rejected>()?;
                Ok(Some(FieldValue::owned_any(rejected.page_info().await?)))
            })
        }))
}

fn event() -> Object {
    let text = || TypeRef::named_nn(TypeRef::STRING);
    let instant = || TypeRef::named_nn(scalars::DATE_TIME);
    let head = |name: &str, of: TypeRef, value: fn(&Head) -> Option<FieldValue<'static>>| {
        Field::new(name, of, move |context| {
            FieldFuture::new(async move { Ok(value(context.parent_value.try_downcast_ref::<Node>()?.head())) })
        })
    };
    Object::new(EVENT)
        .description("An event that could not be stored. The same line that comes again by the same way counts up.")
        .field(head("id", TypeRef::named_nn(TypeRef::ID), |head| Some(FieldValue::value(head.key.clone()))))
        .field(
            head("eventId", TypeRef::named(TypeRef::STRING), |head| some_text(&head.event_id))
                .description("The event's own id, where it could be read."),
        )
        .field(
            head("connection", TypeRef::named(TypeRef::STRING), |head| some_text(&head.connection))
                .description("By which connection it came; null for what a sending system sent itself."),
        )
        .field(head("origin", TypeRef::named_nn(ORIGIN), |head| Some(enum_value(head.by.name()))))
        .field(
            head("reasonCode", text(), |head| Some(FieldValue::value(head.code.clone())))
                .description("The reason's name, for programs."),
        )
        .field(
            head("reason", text(), |head| Some(FieldValue::value(head.reason.clone())))
                .description("What was wrong when it was rejected last."),
        )
        .field(
            Field::new("raw", TypeRef::named(TypeRef::STRING), |context| {
                FieldFuture::new(async move {
                    let node = context.parent_value.try_downcast_ref::<Node>()?;
                    Ok(node.fetched.text(node.head()).await?.map(FieldValue::value))
                })
            })
            .description(
                "Its text, up to the limit `lineBytes`; `base64:` and its Base64 where it is not UTF-8. Null where its \
                 connection keeps no payloads.",
            ),
        )
        .field(
            head("isWhole", TypeRef::named_nn(TypeRef::BOOLEAN), |head| Some(FieldValue::value(head.is_whole)))
                .description("Whether `raw` is all of it; only such can be submitted again."),
        )
        .field(
            head("receivedAt", instant(), |head| Some(scalars::date_time(head.first_at)))
                .description("When it came first."),
        )
        .field(head("lastSeenAt", instant(), |head| Some(scalars::date_time(head.last_at))))
        .field(head("timesSeen", TypeRef::named_nn(scalars::LONG), |head| Some(FieldValue::value(head.times_seen))))
        .field(
            head("resubmittedAt", TypeRef::named(scalars::DATE_TIME), |head| {
                head.resubmitted_at.map(scalars::date_time)
            })
            .description("When it was submitted again last; null for never."),
        )
        .field(
            head("outcome", TypeRef::named(OUTCOME), |head| match head.outcome? {
                Outcome::Stored => Some(enum_value("STORED")),
                Outcome::Rejected => Some(enum_value("REJECTED")),
            })
            .description("The best that came of that."),
        )
        .field(
            head("expiresAt", instant(), |head| {
                Some(scalars::date_time(head.expires_at_seconds.saturating_mul(1_000)))
            })
            .description("Until when it is kept."),
        )
}

/// An empty text says nothing.
fn some_text(text: &str) -> Option<FieldValue<'static>> {
    (!text.is_empty()).then(|| FieldValue::value(text))
}

fn receipt() -> Object {
    let count = || TypeRef::named_nn(scalars::LONG);
    Object::new(RECEIPT)
        .description("What came of a submission.")
        .field(
            part("accepted", count(), |done: &Resubmitted| Some(FieldValue::value(done.accepted)))
                .description("Events that are stored now and were not before."),
        )
        .field(
            part("duplicates", count(), |done: &Resubmitted| Some(FieldValue::value(done.duplicates)))
                .description("Events that were known already; they changed nothing."),
        )
        .field(
            part("rejected", count(), |done: &Resubmitted| Some(FieldValue::value(done.rejected)))
                .description("Events that were rejected again; `rejectedEvents` has why."),
        )
        .field(
            part("left", count(), |done: &Resubmitted| Some(FieldValue::value(done.left)))
                .description("Events that are meant too and were not tried: one submission takes so many."),
        )
}
