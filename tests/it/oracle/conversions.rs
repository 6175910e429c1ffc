//! Conversion: which cycles each conversion is credited to, and what refunds leave of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::answer::Facts;
use super::dialogs::Cycle;
use super::events::{DAY, Event, id};
use super::expected::{Keeps, Measures, within};
use super::measure::{Level, decimal, quality, share};
use super::messages::Row;
use super::people::{Name, People};
use super::question::{Question, Viewer};

pub struct Conversions<'a> {
    facts: &'a Facts,
    window_days: i64,
    /// What a conversion is worth is for managers, and so is what to know of it.
    tells_value: bool,
    cycles: Vec<Touch<'a>>,
    credits: Vec<Credit>,
}

/// A cycle with a client's message.
struct Touch<'a> {
    row: Row,
    cycle: &'a Cycle,
    dialog: &'a str,
    name: String,
    /// When the client wrote first.
    first: i64,
}

/// A conversion, or a part of one, that stays with a cycle.
struct Credit {
    cycle: usize,
    /// The cycle's, with the conversion's action.
    row: Row,
    /// In ten-thousandths, over how many cycles, in which currency.
    value: Option<(i128, i128, &'static str)>,
}

impl<'a> Conversions<'a> {
    pub fn of(facts: &'a Facts, question: &'a Question) -> Self {
        let window_days = question.arguments.window_days.unwrap_or(7);
        let tells_value = question.viewer == Viewer::Manager;
        let mut all = Self { facts, window_days, tells_value, cycles: Vec::new(), credits: Vec::new() };
        for dialog in &facts.dialogs {
            for cycle in &dialog.cycles {
                if let (Some(row), Some(first)) = (cycle.row(), cycle.first_of_client()) {
                    all.cycles.push(Touch { row, cycle, dialog: dialog.key.0, name: dialog.name(), first });
                }
            }
        }
        let actions = question.arguments.actions.as_deref();
        for (index, event) in facts.events.iter().enumerate() {
            let asked = |action: &str| actions.is_none_or(|actions| actions.contains(&action));
            match event.conversion {
                Some(conversion) if event.kind == "conversion.recorded" && asked(conversion.action) => {
                    all.credit(index, event, question.arguments.attribution);
                }
                _ => {}
            }
        }
        all
    }

    fn window(&self) -> i64 {
        self.window_days * DAY
    }

    fn credit(&mut self, index: usize, event: &Event, attribution: Option<&str>) {
        let touches = |touch: &Touch| {
            names(&self.facts.people, event, touch)
                && touch.first <= event.at
                && event.at <= touch.first + self.window()
        };
        let mut candidates: Vec<usize> = (0..self.cycles.len()).filter(|cycle| touches(&self.cycles[*cycle])).collect();
        // Cycles of one dialog stand in order, so that the later one has the greater index.
        candidates.sort_by_key(|cycle| {
            let touch = &self.cycles[*cycle];
            (touch.first, touch.name.clone(), *cycle)
        });
        let shares = i128::try_from(candidates.len()).unwrap();
        let (credited, shares) = match attribution {
            Some("LINEAR") => (candidates, shares),
            Some("FIRST_TOUCH") => (candidates.first().copied().into_iter().collect(), 1),
            _ => (candidates.last().copied().into_iter().collect(), 1),
        };
        let conversion = event.conversion.unwrap();
        for cycle in credited {
            let until = self.cycles[cycle].first + self.window();
            if let Some(left) = self.left(index, event, until) {
                let mut row = self.cycles[cycle].row.clone();
                row.conversion_kind = conversion.action;
                let value = left.map(|left| (left, shares, conversion.value.unwrap().1));
                self.credits.push(Credit { cycle, row, value });
            }
        }
    }

    /// The rows of a cycle: one a credit, one when there is none.
    fn own(&self, cycle: usize) -> Vec<&Row> {
        let credits: Vec<&Row> =
            self.credits.iter().filter(|credit| credit.cycle == cycle).map(|credit| &credit.row).collect();
        if credits.is_empty() { vec![&self.cycles[cycle].row] } else { credits }
    }

