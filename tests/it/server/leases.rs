//! Several processes over the same servers: one derives at a time.

use std::time::Duration;

use rapport::app::build::facts;
use rapport::ingest::Ingest;
use rapport::sql::Sql;
use rapport::store::migrations::{MIGRATIONS, migrate};
use rapport::store::server::ServerStore;
use rapport::store::{Sharing, Store};
use serde_json::json;
use std::sync::Arc;

use crate::double::{Data, Host};
use crate::engine::{FixedClock, NOW, limits, shown};
use crate::served::config;

/// Two processes' stores over one host, and the rest of what they need.
async fn two() -> ([Arc<ServerStore>; 2], Host, Arc<Data>) {
    let data = Data::new();
    let host = Host::start(&data, 0);
    let open = || Arc::new(ServerStore::open(&config(std::slice::from_ref(&host)), limits()).unwrap());
    let stores = [open(), open()];
    migrate(stores[0].as_ref(), &FixedClock(NOW), MIGRATIONS, &facts()).await.unwrap();
    (stores, host, data)
}

async fn take(ingest: &Ingest, id: &str) {
    let event = json!({"id": id, "kind": "message.received", "channel": "TELEGRAM", "chat": id, "message": id,
                       "contact": "c", "at": "2026-03-01T10:00:00Z"});
    let lines = rapport::ingest::lines::split(event.to_string().into()).unwrap();
    let receipt = ingest.accept("acme", lines).await.unwrap();
    assert_eq!(receipt.accepted, 1, "{receipt:?}");
}

#[tokio::test]
async fn who_does_not_have_the_right_waits_for_who_has() {
    let ([first, second], _host, data) = two().await;
    assert!(matches!(first.sharing(), Sharing::Shared { .. }));
    let [one, two] = [&first, &second].map(|store| Ingest::new(Arc::clone(store) as _, Arc::new(FixedClock(NOW))));
    take(&one, "a").await;
    assert_eq!(one.derivation().catch_up("acme").await.unwrap(), 1);
    take(&two, "b").await;
    // The second may not, and says after its patience that it is behind.
    let is_behind = two.derivation().catch_up_within("acme", Duration::from_millis(300)).await.unwrap();
    assert!(is_behind);
    // While it waits for longer, the first does it.
    let (waited, done) = tokio::join!(two.derivation().catch_up("acme"), one.derivation().catch_up("acme"));
    assert_eq!((waited.unwrap(), done.unwrap()), (0, 1));
    assert_eq!(two.derivation().count_stale("acme").await.unwrap(), 0);
    // The first's right comes to an end by the server's clock: the second takes it.
    take(&two, "c").await;
    data.store()
        .execute(Sql::new(
            "CREATE OR REPLACE TABLE derivation_leases (number UInt64, holder String, tenant String, at DateTime64(3, 'UTC') MATERIALIZED \
             now64(3, 'UTC') - toIntervalSecond(600)) ENGINE = MergeTree ORDER BY number \
             SETTINGS non_replicated_deduplication_window = 1000",
        ))
        .await
        .unwrap();
    data.store().execute(Sql::new("INSERT INTO derivation_leases (number, holder) SELECT 7, 'gone'")).await.unwrap();
    assert_eq!(two.derivation().catch_up("acme").await.unwrap(), 1);
    assert!(shown(data.store(), "SELECT max(number) AS number FROM derivation_leases").await.starts_with("number: 8"));
}

#[tokio::test]
async fn who_ends_gives_the_right_to_the_others_at_once_and_takes_it_no_more() {
    let ([first, second], _host, data) = two().await;
    let [one, two] = [&first, &second].map(|store| Ingest::new(Arc::clone(store) as _, Arc::new(FixedClock(NOW))));
    take(&one, "a").await;
    assert_eq!(one.derivation().catch_up("acme").await.unwrap(), 1);
    take(&two, "b").await;
    assert!(two.derivation().catch_up_within("acme", Duration::from_millis(300)).await.unwrap(), "it is the first's");
    one.end().await;
    assert_eq!(two.derivation().catch_up("acme").await.unwrap(), 1);
    // The right is the second's now, with the number after that which was given back.
    let told = shown(data.store(), "SELECT number, holder != '' AS held FROM derivation_leases ORDER BY number").await;
    assert_eq!(told, "number: 1\nheld: 1\n\nnumber: 2\nheld: 0\n\nnumber: 3\nheld: 1\n\n");
    two.end().await;
    take(&one, "c").await;
    assert!(one.derivation().catch_up_within("acme", Duration::from_millis(300)).await.unwrap(), "it has ended");
    // Who had nothing gives nothing back.
    let three = Ingest::new(Arc::clone(&second) as _, Arc::new(FixedClock(NOW)));
    three.end().await;
    assert!(shown(data.store(), "SELECT max(number) AS number FROM derivation_leases").await.starts_with("number: 4"));
}

#[tokio::test]
async fn a_number_that_the_server_noted_and_never_had_keeps_nobody_from_the_right() {
    let ([first, second], _host, data) = two().await;
    let [one, two] = [&first, &second].map(|store| Ingest::new(Arc::clone(store) as _, Arc::new(FixedClock(NOW))));
    take(&one, "a").await;
    assert_eq!(one.derivation().catch_up("acme").await.unwrap(), 1);
    // As after a server that was killed between the two: it knows the number's token, and the row is not there.
    data.store().execute(Sql::new("DELETE FROM derivation_leases WHERE 1")).await.unwrap();
    take(&two, "b").await;
    assert_eq!(two.derivation().catch_up("acme").await.unwrap(), 1);
    let told = shown(data.store(), "SELECT number FROM derivation_leases").await;
    assert_eq!(told, "number: 2\n\n");
}

#[tokio::test]
async fn of_many_that_want_the_right_at_once_one_has_it() {
    let data = Data::new();
    let host = Host::start(&data, 0);
    let stores: Vec<_> =
        (0..6).map(|_| Arc::new(ServerStore::open(&config(std::slice::from_ref(&host)), limits()).unwrap())).collect();
    migrate(stores[0].as_ref(), &FixedClock(NOW), MIGRATIONS, &facts()).await.unwrap();
    let ingests: Vec<Ingest> =
        stores.iter().map(|store| Ingest::new(Arc::clone(store) as _, Arc::new(FixedClock(NOW)))).collect();
    take(&ingests[0], "a").await;
    let runs = futures_util::future::join_all(ingests.iter().map(|ingest| ingest.derivation().catch_up("acme"))).await;
    assert_eq!(runs.into_iter().map(Result::unwrap).sum::<usize>(), 1);
    assert_eq!(shown(data.store(), "SELECT count() AS rights FROM derivation_leases").await, "rights: 1\n\n");
}
