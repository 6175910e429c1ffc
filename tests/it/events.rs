//! Events from bytes to a receipt: every bad input has its own words, and costs no good line beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use rapport::ingest::file::{AdapterOptions, Options, import};
use rapport::ingest::generate::{Plan, write};
use rapport::ingest::{Ingest, Receipt, body, lines};
use rapport::model::{Clock, event};
use rapport::sql::Sql;
use rapport::store::token::Token;
use rapport::store::{Store, StoreError};

use crate::engine;

/// 2026-05-01T12:00:00Z.
const NOW: i64 = 1_777_636_800_000;

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> i64 {
        NOW
    }
}

/// Knows no event and counts the rows that it is given.
#[derive(Default)]
struct CountingStore {
    rows: AtomicUsize,
}

impl Store for CountingStore {
    fn query(&self, _: Sql) -> BoxFuture<'_, Result<Vec<RecordBatch>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn insert(
        &self,
        table: &'static str,
        batch: RecordBatch,
        _: Option<Token>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        if table == "events" {
            self.rows.fetch_add(batch.num_rows(), Ordering::SeqCst);
        }
        Box::pin(async { Ok(()) })
    }

    fn execute(&self, _: Sql) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn execute_all(&self, _: Vec<Sql>) -> BoxFuture<'_, Result<(), StoreError>> {
        unreachable!("taking events in derives nothing")
    }

    fn version(&self) -> BoxFuture<'_, Result<String, StoreError>> {
        Box::pin(async { Ok(String::new()) })
    }
}

async fn send(bytes: Vec<u8>) -> Receipt {
    let store = Arc::new(CountingStore::default());
    let ingest = Ingest::new(Arc::clone(&store) as _, Arc::new(FixedClock));
    let receipt = ingest.accept("acme", lines::split(Bytes::from(bytes)).unwrap()).await.unwrap();
    assert_eq!(store.rows.load(Ordering::SeqCst) as u64, receipt.accepted);
    receipt
}

