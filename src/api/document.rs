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

/// A document that keeps the limits.
#[derive(Clone, Debug)]
pub struct Checked {
    pub document: ExecutableDocument,
    pub subject: Subject,
}

/// What a document asks about: `Schema` if any of it does. `__typename` is no question about the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Figures,
    Schema,
}

/// Parses a document that is small enough.
pub fn parse(source: &str, limits: &Limits) -> Result<Checked, ApiError> {
    lexer::check(source, limits)?;
    let document = parse_query(source).map_err(|error| ApiError::new(Code::InvalidQuery, error.to_string()))?;
    let subject = check(&document, limits)?;
    Ok(Checked { document, subject })
}

/// Whether a parsed document keeps some limits.
pub fn check(document: &ExecutableDocument, limits: &Limits) -> Result<Subject, ApiError> {
    cost::check(document, limits)
}
