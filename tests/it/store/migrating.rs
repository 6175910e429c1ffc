//! Migrations and fact views.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rapport::app::build::facts;
use rapport::sql::Sql;
use rapport::store::Store;
use rapport::store::migrations::{Fact, MIGRATIONS, Migration, MigrationError, migrate};

use crate::engine::{self, FixedClock, NOW, shown};

const FIRST: Migration =
    Migration { number: 1, name: "0001_t.sql", text: "CREATE TABLE IF NOT EXISTS t (a Int8) ENGINE = Memory" };
const SECOND: Migration =
    Migration { number: 2, name: "0002_t.sql", text: "ALTER TABLE t ADD COLUMN IF NOT EXISTS b Int8" };

fn files(directory: &str) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)) else {
        return BTreeSet::new();
    };
    let names = entries.map(|entry| entry.expect("a readable entry").file_name().to_string_lossy().into_owned());
    // Parts of facts stand in a directory of their own.
    names.filter(|name| name.ends_with(".sql")).collect()
}

#[test]
fn every_file_is_in_the_program_and_numbers_have_no_gaps() {
    let names: BTreeSet<String> = MIGRATIONS.iter().map(|migration| migration.name.to_owned()).collect();
    assert_eq!(names, files("sql/migrations"));
    for (index, migration) in MIGRATIONS.iter().enumerate() {
        assert_eq!(migration.number as usize, index + 1, "{}", migration.name);
        assert!(migration.name.starts_with(&format!("{:04}_", migration.number)), "{}", migration.name);
    }
    let facts: BTreeSet<String> = facts().iter().map(|fact| fact.name.to_owned()).collect();
    assert_eq!(facts, files("sql/facts"));
}

#[test]
fn every_file_is_one_statement_without_a_placeholder() {
    let texts = MIGRATIONS.iter().map(|migration| (migration.name, migration.text));
    for (name, text) in texts.chain(facts().iter().map(|fact| (fact.name, fact.text))) {
        let code: String = text.lines().map(|line| line.split("--").next().unwrap_or("")).collect();
        assert!(!code.contains(';'), "{name}: the engine takes one statement at a time");
        assert!(!text.contains('?'), "{name}: a question mark is where a value goes");
    }
}

#[tokio::test]
pub async fn a_second_run_does_nothing_but_the_facts() {
    let store = engine::empty_store();
    let facts = [Fact { name: "one.sql", text: "CREATE OR REPLACE VIEW one AS SELECT 1 AS a" }];
    let first = migrate(&store, &FixedClock(NOW), MIGRATIONS, &facts).await.expect("an empty database");
    assert_eq!(first.applied.len(), MIGRATIONS.len());
    assert_eq!((first.present.len(), first.facts.len()), (0, 1));
    let second = migrate(&store, &FixedClock(NOW), MIGRATIONS, &facts).await.expect("a database of this version");
    assert_eq!((second.applied.len(), second.present), (0, first.applied));
    assert_eq!(second.facts, ["one.sql"]);
}

#[tokio::test]
pub async fn a_new_migration_runs_after_the_ones_before_it_and_is_recorded_with_its_time() {
    let store = engine::empty_store();
    migrate(&store, &FixedClock(NOW), &[FIRST], &[]).await.expect("an empty database");
    let report = migrate(&store, &FixedClock(NOW + 1500), &[FIRST, SECOND], &[]).await.expect("one more");
    assert_eq!((report.present, report.applied), (vec!["0001_t.sql"], vec!["0002_t.sql"]));
    let register = "SELECT number, name, length(checksum) AS digits, toString(applied_at) AS applied FROM schema_migrations ORDER BY number";
    insta::assert_snapshot!(
        "a_new_migration_runs_after_the_ones_before_it_and_is_recorded_with_its_time",
        shown(&store, register).await
    );
}

#[tokio::test]
pub async fn every_statement_may_run_again_after_a_crash() {
    let store = engine::store().await;
    for migration in MIGRATIONS {
        store.execute(Sql::new(migration.text)).await.unwrap_or_else(|error| panic!("{}: {error}", migration.name));
    }
}

#[tokio::test]
pub async fn a_changed_file_is_refused_by_name() {
    let store = engine::empty_store();
    migrate(&store, &FixedClock(NOW), &[FIRST], &[]).await.expect("an empty database");
    let changed = Migration { text: "CREATE TABLE IF NOT EXISTS t (a Int16) ENGINE = Memory", ..FIRST };
    let refused = migrate(&store, &FixedClock(NOW), &[changed], &[]).await.expect_err("it was changed");
    assert!(matches!(refused, MigrationError::Changed { name: "0001_t.sql" }), "{refused:?}");
    assert!(refused.to_string().contains("0001_t.sql"));
}

#[tokio::test]
pub async fn a_database_of_a_newer_program_is_refused() {
    let store = engine::empty_store();
    migrate(&store, &FixedClock(NOW), &[FIRST, SECOND], &[]).await.expect("an empty database");
    let refused = migrate(&store, &FixedClock(NOW), &[FIRST], &[]).await.expect_err("the program is older");
    assert!(matches!(refused, MigrationError::Newer { number: 2, newest: 1 }), "{refused:?}");
}

#[tokio::test]
pub async fn what_ran_before_a_failure_stays_and_the_next_run_goes_on_from_there() {
    let store = engine::empty_store();
    let broken = Migration { text: "CREATE NONSENSE", ..SECOND };
    let failed = migrate(&store, &FixedClock(NOW), &[FIRST, broken], &[]).await.expect_err("it is no SQL");
    assert!(matches!(failed, MigrationError::Statement { name: "0002_t.sql", .. }), "{failed:?}");
    let report = migrate(&store, &FixedClock(NOW), &[FIRST, SECOND], &[]).await.expect("it was mended");
    assert_eq!(report.applied, ["0002_t.sql"]);
}
