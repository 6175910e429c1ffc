mod log;
mod races;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::conversions::{Numbers, Recorded, Terms, stem};
use super::period::{Period, periods};
use super::*;
use crate::ingest::normalise::normalise;
use crate::model::event::{Amount, Event, Kind};

/// 2026-05-01T12:00:00Z.
const NOW: Millis = 1_777_636_800_000;

fn fact(id: &str, minute: i64, stage: Option<Stage>, amount: Option<&str>) -> DealFact {
    DealFact {
        id: id.to_owned(),
        deal: "hubspot:8812:deal:7".to_owned(),
        channel: "HUBSPOT".to_owned(),
        account: "8812".to_owned(),
        action: "Purchase".to_owned(),
        at: NOW + minute * 60_000,
        rank: 0,
        is_transition: true,
        stage,
        amount: amount.map(str::to_owned),
        currency: None,
        usual_currency: Some("EUR".to_owned()),
    }
}

/// The events that the store would have after these.
#[derive(Default)]
struct Log {
    numbers: Numbers,
    facts: Vec<DealFact>,
    recorded: Vec<Recorded>,
}

impl Log {
    /// Takes a delivery and returns the events that are new.
    fn take(&mut self, delivery: &[DealFact]) -> Vec<Event> {
        for fact in delivery {
            self.facts.retain(|known| known.id != fact.id);
            self.facts.push(fact.clone());
        }
        let books = by_deal(self.facts.clone());
        let mut new = Vec::new();
        let events =
            books.values().flat_map(|facts| conversions(facts, &self.recorded, NOW + 86_400_000, self.numbers));
        for event in events.collect::<Vec<_>>() {
            let recorded = recorded(&event);
            match self.recorded.iter().find(|known| known.id == recorded.id) {
                Some(known) => assert_eq!(known, &recorded, "an event is told again with other words"),
                None => {
                    self.recorded.push(recorded);
                    new.push(event);
                }
            }
        }
        new
    }

    /// What counts: when, until when, and how much; by the rules of `sql/facts/conversions.sql`.
    fn counted(&self) -> Vec<(Millis, Option<Millis>, Option<Amount>, String)> {
        let won = self.recorded.iter().filter(|event| event.id.ends_with(" won"));
        let mut counted: Vec<_> = won
            .map(|event| {
                let revision = event.id.trim_end_matches("won");
                let reverted = self.recorded.iter().filter(|other| {
                    other.id != event.id && other.id.starts_with(revision) && event.terms.at <= other.terms.at
                });
                let until = reverted.map(|other| other.terms.at).min();
                (event.terms.at, until, event.terms.value, event.terms.currency.clone())
            })
            .filter(|(at, until, ..)| Some(*at) != *until)
            .collect();
        counted.sort();
        counted
    }
}

/// An event as it is stored.
fn recorded(event: &Event) -> Recorded {
    let normal = normalise(event.clone(), NOW + 86_400_000).expect("an event that is taken");
    let terms = Terms {
        at: normal.at,
        action: normal.conversion_action,
        value: normal.conversion_value,
        currency: normal.conversion_currency,
    };
    Recorded { id: normal.id, terms }
}

fn shown(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| {
            let normal = normalise(event.clone(), NOW + 86_400_000).unwrap();
            let minute = (normal.at - NOW) / 60_000;
            let value = normal.conversion_value.map_or(String::new(), |value| format!(" {}", value.0 / 10_000));
            format!("{} at {minute} of {}{value}", normal.kind.as_str(), normal.conversion_order)
        })
        .collect()
}

fn check(deliveries: &[&[DealFact]], expect: &[&[&str]]) {
    let mut log = Log::default();
    let got: Vec<Vec<String>> = deliveries.iter().map(|delivery| shown(&log.take(delivery))).collect();
    assert_eq!(got, expect);
}

