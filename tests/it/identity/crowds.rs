//! Many names: in any order, told again, worked out anew, and shared by too many.

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use proptest::collection::vec;
use proptest::prelude::Strategy;
use proptest::prop_assert_eq;
use proptest::test_runner::{Config, TestRunner};
use rapport::ingest::derive::{Derivation, Stretch};
use rapport::sql::Sql;
use rapport::store::Store;
use serde_json::{Value, json};

use super::{PHONE, bought, conversion, exposed, linked, said, wrote};
use crate::world::{TENANT, World};

/// Whose each joined name is.
async fn people(world: &World) -> Vec<(u64, u64)> {
    let sql = "SELECT name_key, person_key FROM people FINAL WHERE name_key != person_key ORDER BY name_key";
    let mut people = Vec::new();
    for batch in world.store.query(Sql::new(sql)).await.unwrap() {
        let column = |index: usize| batch.column(index).as_primitive::<UInt64Type>().values().to_vec();
        people.extend(column(0).into_iter().zip(column(1)));
    }
    people
}

async fn number(world: &World, sql: &'static str) -> u64 {
    world.store.query(Sql::new(sql)).await.unwrap()[0].column(0).as_primitive::<UInt64Type>().value(0)
}

async fn derive_everything_anew(world: &World, links_max: i64) {
    world.ingest.finish().await.unwrap();
    world.store.execute(Sql::new("TRUNCATE TABLE people")).await.unwrap();
    let marks = "INSERT INTO stale_links SELECT DISTINCT tenant, key, other, 1 FROM identity_links WHERE key < other";
    world.store.execute(Sql::new(marks)).await.unwrap();
    let stretch = Stretch { links_max, ..Stretch::default() };
    Derivation::in_stretches(world.store.clone(), stretch).catch_up(TENANT).await.unwrap();
}

