//! Random questions, and how they are written in GraphQL.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::events::{self, DAY, HOUR, WINDOW};
use super::local::{compared, instant_of, local, part, written};
use super::messages::Row;

const ZONES: &[Tz] = &[Tz::UTC, Tz::Europe__Berlin, Tz::Asia__Kolkata, Tz::America__St_Johns, Tz::Australia__Lord_Howe];

/// Dimensions by which a row is in one group only.
pub const SINGLE: &[&str] = &[
    "CHANNEL",
    "ACCOUNT",
    "OPERATOR",
    "TEAM",
    "CAMPAIGN",
    "SCENARIO",
    "AUTHOR",
    "MESSAGE_KIND",
    "SOURCE",
    "HOUR",
    "WEEKDAY",
    "DAY",
    "WEEK",
    "MONTH",
];
const DIMENSIONS: &[&str] = &["SEGMENT", "FAILURE_REASON"];

/// Lists by the name that the filter gives them.
pub type Lists = BTreeMap<&'static str, Vec<String>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer {
    Manager,
    Anna,
    TeamNorth,
}

#[derive(Clone, Debug)]
pub struct Question {
    pub family: &'static str,
    pub zone: Tz,
    /// The instants, and as they are written.
    pub from: (i64, String),
    pub to: (i64, String),
    pub keep: Lists,
    pub leave: Lists,
    pub viewer: Viewer,
    pub within_hours: Option<i64>,
    pub every: &'static str,
    pub dimensions: Vec<&'static str>,
    pub compare: &'static str,
}

/// Questions about a history that begins at some instant; `window` is added to their times.
pub fn question() -> impl Strategy<Value = QuestionSeed> {
    // Inside, over the edges, beside; to the millisecond.
    let from = (-20_i64..36, select(&[0, 1, -1, 7 * 60_000][..])).prop_map(|(step, more)| step * 6 * HOUR + more);
    let length = prop_oneof![
        8 => (1_i64..40, select(&[0, 1, -1, 61 * 60_000][..])).prop_map(|(step, more)| step * 6 * HOUR + more),
        4 => Just(2 * WINDOW),
        1 => Just(60 * DAY),
    ];
    let viewer = prop_oneof![4 => Just(Viewer::Manager), 1 => Just(Viewer::Anna), 1 => Just(Viewer::TeamNorth)];
    let within = prop_oneof![1 => Just(None), 1 => select(&[Some(1), Some(6), Some(24), Some(72)][..])];
    let lists = prop_oneof![2 => Just(Lists::new()), 3 => lists(1..=2)];
    let not = prop_oneof![2 => Just(Lists::new()), 2 => self::lists(1..=3)];
    let every = select(&["HOUR", "DAY", "WEEK", "MONTH"][..]);
    let dimension = prop_oneof![6 => select(SINGLE), 2 => select(DIMENSIONS)];
    let dimensions = vec(dimension, 1..=2).prop_map(|mut dimensions| {
        dimensions.dedup();
        dimensions
    });
    let compare = select(&["PREVIOUS_PERIOD", "PREVIOUS_WEEK", "PREVIOUS_YEAR"][..]);
    let times = (select(ZONES), from, length, any::<bool>());
    let family = select(&["delivery", "reads", "activity"][..]);
    (family, times, lists, not, viewer, within, every, dimensions, compare).prop_map(
        |(family, (zone, from, length, dates), keep, leave, viewer, within_hours, every, dimensions, compare)| {
            QuestionSeed {
                length,
                dates,
                question: Question {
                    family,
                    zone,
                    from: (from, String::new()),
                    to: (from + length, String::new()),
                    keep,
                    leave,
                    viewer,
                    within_hours,
                    every,
                    dimensions,
                    compare,
                },
            }
        },
    )
}

/// A question that does not know its window yet.
#[derive(Clone)]
pub struct QuestionSeed {
    length: i64,
    dates: bool,
    question: Question,
}

impl std::fmt::Debug for QuestionSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let question = &self.question;
        write!(
            f,
            "{} {:?} {} {} by {:?}",
            question.family,
            question.viewer,
            question.arguments(),
            question.every,
            question.dimensions
        )
    }
}

impl QuestionSeed {
    pub fn at(&self, window: i64) -> Question {
        let mut question = self.question.clone();
        let zone = question.zone;
        let from = window + question.from.0;
        let end = |at: i64| {
            let date = local(zone, at).date();
            (instant_of(zone, date.and_time(chrono::NaiveTime::MIN)), date.to_string())
        };
        if self.dates {
            question.from = end(from);
            question.to = end(from + self.length + DAY);
        } else {
            question.from = (from, written(from));
            question.to = (from + self.length, written(from + self.length));
        }
        let (before, until) = compared(zone, question.from.0, question.to.0, question.compare);
        // Nothing can be compared with a range that falls into a gap of the clocks or on 29 February.
        if until <= before {
            question.compare = "PREVIOUS_PERIOD";
        }
        // A series in hours is long: two days show what it has to show.
        if question.every == "HOUR" && 3 * DAY < question.to.0 - question.from.0 {
            question.every = "DAY";
        }
        question
    }
}

