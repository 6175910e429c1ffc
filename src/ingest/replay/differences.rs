//! Which events of the stretch are others now. The engine compares; what it finds stands in the scratch database, so that
//! it can be counted and shown without being compared again.

use serde_json::{Map, Value};

use super::{Databases, Stretch, first_row, numbers, texts, wrong_column};
use crate::ingest::replay::tables::{self, Rows};
use crate::model::clock::Millis;
use crate::sql::Sql;
use crate::store::{Store, StoreError};

/// Examples of each kind and way of differing.
const EXAMPLES: &str = " LIMIT 3 BY what, kind";

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Added,
    Changed,
    Gone,
}

/// The events that differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Differences {
    pub unchanged: u64,
    pub kinds: Vec<KindDifferences>,
    pub examples: Vec<Example>,
    /// From the earliest to the latest of them, both included.
    pub times: Option<(Millis, Millis)>,
    /// Whether logs other than `events` differ, by their names.
    pub other_logs: Vec<&'static str>,
}

/// How many events of one kind differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindDifferences {
    pub kind: String,
    pub added: u64,
    pub changed: u64,
    pub gone: u64,
}

/// One event that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    pub change: Change,
    pub kind: String,
    pub id: String,
    pub fields: Vec<FieldDifference>,
}

/// A field of an event; `None` where it has nothing to say.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDifference {
    pub name: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl Change {
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Gone => "gone",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Added, Self::Changed, Self::Gone].into_iter().find(|change| change.name() == name)
    }
}

impl Differences {
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.other_logs.is_empty()
    }
}

/// Compares the events of the stretch in both databases.
///
/// # Errors
/// When the engine fails.
pub async fn find(
    main: &dyn Store,
    scratch: &dyn Store,
    databases: Databases,
    stretch: &Stretch,
) -> Result<Differences, StoreError> {
    scratch.execute_all(vec![Sql::new("DROP TABLE IF EXISTS differences SYNC"), compare(databases, stretch)]).await?;
    let kinds = count(main, databases).await?;
    let mut before = Sql::new("SELECT toInt64(count()) FROM ");
    before.push(databases.main).push(".events WHERE").append(&stretch.condition());
    let before = first_row(&main.query(before).await?)?[0].unsigned_abs();
    let other = kinds.iter().map(|kind| kind.changed + kind.gone).sum();
    let times = if kinds.is_empty() { None } else { Some(times(main, databases).await?) };
    let mut other_logs = Vec::new();
    for (log, _, rows) in tables::told().filter(|(log, ..)| *log != "events") {
        if log_differs(main, (log, rows), databases, stretch).await? {
            other_logs.push(log);
        }
    }
    let examples = examples(main, databases, &stretch.tenant).await?;
    Ok(Differences { unchanged: before.saturating_sub(other), kinds, examples, times, other_logs })
}

fn compare(databases: Databases, stretch: &Stretch) -> Sql {
    let side = |database: &'static str| {
        // The hash of a row is never 0, which stands for one that is not there.
        let mut sql = Sql::new("(SELECT id, toString(kind) AS name, toInt64(toUnixTimestamp64Milli(at)) AS at_ms,");
        sql.push(" bitOr(sipHash64(toString(tuple(* EXCEPT (batch)))), 1) AS content FROM ")
            .push(database)
            .push(".events WHERE");
        sql.append(&stretch.condition()).push(")");
        sql
    };
    let mut sql = Sql::new("CREATE TABLE differences ENGINE = MergeTree ORDER BY (what, kind, id) AS SELECT id,");
    sql.push(" multiIf(b.content = 0, 'added', a.content = 0, 'gone', 'changed') AS what,");
    sql.push(" if(a.content = 0, b.name, a.name) AS kind,");
    sql.push(" if(b.content = 0 OR (a.content != 0 AND a.at_ms < b.at_ms), a.at_ms, b.at_ms) AS first_ms,");
    sql.push(" if(b.content = 0 OR (a.content != 0 AND a.at_ms > b.at_ms), a.at_ms, b.at_ms) AS last_ms FROM ");
    sql.append(&side(databases.main)).push(" AS b FULL OUTER JOIN ").append(&side(databases.scratch));
    // Sorted by the engine, on disk where it must, whatever number of events.
    sql.push(" AS a USING (id) WHERE b.content != a.content SETTINGS join_algorithm = 'full_sorting_merge'");
    sql
}

async fn count(store: &dyn Store, databases: Databases) -> Result<Vec<KindDifferences>, StoreError> {
    let mut sql = Sql::new("SELECT kind, toInt64(countIf(what = 'added')), toInt64(countIf(what = 'changed')),");
    sql.push(" toInt64(countIf(what = 'gone')) FROM ").push(databases.scratch).push(".differences");
    sql.push(" GROUP BY kind ORDER BY kind");
    let mut kinds = Vec::new();
    for batch in store.query(sql).await? {
        let names = texts(&batch, 0)?;
        let (added, changed, gone) = (numbers(&batch, 1)?, numbers(&batch, 2)?, numbers(&batch, 3)?);
        kinds.extend((0..batch.num_rows()).map(|row| KindDifferences {
            kind: names.value(row).to_owned(),
            added: added[row].unsigned_abs(),
            changed: changed[row].unsigned_abs(),
            gone: gone[row].unsigned_abs(),
        }));
    }
    Ok(kinds)
}

