use std::io::Write;

use tempfile::NamedTempFile;

use super::*;
use crate::ingest::normalise::normalise;
use crate::model::event::NormalEvent;

/// 2026-05-01T12:00:00Z.
const NOW: i64 = 1_777_636_800_000;

fn options(path: &Path) -> Options {
    Options { path: path.to_owned(), format: None, adapter: AdapterOptions::default() }
}

fn write(suffix: &str, content: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::with_suffix(suffix).unwrap();
    file.write_all(content).unwrap();
    file
}

fn read(options: &Options) -> Vec<(u64, Result<NormalEvent, String>)> {
    let items = open(options, &ProgressBar::hidden()).unwrap();
    items.map(|item| normalised(item.unwrap())).collect()
}

fn normalised(item: Item) -> (u64, Result<NormalEvent, String>) {
    let event = item.event.map_err(|unreadable| unreadable.reason);
    (item.line, event.and_then(|event| normalise(event, NOW)).map_err(|reason| reason.to_string()))
}

#[test]
fn lines_are_read_plain_and_compressed() {
    let line = |id: &str| {
        format!("{{\"id\":\"{id}\",\"kind\":\"message.sent\",\"channel\":\"vk\",\"chat\":1,\"message\":1}}\n")
    };
    let text = [line("a"), "x".repeat(3 << 20), "\n".into(), "{}\n".into(), line("b")].concat();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let files = [write(".ndjson", text.as_bytes()), write(".ndjson.gz", &gzip.finish().unwrap()), write(".zst", &zstd)];
    for file in files {
        let got: Vec<_> =
            read(&options(file.path())).into_iter().map(|(line, event)| (line, event.map(|event| event.id))).collect();
        assert_eq!(
            got,
            [
                (1, Ok("a".to_owned())),
                (2, Err("the line is 3145729 bytes long; the longest is 1048576".to_owned())),
                (3, Err("`id` is missing".to_owned())),
                (4, Ok("b".to_owned())),
            ]
        );
    }
}

#[test]
fn csv_columns_are_fields_and_the_rest_are_attributes() {
    let csv = "\u{feff}id;kind;channel;chat;message;segments;conversion.action;conversion.value;conversion.currency;assisted;Shop\n\
               1;message.sent;vk;2;3;vip|new;;;;yes;Berlin\n\
               2;conversion.recorded;vk;;;;purchase;9.50;EUR;;\n\
               3;message.sent\n";
    let file = write(".csv", csv.as_bytes());
    let got = read(&options(file.path()));
    let sent = got[0].1.clone().unwrap();
    assert_eq!((got[0].0, sent.segments, sent.assisted), (2, vec!["vip".to_owned(), "new".to_owned()], true));
    assert_eq!(sent.attributes, [("Shop".to_owned(), "Berlin".to_owned())]);
    assert_eq!(got[1].1.clone().unwrap().conversion_value.map(|amount| amount.0), Some(95_000));
    assert_eq!(
        (got[2].0, got[2].1.clone()),
        (4, Err("the row cannot be read: it has 2 cells; the header has 11".to_owned()))
    );
}

#[test]
fn a_chat_history_is_read_twice_to_the_same_ids() {
    let csv = "Date,From,Room,text\n\
               \"5/1/24, 1:45 PM\",Maria,42,Hello\n\
               \"5/1/24, 1:45 PM\",Maria,42,Hello\n\
               \"5/1/24, 1:46 PM\",Anna,42,\"Good day, Maria\"\n";
    let file = write(".csv", csv.as_bytes());
    let pair = |text: &str| AdapterOptions::parse_pair(text).unwrap();
    let mut options = options(file.path());
    options.adapter = AdapterOptions {
        renames: vec![pair("Date=at"), pair("From=author"), pair("Room=chat")],
        defaults: vec![pair("channel=TELEGRAM"), pair("account=shop")],
        time_zone: Some(chrono_tz::Europe::Berlin),
        time_format: None,
        operators: vec!["Anna".to_owned()],
    };
    let first: Vec<NormalEvent> = read(&options).into_iter().map(|(_, event)| event.unwrap()).collect();
    let second: Vec<NormalEvent> = read(&options).into_iter().map(|(_, event)| event.unwrap()).collect();
    assert_eq!(first, second);

    let shown: Vec<_> = first.iter().map(|e| (e.kind.as_str(), e.contact.as_str(), e.operator.as_str())).collect();
    let expect = [("message.received", "Maria", ""), ("message.received", "Maria", ""), ("message.sent", "", "Anna")];
    assert_eq!(shown, expect);
    // 13:45 in Berlin is 11:45 UTC.
    assert_eq!(first[0].at, 1_714_563_900_000);
    assert_ne!(first[0].id, first[1].id, "the client really wrote it twice");
    assert!(first.iter().all(|event| event.attributes.is_empty()), "the text is not stored");
}

