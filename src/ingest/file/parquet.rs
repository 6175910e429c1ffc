//! Parquet: the columns name the fields, a null is an absent field. Row groups are streamed.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, UInt64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use indicatif::ProgressBar;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;
use serde_json::{Map, Value};

use super::adapter::{Adapter, AdapterOptions};
use super::{FileError, Items, rows_style};
use crate::ingest::item::Item;

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 8_192;

pub(super) fn read(
    source: impl ChunkReader + 'static,
    options: &AdapterOptions,
    bar: &ProgressBar,
) -> Result<Items, FileError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(source).map_err(FileError::Parquet)?;
    let rows = builder.metadata().file_metadata().num_rows();
    bar.set_position(0);
    bar.set_length(u64::try_from(rows).unwrap_or(0));
    bar.set_style(rows_style());
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(FileError::Parquet)?;
    let adapter = Adapter::new(options.clone());
    Ok(Box::new(ParquetRows { reader, adapter, bar: bar.clone(), batch: None, row: 0, line: 0 }))
}

struct ParquetRows {
    reader: ParquetRecordBatchReader,
    adapter: Adapter,
    bar: ProgressBar,
    batch: Option<RecordBatch>,
    /// The next row of the batch.
    row: usize,
    line: u64,
}

impl Iterator for ParquetRows {
    type Item = Result<Item, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = &self.batch
                && self.row < batch.num_rows()
            {
                let row = read_row(batch, self.row);
                self.row += 1;
                self.line += 1;
                return Some(row.map(|row| self.adapter.adapt(self.line, row)).map_err(FileError::Arrow));
            }
            if let Some(batch) = self.batch.take() {
                self.bar.inc(batch.num_rows() as u64);
            }
            match self.reader.next()?.and_then(|batch| simplify(&batch)) {
                Ok(batch) => (self.batch, self.row) = (Some(batch), 0),
                Err(error) => return Some(Err(FileError::Arrow(error))),
            }
        }
    }
}

/// Brings the many types of columns down to a few: text, 64-bit numbers, and instants as milliseconds.
fn simplify(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let names = schema.fields().iter().map(|field| field.name());
    let mut columns: Vec<(&str, ArrayRef)> = Vec::with_capacity(batch.num_columns());
    for (name, column) in names.zip(batch.columns()) {
        columns.push((name, simplify_column(column)?));
    }
    RecordBatch::try_from_iter(columns)
}

fn simplify_column(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    use DataType::*;
    match column.data_type() {
        LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView => cast(column, &Utf8),
        Dictionary(_, values) => simplify_column(&cast(column, values)?),
        Int8 | Int16 | Int32 => cast(column, &Int64),
        UInt8 | UInt16 | UInt32 => cast(column, &UInt64),
        Float16 | Float32 => cast(column, &Float64),
        // With a zone it is an instant; without one it is a local time, whose zone only the user knows.
        Timestamp(_, Some(zone)) => cast(&cast(column, &Timestamp(TimeUnit::Millisecond, Some(zone.clone())))?, &Int64),
        _ => Ok(column.clone()),
    }
}

fn read_row(batch: &RecordBatch, row: usize) -> Result<Map<String, Value>, ArrowError> {
    let mut fields = Map::new();
    let schema = batch.schema_ref();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let value = read_cell(column, row)?;
        let is_absent = value.is_null() || value.as_str() == Some("");
        if !is_absent {
            fields.insert(field.name().clone(), value);
        }
    }
    Ok(fields)
}

fn read_cell(column: &ArrayRef, row: usize) -> Result<Value, ArrowError> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match column.data_type() {
        DataType::Utf8 => Value::from(column.as_string::<i32>().value(row)),
        DataType::Boolean => Value::from(column.as_boolean().value(row)),
        DataType::Int64 => Value::from(column.as_primitive::<Int64Type>().value(row)),
        DataType::UInt64 => Value::from(column.as_primitive::<UInt64Type>().value(row)),
        DataType::Float64 => read_float(column.as_primitive::<Float64Type>().value(row)),
        DataType::List(_) => read_list(&column.as_list::<i32>().value(row))?,
        DataType::Map(_, _) => {
            let entries = column.as_map().value(row);
            read_map(entries.column(0), entries.column(1))?
        }
        DataType::Struct(_) => {
            let fields = column.as_struct();
            let mut object = Map::new();
            for (name, column) in fields.column_names().into_iter().zip(fields.columns()) {
                object.insert(name.to_owned(), read_cell(&simplify_column(column)?, row)?);
            }
            Value::Object(object)
        }
        _ => {
            let formatter = ArrayFormatter::try_new(column, &FormatOptions::default())?;
            Value::from(formatter.value(row).try_to_string()?)
        }
    })
}

/// Tables that know only floats hold ids and counts in them too; what is whole and exact is a whole number.
fn read_float(number: f64) -> Value {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT_MAX { Value::from(number as i64) } else { Value::from(number) }
}

fn read_list(values: &ArrayRef) -> Result<Value, ArrowError> {
    let values = simplify_column(values)?;
    (0..values.len()).map(|index| read_cell(&values, index)).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

fn read_map(keys: &ArrayRef, values: &ArrayRef) -> Result<Value, ArrowError> {
    let keys = cast(keys, &DataType::Utf8)?;
    let values = simplify_column(values)?;
    let keys = keys.as_string::<i32>();
    let mut object = Map::new();
    for index in 0..keys.len() {
        object.insert(keys.value(index).to_owned(), read_cell(&values, index)?);
    }
    Ok(Value::Object(object))
}
