//! What must be recorded of a deal, beside what was: pure, so that any order of arrival can be tried.
//!
//! A deal's conversion has revisions, each of its own order, so that a reversal takes back exactly one. A revision is recorded
//! when the deal was won (`won`), taken back when it was no longer (`lost`), and, where later facts show that it never was so,
//! taken back at the time of its own recording (`void`): then no figure has ever counted it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::DealFact;
use super::period::{Period, periods};
use crate::ingest::connector::sender::event_id;
use crate::ingest::normalise::normalise;
use crate::model::clock::Millis;
use crate::model::event::{Amount, Conversion, Event, Kind, Scalar};

/// An event of a deal that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub id: String,
    pub terms: Terms,
}

/// What is told of a conversion, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub at: Millis,
    pub action: String,
    pub value: Option<Amount>,
    pub currency: String,
}

/// How new revisions are numbered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    /// One after the other: where one process records.
    #[default]
    Counted,
    /// By what they say, so that two processes that record different things at the same time never do it under one id:
    /// merged, they would be a conversion that nobody told of, and nothing could take it back.
    Drawn,
}

/// The least number that is drawn, and how many can be: those that are counted are below, and can go on above.
const DRAWN_FROM: u32 = 1 << 16;
const DRAWN: u32 = 1 << 30;

/// One revision as far as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Revision {
    won: Terms,
    lost_at: Option<Millis>,
    void_at: Option<Millis>,
}

/// What an event says of its revision: the end of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Won,
    Lost,
    Void,
}

/// Bytes of a stem that leave room for what follows in an id of 200.
const STEM_BYTES_MAX: usize = 150;

/// What the ids of all events of a deal begin with, the space included. Made of its name alone: whatever else is told of it
/// may change, and what was recorded before must still be found.
pub fn stem(deal: &str) -> String {
    let mut stem = event_id(&["deal", deal]);
    if STEM_BYTES_MAX < stem.len() {
        // Too long for an id, so that it becomes a hash.
        stem = event_id(&[&stem, &"-".repeat(200)]);
    }
    stem.push(' ');
    stem
}

/// All events that must be there of a deal with these facts, in the order of their times: those that are, and those that are
/// not yet. The ones that are stored are known by their ids; telling them again mends what a crash left half stored.
pub fn conversions(facts: &[DealFact], recorded: &[Recorded], received_at: Millis, numbers: Numbers) -> Vec<Event> {
    let Some(last) = facts.last() else { return Vec::new() };
    let stem = stem(&last.deal);
    let mut events = Vec::new();
    let revisions = revisions(&stem, recorded);
    let mut live: BTreeMap<u32, &Revision> = BTreeMap::new();
    for (number, revision) in &revisions {
        events.push(event(last, &stem, *number, Step::Won, &revision.won));
        for (step, at) in revision.reversals() {
            events.push(event(last, &stem, *number, step, &revision.won.reverted(at)));
        }
        if revision.ended_at() != Some(revision.won.at) {
            live.insert(*number, revision);
        }
    }
    // Of all steps, also of those whose revision was never won: a replay that read only a part of the archive leaves
    // such, and a new revision of the same number would be taken back by them.
    let mut taken: BTreeSet<u32> = steps(&stem, recorded).map(|(number, ..)| number).collect();
    for period in periods(facts) {
        let Some((terms, attributes)) = terms(last, &period, received_at) else { continue };
        let is_same = |revision: &Revision| {
            let ended_at = revision.ended_at();
            let can_end = period.ended_at.is_none() || revision.free(Step::Lost).is_some();
            revision.won == terms && if ended_at.is_none() { can_end } else { ended_at == period.ended_at }
        };
        let found = live.iter().find(|(_, revision)| is_same(revision)).map(|(number, _)| *number);
        let (number, left) = match found.and_then(|number| live.remove(&number).map(|known| (number, known))) {
            Some((number, known)) => (number, known.free(Step::Lost).filter(|_| known.ended_at().is_none())),
            None => {
                let number = numbers.next(&taken, &terms);
                taken.insert(number);
                let won = event(last, &stem, number, Step::Won, &terms);
                events.push(Event { attributes, ..won });
                (number, Some(Step::Lost))
            }
        };
        if let Some((at, step)) = period.ended_at.zip(left) {
            events.push(event(last, &stem, number, step, &terms.reverted(at)));
        }
    }
    for (number, revision) in live {
        if let Some(step) = revision.free(Step::Void) {
            events.push(event(last, &stem, number, step, &revision.won.reverted(revision.won.at)));
        }
    }
    events
}

/// The revisions among stored events, of which others may be of other deals.
fn revisions(stem: &str, recorded: &[Recorded]) -> BTreeMap<u32, Revision> {
    let steps = |wanted: Step| steps(stem, recorded).filter(move |(_, step, _)| *step == wanted);
    let mut revisions: BTreeMap<u32, Revision> = steps(Step::Won)
        .map(|(number, _, terms)| (number, Revision { won: terms.clone(), lost_at: None, void_at: None }))
        .collect();
    // Two processes can have recorded one step with two times: the earliest is the one that counts in the end.
    let earliest = |known: Option<Millis>, told: Millis| Some(known.map_or(told, |known| known.min(told)));
    for (number, _, terms) in steps(Step::Lost) {
        if let Some(revision) = revisions.get_mut(&number) {
            revision.lost_at = earliest(revision.lost_at, terms.at);
        }
    }
    for (number, _, terms) in steps(Step::Void) {
        if let Some(revision) = revisions.get_mut(&number) {
            revision.void_at = earliest(revision.void_at, terms.at);
        }
    }
    revisions
}

