//! What Arrow batches become in the tables.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, ListBuilder, MapBuilder, RecordBatch,
    StringArray, StringBuilder, TimestampMillisecondArray,
};
use rapport::sql::Sql;
use rapport::store::token::Token;
use rapport::store::{Store, StoreError};

use crate::engine::{self, shown};

/// Columns of `inbox` that hold text, in no special order: the store puts columns in the table's.
const TEXTS: [&str; 29] = [
    "tenant",
    "clock",
    "channel",
    "account",
    "chat",
    "contact",
    "dialog",
    "operator",
    "team",
    "author",
    "campaign",
    "scenario",
    "template",
    "source",
    "message_kind",
    "failure_code",
    "failure_reason",
    "survey_id",
    "conversion_action",
    "conversion_currency",
    "conversion_order",
    "cost_currency",
    "cost_category",
    "consent_purpose",
    "consent_text_version",
    "link_url",
    "id",
    "message",
    "connection",
];

/// Events with a value in every column. Each third is the reception, the sending or the reading of a message.
fn batch(rows: usize) -> RecordBatch {
    let text =
        |value: &dyn Fn(usize) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values((0..rows).map(value))) };
    let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
    for name in TEXTS {
        columns.push(match name {
            "id" => (name, text(&|row| format!("event-{row}"))),
            "message" => (name, text(&|row| format!("{}", row / 3))),
            name => (name, text(&|_| format!("a {name}"))),
        });
    }
    let kinds = ["message.received", "message.delivered", "read.watermark"];
    columns.push(("kind", text(&|row| kinds[row % 3].to_owned())));
    let times = TimestampMillisecondArray::from_iter_values((0..rows as i64).map(|row| engine::NOW + row));
    let times: ArrayRef = Arc::new(times.with_timezone("UTC"));
    columns.push(("at", Arc::clone(&times)));
    columns.push(("received_at", times));
    columns.push(("assisted", Arc::new(BooleanArray::from(vec![true; rows]))));
    let even = |row: usize| row.is_multiple_of(2);
    let scores: Float64Array = (0..rows).map(|row| even(row).then_some(4.5)).collect();
    columns.push(("survey_score", Arc::new(scores)));
    let scales: Int64Array = (0..rows).map(|row| even(row).then_some(5)).collect();
    columns.push(("survey_scale", Arc::new(scales)));
    for name in ["conversion_value", "cost_amount"] {
        let amounts: Decimal128Array = (0..rows).map(|row| even(row).then_some(-123_456_789_012_345_678)).collect();
        columns.push((name, Arc::new(amounts.with_precision_and_scale(18, 4).expect("18 digits are enough"))));
    }
    let mut segments = ListBuilder::new(StringBuilder::new());
    let mut identities = ListBuilder::new(StringBuilder::new());
    let mut attributes = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for row in 0..rows {
        if even(row) {
            segments.values().append_value("vip");
            segments.values().append_value("it's \"new\"");
            attributes.keys().append_value("language");
            attributes.values().append_value("ru");
        }
        segments.append(true);
        identities.values().append_value(format!("telegram:{row}"));
        identities.append(true);
        attributes.append(true).expect("as many keys as values");
    }
    columns.push(("segments", Arc::new(segments.finish())));
    columns.push(("identities", Arc::new(identities.finish())));
    columns.push(("attributes", Arc::new(attributes.finish())));
    RecordBatch::try_from_iter(columns).expect("all columns have the same length")
}

// Snapshots have names, because the tests run on both engines in one process.
#[tokio::test]
pub async fn every_column_of_an_event_arrives_as_it_was_sent() {
    let store = engine::store().await;
    store
        .insert("events", rapport::ingest::batch::numbered(&batch(2), 0).expect("a number fits"), None)
        .await
        .expect("the batch fits");
    let rest = "SELECT id, kind, toString(at) AS at, assisted, segments, survey_score, survey_scale, conversion_value, cost_amount, \
                attributes FROM events ORDER BY id";
    insta::assert_snapshot!("every_column_of_an_event_arrives_as_it_was_sent", shown(&store, rest).await);
    // Each text says which column it is meant for.
    let texts = "SELECT tenant, clock, channel, account, chat, contact, dialog, message, operator, team, author, \
                 campaign, scenario, template, source, message_kind, failure_code, failure_reason, survey_id, \
                 conversion_action, conversion_currency, conversion_order, cost_currency, cost_category, \
                 consent_purpose, consent_text_version, link_url, toString(received_at) AS received FROM events ORDER BY id LIMIT 1";
    insta::assert_snapshot!("every_column_of_an_event_arrives_as_it_was_sent-2", shown(&store, texts).await);
}

