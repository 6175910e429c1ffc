//! What is published, whole or broken off.

use rapport::ingest::replay::{Databases, publish};
use rapport::store::Store;

use super::house::{House, Mapping, connection, march, others};

const SINCE: &str = "2026-03-01T00:00:00Z";
const UNTIL: &str = "2026-03-20T00:00:00Z";
const UTC: chrono_tz::Tz = chrono_tz::Tz::UTC;

/// The same told to a connector that understood from the beginning.
async fn understood(databases: Databases) -> House {
    let house = House::open(databases).await;
    others(&house).await;
    house.receive(connection(Mapping::Second), &march()).await;
    house.contents("!= ''").await;
    house
}

#[tokio::test]
async fn what_is_published_is_what_was_shown_and_what_would_have_been() {
    let house = House::open(Databases { main: "replay_publishes", scratch: "replay_publishes_scratch" }).await;
    let wanted = understood(Databases { main: "replay_wanted", scratch: "replay_wanted_scratch" }).await;
    others(&house).await;
    house.receive(connection(Mapping::First), &march()).await;
    let other = house.contents("= 'other'").await;
    assert!(!house.figures(house.main.as_ref(), wanted.main.as_ref()).await.is_empty());

    let trial = house.replay(Mapping::Second, house.stretch(SINCE, UNTIL)).await.unwrap();
    let shown = trial.show(UTC, None).await.unwrap();
    assert!(!shown.is_empty());
    assert_eq!(house.figures(trial.scratch().as_ref(), wanted.main.as_ref()).await, []);
    trial.publish().await.unwrap();
    assert_eq!(house.figures(house.main.as_ref(), wanted.main.as_ref()).await, []);
    assert_eq!(house.contents("= 'acme'").await, wanted.contents("= 'acme'").await);
    assert_eq!(house.contents("= 'other'").await, other);
    assert!(!house.has_scratch().await);

    // The archive is still there, and says the same.
    let trial = house.replay(Mapping::Second, house.stretch(SINCE, UNTIL)).await.unwrap();
    let shown = trial.show(UTC, None).await.unwrap();
    trial.discard().await.unwrap();
    assert!(shown.is_empty(), "{shown:#?}");
    assert_eq!(shown.tally.payloads, 5);
}

#[tokio::test]
async fn what_arrives_after_a_publication_counts() {
    let house = House::open(Databases { main: "replay_after", scratch: "replay_after_scratch" }).await;
    let wanted = understood(Databases { main: "replay_after_wanted", scratch: "replay_after_w_scratch" }).await;
    let (early, late) = (march(), march().split_off(3));
    house.receive(connection(Mapping::First), &early[..3]).await;
    house.replay(Mapping::Second, house.stretch(SINCE, UNTIL)).await.unwrap().publish().await.unwrap();
    house.receive(connection(Mapping::Second), &late).await;
    others(&house).await;
    assert_eq!(house.contents("= 'acme'").await.first(), wanted.contents("= 'acme'").await.first());
    assert_eq!(house.figures(house.main.as_ref(), wanted.main.as_ref()).await, []);
}

#[tokio::test]
async fn a_publication_that_breaks_off_anywhere_is_ended_by_the_next_start() {
    let databases = Databases { main: "replay_breaks", scratch: "replay_breaks_scratch" };
    let house = House::open(databases).await;
    let wanted = understood(Databases { main: "replay_b_wanted", scratch: "replay_b_wanted_scratch" }).await;
    let wanted = wanted.contents("!= ''").await;
    others(&house).await;
    house.receive(connection(Mapping::First), &march()).await;
    let stretch = house.stretch(SINCE, UNTIL);
    let statements = publish::statements(databases, &stretch.tenant);
    // Forwards and backwards, so that each time there is something to change.
    for (round, done) in (0..=statements.len()).step_by(9).enumerate() {
        let mapping = if round % 2 == 0 { Mapping::Second } else { Mapping::First };
        let trial = house.replay(mapping, stretch.clone()).await.unwrap();
        trial.mark().await.unwrap();
        house.main.execute_all(statements[..done].to_vec()).await.unwrap();
        // The end may break off too: nothing says that the first start gets through.
        if round % 3 == 0 {
            house.main.execute_all(statements[..done / 2].to_vec()).await.unwrap();
        }
        house.start().await;
        assert!(!house.has_scratch().await);
        assert_eq!(house.contents("!= ''").await == wanted, mapping == Mapping::Second, "{done}");
    }
}

#[tokio::test]
async fn a_trial_that_breaks_off_before_its_mark_is_forgotten() {
    let house = House::open(Databases { main: "replay_left", scratch: "replay_left_scratch" }).await;
    house.receive(connection(Mapping::First), &march()).await;
    let before = house.contents("!= ''").await;
    let trial = house.replay(Mapping::Second, house.stretch(SINCE, UNTIL)).await.unwrap();
    trial.scratch().close().await;
    drop(trial);
    assert!(house.has_scratch().await);
    house.start().await;
    assert!(!house.has_scratch().await);
    assert_eq!(house.contents("!= ''").await, before);
    // The mark may be gone already, and the rest not.
    let trial = house.replay(Mapping::Second, house.stretch(SINCE, UNTIL)).await.unwrap();
    let (main, databases) = trial.mark().await.unwrap();
    publish::unmark(main.as_ref(), databases).await.unwrap();
    house.start().await;
    assert!(!house.has_scratch().await);
}
