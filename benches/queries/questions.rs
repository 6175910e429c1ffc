//! The questions: each as a document for the API and as the statements that it compiles to.

use chrono::DateTime;
use rapport::auth::Viewer;
use rapport::metrics::calendar::Calendar;
use rapport::metrics::catalogue::{Dimension, Family, activity::ACTIVITY, delivery::DELIVERY, reads::READS};
use rapport::metrics::compile::compile;
use rapport::metrics::filter::Filter;
use rapport::metrics::query::{self, Grouping, MetricQuery, Terms};
use rapport::model::{Granularity, TimeRange};
use rapport::sql::Sql;

use crate::world::{DAY_MS, NOW};

pub struct Question {
    pub name: &'static str,
    family: &'static Family,
    metrics: &'static [&'static str],
    part: Part,
}

#[derive(Clone, Copy)]
enum Part {
    Total,
    Days,
    Channels,
    Operators,
    Heatmap,
}

const fn question(
    name: &'static str,
    family: &'static Family,
    metrics: &'static [&'static str],
    part: Part,
) -> Question {
    Question { name, family, metrics, part }
}

pub static QUESTIONS: [Question; 15] = [
    question("delivery total", &DELIVERY, &["rate", "outbound", "delivered", "failed"], Part::Total),
    question("delivery by day", &DELIVERY, &["rate"], Part::Days),
    question("delivery by channel", &DELIVERY, &["rate", "outbound"], Part::Channels),
    question("delivery by operator", &DELIVERY, &["rate", "outbound"], Part::Operators),
    question("reads total", &READS, &["ofSent", "ofDelivered", "read"], Part::Total),
    question("reads total with engagement", &READS, &["ofSent", "engagedRate"], Part::Total),
    question("reads by day", &READS, &["ofSent"], Part::Days),
    question("reads by channel", &READS, &["ofSent", "read"], Part::Channels),
    question("reads by operator", &READS, &["ofSent", "read"], Part::Operators),
    question("activity total", &ACTIVITY, &["messages"], Part::Total),
    question("activity total with turns", &ACTIVITY, &["messages", "turns"], Part::Total),
    question("activity by day", &ACTIVITY, &["messages"], Part::Days),
    question("activity by channel", &ACTIVITY, &["messages"], Part::Channels),
    question("activity by operator", &ACTIVITY, &["messages"], Part::Operators),
    question("activity heatmap", &ACTIVITY, &["messages"], Part::Heatmap),
];

impl Question {
    /// The last so many days of the traffic, moved by some minutes that no other step has.
    pub fn range(&self, days: i64, step: i64) -> TimeRange {
        let to = NOW - 7 * 60_000 * (step + 1);
        TimeRange::new(to - days * DAY_MS, to).expect("days are not negative")
    }

    pub fn document(&self, range: TimeRange) -> String {
        let metrics = self.metrics.join(" ");
        let part = match self.part {
            Part::Total => format!("total {{ {metrics} }}"),
            Part::Days => format!("series(every: DAY) {{ start metrics {{ {metrics} }} }}"),
            Part::Channels => format!("by(dimensions: [CHANNEL]) {{ keys metrics {{ {metrics} }} }}"),
            Part::Operators => format!("by(dimensions: [OPERATOR], first: 50) {{ keys metrics {{ {metrics} }} }}"),
            Part::Heatmap => "heatmap { weekday hour messages }".to_owned(),
        };
        let (from, to) = (instant(range.from()), instant(range.to()));
        format!(
            "{{ analytics(range: {{from: \"{from}\", to: \"{to}\"}}, timezone: \"Europe/Berlin\") {{ {} {{ {part} }} }} }}",
            self.family.name
        )
    }

    pub fn statements(&self, viewer: &Viewer, range: TimeRange) -> Vec<Sql> {
        let question = query::Question {
            family: self.family,
            calendar: Calendar::new(range, chrono_tz::Tz::Europe__Berlin),
            filter: Filter::default(),
            scope: viewer.scope().expect("a manager reads"),
            terms: Terms { now: NOW, read_within_hours: None },
        };
        let grouping = match self.part {
            Part::Total => Grouping::Total,
            Part::Days => Grouping::Every(Granularity::Day),
            Part::Channels => Grouping::By(vec![Dimension::Channel]),
            Part::Operators => Grouping::By(vec![Dimension::Operator]),
            Part::Heatmap => Grouping::By(vec![Dimension::Weekday, Dimension::Hour]),
        };
        let metrics: Vec<_> = self.metrics.iter().filter_map(|name| self.family.metric(name)).collect();
        assert_eq!(metrics.len(), self.metrics.len(), "{} names a metric that is not there", self.name);
        let queries = MetricQuery::plan(&question, &metrics, &grouping, 10_000).expect("a sound question");
        queries.iter().map(|query| compile(query, 10_000)).collect()
    }
}

fn instant(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).expect("a time of our days").to_rfc3339()
}
