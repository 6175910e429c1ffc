//! `eraseContact`: everything that is known of a contact goes, and a report says what it was.

use std::sync::Arc;

use async_graphql::dynamic::{Enum, Field, FieldFuture, FieldValue, InputValue, Object, SchemaBuilder, TypeRef};

use crate::api::errors::{ApiError, Code};
use crate::ingest::erase::report::{Erasure, Removed, Waiting};
use crate::ingest::erase::{Mode, Reach, Request};

use super::{Asking, enum_value, part, refused, scalars};

const REPORT: &str = "ErasureReport";
const TABLE: &str = "ErasedTable";
const REACH: &str = "ErasureReach";

pub fn add_to_mutation(mutation: Object) -> Object {
    let field = Field::new("eraseContact", TypeRef::named_nn(REPORT), |context| {
        FieldFuture::new(async move {
            let asking = context.data::<Arc<Asking>>()?;
            let contact = context.args.try_get("contact")?.string()?.to_owned();
            let flag = |name: &str| match context.args.get(name) {
                Some(value) if !value.is_null() => value.boolean(),
                _ => Ok(false),
            };
            let reach = if flag("includeLinked")? { Reach::Person } else { Reach::Contact };
            let mode = if flag("dryRun")? { Mode::Trial } else { Mode::Erase };
            let (tenant, asked_by) = (asking.viewer.tenant().to_owned(), asking.viewer.sub().to_owned());
            let request = Request::new(tenant, contact, (reach, mode), asked_by)
                .map_err(|error| refused(Code::InvalidQuery, error.to_string()))?;
            // Before it: what waits now is stored while it runs, or later.
            let waiting = Waiting::of(&asking.intake.lag().await);
            let erasure = asking.ingest.erase(request).await;
            let erasure = erasure.map_err(|error| ApiError::of_ingest(&asking.request_id, &error))?;
            let erasure = Erasure { waiting, ..erasure };
            Ok(Some(FieldValue::owned_any(erasure)))
        })
    });
    mutation.field(
        field
            .description(
                "Removes everything that is known of a contact: its events, its private chats with the replies in \
                 them, what was derived from them, archived payloads that name it. It takes seconds to minutes; what \
                 was begun is ended even if nobody waits. What comes of the contact later counts as new. For the role \
                 ADMIN.",
            )
            .argument(
                InputValue::new("contact", TypeRef::named_nn(TypeRef::ID)).description("The name, as events have it."),
            )
            .argument(
                InputValue::new("includeLinked", TypeRef::named(TypeRef::BOOLEAN)).description(
                    "All names that links join to it, too. Default false: the report names those that stay.",
                ),
            )
            .argument(
                InputValue::new("dryRun", TypeRef::named(TypeRef::BOOLEAN))
                    .description("Removes nothing and reports what would go. Default false."),
            ),
    )
}

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let reach =
        Enum::new(REACH).description("How far an erasure goes.").item(Reach::Contact.name()).item(Reach::Person.name());
    let table = Object::new(TABLE)
        .description("How many rows of a table were removed.")
        .field(part("table", text(), |removed: &Removed| Some(FieldValue::value(&removed.table))))
        .field(part("rows", long(), |removed: &Removed| Some(FieldValue::value(removed.rows))));
    schema.register(reach).register(table).register(report())
}

fn report() -> Object {
    Object::new(REPORT)
        .description("What an erasure removed, or with `dryRun` would remove.")
        .field(part("id", TypeRef::named_nn(TypeRef::ID), |erasure: &Erasure| Some(FieldValue::value(erasure.id()))))
        .field(
            part("contactHash", text(), |erasure: &Erasure| Some(FieldValue::value(&erasure.contact_hash)))
                .description("SHA-256 of tenant, contact and instant: what the evidence keeps in place of the name."),
        )
        .field(part("dryRun", TypeRef::named_nn(TypeRef::BOOLEAN), |erasure: &Erasure| {
            Some(FieldValue::value(erasure.mode == Mode::Trial))
        }))
        .field(part("reach", TypeRef::named_nn(REACH), |erasure: &Erasure| Some(enum_value(erasure.reach.name()))))
        .field(part("askedBy", text(), |erasure: &Erasure| Some(FieldValue::value(&erasure.asked_by))))
        .field(part("askedAt", TypeRef::named_nn(scalars::DATE_TIME), |erasure: &Erasure| {
            Some(scalars::date_time(erasure.asked_at))
        }))
        .field(part("finishedAt", TypeRef::named(scalars::DATE_TIME), |erasure: &Erasure| {
            erasure.finished_at.map(scalars::date_time)
        }))
        .field(part("names", texts(), |erasure: &Erasure| {
            Some(FieldValue::list(erasure.names.iter().map(FieldValue::value)))
        }))
        .field(
            part("linkedNames", texts(), |erasure: &Erasure| {
                Some(FieldValue::list(erasure.linked.iter().map(FieldValue::value)))
            })
            .description("Names of the same person that stay: `includeLinked` erases them too."),
        )
        .field(part("chats", long(), |erasure: &Erasure| Some(FieldValue::value(erasure.chats))))
        .field(
            part("sharedChats", long(), |erasure: &Erasure| Some(FieldValue::value(erasure.shared_chats)))
                .description("Chats in which messages name others too: only what is the contact's own goes."),
        )
        .field(part("rows", long(), |erasure: &Erasure| Some(FieldValue::value(erasure.rows()))))
        .field(part("tables", TypeRef::named_nn_list_nn(TABLE), |erasure: &Erasure| {
            Some(FieldValue::list(erasure.removed.iter().map(|removed| FieldValue::borrowed_any(removed))))
        }))
        .field(
            part("act", text(), |erasure: &Erasure| Some(FieldValue::value(erasure.to_string())))
                .description("The same as a text to print: an act of destruction."),
        )
}

fn text() -> TypeRef {
    TypeRef::named_nn(TypeRef::STRING)
}

fn texts() -> TypeRef {
    TypeRef::named_nn_list_nn(TypeRef::STRING)
}

fn long() -> TypeRef {
    TypeRef::named_nn(scalars::LONG)
}
