//! The questions: each as a document for the API and as the statements that it compiles to.

use chrono::DateTime;
use rapport::auth::Viewer;
use rapport::metrics::calendar::Calendar;
use rapport::metrics::catalogue::{
    Dimension, FAMILIES, Family, Metric, active_dialogs::ACTIVE_DIALOGS, activity::ACTIVITY, automation::AUTOMATION,
    conversion::CONVERSION, delivery::DELIVERY, reads::READS, response_time::RESPONSE_TIME, satisfaction::SATISFACTION,
    sessions::SESSIONS, unsubscribes::UNSUBSCRIBES,
};
use rapport::metrics::filter::Filter;
use rapport::metrics::query::{self, Grouping, MetricQuery};
use rapport::metrics::statement::Statement;
use rapport::metrics::terms::Terms;
use rapport::model::{Granularity, TimeRange};
use rapport::sql::Sql;

use crate::world::{DAY_MS, NOW};

pub struct Question {
    pub name: &'static str,
    families: &'static [&'static Family],
    /// Of each family; none: all of them.
    metrics: &'static [&'static str],
    parts: &'static [Part],
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Total,
    Days,
    Channels,
    Operators,
    Heatmap,
}

const fn question(
    name: &'static str,
    families: &'static [&'static Family],
    metrics: &'static [&'static str],
    parts: &'static [Part],
) -> Question {
    Question { name, families, metrics, parts }
}

const TOTAL: &[Part] = &[Part::Total];
const DAYS: &[Part] = &[Part::Days];
const CHANNELS: &[Part] = &[Part::Channels];
const OPERATORS: &[Part] = &[Part::Operators];

pub static QUESTIONS: [Question; 26] = [
    question("delivery total", &[&DELIVERY], &["rate", "outbound", "delivered", "failed"], TOTAL),
    question("delivery by day", &[&DELIVERY], &["rate"], DAYS),
    question("delivery by channel", &[&DELIVERY], &["rate", "outbound"], CHANNELS),
    question("delivery by operator", &[&DELIVERY], &["rate", "outbound"], OPERATORS),
    question("reads total", &[&READS], &["ofSent", "ofDelivered", "read"], TOTAL),
    question("reads total with engagement", &[&READS], &["ofSent", "engagedRate"], TOTAL),
    question("reads by day", &[&READS], &["ofSent"], DAYS),
    question("reads by channel", &[&READS], &["ofSent", "read"], CHANNELS),
    question("reads by operator", &[&READS], &["ofSent", "read"], OPERATORS),
    question("activity total", &[&ACTIVITY], &["messages"], TOTAL),
    question("activity total with turns", &[&ACTIVITY], &["messages", "turns"], TOTAL),
    question("activity by day", &[&ACTIVITY], &["messages"], DAYS),
    question("activity by channel", &[&ACTIVITY], &["messages"], CHANNELS),
    question("activity by operator", &[&ACTIVITY], &["messages"], OPERATORS),
    question("activity heatmap", &[&ACTIVITY], &["messages"], &[Part::Heatmap]),
    question("responseTime total", &[&RESPONSE_TIME], &[], TOTAL),
    question("responseTime by operator", &[&RESPONSE_TIME], &[], OPERATORS),
    question("activeDialogs total", &[&ACTIVE_DIALOGS], &[], TOTAL),
    question("activeDialogs by day", &[&ACTIVE_DIALOGS], &[], DAYS),
    question("satisfaction total", &[&SATISFACTION], &[], TOTAL),
    question("conversion total", &[&CONVERSION], &[], TOTAL),
    question("automation total", &[&AUTOMATION], &[], TOTAL),
    question("sessions total", &[&SESSIONS], &[], TOTAL),
    question("unsubscribes total", &[&UNSUBSCRIBES], &[], TOTAL),
    question("ten families, total", &FAMILIES, &[], TOTAL),
    question("ten families, total, days, channels", &FAMILIES, &[], &[Part::Total, Part::Days, Part::Channels]),
];

impl Question {
    /// The last so many days of the traffic, moved by some minutes that no other step has.
    pub fn range(&self, days: i64, step: i64) -> TimeRange {
        let to = NOW - 7 * 60_000 * (step + 1);
        TimeRange::new(to - days * DAY_MS, to).expect("days are not negative")
    }

    pub fn document(&self, range: TimeRange) -> String {
        let mut fields = String::new();
        for family in self.families {
            let names: Vec<&str> = self.metrics(family).iter().map(|metric| metric.name).collect();
            let metrics = names.join(" ");
            fields.push_str(&format!("{} {{ ", family.name));
            for part in self.parts {
                fields.push_str(&match part {
                    Part::Total => format!("total {{ {metrics} }} "),
                    Part::Days => format!("series(every: DAY) {{ start metrics {{ {metrics} }} }} "),
                    Part::Channels => format!("by(dimensions: [CHANNEL]) {{ keys metrics {{ {metrics} }} }} "),
                    Part::Operators => {
                        format!("by(dimensions: [OPERATOR], first: 50) {{ keys metrics {{ {metrics} }} }} ")
                    }
                    Part::Heatmap => "heatmap { weekday hour messages } ".to_owned(),
                });
            }
            fields.push_str("} ");
        }
        let (from, to) = (instant(range.from()), instant(range.to()));
        format!(
            "{{ analytics(range: {{from: \"{from}\", to: \"{to}\"}}, timezone: \"Europe/Berlin\") {{ {fields} }} }}"
        )
    }

    fn metrics(&self, family: &'static Family) -> Vec<&'static Metric> {
        match self.metrics {
            [] => family.metrics.iter().collect(),
            names => names.iter().map(|name| family.metric(name).expect("a metric of the family")).collect(),
        }
    }

    pub fn statements(&self, viewer: &Viewer, range: TimeRange) -> Vec<Sql> {
        let mut queries = Vec::new();
        for family in self.families {
            let question = query::Question {
                family,
                calendar: Calendar::new(range, chrono_tz::Tz::Europe__Berlin),
                filter: Filter::default(),
                scope: viewer.scope().expect("a manager reads"),
                terms: Terms::at(NOW),
                histogram: false,
            };
            for part in self.parts {
                let grouping = match part {
                    Part::Total => Grouping::Total,
                    Part::Days => Grouping::Every(Granularity::Day),
                    Part::Channels => Grouping::By(vec![Dimension::Channel]),
                    Part::Operators => Grouping::By(vec![Dimension::Operator]),
                    Part::Heatmap => Grouping::By(vec![Dimension::Weekday, Dimension::Hour]),
                };
                let planned = MetricQuery::plan(&question, &self.metrics(family), &grouping, 10_000);
                queries.extend(planned.expect("a sound question"));
            }
        }
        Statement::all_of(&queries).0.iter().map(|statement| statement.sql(10_000)).collect()
    }
}

fn instant(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).expect("a time of our days").to_rfc3339()
}
