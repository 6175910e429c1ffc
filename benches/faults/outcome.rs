//! What came of a fault: figures and whether they are what they must be.

use std::time::Duration;

use serde_json::{Value, json};

use super::ledger::Verdict;

#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How often harm was done.
    pub trials: u64,
    pub verdict: Verdict,
    /// From the start of a process until it answered, after each harm.
    pub recoveries: Vec<Duration>,
    /// Figures of this fault alone.
    pub notes: Vec<String>,
    pub state: State,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing may be lost, doubled or otherwise wrong.
    #[default]
    Ran,
    /// A control: so many lost and doubled must have been found.
    Control { lost: u64, doubled: u64 },
    /// It cannot be made on this machine; why.
    NotRun(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Passed,
    Failed,
    NotRun,
}

impl Outcome {
    pub fn not_run(reason: &str) -> Self {
        Self { state: State::NotRun(reason.to_owned()), ..Self::default() }
    }

    /// A trial that could not go on.
    pub fn broken(reason: String) -> Self {
        let verdict = Verdict { wrong: vec![reason], ..Verdict::default() };
        Self { verdict, ..Self::default() }
    }

    pub fn of(run: impl FnOnce() -> Result<Self, String>) -> Self {
        run().unwrap_or_else(Self::broken)
    }

    pub fn mark(&self) -> Mark {
        let Verdict { lost, doubled, wrong, .. } = &self.verdict;
        let right = match &self.state {
            State::Ran => *lost == 0 && *doubled == 0 && wrong.is_empty(),
            State::Control { lost: must_lose, doubled: must_double } => {
                let is_other = |wrong: &String| wrong.starts_with("cannot") || wrong.starts_with("the API answers");
                (lost, doubled) == (must_lose, must_double) && !wrong.iter().any(is_other)
            }
            State::NotRun(_) => return Mark::NotRun,
        };
        if right { Mark::Passed } else { Mark::Failed }
    }

    /// The recovery that so much of them stayed within, in milliseconds.
    pub fn recovery_ms(&self, share: f64) -> Option<u64> {
        let mut times = self.recoveries.clone();
        times.sort();
        let last = times.len().saturating_sub(1) as f64;
        times.get((last * share).round() as usize).map(|time| time.as_millis() as u64)
    }

    pub fn to_json(&self, number: &str, title: &str, seed: u64) -> Value {
        let verdict = &self.verdict;
        json!({
            "fault": number, "title": title, "seed": seed, "trials": self.trials, "result": self.mark().text(),
            "sent": verdict.sent, "acknowledged": verdict.acknowledged, "stored": verdict.stored, "unique": verdict.unique,
            "lost": verdict.lost, "doubled": verdict.doubled,
            "recoveryP50Ms": self.recovery_ms(0.5), "recoveryMaxMs": self.recovery_ms(1.0),
            "notes": self.notes, "wrong": verdict.wrong,
        })
    }

    /// A line of the table in Markdown, and what else there is to say below it.
    pub fn to_row(&self, number: &str, title: &str) -> String {
        let verdict = &self.verdict;
        let recovery = match (self.recovery_ms(0.5), self.recovery_ms(1.0)) {
            (Some(half), Some(most)) => format!("{half} / {most}"),
            _ => "–".to_owned(),
        };
        format!(
            "| {number} | {title} | {} | {} | {} | {} | {} | {} | {} | {recovery} | {} |",
            self.trials,
            verdict.sent,
            verdict.acknowledged,
            verdict.stored,
            verdict.unique,
            verdict.lost,
            verdict.doubled,
            self.mark().text()
        )
    }

    /// Everything that the table has no column for.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = self.notes.clone();
        let word = if matches!(self.state, State::Control { .. }) { "found" } else { "WRONG" };
        remarks.extend(self.verdict.wrong.iter().map(|wrong| format!("{word}: {wrong}")));
        if let State::NotRun(reason) = &self.state {
            remarks.push(format!("NOT RUN: {reason}"));
        }
        remarks
    }
}

impl Mark {
    pub fn text(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::NotRun => "NOT RUN",
        }
    }
}

/// The head of the table.
pub const TABLE_HEAD: &str = "| | fault | trials | sent | acknowledged | stored | unique | lost | doubled | recovery p50 / max, ms | |\n\
                              |---|---|---|---|---|---|---|---|---|---|---|";
