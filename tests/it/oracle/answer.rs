//! The answer that a question must get, row by row.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::dialogs::{Dialog, dialogs};
use super::events::{Event, HOUR, History};
use super::expected::{self, selection};
use super::local::{compared, local, steps, written};
use super::measure::{Level, share};
use super::messages::{Row, messages};
use super::people::People;
use super::question::{Question, keys};
use super::schedule::Schedule;
use super::turns::client_messages;

const SETTLE: i64 = 72 * HOUR;

/// The rows of a history, and when they are asked about.
pub struct Facts {
    pub outbound: Vec<Row>,
    pub clients: Vec<Row>,
    pub dialogs: Vec<Dialog>,
    pub people: People,
    pub events: Vec<Event>,
    pub schedule: Option<Schedule>,
    pub now: i64,
}

impl Facts {
    pub fn of(history: &History) -> Self {
        let (outbound, inbound) = messages(&history.events);
        let dialogs = dialogs(&inbound, &outbound, &history.events);
        Self {
            outbound,
            clients: client_messages(&dialogs),
            dialogs,
            people: People::of(&history.events),
            events: history.events.clone(),
            schedule: history.schedule.clone(),
            now: history.now,
        }
    }

    fn rows(&self, family: &str) -> &[Row] {
        if family == "activity" { &self.clients } else { &self.outbound }
    }
}

/// The query, and what must come back.
pub fn expected(facts: &Facts, question: &Question) -> (String, Value) {
    let family = question.family.name;
    if !["delivery", "reads", "activity"].contains(&family) {
        return expected::expected(facts, question);
    }
    let (from, to) = (question.from.0, question.to.0);
    let rows: Vec<&Row> = facts.rows(family).iter().filter(|row| question.lets(row)).collect();
    let within =
        |from: i64, to: i64| -> Vec<&Row> { rows.iter().copied().filter(|row| (from..to).contains(&row.at)).collect() };
    let counted = Counted { facts, question, family };
    let dimensions = &question.dimensions;
    let by_reason = dimensions.contains(&"FAILURE_REASON");

    let series: Vec<Value> = steps(question.zone, from, to, question.every)
        .into_iter()
        .map(|(start, end)| {
            json!({"start": written(start), "end": written(end), "metrics": counted.metrics(&within(start, end), end, false)})
        })
        .collect();
    let mut groups: BTreeMap<Vec<Option<String>>, Vec<&Row>> = BTreeMap::new();
    for row in within(from, to) {
        let mut combined = vec![Vec::new()];
        for dimension in dimensions {
            let own = match *dimension {
                "FAILURE_REASON" => [counted.reason(row).map(str::to_owned)].into(),
                dimension => keys(question.zone, row, dimension),
            };
            combined = combined
                .into_iter()
                .flat_map(|keys| own.iter().map(move |key| [&keys[..], std::slice::from_ref(key)].concat()))
                .collect();
        }
        for keys in combined {
            groups.entry(keys).or_default().push(row);
        }
    }
    let by: Vec<Value> = groups
        .into_iter()
        // A group that only orphans are in has nothing to tell but their number, and only deliveries have that.
        .filter(|(_, rows)| family != "reads" || rows.iter().any(|row| row.known))
        .map(|(keys, rows)| json!({"keys": keys, "metrics": counted.metrics(&rows, to, by_reason)}))
        .collect();
    let (before_from, before_to) = compared(question.zone, from, to, question.compare);
    let mut answer = json!({
        "total": counted.metrics(&within(from, to), to, false),
        "series": series,
        "compare": counted.metrics(&within(before_from, before_to), before_to, false),
    });

    let mut query = format!(
        "total {{ {0} }} series(every: {1}) {{ start end metrics {{ {0} }} }} compare(to: {2}) {{ {0} }} ",
        selection(question, &[]),
        question.every,
        question.compare,
    );
    if !dimensions.is_empty() {
        answer["by"] = by.into();
        let metrics = selection(question, dimensions);
        let dimensions = dimensions.join(", ");
        query.push_str(&format!("by(dimensions: [{dimensions}], first: 1000) {{ keys metrics {{ {metrics} }} }} "));
    }
    if family == "activity" {
        let (cells, peak) = counted.week(&within(from, to));
        answer["heatmap"] = cells.into();
        answer["peak"] = peak;
        let cell = "weekday hour occurrences messages turns perOccurrence turnsPerOccurrence";
        query.push_str(&format!("heatmap {{ {cell} }} peak {{ {cell} }}"));
    }
    // Numbers take the way of the answer's: written and read again.
    (question.query(&query), serde_json::from_str(&answer.to_string()).unwrap())
}

struct Counted<'a> {
    facts: &'a Facts,
    question: &'a Question,
    family: &'a str,
}

