//! Under which names the program tells what it does, for logs and traces: the targets of its spans and lines.
//!
//! Spans are made for [`SPANS`] only, which no log shows; while nobody collects traces, making one costs a look at a number.

use tracing::{Level, Span, span_enabled};

/// Spans: what a request, a statement, a body of events, a run took. They hold names of our own and counts, nothing that a
/// client sent.
pub const SPANS: &str = "rapport::trace";

/// A line a request in the log of the process.
pub const ACCESS: &str = "rapport::access";

/// Whether anybody collects spans.
pub fn is_collected() -> bool {
    span_enabled!(target: SPANS, Level::INFO)
}

/// Whether a span is open that another can stand below.
pub fn is_followed() -> bool {
    is_collected() && !Span::current().is_none()
}

/// A count as a span holds it: receivers know no unsigned numbers, which would become texts.
pub fn count(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
