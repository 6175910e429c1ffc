//! The list of tables is the list of tables.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use rapport::ingest::replay::Databases;
use rapport::ingest::replay::tables::{Holds, TABLES, published, told};
use rapport::sql::Sql;
use rapport::store::Store;

use super::house::House;

async fn names(house: &House, condition: &'static str) -> BTreeSet<String> {
    let mut sql = Sql::new(
        "SELECT DISTINCT name FROM (SELECT t.name AS name, t.engine AS engine, c.name AS column FROM system.tables AS t ",
    );
    sql.push("LEFT JOIN system.columns AS c ON c.database = t.database AND c.table = t.name WHERE t.database = ");
    sql.bind(house.databases.main).push(") WHERE ").push(condition);
    let batches = house.main.query(sql).await.unwrap();
    batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned)).collect()
}

#[tokio::test]
async fn every_table_is_said_to_hold_something() {
    let house = House::open(Databases { main: "replay_tables", scratch: "replay_tables_scratch" }).await;
    let known: BTreeSet<String> = TABLES.iter().map(|(table, _)| (*table).to_owned()).collect();
    let there = names(&house, "engine NOT IN ('View', 'MaterializedView')").await;
    assert_eq!(known, there, "say in ingest::replay::tables what a new table holds");
    let of_tenants = names(&house, "column = 'tenant' AND engine NOT LIKE '%View'").await;
    for table in published() {
        assert!(of_tenants.contains(table), "{table} has no tenant to publish");
    }
    let received = names(&house, "column = 'received_at'").await;
    let connected = names(&house, "column = 'connection'").await;
    for (log, doors, _) in told() {
        assert!(received.contains(log) && connected.contains(log), "what came by a connection cannot be told in {log}");
        assert!(doors.iter().any(|door| door.table == log), "{log} is not copied");
    }
    for (table, holds) in TABLES {
        let passes = names(&house, "engine IN ('Null', 'Memory')").await.contains(*table);
        assert_eq!(passes, *holds == Holds::Nothing, "{table}");
    }
}
