//! Rows that last: each counts in every step that it overlaps, with its part in it.
//!
//! The steps come from the calendar and travel as lists of numbers, so that Rust and SQL cut them at the same instants.
//! A step ends at the present: what has not happened yet is not counted.

use std::fmt::Write;

use crate::model::Granularity;
use crate::model::clock::Millis;
use crate::sql::Sql;

use super::calendar::Point;
use super::query::{Grouping, MetricQuery};

/// Which rows overlap their step. One that begins at its very end is there at the last instant, if that is now.
pub const OVERLAPS: &str = " AND at <= clip_to AND closed_at > clip_from AND closed_at > at";

/// The columns that tell which steps a row overlaps; nothing where there is only one step, the whole range.
pub fn columns(query: &MetricQuery) -> Sql {
    let mut sql = Sql::new("");
    if let Grouping::Every(every) = query.grouping() {
        sql.push(", greatest(at, ").bind(query.range().from()).push(") AS first_instant");
        sql.push(", least(closed_at, ").bind(query.range().to()).push(") - 1 AS final_instant");
        for (at, local, key) in
            [("first_instant", "first_local", "first_key"), ("final_instant", "final_local", "final_key")]
        {
            sql.push(", ").append(&query.calendar().local(at)).push(" AS ").push(local);
            sql.push(", ").append(&query.calendar().bucket(*every, at, local)).push(" AS ").push(key);
        }
    }
    sql
}

/// The rows, once for each step that they overlap, with the step's limits.
pub fn divided(query: &MetricQuery, rows: &Sql) -> Sql {
    let now = query.terms().now;
    let mut sql = Sql::new("");
    let Grouping::Every(every) = query.grouping() else {
        let (from, to) = (query.range().from(), query.range().to());
        sql.push("SELECT *, toInt64(").bind(from).push(") AS clip_from, toInt64(").bind(to.min(now).max(from));
        sql.push(") AS clip_to, toInt64(").bind((to - 1).min(now)).push(") AS last_instant FROM (");
        sql.append(rows).push(")");
        return sql;
    };
    let points = points(query, *every);
    sql.push("WITH ");
    append_list(&mut sql, &points, |point| point.key, "step_keys");
    append_list(&mut sql, &points, |point| point.start, "step_starts");
    append_list(&mut sql, &points, |point| point.end, "step_ends");
    sql.push("arrayEnumerate(step_keys) AS step_numbers SELECT *, ");
    sql.push("arrayJoin(range(transform(first_key, step_keys, step_numbers, toUInt32(0)), ");
    sql.push("transform(final_key, step_keys, step_numbers, toUInt32(0)) + 1)) AS step, step_keys[step] AS step_key, ");
    sql.push("step_starts[step] AS clip_from, greatest(clip_from, least(step_ends[step], toInt64(").bind(now);
    sql.push("))) AS clip_to, least(step_ends[step] - 1, toInt64(").bind(now).push(")) AS last_instant FROM (");
    sql.append(rows).push(")");
    sql
}

fn points(query: &MetricQuery, every: Granularity) -> Vec<Point> {
    query.calendar().points(every, usize::MAX).unwrap_or_default()
}

/// A list of numbers as one bound text: ten thousand parameters would be slower than the statement.
fn append_list(sql: &mut Sql, points: &[Point], number: fn(&Point) -> Millis, name: &'static str) {
    let mut text = String::new();
    for point in points {
        let _ = write!(text, "{}{}", if text.is_empty() { "" } else { "," }, number(point));
    }
    sql.push("CAST(splitByChar(',', ").bind(text).push("), 'Array(Int64)') AS ").push(name).push(", ");
}
