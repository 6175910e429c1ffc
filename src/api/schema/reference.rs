//! What a client can learn about the house itself: who it is, which limits hold, what each channel can know.

use std::sync::Arc;

use async_graphql::dynamic::{Enum, Field, FieldFuture, FieldValue, Object, SchemaBuilder, TypeRef};
use async_graphql::{Name, Value};

use crate::api::limits::LimitRow;
use crate::auth::Viewer;
use crate::model::channel::{CAPABILITIES, Capabilities, OTHER};
use crate::model::{Level, Signal};

use super::{Asking, inputs, scalars};

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
    let signals = Signal::ALL
        .iter()
        .fold(Enum::new(SIGNAL).description("Something that a channel may report."), |signals, signal| {
            signals.item(signal.name())
        });
    let capability = Object::new(CAPABILITY)
        .description("How well a channel reports one signal.")
        .field(Field::new("signal", TypeRef::named_nn(SIGNAL), |context| {
            FieldFuture::new(async move {
                let (signal, _) = context.parent_value.try_downcast_ref::<(Signal, Level)>()?;
                Ok(Some(Value::Enum(Name::new(signal.name()))))
            })
        }))
        .field(Field::new("level", TypeRef::named_nn(inputs::LEVEL), |context| {
            FieldFuture::new(async move {
                let (_, level) = context.parent_value.try_downcast_ref::<(Signal, Level)>()?;
                Ok(Some(Value::Enum(Name::new(level.name()))))
            })
        }));
    let channel = Object::new(CHANNEL)
        .description("A channel and what it can tell.")
        .field(channel_text("name", |channel| channel.channel))
        .field(channel_text("note", |channel| channel.note).description("Why a level is below exact."))
        .field(Field::new("capabilities", TypeRef::named_nn_list_nn(CAPABILITY), |context| {
            FieldFuture::new(async move {
                let channel = context.parent_value.try_downcast_ref::<Capabilities>()?;
                Ok(Some(FieldValue::list(
                    Signal::ALL.into_iter().map(move |signal| FieldValue::owned_any((signal, channel.level(signal)))),
                )))
            })
        }));
    let limit = Object::new(LIMIT)
        .description("A limit in force.")
        .field(Field::new("name", TypeRef::named_nn(TypeRef::STRING), |context| {
            FieldFuture::new(async move {
                Ok(Some(FieldValue::value(context.parent_value.try_downcast_ref::<LimitRow>()?.name)))
            })
        }))
        .field(Field::new("value", TypeRef::named_nn(scalars::LONG), |context| {
            FieldFuture::new(async move {
                Ok(Some(FieldValue::value(context.parent_value.try_downcast_ref::<LimitRow>()?.value)))
            })
        }))
        .field(Field::new("unit", TypeRef::named_nn(TypeRef::STRING), |context| {
            FieldFuture::new(async move {
                Ok(Some(FieldValue::value(context.parent_value.try_downcast_ref::<LimitRow>()?.unit)))
            })
        }));
    schema.register(signals).register(capability).register(channel).register(limit).register(viewer())
}

fn viewer() -> Object {
    let text = |name: &str, value: fn(&Viewer) -> String| {
        Field::new(name, TypeRef::named_nn(TypeRef::STRING), move |context| {
            FieldFuture::new(async move {
                Ok(Some(FieldValue::value(value(context.parent_value.try_downcast_ref::<Viewer>()?))))
            })
        })
    };
    Object::new(VIEWER)
        .description("The bearer of the token.")
        .field(text("sub", |viewer| viewer.sub().to_owned()))
        .field(text("tenant", |viewer| viewer.tenant().to_owned()))
        .field(
            text("role", |viewer| viewer.role().name().to_owned())
                .description("OPERATOR, SUPERVISOR, MANAGER, SERVICE or ADMIN."),
        )
        .field(
            Field::new("operator", TypeRef::named(TypeRef::STRING), |context| {
                FieldFuture::new(async move {
                    Ok(context.parent_value.try_downcast_ref::<Viewer>()?.operator().map(FieldValue::value))
                })
            })
            .description("The operator that the token speaks for."),
        )
        .field(Field::new("teams", TypeRef::named_nn_list_nn(TypeRef::STRING), |context| {
            FieldFuture::new(async move {
                Ok(Some(FieldValue::list(
                    context.parent_value.try_downcast_ref::<Viewer>()?.teams().iter().map(FieldValue::value),
                )))
            })
        }))
}

fn channel_text(name: &str, value: fn(&Capabilities) -> &'static str) -> Field {
    Field::new(name, TypeRef::named_nn(TypeRef::STRING), move |context| {
        FieldFuture::new(async move {
            Ok(Some(FieldValue::value(value(context.parent_value.try_downcast_ref::<Capabilities>()?))))
        })
    })
}
