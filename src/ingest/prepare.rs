//! Preparing a batch: items are normalised, and repeats inside the batch dropped. Pure but for the clock.

use std::collections::HashSet;

use super::Origin;
use super::item::Item;
use super::normalise::{ID_CHARS_MAX, normalise};
use super::receipt::{REJECTED_LISTED_MAX, Rejection};
use crate::model::Clock;
use crate::model::event::{NormalEvent, Scalar};

/// Events of one insert: large enough for the engine's best speed, about 50 MB in memory.
pub(super) const BATCH_EVENTS_MAX: usize = 50_000;

/// Characters of a reason: the JSON parser's own words can repeat a whole value of the line.
const REASON_CHARS_MAX: usize = 300;

/// A batch that is ready to be stored.
pub(super) struct Prepared {
    /// With different ids: the first of several events with one id stays.
    pub events: Vec<NormalEvent>,
    pub repeats: u64,
    pub rejected: Rejected,
    /// No items are left after it.
    pub is_last: bool,
}

#[derive(Default)]
pub(super) struct Rejected {
    pub listed: Vec<Rejection>,
    pub unlisted: u64,
}

/// Takes items until the batch is full or there are no more.
pub(super) fn prepare(origin: &Origin, items: &mut impl Iterator<Item = Item>, clock: &dyn Clock) -> Prepared {
    let received_at = origin.received_at.unwrap_or_else(|| clock.now());
    let believed_until = origin.believed_until.map_or(received_at, |until| until.max(received_at));
    let mut events: Vec<NormalEvent> = Vec::new();
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
                rejected.add(item.line, unreadable.id, &unreadable.reason);
                continue;
            }
        };
        let id = event.id.clone();
        match normalise(event, believed_until) {
            Ok(event) if ids.insert(event.id.clone()) => events.push(NormalEvent { received_at, ..event }),
            Ok(_) => repeats += 1,
            Err(reason) => rejected.add(item.line, id.as_ref().and_then(show_id), &reason),
        }
    }
    Prepared { events, repeats, rejected, is_last }
}

impl Rejected {
    pub fn add(&mut self, line: u64, id: Option<String>, reason: &super::Reason) {
        if self.listed.len() < REJECTED_LISTED_MAX {
            let reason = reason.to_string().chars().take(REASON_CHARS_MAX).collect();
            self.listed.push(Rejection { line, id, reason });
        } else {
            self.unlisted += 1;
        }
    }
}

/// The id as it was sent, unless it is so long that repeating it would flood the receipt.
pub(super) fn show_id(id: &Scalar) -> Option<String> {
    id.to_text().filter(|text| text.chars().count() <= ID_CHARS_MAX)
}
