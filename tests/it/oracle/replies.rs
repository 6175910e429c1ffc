//! Families that count turns: response time, and automatic against manual.

use serde_json::{Value, json};

use super::answer::Facts;
use super::dialogs::{Cycle, Dialog};
use super::events::{DAY, HOUR};
use super::expected::{Keeps, Measures, within};
use super::measure::{self, Level, histogram, mean, percentile, quality, share};
use super::messages::Row;
use super::question::Question;
use super::schedule::business_millis;
use super::turns::{Turn, turns};

const BOUNDS: &[f64] = &[60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0];
const SETTLE: i64 = 72 * HOUR;

fn unknown(turns: &[&Turn]) -> Vec<&'static str> {
    if turns.iter().any(|turn| turn.unknown) { vec!["UNKNOWN_AUTHORS"] } else { Vec::new() }
}

pub struct ResponseTime<'a> {
    facts: &'a Facts,
    question: &'a Question,
    turns: Vec<Turn>,
}

impl<'a> ResponseTime<'a> {
    pub fn of(facts: &'a Facts, question: &'a Question) -> Self {
        let asked = &question.arguments;
        let mut turns = turns(&facts.dialogs);
        turns.retain(|turn| match asked.kind {
            Some("FIRST") => turn.is_first,
            Some("NEXT") => !turn.is_first,
            _ => true,
        });
        if asked.bot_stops_clock == Some(true) {
            for turn in &mut turns {
                turn.replied_at = turn.replied_at_with_bots;
                (turn.row.operator, turn.row.team) = turn.owner_with_bots;
            }
        }
        Self { facts, question, turns }
    }

    /// How long an answered turn waited.
    fn waited(&self, turn: &Turn) -> Option<i64> {
        let replied_at = turn.replied_at?;
        match &self.facts.schedule {
            Some(schedule) if self.question.arguments.business_hours == Some(true) => {
                Some(business_millis(schedule, turn.row.at, replied_at))
            }
            _ => Some(replied_at - turn.row.at),
        }
    }
}

impl Measures for ResponseTime<'_> {
    fn rows(&self, from: i64, to: i64) -> Vec<&Row> {
        self.turns.iter().map(|turn| &turn.row).filter(within(from, to)).collect()
    }

    fn metrics(&self, from: i64, to: i64, keeps: Keeps) -> Value {
        let now = self.facts.now;
        let turns: Vec<&Turn> =
            self.turns.iter().filter(|turn| within(from, to)(&&turn.row) && keeps(&turn.row)).collect();
        let waits: Vec<i64> = turns.iter().filter_map(|turn| self.waited(turn)).collect();
        let abandoned = |turn: &&&Turn| turn.replied_at.is_none() && turn.closed_at <= now;
        let target = self.question.arguments.target_seconds;
        let in_time = |target: i64| waits.iter().filter(|wait| **wait <= target * 1000).count();
        let bounds = self.question.arguments.bounds.as_deref().unwrap_or(BOUNDS);
        json!({
            "p50Seconds": percentile(&waits, 0.5),
            "p90Seconds": percentile(&waits, 0.9),
            "p95Seconds": percentile(&waits, 0.95),
            "p99Seconds": percentile(&waits, 0.99),
            "meanSeconds": mean(&waits),
            "withinTarget": target.and_then(|target| share(in_time(target), waits.len())),
            "answered": waits.len(),
            "unanswered": turns.len() - waits.len(),
            "abandoned": turns.iter().filter(abandoned).count(),
            "histogram": histogram(&measure::seconds(&waits), bounds),
            "quality": quality(Level::Exact, turns.len(), now < to, &unknown(&turns)),
        })
    }
}

pub struct Automation<'a> {
    facts: &'a Facts,
    turns: Vec<Turn>,
    /// Cycles with a bot's message.
    cycles: Vec<WithBot>,
}

struct WithBot {
    row: Row,
    contained: bool,
    handed_off: bool,
}

impl<'a> Automation<'a> {
    pub fn of(facts: &'a Facts) -> Self {
        let mut cycles = Vec::new();
        for dialog in &facts.dialogs {
            cycles.extend(dialog.cycles.iter().filter_map(|cycle| with_bot(dialog, cycle, facts.now)));
        }
        Self { facts, turns: turns(&facts.dialogs), cycles }
    }
}

fn with_bot(dialog: &Dialog, cycle: &Cycle, now: i64) -> Option<WithBot> {
    let row = cycle.row()?;
    let bot = cycle.said.iter().position(|said| said.row.author == "BOT")?;
    let by_operator = |said: &super::dialogs::Said| said.row.author == "OPERATOR";
    let last = cycle.said.last()?.row.at;
    // A cycle has nothing after its last message, so whoever writes later opens the dialog again.
    let later = dialog.cycles.iter().skip_while(|other| !std::ptr::eq(*other, cycle)).skip(1);
    let spoke_again =
        later.flat_map(|cycle| &cycle.said).any(|said| said.row.author == "CLIENT" && said.row.at <= last + SETTLE);
    Some(WithBot {
        row,
        contained: !cycle.said.iter().any(by_operator)
            && cycle.closed_at <= now
            && !spoke_again
            && last + 3 * DAY <= now,
        handed_off: cycle.said[bot..].iter().any(by_operator),
    })
}

impl Measures for Automation<'_> {
    fn rows(&self, from: i64, to: i64) -> Vec<&Row> {
        let turns = self.turns.iter().map(|turn| &turn.row);
        let cycles = self.cycles.iter().map(|cycle| &cycle.row);
        turns.chain(&self.facts.outbound).chain(cycles).filter(within(from, to)).collect()
    }

    fn metrics(&self, from: i64, to: i64, keeps: Keeps) -> Value {
        let lies = |row: &Row| within(from, to)(&row) && keeps(row);
        let turns: Vec<&Turn> = self.turns.iter().filter(|turn| lies(&turn.row)).collect();
        let by = |authors: &[&str]| turns.iter().filter(|turn| authors.contains(&turn.row.author)).count();
        let (automatic, manual) = (by(&["BOT", "AUTOMATION"]), by(&["OPERATOR"]));

        let broadcast = |row: &Row| row.author == "AUTOMATION" && !row.campaign.is_empty();
        let messages: Vec<&Row> =
            self.facts.outbound.iter().filter(|row| row.known && lies(row) && !broadcast(row)).collect();
        let written = |authors: &[&str]| messages.iter().filter(|row| authors.contains(&row.author)).count();

        let cycles: Vec<&WithBot> = self.cycles.iter().filter(|cycle| lies(&cycle.row)).collect();
        let contained = cycles.iter().filter(|cycle| cycle.contained).count();
        let handed_off = cycles.iter().filter(|cycle| cycle.handed_off).count();
        json!({
            "automaticShare": share(automatic, automatic + manual),
            "automaticMessageShare": share(written(&["BOT", "AUTOMATION"]), written(&["BOT", "AUTOMATION", "OPERATOR"])),
            "containment": share(contained, cycles.len()),
            "handoffRate": share(handed_off, cycles.len()),
            "automatic": automatic,
            "manual": manual,
            "assisted": turns.iter().filter(|turn| turn.assisted).count(),
            "quality": quality(Level::Exact, turns.len(), self.facts.now < to + SETTLE, &unknown(&turns)),
        })
    }
}
