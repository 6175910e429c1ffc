//! Rows of the table `business_hours`: how they are asked for, read and made.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;

use super::{BusinessHours, Draft, Schedule, ScheduleError, Version};
use crate::sql::Sql;

/// Rows are only ever added.
pub const TABLE: &str = "business_hours";

/// Every version of a tenant, without those that a later one of the same instant has replaced.
pub fn select(tenant: &str) -> Sql {
    let mut sql = Sql::new(
        "SELECT toUnixTimestamp64Milli(valid_from), toUnixTimestamp64Milli(set_at), set_by, schedule \
         FROM business_hours WHERE tenant = ",
    );
    // By the schedule too: of two that were set in the same millisecond always the same one must win.
    sql.bind_tenant(tenant).push(" ORDER BY valid_from, set_at DESC, schedule DESC LIMIT 1 BY valid_from");
    sql
}

/// The versions in an answer to [`select`]; none when the tenant has set none.
///
/// # Errors
/// When the rows are not those of this program.
pub fn read(batches: &[RecordBatch]) -> Result<Option<BusinessHours>, StoredError> {
    let mut versions = Vec::new();
    for batch in batches {
        let number = |index| batch.column(index).as_primitive_opt::<Int64Type>().ok_or(StoredError::Column { index });
        let text = |index| batch.column(index).as_string_opt::<i32>().ok_or(StoredError::Column { index });
        let (valid_from, set_at, set_by, schedule) = (number(0)?, number(1)?, text(2)?, text(3)?);
        for row in 0..batch.num_rows() {
            let draft: Draft = serde_json::from_str(schedule.value(row))?;
            versions.push(Version {
                valid_from: valid_from.value(row),
                set_at: set_at.value(row),
                set_by: set_by.value(row).to_owned(),
                schedule: Schedule::new(draft)?,
            });
        }
    }
    Ok(BusinessHours::new(versions))
}

/// The row of one version.
///
/// # Errors
/// When Arrow refuses: never, as the columns are what they are.
pub fn row(tenant: &str, version: &Version) -> Result<RecordBatch, StoredError> {
    let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values([text])) };
    let time = |at| -> ArrayRef { Arc::new(TimestampMillisecondArray::from_iter_values([at]).with_timezone("UTC")) };
    let schedule = serde_json::to_string(version.schedule.draft())?;
    let columns = [
        ("tenant", text(tenant)),
        ("valid_from", time(version.valid_from)),
        ("set_at", time(version.set_at)),
        ("set_by", text(&version.set_by)),
        ("schedule", text(&schedule)),
    ];
    let named = columns.into_iter().map(|(name, column)| (name, column, false));
    Ok(RecordBatch::try_from_iter_with_nullable(named)?)
}

/// Why rows are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    #[error("column {index} of the stored business hours has another type")]
    Column { index: usize },
    #[error("a stored schedule is no JSON of this program")]
    Json(#[from] serde_json::Error),
    #[error("a stored schedule does not hold any more")]
    Schedule(#[from] ScheduleError),
    #[error("a row of business hours cannot be made")]
    Row(#[from] ArrowError),
}
