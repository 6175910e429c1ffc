//! The parts of a statement: pure functions of a query, without decisions of their own.
//!
//! [`statement`](super::statement) puts them together. Rows that last are divided among the steps that they overlap in
//! [`spans`].

use crate::model::{Scope, Sight};
use crate::sql::Sql;

use super::catalogue::Unit;
use super::catalogue::facts::Rows;
use super::query::{Grouping, MetricQuery};
use super::spans;

/// The question how many rows a statement would read, which reads none.
pub fn estimate(statement: &Sql) -> Sql {
    let mut sql = Sql::new("EXPLAIN ESTIMATE ");
    sql.append(statement);
    sql
}

/// The expressions by which rows are divided, over what [`rows`] returns.
pub fn keys(query: &MetricQuery) -> Vec<Sql> {
    match query.grouping() {
        Grouping::Total => Vec::new(),
        Grouping::Every(_) if query.fact().rows == Rows::Spans => vec![Sql::new("step_key")],
        Grouping::Every(every) => vec![query.calendar().bucket(*every, "at", "local")],
        Grouping::By(dimensions) => dimensions.iter().map(|dimension| Sql::new(dimension.expression())).collect(),
    }
}

/// The fact's rows with what the query itself adds to them.
pub fn rows(query: &MetricQuery) -> Sql {
    let mut sql = Sql::new("SELECT *, ");
    sql.append(&query.calendar().local("at")).push(" AS local");
    for derived in query.fact().derived {
        sql.push(", ").append(&(derived.sql)(query.terms())).push(" AS ").push(derived.name);
    }
    if query.fact().rows == Rows::Spans {
        sql.append(&spans::columns(query));
    }
    sql.push(" FROM ").push(query.fact().view).append(&scope(query));
    for argument in query.fact().arguments {
        sql.push(", ").push(argument.name).push(" = ").append(&(argument.sql)(query.terms()));
    }
    sql.push(")");
    if query.fact().rows == Rows::Spans { spans::divided(query, &sql) } else { sql }
}

fn scope(query: &MetricQuery) -> Sql {
    let mut sql = sight(query.scope());
    sql.push(", from = ").bind(query.range().from());
    sql.push(", to = ").bind(query.range().to());
    sql
}

/// What a view is told of who asks.
pub fn sight(scope: &Scope) -> Sql {
    let no_names: &[String] = &[];
    let (everyone, operators, teams) = match scope.sight() {
        Sight::Everything => (1, no_names, no_names),
        Sight::Operators(operators) => (0, operators.as_slice(), no_names),
        Sight::Teams(teams) => (0, no_names, teams.as_slice()),
    };
    let mut sql = Sql::new("tenant = ");
    sql.bind_tenant(scope.tenant());
    sql.push(", everyone = ").bind(everyone);
    sql.push(", operators = ").bind_list(operators.iter().map(String::as_str));
    sql.push(", teams = ").bind_list(teams.iter().map(String::as_str));
    sql
}

/// Which of the rows count.
pub fn condition(query: &MetricQuery) -> Sql {
    let mut sql = query.filter().sql();
    match query.fact().rows {
        Rows::InRange => {}
        Rows::AlsoBefore => {
            sql.push(" AND at >= ").bind(query.range().from());
        }
        Rows::Spans => {
            sql.push(spans::OVERLAPS);
        }
    }
    sql
}

/// The family's bins as an array of counts, where the query brings them.
pub fn bins(query: &MetricQuery) -> Option<Sql> {
    let histogram = query.histogram()?;
    let scale = if histogram.unit == Unit::Seconds { 1_000.0 } else { 1.0 };
    let bounds = query.bounds();
    let mut sql = Sql::new("[");
    for index in 0..=bounds.len() {
        if 0 < index {
            sql.push(", ");
        }
        sql.push("countIf((").push(histogram.rows).push(")");
        if let Some(bound) = index.checked_sub(1).and_then(|index| bounds.get(index)) {
            sql.push(" AND ").push(histogram.value).push(" >= ").bind(bound * scale);
        }
        if let Some(bound) = bounds.get(index) {
            sql.push(" AND ").push(histogram.value).push(" < ").bind(bound * scale);
        }
        sql.push(")");
    }
    sql.push("]");
    Some(sql)
}

/// How many of the cohort are known at a level, given the column that tells it.
pub fn cohort_at(query: &MetricQuery, level_column: usize, level: i64) -> Sql {
    let cohort = &query.family().cohort;
    let mut sql = Sql::new("");
    match cohort.distinct {
        Some(key) => sql.push("uniqExactIf(").push(key).push(", "),
        None => sql.push("countIf("),
    };
    sql.push("(").push(cohort.rows).name(") AND level", level_column).push(" = ").bind(level).push(")");
    sql
}
