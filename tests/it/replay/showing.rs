//! What is shown, and that nothing else happens.

use rapport::app::replay::report;
use rapport::ingest::connector::Payload;
use rapport::ingest::replay::Databases;

use super::house::{House, Mapping, connection, march, others};

const SINCE: &str = "2026-03-01T00:00:00Z";
const UNTIL: &str = "2026-03-20T00:00:00Z";
const UTC: chrono_tz::Tz = chrono_tz::Tz::UTC;

#[tokio::test]
async fn a_replay_shows_what_changes_and_changes_nothing() {
    let house = House::open(Databases { main: "replay_shows", scratch: "replay_shows_scratch" }).await;
    others(&house).await;
    house.receive(connection(Mapping::First), &march()).await;
    let before = house.contents("!= ''").await;
    let trial = house.replay(Mapping::Second, house.stretch(SINCE, UNTIL)).await.unwrap();
    let shown = trial.show(UTC, None).await.unwrap();
    trial.discard().await.unwrap();
    assert_eq!(house.contents("!= ''").await, before);
    assert!(!house.has_scratch().await);
    insta::assert_snapshot!("text", report::text(&shown) + &report::ending(&shown, false));
    insta::assert_snapshot!("json", format!("{:#}", report::json(&shown, false)));
}

#[tokio::test]
async fn the_same_connector_changes_nothing() {
    let house = House::open(Databases { main: "replay_same", scratch: "replay_same_scratch" }).await;
    others(&house).await;
    let mut payloads = march();
    // Told again an hour later, as platforms do: the first arrival counts, then and now.
    let mut again = march();
    again.iter_mut().for_each(|sent| sent.received_at += 3_600_000);
    payloads.extend(again);
    house.receive(connection(Mapping::Second), &payloads).await;
    let trial = house.replay(Mapping::Second, house.stretch(SINCE, UNTIL)).await.unwrap();
    let shown = trial.show(UTC, None).await.unwrap();
    trial.discard().await.unwrap();
    assert!(shown.is_empty(), "{shown:#?}");
    assert_eq!((shown.tally.payloads, shown.differences.unchanged), (10, 4));
    assert!(report::ending(&shown, true).contains("Nothing to publish"));
}

#[tokio::test]
async fn only_the_stretch_is_read_again_and_figures_of_days_before_it_are_shown() {
    let house = House::open(Databases { main: "replay_part", scratch: "replay_part_scratch" }).await;
    house.receive(connection(Mapping::First), &march()).await;
    // The answer of the 12th alone, to what was asked on the 11th.
    let trial = house.replay(Mapping::Second, house.stretch("2026-03-12T00:00:00Z", UNTIL)).await.unwrap();
    let shown = trial.show(UTC, None).await.unwrap();
    trial.discard().await.unwrap();
    assert_eq!(shown.tally.payloads, 1);
    assert_eq!((shown.differences.kinds[0].added, shown.differences.unchanged), (1, 0));
    let text = report::text(&shown);
    assert!(text.contains("Metrics, 2026-03-11 to 2026-03-12 (UTC)"), "{text}");
    assert!(text.contains("responseTime.answered"), "{text}");
}

#[tokio::test]
async fn a_range_that_is_given_is_the_one_that_is_compared() {
    let house = House::open(Databases { main: "replay_range", scratch: "replay_range_scratch" }).await;
    house.receive(connection(Mapping::First), &march()).await;
    let trial = house.replay(Mapping::Second, house.stretch(SINCE, UNTIL)).await.unwrap();
    let range = rapport::metrics::period::between("2026-02-01", "2026-02-10", UTC).unwrap();
    let shown = trial.show(UTC, Some(range)).await.unwrap();
    trial.discard().await.unwrap();
    assert!(shown.figures.is_empty() && !shown.differences.is_empty());
    assert!(report::text(&shown).contains("No metric changes, in all or by channel, 2026-02-01 to 2026-02-09 (UTC)."));
}

#[tokio::test]
async fn what_cannot_be_read_and_what_is_not_known_is_counted() {
    let house = House::open(Databases { main: "replay_count", scratch: "replay_count_scratch" }).await;
    house.receive(connection(Mapping::Second), &march()).await;
    let body = b"\xff not JSON";
    let payload = Payload { body, content_type: "", received_at: house.now - 86_400_000 };
    house.ingest().receive(&connection(Mapping::Second).into(), payload).await.unwrap();
    let trial = house.replay(Mapping::First, house.stretch(SINCE, UNTIL)).await.unwrap();
    let shown = trial.show(UTC, None).await.unwrap();
    trial.discard().await.unwrap();
    assert_eq!((shown.tally.payloads, shown.tally.unreadable), (6, 1));
    assert_eq!(shown.tally.unknown, [("reply".to_owned(), 2)].into());
}
