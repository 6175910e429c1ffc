//! A batch's columns in the order of its table's, which both engines' inserts need.

use arrow::array::RecordBatch;

use super::StoreError;

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
    use arrow::datatypes::{Field, Schema};

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
}
