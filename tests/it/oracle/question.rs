//! Random questions, and how they are written in GraphQL.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::arguments::{Arguments, arguments};
use super::events::{self, DAY, HOUR, WINDOW};
use super::families::{Family, asked, dimension_of};
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
const DIMENSIONS: &[&str] = &["SEGMENT", "FAILURE_REASON", "CONVERSION_KIND"];

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
    pub family: &'static Family,
    pub arguments: Arguments,
    pub zone: Tz,
    /// The instants, and as they are written.
    pub from: (i64, String),
    pub to: (i64, String),
    pub keep: Lists,
    pub leave: Lists,
    pub viewer: Viewer,
    pub every: &'static str,
    pub dimensions: Vec<&'static str>,
    pub compare: &'static str,
}

/// Questions about a history that begins at some instant; `window` is added to their times.
pub fn question() -> impl Strategy<Value = QuestionSeed> {
    question_of(asked())
}

/// Questions about some families.
pub fn question_of(families: Vec<&'static Family>) -> impl Strategy<Value = QuestionSeed> {
    // Inside, over the edges, beside; to the millisecond.
    let from = (-20_i64..36, select(&[0, 1, -1, 7 * 60_000][..])).prop_map(|(step, more)| step * 6 * HOUR + more);
    let length = prop_oneof![
        8 => (1_i64..40, select(&[0, 1, -1, 61 * 60_000][..])).prop_map(|(step, more)| step * 6 * HOUR + more),
        4 => Just(2 * WINDOW),
        1 => Just(60 * DAY),
    ];
    let viewer = prop_oneof![4 => Just(Viewer::Manager), 1 => Just(Viewer::Anna), 1 => Just(Viewer::TeamNorth)];
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
    let family = select(families).prop_flat_map(|family| (Just(family), arguments(family.name), any::<bool>()));
    (family, times, lists, not, viewer, every, dimensions, compare).prop_map(
        |(
            (family, arguments, narrow),
            (zone, from, length, dates),
            keep,
            leave,
            viewer,
            every,
            dimensions,
            compare,
        )| {
            QuestionSeed {
                length,
                dates,
                narrow,
                question: Question {
                    family,
                    arguments,
                    zone,
                    from: (from, String::new()),
                    to: (from + length, String::new()),
                    keep,
                    leave,
                    viewer,
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
    /// Whether to ask for what not every row of the family has, and so for fewer fields.
    narrow: bool,
    question: Question,
}

impl std::fmt::Debug for QuestionSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let question = &self.question;
        write!(
            f,
            "{}{} {:?} {} {} by {:?}",
            question.family.name,
            question.arguments.written(),
            question.viewer,
            question.range_and_filter(),
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
        question.leave_out(self.narrow);
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
    /// Leaves out what the family's rows do not have.
    fn leave_out(&mut self, narrow: bool) {
        let family = self.family;
        let narrow = narrow && !family.fields_despite.is_empty();
        for dimension in &mut self.dimensions {
            let lacking = !narrow && family.lacks.contains(dimension);
            if lacking || !family.has(dimension) {
                *dimension = family.dimensions.first().copied().unwrap_or("OPERATOR");
            }
        }
        self.dimensions.dedup();
        for lists in [&mut self.keep, &mut self.leave] {
            lists.retain(|name, _| narrow || !family.lacks_list(name));
        }
    }

    /// The fields that can be asked of rows so filtered and divided.
    pub fn fields_by(&self, dimensions: &[&str]) -> Vec<&'static str> {
        let mut fields = self.family.fields_by(dimensions);
        if self.keep.keys().chain(self.leave.keys()).any(|name| self.family.lacks_list(name)) {
            fields.retain(|name| self.family.fields_despite.contains(name));
        }
        if self.viewer != Viewer::Manager {
            fields.retain(|name| !matches!(*name, "value" | "currency"));
        }
        fields
    }

    /// The whole query for some parts of the family.
    pub fn query(&self, parts: &str) -> String {
        let (family, arguments) = (self.family.name, self.arguments.written());
        format!("{{ analytics({}) {{ {family}{arguments} {{ {parts} }} }} }}", self.range_and_filter())
    }

    /// The arguments of `analytics`.
    fn range_and_filter(&self) -> String {
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
    let Some(dimension) = dimension_of(name) else {
        assert_eq!(name, "contacts");
        return values.iter().any(|value| value == row.contact);
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
        "CONVERSION_KIND" => row.conversion_kind,
        time => return BTreeSet::from([Some(part(zone, row.at, time))]),
    };
    BTreeSet::from([(!text.is_empty()).then(|| text.to_owned())])
}
