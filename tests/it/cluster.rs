//! Tenants on shards: each whole on one, and nothing asked of the wrong one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use rapport::app::build::facts;
use rapport::ingest::Ingest;
use rapport::sql::Sql;
use rapport::store::cluster::ClusterStore;
use rapport::store::cluster::placing::Placing;
use rapport::store::embedded::EmbeddedStore;
use rapport::store::migrations::{MIGRATIONS, MigrationError, Tables, migrate, places};
use rapport::store::server::ServerStore;
use rapport::store::token::Token;
use rapport::store::{Store, StoreError};
use serde_json::{Value, json};

use crate::double::{Data, Fault, Host};
use crate::engine::{self, FixedClock, Lent, NOW, limits, on_cluster, shown};
use crate::served::config;
use crate::world::{World, event};

mod both;
mod compose;
mod gauges;
mod tables;

/// Databases as shards, and what they need.
struct House {
    // Order matters: the stores are dropped before the directory may close.
    shards: Vec<Arc<EmbeddedStore>>,
    directory: Lent,
}

impl House {
    fn new(count: usize) -> Self {
        let mut house = Self { shards: Vec::new(), directory: engine::directory() };
        (0..count).for_each(|_| house.add());
        house
    }

    fn add(&mut self) {
        let shard = EmbeddedStore::open(&self.directory, &engine::next_name(), limits()).unwrap();
        self.shards.push(Arc::new(shard));
    }

    fn store(&self, spread: usize) -> ClusterStore {
        of(self.shards.iter().map(|shard| Arc::clone(shard) as _).collect(), spread)
    }
}

fn of(shards: Vec<Arc<dyn Store>>, spread: usize) -> ClusterStore {
    let placing = Placing::new(shards.len(), spread, BTreeMap::new()).unwrap();
    ClusterStore::new(shards, placing, "test".to_owned()).unwrap()
}

const KEPT: &str = "CREATE TABLE IF NOT EXISTS kept (tenant String, n Int64) ENGINE = MergeTree ORDER BY n \
                    SETTINGS non_replicated_deduplication_window = 1000";

/// A row of each of so many tenants.
fn rows(tenants: usize) -> RecordBatch {
    let names = (0..tenants).map(|number| format!("tenant {number}"));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..tenants as i64));
    RecordBatch::try_from_iter([("tenant", Arc::new(StringArray::from_iter_values(names)) as ArrayRef), ("n", numbers)])
        .unwrap()
}

fn rows_of(tenant: &str) -> Sql {
    let mut sql = Sql::new("SELECT n FROM kept WHERE tenant = ");
    sql.bind_tenant(tenant);
    sql
}

async fn tenants(shard: &dyn Store) -> Vec<String> {
    let batches = shard.query(Sql::new("SELECT tenant FROM kept ORDER BY n")).await.unwrap();
    let texts = |batch: &RecordBatch| batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    batches.iter().flat_map(|batch| -> Vec<String> { texts(batch) }).collect()
}

#[tokio::test]
async fn rows_of_a_tenant_lie_on_its_shard_and_on_no_other() {
    let house = House::new(3);
    let store = house.store(3);
    store.execute(Sql::new(KEPT).of_everyone()).await.unwrap();
    store.insert("kept", rows(60), None).await.unwrap();
    let mut total = 0;
    for (index, shard) in house.shards.iter().enumerate() {
        let here = tenants(shard.as_ref()).await;
        assert!(5 < here.len() && here.iter().all(|tenant| store.shard_of(tenant) == index), "{index}: {here:?}");
        total += here.len();
    }
    assert_eq!(total, 60);
    assert_eq!(store.query(rows_of("tenant 7")).await.unwrap()[0].num_rows(), 1);
    // What every shard has a part of comes as parts.
    let parts = store.query(Sql::new("SELECT count() FROM kept").of_everyone()).await.unwrap();
    assert_eq!(parts.len(), 3);
}

#[tokio::test]
async fn a_statement_that_does_not_say_whose_it_is_is_refused() {
    let house = House::new(2);
    let store = house.store(2);
    store.execute(Sql::new(KEPT).of_everyone()).await.unwrap();
    store.insert("kept", rows(9), None).await.unwrap();
    let apart =
        (0..9).map(|number| format!("tenant {number}")).find(|name| store.shard_of(name) != store.shard_of("a"));
    let apart = apart.unwrap();
    let mut two = rows_of("a");
    two.push(" UNION ALL ").append(&rows_of(&apart));
    for statement in [Sql::new("SELECT n FROM kept"), two] {
        let refused = store.query(statement.clone()).await.expect_err("nobody knows whose it is");
        assert!(matches!(refused, StoreError::NoShard { .. }), "{refused}");
        let refused = store.execute(statement).await.expect_err("nobody knows whose it is");
        assert!(matches!(refused, StoreError::NoShard { .. }), "{refused}");
    }
    let list = vec![Sql::new("TRUNCATE TABLE kept").of_tenant("a"), Sql::new("TRUNCATE TABLE kept").of_tenant(&apart)];
    assert!(matches!(store.execute_all(list).await, Err(StoreError::NoShard { .. })));
    // Nothing of the list ran, and rows that say no tenant go nowhere.
    let nobodys = rows(3).project(&[1]).unwrap();
    let refused = store.insert("kept", nobodys, None).await.expect_err("nobody knows whose they are");
    assert!(matches!(refused, StoreError::WrongColumns { table: "kept", .. }), "{refused}");
    let mut left = 0;
    for shard in &house.shards {
        left += tenants(shard.as_ref()).await.len();
    }
    assert_eq!(left, 9);
}

