//! The GraphQL schema, built at start from the metrics catalogue.
//!
//! A family of metrics becomes a field of `analytics`, a metric a field of its family, a definition a description:
//! nothing is declared twice. Resolvers parse arguments and shape values; they write no SQL.

mod ahead;
pub mod analytics;
pub mod arguments;
pub mod asking;
mod behind;
mod business_hours;
mod connection;
mod connections;
pub mod cursor;
mod definitions;
mod dialog;
mod erasure;
mod explain;
mod family;
mod groups;
mod histogram;
mod hours;
mod inputs;
mod pickers;
mod quality;
mod record;
mod reference;
mod rejected;
pub mod rules;
mod scalars;
mod standing;
mod table;
mod table_asked;
mod terms;
mod told;

use std::any::Any;

use async_graphql::Error;
use async_graphql::dynamic::{Field, FieldFuture, FieldValue, Object, Schema, SchemaBuilder, TypeRef};

use super::errors::{ApiError, Code};

pub use asking::Asking;

/// The whole schema, not yet finished: the protocol layer adds its own part. Limits of depth and complexity are there.
pub fn builder() -> SchemaBuilder {
    let mut query = Object::new("Query").description("Everything that can be read.");
    query = analytics::add_to(query);
    query = dialog::add_to(query);
    query = reference::add_to(query);
    query = definitions::add_to(query);
    query = table::add_to(query);
    query = pickers::add_to(query);
    query = connections::add_to(query);
    query = business_hours::add_to_query(query);
    query = rejected::add_to_query(query);
    let mutation = Object::new("Mutation").description("Everything that can be changed.");
    let mutation = business_hours::add_to_mutation(mutation);
    let mutation = rejected::add_to_mutation(mutation);
    let mutation = erasure::add_to_mutation(mutation);
    let mut schema = Schema::build("Query", Some("Mutation"), None);
    schema = scalars::register(schema);
    schema = inputs::register(schema);
    schema = reference::register(schema);
    schema = definitions::register(schema);
    schema = table::register(schema);
    schema = pickers::register(schema);
    schema = connections::register(schema);
    schema = analytics::register(schema);
    schema = hours::register(schema);
    schema = quality::register(schema);
    schema = explain::register(schema);
    schema = histogram::register(schema);
    schema = business_hours::register(schema);
    schema = rejected::register(schema);
    schema = erasure::register(schema);
    schema = behind::register(schema);
    schema = dialog::register(schema);
    schema = standing::register(schema);
    schema.register(query).register(mutation)
}

/// A field whose value is a part of its object's own.
fn part<T: Any>(name: &str, of: TypeRef, value: for<'a> fn(&'a T) -> Option<FieldValue<'a>>) -> Field {
    Field::new(name, of, move |context| {
        FieldFuture::new(async move { Ok(value(context.parent_value.try_downcast_ref::<T>()?)) })
    })
}

/// The same for an enum's value.
fn enum_value(name: &str) -> FieldValue<'static> {
    FieldValue::value(async_graphql::Value::Enum(async_graphql::Name::new(name)))
}

fn refused(code: Code, message: impl Into<String>) -> Error {
    ApiError::new(code, message).into()
}
