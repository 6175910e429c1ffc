//! Bad input over HTTP: a clear error each, and nothing else lost.

use std::io::Write;

use axum::http::Request;
use serde_json::{Value, json};

use crate::world::World;

const GOOD: &str = r#"{"id":"good-1","kind":"message.received","at":"2026-03-10T10:00:00Z","channel":"WHATSAPP","chat":"c","message":"1"}"#;
const ALSO_GOOD: &str =
    r#"{"id":"good-2","kind":"message.received","at":1773136801000,"channel":"whatsapp","chat":"c","message":2}"#;

fn line(id: &str, at: &str) -> Vec<u8> {
    format!(r#"{{"id":"{id}","kind":"message.received","at":"{at}","channel":"WHATSAPP","chat":"c","message":"{id}"}}"#)
        .into_bytes()
}

#[tokio::test]
async fn a_bad_line_never_costs_the_good_ones() {
    let long = format!(
        r#"{{"id":"long","kind":"message.received","channel":"WHATSAPP","chat":"c","message":"l","text":"{}"}}"#,
        "x".repeat(10_000_000)
    );
    let deep = format!(
        r#"{{"id":"deep","kind":"message.received","channel":"WHATSAPP","chat":"c","message":"d","x":{}1{}}}"#,
        "[".repeat(1_000),
        "]".repeat(1_000)
    );
    let bad: [(Vec<u8>, &str); 9] = [
        (br#"{"id":"broken","kind":"#.to_vec(), "not valid JSON"),
        (br#"{"id":"u","kind":"message.telepathy","channel":"WHATSAPP","chat":"c","message":"1"}"#.to_vec(), "message.telepathy"),
        (br#"{"kind":"message.received","channel":"WHATSAPP","chat":"c","message":"1"}"#.to_vec(), "`id` is missing"),
        (line("y1970", "1970-01-01T00:00:01Z"), "2009-01-01"),
        (line("y2106", "2106-02-07T06:28:16Z"), "24 hours ahead"),
        (long.into_bytes(), "the longest is 1048576"),
        (b"{\"id\":\"utf8\",\"kind\":\"message.received\",\"channel\":\"WHATSAPP\",\"chat\":\"\xff\xfe\",\"message\":\"1\"}".to_vec(), "not valid UTF-8"),
        (deep.into_bytes(), "nested deeper"),
        (b"[1, 2]".to_vec(), "not an event"),
    ];
    let world = World::at("2026-03-20T00:00:00Z").await;
    let mut body = Vec::new();
    body.extend_from_slice(GOOD.as_bytes());
    for (text, _) in &bad {
        body.push(b'\n');
        body.extend_from_slice(text);
    }
    body.push(b'\n');
    body.extend_from_slice(ALSO_GOOD.as_bytes());
    // Ten megabytes of one letter are larger than a plain body may be, and small when compressed.
    let (status, receipt) = world.post_events(&world.service(), Some("gzip"), gzip(&body)).await;
    assert_eq!(status.as_u16(), 200, "{receipt}");
    assert_eq!(
        (&receipt["accepted"], &receipt["duplicates"], &receipt["rejectedTotal"]),
        (&json!(2), &json!(0), &json!(9)),
        "{receipt}"
    );
    for (index, (_, reason)) in bad.iter().enumerate() {
        let told = &receipt["rejected"][index];
        assert_eq!(told["line"], index + 2, "{told}");
        assert!(told["reason"].as_str().unwrap().contains(reason), "{reason}: {told}");
    }
    let answer =
        world.analytics(r#"range: {from: "2026-03-01", to: "2026-04-01"}"#, "activity { total { messages } }").await;
    assert_eq!(answer["activity"]["total"]["messages"], 2);
}

#[tokio::test]
async fn who_says_that_lines_are_sent_loses_nothing_to_a_first_line_that_begins_with_a_bracket() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let body = format!("[1, 2]\n{GOOD}\n");
    let post = |content_type: &str| {
        Request::post("/v1/events")
            .header("authorization", format!("Bearer {}", world.service()))
            .header("content-type", content_type)
            .body(body.clone().into())
            .unwrap()
    };
    let (status, answer) = world.send(post("application/json")).await;
    assert_eq!((status.as_u16(), &answer["errors"][0]["extensions"]["code"]), (400, &json!("INVALID_BODY")));
    let (status, receipt) = world.send(post("Application/X-NDJSON; charset=utf-8")).await;
    assert_eq!((status.as_u16(), &receipt["accepted"]), (200, &json!(1)), "{receipt}");
    assert_eq!((&receipt["rejectedTotal"], &receipt["rejected"][0]["line"]), (&json!(1), &json!(1)), "{receipt}");
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_whole() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 100_000);
    for (encoding, body, status, code, message) in [
        (None, Vec::new(), 400, "INVALID_BODY", "the body is empty"),
        (None, b"\n \n".to_vec(), 400, "INVALID_BODY", "the body is empty"),
        (Some("gzip"), bomb, 413, "PAYLOAD_TOO_LARGE", "larger than 33554432 bytes"),
        (Some("gzip"), b"not gzip".to_vec(), 400, "INVALID_BODY", "not valid gzip"),
        (
            Some("zstd"),
            zstd::encode_all(&vec![b' '; 64 << 20][..], 3).unwrap(),
            413,
            "PAYLOAD_TOO_LARGE",
            "larger than 33554432 bytes",
        ),
        (Some("br"), GOOD.into(), 415, "UNSUPPORTED_MEDIA_TYPE", "br"),
        (None, format!("[{GOOD}, ").into_bytes(), 400, "INVALID_BODY", "the JSON array is broken"),
        (None, vec![b'x'; 9 << 20], 413, "PAYLOAD_TOO_LARGE", "larger than 8388608 bytes"),
    ] {
        let (got, answer) = world.post_events(&world.service(), encoding, body).await;
        let error = &answer["errors"][0];
        assert_eq!((got.as_u16(), &error["extensions"]["code"]), (status, &json!(code)), "{message}: {answer}");
        assert!(error["message"].as_str().unwrap().contains(message), "{message}: {answer}");
    }
}

#[tokio::test]
async fn a_body_can_be_lines_or_an_array_plain_or_compressed() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let token = world.service();
    let array = format!("[{GOOD}, {{\"id\": \"bad\"}}, {ALSO_GOOD}]");
    let (_, receipt) = world.post_events(&token, None, array.clone()).await;
    assert_eq!(
        (&receipt["accepted"], &receipt["rejected"][0]["line"], &receipt["rejected"][0]["id"]),
        (&json!(2), &json!(2), &json!("bad"))
    );
    for (encoding, body) in [
        (None, format!("{GOOD}\r\n{ALSO_GOOD}\r\n").into_bytes()),
        (Some("gzip"), gzip(array.as_bytes())),
        (Some("zstd"), zstd::encode_all(array.as_bytes(), 3).unwrap()),
        (Some("identity"), array.clone().into_bytes()),
    ] {
        let (status, receipt) = world.post_events(&token, encoding, body).await;
        let told: (&Value, &Value) = (&receipt["accepted"], &receipt["duplicates"]);
        assert_eq!((status.as_u16(), told), (200, (&json!(0), &json!(2))), "{encoding:?}: {receipt}");
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn ids_of_any_alphabet_are_recognised_in_any_number() {
    // 10,000 ids of 200 characters that take four bytes each: more than the engine takes in one statement.
    let world = World::at("2026-03-20T00:00:00Z").await;
    let mut body = String::new();
    for number in 0..10_000 {
        let id = format!("{number:05}{}", "😀".repeat(195));
        body.push_str(&json!({"id": id, "kind": "operator.online", "channel": "DESK", "operator": "anna"}).to_string());
        body.push('\n');
    }
    let body = zstd::encode_all(body.as_bytes(), 1).unwrap();
    for (accepted, duplicates) in [(10_000, 0), (0, 10_000)] {
        let (status, receipt) = world.post_events(&world.service(), Some("zstd"), body.clone()).await;
        assert_eq!(status.as_u16(), 200, "{receipt}");
        assert_eq!((&receipt["accepted"], &receipt["duplicates"]), (&json!(accepted), &json!(duplicates)), "{receipt}");
    }
}
