//! Contracts that are files.

use rapport::api::execution::{Introspection, finish_schema};
use rapport::api::schema::builder;
use rapport::api::schema::rules::rules;
use rapport::api::server::sdl;

/// `cargo run -- schema > schema/api.graphql` renews the file.
#[test]
fn the_graphql_schema_is_the_one_in_the_file() {
    let schema = finish_schema(builder(), rules(), Introspection::Allowed).expect("the schema is sound");
    let file = include_str!("../../schema/api.graphql");
    assert!(sdl(&schema) == file, "schema/api.graphql is out of date: `cargo run -- schema > schema/api.graphql`");
}