#[test]
fn a_deal_that_is_won_is_recorded_and_taken_back_when_it_is_lost() {
    check(
        &[
            &[fact("a", 0, Some(Stage::Open), Some("100"))],
            &[fact("b", 5, Some(Stage::Won), None)],
            &[fact("b", 5, Some(Stage::Won), None)],
            &[fact("c", 9, Some(Stage::Lost), None)],
            &[fact("d", 20, Some(Stage::Won), Some("70"))],
        ],
        &[
            &[],
            &["conversion.recorded at 5 of hubspot:8812:deal:7 100"],
            &[],
            &["conversion.reverted at 9 of hubspot:8812:deal:7"],
            &["conversion.recorded at 20 of hubspot:8812:deal:7~2 70"],
        ],
    );
}

#[test]
fn an_amount_that_comes_later_replaces_what_was_recorded() {
    check(
        &[
            &[fact("a", 5, Some(Stage::Won), None)],
            &[fact("b", 6, None, Some("100"))],
            &[fact("c", 4, None, Some("9"))],
        ],
        &[
            &["conversion.recorded at 5 of hubspot:8812:deal:7"],
            &[
                "conversion.recorded at 5 of hubspot:8812:deal:7~2 100",
                "conversion.reverted at 5 of hubspot:8812:deal:7",
            ],
            // It was said before the amount that counts.
            &[],
        ],
    );
}

#[test]
fn a_fact_that_comes_late_corrects_the_time() {
    check(
        &[
            &[fact("a", 5, Some(Stage::Won), Some("1"))],
            &[fact("b", 2, Some(Stage::Won), Some("1"))],
            &[fact("c", 3, Some(Stage::Open), None)],
        ],
        &[
            &["conversion.recorded at 5 of hubspot:8812:deal:7 1"],
            &["conversion.recorded at 2 of hubspot:8812:deal:7~2 1", "conversion.reverted at 5 of hubspot:8812:deal:7"],
            // Won, opened again, won again: the first stays and ends, the second is new.
            &[
                "conversion.reverted at 3 of hubspot:8812:deal:7~2",
                "conversion.recorded at 5 of hubspot:8812:deal:7~3 1",
            ],
        ],
    );
}

#[test]
fn a_deal_that_is_deleted_and_restored_is_as_it_was() {
    check(
        &[
            &[fact("a", 5, Some(Stage::Won), Some("1"))],
            &[fact("b", 6, Some(Stage::Deleted), None)],
            &[fact("c", 9, Some(Stage::Restored), None)],
        ],
        &[
            &["conversion.recorded at 5 of hubspot:8812:deal:7 1"],
            &["conversion.reverted at 6 of hubspot:8812:deal:7"],
            &["conversion.recorded at 9 of hubspot:8812:deal:7~2 1"],
        ],
    );
}

#[test]
fn a_worth_that_cannot_be_stored_does_not_cost_the_conversion() {
    for (amount, currency) in
        [("1,5", "EUR"), ("-3", "EUR"), ("1", "euro"), ("1e5", "EUR"), ("9999999999999999999", "EUR")]
    {
        let mut won = fact("a", 5, Some(Stage::Won), Some(amount));
        won.currency = Some(currency.to_owned());
        let mut log = Log::default();
        let events = log.take(&[won]);
        assert_eq!(shown(&events), ["conversion.recorded at 5 of hubspot:8812:deal:7"], "{amount} {currency}");
        let attributes = events[0].attributes.as_ref().unwrap();
        assert_eq!((&attributes["deal_amount"], &attributes["deal_currency"]), (&amount.into(), &currency.into()));
        // And it is not recorded anew each time.
        assert_eq!(log.take(&[fact("b", 6, Some(Stage::Won), None)]).len(), 0);
    }
}

#[test]
fn a_currency_is_the_last_that_was_named_else_the_usual_one() {
    let named = |id: &str, minute: i64, currency: &str| DealFact {
        currency: Some(currency.to_owned()),
        ..fact(id, minute, None, None)
    };
    let currency = |facts: &[DealFact]| periods(facts)[0].currency.clone();
    let won = [fact("a", 1, Some(Stage::Won), Some("5"))];
    assert_eq!(currency(&won).as_deref(), Some("EUR"));
    let won = [won[0].clone(), named("b", 2, "USD"), fact("c", 3, None, Some("6"))];
    assert_eq!(currency(&won).as_deref(), Some("USD"));
    let won = [won[0].clone(), won[1].clone(), named("c", 3, "")];
    assert_eq!(currency(&won).as_deref(), Some("EUR"));
}

