//! A question becomes a statement: a pure function, without decisions of its own.
//!
//! ```text
//! SELECT <keys>, <measures>, <quality> FROM (
//!     SELECT *, <local time>, <derived columns> FROM fact_x(<scope>, <range>)
//! ) WHERE <filter> GROUP BY <keys> LIMIT <groups + 1>
//! ```
//!
//! Every output column has a generated name: a column's own name as an alias would fail or capture the filter.

use crate::model::Sight;
use crate::sql::Sql;

use super::calendar::Calendar;
use super::catalogue::{Measure, facts};
use super::query::{Grouping, MetricQuery};

/// The statement of a query. `groups_max + 1` rows at most, so that the reader can tell "too many" from "all".
pub fn compile(query: &MetricQuery, groups_max: usize) -> Sql {
    let mut sql = Sql::new("SELECT ");
    let keys = keys(query);
    for (index, key) in keys.iter().enumerate() {
        sql.append(key).name(" AS k", index).push(", ");
    }
    for (index, metric) in query.metrics().iter().enumerate() {
        sql.append(&measure(metric.measure)).name(" AS m", index).push(", ");
    }
    if query.brings_quality() {
        for level in 0..4 {
            sql.push("countIf(").push(query.family().cohort).push(" AND level = ").bind(level).push(")");
            sql.name(" AS q", usize::try_from(level).expect("0 to 3")).push(", ");
        }
    }
    sql.push("count() AS n FROM (").append(&rows(query)).push(") WHERE ").append(&query.filter().sql());
    if !keys.is_empty() {
        sql.push(" GROUP BY ");
        for index in 0..keys.len() {
            if 0 < index {
                sql.push(", ");
            }
            sql.name("k", index);
        }
    }
    sql.push(" LIMIT ").bind(i64::try_from(groups_max + 1).unwrap_or(i64::MAX));
    sql
}

fn keys(query: &MetricQuery) -> Vec<Sql> {
    match query.grouping() {
        Grouping::Total => Vec::new(),
        Grouping::Every(every) => vec![query.calendar().bucket(*every)],
        Grouping::By(dimensions) => dimensions.iter().map(|dimension| Sql::new(dimension.expression())).collect(),
    }
}

/// The fact's rows with what the query itself adds to them.
fn rows(query: &MetricQuery) -> Sql {
    let calendar: &Calendar = query.calendar();
    let mut sql = Sql::new("SELECT *, ");
    sql.append(&calendar.local()).push(" AS local");
    for derived in query.fact().derived {
        sql.push(", ").append(&(derived.sql)(query.terms())).push(" AS ").push(derived.name);
    }
    if query.brings_quality() {
        sql.push(", ").append(&facts::level(query.family().signal)).push(" AS level");
    }
    sql.push(" FROM ").push(query.view());
    let no_names: &[String] = &[];
    let (everyone, operators, teams) = match query.scope().sight() {
        Sight::Everything => (1, no_names, no_names),
        Sight::Operators(operators) => (0, operators.as_slice(), no_names),
        Sight::Teams(teams) => (0, no_names, teams.as_slice()),
    };
    sql.push("tenant = ").bind(query.scope().tenant());
    sql.push(", everyone = ").bind(everyone);
    sql.push(", operators = ").bind_list(operators.iter().map(String::as_str));
    sql.push(", teams = ").bind_list(teams.iter().map(String::as_str));
    sql.push(", from = ").bind(query.range().from());
    sql.push(", to = ").bind(query.range().to());
    sql.push(")");
    sql
}

/// Shares are null when nothing is there to be a share of.
fn measure(measure: Measure) -> Sql {
    match measure {
        Measure::Count { rows } => {
            let mut sql = Sql::new("countIf(");
            sql.push(rows).push(")");
            sql
        }
        Measure::Share { rows, of } => {
            let mut sql = Sql::new("countIf((");
            sql.push(of).push(") AND (").push(rows).push(")) / nullIf(countIf(").push(of).push("), 0)");
            sql
        }
    }
}
