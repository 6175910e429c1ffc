//! A chat history that was not made for us: imported, and asked for its peak hours.

use std::io::Write;

use rapport::ingest::Receipt;
use rapport::ingest::file::{AdapterOptions, Options, import};
use serde_json::json;

use crate::world::{TENANT, World};

/// As a shop's export might look: local times without an offset, names of people, texts with commas and line breaks.
const HISTORY: &str = "\u{feff}\
Date;Author;Chat;Text
04.05.2026 09:10;Maria Petrova;Maria, order 12;\"Hello, where is my parcel?
I ordered last week.\"
04.05.2026 09:12;Oleg (shop);Maria, order 12;Let me look
04.05.2026 09:14;Maria Petrova;Maria, order 12;thanks!
05.05.2026 18:30;Ivan;Ivan;hi
05.05.2026 18:30;Ivan;Ivan;hi
05.05.2026 18:31;Ivan;Ivan;are you open?
05.05.2026 18:40;Oleg (shop);Ivan;Yes
06.05.2026 99:99;Ivan;Ivan;a time that is none
";

async fn read(world: &World) -> Receipt {
    let mut file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    file.write_all(HISTORY.as_bytes()).unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let adapter = AdapterOptions {
        renames: vec![pair("Date", "at"), pair("Author", "author"), pair("Chat", "chat"), pair("Text", "text")],
        defaults: vec![pair("channel", "WHATSAPP")],
        time_zone: Some(chrono_tz::Europe::Moscow),
        time_format: None,
        operators: vec!["Oleg (shop)".to_owned()],
    };
    let ingest = world.ingest.clone();
    import(&ingest, TENANT, Options { path: file.path().to_owned(), format: None, adapter }).await.unwrap()
}

#[tokio::test]
async fn a_chat_history_answers_its_peak_hours() {
    let world = World::at("2026-05-20T00:00:00Z").await;
    let receipt = read(&world).await;
    assert_eq!((receipt.accepted, receipt.duplicates, receipt.rejected_total), (7, 0, 1));
    // The line of the file: a header, and a text of two lines.
    assert_eq!(receipt.rejected[0].line, 10, "{receipt}");

    let answer = world
        .analytics(
            r#"range: {from: "2026-05-04", to: "2026-05-11"}, timezone: "Europe/Moscow""#,
            "activity { total { messages turns } peak { weekday hour messages turns perOccurrence } by(dimensions: [OPERATOR]) { keys metrics { turns } } }
             delivery { total { outbound } }",
        )
        .await;
    // Maria wrote twice on Monday, Ivan three times on Tuesday; each of Maria's is a turn, Ivan's are one.
    assert_eq!(
        answer,
        json!({
            "activity": {
                "total": {"messages": 5, "turns": 3},
                "peak": {"weekday": 2, "hour": 18, "messages": 3, "turns": 1, "perOccurrence": 3.0},
                "by": [{"keys": [null], "metrics": {"turns": 1}}, {"keys": ["Oleg (shop)"], "metrics": {"turns": 2}}],
            },
            "delivery": {"total": {"outbound": 2}},
        })
    );

    let again = read(&world).await;
    assert_eq!((again.accepted, again.duplicates), (0, 7));
}