/// A complete event with `changes` (JSON fields) at its end.
fn line(changes: &str) -> String {
    format!(r#"{{"id":"e","kind":"message.sent","channel":"VK","chat":1,"message":2{changes}}}"#)
}

/// Sends the bad line between two good ones, as lines and as an array.
async fn check(bad: &[u8], id: Option<&str>, reason: &str) {
    let first: &[u8] = br#"{"id":"good 1","kind":"message.sent","channel":"VK","chat":1,"message":2}"#;
    let last: &[u8] = br#"{"id":"good 2","kind":"message.sent","channel":"VK","chat":1,"message":2}"#;
    let receipt = send([first, bad, last].join(b"\n".as_slice())).await;
    let rejected: Vec<_> =
        receipt.rejected.iter().map(|one| (one.line, one.id.as_deref(), one.reason.as_str())).collect();
    assert_eq!(rejected, [(2, id, reason)]);
    assert_eq!(receipt.accepted, 2, "{reason}");
}

#[tokio::test]
pub async fn every_bad_line_says_why_and_costs_no_good_one() {
    let e = Some("e");
    check(b"{\"id\":\"e\",", e, "the line is not valid JSON: EOF while parsing a value (column 10)").await;
    check(b"hello", None, "the line is not valid JSON: expected value (column 1)").await;
    check(br#"{"id":"e","kind":"message.exploded","channel":"VK"}"#, e, "unknown kind \"message.exploded\"").await;
    check(br#"{"kind":"message.sent","channel":"VK","chat":1,"message":2}"#, None, "`id` is missing").await;
    check(br#"{"id":"e","kind":"message.sent","chat":1,"message":2}"#, e, "`channel` is missing").await;
    check(line(r#","at":"1970-01-01T00:00:00Z""#).as_bytes(), e, "`at` 1970-01-01T00:00:00Z is before 2009-01-01")
        .await;
    check(
        line(r#","at":1777636800"#).as_bytes(),
        e,
        "`at` 1777636800 (1970-01-21T13:47:16.800Z) is before 2009-01-01; it looks like seconds: multiply by 1000",
    )
    .await;
    check(
        line(r#","at":"2106-02-07T06:28:15Z""#).as_bytes(),
        e,
        "`at` 2106-02-07T06:28:15Z is more than 24 hours ahead of its arrival",
    )
    .await;
    check(
        line(&format!(r#","text":"{}""#, "x".repeat(10_000_000))).as_bytes(),
        e,
        "the line is 10000078 bytes long; the longest is 1048576",
    )
    .await;
    check(b"{\"id\":\"e\",\"chat\":\"\xff\"}", e, "the line is not valid UTF-8 (byte 19)").await;
    check(
        line(&format!(r#","x":{}{}"#, "[".repeat(100_000), "]".repeat(100_000))).as_bytes(),
        e,
        "the line is nested deeper than 128 levels (column 199)",
    )
    .await;
    check(line(r#","team":"a\u0000b""#).as_bytes(), e, "`team` contains a NUL character").await;
    check(line(r#","x":"a\u0000b""#).as_bytes(), e, "`attributes` contains a NUL character").await;
    check(
        line(r#","account":1e30"#).as_bytes(),
        e,
        "`account` \"1e+30\" is not a whole number of at most 64 bits; write it as a string",
    )
    .await;
    check(br#"{"id":9007199254740993,"kind":"x","channel":"VK"}"#, Some("9007199254740993"), "unknown kind \"x\"")
        .await;
}

#[tokio::test]
pub async fn numbers_beyond_two_to_the_53_are_different_ids() {
    let two = [9_007_199_254_740_992_u64, 9_007_199_254_740_993]
        .map(|id| format!(r#"{{"id":{id},"kind":"message.sent","channel":"VK","chat":1,"message":2}}"#));
    let receipt = send(two.join("\n").into_bytes()).await;
    assert_eq!((receipt.accepted, receipt.duplicates), (2, 0));
}

#[test]
fn a_body_that_is_no_body_is_refused() {
    let refused = |sent: &[u8], encoding| {
        let decoded = body::decode(Bytes::copy_from_slice(sent), encoding, body::BodyLimits::default());
        decoded.map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(refused(b"", None), "the body is empty: send one JSON object a line, or a JSON array of objects");
    assert_eq!(refused(b"x", Some("br")), "the body's encoding br is not known; send identity, gzip or zstd");
    assert_eq!(refused(b"x", Some("gzip")), "the body is not valid gzip, or ends too early");
    // A hundred MiB of zeros are a hundred kilobytes as gzip.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut bomb, &vec![0; 100 << 20]).unwrap();
    assert_eq!(
        refused(&bomb.finish().unwrap(), Some("gzip")),
        "the body is larger than 33554432 bytes (after decompression); send it in parts"
    );
}

#[test]
fn the_schema_file_is_the_one_that_the_types_give() {
    let committed = include_str!("../../schema/event.schema.json");
    assert!(committed == event::json_schema(), "run: cargo run -- schema --event > schema/event.schema.json");
}

#[tokio::test]
pub async fn the_engine_keeps_every_column_and_knows_every_id() {
    let store = Arc::new(engine::store().await);
    let ingest = Ingest::new(Arc::clone(&store) as _, Arc::new(FixedClock));
    let body = r#"
{"id":"it's \\ an id","kind":"conversion.recorded","at":"2026-05-01T11:59:59.123Z","channel":"vk","account":"a","chat":1,
"contact":"c","segments":["vip","new"],"assisted":true,"conversion":{"action":"purchase","value":"-0","currency":"EUR"},
"cost":{"amount":"99999999999999.9999","currency":"EUR"},"survey":{"id":"s","score":4.5,"scale":5},"shop":"Köln"}
{"id":"second","kind":"message.sent","at":1777636800000,"channel":"VK","chat":1,"message":18446744073709551615}
"#
    .replace(",\n\"", ",\"");
    let items = lines::split(body.into()).unwrap();
    let first = ingest.accept("acme", items.clone()).await.unwrap();
    assert_eq!((first.accepted, first.duplicates, first.rejected), (2, 0, Vec::new()));
    let again = ingest.accept("acme", items.clone()).await.unwrap();
    assert_eq!((again.accepted, again.duplicates), (0, 2));
    let elsewhere = ingest.accept("globex", items).await.unwrap();
    assert_eq!((elsewhere.accepted, elsewhere.duplicates), (2, 0), "an id is known in its own tenant only");

    let kept = engine::shown(
        store.as_ref(),
        "SELECT id, toString(at) AS at, clock, segments, assisted, toString(conversion_value) AS value, \
         toString(cost_amount) AS cost, survey_score, survey_scale, attributes['shop'] AS shop, message FROM events \
         WHERE tenant = 'acme' ORDER BY id",
    )
    .await;
    insta::assert_snapshot!("the_engine_keeps_every_column_and_knows_every_id", kept);
    let state = engine::shown(store.as_ref(), "SELECT count() AS n FROM messages FINAL WHERE tenant = 'acme'").await;
    assert_eq!(state, "n: 1\n\n");
}

#[tokio::test]
pub async fn generated_traffic_goes_in_once_however_often_it_is_sent() {
    let store = Arc::new(engine::store().await);
    let ingest = Ingest::new(Arc::clone(&store) as _, Arc::new(FixedClock));
    let from = NOW - 7 * 86_400_000;
    let plan = Plan { seed: 1, tenant_index: 0, from, to: NOW, messages: 30_000, time_zone: chrono_tz::Europe::Berlin };
    let file = tempfile::NamedTempFile::with_suffix(".parquet").unwrap();
    let rows = write::parquet(plan.events(), file.as_file()).unwrap();
    let options = Options { path: file.path().to_owned(), format: None, adapter: AdapterOptions::default() };
    let first = import(&ingest, "acme", options.clone()).await.unwrap();
    assert_eq!(first.accepted + first.duplicates, rows);
    let again = import(&ingest, "acme", options).await.unwrap();
    assert_eq!((again.accepted, again.duplicates, again.rejected_total), (0, rows, 0));
    let stored = engine::shown(store.as_ref(), "SELECT count() AS n, uniqExact(id) AS ids FROM events").await;
    assert_eq!(stored, format!("n: {0}\nids: {0}\n\n", first.accepted));
}
