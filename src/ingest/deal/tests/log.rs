//! What the log of a deal holds already: of other times, other names, and a part of what there was.

use super::*;

/// A step that stands in the log, at a minute.
fn stored(log: &mut Log, step: &str, minute: i64) {
    let at = NOW + minute * 60_000;
    let worth = step.ends_with("won").then_some(Amount(50_000));
    let currency = if worth.is_some() { "EUR" } else { "" }.to_owned();
    let id = format!("{}{step}", stem("hubspot:8812:deal:7"));
    log.recorded.push(Recorded { id, terms: Terms { at, action: "purchase".to_owned(), value: worth, currency } });
}

#[test]
fn a_number_is_never_used_again() {
    // A replay of a part of the archive: the second sale is gone, that it was taken back is not.
    let mut log = Log::default();
    stored(&mut log, "1 won", 1);
    stored(&mut log, "1 void", 1);
    stored(&mut log, "2 lost", 3);
    let sale = [fact("a", 5, Some(Stage::Won), Some("5"))];
    assert_eq!(shown(&log.take(&sale)), ["conversion.recorded at 5 of hubspot:8812:deal:7~3 5"]);
    assert_eq!(log.take(&sale), []);
}

#[test]
fn what_is_dated_before_the_sale_takes_nothing_back() {
    for (early, minute) in [("1 lost", 3), ("1 void", 3)] {
        let mut log = Log::default();
        stored(&mut log, early, minute);
        stored(&mut log, "1 won", 5);
        let sale = fact("a", 5, Some(Stage::Won), Some("5"));
        assert_eq!(log.take(&[sale]), [], "{early}");
        // It ends by what has no place in the log yet.
        let lost = fact("b", 9, Some(Stage::Lost), None);
        assert_eq!(
            shown(&log.take(std::slice::from_ref(&lost))),
            ["conversion.reverted at 9 of hubspot:8812:deal:7"],
            "{early}"
        );
        assert_eq!(log.counted().len(), 1);
        assert_eq!(log.take(&[lost]), [], "{early}");
    }
}

#[test]
fn a_deal_of_another_channel_and_account_is_still_the_same() {
    let mut log = Log::default();
    log.take(&[fact("a", 1, Some(Stage::Won), Some("5"))]);
    let renamed = DealFact { channel: "SHOP".into(), account: "main".into(), ..fact("b", 2, Some(Stage::Won), None) };
    assert_eq!(log.take(&[renamed]), []);
    assert_eq!(log.counted().len(), 1);
}

#[test]
fn a_deal_of_the_longest_name_can_be_corrected() {
    let named = |chars: usize, fact: DealFact| believe(DealFact { deal: "7".repeat(chars), ..fact }, NOW + 86_400_000);
    assert_eq!(named(190, fact("a", 1, None, None)), None);
    let mut log = Log::default();
    log.take(&[named(189, fact("a", 1, Some(Stage::Won), Some("5"))).unwrap()]);
    log.take(&[named(189, fact("b", 2, None, Some("6"))).unwrap()]);
    let counted: Vec<_> = log.counted().into_iter().map(|(_, _, value, _)| value).collect();
    assert_eq!(counted, [Some(Amount(60_000))]);
    // The room is that of the greatest number.
    assert_eq!(format!("{}~{}", "7".repeat(189), u32::MAX).len(), 200);
}