async fn times(store: &dyn Store, databases: Databases) -> Result<(Millis, Millis), StoreError> {
    let mut sql = Sql::new("SELECT min(first_ms), max(last_ms) FROM ");
    sql.push(databases.scratch).push(".differences");
    let row = first_row(&store.query(sql).await?)?;
    Ok((row[0], row[1]))
}

/// From the earliest to the latest event of a tenant, of both databases; `None` when it has none.
///
/// # Errors
/// When the engine fails.
pub async fn times_of_all(
    store: &dyn Store,
    databases: Databases,
    tenant: &str,
) -> Result<Option<(Millis, Millis)>, StoreError> {
    let mut sql =
        Sql::new("SELECT toInt64(toUnixTimestamp64Milli(min(at))), toInt64(toUnixTimestamp64Milli(max(at))),");
    sql.push(" toInt64(count()) FROM (");
    for (database, then) in [(databases.main, " UNION ALL "), (databases.scratch, ")")] {
        sql.push("SELECT at FROM ").push(database).push(".events WHERE tenant = ").bind(tenant).push(then);
    }
    let row = first_row(&store.query(sql).await?)?;
    Ok((0 < row[2]).then_some((row[0], row[1])))
}

/// Whether any row of a log that is no event differs, by number and hashes of its rows.
async fn log_differs(
    store: &dyn Store,
    (log, rows): (&'static str, Rows),
    databases: Databases,
    stretch: &Stretch,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT toInt64(uniqExact((rows, content)) > 1) FROM (");
    for (database, then) in [(databases.main, " UNION ALL "), (databases.scratch, ")")] {
        sql.push("SELECT count() AS rows, sum(sipHash64(toString(tuple(*)))) AS content FROM ");
        sql.push(database).push(".").push(log).push(if rows == Rows::Merging { " FINAL" } else { "" });
        sql.push(" WHERE tenant = ").bind(stretch.tenant.as_str()).push(then);
    }
    Ok(first_row(&store.query(sql).await?)?[0] == 1)
}

async fn examples(store: &dyn Store, databases: Databases, tenant: &str) -> Result<Vec<Example>, StoreError> {
    let mut some = Sql::new(" FROM ");
    some.push(databases.scratch).push(".differences ORDER BY kind, what, id").push(EXAMPLES);
    let side = |database: &'static str| {
        let mut sql =
            Sql::new(" LEFT JOIN (SELECT id, formatRowNoNewline('JSONEachRow', * EXCEPT (batch)) AS fields FROM ");
        sql.push(database).push(".events WHERE tenant = ").bind(tenant).push(" AND id IN (SELECT id").append(&some);
        sql.push("))");
        sql
    };
    let mut sql = Sql::new("SELECT d.what, d.kind, d.id, b.fields, a.fields FROM (SELECT what, kind, id");
    sql.append(&some).push(") AS d").append(&side(databases.main)).push(" AS b ON d.id = b.id");
    sql.append(&side(databases.scratch)).push(" AS a ON d.id = a.id ORDER BY d.kind, d.what, d.id");
    let mut examples = Vec::new();
    for batch in store.query(sql).await? {
        let column = |index| texts(&batch, index);
        let (whats, kinds, ids, befores, afters) = (column(0)?, column(1)?, column(2)?, column(3)?, column(4)?);
        for row in 0..batch.num_rows() {
            let change = Change::of(whats.value(row)).ok_or_else(wrong_column)?;
            // The same id can be another origin's in the other database: what is not there has no fields.
            let before = if change == Change::Added { Map::new() } else { fields(befores.value(row))? };
            let after = if change == Change::Gone { Map::new() } else { fields(afters.value(row))? };
            examples.push(Example {
                change,
                kind: kinds.value(row).to_owned(),
                id: ids.value(row).to_owned(),
                fields: differing(&before, &after),
            });
        }
    }
    Ok(examples)
}

/// The columns of an event that say something; its tenant and its id are said elsewhere.
fn fields(json: &str) -> Result<Map<String, Value>, StoreError> {
    let mut fields: Map<String, Value> = serde_json::from_str(json).map_err(|_| wrong_column())?;
    fields.retain(|name, value| {
        let says = match value {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Object(map) => !map.is_empty(),
            Value::Bool(true) | Value::Number(_) => true,
        };
        says && !matches!(name.as_str(), "tenant" | "id" | "kind" | "connection")
    });
    Ok(fields)
}

fn differing(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<FieldDifference> {
    let mut names: Vec<&String> = before.keys().collect();
    names.extend(after.keys().filter(|name| !before.contains_key(*name)));
    let difference = |name: &String| FieldDifference {
        name: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    let differences = names.into_iter().map(difference);
    differences.filter(|difference| difference.before != difference.after).collect()
}
