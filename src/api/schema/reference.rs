//! What a client can learn about the house itself: who it is, which limits hold, what each channel can know.

use std::sync::Arc;

use async_graphql::dynamic::{Enum, Field, FieldFuture, FieldValue, Object, SchemaBuilder, TypeRef};

use crate::api::limits::LimitRow;
use crate::auth::Viewer;
use crate::model::channel::{CAPABILITIES, Capabilities, OTHER};
use crate::model::{Level, Signal};

use super::{Asking, enum_value, inputs, part, scalars};

const VIEWER: &str = "Viewer";
const CHANNEL: &str = "Channel";
const CAPABILITY: &str = "Capability";
const LIMIT: &str = "Limit";
const SIGNAL: &str = "Signal";

pub fn add_to(query: Object) -> Object {
    query
        .field(
            Field::new("viewer", TypeRef::named_nn(VIEWER), |context| {
                FieldFuture::new(async move {
                    let asking = context.data::<Arc<Asking>>()?;
                    Ok(Some(FieldValue::borrowed_any(&asking.viewer)))
                })
            })
            .description("Who the token says you are."),
        )
        .field(
            Field::new("channels", TypeRef::named_nn_list_nn(CHANNEL), |_| {
                FieldFuture::new(async move {
                    Ok(Some(FieldValue::list(
                        CAPABILITIES.iter().chain([&OTHER]).map(|known| FieldValue::borrowed_any(known)),
                    )))
                })
            })
            .description(
                "What each channel can tell. The last entry, `other`, stands for channels of a tenant's own sources.",
            ),
        )
        .field(
            Field::new("limits", TypeRef::named_nn_list_nn(LIMIT), |context| {
                FieldFuture::new(async move {
                    let asking = context.data::<Arc<Asking>>()?;
                    Ok(Some(FieldValue::list(asking.limits.rows().into_iter().map(FieldValue::owned_any))))
                })
            })
            .description("The limits in force. An error about one names it."),
        )
}

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let mut signals = Enum::new(SIGNAL).description("Something that a channel may report.");
    for signal in Signal::ALL {
        signals = signals.item(signal.name());
    }
    schema.register(signals).register(capability()).register(channel()).register(limit()).register(viewer())
}

fn capability() -> Object {
    Object::new(CAPABILITY)
        .description("How well a channel reports one signal.")
        .field(part("signal", TypeRef::named_nn(SIGNAL), |(signal, _): &(Signal, Level)| {
            Some(enum_value(signal.name()))
        }))
        .field(part("level", TypeRef::named_nn(inputs::LEVEL), |(_, level): &(Signal, Level)| {
            Some(enum_value(level.name()))
        }))
}

fn channel() -> Object {
    Object::new(CHANNEL)
        .description("A channel and what it can tell.")
        .field(part("name", text(), |known: &Capabilities| Some(FieldValue::value(known.channel))))
        .field(
            part("note", text(), |known: &Capabilities| Some(FieldValue::value(known.note)))
                .description("Why a level is below exact."),
        )
        .field(part("capabilities", TypeRef::named_nn_list_nn(CAPABILITY), |known: &Capabilities| {
            let level = |signal: Signal| FieldValue::owned_any((signal, known.level(signal)));
            Some(FieldValue::list(Signal::ALL.into_iter().map(level)))
        }))
}

fn limit() -> Object {
    Object::new(LIMIT)
        .description("A limit in force.")
        .field(part("name", text(), |limit: &LimitRow| Some(FieldValue::value(limit.name))))
        .field(part("value", TypeRef::named_nn(scalars::LONG), |limit: &LimitRow| Some(FieldValue::value(limit.value))))
        .field(part("unit", text(), |limit: &LimitRow| Some(FieldValue::value(limit.unit))))
}

fn viewer() -> Object {
    Object::new(VIEWER)
        .description("The bearer of the token.")
        .field(part("sub", text(), |viewer: &Viewer| Some(FieldValue::value(viewer.sub()))))
        .field(part("tenant", text(), |viewer: &Viewer| Some(FieldValue::value(viewer.tenant()))))
        .field(
            part("role", text(), |viewer: &Viewer| Some(FieldValue::value(viewer.role().name())))
                .description("OPERATOR, SUPERVISOR, MANAGER, SERVICE or ADMIN."),
        )
        .field(
            part("operator", TypeRef::named(TypeRef::STRING), |viewer: &Viewer| {
                viewer.operator().map(FieldValue::value)
            })
            .description("The operator that the token speaks for."),
        )
        .field(part("teams", TypeRef::named_nn_list_nn(TypeRef::STRING), |viewer: &Viewer| {
            Some(FieldValue::list(viewer.teams().iter().map(FieldValue::value)))
        }))
        .field(
            Field::new("retainedSince", TypeRef::named(scalars::DATE_TIME), |context| {
                FieldFuture::new(async move {
                    let asking = context.data::<Arc<Asking>>()?;
                    Ok(asking.retained_since().map(scalars::date_time))
                })
            })
            .description("The instant from which on the tenant's data is kept whole: a figure of before it is not zero, it is gone. Null when nothing is removed."),
        )
}

fn text() -> TypeRef {
    TypeRef::named_nn(TypeRef::STRING)
}
