//! Where events go as they happen: it gives them ids, drops what lies behind the plan's end, and disturbs a little.

use std::collections::VecDeque;

use super::Plan;
use super::chance::Chance;
use super::company::{Contact, MessageIds};
use crate::model::clock::Millis;
use crate::model::event::{Event, Kind, Scalar};

/// Exact copies, as platforms deliver them again.
const COPIES: f64 = 0.01;
/// Events that come before the one that they follow.
const SWAPS: f64 = 0.03;

pub(super) struct Sink {
    plan: Plan,
    chance: Chance,
    ids: u64,
    messages: u64,
    dialogs: u64,
    waiting: VecDeque<Event>,
}

impl Sink {
    pub fn new(plan: Plan) -> Self {
        // A stream of its own: how much is disturbed must not decide what happens.
        let chance = Chance::new(!plan.seed, plan.tenant_index);
        Self { plan, chance, ids: 0, messages: 0, dialogs: 0, waiting: VecDeque::new() }
    }

    pub fn take(&mut self) -> Option<Event> {
        self.waiting.pop_front()
    }

    /// A new event with an id of its own.
    pub fn event(&mut self, kind: Kind, at: Millis) -> Event {
        self.ids += 1;
        Event {
            id: Some(format!("{:x}.{:x}.{:x}", self.plan.seed, self.plan.tenant_index, self.ids).into()),
            kind: Some(kind.as_str().into()),
            at: Some(at.into()),
            ..Event::default()
        }
    }

    /// The same, about a contact.
    pub fn contact_event(&mut self, kind: Kind, at: Millis, contact: Contact) -> Event {
        let mut event = self.event(kind, at);
        event.channel = Some(contact.channel.name.into());
        event.account = Some(contact.account.into());
        // Chats are numbers on most platforms, and some sources send them as numbers.
        event.chat = Some((70_000_000 + contact.index as i64).into());
        event.contact = Some(format!("c{}", contact.index).into());
        event
    }

    pub fn dialog_id(&mut self) -> String {
        self.dialogs += 1;
        format!("d{:x}", self.dialogs)
    }

    /// A message's id as the channel numbers them; what grows in a chat grows with time.
    pub fn message_id(&mut self, at: Millis, contact: Contact) -> Scalar {
        match contact.channel.ids {
            MessageIds::Unique(prefix) => {
                self.messages += 1;
                format!("{prefix}{:x}.{:012x}", self.plan.tenant_index, self.messages).into()
            }
            // Messages of a chat are a second apart, so tenths of a second tell them apart.
            MessageIds::From(first) => (first + (at - self.plan.from).max(0) / 100).into(),
        }
    }

    pub fn put(&mut self, event: Event) {
        let at = match &event.at {
            Some(Scalar::Number(number)) => number.as_i64().unwrap_or_default(),
            _ => 0,
        };
        if at < self.plan.from || self.plan.to <= at {
            return;
        }
        if self.chance.happens(COPIES) {
            self.waiting.push_back(event.clone());
        }
        self.waiting.push_back(event);
        if self.chance.happens(SWAPS) && 1 < self.waiting.len() {
            let last = self.waiting.len() - 1;
            self.waiting.swap(last - 1, last);
        }
    }
}
