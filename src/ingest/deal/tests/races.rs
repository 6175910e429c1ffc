//! Processes that share a store and record of one deal at the same time, each of what it knows.

use super::*;

/// What the store would have of an event beside what it has: of a step that two record the earliest time.
fn merge(stored: &mut Vec<Recorded>, event: &Event) {
    let told = recorded(event);
    match stored.iter_mut().find(|known| known.id == told.id) {
        None => stored.push(told),
        Some(known) if known.id.ends_with("won") => assert_eq!(*known, told, "one sale with two worths"),
        Some(known) => known.terms.at = known.terms.at.min(told.terms.at),
    }
}

proptest! {
    /// Two read what is there, neither sees all facts, and both record. Who looks again then sees all.
    #[test]
    fn what_two_record_at_the_same_time_is_put_right_by_who_looks_last(
        facts in any_facts(),
        before in vec(any::<bool>(), 12),
        by_first in vec(any::<bool>(), 12),
    ) {
        let part = |is_in: &dyn Fn(usize) -> bool| -> Vec<DealFact> {
            facts.iter().enumerate().filter(|(place, _)| is_in(*place)).map(|(_, fact)| fact.clone()).collect()
        };
        let mut log = Log { numbers: Numbers::Drawn, ..Log::default() };
        log.take(&part(&|place| before[place]));
        let known = log.recorded.clone();
        for is_first in [true, false] {
            let seen = part(&|place| before[place] || by_first[place] == is_first);
            let books = by_deal(seen);
            for event in books.values().flat_map(|facts| conversions(facts, &known, NOW + 86_400_000, Numbers::Drawn)) {
                merge(&mut log.recorded, &event);
            }
        }
        let mut looks = 0;
        while !log.take(&facts).is_empty() {
            looks += 1;
            prop_assert!(looks < LOOKS_MAX / 2, "{looks} looks");
        }
        let mut at_once = Log::default();
        at_once.take(&facts);
        prop_assert_eq!(log.counted(), at_once.counted());
    }
}

#[test]
fn a_sale_that_two_record_alike_is_one() {
    let sale = [fact("a", 1, Some(Stage::Won), Some("5"))];
    let told = || conversions(&sale, &[], NOW, Numbers::Drawn);
    assert_eq!(told(), told());
    let dearer = [fact("a", 1, Some(Stage::Won), Some("6"))];
    assert_ne!(told()[0].id, conversions(&dearer, &[], NOW, Numbers::Drawn)[0].id);
}
