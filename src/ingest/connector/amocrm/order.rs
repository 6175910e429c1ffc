//! In which order one second's facts of a lead happened: amoCRM writes whole seconds, and a lead can be added and won within
//! one, by one webhook or by two that come in any order.
//!
//! What is certain comes first: the lead was added before all else; what came from a won or lost stage is later than what came
//! into one. Where nothing says it, a lead that was closed within the second is closed. Among equals the payload's order
//! decides; what came from a stage is later than what came into it.

use std::collections::HashMap;

use crate::ingest::deal::{DealFact, Stage};
use crate::model::clock::Millis;

/// What is told beside a fact.
#[derive(Debug, Default)]
pub struct Entry {
    pub is_added: bool,
    /// Whether it came from a won or lost stage.
    pub was_closed: bool,
    pub status: Option<String>,
    /// Which it came from, if another.
    pub old_status: Option<String>,
}

/// The entries of one payload, one a fact.
#[derive(Debug, Default)]
pub struct Order {
    entries: Vec<Entry>,
}

/// A stage of a lead in a second.
type Moment = (String, Millis, String);

/// Ranks between two neighbours in a payload: so many facts can be put behind one.
const GAP_BITS: u32 = 8;

/// Ranks of one certainty: more than any payload has facts.
const CERTAINTY_BITS: u32 = 40;

/// Walks that put each fact behind the one it came from: what was put behind something is moved itself. Moves of one lead in
/// one second are few, and a payload of many must not cost more.
const WALKS: usize = 3;

impl Order {
    pub fn note(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Gives the facts, of which each has an entry, their ranks.
    pub fn rank(&self, facts: &mut [DealFact]) {
        for (place, (fact, entry)) in (0..).zip(facts.iter_mut().zip(&self.entries)) {
            fact.rank = certainty(fact, entry) << CERTAINTY_BITS | place << GAP_BITS;
        }
        let mut order: Vec<usize> = (0..facts.len().min(self.entries.len())).collect();
        order.sort_by_key(|index| facts[*index].rank);
        let moment = |fact: &DealFact, status: &str| (fact.deal.clone(), fact.at, status.to_owned());
        let mut latest: HashMap<Moment, u64> = HashMap::new();
        for index in &order {
            if let Some(status) = &self.entries[*index].status {
                latest.insert(moment(&facts[*index], status), facts[*index].rank);
            }
        }
        for _ in 0..WALKS {
            for index in &order {
                let (fact, entry) = (&mut facts[*index], &self.entries[*index]);
                let before = entry.old_status.as_deref().and_then(|old| latest.get(&moment(fact, old)));
                let Some(before) = before.filter(|before| fact.rank <= **before) else { continue };
                fact.rank = before + 1;
                if let Some(status) = &entry.status {
                    let known = latest.entry(moment(fact, status)).or_default();
                    *known = fact.rank.max(*known);
                }
            }
        }
    }
}

fn certainty(fact: &DealFact, entry: &Entry) -> u64 {
    match fact.stage {
        _ if entry.is_added => 0,
        _ if entry.was_closed => 3,
        Some(Stage::Won | Stage::Lost | Stage::Deleted | Stage::Restored) => 2,
        Some(Stage::Open) | None => 1,
    }
}
