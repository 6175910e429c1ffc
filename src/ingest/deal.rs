//! The deal book: what CRMs say of deals, piece by piece, becomes conversions.
//!
//! A CRM tells a deal in pieces and in any order, and what it told changes later: an amount after the sale, a sale that is
//! taken back. So every piece is kept as a fact ([`stored`]). From all facts of a deal follow the [`period`]s in which it was
//! won, and from these and what was recorded already the events that must be there ([`mod@conversions`]).
//!
//! It never changes an event: what proves wrong is taken back by another one. It asks no CRM and knows no platform.
//! Where processes share a store it holds none of them up: what two record of one deal at the same time has different
//! ids, and who recorded something looks again, so that the last one takes back what the other recorded too much.

mod conversions;
mod period;
mod stored;

use std::collections::BTreeMap;

use tokio::sync::Mutex;

use self::conversions::{Numbers, conversions};
use super::normalise::{ID_CHARS_MAX, believed_time};
use super::{Ingest, IngestError, Item, Origin, Receipt};
use crate::model::clock::Millis;
use crate::store::{Sharing, StoreError};

/// What a CRM said of one deal at one time. What it did not say is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DealFact {
    /// The same whenever the same thing is told again.
    pub id: String,
    /// The deal as an identity (`hubspot:8812:deal:7`); its conversions name it as their contact, and links join it to
    /// people.
    pub deal: String,
    /// The CRM and its account, as in an event.
    pub channel: String,
    pub account: String,
    /// What the client does by it: the conversion's action.
    pub action: String,
    pub at: Millis,
    /// Its place among the facts of one instant: the greatest was told last. 0 where nobody knows.
    pub rank: u64,
    pub stage: Option<Stage>,
    /// Whether the deal came into the stage then. Otherwise it is only known to be in it, nobody knows since when.
    pub is_transition: bool,
    /// Decimal, in units of the currency; empty where it was taken out.
    pub amount: Option<String>,
    /// ISO 4217; empty where it was taken out.
    pub currency: Option<String>,
    /// What amounts are in as long as no fact names a currency.
    pub usual_currency: Option<String>,
}

/// What a stage means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    Open,
    Won,
    Lost,
    /// The deal is gone, in whatever stage.
    Deleted,
    /// It is back, in the stage that it had.
    Restored,
}

/// Characters of a deal's name. Its corrections are of the orders `{deal}~2` and so on, whose names must be possible too:
/// `~` and a number of at most ten digits.
pub const DEAL_CHARS_MAX: usize = ID_CHARS_MAX - 11;

/// How often what was recorded is looked at again, where other processes record too. Each time somebody else was
/// quicker: more than twice is rare.
const LOOKS_MAX: usize = 10;

/// Lets one delivery of this process at a time compute and record: two that touch one deal would each record what the
/// other does.
#[derive(Debug, Default)]
pub(super) struct Book {
    turn: Mutex<()>,
}

/// What became of facts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settled {
    pub receipt: Receipt,
    /// Facts that cannot be kept: their time or their deal's name cannot be true.
    pub refused: usize,
}

impl Ingest {
    /// Keeps facts and records the conversions that follow from them: when this returns, both are stored. After an error, or a
    /// crash at any point, the same facts again complete it.
    ///
    /// # Errors
    /// When the store does not take them.
    pub(super) async fn settle_deals(&self, origin: Origin, facts: Vec<DealFact>) -> Result<Settled, IngestError> {
        if facts.is_empty() {
            return Ok(Settled::default());
        }
        let ingest = self.clone();
        // A task of its own, as a write of events is: who hangs up does not stop it half way.
        tokio::spawn(async move { ingest.settle(origin, facts).await }).await?
    }

