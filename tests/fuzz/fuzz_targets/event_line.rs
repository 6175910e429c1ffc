//! Any bytes as event lines: every line that is not blank is counted once in the receipt.
#![no_main]

use axum::http::Request;
use libfuzzer_sys::fuzz_target;
use rapport::model::Role;
use rapport_fuzz::{Answer, send};
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let answer = send(Role::Service, Request::post("/v1/events"), input.to_vec());
    let text = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
    let start = text.trim_ascii_start();
    // The mark and then a character that a JSON text can begin with; the mark alone may begin a bad line.
    let first = match input {
        [0xff, 0xfe, low, high, ..] | [0xfe, 0xff, high, low, ..] => {
            char::from_u32(u32::from_be_bytes([0, 0, *high, *low]))
        }
        _ => None,
    };
    let is_utf16 = first.is_some_and(|first| first.is_ascii_graphic() || first.is_ascii_whitespace());
    match start.first() {
        None => assert!(answer.status == 400, "an empty body is refused"),
        Some(_) if is_utf16 => assert!(answer.status == 400, "UTF-16 is refused"),
        // A list that is not whole may be refused or cost only its items; a whole one has as many as it has.
        Some(b'[') => {
            if let Ok(items) = serde_json::from_slice::<Vec<Value>>(text) {
                check(&answer, items.len());
            }
        }
        Some(_) => {
            check(&answer, text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count())
        }
    }
});

fn check(answer: &Answer, items: usize) {
    let receipt = answer.json();
    assert_eq!(answer.status, 200, "{receipt}");
    let count = |name: &str| receipt[name].as_u64().unwrap_or_else(|| panic!("no {name}: {receipt}"));
    let (accepted, rejected) = (count("accepted"), count("rejectedTotal"));
    assert_eq!(accepted + count("duplicates") + rejected, items as u64, "{receipt}");
    assert_eq!(accepted, answer.stored, "what is accepted is stored: {receipt}");
    let listed = receipt["rejected"].as_array().expect("a list");
    assert_eq!(listed.len() as u64, rejected.min(1_000), "{receipt}");
    assert!(listed.iter().all(|rejection| rejection["reason"].as_str().is_some_and(|reason| !reason.is_empty())));
}