#[test]
fn a_foreign_table_is_read_whatever_its_types() {
    use arrow::array::{
        ArrayRef, DictionaryArray, Float64Array, Int32Array, LargeStringArray, RecordBatch, StringArray,
        TimestampMicrosecondArray,
    };
    use arrow::datatypes::Int32Type;

    let kinds: DictionaryArray<Int32Type> = ["message.sent", "message.sent"].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int32Array::from(vec![1, 2]))),
        ("kind", Arc::new(kinds)),
        ("channel", Arc::new(LargeStringArray::from(vec!["vk", "vk"]))),
        // A table with nulls in a column of ids writes them as floats.
        ("chat", Arc::new(Float64Array::from(vec![Some(12.0), None]))),
        ("message", Arc::new(StringArray::from(vec!["m", "m"]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![NOW * 1_000, NOW * 1_000]).with_timezone("+03:00"))),
        ("local", Arc::new(TimestampMicrosecondArray::from(vec![NOW * 1_000, NOW * 1_000]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = NamedTempFile::with_suffix(".parquet").unwrap();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(file.as_file(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let got = read(&options(file.path()));
    let first = got[0].1.clone().unwrap();
    assert_eq!((first.id.as_str(), first.chat.as_str(), first.at), ("1", "12", NOW));
    assert_eq!(first.attributes, [("local".to_owned(), "2026-05-01T12:00:00".to_owned())]);
    assert_eq!(got[1], (2, Err("`chat` is missing; message.sent needs it".to_owned())));
}

#[test]
fn a_row_of_bad_bytes_costs_only_itself() {
    let csv = b"id,kind,channel,chat,message\n1,message.sent,vk,\xff,3\n2,message.sent,vk,2,3\n";
    let file = write(".csv", csv);
    let got = read(&options(file.path()));
    assert_eq!(got[0], (2, Err("the line is not valid UTF-8 (byte 1)".to_owned())));
    assert!(got[1].1.is_ok());
}

#[test]
fn a_file_that_ends_too_early_says_so_after_its_last_good_line() {
    let line = "{\"id\":\"a\",\"kind\":\"message.sent\",\"channel\":\"vk\",\"chat\":1,\"message\":1}\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(line.as_bytes()).unwrap();
    let whole = gzip.finish().unwrap();
    let file = write(".ndjson.gz", &whole[..whole.len() - 4]);
    let mut items = open(&options(file.path()), &ProgressBar::hidden()).unwrap();
    assert!(items.next().unwrap().is_ok());
    assert_eq!(items.next().unwrap().unwrap_err().to_string(), "the file cannot be read");
}

#[test]
fn lines_of_another_vocabulary_are_adapted_too() {
    let text =
        "[{\"when\":\"2024-05-01 10:00\",\"who\":\"Maria\",\"chat\":\"c\",\"text\":\"Hi\",\"failure\":{\"code\":7}}]";
    let file = write(".json", text.as_bytes());
    let mut options = options(file.path());
    options.adapter.renames = vec![("when".into(), "at".into()), ("who".into(), "author".into())];
    options.adapter.defaults = vec![("channel".into(), "viber".into())];
    options.adapter.time_zone = Some(chrono_tz::UTC);
    let event = read(&options)[0].1.clone().unwrap();
    assert_eq!(
        (event.kind.as_str(), event.contact.as_str(), event.at),
        ("message.received", "Maria", 1_714_557_600_000)
    );
}

#[test]
fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
    let csv = ["id,kind\n1,\"", &"x\n".repeat(10 << 20)].concat();
    let file = write(".csv", csv.as_bytes());
    let mut items = open(&options(file.path()), &ProgressBar::hidden()).unwrap();
    let FileError::Csv(source) = items.next().unwrap().unwrap_err() else { panic!("the file is CSV") };
    assert_eq!(source.to_string(), "a row is longer than 16 MiB; is a quote not closed?");
}