/// The stored events of one deal, with their numbers.
fn steps<'a>(stem: &'a str, recorded: &'a [Recorded]) -> impl Iterator<Item = (u32, Step, &'a Terms)> {
    recorded.iter().filter_map(move |event| {
        let (number, step) = event.id.strip_prefix(stem)?.split_once(' ')?;
        Some((number.parse().ok()?, Step::parse(step)?, &event.terms))
    })
}

impl Numbers {
    /// The number of a new revision.
    fn next(self, taken: &BTreeSet<u32>, terms: &Terms) -> u32 {
        match self {
            Self::Counted => taken.last().map_or(1, |greatest| greatest.saturating_add(1)),
            Self::Drawn => {
                let drawn = DRAWN_FROM + terms.digest() % DRAWN;
                // The same was recorded and taken back before.
                (drawn..).find(|number| !taken.contains(number)).unwrap_or(drawn)
            }
        }
    }
}

impl Revision {
    /// What takes it back. What is dated before it was won takes nothing back: it was of another one with its number.
    fn reversals(&self) -> impl Iterator<Item = (Step, Millis)> {
        let told = [(Step::Lost, self.lost_at), (Step::Void, self.void_at)];
        let told = told.map(|(step, at)| Some((step, at.filter(|at| self.won.at <= *at)?)));
        told.into_iter().flatten()
    }

    /// Since when it does not count; as soon as it was won, if it never did.
    fn ended_at(&self) -> Option<Millis> {
        self.reversals().map(|(_, at)| at).min()
    }

    /// The step that can still be recorded to take it back, this one if it can: what is stored under an id stays.
    fn free(&self, wanted: Step) -> Option<Step> {
        match (self.lost_at, self.void_at) {
            (None, None) => Some(wanted),
            (None, Some(_)) => Some(Step::Lost),
            (Some(_), None) => Some(Step::Void),
            (Some(_), Some(_)) => None,
        }
    }
}

/// What is stored of a period, with what is kept beside it; `None` where it is so long ago that no event can be.
///
/// What the rules of events refuse of its worth costs the worth and not the conversion.
fn terms(deal: &DealFact, period: &Period, received_at: Millis) -> Option<(Terms, Option<Map<String, Value>>)> {
    let conversion = |value: Option<&String>, currency: Option<&String>| Conversion {
        action: Some(Scalar::from(deal.action.as_str())),
        value: value.cloned().map(Scalar::Text),
        currency: currency.cloned().map(Scalar::Text),
        order: None,
    };
    let stored = |conversion: Conversion| {
        let event = Event {
            id: Some("deal".into()),
            kind: Some(Kind::ConversionRecorded.as_str().into()),
            at: Some(Scalar::from(period.won_at)),
            channel: Some(Scalar::from(deal.channel.as_str())),
            conversion: Some(conversion),
            ..Event::default()
        };
        let event = normalise(event, received_at).ok()?;
        Some(Terms {
            at: event.at,
            action: event.conversion_action,
            value: event.conversion_value,
            currency: event.conversion_currency,
        })
    };
    // A currency of nothing says nothing: it would only make revisions of what has no value.
    let currency = period.amount.as_ref().and(period.currency.as_ref());
    if let Some(terms) = stored(conversion(period.amount.as_ref(), currency)) {
        return Some((terms, None));
    }
    let terms = stored(conversion(None, None))?;
    let told = [("deal_amount", &period.amount), ("deal_currency", &period.currency)];
    let told = told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value.clone()?))));
    Some((terms, Some(told.collect())))
}

fn event(deal: &DealFact, stem: &str, revision: u32, step: Step, terms: &Terms) -> Event {
    let order = match revision {
        1 => deal.deal.clone(),
        _ => format!("{}~{revision}", deal.deal),
    };
    let currency = Some(terms.currency.clone()).filter(|currency| !currency.is_empty());
    Event {
        id: Some(Scalar::Text(format!("{stem}{revision} {}", step.as_str()))),
        kind: Some(Scalar::from(step.kind().as_str())),
        at: Some(Scalar::from(terms.at)),
        channel: Some(Scalar::from(deal.channel.as_str())),
        account: Some(Scalar::from(deal.account.as_str())),
        contact: Some(Scalar::from(deal.deal.as_str())),
        conversion: Some(Conversion {
            action: Some(Scalar::from(terms.action.as_str())),
            value: terms.value.map(|amount| Scalar::Text(written(amount))),
            currency: currency.map(Scalar::Text),
            order: Some(Scalar::Text(order)),
        }),
        ..Event::default()
    }
}

/// The amount in decimal.
fn written(amount: Amount) -> String {
    let unit = 10_u64.pow(u32::from(Amount::DECIMALS));
    let scaled = amount.0.unsigned_abs();
    let sign = if amount.0 < 0 { "-" } else { "" };
    format!("{sign}{}.{:04}", scaled / unit, scaled % unit)
}

impl Terms {
    /// A part of their digest.
    fn digest(&self) -> u32 {
        let value = self.value.map(|amount| amount.0);
        let digest = Sha256::digest(format!("{} {value:?} {} {}", self.at, self.currency, self.action));
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
    }

    /// A reversal of all of it: one with a value would take back only so much.
    fn reverted(&self, at: Millis) -> Self {
        Self { at, action: self.action.clone(), value: None, currency: String::new() }
    }
}

impl Step {
    const ALL: [Self; 3] = [Self::Won, Self::Lost, Self::Void];

    fn as_str(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Void => "void",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == name)
    }

    fn kind(self) -> Kind {
        match self {
            Self::Won => Kind::ConversionRecorded,
            Self::Lost | Self::Void => Kind::ConversionReverted,
        }
    }
}
