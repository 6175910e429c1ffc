//! One connection of the engine: everything here blocks.
//!
//! This module puts values and batches into ADBC's hands and makes the engine's errors ours. It knows no threads.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use adbc_core::error::Error as AdbcError;
use adbc_core::options::{IngestMode, OptionStatement, OptionValue};
use adbc_core::{Connection as _, Optionable, Statement};
use adbc_driver_manager::{ManagedConnection, ManagedStatement};
use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};

use super::super::StoreError;
use super::super::data_directory::DataDirectory;
use super::super::limits::Limits;
use super::super::token::Token;
use crate::sql::{Sql, Value};

/// Bytes of a statement's text with its values in it. The engine's own limit, 256 KiB, is passed by a question for
/// which of 5,000 ids are known; 4 MiB holds 10,000 ids of 400 bytes.
const QUERY_BYTES: u64 = 4 << 20;

/// Compiling expressions costs a long statement more than it ever gains: a third of its time on a large tenant, and half of
/// it on a small one. A key that is looked for in merged rows is looked for before the other columns are read.
const FOR_LONG_STATEMENTS: [(&str, u64); 4] = [
    ("compile_expressions", 0),
    ("compile_aggregate_expressions", 0),
    ("compile_sort_description", 0),
    ("optimize_move_to_prewhere_if_final", 1),
];

/// The engine's codes that mean something to a caller; all others are [`StoreError::Engine`].
const TIMEOUT_EXCEEDED: i32 = 159;
const TOO_MANY_ROWS: i32 = 158;
const MEMORY_LIMIT_EXCEEDED: i32 = 241;
const NOT_ENOUGH_SPACE: i32 = 243;
const QUERY_WAS_CANCELLED: i32 = 394;
const TOO_MANY_ROWS_OR_BYTES: i32 = 396;

/// Tells a connection apart from all others of the process, also in the engine's list of queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(pub(super) u64);

pub(super) struct Connection {
    label: Label,
    // Order matters: the connection closes before the directory may be unlocked.
    adbc: ManagedConnection,
    _directory: DataDirectory,
}

/// The connection that changes things.
pub(super) struct Writer {
    connection: Connection,
    /// Each table's columns in their order.
    columns: HashMap<&'static str, Vec<String>>,
    /// What the connection gives the inserts that come.
    token: Option<Token>,
}

impl Connection {
    pub(super) fn open(directory: &DataDirectory) -> Result<Self, StoreError> {
        let label = Label(directory.next_number());
        let mut connection = Self { label, adbc: directory.connect()?, _directory: directory.clone() };
        connection.update(&format!("SET max_query_size = {QUERY_BYTES}"), &[])?;
        Ok(connection)
    }

    /// A connection that can only read, within limits.
    pub(super) fn open_reader(directory: &DataDirectory, database: &str, limits: &Limits) -> Result<Self, StoreError> {
        let mut connection = Self::open(directory)?;
        let settings = [
            ("max_execution_time", limits.seconds),
            ("max_memory_usage", limits.memory_bytes),
            ("max_rows_to_read", limits.rows_read),
            ("max_result_rows", limits.rows_returned),
            ("max_threads", limits.threads as u64),
        ];
        // The last one: after it nothing can be set any more, by no statement.
        let settings = settings.into_iter().chain(FOR_LONG_STATEMENTS).chain([("readonly", 1)]);
        connection.update(&format!("USE {database}"), &[])?;
        connection.update(&format!("SET log_comment = '{}'", connection.label), &[])?;
        for (name, value) in settings {
            connection.update(&format!("SET {name} = {value}"), &[])?;
        }
        Ok(connection)
    }

    pub(super) fn label(&self) -> Label {
        self.label
    }

    /// Runs a reading statement.
    pub(super) fn query(&mut self, statement: &Sql, limits: &Limits) -> Result<Vec<RecordBatch>, StoreError> {
        let answer = self.read(statement.text(), statement.values());
        if answer.is_err() {
            // The engine keeps a failed query, its memory and its place in the list, until the connection's next one.
            // If this fails too, the next query will tell.
            let _ = self.read("SELECT 1", &[]);
        }
        answer.map_err(|message| read_error(&message, statement.values(), limits))
    }

    /// The engine's names for what runs on the reader's connection: one query, or none.
    pub(super) fn find_queries(&mut self, reader: Label) -> Result<Vec<String>, StoreError> {
        let text = "SELECT query_id FROM system.processes WHERE Settings['log_comment'] = ?";
        self.read_texts(text, &[Value::from(reader.to_string())])
    }

    /// Asks the engine to stop a query; does not wait for it.
    pub(super) fn kill(&mut self, id: &str) -> Result<(), StoreError> {
        self.read_texts("KILL QUERY WHERE query_id = ? ASYNC", &[Value::from(id)]).map(drop)
    }

