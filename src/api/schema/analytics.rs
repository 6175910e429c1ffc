//! `analytics`: one question's range, zone and filter, and a field for each family of metrics.

use std::sync::Arc;

use async_graphql::dynamic::{Field, FieldFuture, FieldValue, InputValue, Object, SchemaBuilder, TypeRef};

use crate::metrics::calendar::Calendar;
use crate::metrics::catalogue::FAMILIES;
use crate::metrics::filter::Filter;
use crate::model::Scope;

use super::{Asking, arguments, family, inputs, part, scalars};

const ANALYTICS: &str = "Analytics";

/// What the families of one `analytics` share.
pub struct Analytics {
    pub asking: Arc<Asking>,
    pub calendar: Calendar,
    pub filter: Filter,
    pub scope: Scope,
}

pub fn add_to(query: Object) -> Object {
    let field = Field::new("analytics", TypeRef::named_nn(ANALYTICS), |context| {
        FieldFuture::new(async move {
            let asking = Arc::clone(context.data::<Arc<Asking>>()?);
            let scope = asking.scope()?;
            let zone = arguments::zone(&context.args, asking.default_zone)?;
            let range = arguments::range(&context.args, zone, asking.now)?;
            let filter = arguments::filter(&context.args)?;
            let calendar = Calendar::new(range, zone);
            let calendar = match arguments::last(&context.args)? {
                Some(last) => calendar.called(&last),
                None => calendar,
            };
            Ok(Some(FieldValue::owned_any(Analytics { asking, calendar, filter, scope })))
        })
    });
    query.field(
        field
            .description("Metrics over a range of time, in one zone, under one filter.")
            .argument(InputValue::new("range", TypeRef::named_nn(inputs::RANGE)))
            .argument(
                InputValue::new("timezone", TypeRef::named(TypeRef::STRING))
                    .description("An IANA name such as Europe/Berlin, in which days and hours are cut. Default: the server's setting, UTC unless configured."),
            )
            .argument(InputValue::new("filter", TypeRef::named(inputs::FILTER))),
    )
}

pub fn register(mut schema: SchemaBuilder) -> SchemaBuilder {
    let mut object = Object::new(ANALYTICS)
        .description("Metrics over one range.")
        .field(part("from", TypeRef::named_nn(scalars::DATE_TIME), |analytics: &Analytics| {
            Some(scalars::date_time(analytics.calendar.range().from()))
        }))
        .field(part("to", TypeRef::named_nn(scalars::DATE_TIME), |analytics: &Analytics| {
            Some(scalars::date_time(analytics.calendar.range().to()))
        }))
        .field(part("timezone", TypeRef::named_nn(TypeRef::STRING), |analytics: &Analytics| {
            Some(FieldValue::value(analytics.calendar.zone().name()))
        }));
    for known in FAMILIES {
        object = object.field(family::field(known));
        schema = family::register(schema, known);
    }
    schema.register(object)
}
