//! Preparing a batch: items are normalised, and repeats inside the batch dropped. Pure but for the clock.

use std::collections::HashSet;

use bytes::Bytes;

use super::Origin;
use super::item::{Item, Source};
use super::normalise::{ID_CHARS_MAX, normalise};
use super::receipt::{REJECTED_LISTED_MAX, Rejection};
use super::rejected::{Allowance, Line};
use super::retention;
use crate::model::Clock;
use crate::model::event::{Event, NormalEvent, Scalar};
use crate::model::retention::Retention;

/// Events of one insert: large enough for the engine's best speed, about 50 MB in memory.
pub(super) const BATCH_EVENTS_MAX: usize = 50_000;

/// Characters of a reason: the JSON parser's own words can repeat a whole value of the line.
const REASON_CHARS_MAX: usize = 300;

/// A batch that is ready to be stored.
pub(super) struct Prepared {
    /// With different ids: the first of several events with one id stays.
    pub events: Vec<NormalEvent>,
    /// The line of each.
    pub lines: Vec<u64>,
    pub repeats: u64,
    pub rejected: Rejected,
    /// No items are left after it.
    pub is_last: bool,
}

#[derive(Default)]
pub(super) struct Rejected {
    pub listed: Vec<Rejection>,
    pub unlisted: u64,
    /// What is kept of them.
    pub kept: Vec<Line>,
    allowance: Allowance,
}

/// Takes items until the batch is full or there are no more.
pub(super) fn prepare(
    origin: &Origin,
    items: &mut impl Iterator<Item = Item>,
    clock: &dyn Clock,
    retention: &Retention,
) -> Prepared {
    let received_at = origin.received_at.unwrap_or_else(|| clock.now());
    let believed_until = origin.believed_until.map_or(received_at, |until| until.max(received_at));
    let mut events: Vec<NormalEvent> = Vec::new();
    let mut lines = Vec::new();
    let mut ids: HashSet<String> = HashSet::new();
    let mut repeats = 0;
    let mut rejected = Rejected::default();
    let mut is_last = false;
    while events.len() < BATCH_EVENTS_MAX {
        let Some(item) = items.next() else {
            is_last = true;
            break;
        };
        let event = match item.event {
            Ok(event) => event,
            Err(unreadable) => {
                rejected.add(item.line, unreadable.id, &unreadable.reason, || text_of(item.source, None));
                continue;
            }
        };
        let id = event.id.clone();
        // Normalising takes the event apart. Who sent text still has it there.
        let made = (item.source == Source::Made).then(|| event.clone());
        let normal = normalise(event, believed_until).map(|event| NormalEvent { received_at, ..event });
        match normal.and_then(|event| retention::check(retention, &origin.tenant, event)) {
            Ok(event) if ids.insert(event.id.clone()) => {
                events.push(event);
                lines.push(item.line);
            }
            Ok(_) => repeats += 1,
            Err(reason) => {
                let id = id.as_ref().and_then(show_id);
                rejected.add(item.line, id, &reason, || text_of(item.source, made.as_ref()));
            }
        }
    }
    Prepared { events, lines, repeats, rejected, is_last }
}

impl Rejected {
    pub fn add(&mut self, line: u64, id: Option<String>, reason: &super::Reason, text: impl FnOnce() -> Bytes) {
        let code = reason.code();
        let is_listed = self.listed.len() < REJECTED_LISTED_MAX;
        let text = self.allowance.take(text);
        if !is_listed {
            self.unlisted += 1;
        }
        if !is_listed && text.is_none() {
            return;
        }
        let reason: String = reason.to_string().chars().take(REASON_CHARS_MAX).collect();
        if let Some(text) = text {
            self.kept.push(Line { id: id.clone(), code, reason: reason.clone(), text });
        }
        if is_listed {
            self.listed.push(Rejection { line, id, reason, code });
        }
    }
}

/// What can be kept of an item: its text, else the event that was made.
pub(super) fn text_of(source: Source, made: Option<&Event>) -> Bytes {
    match (source, made) {
        (Source::Text(text), _) => text,
        (Source::Made, Some(event)) => serde_json::to_vec(event).unwrap_or_default().into(),
        (Source::Made, None) => Bytes::new(),
    }
}

/// The id as it was sent, unless it is so long that repeating it would flood the receipt.
pub(super) fn show_id(id: &Scalar) -> Option<String> {
    id.to_text().filter(|text| text.chars().count() <= ID_CHARS_MAX)
}