impl Counted<'_> {
    /// Why a message counts as failed.
    fn reason(&self, row: &Row) -> Option<&'static str> {
        let settled = row.at + SETTLE <= self.facts.now;
        match row.failure {
            Some(reason) if !row.delivered => Some(reason),
            None if row.known && sees_delivered(row) && !row.delivered && settled => Some("NO_STATUS"),
            _ => None,
        }
    }

    fn metrics(&self, rows: &[&Row], end: i64, by_reason: bool) -> Value {
        let known: Vec<&Row> = rows.iter().copied().filter(|row| self.family == "activity" || row.known).collect();
        let levels: Vec<Level> = known.iter().map(|row| level(row, self.family)).collect();
        let seen: Vec<Level> = levels.iter().copied().filter(|level| *level != Level::Unavailable).collect();
        let blind = !known.is_empty() && seen.is_empty();

        let mut all = match self.family {
            "delivery" => self.delivery(rows, &known, blind),
            "reads" => self.reads(&known, blind),
            _ => json!({"messages": rows.len(), "turns": count(rows, |row| row.starts_turn)}),
        };
        if by_reason && self.family == "reads" {
            all.as_object_mut().unwrap().remove("engagedRate");
        }
        let mut warnings = Vec::new();
        if blind {
            warnings.push("UNAVAILABLE");
        } else if seen.len() < known.len() {
            warnings.push("PARTIAL_COVERAGE");
        }
        if known.len() < rows.len() {
            warnings.push("ORPHAN_STATUSES");
        }
        let level = if blind { Level::Unavailable } else { seen.iter().copied().max().unwrap_or(Level::Exact) };
        let settle = if self.family == "activity" { 0 } else { SETTLE };
        all["quality"] = json!({
            "level": level.name(),
            "coverage": share(seen.len(), known.len()),
            "provisional": self.facts.now < end + settle,
            "warnings": warnings.iter().map(|code| json!({"code": code})).collect::<Vec<_>>(),
        });
        all
    }

    fn delivery(&self, rows: &[&Row], known: &[&Row], blind: bool) -> Value {
        let seen: Vec<&Row> = known.iter().copied().filter(|row| sees_delivered(row)).collect();
        let delivered = count(&seen, |row| row.delivered);
        let pending = |row: &Row| !row.delivered && row.failure.is_none() && self.facts.now < row.at + SETTLE;
        let lost = |row: &Row| matches!(self.reason(row), Some("RECIPIENT" | "OPT_OUT"));
        json!({
            "rate": share(delivered, seen.len()),
            "outbound": known.len(),
            "delivered": (!blind).then_some(delivered),
            "failed": count(known, |row| self.reason(row).is_some()),
            "pending": (!blind).then_some(count(&seen, pending)),
            "acceptanceRate": share(count(known, |row| row.accepted), known.len()),
            "addressableRate": share(count(known, |row| !lost(row)), known.len()),
            "failedAfterDelivered": count(known, |row| row.failure.is_some() && row.delivered),
            "orphanStatuses": rows.len() - known.len(),
        })
    }

    fn reads(&self, known: &[&Row], blind: bool) -> Value {
        let in_time = |row: &Row| {
            let hours = self.question.arguments.within_hours;
            row.read.is_some_and(|read| hours.is_none_or(|hours| read - row.at <= hours * HOUR))
        };
        let seen: Vec<&Row> = known.iter().copied().filter(|row| level(row, "reads") != Level::Unavailable).collect();
        let both: Vec<&Row> = seen.iter().copied().filter(|row| sees_delivered(row)).collect();
        let asked: Vec<&Row> = known.iter().copied().filter(|row| row.engaged.is_some()).collect();
        json!({
            "ofSent": share(count(&seen, in_time), seen.len()),
            "ofDelivered": share(count(&both, in_time), count(&both, |row| row.delivered)),
            "read": (!blind).then_some(count(&seen, in_time)),
            "engagedRate": share(count(&asked, |row| row.engaged == Some(true)), asked.len()),
        })
    }

    /// The hours of the week, and the busiest.
    fn week(&self, rows: &[&Row]) -> (Vec<Value>, Value) {
        let question = self.question;
        let hour = |at: i64| {
            use chrono::{Datelike, Timelike};
            let time = local(question.zone, at);
            (time.weekday().number_from_monday(), time.hour())
        };
        let mut occurrences: BTreeMap<(u32, u32), usize> = BTreeMap::new();
        for (start, _) in steps(question.zone, question.from.0, question.to.0, "HOUR") {
            *occurrences.entry(hour(start)).or_default() += 1;
        }
        let mut cells = Vec::new();
        let mut peak = (Value::Null, 0, 1);
        for weekday in 1..=7 {
            for clock in 0..24 {
                let times = occurrences.get(&(weekday, clock)).copied().unwrap_or(0);
                let own: Vec<&Row> = rows.iter().copied().filter(|row| hour(row.at) == (weekday, clock)).collect();
                let turns = count(&own, |row| row.starts_turn);
                let cell = json!({
                    "weekday": weekday, "hour": clock, "occurrences": times,
                    "messages": (0 < times).then_some(own.len()), "turns": (0 < times).then_some(turns),
                    "perOccurrence": share(own.len(), times), "turnsPerOccurrence": share(turns, times),
                });
                if 0 < times && peak.1 * times < own.len() * peak.2 {
                    peak = (cell.clone(), own.len(), times);
                }
                cells.push(cell);
            }
        }
        (cells, peak.0)
    }
}

fn count(rows: &[&Row], holds: impl Fn(&Row) -> bool) -> usize {
    rows.iter().filter(|row| holds(row)).count()
}

fn sees_delivered(row: &Row) -> bool {
    level(row, "delivery") != Level::Unavailable
}

/// How well a row's channel and account report what a family rests on.
fn level(row: &Row, family: &str) -> Level {
    match (family, row.channel) {
        ("activity", _) => Level::Exact,
        _ if !row.reports => Level::Unavailable,
        ("delivery", "WHATSAPP" | "VIBER") => Level::Exact,
        (_, "TELEGRAM" | "MAX") | ("delivery", "VK") => Level::Unavailable,
        ("reads", "VIBER" | "VK") => Level::Approximate,
        // WhatsApp's receipts can be off; a source of the tenant's own may leave things out.
        _ => Level::LowerBound,
    }
}

/// Groups in an order of their own: which one comes first is not the oracle's matter.
pub fn sort_groups(answer: &mut Value) {
    if let Some(Value::Array(groups)) =
        answer.as_object_mut().and_then(|answer: &mut Map<String, Value>| answer.get_mut("by"))
    {
        groups.sort_by_key(|group| group["keys"].to_string());
    }
}