    /// The columns of a table that an insert fills, in order.
    fn columns(&mut self, table: &'static str) -> Result<Vec<String>, StoreError> {
        let text = "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = ? \
                    AND default_kind NOT IN ('ALIAS', 'MATERIALIZED') ORDER BY position";
        self.read_texts(text, &[Value::from(table)])
    }

    /// Appends the batch to a table, its columns in the table's order.
    fn ingest(&mut self, table: &'static str, batch: RecordBatch) -> Result<(), AdbcError> {
        let mut statement = self.adbc.new_statement()?;
        statement.set_option(OptionStatement::TargetTable, OptionValue::String(table.to_owned()))?;
        statement.set_option(OptionStatement::IngestMode, IngestMode::Append.into())?;
        statement.bind(batch)?;
        statement.execute_update().map(drop)
    }

    fn update(&mut self, text: &str, values: &[Value]) -> Result<(), StoreError> {
        let done = self.statement(text, values).and_then(|mut statement| statement.execute_update());
        done.map(drop).map_err(|error| write_error(&error.message, values))
    }

    /// The first column of an answer, which holds text.
    fn read_texts(&mut self, text: &str, values: &[Value]) -> Result<Vec<String>, StoreError> {
        let batches = self.read(text, values).map_err(|message| write_error(&message, values))?;
        let mut texts = Vec::new();
        for batch in &batches {
            texts.extend(batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
        }
        Ok(texts)
    }

    fn read(&mut self, text: &str, values: &[Value]) -> Result<Vec<RecordBatch>, String> {
        let mut statement = self.statement(text, values).map_err(|error| error.message)?;
        let reader = statement.execute().map_err(|error| error.message)?;
        let mut batches = Vec::new();
        for batch in reader {
            let batch = batch.map_err(|error| error.to_string())?;
            if 0 < batch.num_rows() {
                batches.push(batch);
            }
        }
        Ok(batches)
    }

    fn statement(&mut self, text: &str, values: &[Value]) -> Result<ManagedStatement, AdbcError> {
        let mut statement = self.adbc.new_statement()?;
        statement.set_sql_query(text)?;
        if !values.is_empty() {
            statement.bind(one_row(values))?;
        }
        Ok(statement)
    }
}

impl Writer {
    /// Opens the connection and creates the database if it is not there.
    pub(super) fn open(directory: &DataDirectory, database: &str) -> Result<Self, StoreError> {
        let mut connection = Connection::open(directory)?;
        connection.update(&format!("CREATE DATABASE IF NOT EXISTS {database}"), &[])?;
        connection.update(&format!("USE {database}"), &[])?;
        // The tables that follow from one insert wait for the disk side by side instead of one after the other.
        connection.update("SET parallel_view_processing = 1", &[])?;
        for (name, value) in FOR_LONG_STATEMENTS {
            connection.update(&format!("SET {name} = {value}"), &[])?;
        }
        Ok(Self { connection, columns: HashMap::new(), token: None })
    }

    pub(super) fn execute(&mut self, statement: &Sql) -> Result<(), StoreError> {
        self.forget_token()?;
        // The statement may have changed a table.
        self.columns.clear();
        self.connection.update(statement.text(), statement.values())
    }

    pub(super) fn insert(
        &mut self,
        table: &'static str,
        batch: &RecordBatch,
        token: Option<Token>,
    ) -> Result<(), StoreError> {
        let columns = match self.columns.get(table) {
            Some(columns) => columns,
            None => {
                let columns = self.connection.columns(table)?;
                self.columns.entry(table).or_insert(columns)
            }
        };
        let batch = in_order(table, columns, batch)?;
        if self.token != token {
            // ADBC has no options for settings, so the connection holds the token: one statement more, where it changes.
            let text = token.map(|token| token.to_string()).unwrap_or_default();
            self.connection.update(&format!("SET insert_deduplication_token = '{text}'"), &[])?;
            self.token = token;
        }
        self.connection.ingest(table, batch).map_err(|error| write_error(&error.message, &[]))
    }