#[test]
fn an_amount_that_is_told_after_the_end_changes_nothing_before_it() {
    let facts = [
        fact("a", 1, Some(Stage::Won), Some("5")),
        fact("b", 2, Some(Stage::Lost), Some("0")),
        fact("c", 3, None, Some("8")),
        fact("d", 4, Some(Stage::Won), None),
    ];
    let amounts: Vec<_> = periods(&facts).into_iter().map(|period| period.amount.unwrap()).collect();
    assert_eq!(amounts, ["5", "8"]);
}

#[test]
fn what_is_told_of_one_instant_makes_no_empty_period() {
    let facts = [
        fact("a", 1, Some(Stage::Won), None),
        fact("b", 2, Some(Stage::Open), None),
        fact("c", 2, Some(Stage::Won), None),
        fact("d", 3, Some(Stage::Won), None),
        fact("e", 3, Some(Stage::Lost), None),
    ];
    let expect =
        Period { won_at: NOW + 60_000, ended_at: Some(NOW + 180_000), amount: None, currency: Some("EUR".into()) };
    assert_eq!(periods(&facts), [expect]);
}

#[test]
fn what_is_told_of_one_instant_is_in_the_order_of_its_ranks() {
    let ranked =
        |id: &str, rank: u64, stage: Stage, amount: &str| DealFact { rank, ..fact(id, 1, Some(stage), Some(amount)) };
    let mut log = Log::default();
    let events = log.take(&[ranked("142 1000", 2, Stage::Won, "1000"), ranked("5884 900", 1, Stage::Open, "900")]);
    assert_eq!(shown(&events), ["conversion.recorded at 1 of hubspot:8812:deal:7 1000"]);
}

#[test]
fn a_deal_that_is_only_mentioned_as_won_is_no_sale_of_that_time() {
    let mention = |minute: i64, stage: Stage| DealFact {
        is_transition: false,
        ..fact(&format!("m{minute}"), minute, Some(stage), Some("5"))
    };
    let begins = |facts: &[DealFact]| -> Vec<i64> {
        periods(facts).into_iter().map(|period| (period.won_at - NOW) / 60_000).collect()
    };
    assert_eq!(begins(&[mention(1, Stage::Won), mention(2, Stage::Won), mention(3, Stage::Lost)]), [0; 0]);
    // It contradicts what was known.
    assert_eq!(begins(&[mention(1, Stage::Open), mention(2, Stage::Won)]), [2]);
    assert_eq!(begins(&[mention(1, Stage::Won), mention(2, Stage::Open), mention(3, Stage::Won)]), [3]);
    // What was mentioned first was told late, or was so before.
    let won = |minute: i64| fact("w", minute, Some(Stage::Won), None);
    assert_eq!(begins(&[won(1), mention(2, Stage::Won)]), [1]);
    assert_eq!(begins(&[mention(1, Stage::Won), won(2)]), [2]);
}

#[test]
fn ids_of_one_deal_never_begin_with_anothers() {
    assert_eq!(stem("hubspot:8812:deal:7"), "deal hubspot:8812:deal:7 ");
    assert!(!stem("hubspot:8812:deal:71").starts_with(&stem("hubspot:8812:deal:7")));
    for deal in [&"7".repeat(199), "a b"] {
        assert_eq!(stem(deal).len(), 65);
    }
}

#[test]
fn a_time_that_cannot_be_true_is_refused() {
    let at = |at: Millis| believe(DealFact { at, ..fact("a", 0, None, None) }, NOW).map(|fact| fact.at);
    assert_eq!(at(NOW - 5), Some(NOW - 5));
    // An hour ahead is a wrong clock: ours counts.
    assert_eq!(at(NOW + 3_600_000), Some(NOW));
    assert_eq!((at(0), at(i64::MAX), at(NOW + 90_000_000)), (None, None, None));
    assert_eq!(believe(DealFact { deal: "a\nb".to_owned(), ..fact("a", 0, None, None) }, NOW), None);
}

