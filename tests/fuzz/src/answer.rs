//! An answer, and what must hold of every one, whatever was sent.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use rapport::api::Code;
use serde_json::Value;

/// No answer is longer, if the input has at most 4 KB, as `.ci/run` tells the fuzzer.
///
/// The limits allow 400 lines, and 50 renamed fields in each beside the schema's own, about 10 KB: 4 MB. Introspection
/// gives 0.3 MB for each of 10 root fields and 0.5 MB for what is renamed: 4 MB. Of the 20 explanations each has a
/// statement for 200 points at most: 4 MB. Errors are 20, and a receipt's reasons have 300 characters: below 1 MB.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// What a client gets.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Events that were written meanwhile.
    pub stored: u64,
}

impl Answer {
    /// The body.
    ///
    /// # Panics
    /// When it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("every answer is JSON")
    }

    /// The codes of its errors.
    ///
    /// # Panics
    /// When one has none, or there are too many.
    pub fn codes(&self) -> Vec<Code> {
        let json = self.json();
        let Some(errors) = json.get("errors") else { return Vec::new() };
        let errors = errors.as_array().expect("errors are a list");
        assert!(!errors.is_empty(), "a list of errors is absent or has one: {json}");
        assert!(errors.len() <= super::limits().errors, "more errors than the limit allows: {json}");
        let code = |error: &Value| {
            let text = error["extensions"]["code"].as_str();
            let code = Code::ALL.into_iter().find(|code| text == Some(code.text()));
            code.unwrap_or_else(|| panic!("an error without a code of the table: {error}"))
        };
        errors.iter().map(code).collect()
    }

    /// Nothing failed inside, and a client can read what it got.
    pub(super) fn check(&self) {
        let text = || String::from_utf8_lossy(&self.body[..self.body.len().min(2_000)]);
        assert!(self.body.len() <= ANSWER_BYTES_MAX, "{} bytes: {}", self.body.len(), text());
        assert!(self.status.as_u16() < 500, "{}: {}", self.status, text());
        let media = self.headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
        let media = media.strip_suffix("; charset=utf-8").unwrap_or(media);
        assert!(matches!(media, "application/json" | "application/graphql-response+json"), "{media}: {}", text());
        assert!(self.headers.contains_key("x-request-id"), "an answer without a name: {}", text());
        let codes = self.codes();
        assert!(self.status.is_success() || !codes.is_empty(), "{} without an error: {}", self.status, text());
        for code in codes {
            // The store never fails and each request has a minute's points, so these would be faults as well.
            let ours = [Code::Internal, Code::Timeout, Code::Unavailable, Code::RateLimited, Code::Unauthenticated];
            assert!(!ours.contains(&code), "{code}: {}", text());
        }
    }
}