    async fn settle(&self, origin: Origin, facts: Vec<DealFact>) -> Result<Settled, IngestError> {
        let door = &self.door;
        let received_at = origin.received_at.unwrap_or_else(|| door.clock.now());
        let told = facts.len();
        let facts: Vec<DealFact> = facts.into_iter().filter_map(|fact| believe(fact, received_at)).collect();
        let mut settled = Settled { refused: told - facts.len(), ..Settled::default() };

        let store = door.store.as_ref();
        // Before the turn: facts of two deliveries do not touch, and whoever computes reads those of both.
        let rows = stored::build(&origin, received_at, &facts).map_err(IngestError::Batch)?;
        store.insert("deal_facts", rows, None).await?;
        let _turn = door.deals.turn.lock().await;
        let mut deals: Vec<&str> = facts.iter().map(|fact| fact.deal.as_str()).collect();
        deals.sort_unstable();
        deals.dedup();
        for deals in deals.chunks(stored::DEALS_MAX) {
            let receipt = self.record(&origin, received_at, deals).await?;
            settled.receipt.accepted += receipt.accepted;
            receipt.rejected.into_iter().for_each(|rejection| settled.receipt.reject(rejection));
        }
        Ok(settled)
    }

    /// Records what follows from all that is told of the deals.
    async fn record(&self, origin: &Origin, received_at: Millis, deals: &[&str]) -> Result<Receipt, IngestError> {
        let mut accepted = 0;
        for _ in 0..LOOKS_MAX {
            let receipt = self.record_once(origin, received_at, deals).await?;
            accepted += receipt.accepted;
            // Facts that another process kept meanwhile, and what it recorded, were not seen before ours stood there.
            // Who finds nothing to record has seen all.
            if receipt.accepted == 0 || self.door.store.sharing() == Sharing::Own {
                // What was recorded before is no duplicate of the sender's.
                return Ok(Receipt { accepted, duplicates: 0, ..receipt });
            }
        }
        let message = format!("other processes record the same deals: they were looked at {LOOKS_MAX} times");
        Err(StoreError::Engine { code: 0, message }.into())
    }

    async fn record_once(&self, origin: &Origin, received_at: Millis, deals: &[&str]) -> Result<Receipt, IngestError> {
        let store = self.door.store.as_ref();
        let numbers = match store.sharing() {
            Sharing::Own => Numbers::Counted,
            Sharing::Shared { .. } => Numbers::Drawn,
        };
        let facts = stored::facts(store, &origin.tenant, deals).await?;
        // Another delivery may have told of a later time than this one's arrival, when the archive is read again.
        let latest = facts.iter().map(|fact| fact.at).max().unwrap_or(received_at).max(received_at);
        let books = by_deal(facts);
        let stems: Vec<String> = books.keys().map(|deal| conversions::stem(deal)).collect();
        let recorded = stored::recorded(store, &origin.tenant, &stems).await?;
        let events = books.values().flat_map(|facts| conversions(facts, &recorded, latest, numbers));
        let items: Vec<Item> = (1..).zip(events).map(|(line, event)| Item::of(line, event)).collect();
        // They arrived with this delivery: by its instant a replay finds them.
        let origin = Origin { received_at: Some(received_at), believed_until: Some(latest), ..origin.clone() };
        self.accept_within(origin, items.into_iter()).await
    }
}

/// The fact at a time that can be true, as that of an event is decided; `None` where there is none, or where its deal could
/// be no contact.
fn believe(fact: DealFact, received_at: Millis) -> Option<DealFact> {
    let is_name = |name: &str, chars_max: usize| {
        !name.is_empty() && name.chars().count() <= chars_max && !name.chars().any(|char| char.is_control())
    };
    let at = believed_time(fact.at, received_at)?;
    (is_name(&fact.deal, DEAL_CHARS_MAX) && is_name(&fact.id, ID_CHARS_MAX)).then_some(DealFact { at, ..fact })
}

/// The facts of each deal, in the order of their times; those of one instant by their ranks. Ids say nothing of an order:
/// they come last only so that there is one.
fn by_deal(facts: Vec<DealFact>) -> BTreeMap<String, Vec<DealFact>> {
    let mut books: BTreeMap<String, Vec<DealFact>> = BTreeMap::new();
    for fact in facts {
        books.entry(fact.deal.clone()).or_default().push(fact);
    }
    for facts in books.values_mut() {
        facts.sort_by(|one, other| (one.at, one.rank, &one.id).cmp(&(other.at, other.rank, &other.id)));
    }
    books
}

impl Stage {
    const ALL: [Self; 5] = [Self::Open, Self::Won, Self::Lost, Self::Deleted, Self::Restored];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Won => "WON",
            Self::Lost => "LOST",
            Self::Deleted => "DELETED",
            Self::Restored => "RESTORED",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == name)
    }
}

#[cfg(test)]
mod tests;
