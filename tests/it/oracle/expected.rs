//! What a family's metrics have in common: a total, a series, groups and a comparison, each counted anew.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::answer::Facts;
use super::contacts::Unsubscribes;
use super::conversions::Conversions;
use super::local::{compared, steps, written};
use super::messages::Row;
use super::question::{Question, keys};
use super::replies::{Automation, ResponseTime};
use super::surveys::Satisfaction;
use super::talks::{ActiveDialogs, Sessions};

/// Whether a row counts: by the viewer, by the filter, by the group.
pub type Keeps<'a> = &'a dyn Fn(&Row) -> bool;

/// The metrics of a family, for the arguments of a question.
pub trait Measures {
    /// The rows of a period that make groups.
    fn rows(&self, from: i64, to: i64) -> Vec<&Row>;

    /// Every number of a period, and its quality.
    fn metrics(&self, from: i64, to: i64, keeps: Keeps) -> Value;
}

/// Whether a row lies in a period.
pub fn within(from: i64, to: i64) -> impl Fn(&&Row) -> bool {
    move |row| (from..to).contains(&row.at)
}

fn measures<'a>(facts: &'a Facts, question: &'a Question) -> Box<dyn Measures + 'a> {
    match question.family.name {
        "responseTime" => Box::new(ResponseTime::of(facts, question)),
        "activeDialogs" => Box::new(ActiveDialogs::of(facts, question)),
        "satisfaction" => Box::new(Satisfaction::of(facts, question)),
        "conversion" => Box::new(Conversions::of(facts, question)),
        "automation" => Box::new(Automation::of(facts)),
        "sessions" => Box::new(Sessions::of(facts, question)),
        "unsubscribes" => Box::new(Unsubscribes::of(facts)),
        other => unreachable!("{other} is counted elsewhere"),
    }
}

/// The query, and what must come back.
pub fn expected(facts: &Facts, question: &Question) -> (String, Value) {
    let measures = measures(facts, question);
    let (from, to) = (question.from.0, question.to.0);
    let lets = |row: &Row| question.lets(row);
    let metrics = |from: i64, to: i64| chosen(measures.metrics(from, to, &lets), question, &[]);

    let series: Vec<Value> = steps(question.zone, from, to, question.every)
        .into_iter()
        .map(|(start, end)| json!({"start": written(start), "end": written(end), "metrics": metrics(start, end)}))
        .collect();
    let (before_from, before_to) = compared(question.zone, from, to, question.compare);
    let mut answer = json!({
        "total": metrics(from, to),
        "series": series,
        "compare": metrics(before_from, before_to),
    });
    let all = selection(question, &[]);
    let mut query = format!(
        "total {{ {all} }} series(every: {}) {{ start end metrics {{ {all} }} }} compare(to: {}) {{ {all} }} ",
        question.every, question.compare,
    );
    if !question.dimensions.is_empty() {
        answer["by"] = groups(measures.as_ref(), question).into();
        let dimensions = question.dimensions.join(", ");
        let metrics = selection(question, &question.dimensions);
        query.push_str(&format!("by(dimensions: [{dimensions}], first: 1000) {{ keys metrics {{ {metrics} }} }} "));
    }
    // Numbers take the way of the answer's: written and read again.
    (question.query(&query), serde_json::from_str(&answer.to_string()).unwrap())
}

fn groups(measures: &dyn Measures, question: &Question) -> Vec<Value> {
    let (from, to) = (question.from.0, question.to.0);
    let of = |row: &Row| combined(question.zone, row, &question.dimensions);
    let rows = measures.rows(from, to);
    let all: BTreeSet<Vec<Option<String>>> = rows.into_iter().filter(|row| question.lets(row)).flat_map(of).collect();
    let group = |keys: Vec<Option<String>>| {
        let own = |row: &Row| question.lets(row) && of(row).contains(&keys);
        let metrics = chosen(measures.metrics(from, to, &own), question, &question.dimensions);
        json!({"keys": keys, "metrics": metrics})
    };
    all.into_iter().map(group).filter(|group| tells(&group["metrics"])).collect()
}

/// Whether a group has a cohort, or any number that is no zero of a count.
fn tells(metrics: &Value) -> bool {
    let is_number = |name: &str| name != "quality" && name != "histogram";
    !metrics["quality"]["coverage"].is_null()
        || metrics
            .as_object()
            .unwrap()
            .iter()
            .any(|(name, value)| is_number(name) && !value.is_null() && value.as_u64() != Some(0))
}

/// The groups that a row is in.
fn combined(zone: Tz, row: &Row, dimensions: &[&str]) -> Vec<Vec<Option<String>>> {
    let mut combined = vec![Vec::new()];
    for dimension in dimensions {
        let own = keys(zone, row, dimension);
        combined = combined
            .into_iter()
            .flat_map(|keys| own.iter().map(move |key| [&keys[..], std::slice::from_ref(key)].concat()))
            .collect();
    }
    combined
}

/// What is asked of a part: the fields, the histogram and the quality.
fn names(question: &Question, dimensions: &[&str]) -> Vec<&'static str> {
    let mut names = question.fields_by(dimensions);
    if question.family.histogram {
        names.push("histogram");
    }
    names.push("quality");
    names
}

/// The names as a selection of GraphQL.
pub fn selection(question: &Question, dimensions: &[&str]) -> String {
    let written = |name: &str| match name {
        "histogram" => "histogram { from to count }".to_owned(),
        "quality" => "quality { level coverage provisional warnings { code } }".to_owned(),
        name => name.to_owned(),
    };
    names(question, dimensions).into_iter().map(written).collect::<Vec<_>>().join(" ")
}

fn chosen(mut metrics: Value, question: &Question, dimensions: &[&str]) -> Value {
    let names = names(question, dimensions);
    metrics.as_object_mut().unwrap().retain(|name, _| names.contains(&name.as_str()));
    metrics
}
