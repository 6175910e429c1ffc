//! When a deal was won, and what for. Pure; it knows nothing of events.

use super::{DealFact, Stage};
use crate::model::clock::Millis;

/// A time during which a deal was won.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    pub won_at: Millis,
    /// When it was no longer won; `None` while it is.
    pub ended_at: Option<Millis>,
    /// The last amount told before the end.
    pub amount: Option<String>,
    pub currency: Option<String>,
}

/// The periods of one deal, of facts in the order of their times. What is told of one instant counts together, so that no
/// period is empty and none ends where the next begins. A deal of which nothing was known and that is only mentioned as won opens
/// none: nobody knows when it was.
pub fn periods(facts: &[DealFact]) -> Vec<Period> {
    let mut periods = Vec::new();
    let mut won_at = None;
    let mut stage = None;
    // Whether it is known when the stage began, which for a deal that was won long ago it is not.
    let mut is_dated = true;
    let mut is_deleted = false;
    for (index, fact) in facts.iter().enumerate() {
        match fact.stage {
            None => {}
            Some(Stage::Deleted) => is_deleted = true,
            Some(Stage::Restored) => is_deleted = false,
            Some(told) => {
                let was_other = |known| known != told || is_dated;
                is_dated = fact.is_transition || told != Stage::Won || stage.is_some_and(was_other);
                stage = Some(told);
            }
        }
        if facts.get(index + 1).is_some_and(|next| next.at == fact.at) {
            continue;
        }
        let is_won = stage == Some(Stage::Won) && is_dated && !is_deleted;
        match won_at {
            None if is_won => won_at = Some(fact.at),
            Some(since) if !is_won => {
                periods.push(period(facts, since, Some(fact.at)));
                won_at = None;
            }
            _ => {}
        }
    }
    periods.extend(won_at.map(|since| period(facts, since, None)));
    periods
}

/// The period with what it was worth. What is told when it has ended is about another time: a new amount of a deal that was
/// lost must not change what was lost.
fn period(facts: &[DealFact], won_at: Millis, ended_at: Option<Millis>) -> Period {
    let heard = || facts.iter().rev().filter(|fact| ended_at.is_none_or(|ended_at| fact.at < ended_at));
    let amount = heard().find_map(|fact| fact.amount.clone()).filter(|amount| !amount.is_empty());
    let named = heard().find_map(|fact| fact.currency.clone()).filter(|currency| !currency.is_empty());
    let usual = || heard().next().and_then(|fact| fact.usual_currency.clone());
    Period { won_at, ended_at, amount, currency: named.or_else(usual) }
}
