//! NDJSON (streamed, whatever the length of a line) or a JSON array (held whole).

use std::io::{self, BufRead};

use bytes::Bytes;
use serde_json::Value;

use super::adapter::{Adapter, AdapterOptions};
use super::{FileError, Items, read_whole};
use crate::ingest::item::{Item, LINE_BYTES_MAX};
use crate::ingest::lines;

pub(super) fn read(mut reader: Box<dyn BufRead + Send>, options: &AdapterOptions) -> Result<Items, FileError> {
    let is_array = starts_with_bracket(&mut *reader).map_err(FileError::Read)?;
    let adapter = (!options.is_empty()).then(|| Adapter::new(options.clone()));
    if is_array {
        let items = lines::split(read_whole(reader)?)?;
        return Ok(match adapter {
            None => Box::new(items.map(Ok)),
            // An item was taken apart already; what it says is what its fields say.
            Some(mut adapter) => Box::new(items.map(move |item| Ok(adapter.adapt_item(item)))),
        });
    }
    Ok(Box::new(TextLines { reader, line: 0, adapter }))
}

/// Looks at the first byte that is not blank, without taking it. Only the buffer's first part is looked at: a file
/// that starts with kilobytes of blanks is taken as lines.
fn starts_with_bracket(reader: &mut dyn BufRead) -> io::Result<bool> {
    let start = reader.fill_buf()?;
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    Ok(start.trim_ascii_start().first() == Some(&b'['))
}

struct TextLines {
    reader: Box<dyn BufRead + Send>,
    line: u64,
    adapter: Option<Adapter>,
}

impl Iterator for TextLines {
    type Item = Result<Item, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut line = Vec::new();
            let bytes = match read_line(&mut *self.reader, &mut line) {
                Ok(0) => return None,
                Ok(bytes) => bytes,
                Err(error) => return Some(Err(FileError::Read(error))),
            };
            self.line += 1;
            if LINE_BYTES_MAX + 1 < bytes {
                return Some(Ok(Item::too_long(self.line, line, bytes)));
            }
            let line = Bytes::from(line);
            let text = if self.line == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
            let text = text.trim_ascii();
            if !text.is_empty() {
                return Some(Ok(self.read_item(line.slice_ref(text))));
            }
        }
    }
}

impl TextLines {
    fn read_item(&mut self, text: Bytes) -> Item {
        if let Some(adapter) = &mut self.adapter
            && let Ok(Value::Object(row)) = serde_json::from_slice(&text)
        {
            return adapter.adapt(self.line, row);
        }
        Item::read(self.line, text)
    }
}

/// Reads one line and returns its length with the line break; of a line that is too long only the start is kept.
fn read_line(reader: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    let mut bytes = 0;
    loop {
        let available = match reader.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            return Ok(bytes);
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(available.len(), |end| end + 1);
        let room = (LINE_BYTES_MAX + 1).saturating_sub(line.len());
        line.extend_from_slice(&available[..taken.min(room)]);
        bytes += taken;
        reader.consume(taken);
        if end.is_some() {
            return Ok(bytes);
        }
    }
}
