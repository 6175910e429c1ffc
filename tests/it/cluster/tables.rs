//! Tables of a cluster: what no test here can run is at least read by the engine's own parser.

use std::sync::Arc;

use rapport::app::build::facts;
use rapport::sql::{About, Sql};
use rapport::store::Store;
use rapport::store::migrations::{MIGRATIONS, Tables, plan};

use super::House;
use crate::engine::empty_store;

/// What the engine makes of a statement, or what is wrong with it.
async fn parsed(store: &dyn Store, text: &str) -> Result<(), String> {
    let mut sql = Sql::new("SELECT formatQuery(");
    sql.bind(text).push(") AS formatted");
    store.query(sql).await.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn every_statement_for_a_cluster_is_one_to_the_engine() {
    let store = empty_store();
    let files = MIGRATIONS.iter().map(|migration| (migration.name, migration.text));
    let mut count = 0;
    for (name, text) in files.chain(facts().iter().map(|fact| (fact.name, fact.text))) {
        for statement in Tables::Replicated.render(name, text).unwrap() {
            parsed(&store, statement.text())
                .await
                .unwrap_or_else(|error| panic!("{name}: {error}\n{}", statement.text()));
            assert!(statement.values().is_empty(), "{name}: text only");
            let is_told = statement.text().contains(" ON CLUSTER '{cluster}'");
            assert_eq!(is_told, *statement.about() == About::Cluster, "{name}");
            count += 1;
        }
    }
    assert!(MIGRATIONS.len() + facts().len() < count, "{count}");
    // What is no statement is none.
    assert!(parsed(&store, "CREATE TABLE t ON CLUSTER (n Int8) ENGINE").await.is_err());
}

#[tokio::test]
async fn a_plan_names_what_would_run_and_runs_nothing() {
    let house = House::new(2);
    let store = house.store(2);
    let planned = plan(Tables::Replicated, &store, MIGRATIONS, &facts()).await.unwrap();
    assert_eq!(planned.len(), MIGRATIONS.len() + facts().len());
    let shards: Vec<Arc<dyn Store>> = house.shards.iter().map(|shard| Arc::clone(shard) as _).collect();
    for shard in shards {
        assert!(shard.query(Sql::new("SELECT 1 FROM schema_migrations")).await.is_err(), "nothing was made");
    }
    rapport::store::migrations::migrate(&store, &crate::engine::FixedClock(0), MIGRATIONS, &[]).await.unwrap();
    let planned = plan(Tables::Replicated, &store, MIGRATIONS, &facts()).await.unwrap();
    assert_eq!(
        planned.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        facts().iter().map(|fact| fact.name).collect::<Vec<_>>()
    );
}