#[tokio::test]
async fn a_shard_that_is_away_keeps_no_tenant_of_another_from_its_answers() {
    let datas = [Data::new(), Data::new()];
    let mut hosts: Vec<Host> = datas.iter().map(|data| Host::start(data, 0)).collect();
    let open = |host: &Host| Arc::new(ServerStore::open(&config(std::slice::from_ref(host)), limits()).unwrap());
    let shards: Vec<Arc<dyn Store>> = hosts.iter().map(|host| open(host) as _).collect();
    let store = of(shards, 2);
    store.execute(Sql::new(KEPT).of_everyone()).await.unwrap();
    // The second shard has its part done and does not say so: the repeat tells, and doubles nothing on either.
    hosts[1].fail("INSERT", Fault::CutAfter);
    store.insert("kept", rows(20), Some(Token::of("first"))).await.unwrap();
    store.insert("kept", rows(20), Some(Token::of("first"))).await.unwrap();
    let mut total = 0;
    for data in &datas {
        total += tenants(data.store()).await.len();
    }
    assert_eq!(total, 20);
    hosts.pop();
    for number in 0..20 {
        let tenant = format!("tenant {number}");
        let answer = store.query(rows_of(&tenant)).await;
        match store.shard_of(&tenant) {
            0 => assert_eq!(answer.unwrap()[0].num_rows(), 1),
            _ => assert!(matches!(answer, Err(StoreError::Unreachable { .. })), "{answer:?}"),
        }
    }
    let everyone = store.query(Sql::new("SELECT count() FROM kept").of_everyone()).await;
    assert!(matches!(everyone, Err(StoreError::Unreachable { .. })), "half of the truth is none: {everyone:?}");
}

#[tokio::test]
async fn shards_in_another_order_or_tenants_spread_otherwise_are_refused() {
    let mut house = House::new(2);
    places::hold(Tables::Plain, &house.store(2)).await.unwrap();
    places::hold(Tables::Plain, &house.store(2)).await.unwrap();
    let reason = async |store: ClusterStore| match places::hold(Tables::Plain, &store).await {
        Err(MigrationError::Places { reason }) => reason,
        other => panic!("{other:?}"),
    };
    let swapped = of(house.shards.iter().rev().map(|shard| Arc::clone(shard) as _).collect(), 2);
    assert!(reason(swapped).await.contains("configured as shard 1 was shard 2"));
    assert!(reason(house.store(1)).await.contains("set `cluster_spread` to 2"));
    // A shard that is added does not change where tenants lie.
    house.add();
    assert!(reason(house.store(3)).await.contains("spread over 2 shards and would now be over 3"));
    places::hold(Tables::Plain, &house.store(2)).await.unwrap();
}

#[tokio::test]
async fn a_shard_that_is_added_gets_its_tables_and_the_others_keep_theirs() {
    let mut house = House::new(1);
    let first = migrate(&house.store(1), &FixedClock(NOW), MIGRATIONS, &facts()).await.unwrap();
    assert_eq!(first.applied.len(), MIGRATIONS.len());
    house.add();
    let store = house.store(1);
    let second = migrate(&store, &FixedClock(NOW), MIGRATIONS, &facts()).await.unwrap();
    assert_eq!(second.applied.len(), MIGRATIONS.len());
    let third = migrate(&store, &FixedClock(NOW), MIGRATIONS, &facts()).await.unwrap();
    assert_eq!((third.applied.len(), third.present.len()), (0, MIGRATIONS.len()));
    for shard in &house.shards {
        let register = "SELECT uniqExact(number) AS files FROM schema_migrations";
        assert_eq!(shown(shard.as_ref(), register).await, format!("files: {}\n\n", MIGRATIONS.len()));
    }
}