#[tokio::test]
pub async fn the_feeds_of_the_inbox_fill_the_state_tables_before_insert_returns() {
    let store = engine::store().await;
    store.insert("inbox", batch(3), None).await.expect("the batch fits");
    let messages = "SELECT message, contact, assisted, segments, toString(received_at) AS received, \
                    toString(delivered_at) AS delivered, toString(read_at) AS read \
                    FROM messages FINAL ORDER BY message";
    insta::assert_snapshot!(
        "the_feeds_of_the_inbox_fill_the_state_tables_before_insert_returns",
        shown(&store, messages).await
    );
    insta::assert_snapshot!(
        "the_feeds_of_the_inbox_fill_the_state_tables_before_insert_returns-2",
        shown(&store, "SELECT number, toString(at) AS at FROM read_marks").await
    );
    insta::assert_snapshot!(
        "the_feeds_of_the_inbox_fill_the_state_tables_before_insert_returns-3",
        shown(&store, "SELECT toString(at) AS at FROM engagements").await
    );
}

#[tokio::test]
pub async fn an_empty_batch_is_nothing_and_no_table_is_needed_for_it() {
    let store = engine::empty_store();
    store.insert("nowhere", batch(0), None).await.expect("nothing to insert");
}

#[tokio::test]
pub async fn a_batch_that_lacks_a_column_is_refused_and_nothing_is_stored() {
    let store = engine::store().await;
    let whole = batch(1);
    let part = whole.project(&(1..whole.num_columns()).collect::<Vec<_>>()).expect("the columns exist");
    let refused = store.insert("events", part, None).await.expect_err("a column is missing");
    assert!(matches!(refused, StoreError::WrongColumns { table: "events", .. }), "{refused}");
    let unknown = store.insert("nowhere", batch(1), None).await.expect_err("there is no such table");
    assert!(matches!(unknown, StoreError::WrongColumns { table: "nowhere", .. }), "{unknown}");
    assert!(store.query(Sql::new("SELECT 1 FROM events")).await.expect("a plain query").is_empty());
}

#[tokio::test]
pub async fn a_batch_whose_token_the_table_knows_is_done_already() {
    let store = engine::store().await;
    store.execute(Sql::new(KEEPS_TOKENS)).await.expect("the table can be made");
    let numbers = |numbers: &[i64]| {
        RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef)]).expect("a column")
    };
    let insert = async |rows: &[i64], token: Option<&str>| {
        store.insert("kept", numbers(rows), token.map(Token::of)).await.expect("the batch fits");
    };
    insert(&[1, 2], Some("first")).await;
    insert(&[1, 2], Some("first")).await;
    // Nothing but the token is looked at: without one, and with another, the same rows are new.
    insert(&[1, 2], Some("second")).await;
    insert(&[3], None).await;
    insert(&[3], None).await;
    insert(&[1, 2], Some("first")).await;
    assert_eq!(shown(&store, "SELECT count() AS rows FROM kept").await, "rows: 6\n\n");
    // A token is the insert's alone, and no later statement's.
    for _ in 0..2 {
        store.execute(Sql::new("INSERT INTO kept SELECT 4")).await.expect("a plain statement");
    }
    assert_eq!(shown(&store, "SELECT count() AS rows FROM kept").await, "rows: 8\n\n");
}

const KEEPS_TOKENS: &str = "CREATE TABLE kept (n Int64) ENGINE = MergeTree ORDER BY n \
                            SETTINGS non_replicated_deduplication_window = 1000";
