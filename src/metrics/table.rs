//! A table: metrics of any families, side by side, by dimensions that all of them have.
//!
//! Each family answers by itself; here the answers are joined by their keys and sorted. A family that knows nothing of a
//! key has there what its metrics are without rows: a count is 0, a share unknown.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::answer::{self, Line, Metrics, Number};
use super::catalogue::Entry;
use super::query::Question;

/// One row: a value for each column of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub keys: Vec<Option<String>>,
    pub values: Vec<Option<Number>>,
}

/// A family's answer.
pub struct Part<'a> {
    pub question: &'a Question,
    pub lines: &'a [Line],
}

/// What to sort by: the number of a key or of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Key(usize),
    Value(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub by: Column,
    pub ascending: bool,
}

/// What the parts have for one key.
struct Found<'a> {
    keys: &'a [Option<String>],
    metrics: Vec<Option<&'a Metrics>>,
}

/// The rows of all parts, one for each key that any of them has.
pub fn join(columns: &[&'static Entry], parts: &[Part<'_>]) -> Vec<Row> {
    let mut numbers: HashMap<&[Option<String>], usize> = HashMap::new();
    let mut rows: Vec<Found<'_>> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        for line in part.lines {
            let number = *numbers.entry(&line.keys).or_insert_with(|| {
                rows.push(Found { keys: &line.keys, metrics: vec![None; parts.len()] });
                rows.len() - 1
            });
            rows[number].metrics[index] = Some(&line.metrics);
        }
    }
    let value = |entry: &Entry, found: &Found<'_>| {
        let index = parts.iter().position(|part| std::ptr::eq(part.question.family, entry.family))?;
        match found.metrics[index] {
            Some(metrics) => metrics.value(entry.metric.name).cloned(),
            None => answer::without_rows(parts[index].question, entry.metric),
        }
    };
    let row = |found: Found<'_>| Row {
        keys: found.keys.to_vec(),
        values: columns.iter().map(|entry| value(entry, &found)).collect(),
    };
    rows.into_iter().map(row).collect()
}

/// Sorts by the orders, then by the keys. What is unknown stands last in both directions.
pub fn sort(rows: &mut [Row], orders: &[Order]) {
    rows.sort_by(|left, right| {
        for order in orders {
            let ordering = match order.by {
                Column::Key(index) => compare_keys(&left.keys[index], &right.keys[index], order.ascending),
                Column::Value(index) => {
                    answer::compare(left.values[index].as_ref(), right.values[index].as_ref(), order.ascending)
                }
            };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        let keys = left.keys.iter().zip(&right.keys).map(|(left, right)| compare_keys(left, right, true));
        keys.fold(Ordering::Equal, Ordering::then)
    });
}

fn compare_keys(left: &Option<String>, right: &Option<String>, ascending: bool) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) if ascending => answer::key_of(left).cmp(&answer::key_of(right)),
        (Some(left), Some(right)) => answer::key_of(right).cmp(&answer::key_of(left)),
        (left, right) => right.is_some().cmp(&left.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(orders: &[Order], expect: [&str; 4]) {
        let row = |key: &str, count: Option<u64>| Row {
            keys: vec![(!key.is_empty()).then(|| key.to_owned())],
            values: vec![count.map(Number::Count)],
        };
        let mut rows = [row("", Some(2)), row("10", Some(1)), row("9", Some(2)), row("5", None)];
        sort(&mut rows, orders);
        assert_eq!(rows.map(|row| row.keys[0].clone().unwrap_or_default()), expect.map(str::to_owned));
    }

    #[test]
    fn rows_are_sorted_by_values_then_keys_and_unknown_stands_last() {
        let by_value = |ascending| Order { by: Column::Value(0), ascending };
        let by_key = |ascending| Order { by: Column::Key(0), ascending };
        check(&[], ["5", "9", "10", ""]);
        check(&[by_value(false)], ["9", "", "10", "5"]);
        check(&[by_value(true)], ["10", "9", "", "5"]);
        check(&[by_value(true), by_key(false)], ["10", "9", "", "5"]);
        check(&[by_key(false)], ["10", "9", "5", ""]);
    }
}