/// Some lists of a filter, each with some of the values that rows have.
fn lists(count: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Lists> {
    let texts = |name: &'static str, values: &'static [&'static str]| {
        let values: Vec<&str> = values.iter().copied().filter(|value| !value.is_empty()).collect();
        let count = values.len();
        subsequence(values, 1..=count)
            .prop_map(move |values| (name, values.into_iter().map(str::to_owned).collect::<Vec<_>>()))
    };
    let numbers = |name: &'static str, from: i64, to: i64| {
        subsequence((from..=to).collect::<Vec<_>>(), 1..=usize::try_from(to - from).unwrap())
            .prop_map(move |values| (name, values.iter().map(ToString::to_string).collect::<Vec<_>>()))
    };
    let list = prop_oneof![
        texts("channels", events::CHANNELS),
        texts("accounts", events::ACCOUNTS),
        texts("operators", events::OPERATORS),
        texts("teams", events::TEAMS),
        texts("contacts", events::CONTACTS),
        texts("segments", events::SEGMENTS),
        texts("campaigns", events::CAMPAIGNS),
        texts("scenarios", events::SCENARIOS),
        texts("authors", &["CLIENT", "OPERATOR", "BOT", "AUTOMATION", "SYSTEM", "UNKNOWN"]),
        texts("messageKinds", &["text", "image", "note"]),
        numbers("hours", 0, 23),
        numbers("weekdays", 1, 7),
    ];
    vec(list, count).prop_map(|lists| lists.into_iter().collect())
}

impl Question {
    /// The arguments of `analytics`.
    pub fn arguments(&self) -> String {
        let mut filter = written_lists(&self.keep);
        if !self.leave.is_empty() {
            filter.push_str(&format!("not: {{{}}} ", written_lists(&self.leave)));
        }
        let filter = if filter.is_empty() { String::new() } else { format!(", filter: {{{filter}}}") };
        format!(r#"range: {{from: "{}", to: "{}"}}, timezone: "{}"{filter}"#, self.from.1, self.to.1, self.zone.name())
    }

    /// Whether the viewer and the filter let a row through.
    pub fn lets(&self, row: &Row) -> bool {
        let visible = match self.viewer {
            Viewer::Manager => true,
            Viewer::Anna => row.operator == "anna",
            Viewer::TeamNorth => row.team == "north",
        };
        let all = |lists: &Lists| lists.iter().all(|(name, values)| holds(self.zone, row, name, values));
        visible && all(&self.keep) && (self.leave.is_empty() || !all(&self.leave))
    }
}

fn written_lists(lists: &Lists) -> String {
    let mut text = String::new();
    for (name, values) in lists {
        let values: Vec<String> = match *name {
            "authors" | "hours" | "weekdays" => values.clone(),
            _ => values.iter().map(|value| format!("{value:?}")).collect(),
        };
        text.push_str(&format!("{name}: [{}] ", values.join(", ")));
    }
    text
}

fn holds(zone: Tz, row: &Row, name: &str, values: &[String]) -> bool {
    let dimension = match name {
        "channels" => "CHANNEL",
        "accounts" => "ACCOUNT",
        "operators" => "OPERATOR",
        "teams" => "TEAM",
        "segments" => "SEGMENT",
        "campaigns" => "CAMPAIGN",
        "scenarios" => "SCENARIO",
        "authors" => "AUTHOR",
        "messageKinds" => "MESSAGE_KIND",
        "hours" => "HOUR",
        "weekdays" => "WEEKDAY",
        "contacts" => return values.iter().any(|value| value == row.contact),
        other => unreachable!("{other} is no list"),
    };
    keys(zone, row, dimension).into_iter().flatten().any(|key| values.contains(&key))
}

/// The groups that a row is in; `None` where it has no key. Reasons are not the row's alone: see `answer`.
pub fn keys(zone: Tz, row: &Row, dimension: &str) -> BTreeSet<Option<String>> {
    let text = match dimension {
        "SEGMENT" if !row.segments.is_empty() => {
            return row.segments.iter().map(|segment| Some((*segment).to_owned())).collect();
        }
        "SEGMENT" => "",
        "CHANNEL" => row.channel,
        "ACCOUNT" => row.account,
        "OPERATOR" => row.operator,
        "TEAM" => row.team,
        "CAMPAIGN" => row.campaign,
        "SCENARIO" => row.scenario,
        "AUTHOR" => row.author,
        "MESSAGE_KIND" => row.message_kind,
        "SOURCE" => row.source,
        time => return BTreeSet::from([Some(part(zone, row.at, time))]),
    };
    BTreeSet::from([(!text.is_empty()).then(|| text.to_owned())])
}
