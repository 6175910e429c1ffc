//! Columns: a batch's in the order of its table's, which both engines' inserts need, and an answer's by their types.

use arrow::array::{Array, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch, StringArray};

use super::StoreError;
use crate::sql::Sql;

/// The question for the columns of a table that an insert fills, in their order.
pub(super) fn select_columns(table: &'static str) -> Sql {
    let mut sql = Sql::new("SELECT name FROM system.columns WHERE database = currentDatabase() AND table = ");
    sql.bind(table).push(" AND default_kind NOT IN ('ALIAS', 'MATERIALIZED') ORDER BY position");
    sql
}

/// A column of an answer that holds text.
///
/// # Errors
/// When it holds something else: an engine of another version may answer otherwise.
pub fn texts(batch: &RecordBatch, column: usize) -> Result<&StringArray, StoreError> {
    at(batch, column)?.as_string_opt::<i32>().ok_or_else(|| other_type(batch, column))
}

/// A column of an answer that holds numbers of a type.
///
/// # Errors
/// As [`texts`].
pub fn numbers<T: ArrowPrimitiveType>(batch: &RecordBatch, column: usize) -> Result<&PrimitiveArray<T>, StoreError> {
    at(batch, column)?.as_primitive_opt::<T>().ok_or_else(|| other_type(batch, column))
}

fn at(batch: &RecordBatch, column: usize) -> Result<&dyn Array, StoreError> {
    let found = batch.columns().get(column).map(AsRef::as_ref);
    found.ok_or_else(|| StoreError::Engine { code: 0, message: format!("an answer has no column {column}") })
}

fn other_type(batch: &RecordBatch, column: usize) -> StoreError {
    let schema = batch.schema();
    let field = schema.field(column);
    let message = format!("the column {} of an answer is of the type {}", field.name(), field.data_type());
    StoreError::Engine { code: 0, message }
}

/// The batch with its columns in the table's order. An engine that matches columns by place would put
/// values into wrong columns without an error, and one that matches by name would fill what is missing with defaults.
pub(super) fn in_order(
    table: &'static str,
    columns: &[String],
    batch: &RecordBatch,
) -> Result<RecordBatch, StoreError> {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};
    use arrow::datatypes::{Field, Int64Type, Schema, UInt64Type};

    use super::*;

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

    #[test]
    fn a_column_of_another_type_is_an_error_that_names_it() {
        let batch =
            RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![7])) as ArrayRef)]).expect("one column");
        assert_eq!(numbers::<Int64Type>(&batch, 0).expect("it is").value(0), 7);
        let told = texts(&batch, 0).expect_err("it is no text").to_string();
        assert!(told.contains("the column n of an answer is of the type Int64"), "{told}");
        assert!(numbers::<UInt64Type>(&batch, 0).is_err() && texts(&batch, 1).is_err());
    }
}
