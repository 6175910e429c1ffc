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
