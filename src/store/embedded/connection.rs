//! One connection of the engine: everything here blocks.
//!
//! This module puts values and batches into ADBC's hands and makes the engine's errors ours. It knows no threads.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use adbc_core::error::Error as AdbcError;
use adbc_core::options::{IngestMode, OptionStatement, OptionValue};
use adbc_core::{Connection as _, Optionable, Statement};
use adbc_driver_manager::{ManagedConnection, ManagedStatement};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};

use super::super::StoreError;
use super::super::columns::{self, in_order, select_columns};
use super::super::data_directory::DataDirectory;
use super::super::limits::Limits;
use super::super::refusal::{read_error, write_error};
use super::super::settings::{FOR_LONG_STATEMENTS, QUERY_BYTES};
use super::super::token::Token;
use crate::sql::{Sql, Value};

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
        // The last one: after it nothing can be set any more, by no statement.
        let settings = limits.settings().into_iter().chain(FOR_LONG_STATEMENTS).chain([("readonly", 1)]);
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
        let statement = select_columns(table);
        self.read_texts(statement.text(), statement.values())
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
            texts.extend(columns::texts(batch, 0)?.iter().flatten().map(str::to_owned));
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

    /// The tables of the database that are kept on disk, with their directories.
    pub(super) fn tables(&mut self) -> Result<Vec<(String, PathBuf)>, StoreError> {
        let text = "SELECT concat(name, '\n', data_paths[1]) FROM system.tables \
                    WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name";
        let found = self.connection.read_texts(text, &[])?;
        let pairs = found.iter().filter_map(|text| text.split_once('\n'));
        Ok(pairs.map(|(name, path)| (name.to_owned(), PathBuf::from(path))).collect())
    }

    /// Makes hard links to the files of a table as it is now, below `shadow` in the engine's directory.
    pub(super) fn freeze(&mut self, table: &str, label: &str) -> Result<(), StoreError> {
        // Both are ours: a name of the engine's list, and a number.
        self.connection.update(&format!("ALTER TABLE `{table}` FREEZE WITH NAME '{label}'"), &[])
    }

    /// Takes all parts that lie in a table's `detached` in the place of what it holds. They are not merged with each other before the store is opened anew.
    pub(super) fn attach(&mut self, table: &str) -> Result<(), StoreError> {
        for text in [
            format!("SYSTEM STOP MERGES `{table}`"),
            format!("TRUNCATE TABLE `{table}`"),
            format!("ALTER TABLE `{table}` ATTACH PARTITION ALL"),
        ] {
            self.connection.update(&text, &[])?;
        }
        Ok(())
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

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "rapport connection {}", self.0)
    }
}
