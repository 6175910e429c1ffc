//! What a document costs, and which of its operations is asked for: pure checks before anything runs.
//!
//! The checks know nothing of the schema; whether fields exist is for the library to say. All counts saturate, and
//! each fragment is measured once, so checking is linear whatever the document repeats.

pub mod cost;
pub mod lexer;
pub mod operation;

use async_graphql::parser::{parse_query, types::ExecutableDocument};

use super::{
    errors::{ApiError, Code},
    limits::Limits,
};

/// Parses a document that is small enough.
pub fn parse(source: &str, limits: &Limits) -> Result<ExecutableDocument, ApiError> {
    lexer::check(source, limits)?;
    let document = parse_query(source).map_err(|error| ApiError::new(Code::InvalidQuery, error.to_string()))?;
    cost::check(&document, limits)?;
    Ok(document)
}
