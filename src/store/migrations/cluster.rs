//! The same tables for a cluster: text of a migration into texts that every host of every shard runs. It runs nothing.
//!
//! A table that keeps rows becomes a replicated one, and gets a table `all_…` beside it that reads those of all shards; what
//! only changes tables is told to all hosts; what copies rows runs once a shard. The rest of a text stays as it is. Names of
//! cluster, shard and replica are the servers' own (their `macros`), so that no text has a value in it.

use super::MIGRATIONS;
use crate::sql::Sql;

const ON_CLUSTER: &str = " ON CLUSTER '{cluster}'";

/// How statements begin, and whether a host tells the others.
const BEGINNINGS: [(&str, Kind); 6] = [
    ("CREATE TABLE IF NOT EXISTS ", Kind::Table),
    ("CREATE MATERIALIZED VIEW IF NOT EXISTS ", Kind::Told),
    ("CREATE OR REPLACE VIEW ", Kind::Told),
    ("DROP VIEW IF EXISTS ", Kind::Told),
    ("ALTER TABLE ", Kind::Altered),
    ("INSERT INTO ", Kind::Copied),
];

/// What a replica forgets of inserts that it has seen. Without tokens a replicated table would take an insert for a repeat of an
/// older one with the same rows: of two equal marks (`stale_threads`) the second would be lost.
const NO_TOKENS: &str = "replicated_deduplication_window = 0, ";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Table,
    Told,
    Altered,
    Copied,
}

/// A text taken apart.
struct Statement {
    kind: Kind,
    text: &'static str,
    table: &'static str,
    /// Where the table's name ends.
    after_name: usize,
}

/// What a migration or a fact is on a cluster: statements in their order.
///
/// # Errors
/// What about it cannot be rendered, for who writes a migration: a test renders all of them.
pub fn render(text: &'static str) -> Result<Vec<Sql>, String> {
    let statement = Statement::of(text)?;
    let mut rendered = match statement.kind {
        Kind::Copied => return Ok(vec![Sql::new(text).of_everyone()]),
        Kind::Told | Kind::Altered | Kind::Table => vec![statement.told()?],
    };
    let keeps_rows = match statement.kind {
        Kind::Table => keeps_rows_of_tenants(text),
        // Its columns may be others now.
        Kind::Altered => MIGRATIONS.iter().any(|other| {
            let other = Statement::of(other.text);
            other.is_ok_and(|other| {
                other.kind == Kind::Table && other.table == statement.table && keeps_rows_of_tenants(other.text)
            })
        }),
        Kind::Told | Kind::Copied => false,
    };
    if keeps_rows {
        rendered.push(all_of(statement.table));
    }
    Ok(rendered)
}

/// Reads the table on all shards. It has no key by which rows would go to shards, so that nobody can write through it: where a
/// tenant lies the program says.
fn all_of(table: &'static str) -> Sql {
    let mut sql = Sql::new("CREATE OR REPLACE TABLE all_");
    sql.push(table).push(ON_CLUSTER).push(" AS ").push(table);
    sql.push(" ENGINE = Distributed('{cluster}', currentDatabase(), ").push(table).push(")");
    sql.of_the_cluster()
}

fn keeps_rows_of_tenants(text: &str) -> bool {
    text.contains("MergeTree") && text.contains("\n    tenant ")
}

impl Statement {
    fn of(text: &'static str) -> Result<Self, String> {
        let mut start = 0;
        while text[start..].starts_with("--") {
            start += text[start..].find('\n').ok_or("it has comments only")? + 1;
        }
        for (beginning, kind) in BEGINNINGS {
            if let Some(rest) = text[start..].strip_prefix(beginning) {
                let is_of_name = |character: char| character.is_ascii_lowercase() || character == '_';
                let length = rest.find(|character| !is_of_name(character)).unwrap_or(rest.len());
                let table = &rest[..length];
                return Ok(Self { kind, text, table, after_name: start + beginning.len() + length });
            }
        }
        Err(format!("it begins with none of {:?}", BEGINNINGS.map(|(beginning, _)| beginning)))
    }

    /// The text with what tells all hosts, and with replicated tables.
    fn told(&self) -> Result<Sql, String> {
        let mut sql = Sql::default();
        sql.push(&self.text[..self.after_name]).push(ON_CLUSTER);
        let rest = &self.text[self.after_name..];
        match self.kind {
            Kind::Table => self.push_table(&mut sql, rest)?,
            _ => push_settings(&mut sql, rest),
        }
        Ok(sql.of_the_cluster())
    }

    fn push_table(&self, sql: &mut Sql, rest: &'static str) -> Result<(), String> {
        const ENGINE: &str = "ENGINE = ";
        let (columns, tail) = rest.split_once(ENGINE).ok_or("it has no ENGINE")?;
        if tail.contains(ENGINE) {
            return Err("it has two engines, or a comment that names one".to_owned());
        }
        let length = tail.find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or(tail.len());
        let (engine, tail) = tail.split_at(length);
        sql.push(columns).push(ENGINE);
        if matches!(engine, "Null" | "Memory") {
            sql.push(engine).push(tail);
            return Ok(());
        }
        if !engine.ends_with("MergeTree") {
            return Err(format!("the engine {engine} is not known to replicate"));
        }
        sql.push("Replicated").push(engine).push("('/clickhouse/tables/{shard}/{database}/").push(self.table);
        sql.push("', '{replica}'");
        let tail = match tail.strip_prefix('(') {
            Some(arguments) => {
                sql.push(", ");
                arguments
            }
            None => {
                sql.push(")");
                tail
            }
        };
        let (head, settings) = tail.split_once("SETTINGS ").ok_or("it has no SETTINGS")?;
        sql.push(head).push("SETTINGS ");
        if !settings.contains(OWN_WINDOW) {
            sql.push(NO_TOKENS);
        }
        push_settings(sql, settings);
        Ok(())
    }
}