#[tokio::test]
async fn each_shard_has_a_right_to_derive_of_its_own() {
    let house = House::new(2);
    let process = |name: &str| {
        let stores = house.shards.iter().map(|shard| Arc::clone(shard) as _).collect();
        let placing = Placing::new(2, 2, BTreeMap::new()).unwrap();
        let store: Arc<dyn Store> = Arc::new(ClusterStore::new(stores, placing, name.to_owned()).unwrap());
        Ingest::new(store, Arc::new(FixedClock(NOW)))
    };
    let (one, two) = (process("one"), process("two"));
    let store = Arc::clone(one.derivation().store());
    migrate(store.as_ref(), &FixedClock(NOW), MIGRATIONS, &facts()).await.unwrap();
    let tenants =
        [0, 1].map(|shard| (0..).map(|n| format!("t{n}")).find(|name| store.shard_of(name) == shard).unwrap());
    let take = async |ingest: &Ingest, id: &str| {
        for tenant in &tenants {
            let sent = event("message.received", "c", id, "2026-03-01T10:00:00Z", &json!({"contact": "c"}));
            let lines = rapport::ingest::lines::split(sent.to_string().into()).unwrap();
            assert_eq!(ingest.accept(tenant, lines).await.unwrap().accepted, 1);
        }
    };
    take(&one, "first").await;
    // The first process has the one shard, the second the other, and neither waits.
    assert_eq!(one.derivation().catch_up(&tenants[0]).await.unwrap(), 1);
    assert_eq!(two.derivation().catch_up(&tenants[1]).await.unwrap(), 1);
    take(&two, "second").await;
    let patience = Duration::from_millis(300);
    assert!(two.derivation().catch_up_within(&tenants[0], patience).await.unwrap(), "it is the other's");
    assert!(one.derivation().catch_up_within(&tenants[1], patience).await.unwrap(), "it is the other's");
    let mut stale = one.derivation().stale_tenants().await.unwrap();
    stale.sort();
    let mut expect = tenants.to_vec();
    expect.sort();
    assert_eq!(stale, expect, "of all shards");
    for (shard, holder) in house.shards.iter().zip(["one", "two"]) {
        let right =
            shown(shard.as_ref(), "SELECT holder, count() AS rights FROM derivation_leases GROUP BY holder").await;
        assert_eq!(right, format!("holder: {holder}\nrights: 1\n\n"));
    }
}

/// What a tenant sends, with links, sales and repeats.
fn history(tenant: usize) -> Vec<Value> {
    let mut events = Vec::new();
    for chat in 0..6 + tenant {
        let (name, contact) = (format!("chat {chat}"), format!("contact {}", chat / 2));
        for message in 0..4 + chat {
            let kind = if message % 2 == 0 { "message.received" } else { "message.sent" };
            let who = if message % 2 == 0 {
                json!({"contact": contact})
            } else {
                json!({"contact": contact, "operator": "anna", "team": "north"})
            };
            let at = format!("2026-03-{:02}T10:{:02}:00Z", 1 + chat, message * 7 % 60);
            events.push(event(kind, &name, &message.to_string(), &at, &who));
        }
        let linked = json!({"id": format!("link {chat}"), "kind": "contact.linked", "at": "2026-03-02T00:00:00Z", "channel": "WHATSAPP",
                            "account": "a", "contact": contact, "identities": [format!("crm:{}", chat / 2)]});
        let bought = json!({"id": format!("sale {chat}"), "kind": "conversion.recorded", "at": "2026-03-09T00:00:00Z", "channel": "SITE",
                            "contact": format!("crm:{}", chat / 2),
                            "conversion": {"action": "purchase", "value": 100 + tenant, "currency": "EUR", "order": format!("o{chat}")}});
        events.extend([linked, bought]);
    }
    events
}

const QUESTION: &str = r#"{ analytics(range: {from: "2026-03-01", to: "2026-04-01"}) {
    delivery { total { outbound delivered rate } by(dimensions: [OPERATOR]) { keys metrics { outbound } } }
    responseTime { total { p50Seconds answered unanswered } }
    activeDialogs { total { distinct peak meanConcurrent } series(every: DAY) { start metrics { distinct } } }
    conversion { total { rate converted dialogs value identityCoverage } }
    activity { total { messages turns } } sessions { total { sessions p90Seconds } } } }"#;

#[tokio::test]
async fn every_number_is_that_of_one_database() {
    let mut answers = Vec::new();
    for world in [World::at("2026-03-20T00:00:00Z").await, clustered("2026-03-20T00:00:00Z").await] {
        let mut of_tenants = Vec::new();
        for (number, tenant) in ["acme", "other", "globex", "initech"].into_iter().enumerate() {
            let service = world.token_of(tenant, rapport::auth::Role::Service, None, &[]);
            let mut body = history(number);
            for _ in 0..2 {
                let (status, receipt) = world.post_events(&service, None, Value::from(body.clone()).to_string()).await;
                assert_eq!((status.as_u16(), &receipt["rejectedTotal"]), (200, &json!(0)), "{receipt}");
                body.reverse();
            }
        }
        for tenant in ["acme", "other", "globex", "initech"] {
            let manager = world.token_of(tenant, rapport::auth::Role::Manager, None, &[]);
            of_tenants.push(world.ask(&manager, QUESTION).await);
        }
        assert_ne!(of_tenants[0], of_tenants[1], "tenants have different histories");
        answers.push(of_tenants);
    }
    assert_eq!(answers[0], answers[1]);
}

async fn clustered(now: &str) -> World {
    // The thread is the test's own: what is opened after this lies on two databases.
    on_cluster(|| {});
    World::at(now).await
}
