//! Generated events as a file: NDJSON, or Parquet whose columns are the fields (`survey.score` for nested ones).
//!
//! Attributes are not written to Parquet: generated events have none.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMillisecondArray,
};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::model::event::{Event, Scalar};

/// Rows that are turned into columns at a time, and rows of a row group: tens of megabytes in memory.
const BATCH_ROWS: usize = 20_000;
const GROUP_ROWS: usize = 200_000;

/// Writes one JSON object a line; returns how many.
pub fn ndjson(events: impl Iterator<Item = Event>, mut out: impl Write) -> Result<u64, WriteError> {
    let mut count = 0;
    let mut line = Vec::new();
    for event in events {
        line.clear();
        serde_json::to_writer(&mut line, &event).map_err(io::Error::from)?;
        line.push(b'\n');
        out.write_all(&line)?;
        count += 1;
    }
    out.flush()?;
    Ok(count)
}

/// Writes a Parquet file; returns the number of rows.
pub fn parquet(mut events: impl Iterator<Item = Event>, out: impl Write + Send) -> Result<u64, WriteError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    let schema = columns(&[])?.schema();
    let mut writer = ArrowWriter::try_new(out, schema, Some(properties))?;
    let mut count = 0;
    loop {
        let batch: Vec<Event> = events.by_ref().take(BATCH_ROWS).collect();
        if batch.is_empty() {
            writer.close()?;
            return Ok(count);
        }
        count += batch.len() as u64;
        writer.write(&columns(&batch)?)?;
    }
}

/// A column of text: its name, and where an event has it.
type TextColumn = (&'static str, fn(&Event) -> Option<&Scalar>);

static TEXT_COLUMNS: [TextColumn; 29] = [
    ("id", |event| event.id.as_ref()),
    ("kind", |event| event.kind.as_ref()),
    ("channel", |event| event.channel.as_ref()),
    ("account", |event| event.account.as_ref()),
    ("chat", |event| event.chat.as_ref()),
    ("contact", |event| event.contact.as_ref()),
    ("dialog", |event| event.dialog.as_ref()),
    ("message", |event| event.message.as_ref()),
    ("operator", |event| event.operator.as_ref()),
    ("team", |event| event.team.as_ref()),
    ("author", |event| event.author.as_ref()),
    ("campaign", |event| event.campaign.as_ref()),
    ("scenario", |event| event.scenario.as_ref()),
    ("template", |event| event.template.as_ref()),
    ("source", |event| event.source.as_ref()),
    ("message_kind", |event| event.message_kind.as_ref()),
    ("failure.code", |event| event.failure.as_ref()?.code.as_ref()),
    ("failure.reason", |event| event.failure.as_ref()?.reason.as_ref()),
    ("survey.id", |event| event.survey.as_ref()?.id.as_ref()),
    ("conversion.action", |event| event.conversion.as_ref()?.action.as_ref()),
    ("conversion.value", |event| event.conversion.as_ref()?.value.as_ref()),
    ("conversion.currency", |event| event.conversion.as_ref()?.currency.as_ref()),
    ("conversion.order", |event| event.conversion.as_ref()?.order.as_ref()),
    ("cost.amount", |event| event.cost.as_ref()?.amount.as_ref()),
    ("cost.currency", |event| event.cost.as_ref()?.currency.as_ref()),
    ("cost.category", |event| event.cost.as_ref()?.category.as_ref()),
    ("consent.purpose", |event| event.consent.as_ref()?.purpose.as_ref()),
    ("consent.text_version", |event| event.consent.as_ref()?.text_version.as_ref()),
    ("link.url", |event| event.link.as_ref()?.url.as_ref()),
];

fn columns(events: &[Event]) -> Result<RecordBatch, ArrowError> {
    let mut columns: Vec<(&str, ArrayRef, bool)> = Vec::new();
    for (name, field) in &TEXT_COLUMNS {
        let column: StringArray = events.iter().map(|event| field(event).and_then(Scalar::to_text)).collect();
        columns.push((name, Arc::new(column), true));
    }
    let at: TimestampMillisecondArray = events.iter().map(|event| whole(event.at.as_ref())).collect();
    columns.push(("at", Arc::new(at.with_timezone("UTC")), true));
    let assisted: BooleanArray = events.iter().map(|event| event.assisted).collect();
    columns.push(("assisted", Arc::new(assisted), true));
    let score = |event: &Event| whole(event.survey.as_ref()?.score.as_ref()).map(|score| score as f64);
    columns.push(("survey.score", Arc::new(events.iter().map(score).collect::<Float64Array>()), true));
    let scale = |event: &Event| whole(event.survey.as_ref()?.scale.as_ref());
    columns.push(("survey.scale", Arc::new(events.iter().map(scale).collect::<Int64Array>()), true));
    columns.push(("segments", segments(events), true));
    RecordBatch::try_from_iter_with_nullable(columns)
}

fn segments(events: &[Event]) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for event in events {
        for segment in event.segments.iter().flatten() {
            lists.values().append_option(segment.to_text());
        }
        lists.append(event.segments.is_some());
    }
    Arc::new(lists.finish())
}

fn whole(value: Option<&Scalar>) -> Option<i64> {
    match value? {
        Scalar::Number(number) => number.as_i64(),
        _ => None,
    }
}

/// Why the file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the output cannot be written")]
    Io(#[from] io::Error),
    #[error("the events do not fit into columns")]
    Arrow(#[from] ArrowError),
    #[error("the Parquet file cannot be written")]
    Parquet(#[from] ParquetError),
}
