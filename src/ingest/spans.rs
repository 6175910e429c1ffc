//! What became of a body of events, and a run of deriving, as spans: counts only, and no tenant's name.

use tracing::field::Empty;
use tracing::{Span, info_span};

use super::Receipt;
use crate::model::trace;

/// Of a body, a delivery or a file.
pub fn of_events() -> Span {
    info_span!(
        target: trace::SPANS, "ingest", events = Empty, accepted = Empty, duplicates = Empty, rejected = Empty
    )
}

/// What became of the events of the span that is open.
pub fn note(receipt: &Receipt) {
    let (accepted, duplicates, rejected) = (receipt.accepted, receipt.duplicates, receipt.rejected_total);
    let span = Span::current();
    for (name, events) in [
        ("events", accepted + duplicates + rejected),
        ("accepted", accepted),
        ("duplicates", duplicates),
        ("rejected", rejected),
    ] {
        span.record(name, trace::count(events));
    }
}

/// Of one run that derives what follows from events.
pub fn of_run() -> Span {
    info_span!(target: trace::SPANS, "derive")
}
