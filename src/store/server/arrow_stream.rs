//! Batches as bytes and back: Arrow's stream format, as a server sends and takes it. Compression is the connection's matter.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

/// The batches of an answer; none is empty.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<RecordBatch>, ArrowError> {
    // A statement that answers nothing sends nothing, not even a schema.
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut batches = Vec::new();
    for batch in StreamReader::try_new(bytes, None)? {
        let batch = batch?;
        if 0 < batch.num_rows() {
            batches.push(batch);
        }
    }
    Ok(batches)
}

pub(super) fn write(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
    writer.write(batch)?;
    writer.into_inner()
}
