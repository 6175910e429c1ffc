//! CSV: the header names the fields, an empty cell is an absent field.

use std::io::{self, BufRead, Read};

use csv::{ByteRecord, Reader, ReaderBuilder};
use serde_json::{Map, Value};

use super::adapter::{Adapter, AdapterOptions};
use super::{FileError, Items};
use crate::ingest::item::{Item, LINE_BYTES_MAX, Source, Unreadable};
use crate::ingest::reason::Reason;

/// A row may take this much of the file. A quote that is never closed makes the rest of the file one cell; it must
/// not fill the memory.
const ROW_BYTES_MAX: usize = 16 << 20;

pub(super) fn read(mut reader: Box<dyn BufRead + Send>, options: &AdapterOptions) -> Result<Items, FileError> {
    let delimiter = guess_delimiter(reader.fill_buf().map_err(FileError::Read)?);
    let mut reader =
        ReaderBuilder::new().delimiter(delimiter).from_reader(Rationed { source: reader, left: ROW_BYTES_MAX });
    let header = reader.byte_headers().map_err(FileError::Csv)?;
    let names = header.iter().map(|name| String::from_utf8_lossy(name).trim_matches(['\u{feff}', ' ']).to_owned());
    let names: Vec<String> = names.collect();
    Ok(Box::new(CsvRows { reader, names, adapter: Adapter::new(options.clone()) }))
}

/// Spreadsheets of many countries write `;`: the separator that the header has most of is the one.
fn guess_delimiter(start: &[u8]) -> u8 {
    let header = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| header.iter().filter(|byte| **byte == delimiter).count();
    let mut best = b',';
    for delimiter in *b";\t" {
        if count(best) < count(delimiter) {
            best = delimiter;
        }
    }
    best
}

struct CsvRows {
    reader: Reader<Rationed>,
    names: Vec<String>,
    adapter: Adapter,
}

impl Iterator for CsvRows {
    type Item = Result<Item, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = ByteRecord::new();
        let line = self.reader.position().line();
        self.reader.get_mut().left = ROW_BYTES_MAX;
        match self.reader.read_byte_record(&mut record) {
            Ok(false) => None,
            Ok(true) => {
                let line = record.position().map_or(line, csv::Position::line);
                Some(Ok(self.read_row(line, &record)))
            }
            // The reader stands behind the row, so the next one is fine.
            Err(error) if matches!(error.kind(), csv::ErrorKind::UnequalLengths { .. }) => {
                let line = error.position().map_or(line, csv::Position::line);
                let message = format!("it has {} cells; the header has {}", record.len(), self.names.len());
                Some(Ok(unreadable(line, &record, Reason::UnreadableRow { message })))
            }
            Err(error) => Some(Err(FileError::Csv(error))),
        }
    }
}

/// A reader that fails when more is asked of it than one row may need.
struct Rationed {
    source: Box<dyn BufRead + Send>,
    left: usize,
}

impl Read for Rationed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let message = "a row is longer than 16 MiB; is a quote not closed?";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let room = buffer.len().min(self.left);
        let bytes = self.source.read(&mut buffer[..room])?;
        self.left -= bytes;
        Ok(bytes)
    }
}

impl CsvRows {
    fn read_row(&mut self, line: u64, record: &ByteRecord) -> Item {
        let mut row = Map::new();
        for (name, cell) in self.names.iter().zip(record) {
            if cell.is_empty() {
                continue;
            }
            match std::str::from_utf8(cell) {
                Ok(text) => row.insert(name.clone(), Value::String(text.to_owned())),
                Err(error) => return unreadable(line, record, Reason::InvalidUtf8 { byte: error.valid_up_to() + 1 }),
            };
        }
        self.adapter.adapt(line, row)
    }
}

/// Of the row its cells are kept, as far as a line may be long: a person can tell from them which it is.
fn unreadable(line: u64, record: &ByteRecord, reason: Reason) -> Item {
    let mut text = Vec::new();
    for cell in record {
        if !text.is_empty() {
            text.push(b',');
        }
        text.extend_from_slice(&cell[..cell.len().min(LINE_BYTES_MAX.saturating_sub(text.len()))]);
    }
    Item { line, source: Source::Text(text.into()), event: Err(Unreadable { id: None, reason }) }
}