const OWN_WINDOW: &str = "non_replicated_deduplication_window";

/// The tokens of a replicated table are its replicas' together.
fn push_settings(sql: &mut Sql, text: &'static str) {
    for (index, part) in text.split(OWN_WINDOW).enumerate() {
        if 0 < index {
            sql.push("replicated_deduplication_window");
        }
        sql.push(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &'static str) -> String {
        let statements = render(text).expect("it can be rendered");
        let texts = statements.iter().map(|rendered| format!("{:?}\n{}", rendered.about(), rendered.text()));
        texts.collect::<Vec<_>>().join("\n\n")
    }

    #[test]
    fn a_table_that_keeps_rows_is_replicated_and_read_on_all_shards() {
        let text = "-- Why it is there.\nCREATE TABLE IF NOT EXISTS kept\n(\n    tenant String,\n    version UInt64\n)\n\
                    ENGINE = ReplacingMergeTree(version)\nORDER BY tenant\nSETTINGS fsync_after_insert = 1";
        insta::assert_snapshot!(rendered(text));
    }

    #[test]
    fn a_table_in_memory_is_each_hosts_own() {
        insta::assert_snapshot!(rendered("CREATE TABLE IF NOT EXISTS working (key UInt64) ENGINE = Memory"), @"
        Cluster
        CREATE TABLE IF NOT EXISTS working ON CLUSTER '{cluster}' (key UInt64) ENGINE = Memory
        ");
    }

    #[test]
    fn tokens_are_kept_where_the_table_wants_them() {
        let own = "CREATE TABLE IF NOT EXISTS rights (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 9";
        insta::assert_snapshot!(rendered(own), @"
        Cluster
        CREATE TABLE IF NOT EXISTS rights ON CLUSTER '{cluster}' (n UInt64) ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/rights', '{replica}') ORDER BY n SETTINGS replicated_deduplication_window = 9
        ");
        insta::assert_snapshot!(rendered("ALTER TABLE rights\n    MODIFY SETTING non_replicated_deduplication_window = 9"), @"
        Cluster
        ALTER TABLE rights ON CLUSTER '{cluster}'
            MODIFY SETTING replicated_deduplication_window = 9
        ");
    }

    #[test]
    fn a_table_that_gets_a_column_is_read_on_all_shards_with_it() {
        insta::assert_snapshot!(rendered("ALTER TABLE events\n    ADD COLUMN IF NOT EXISTS new String"));
        assert!(!rendered("ALTER TABLE inbox\n    ADD COLUMN IF NOT EXISTS new String").contains("all_inbox"));
    }

    #[test]
    fn views_are_told_to_all_hosts_and_rows_are_copied_once_a_shard() {
        let view = "CREATE MATERIALIZED VIEW IF NOT EXISTS kept_feed TO kept AS\nSELECT tenant FROM inbox";
        insta::assert_snapshot!(rendered(view), @"
        Cluster
        CREATE MATERIALIZED VIEW IF NOT EXISTS kept_feed ON CLUSTER '{cluster}' TO kept AS
        SELECT tenant FROM inbox
        ");
        insta::assert_snapshot!(rendered("INSERT INTO kept (tenant)\nSELECT tenant FROM events"), @"
        Everyone
        INSERT INTO kept (tenant)
        SELECT tenant FROM events
        ");
        insta::assert_snapshot!(rendered("DROP VIEW IF EXISTS old"), @"
        Cluster
        DROP VIEW IF EXISTS old ON CLUSTER '{cluster}'
        ");
    }

    #[test]
    fn what_nobody_has_thought_of_is_refused() {
        for (text, expect) in [
            ("RENAME TABLE a TO b", "it begins with none of"),
            ("-- nothing", "comments only"),
            ("CREATE TABLE IF NOT EXISTS t (n UInt64) ENGINE = Log", "Log is not known to replicate"),
            ("CREATE TABLE IF NOT EXISTS t (n UInt64) ENGINE = MergeTree ORDER BY n", "no SETTINGS"),
            ("CREATE TABLE IF NOT EXISTS t (n UInt64)", "no ENGINE"),
        ] {
            let error = render(text).expect_err(text);
            assert!(error.contains(expect), "{text}: {error}");
        }
    }

    #[test]
    fn every_migration_can_be_rendered_and_is_the_same_but_for_what_a_cluster_needs() {
        for migration in MIGRATIONS {
            let statements = render(migration.text).unwrap_or_else(|error| panic!("{}: {error}", migration.name));
            let text = statements[0].text();
            let table = Statement::of(migration.text).expect("it was rendered").table;
            let path = format!("('/clickhouse/tables/{{shard}}/{{database}}/{table}', '{{replica}}'");
            let back = text.replace(ON_CLUSTER, "").replace(NO_TOKENS, "").replace("ENGINE = Replicated", "ENGINE = ");
            let back = back.replace(&format!("{path}, "), "(").replace(&format!("{path})"), "");
            let back = back.replace("replicated_deduplication_window", OWN_WINDOW).replace("non_non_", "non_");
            assert_eq!(back, migration.text, "{}", migration.name);
            for all in &statements[1..] {
                assert!(all.text().starts_with("CREATE OR REPLACE TABLE all_"), "{}", migration.name);
            }
        }
    }
}
