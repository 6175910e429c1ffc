//! What a statement took, as a span: its kind, the table it begins with, how many rows. Never its text or its values.

use std::future::Future;

use arrow::array::RecordBatch;
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

use super::{Insert, Store, StoreError};
use crate::model::trace;
use crate::sql::Sql;

/// A span where something is followed that the statement is part of: what the process does by itself, all the time, is not
/// worth a trace a statement.
fn begin(kind: &'static str, table: &str) -> Span {
    info_span!(target: trace::SPANS, "engine", kind, table, statements = Empty, rows = Empty, otel.status_code = Empty)
}

/// A reading statement.
pub async fn query(store: &dyn Store, statement: Sql) -> Result<Vec<RecordBatch>, StoreError> {
    if !trace::is_followed() {
        return store.query(statement).await;
    }
    let span = begin("query", first_table(&statement));
    let answer = store.query(statement).instrument(span.clone()).await;
    if let Ok(batches) = &answer {
        span.record("rows", trace::count(batches.iter().map(RecordBatch::num_rows).sum::<usize>()));
    }
    end(&span, answer)
}

/// An insert of some rows.
pub async fn insert(
    table: &'static str,
    rows: usize,
    done: impl Future<Output = Result<(), StoreError>>,
) -> Result<(), StoreError> {
    if !trace::is_followed() {
        return done.await;
    }
    let span = begin("insert", table);
    span.record("rows", trace::count(rows));
    end(&span, done.instrument(span.clone()).await)
}

/// How much is done at once.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub statements: usize,
    /// That are inserted; 0 where nothing is.
    pub rows: usize,
}

impl Size {
    pub fn of_changes(statements: usize) -> Self {
        Self { statements, rows: 0 }
    }

    pub fn of_inserts(inserts: &[Insert]) -> Self {
        Self { statements: inserts.len(), rows: inserts.iter().map(|insert| insert.rows.num_rows()).sum() }
    }
}

/// Statements that change something, or inserts in a row.
pub async fn several(
    kind: &'static str,
    size: Size,
    done: impl Future<Output = Result<(), StoreError>>,
) -> Result<(), StoreError> {
    if !trace::is_followed() {
        return done.await;
    }
    let span = begin(kind, "");
    span.record("statements", trace::count(size.statements));
    if 0 < size.rows {
        span.record("rows", trace::count(size.rows));
    }
    end(&span, done.instrument(span.clone()).await)
}

/// That it failed; why can quote what was sent, and stands in the log.
fn end<T>(span: &Span, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
    if outcome.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    outcome
}

/// The first table or view that a statement reads. The text of a statement is the program's own, so this is no client's word.
fn first_table(statement: &Sql) -> &str {
    let is_part = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
    let after = statement.text().split("FROM ").skip(1);
    let names = after.map(|rest| &rest[..rest.find(|char| !is_part(char)).unwrap_or(rest.len())]);
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_named_by_the_first_table_it_reads() {
        let check = |text: &'static str| first_table(&Sql::new(text)).to_owned();
        assert_eq!(check("SELECT count() FROM fact_dialogs(scope = ?)"), "fact_dialogs");
        assert_eq!(check("SELECT a FROM (SELECT b FROM events WHERE c = ?)"), "events");
        assert_eq!(check("SELECT 1"), "");
        assert_eq!(check("SELECT 'FROM ' FROM t"), "t");
    }
}