fn any_stage() -> impl Strategy<Value = Option<Stage>> {
    prop_oneof![
        2 => Just(None), 3 => Just(Some(Stage::Won)), 1 => Just(Some(Stage::Open)), 2 => Just(Some(Stage::Lost)),
        1 => Just(Some(Stage::Deleted)), 1 => Just(Some(Stage::Restored)),
    ]
}

fn any_facts() -> impl Strategy<Value = Vec<DealFact>> {
    let amount = prop_oneof![Just(None), Just(Some("")), Just(Some("5")), Just(Some("7.5")), Just(Some("x"))];
    let currency = prop_oneof![4 => Just(None), 1 => Just(Some("USD")), 1 => Just(Some("")), 1 => Just(Some("coins"))];
    let is_transition = prop_oneof![3 => Just(true), 1 => Just(false)];
    let one = (0..6_i64, any_stage(), amount, currency, is_transition);
    vec(one, 1..12).prop_map(|all| {
        let made = (0..).zip(all).map(|(rank, (minute, stage, amount, currency, is_transition))| DealFact {
            currency: currency.map(str::to_owned),
            rank,
            is_transition,
            // Ids say nothing of the order: here they say the contrary.
            ..fact(&format!("{:02}", 99 - rank), minute, stage, amount)
        });
        made.collect()
    })
}

proptest! {
    /// Any order, any split, any repeat: what counts in the end follows from the facts alone.
    #[test]
    fn what_counts_depends_on_no_order_of_arrival(
        facts in any_facts(),
        order in vec(any::<Index>(), 24),
        sizes in vec(1..4_usize, 24),
        numbers in prop_oneof![Just(Numbers::Counted), Just(Numbers::Drawn)],
    ) {
        // Each at least once, some twice, in a random order.
        let mut arrivals = facts.clone();
        arrivals.extend(order.iter().take(6).map(|index| index.get(&facts).clone()));
        for (place, index) in order.iter().enumerate() {
            let (place, other) = (place % arrivals.len(), index.index(arrivals.len()));
            arrivals.swap(place, other);
        }
        let mut log = Log { numbers, ..Log::default() };
        let mut left = arrivals.as_slice();
        for size in sizes.iter().cycle() {
            if left.is_empty() {
                break;
            }
            let (delivery, rest) = left.split_at((*size).min(left.len()));
            log.take(delivery);
            left = rest;
        }
        let mut at_once = Log::default();
        at_once.take(&facts);
        prop_assert_eq!(log.counted(), at_once.counted());

        // As they were made, those of one minute in the order of their ranks.
        let mut in_order = facts.clone();
        in_order.sort_by_key(|fact| fact.at);
        let wanted: Vec<_> = periods(&in_order)
            .into_iter()
            .map(|period| (period.won_at, period.ended_at))
            .collect();
        let counted: Vec<_> = log.counted().into_iter().map(|(at, until, ..)| (at, until)).collect();
        prop_assert_eq!(counted, wanted);
        // Nothing is left to do.
        prop_assert!(log.take(&facts).is_empty());
    }
}

#[test]
fn every_event_is_a_conversion_of_the_deal() {
    let mut log = Log::default();
    let events = log.take(&[fact("a", 5, Some(Stage::Won), Some("1")), fact("b", 7, Some(Stage::Lost), None)]);
    let kinds: Vec<_> = events.iter().map(|event| event.kind.clone().unwrap()).collect();
    assert_eq!(kinds, [Kind::ConversionRecorded, Kind::ConversionReverted].map(|kind| kind.as_str().into()));
    for event in events {
        assert_eq!(event.contact, Some("hubspot:8812:deal:7".into()));
        assert_eq!(event.account, Some("8812".into()));
    }
}
