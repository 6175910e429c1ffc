//! Files of events or of chat histories: NDJSON, CSV or Parquet, from a path or standard input, into [`Ingest`].
//!
//! The same items, rules and receipt as the API's; only the way of reading differs. Files are streamed: memory does
//! not grow with them (Parquet and a JSON array from standard input are held whole, up to [`WHOLE_BYTES_MAX`]).
//!
//! Reading order: [`adapter`] (columns of a foreign file), [`local_time`], then one file a format.

pub mod adapter;
mod csv;
mod history;
pub(super) mod local_time;
mod parquet;
mod row;
mod text;

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

pub use self::adapter::AdapterOptions;
use super::{Ingest, IngestError, Item, Receipt};

/// What to read, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// A path, or `-` for standard input.
    pub path: PathBuf,
    /// `None`: by the file's name (`.csv`, `.parquet`; anything else, and standard input, is NDJSON).
    pub format: Option<Format>,
    pub adapter: AdapterOptions,
}

/// How a file is written. `.gz` and `.zst` are recognised by their first bytes, for text formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, or a JSON array of objects.
    Ndjson,
    /// A header names the fields; `,`, `;` or tab separates them.
    Csv,
    Parquet,
}

/// What must be held in memory as a whole may be this large.
pub const WHOLE_BYTES_MAX: u64 = 1 << 30;

/// A stream of items that can break off.
type Items = Box<dyn Iterator<Item = Result<Item, FileError>> + Send>;

/// Reads a file into the store, with a progress bar on standard error where that is a terminal.
pub async fn import(ingest: &Ingest, tenant: &str, options: Options) -> Result<Receipt, FileError> {
    let progress = Progress::new();
    let items = open(&options, &progress.bar)?;
    let broken = Arc::new(Mutex::new(None));
    let items = UntilBroken { items, broken: Arc::clone(&broken), passed: 0, progress: progress.clone() };
    let receipt = ingest.accept(tenant, items).await?;
    progress.bar.finish_and_clear();
    let error = broken.lock().unwrap_or_else(PoisonError::into_inner).take();
    match error {
        None => Ok(receipt),
        Some(source) => Err(FileError::BrokeOff { accepted: receipt.accepted, source: Box::new(source) }),
    }
}

/// The items of a file. `bar` moves with the bytes of a text file, or with the rows of a Parquet file.
pub fn open(options: &Options, bar: &ProgressBar) -> Result<Items, FileError> {
    let is_stdin = options.path.as_os_str() == "-";
    let format = options.format.unwrap_or_else(|| Format::of(&options.path));
    if format == Format::Parquet && !is_stdin {
        let file = File::open(&options.path).map_err(|source| FileError::open(&options.path, source))?;
        return parquet::read(file, &options.adapter, bar);
    }
    let raw: Box<dyn Read + Send> = if is_stdin {
        bar.set_style(text_style());
        Box::new(bar.wrap_read(io::stdin()))
    } else {
        let file = File::open(&options.path).map_err(|source| FileError::open(&options.path, source))?;
        bar.set_length(file.metadata().map_or(0, |metadata| metadata.len()));
        bar.set_style(text_style());
        Box::new(bar.wrap_read(file))
    };
    let plain = decompress(BufReader::new(raw))?;
    match format {
        Format::Ndjson => text::read(plain, &options.adapter),
        Format::Csv => csv::read(plain, &options.adapter),
        Format::Parquet => parquet::read(read_whole(plain)?, &options.adapter, bar),
    }
}

impl Format {
    /// By the name's ending, before `.gz` or `.zst`.
    fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
        if name.ends_with(".csv") || name.ends_with(".tsv") {
            Self::Csv
        } else if name.ends_with(".parquet") {
            Self::Parquet
        } else {
            Self::Ndjson
        }
    }
}

/// By the first bytes and not by the name: standard input has no name.
fn decompress(mut reader: BufReader<Box<dyn Read + Send>>) -> Result<Box<dyn BufRead + Send>, FileError> {
    let start = reader.fill_buf().map_err(FileError::Read)?;
    if start.starts_with(b"\x1f\x8b") {
        return Ok(Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(reader))));
    }
    if start.starts_with(b"\x28\xb5\x2f\xfd") {
        let decoder = zstd::Decoder::with_buffer(reader).map_err(FileError::Read)?;
        return Ok(Box::new(BufReader::new(decoder)));
    }
    Ok(Box::new(reader))
}

fn read_whole(reader: impl Read) -> Result<bytes::Bytes, FileError> {
    let mut whole = Vec::new();
    reader.take(WHOLE_BYTES_MAX + 1).read_to_end(&mut whole).map_err(FileError::Read)?;
    if WHOLE_BYTES_MAX < whole.len() as u64 {
        return Err(FileError::TooLarge);
    }
    Ok(whole.into())
}

/// Hands the items on until the file breaks off, and remembers why it did.
struct UntilBroken {
    items: Items,
    broken: Arc<Mutex<Option<FileError>>>,
    passed: u64,
    progress: Progress,
}

impl Iterator for UntilBroken {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        match self.items.next()? {
            Ok(item) => {
                self.passed += 1;
                self.progress.tell(self.passed);
                Some(item)
            }
            Err(error) => {
                *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                None
            }
        }
    }
}

/// A bar on a terminal; elsewhere (a log) a plain line now and then.
#[derive(Clone)]
struct Progress {
    bar: ProgressBar,
    on_terminal: bool,
}

/// How often a log hears of the progress.
const PLAIN_LINE_EVERY_ITEMS: u64 = 1_000_000;

impl Progress {
    fn new() -> Self {
        let on_terminal = io::stderr().is_terminal();
        Self { bar: if on_terminal { ProgressBar::no_length() } else { ProgressBar::hidden() }, on_terminal }
    }

    fn tell(&self, passed: u64) {
        if !self.on_terminal && passed.is_multiple_of(PLAIN_LINE_EVERY_ITEMS) {
            eprintln!("{passed} events read");
        }
    }
}

fn text_style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn rows_style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} rows {per_sec} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Why a file could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{path} cannot be opened")]
    Open { path: String, source: io::Error },
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
    #[error("the CSV file cannot be read")]
    Csv(#[source] ::csv::Error),
    #[error("the Parquet file cannot be read")]
    Parquet(#[source] ::parquet::errors::ParquetError),
    #[error("a batch of the Parquet file cannot be read")]
    Arrow(#[source] arrow::error::ArrowError),
    #[error("a JSON array, or Parquet on standard input, may be at most 1 GiB; give NDJSON or a path")]
    TooLarge,
    #[error(transparent)]
    Lines(#[from] super::lines::LinesError),
    #[error("the file broke off; {accepted} events before that are stored, and reading it again is safe")]
    BrokeOff { accepted: u64, source: Box<FileError> },
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

impl FileError {
    fn open(path: &Path, source: io::Error) -> Self {
        Self::Open { path: path.display().to_string(), source }
    }
}

#[cfg(test)]
mod tests;
