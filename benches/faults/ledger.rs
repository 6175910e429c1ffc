//! The oracle: which events were sent, and which of them the server has acknowledged.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::counting::Counted;
use super::traffic::{Event, Kind, TENANTS};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// On its way at least once; it may be stored or not.
    Sent,
    Acknowledged,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    states: HashMap<Event, State>,
    /// How often receipts said "accepted": at most once for each event that is stored.
    pub accepted: u64,
    /// Receipts whose counts are not those of their body.
    pub wrong_receipts: Vec<String>,
}

/// What the API must answer for one tenant, when everything that was sent is acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// By day, from 2026-03-01 on.
    pub outbound: BTreeMap<u64, u64>,
    /// Messages of clients: what `activity.messages` counts.
    pub inbound: u64,
    pub delivered: u64,
}

/// What the store holds, held against what was sent and acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    pub sent: u64,
    pub acknowledged: u64,
    pub stored: u64,
    pub unique: u64,
    /// Acknowledged, and not stored.
    pub lost: u64,
    /// Rows beyond the first of an id.
    pub doubled: u64,
    /// What else is not as it must be.
    pub wrong: Vec<String>,
}

impl Ledger {
    pub fn send(&mut self, events: &[Event]) {
        for event in events {
            self.states.entry(*event).or_insert(State::Sent);
        }
    }

    pub fn acknowledge(&mut self, events: &[Event]) {
        for event in events {
            self.states.insert(*event, State::Acknowledged);
        }
    }

    pub fn acknowledged(&self) -> u64 {
        self.states.values().filter(|state| **state == State::Acknowledged).count() as u64
    }

    /// One that was acknowledged, the same for the same ledger.
    pub fn any_acknowledged(&self) -> Option<Event> {
        let acknowledged = self.states.iter().filter(|(_, state)| **state == State::Acknowledged);
        acknowledged.map(|(event, _)| *event).min()
    }

    pub fn figures(&self, tenant: usize) -> Figures {
        let mut figures = Figures::default();
        let mut delivered = BTreeSet::new();
        for event in self.states.keys().filter(|event| event.tenant == tenant) {
            match event.kind() {
                Kind::Sent => *figures.outbound.entry(event.day()).or_default() += 1,
                Kind::Received => figures.inbound += 1,
                Kind::Delivered | Kind::Read => {
                    delivered.insert(event.story());
                }
            }
        }
        // A status counts when its message is known.
        let known = |story: &&u64| self.states.contains_key(&Event { tenant, number: **story * 8 });
        figures.delivered = delivered.iter().filter(known).count() as u64;
        figures
    }

    /// Holds what the store has against what it must have.
    pub fn judge(&self, counted: &Counted) -> Verdict {
        let mut verdict = Verdict {
            sent: self.states.len() as u64,
            acknowledged: self.acknowledged(),
            stored: counted.rows,
            unique: counted.ids.len() as u64,
            wrong: self.wrong_receipts.clone(),
            ..Verdict::default()
        };
        verdict.doubled = verdict.stored - verdict.unique;
        let mut by_name = HashMap::with_capacity(self.states.len());
        for (event, state) in &self.states {
            let name = (TENANTS[event.tenant].to_owned(), event.id());
            if *state == State::Acknowledged && !counted.ids.contains(&name) {
                verdict.lost += 1;
            }
            by_name.insert(name, *event);
        }
        let foreign = counted.ids.iter().filter(|name| !by_name.contains_key(*name)).count();
        if 0 < foreign {
            verdict.wrong.push(format!("{foreign} ids are stored that nobody sent"));
        }
        if verdict.unique < self.accepted {
            verdict.wrong.push(format!("receipts said `accepted` {} times for {} ids", self.accepted, verdict.unique));
        }
        self.judge_days(counted, &by_name, &mut verdict);
        verdict
    }

    /// The rows of each day and the messages of each tenant, by the store's own columns.
    fn judge_days(&self, counted: &Counted, events: &HashMap<(String, String), Event>, verdict: &mut Verdict) {
        let mut days: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut messages: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for name in &counted.ids {
            let Some(event) = events.get(name) else { continue };
            *days.entry((name.0.clone(), format!("2026-03-{:02}", event.day() + 1))).or_default() += 1;
            let message = if event.number % 8 < 6 { event.number } else { event.story() * 8 };
            messages.entry(name.0.clone()).or_default().insert(message);
        }
        if verdict.doubled == 0 && days != counted.days {
            let other: Vec<_> = counted.days.iter().filter(|(day, rows)| days.get(*day) != Some(rows)).collect();
            verdict.wrong.push(format!(
                "{} days have other rows than they must, such as {:?}",
                other.len(),
                other.first()
            ));
        }
        for (tenant, expected) in &messages {
            let found = counted.messages.get(tenant).copied().unwrap_or_default();
            // An event that was never acknowledged can have left its message behind; a sender would have sent it again.
            let unacknowledged = verdict.sent - verdict.acknowledged;
            let expected = expected.len() as u64;
            if verdict.lost == 0 && (found < expected || expected + unacknowledged < found) {
                verdict.wrong.push(format!("{tenant} has {found} messages and must have {expected}"));
            }
        }
    }
}
