//! What the metrics get of the business hours: asked once a request, and counted by the engine as in Rust.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use chrono_tz::Tz;
use rapport::api::Limits;
use rapport::api::arrival::Arrival;
use rapport::api::bearers::Bearer;
use rapport::api::http::request_id::RequestIds;
use rapport::api::schema::Asking;
use rapport::api::schema::asking::House;
use rapport::api::turns::Turns;
use rapport::auth::{Authenticator, Grant, Role, Seal, Secret, TokenConfig, issue};
use rapport::ingest::Ingest;
use rapport::ingest::connection::Connections;
use rapport::ingest::queued::Intake;
use rapport::metrics::schedule::Boundaries;
use rapport::model::TimeRange;
use rapport::sql::Sql;
use rapport::store::Store;

use super::{NOW, set, with_input};
use crate::engine::FixedClock;
use crate::world::{TENANT, World, instant};

/// One request of an operator of the usual tenant, who does not set business hours but is measured by them.
async fn asking(world: &World) -> Asking {
    let secret = Secret::new("a secret of this request that is long enough").unwrap();
    let grant = Grant {
        sub: "anna".to_owned(),
        tenant: TENANT.to_owned(),
        role: Role::Operator,
        operator: Some("anna".to_owned()),
        teams: Vec::new(),
    };
    let config = TokenConfig::default;
    let token = issue(&secret, &config(), &grant, world.now, Duration::from_secs(60)).unwrap();
    let viewer = Authenticator::new(&secret, config(), Arc::new(FixedClock(world.now))).verify(&token).await.unwrap();
    let limits = Arc::new(Limits::default());
    let seal = Seal::new(&secret, "tests");
    let ingest = Ingest::new(world.store.clone(), Arc::new(FixedClock(world.now)));
    let derivation = ingest.derivation().clone();
    let arrival = Arrival {
        bearer: Bearer::of(&viewer),
        viewer,
        limits,
        request_id: RequestIds::new(world.now).next(),
        trace: Arc::default(),
    };
    Asking::new(
        &arrival,
        world.now,
        &House {
            default_zone: Tz::UTC,
            derivation,
            turns: Turns::new(2),
            seal,
            ways_in: Connections::default(),
            intake: Intake::Direct(ingest.clone()),
            ingest,
        },
    )
}

fn range(from: &str, to: &str) -> TimeRange {
    TimeRange::new(instant(from), instant(to)).unwrap()
}

#[tokio::test]
async fn a_request_reads_them_once_and_counts_until_now() {
    let world = World::at(NOW).await;
    let march = range("2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z");
    assert_eq!(asking(&world).await.business_hours(march, world.now).await.unwrap(), None);
    world.ask(&world.manager(), &set("")).await;
    let asking = asking(&world).await;
    let before = world.store.count();
    let first = asking.business_hours(march, world.now).await.unwrap().unwrap();
    let again = asking.business_hours(march, world.now).await.unwrap().unwrap();
    let february = range("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z");
    let other = asking.business_hours(february, world.now).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    assert_eq!(world.store.count() - before, 1);
    // Mondays from 09:00 to 18:00: 2, 9 and 16 March are before now, though the range ends on the 8th.
    assert_eq!(first.open_ms_between(march.from(), world.now), 3 * 9 * 3_600_000);
    assert_eq!(other.open_ms_between(february.from(), world.now), 7 * 9 * 3_600_000);
    // Neither the future nor the distant past is too much to ask.
    let far = range("2199-01-01T00:00:00Z", "2199-02-01T00:00:00Z");
    assert_eq!(asking.business_hours(far, world.now).await.unwrap().unwrap().list().len(), 1);
    let old = range("1900-01-01T00:00:00Z", "1901-01-01T00:00:00Z");
    assert!(asking.business_hours(old, world.now).await.unwrap().is_some());
}

/// B of some instants, by the engine from the three texts.
async fn count_in_engine(store: &dyn Store, boundaries: &Boundaries, instants: &[i64]) -> Vec<i64> {
    let mut sql = Sql::new("WITH arrayMap(x -> toInt64(x), splitByChar(',', ");
    sql.bind(boundaries.at_text()).push(")) AS at, arrayMap(x -> toInt64(x), splitByChar(',', ");
    sql.bind(boundaries.is_open_text()).push(")) AS is_open, arrayMap(x -> toInt64(x), splitByChar(',', ");
    sql.bind(boundaries.open_ms_text()).push(")) AS open_ms, arrayLastIndex(x -> x <= t, at) AS i ");
    sql.push("SELECT arrayJoin(").bind_list(instants.iter().copied()).push(") AS t, ");
    sql.push("toInt64(open_ms[i] + is_open[i] * (t - at[i])) AS b");
    let mut counted = Vec::new();
    for batch in store.query(sql).await.unwrap() {
        counted.extend(batch.column(1).as_primitive::<Int64Type>().values());
    }
    counted
}

#[tokio::test]
async fn the_engine_counts_what_rust_counts() {
    let world = World::at("2026-11-10T00:00:00Z").await;
    let nights = with_input(
        r#"timezone: "Europe/Berlin",
           weekly: [{weekday: 6, from: "22:00", to: "06:00"}, {weekday: 1, from: "09:00", to: "18:00"}],
           exceptions: {date: "2026-10-31"}"#,
    );
    world.ask(&world.manager(), &nights).await;
    let range = range("2026-10-23T22:00:00Z", "2026-11-02T23:00:00Z");
    let hours = asking(&world).await.business_hours(range, world.now).await.unwrap().unwrap();
    for boundaries in [&*hours, &Boundaries::always()] {
        let instants: Vec<i64> = (0..240).map(|step| range.from() + step * 3_599_999).collect();
        let expect: Vec<i64> = instants.iter().map(|at| boundaries.open_ms_until(*at)).collect();
        assert_eq!(count_in_engine(&*world.store, boundaries, &instants).await, expect);
    }
    // The night of 24 October has 9 hours, that of the 31st is closed, Mondays have 9 each: 26 October and 2 November.
    assert_eq!(hours.open_ms_between(range.from(), range.to()), 27 * 3_600_000);
}