#[test]
fn links_join_the_same_persons_in_any_order_and_in_any_pieces() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // The last three are deals, which belong to the first who is linked to them.
    let name = |number: u8| format!("crm:1:{}:{number}", if number < 4 { "contact" } else { "deal" });
    let links = vec((0..7_u8, 0..7_u8), 1..10).prop_shuffle();
    let cases = (links, 1..5_usize, 1..4_i64).prop_map(|(links, piece, links_max)| (links, piece, links_max));
    let config = Config { cases: 3, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    )
    .run(&cases, |(links, piece, links_max)| {
        let events: Vec<Value> = links
            .iter()
            .enumerate()
            .map(|(index, (one, other))| {
                let mut link = linked(&name(*one), &[&name(*other)]);
                link["id"] = format!("link {index}").into();
                // Not in the order in which they are told, and some at the same time.
                link["at"] = format!("2026-03-25T10:00:0{}Z", index * 7 % 5).into();
                link
            })
            .collect();
        runtime.block_on(async {
            let at_once = World::at("2026-03-30T00:00:00Z").await;
            at_once.take(&events).await;
            at_once.ingest.derivation().catch_up(TENANT).await.unwrap();
            let in_pieces = World::at("2026-03-30T00:00:00Z").await;
            let stretch = Stretch { links_max, ..Stretch::default() };
            let derivation = Derivation::in_stretches(in_pieces.store.clone(), stretch);
            for piece in events.rchunks(piece) {
                in_pieces.take(piece).await;
                in_pieces.ingest.finish().await.unwrap();
                derivation.catch_up(TENANT).await.unwrap();
                in_pieces.take(piece).await;
            }
            in_pieces.ingest.finish().await.unwrap();
            derivation.catch_up(TENANT).await.unwrap();
            let expect = people(&at_once).await;
            prop_assert_eq!(people(&in_pieces).await, expect.clone());
            derive_everything_anew(&in_pieces, links_max).await;
            prop_assert_eq!(people(&in_pieces).await, expect);
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[tokio::test]
async fn a_phone_that_too_many_share_joins_nobody() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    let reached = |contact: &str| {
        let mut event = said("message.sent", contact, contact, "2026-03-10T11:00:00Z");
        event["identities"] = json!([PHONE]);
        event
    };
    let contacts: Vec<String> = (1..=50).map(|number| format!("c{number}")).collect();
    world.take(&contacts.iter().map(|contact| reached(contact)).collect::<Vec<_>>()).await;
    // Any number of deals and chats are one customer's.
    let deals: Vec<Value> = (0..60).map(|deal| linked(&format!("hubspot:1:deal:{deal}"), &[PHONE])).collect();
    world.take(&deals).await;
    assert_eq!(exposed(&world).await, 1);
    // One more: it is a switchboard, and was one all along.
    world.take(&[reached("c51")]).await;
    assert_eq!(exposed(&world).await, 51);
    // What else joins two of them still does.
    world.take(&[linked("c1", &["email:c1@example.com"]), linked("c2", &["email:c1@example.com"])]).await;
    assert_eq!(exposed(&world).await, 50);
    let expect = people(&world).await;
    derive_everything_anew(&world, 7).await;
    assert_eq!(people(&world).await, expect);
    assert_eq!(exposed(&world).await, 50);
}

#[tokio::test]
async fn a_run_that_breaks_off_is_begun_again() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    let sent = |contact: &str| said("message.sent", contact, contact, "2026-03-10T11:00:00Z");
    world.take(&[sent("c1"), sent("c2"), linked("c1", &["c:1"]), linked("c2", &["c:1"])]).await;
    // Persons are written and marks cannot be taken away.
    let execute = |text: &'static str| world.store.execute(Sql::new(text));
    execute("ALTER TABLE stale_links ADD CONSTRAINT nothing_is_taken CHECK marks > 0").await.unwrap();
    let derivation = world.ingest.derivation();
    assert!(derivation.catch_up(TENANT).await.is_err());
    let written = people(&world).await;
    assert_eq!(written.len(), 2, "c1, c2 and c:1 are one");
    assert_eq!(derivation.stale_tenants().await.unwrap(), [TENANT]);
    assert_eq!(number(&world, "SELECT toUInt64(sum(marks)) FROM stale_links").await, 2);
    execute("ALTER TABLE stale_links DROP CONSTRAINT nothing_is_taken").await.unwrap();
    assert_eq!(exposed(&world).await, 1);
    assert_eq!(people(&world).await, written);
    assert_eq!(derivation.count_stale(TENANT).await.unwrap(), 0);
    assert!(derivation.stale_tenants().await.unwrap().is_empty());
}

#[tokio::test]
async fn whose_a_deal_is_does_not_depend_on_when_the_engine_merges() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    let execute = |text: &'static str| world.store.execute(Sql::new(text));
    execute("SYSTEM STOP MERGES identity_links").await.unwrap();
    let told = |contact: &str, id: &str, second: u8| {
        let mut link = linked(contact, &["crm:1:deal:7"]);
        (link["id"], link["at"]) = (id.into(), format!("2026-03-25T10:00:0{second}Z").into());
        link
    };
    // Each pair has the earliest time and the least id of all that told it: c1 has the deal by the id that came later.
    for link in [told("c1", "z", 1), told("c2", "m", 1), told("c1", "a", 5)] {
        world.take(&[link]).await;
        world.ingest.finish().await.unwrap();
    }
    derive_everything_anew(&world, 7).await;
    let apart = people(&world).await;
    execute("SYSTEM START MERGES identity_links").await.unwrap();
    execute("OPTIMIZE TABLE identity_links FINAL").await.unwrap();
    derive_everything_anew(&world, 7).await;
    assert_eq!(people(&world).await, apart);
    let persons = "SELECT uniqExact(person_key) FROM people FINAL
        WHERE name_key IN (sipHash64('c1'), sipHash64('crm:1:deal:7'))";
    assert_eq!(number(&world, persons).await, 1);
}

/// A placeholder customer whom thousands of deals have, each sold.
#[tokio::test]
async fn any_number_of_deals_of_one_contact_is_found_in_time() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    world.take(&[wrote("7", "telegram:7"), wrote("8", "telegram:8"), bought("telegram:8", "o", "5")]).await;
    let execute = |text: &'static str| world.store.execute(Sql::new(text));
    let contact = "INSERT INTO people SELECT 'acme', sipHash64('telegram:7'), 1, 1";
    let deals = "INSERT INTO people SELECT 'acme', sipHash64(concat('crm:1:deal:', toString(number))), 1, 1 FROM numbers(20000)";
    let sales = "INSERT INTO conversion_events (tenant, id, at, kind, action, value, currency, order_id, contact)
        SELECT 'acme', toString(number), toDateTime64('2026-03-11 10:00:00', 3, 'UTC'), 'conversion.recorded', 'purchase', 2,
            'EUR', toString(number), concat('crm:1:deal:', toString(number))
        FROM numbers(20000)";
    for text in [contact, deals, sales] {
        execute(text).await.unwrap();
    }
    // 20,000 × 2 + 5.
    assert_eq!(conversion(&world).await, json!([2, 2, "40005", 1.0]));
}
