//! The traffic that is asked about: some tenants over 180 days, taken in once and kept.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use rapport::ingest::Item;
use rapport::ingest::derive::{self, Derivation};
use rapport::ingest::generate::Plan;
use rapport::sql::Sql;
use rapport::store::Store;
use rapport::store::embedded::EmbeddedStore;

use crate::world::{self, DAY_MS, NOW};

/// The tenant with the most traffic.
pub const LARGEST: &str = "t0";
const DAYS: i64 = 180;

/// The store with so many messages, filled if it is not there or was not finished.
pub async fn open(messages: u64, tenants: u32, fresh: bool) -> Arc<EmbeddedStore> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-queries-{messages}-{tenants}"));
    let finished = directory.join("finished");
    if fresh || !finished.exists() {
        let _ = fs::remove_dir_all(&directory);
    }
    let store = world::open_store(&directory).await;
    if !finished.exists() {
        fill(&store, messages, tenants).await;
        fs::write(&finished, "").expect("the directory can be written");
    }
    derive(&store, tenants).await;
    store
}

/// Tenant n has the share 1/(n+1) of the sum of all such: of twenty, 28 % for the first, 1.4 % for the last.
async fn fill(store: &Arc<EmbeddedStore>, messages: u64, tenants: u32) {
    let ingest = world::ingest(store).await;
    let sum: f64 = (1..=tenants).map(|place| 1.0 / f64::from(place)).sum();
    let start = Instant::now();
    let mut accepted = 0;
    for tenant in 0..tenants {
        let plan = Plan {
            seed: 11,
            tenant_index: tenant,
            from: NOW - DAYS * DAY_MS,
            to: NOW,
            messages: (messages as f64 / f64::from(tenant + 1) / sum) as u64,
            time_zone: chrono_tz::Tz::Europe__Berlin,
        };
        let items = (1..).zip(plan.events()).map(|(line, event)| Item::of(line, event));
        let receipt = ingest.accept(&format!("t{tenant}"), items).await.expect("the store takes them");
        accepted += receipt.accepted;
        let seconds = start.elapsed().as_secs_f64();
        eprintln!("{accepted} events in {seconds:.0} s ({:.0}/s)", accepted as f64 / seconds);
    }
}

/// Derives what follows from the events, unless an earlier run with the same rules has done so.
async fn derive(store: &Arc<EmbeddedStore>, tenants: u32) {
    let start = Instant::now();
    derive::prepare(store.as_ref()).await.expect("the rules are noted");
    let derivation = Derivation::new(store.clone());
    let mut runs = 0;
    for tenant in 0..tenants {
        let tenant = format!("t{tenant}");
        let threads = derivation.count_stale(&tenant).await.expect("the engine counts");
        runs += derivation.catch_up(&tenant).await.expect("the rules hold");
        if 0 < threads {
            eprintln!("{threads} chats of {tenant} derived, {:.0} s in all", start.elapsed().as_secs_f64());
        }
    }
    if 1 < runs {
        derivation.merge().await.expect("the tables merge");
        eprintln!("merged, {:.0} s in all", start.elapsed().as_secs_f64());
    }
}

/// How many parts hold the messages: reading merges them.
pub async fn parts(store: &dyn Store) -> u64 {
    let text = "SELECT count() AS n FROM system.parts WHERE active AND database = currentDatabase() AND table LIKE 'derived_%'";
    let answer = store.query(Sql::new(text)).await.expect("the engine answers");
    sum_of_rows(&[answer])
}

/// The sum of the column `n`, which every compiled statement has.
pub fn sum_of_rows(answers: &[Vec<RecordBatch>]) -> u64 {
    let mut sum = 0;
    for batch in answers.iter().flatten() {
        let column = batch.column_by_name("n").expect("every statement counts its rows");
        sum += column.as_primitive::<UInt64Type>().values().iter().sum::<u64>();
    }
    sum
}
