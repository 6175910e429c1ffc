//! Families that look at dialogs as they go on: how many are open, and how long sessions last.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::answer::Facts;
use super::dialogs::{Said, key, summary};
use super::events::MINUTE;
use super::expected::{Keeps, Measures, within};
use super::local::written;
use super::measure::{self, Level, float, histogram, mean, percentile, quality};
use super::messages::Row;
use super::question::Question;

const BOUNDS: &[f64] = &[60.0, 300.0, 900.0, 1800.0, 3600.0];

pub struct ActiveDialogs<'a> {
    facts: &'a Facts,
    /// Only clients' messages have the dimensions of the question.
    by_message: bool,
    cycles: Vec<Open>,
}

/// A cycle, open from the time of its row up to its end.
struct Open {
    row: Row,
    until: i64,
}

impl<'a> ActiveDialogs<'a> {
    pub fn of(facts: &'a Facts, question: &Question) -> Self {
        let cycles = facts.dialogs.iter().flat_map(|dialog| &dialog.cycles);
        let cycles = cycles.filter_map(|cycle| Some(Open { row: cycle.row()?, until: cycle.closed_at }));
        let by_message = !question.fields_by(&question.dimensions).contains(&"peak");
        Self { facts, by_message, cycles: cycles.filter(|cycle| cycle.row.at < cycle.until).collect() }
    }

    /// The end of a period as far as it is known, and the instant at which dialogs are open "now".
    fn cut(&self, to: i64) -> (i64, i64) {
        (to.min(self.facts.now), (to - 1).min(self.facts.now))
    }
}

impl Open {
    fn is_open(&self, at: i64) -> bool {
        self.row.at <= at && at < self.until
    }

    fn overlap(&self, from: i64, to: i64) -> i64 {
        (self.until.min(to) - self.row.at.max(from)).max(0)
    }
}

impl Measures for ActiveDialogs<'_> {
    fn rows(&self, from: i64, to: i64) -> Vec<&Row> {
        let (end, instant) = self.cut(to);
        let mut rows: Vec<&Row> = self.facts.clients.iter().filter(within(from, to)).collect();
        if from < self.facts.now && !self.by_message {
            let lies = |cycle: &&Open| 0 < cycle.overlap(from, end) || cycle.is_open(instant);
            rows.extend(self.cycles.iter().filter(lies).map(|cycle| &cycle.row));
        }
        rows
    }

    fn metrics(&self, from: i64, to: i64, keeps: Keeps) -> Value {
        let messages: Vec<&Row> = self.facts.clients.iter().filter(|row| within(from, to)(row) && keeps(row)).collect();
        let distinct: BTreeSet<_> =
            messages.iter().map(|row| key(row.dialog, row.channel, row.account, row.chat)).collect();
        let mut all = json!({
            "distinct": distinct.len(), "peak": null, "openNow": null, "peakAt": null, "meanConcurrent": null,
            "quality": quality(Level::Exact, messages.len(), self.facts.now < to, &[]),
        });
        if from < self.facts.now {
            let (end, instant) = self.cut(to);
            let cycles: Vec<&Open> = self.cycles.iter().filter(|cycle| keeps(&cycle.row)).collect();
            // The number only grows where a dialog begins, or the period does.
            let begins = cycles.iter().filter(|cycle| 0 < cycle.overlap(from, end)).map(|cycle| cycle.row.at.max(from));
            let mut peak = (0, None);
            for at in begins.collect::<BTreeSet<i64>>() {
                let open = cycles.iter().filter(|cycle| cycle.is_open(at)).count();
                if peak.0 < open {
                    peak = (open, Some(written(at)));
                }
            }
            let whole: i64 = cycles.iter().map(|cycle| cycle.overlap(from, end)).sum();
            all["peak"] = peak.0.into();
            all["peakAt"] = peak.1.into();
            all["meanConcurrent"] = (float(whole) / float(end - from)).into();
            all["openNow"] = cycles.iter().filter(|cycle| cycle.is_open(instant)).count().into();
        }
        all
    }
}

pub struct Sessions<'a> {
    facts: &'a Facts,
    question: &'a Question,
    sessions: Vec<Session>,
}

struct Session {
    row: Row,
    messages: usize,
    millis: i64,
}

impl<'a> Sessions<'a> {
    pub fn of(facts: &'a Facts, question: &'a Question) -> Self {
        let gap = question.arguments.inactivity_minutes.unwrap_or(30) * MINUTE;
        let mut sessions = Vec::new();
        for dialog in &facts.dialogs {
            let mut open: Vec<&Said> = Vec::new();
            for said in dialog.cycles.iter().flat_map(|cycle| &cycle.said) {
                if !["CLIENT", "OPERATOR", "BOT"].contains(&said.row.author) {
                    continue;
                }
                if open.last().is_some_and(|last| gap < said.row.at - last.row.at) {
                    sessions.push(session(&open));
                    open.clear();
                }
                open.push(said);
            }
            if !open.is_empty() {
                sessions.push(session(&open));
            }
        }
        Self { facts, question, sessions }
    }
}

fn session(said: &[&Said]) -> Session {
    let (first, last) = (said[0].row.at, said[said.len() - 1]);
    Session { row: summary(first, said, last.assignee), messages: said.len(), millis: last.row.at - first }
}

impl Measures for Sessions<'_> {
    fn rows(&self, from: i64, to: i64) -> Vec<&Row> {
        self.sessions.iter().map(|session| &session.row).filter(within(from, to)).collect()
    }

    fn metrics(&self, from: i64, to: i64, keeps: Keeps) -> Value {
        let all: Vec<&Session> =
            self.sessions.iter().filter(|session| within(from, to)(&&session.row) && keeps(&session.row)).collect();
        let millis: Vec<i64> =
            all.iter().filter(|session| 2 <= session.messages).map(|session| session.millis).collect();
        let bounds = self.question.arguments.bounds.as_deref().unwrap_or(BOUNDS);
        json!({
            "p50Seconds": percentile(&millis, 0.5),
            "p90Seconds": percentile(&millis, 0.9),
            "meanSeconds": mean(&millis),
            "sessions": millis.len(),
            "singleMessageSessions": all.len() - millis.len(),
            "histogram": histogram(&measure::seconds(&millis), bounds),
            "quality": quality(Level::Exact, all.len(), self.facts.now < to, &[]),
        })
    }
}