    /// A token that stays would be that of the next statement too, which would then do nothing.
    fn forget_token(&mut self) -> Result<(), StoreError> {
        if self.token.is_some() {
            self.connection.update("SET insert_deduplication_token = ''", &[])?;
            self.token = None;
        }
        Ok(())
    }
}

/// The batch with its columns in the table's order. ADBC matches columns by place and never looks at their names, so
/// that a wrong order would put values into wrong columns without an error.
fn in_order(table: &'static str, columns: &[String], batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
    let wrong = |reason| StoreError::WrongColumns { table, reason };
    if columns.is_empty() {
        return Err(wrong("there is no such table".to_owned()));
    }
    let schema = batch.schema();
    for field in schema.fields() {
        if !columns.contains(field.name()) {
            return Err(wrong(format!("the table has no column {}", field.name())));
        }
    }
    let mut order = Vec::with_capacity(columns.len());
    for column in columns {
        order.push(schema.index_of(column).map_err(|_| wrong(format!("the batch has no column {column}")))?);
    }
    if order.len() != schema.fields().len() {
        return Err(wrong("the batch has a column twice".to_owned()));
    }
    batch.project(&order).map_err(|error| wrong(error.to_string()))
}

/// Values as ADBC wants them: a batch of one row.
fn one_row(values: &[Value]) -> RecordBatch {
    let mut fields = Vec::with_capacity(values.len());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let column: ArrayRef = match value {
            Value::Text(text) => Arc::new(StringArray::from(vec![text.as_str()])),
            Value::Int(number) => Arc::new(Int64Array::from(vec![*number])),
            Value::Float(number) => Arc::new(Float64Array::from(vec![*number])),
        };
        fields.push(Field::new(index.to_string(), column.data_type().clone(), false));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("every column has one row of its field's type")
}

fn read_error(message: &str, values: &[Value], limits: &Limits) -> StoreError {
    let (code, message) = parse(message, values);
    match code {
        TIMEOUT_EXCEEDED | QUERY_WAS_CANCELLED => StoreError::TimedOut { seconds: limits.seconds },
        MEMORY_LIMIT_EXCEEDED => StoreError::TooMuchMemory { limit_bytes: limits.memory_bytes },
        TOO_MANY_ROWS => StoreError::TooManyRows { limit: "max_rows_to_read", rows: limits.rows_read },
        TOO_MANY_ROWS_OR_BYTES => StoreError::TooManyRows { limit: "max_result_rows", rows: limits.rows_returned },
        NOT_ENOUGH_SPACE => StoreError::DiskFull,
        _ => StoreError::Engine { code, message },
    }
}

fn write_error(message: &str, values: &[Value]) -> StoreError {
    match parse(message, values) {
        (NOT_ENOUGH_SPACE, _) => StoreError::DiskFull,
        (code, message) => StoreError::Engine { code, message },
    }
}

/// The code and the text of `[chdb] Code: N. DB::Exception: text`; the code is 0 where there is none.
///
/// What the engine repeats of the statement is cut off and values are blotted out: they are ids and names of people,
/// which nobody may read in a log.
fn parse(message: &str, values: &[Value]) -> (i32, String) {
    let parsed = message.split_once("Code: ").and_then(|(_, rest)| {
        let (code, text) = rest.split_once(". DB::Exception: ")?;
        Some((code.parse::<i32>().ok()?, text))
    });
    let (code, mut text) = parsed.unwrap_or((0, message));
    for statement in ["(in query: ", " In query ", " in query ", " In scope ", " in scope ", ": failed at position "] {
        text = text.split_once(statement).map_or(text, |(before, _)| before);
    }
    let mut text = text.to_owned();
    for value in values {
        // Shorter ones name nobody, and to replace each `a` would leave nothing to read.
        if let Value::Text(value) = value
            && 2 < value.len()
        {
            text = text.replace(value.as_str(), "…");
        }
    }
    (code, text)
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "rapport connection {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_code_and_text_are_found_and_its_copy_of_the_statement_is_left_out() {
        let values = [Value::from("anna")];
        let check = |message: &str, code: i32, text: &str| assert_eq!(parse(message, &values), (code, text.to_owned()));
        check("[chdb] Code: 159. DB::Exception: Timeout exceeded. (TIMEOUT)", 159, "Timeout exceeded. (TIMEOUT)");
        check("[chdb] Code: 60. DB::Exception: Unknown 't' in scope SELECT 'x'. (X)", 60, "Unknown 't'");
        check("[chdb] Code: 164. DB::Exception: Cannot: (in query: SELECT 1). (X)", 164, "Cannot: ");
        check("[chdb] Code: 6. DB::Exception: Cannot parse 'anna' as number", 6, "Cannot parse '…' as number");
        check("no connection", 0, "no connection");
    }

    #[test]
    fn a_batch_must_have_exactly_the_tables_columns() {
        let columns = ["a".to_owned(), "b".to_owned()];
        let batch = |names: &[&str]| {
            let mut fields = Vec::new();
            let mut arrays: Vec<ArrayRef> = Vec::new();
            for (index, name) in names.iter().enumerate() {
                fields.push(Field::new(*name, arrow::datatypes::DataType::Int64, false));
                arrays.push(Arc::new(Int64Array::from(vec![index as i64])));
            }
            RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("fields and arrays agree")
        };
        let ordered = in_order("t", &columns, &batch(&["b", "a"])).expect("the same columns");
        assert_eq!(ordered.schema().field(0).name(), "a");
        for names in [&["a"][..], &["a", "b", "c"], &["a", "b", "b"], &["a", "c"]] {
            assert!(in_order("t", &columns, &batch(names)).is_err(), "{names:?}");
        }
        assert!(in_order("t", &[], &batch(&["a"])).is_err());
    }
}
