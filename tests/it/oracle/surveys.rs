//! Satisfaction: what became of each survey.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::answer::Facts;
use super::dialogs::{Dialog, Owner, key};
use super::events::{DAY, Event, id};
use super::expected::{Keeps, Measures, within};
use super::measure::{Level, count, histogram, quality, share, wilson};
use super::messages::Row;
use super::outcomes::Rating;
use super::question::Question;

const SETTLE: i64 = 7 * DAY;
const BOUNDS: &[f64] = &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];

pub struct Satisfaction<'a> {
    facts: &'a Facts,
    question: &'a Question,
    surveys: Vec<Survey>,
}

struct Survey {
    row: Row,
    sent: bool,
    rating: Option<Rating>,
}

impl<'a> Satisfaction<'a> {
    pub fn of(facts: &'a Facts, question: &'a Question) -> Self {
        let mut by_id: BTreeMap<&str, Vec<(String, &Event)>> = BTreeMap::new();
        for (index, event) in facts.events.iter().enumerate() {
            if let Some(survey) = event.survey {
                by_id.entry(survey.id).or_default().push((id(index), event));
            }
        }
        let surveys = by_id.values().map(|own| survey(own, &facts.dialogs)).collect();
        Self { facts, question, surveys }
    }
}

fn survey(own: &[(String, &Event)], dialogs: &[Dialog]) -> Survey {
    let sent = own.iter().filter(|(_, event)| event.kind == "survey.sent").map(|(_, event)| event.at).min();
    let mut ratings: Vec<(i64, &String, Rating)> =
        own.iter().filter_map(|(id, event)| Some((event.at, id, event.survey?.rating?))).collect();
    ratings.sort_by_key(|(at, id, _)| (*at, *id));
    let at = sent.or(ratings.first().map(|first| first.0)).unwrap();
    ratings.retain(|(rated_at, ..)| *rated_at <= at + SETTLE);

    let mut row = Row { at, ..Row::default() };
    for (_, event) in own {
        row.channel = row.channel.max(event.channel);
        row.account = row.account.max(event.account);
        row.chat = row.chat.max(event.chat);
        row.contact = row.contact.max(event.contact);
        row.dialog = row.dialog.max(event.dialog);
        row.campaign = row.campaign.max(event.campaign);
        row.scenario = row.scenario.max(event.scenario);
        row.source = row.source.max(event.source);
        row.operator = row.operator.max(event.who.operator);
        row.team = row.team.max(event.who.team);
        row.segments.extend(&event.segments);
    }
    if !row.dialog.is_empty() || !row.chat.is_empty() {
        let mut named: Vec<_> = own.iter().filter(|(_, event)| !event.chat.is_empty()).collect();
        named.sort_by_key(|(id, event)| (event.at, id));
        let chat = named.first().map_or(("", "", ""), |(_, event)| (event.channel, event.account, event.chat));
        (row.operator, row.team) = credit(&row, chat, dialogs);
    }
    Survey { row, sent: sent.is_some(), rating: ratings.last().map(|last| last.2) }
}

/// Channel, account and chat.
type Chat = (&'static str, &'static str, &'static str);

/// Who wrote last before the survey, in the cycle of the message before it; `chat` is the one that was named first.
fn credit(survey: &Row, (channel, account, chat): Chat, dialogs: &[Dialog]) -> Owner {
    let own = key(survey.dialog, channel, account, chat);
    let Some(dialog) = dialogs.iter().find(|dialog| dialog.key == own) else { return Owner::default() };
    let before = |cycle: &&super::dialogs::Cycle| cycle.said.first().is_some_and(|said| said.row.at < survey.at);
    let Some(cycle) = dialog.cycles.iter().rev().find(before) else { return Owner::default() };
    let wrote = cycle.said.iter().rev().find(|said| said.row.at < survey.at && said.row.author == "OPERATOR");
    match wrote {
        Some(said) if !said.row.operator.is_empty() => (said.row.operator, said.row.team),
        _ => Owner::default(),
    }
}

fn is_satisfied(rating: &Rating) -> bool {
    let least = match rating.scale {
        2 => 2.0,
        3 => 3.0,
        5 => 4.0,
        10 => 9.0,
        other => unreachable!("{other} is no scale"),
    };
    least <= rating.score
}

impl Measures for Satisfaction<'_> {
    fn rows(&self, from: i64, to: i64) -> Vec<&Row> {
        self.surveys.iter().map(|survey| &survey.row).filter(within(from, to)).collect()
    }

    fn metrics(&self, from: i64, to: i64, keeps: Keeps) -> Value {
        let surveys: Vec<&Survey> =
            self.surveys.iter().filter(|survey| within(from, to)(&&survey.row) && keeps(&survey.row)).collect();
        let ratings: Vec<Rating> = surveys.iter().filter_map(|survey| survey.rating).collect();
        let scores: Vec<f64> = ratings.iter().map(|rating| rating.score).collect();
        let scales: BTreeSet<i32> = ratings.iter().map(|rating| rating.scale).collect();
        let satisfied = ratings.iter().filter(|rating| is_satisfied(rating)).count();
        let sent: Vec<&&Survey> = surveys.iter().filter(|survey| survey.sent).collect();
        let answered = sent.iter().filter(|survey| survey.rating.is_some()).count();
        let normalised = ratings.iter().map(|rating| (rating.score - 1.0) / f64::from(rating.scale - 1));
        let mean = |sum: f64| (!ratings.is_empty()).then(|| sum / count(ratings.len()));
        let interval = wilson(satisfied, ratings.len());

        let mut warnings = Vec::new();
        if (1..10).contains(&ratings.len()) {
            warnings.push("SMALL_SAMPLE");
        }
        if 1 < scales.len() {
            warnings.push("MIXED_SCALES");
        }
        if sent.len() < surveys.len() {
            warnings.push("RATINGS_WITHOUT_SURVEY");
        }
        let bounds = self.question.arguments.bounds.as_deref().unwrap_or(BOUNDS);
        json!({
            "satisfiedShare": share(satisfied, ratings.len()),
            "satisfiedLow": interval.map(|interval| interval.0),
            "satisfiedHigh": interval.map(|interval| interval.1),
            "meanScore": if 1 < scales.len() { None } else { mean(scores.iter().sum()) },
            "normalisedMean": mean(normalised.sum()),
            "responseRate": share(answered, sent.len()),
            "rated": ratings.len(),
            "surveyed": sent.len(),
            "histogram": histogram(&scores, bounds),
            "quality": quality(Level::Exact, surveys.len(), self.facts.now < to + SETTLE, &warnings),
        })
    }
}
