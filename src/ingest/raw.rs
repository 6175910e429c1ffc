//! The archive of raw payloads: what platforms sent, word for word, kept for a time so that a better reading can be made of
//! it. It holds what people wrote; events do not.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMillisecondArray,
    TimestampSecondArray, UInt32Array,
};
use arrow::error::ArrowError;
use sha2::{Digest, Sha256};

use super::connection::Connection;
use super::connector::{Payload, Reading};
use crate::model::clock::Millis;

const DAY_SECONDS: i64 = 86_400;

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
    events: u32,
    ignored: u32,
    unknown: Vec<String>,
    is_unreadable: bool,
}

impl RawPayload {
    /// What is kept of a payload and its reading; `None` where the connection keeps nothing.
    pub fn of(connection: &Connection, payload: &Payload<'_>, reading: &Reading) -> Option<Self> {
        if connection.keep_days == 0 {
            return None;
        }
        let digest = Sha256::digest(payload.body);
        Some(Self {
            tenant: connection.tenant.clone(),
            connection: connection.name.clone(),
            received_at: payload.received_at,
            expires_at_seconds: payload.received_at / 1_000 + i64::from(connection.keep_days) * DAY_SECONDS,
            content_type: payload.content_type.to_owned(),
            body: written(payload.body),
            hash: digest[..16].iter().map(|byte| format!("{byte:02x}")).collect(),
            events: u32::try_from(reading.events.len() + reading.deals.len()).unwrap_or(u32::MAX),
            ignored: reading.ignored,
            unknown: reading.unknown.clone(),
            is_unreadable: reading.unreadable.is_some(),
        })
    }

    pub fn bytes(&self) -> usize {
        self.body.len()
    }
}

/// What stands before a body in Base64; no JSON and no form begins with it.
const BASE64_MARK: &str = "base64:";

/// The body as text, from which [`read_back`] makes the same bytes: in Base64 behind a mark where it is not UTF-8.
pub fn written(body: &[u8]) -> String {
    use base64::Engine;
    match std::str::from_utf8(body) {
        Ok(text) if !text.starts_with(BASE64_MARK) => text.to_owned(),
        _ => format!("{BASE64_MARK}{}", base64::engine::general_purpose::STANDARD.encode(body)),
    }
}

/// The body that was written so.
pub fn read_back(text: &str) -> Vec<u8> {
    use base64::Engine;
    let decoded = text.strip_prefix(BASE64_MARK).map(|rest| base64::engine::general_purpose::STANDARD.decode(rest));
    match decoded {
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
    let columns: [(&str, ArrayRef); 11] = [
        ("tenant", text(|payload| &payload.tenant)),
        ("connection", text(|payload| &payload.connection)),
        ("received_at", Arc::new(TimestampMillisecondArray::from_iter_values(received).with_timezone("UTC"))),
        ("expires_at", Arc::new(TimestampSecondArray::from_iter_values(expires).with_timezone("UTC"))),
        ("content_type", text(|payload| &payload.content_type)),
        ("body", text(|payload| &payload.body)),
        ("hash", text(|payload| &payload.hash)),
        ("events", number(|payload| payload.events)),
        ("ignored", number(|payload| payload.ignored)),
        ("unknown", Arc::new(unknown.finish())),
        (
            "is_unreadable",
            Arc::new(payloads.iter().map(|payload| Some(payload.is_unreadable)).collect::<BooleanArray>()),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_comes_back_byte_for_byte() {
        for body in [&b"{\"a\":1}"[..], b"", b"\xff\xfe\x00", b"base64:abc", "ä\0".as_bytes()] {
            assert_eq!(read_back(&written(body)), body);
        }
    }
}