    /// What refunds up to an instant leave of a conversion: `None` when it no longer counts, else its value.
    fn left(&self, index: usize, event: &Event, until: i64) -> Option<Option<i128>> {
        let value = event.conversion?.amount();
        let mut refunded = None;
        for revert in self.facts.events.iter().filter(|revert| revert.kind == "conversion.reverted") {
            if revert.at <= until && self.recorded_before(revert) == Some(index) {
                *refunded.get_or_insert(0) += revert.conversion?.amount()?;
            }
        }
        match (value, refunded) {
            (value, None) => Some(value),
            (Some(value), Some(refunded)) if refunded < value => Some(Some(value - refunded)),
            _ => None,
        }
    }

    /// The conversion that a refund takes back.
    fn recorded_before(&self, revert: &Event) -> Option<usize> {
        let undone = revert.conversion?;
        let same = |event: &Event| {
            event.kind == "conversion.recorded"
                && event.at <= revert.at
                && event.conversion.is_some_and(|conversion| {
                    !undone.order.is_empty() && (conversion.order, conversion.action) == (undone.order, undone.action)
                })
        };
        let events = self.facts.events.iter().enumerate().filter(|(_, event)| same(event));
        events.max_by_key(|(index, event)| (event.at, id(*index))).map(|(index, _)| index)
    }
}

impl Touch<'_> {
    /// Whose the cycle is: its contact, and the chats of its messages.
    fn names(&self) -> Vec<Name> {
        let contact = Some(Name::Contact(self.row.contact)).filter(|_| !self.row.contact.is_empty());
        let chats = self.cycle.said.iter().map(|said| Name::Chat(said.row.channel, said.row.account, said.row.chat));
        contact.into_iter().chain(chats).collect()
    }
}

/// Whether a conversion names, by any name, a person whose the cycle is; or its dialog, or a chat of one of its messages.
fn names(people: &People, event: &Event, touch: &Touch) -> bool {
    let same = |one: &str, other: &str| !one.is_empty() && one == other;
    let place = (event.channel, event.account, event.chat);
    let person = people.person(&Name::Contact(event.contact));
    (!event.contact.is_empty() && touch.names().iter().any(|name| person.contains(name)))
        || same(event.dialog, touch.dialog)
        || (!event.chat.is_empty()
            && touch.cycle.said.iter().any(|said| (said.row.channel, said.row.account, said.row.chat) == place))
}

impl Measures for Conversions<'_> {
    fn rows(&self, from: i64, to: i64) -> Vec<&Row> {
        (0..self.cycles.len()).flat_map(|cycle| self.own(cycle)).filter(within(from, to)).collect()
    }

    fn metrics(&self, from: i64, to: i64, keeps: Keeps) -> Value {
        let lies = |row: &Row| within(from, to)(&row) && keeps(row);
        let counts = |cycle: &usize| self.own(*cycle).into_iter().any(lies);
        let cycles: Vec<&Touch> = (0..self.cycles.len()).filter(counts).map(|cycle| &self.cycles[cycle]).collect();
        let credits: Vec<&Credit> = self.credits.iter().filter(|credit| lies(&credit.row)).collect();
        let converted: BTreeSet<usize> = credits.iter().map(|credit| credit.cycle).collect();
        let values: Vec<_> = credits.iter().filter_map(|credit| credit.value).collect();
        let currencies: BTreeSet<&str> = values.iter().map(|(_, _, currency)| *currency).collect();
        let shares: Vec<(i128, i128)> = values.iter().map(|(amount, of, _)| (*amount, *of)).collect();
        let one_currency = currencies.len() == 1;
        let known = cycles.iter().filter(|touch| self.facts.people.knows(&touch.names())).count();
        let level = if known < cycles.len() { Level::LowerBound } else { Level::Exact };
        let is_mixed = self.tells_value && 1 < currencies.len();
        let warnings: &[&str] = if is_mixed { &["MIXED_CURRENCIES"] } else { &[] };
        json!({
            "rate": share(converted.len(), cycles.len()),
            "identityCoverage": share(known, cycles.len()),
            "converted": converted.len(),
            "dialogs": cycles.len(),
            "value": one_currency.then(|| decimal(&shares)),
            "currency": currencies.first().filter(|_| one_currency),
            "quality": quality(level, cycles.len(), self.facts.now < to + self.window(), warnings),
        })
    }
}
