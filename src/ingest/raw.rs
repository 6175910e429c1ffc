//! The archive of raw payloads: what platforms sent, word for word, kept for a time so that a better reading can be made of
//! it. It holds what people wrote; events do not.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMillisecondArray,
    TimestampSecondArray, UInt32Array,
};
use arrow::error::ArrowError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::connection::Connection;
use super::connector::Payload;
use super::receive::Received;
use crate::model::clock::{DAY_SECONDS, Millis};
use crate::model::hex;

/// One row of `raw_payloads`.
#[derive(Clone, Debug)]
pub struct RawPayload {
    tenant: String,
    connection: String,
    received_at: Millis,
    expires_at_seconds: i64,
    content_type: String,
    body: String,
    hash: String,
    accepted: u32,
    duplicates: u32,
    rejected: u32,
    ignored: u32,
    lookups: u32,
    unknown: Vec<String>,
    trouble: String,
    lag_ms: Option<i64>,
}

/// Days for which a row is kept that has no body: counts only.
pub const COUNTED_DAYS: u16 = 30;

/// Characters of what is wrong with a payload.
const TROUBLE_CHARS_MAX: usize = 300;

impl RawPayload {
    /// What is kept of a payload and of what became of it.
    pub fn of(connection: &Connection, payload: &Payload<'_>, received: &Received) -> Self {
        let digest = Sha256::digest(payload.body);
        let keep_days = if connection.keep_days == 0 { COUNTED_DAYS } else { connection.keep_days };
        let receipt = &received.receipt;
        let first = receipt.rejected.first().map(|rejection| rejection.reason.as_str());
        let trouble = received.unreadable.as_deref().or(first).unwrap_or_default();
        let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            tenant: connection.tenant.clone(),
            connection: connection.name.clone(),
            received_at: payload.received_at,
            expires_at_seconds: payload.received_at / 1_000 + i64::from(keep_days) * DAY_SECONDS,
            content_type: payload.content_type.to_owned(),
            body: if connection.keep_days == 0 { String::new() } else { written(payload.body) },
            hash: hex(&digest[..16]),
            accepted: count(receipt.accepted),
            duplicates: count(receipt.duplicates),
            rejected: count(receipt.rejected_total),
            ignored: received.ignored,
            lookups: received.lookups,
            unknown: received.unknown.clone(),
            trouble: without_values(trouble).chars().take(TROUBLE_CHARS_MAX).collect(),
            lag_ms: received.lag_ms,
        }
    }

    pub fn bytes(&self) -> usize {
        self.body.len()
    }
}

/// A reason without the values that it repeats in quotes: they can be somebody's number or name, and logs and counts are kept
/// where payloads are not. A quote within a value is written with a backslash before it.
pub fn without_values(reason: &str) -> String {
    let mut kept = String::new();
    let mut rest = reason;
    while let Some((before, value)) = rest.split_once('"') {
        kept.push_str(before);
        kept.push_str("\"…\"");
        rest = after_value(value);
    }
    kept.push_str(rest);
    kept
}

/// What follows the quote that ends a value; nothing where it was cut off.
fn after_value(text: &str) -> &str {
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

/// What stands before a body in Base64; no JSON and no form begins with it.
const BASE64_MARK: &str = "base64:";

/// The body as text, from which [`read_back`] makes the same bytes: in Base64 behind a mark where it is not UTF-8.
pub fn written(body: &[u8]) -> String {
    match std::str::from_utf8(body) {
        Ok(text) if !text.starts_with(BASE64_MARK) => text.to_owned(),
        _ => format!("{BASE64_MARK}{}", STANDARD.encode(body)),
    }
}

/// The body that was written so.
pub fn read_back(text: &str) -> Vec<u8> {
    match text.strip_prefix(BASE64_MARK).map(|rest| STANDARD.decode(rest)) {
        Some(Ok(bytes)) => bytes,
        _ => text.as_bytes().to_vec(),
    }
}

/// The rows as a batch with the columns of `raw_payloads`.
pub fn build(payloads: &[RawPayload]) -> Result<RecordBatch, ArrowError> {
    let text = |field: fn(&RawPayload) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(payloads.iter().map(field)))
    };
    let number = |field: fn(&RawPayload) -> u32| -> ArrayRef {
        Arc::new(UInt32Array::from_iter_values(payloads.iter().map(field)))
    };
    let received = payloads.iter().map(|payload| payload.received_at);
    let expires = payloads.iter().map(|payload| payload.expires_at_seconds);
    let mut unknown = ListBuilder::new(StringBuilder::new());
    for payload in payloads {
        payload.unknown.iter().for_each(|kind| unknown.values().append_value(kind));
        unknown.append(true);
    }
    let lags = payloads.iter().map(|payload| payload.lag_ms).collect::<Int64Array>();
    let columns: [(&str, ArrayRef); 15] = [
        ("tenant", text(|payload| &payload.tenant)),
        ("connection", text(|payload| &payload.connection)),
        ("received_at", Arc::new(TimestampMillisecondArray::from_iter_values(received).with_timezone("UTC"))),
        ("expires_at", Arc::new(TimestampSecondArray::from_iter_values(expires).with_timezone("UTC"))),
        ("content_type", text(|payload| &payload.content_type)),
        ("body", text(|payload| &payload.body)),
        ("hash", text(|payload| &payload.hash)),
        ("accepted", number(|payload| payload.accepted)),
        ("duplicates", number(|payload| payload.duplicates)),
        ("rejected", number(|payload| payload.rejected)),
        ("ignored", number(|payload| payload.ignored)),
        ("lookups", number(|payload| payload.lookups)),
        ("unknown", Arc::new(unknown.finish())),
        ("trouble", text(|payload| &payload.trouble)),
        ("lag_ms", Arc::new(lags)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, name == "lag_ms")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_kept_without_the_values_in_it() {
        let reason = "`identities` has \"phone:8912\", which is no `kind:value`; a phone is `phone:+`";
        assert_eq!(without_values(reason), "`identities` has \"…\", which is no `kind:value`; a phone is `phone:+`");
        assert_eq!(without_values("`id` is missing"), "`id` is missing");
        let quoted = r#"`name` has "Anna \"+7 916\" \\", which is too long, and "b""#;
        assert_eq!(without_values(quoted), "`name` has \"…\", which is too long, and \"…\"");
        assert_eq!(without_values("`name` has \"Anna \\\"+7 9"), "`name` has \"…\"", "cut off");
    }

    #[test]
    fn every_body_comes_back_byte_for_byte() {
        for body in [&b"{\"a\":1}"[..], b"", b"\xff\xfe\x00", b"base64:abc", "ä\0".as_bytes()] {
            assert_eq!(read_back(&written(body)), body);
        }
    }
}
