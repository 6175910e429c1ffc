//! Queries become statements: those over the same rows become one, so that the rows are made once.
//!
//! ```text
//! SELECT <keys>, <grouping>, <measures>, <histograms>, <quality> FROM (
//!     SELECT *, <local time>, <derived columns> FROM fact_x(<scope>, <range>, <arguments>)
//! ) WHERE <filter> GROUP BY GROUPING SETS (<keys of each query>) LIMIT <groups + 1> BY <grouping>
//! ```
//!
//! Every output column has a generated name: a column's own name as an alias would fail or capture the filter. What two
//! queries have in common is one column.

use arrow::array::RecordBatch;

use crate::sql::Sql;

use super::answer::{AnswerError, Reader, Rows};
use super::catalogue::Dimension;
use super::compile::{bins, cohort_at, condition, keys, rows};
use super::query::{Grouping, MetricQuery};

/// One statement, and the queries that it answers.
#[derive(Clone, Debug)]
pub struct Statement {
    parts: Vec<Part>,
    /// Expressions of groups, of numbers and of how well rows are known: each once.
    keys: Vec<Sql>,
    columns: Vec<Sql>,
    levels: Vec<Sql>,
}

/// Where in the statement one query finds its own.
#[derive(Clone, Debug)]
pub struct Part {
    pub query: MetricQuery,
    pub keys: Vec<usize>,
    /// In the order of the query's metrics.
    pub values: Vec<usize>,
    pub bins: Option<usize>,
    /// How many of the cohort are at each level; empty when the query does not bring it.
    pub levels: Vec<usize>,
    pub checks: Vec<usize>,
}

impl Statement {
    /// As few statements as answer the queries, and for each query which of them: each has its queries in their order.
    pub fn all_of(queries: &[MetricQuery]) -> (Vec<Statement>, Vec<usize>) {
        let (mut statements, mut sources, mut places) = (Vec::<Statement>::new(), Vec::<Sql>::new(), Vec::new());
        for query in queries {
            let source = source(query);
            let known = sources.iter().position(|known| *known == source && !multiplies(query));
            let index = known.unwrap_or_else(|| {
                statements.push(Self { parts: Vec::new(), keys: Vec::new(), columns: Vec::new(), levels: Vec::new() });
                // What multiplies rows shares them with nobody.
                sources.push(if multiplies(query) { Sql::new("") } else { source });
                statements.len() - 1
            });
            places.push(index);
            statements[index].add(query);
        }
        (statements, places)
    }

    /// The statement of one query.
    pub fn alone(query: &MetricQuery) -> Statement {
        let (mut statements, _) = Self::all_of(std::slice::from_ref(query));
        statements.remove(0)
    }

    /// How many queries it answers.
    pub fn queries(&self) -> usize {
        self.parts.len()
    }

    fn add(&mut self, query: &MetricQuery) {
        let keys = keys(query).into_iter().map(|key| place(&mut self.keys, key)).collect();
        let values = query.metrics().iter().map(|metric| place(&mut self.columns, metric.measure.sql())).collect();
        let bins = bins(query).map(|bins| place(&mut self.columns, bins));
        let (mut levels, mut checks) = (Vec::new(), Vec::new());
        if query.brings_quality() {
            let level = place(&mut self.levels, query.family().sees.level());
            levels = (0..4).map(|number| place(&mut self.columns, cohort_at(query, level, number))).collect();
            checks =
                query.family().checks.iter().map(|check| place(&mut self.columns, Sql::new(check.count))).collect();
        }
        self.parts.push(Part { query: query.clone(), keys, values, bins, levels, checks });
    }

    /// `groups_max + 1` rows at most for each grouping, so that the reader can tell "too many" from "all".
    pub fn sql(&self, groups_max: usize) -> Sql {
        let sets = self.sets();
        let mut sql = Sql::new("SELECT ");
        for (index, key) in self.keys.iter().enumerate() {
            sql.append(key).name(" AS k", index).push(", ");
        }
        if 1 < sets.len() {
            sql.push("grouping(");
            append_keys(&mut sql, 0..self.keys.len());
            sql.push(") AS g, ");
        }
        for (index, column) in self.columns.iter().enumerate() {
            sql.append(column).name(" AS c", index).push(", ");
        }
        sql.push("count() AS n FROM (").append(&self.rows()).push(") WHERE ").append(&condition(&self.parts[0].query));
        if 1 < sets.len() {
            sql.push(" GROUP BY GROUPING SETS (");
            for (index, set) in sets.iter().enumerate() {
                sql.push(if index == 0 { "(" } else { ", (" });
                append_keys(&mut sql, set.iter().copied());
                sql.push(")");
            }
            sql.push(")");
        } else if !self.keys.is_empty() {
            sql.push(" GROUP BY ");
            append_keys(&mut sql, 0..self.keys.len());
        }
        sql.push(" LIMIT ").bind(i64::try_from(groups_max + 1).unwrap_or(i64::MAX));
        if 1 < sets.len() {
            sql.push(" BY g");
        }
        sql
    }

    fn rows(&self) -> Sql {
        let rows = rows(&self.parts[0].query);
        if self.levels.is_empty() {
            return rows;
        }
        let mut sql = Sql::new("SELECT *");
        for (index, level) in self.levels.iter().enumerate() {
            sql.push(", ").append(level).name(" AS level", index);
        }
        sql.push(" FROM (").append(&rows).push(")");
        sql
    }

    /// The different groupings, each as places of keys in their order: the same keys in another order are the same groups.
    fn sets(&self) -> Vec<Vec<usize>> {
        let mut sets: Vec<Vec<usize>> = Vec::new();
        for part in &self.parts {
            let mut set = part.keys.clone();
            set.sort_unstable();
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
        sets
    }

    /// Reads what the engine returned, for each query what is its own.
    pub fn read(&self, batches: &[RecordBatch], groups_max: usize) -> Vec<Result<Rows, AnswerError>> {
        let is_mixed = 1 < self.sets().len();
        let read = |part: &Part| {
            let mut reader = Reader::new(part, is_mixed.then(|| self.mask(&part.keys)));
            for batch in batches {
                reader.add(batch)?;
            }
            reader.rows(groups_max)
        };
        self.parts.iter().map(read).collect()
    }

    /// What `grouping` says of a row of these keys: a bit for each key that is not one of them, the first the highest.
    fn mask(&self, keys: &[usize]) -> u64 {
        (0..self.keys.len()).fold(0, |mask, key| mask << 1 | u64::from(!keys.contains(&key)))
    }
}

/// What the rows of two queries must have in common to be the same.
fn source(query: &MetricQuery) -> Sql {
    let mut sql = rows(query);
    sql.push(" WHERE ").append(&condition(query));
    sql
}

/// Whether a row can be in several groups, which would count it several times in every other grouping.
fn multiplies(query: &MetricQuery) -> bool {
    matches!(query.grouping(), Grouping::By(dimensions) if dimensions.contains(&Dimension::Segment))
}

fn append_keys(sql: &mut Sql, keys: impl IntoIterator<Item = usize>) {
    for (index, key) in keys.into_iter().enumerate() {
        sql.push(if index == 0 { "" } else { ", " }).name("k", key);
    }
}

/// Where the expression stands in the list; new ones are added.
fn place(list: &mut Vec<Sql>, sql: Sql) -> usize {
    list.iter().position(|known| *known == sql).unwrap_or_else(|| {
        list.push(sql);
        list.len() - 1
    })
}
