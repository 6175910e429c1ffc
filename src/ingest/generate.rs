//! Synthetic traffic: what a company's conversations look like, from a seed.
//!
//! The same plan gives the same events, one after the other and without holding them: memory does not grow with
//! their number. They are roughly, not strictly, in order of time, as real sources send them; a few come twice and a
//! few statuses come in the wrong order. Nothing here stores anything: [`mod@write`] writes a file for [`mod@super::file`].
//!
//! Reading order: [`company`] (channels, operators, contacts), [`rhythm`] (when), [`dialog`] and [`broadcast`] (what
//! happens), [`outbound`] (a message and its statuses).

mod broadcast;
mod chance;
mod company;
mod dialog;
mod outbound;
mod rhythm;
mod sink;
pub mod write;

use chrono_tz::Tz;

use self::chance::Chance;
use self::company::Company;
use self::rhythm::Rhythm;
use self::sink::Sink;
use crate::model::clock::Millis;
use crate::model::event::Event;

/// What to generate, for one tenant. Several tenants are several plans with different `tenant_index`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    pub seed: u64,
    /// Makes different companies of one seed.
    pub tenant_index: u32,
    /// The first instant.
    pub from: Millis,
    /// The end: nothing happens at or after it, so what is going on then is left open.
    pub to: Millis,
    /// How many messages, inbound and outbound, roughly; there are about nine events to four messages.
    pub messages: u64,
    /// Where the company's operators and contacts live.
    pub time_zone: Tz,
}

/// Messages of an average dialog, as measured; it turns a number of messages into dialogs.
const MESSAGES_PER_DIALOG: f64 = 6.6;
/// The share of messages that are broadcasts.
const BROADCAST_SHARE: f64 = 0.15;

impl Plan {
    /// The events, made as they are asked for.
    pub fn events(&self) -> Events {
        let rhythm = Rhythm::new(self.from, self.to, self.time_zone);
        let broadcasts = self.messages as f64 * BROADCAST_SHARE;
        let dialogs = (self.messages as f64 - broadcasts) / MESSAGES_PER_DIALOG;
        Events {
            chance: Chance::new(self.seed, self.tenant_index),
            company: Company::new(self.messages, self.time_zone),
            sink: Sink::new(*self),
            dialogs_per_weight: dialogs / rhythm.total_weight().max(f64::MIN_POSITIVE),
            broadcasts_per_hour: broadcasts / f64::from(rhythm.broadcast_hours().max(1)),
            rhythm,
            hour: None,
            dialogs_left: 0,
            broadcasts_left: 0,
        }
    }
}

/// The events of a plan.
pub struct Events {
    chance: Chance,
    company: Company,
    rhythm: Rhythm,
    sink: Sink,
    dialogs_per_weight: f64,
    broadcasts_per_hour: f64,
    hour: Option<rhythm::Hour>,
    dialogs_left: u64,
    broadcasts_left: u64,
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.sink.take() {
                return Some(event);
            }
            self.refill()?;
        }
    }
}

impl Events {
    /// Lets one more thing happen: a dialog, a broadcast message, or the next hour. `None` at the end.
    fn refill(&mut self) -> Option<()> {
        let Self { chance, company, sink, .. } = self;
        match self.hour {
            Some(hour) if 0 < self.dialogs_left => {
                self.dialogs_left -= 1;
                let contact = company.pick_contact(chance);
                dialog::play(hour.start + chance.below(rhythm::HOUR_MS), contact, company, chance, sink);
            }
            Some(hour) if 0 < self.broadcasts_left => {
                self.broadcasts_left -= 1;
                broadcast::send(hour, company, chance, sink);
            }
            _ => {
                let hour = self.rhythm.next()?;
                self.hour = Some(hour);
                let swing = chance.between(0.8, 1.2);
                self.dialogs_left = chance.round(hour.weight * self.dialogs_per_weight * swing);
                let is_broadcast = hour.is_broadcast();
                self.broadcasts_left = if is_broadcast { chance.round(self.broadcasts_per_hour) } else { 0 };
                company.begin_hour(hour, chance, sink);
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
