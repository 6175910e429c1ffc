//! What a replay must not lose.

use rapport::ingest::connection::Connection;
use rapport::ingest::replay::{Databases, Stretch};
use rapport::ingest::{Origin, lines};

use super::house::{House, KEEP_DAYS, Mapping, TENANT, connection, march};
use crate::world::instant;

const UNTIL: &str = "2026-03-20T00:00:00Z";
const UTC: chrono_tz::Tz = chrono_tz::Tz::UTC;

fn keeping(keep_days: u16) -> Connection {
    Connection { keep_days, ..connection(Mapping::Second) }
}

#[tokio::test]
async fn events_from_before_the_archive_are_refused_with_the_earliest_time() {
    let house = House::open(Databases { main: "replay_refuses", scratch: "replay_refuses_scratch" }).await;
    let payloads = march();
    house.receive(keeping(0), &payloads[..3]).await;
    house.receive(keeping(KEEP_DAYS), &payloads[3..]).await;
    let before = house.contents("!= ''").await;
    let refused = house.replay(Mapping::First, house.stretch("2026-03-01T00:00:00Z", UNTIL)).await;
    let message = format!("{:#}", refused.err().unwrap());
    assert!(message.starts_with("2 events came by `testing` from 2026-03-10T09:00:01.000Z to"), "{message}");
    assert!(message.contains("give --since 2026-03-11T10:00:01.000Z or a later time"), "{message}");
    assert_eq!(house.contents("!= ''").await, before);
    assert!(!house.has_scratch().await);
    // As it says.
    let trial = house.replay(Mapping::First, house.stretch("2026-03-11T10:00:01.000Z", UNTIL)).await.unwrap();
    let shown = trial.show(UTC, None).await.unwrap();
    trial.discard().await.unwrap();
    assert_eq!((shown.tally.payloads, shown.differences.kinds.len()), (2, 2));
}

#[tokio::test]
async fn payloads_that_have_expired_count_as_gone() {
    let house = House::open(Databases { main: "replay_expired", scratch: "replay_expired_scratch" }).await;
    let payloads = march();
    // They are still there, and have expired as of the stretch's present: they can be removed at any time.
    house.receive(keeping(KEEP_DAYS - 20), &payloads[..3]).await;
    house.receive(keeping(KEEP_DAYS), &payloads[3..]).await;
    let stretch = house.stretch("2026-03-01T00:00:00Z", UNTIL);
    let now = stretch.since + i64::from(KEEP_DAYS) * 86_400_000;
    let refused = house.replay(Mapping::First, Stretch { now, ..stretch }).await;
    let message = format!("{:#}", refused.err().unwrap());
    assert!(message.contains("give --since 2026-03-11T10:00:01.000Z"), "{message}");
}

#[tokio::test]
async fn a_stretch_without_an_archive_is_refused() {
    let house = House::open(Databases { main: "replay_empty", scratch: "replay_empty_scratch" }).await;
    let stretch = house.stretch("2026-03-01T00:00:00Z", UNTIL);
    let refused = house.replay(Mapping::First, stretch.clone()).await;
    let message = format!("{:#}", refused.err().unwrap());
    assert!(message.starts_with("nothing that came by `testing`"), "{message}");
    house.receive(keeping(0), &march()).await;
    let message = format!("{:#}", house.replay(Mapping::First, stretch).await.err().unwrap());
    assert!(message.ends_with("Nothing of this connection is archived"), "{message}");
}

#[tokio::test]
async fn what_was_not_archived_for_a_time_stays_as_it_is() {
    let house = House::open(Databases { main: "replay_hole", scratch: "replay_hole_scratch" }).await;
    let payloads = march();
    house.receive(keeping(KEEP_DAYS), &payloads[..2]).await;
    house.receive(keeping(0), &payloads[2..4]).await;
    house.receive(keeping(KEEP_DAYS), &payloads[4..]).await;
    // Both answers are no events for the first mapping; one of them cannot be read again.
    let trial = house.replay(Mapping::First, house.stretch("2026-03-01T00:00:00Z", UNTIL)).await.unwrap();
    let shown = trial.show(UTC, None).await.unwrap();
    assert_eq!(shown.extent.unarchived, 2);
    trial.publish().await.unwrap();
    let trial = house.replay(Mapping::First, house.stretch("2026-03-01T00:00:00Z", UNTIL)).await.unwrap();
    let shown = trial.show(UTC, None).await.unwrap();
    trial.discard().await.unwrap();
    assert!(shown.is_empty(), "{shown:#?}");
    assert_eq!(shown.differences.unchanged, 4);
}

/// A sending system reports its sends by the same connection, and nothing of it is archived.
async fn report(house: &House, id: &str, received_at: &str) {
    let event = format!(
        r#"{{"id":"{id}","kind":"message.accepted","at":"{received_at}","channel":"WHATSAPP","account":"main","chat":"c1","message":"{id}"}}"#
    );
    let origin = Origin {
        tenant: TENANT.to_owned(),
        connection: "testing".to_owned(),
        received_at: Some(instant(received_at)),
        ..Origin::default()
    };
    let receipt = house.ingest().accept_from(origin, lines::split(event.into()).unwrap()).await.unwrap();
    assert_eq!(receipt.accepted, 1);
}

#[tokio::test]
async fn reports_of_sends_stay_also_where_they_share_an_instant_with_a_payload() {
    let house = House::open(Databases { main: "replay_sends", scratch: "replay_sends_scratch" }).await;
    house.receive(connection(Mapping::First), &march()).await;
    report(&house, "s1", "2026-03-11T00:00:00Z").await;
    // When the first message came, and when the typing sign did.
    report(&house, "s2", "2026-03-10T09:00:01Z").await;
    report(&house, "s3", "2026-03-10T09:01:01Z").await;
    let trial = house.replay(Mapping::Second, house.stretch("2026-03-01T00:00:00Z", UNTIL)).await.unwrap();
    let shown = trial.show(UTC, None).await.unwrap();
    trial.publish().await.unwrap();
    assert_eq!((shown.extent.unarchived, shown.differences.unchanged), (1, 4));
    // The contact of both messages is known now, and both answers; what was taken for a read mark may be a report.
    let of = |kind: &str| {
        shown.differences.kinds.iter().find(|of| of.kind == kind).map(|of| (of.added, of.changed, of.gone))
    };
    assert_eq!(of("message.received"), Some((0, 2, 0)));
    assert_eq!(of("message.sent"), Some((2, 0, 0)));
    assert_eq!((of("message.accepted"), of("message.read")), (None, None));
    let trial = house.replay(Mapping::Second, house.stretch("2026-03-01T00:00:00Z", UNTIL)).await.unwrap();
    let shown = trial.show(UTC, None).await.unwrap();
    trial.discard().await.unwrap();
    assert!(shown.is_empty(), "{shown:#?}");
}
