//! Hours of business: which milliseconds of a period lie inside a tenant's schedule.

use chrono::{Datelike, Duration, NaiveDate};
use chrono_tz::Tz;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;

use super::local::{instant_of, local};
use crate::world::World;

/// From a minute of the day up to another one, at most 1,440.
pub type Opening = (i64, i64);

#[derive(Clone, Debug)]
pub struct Schedule {
    pub zone: Tz,
    /// The openings of each day of the week, Monday first.
    pub week: Vec<Vec<Opening>>,
    /// Days that are not as the week says.
    pub exceptions: BTreeMap<NaiveDate, Vec<Opening>>,
}

/// Nothing, a plain day, a pause, a whole day, and hours that the clocks leave out or repeat.
const OPENINGS: &[&[Opening]] = &[
    &[],
    &[(9 * 60, 18 * 60)],
    &[(8 * 60, 12 * 60), (13 * 60, 17 * 60 + 30)],
    &[(0, 24 * 60)],
    &[(60, 3 * 60)],
    &[(2 * 60 + 30, 10 * 60)],
];

pub fn schedule() -> impl Strategy<Value = Schedule> {
    let openings = select(OPENINGS);
    // Days of a history, counted from its first.
    let day = (0_i64..16).prop_map(|days| NaiveDate::default() + Duration::days(days));
    let openings = openings.prop_map(<[Opening]>::to_vec);
    let zone = select(&[Tz::UTC, Tz::Europe__Berlin, Tz::Asia__Kolkata, Tz::Australia__Lord_Howe][..]);
    (zone, vec(openings.clone(), 7), btree_map(day, openings, 0..3)).prop_map(|(zone, mut week, exceptions)| {
        // A schedule that is never open is refused.
        if week.iter().all(Vec::is_empty) {
            week[0] = OPENINGS[1].to_vec();
        }
        Schedule { zone, week, exceptions }
    })
}

impl Schedule {
    /// The schedule of a history that begins at some instant.
    pub fn of(mut self, window: i64) -> Self {
        let first = local(self.zone, window).date() - NaiveDate::default();
        self.exceptions = self.exceptions.into_iter().map(|(day, openings)| (day + first, openings)).collect();
        self
    }
}

/// The milliseconds of `[from, to)` inside the schedule.
pub fn business_millis(schedule: &Schedule, from: i64, to: i64) -> i64 {
    let (mut date, last) = (local(schedule.zone, from).date(), local(schedule.zone, to).date());
    let mut inside = 0;
    while date <= last {
        for (open, close) in openings(schedule, date) {
            inside += (at(schedule, date, *close).min(to) - at(schedule, date, *open).max(from)).max(0);
        }
        date += Duration::days(1);
    }
    inside
}

fn openings(schedule: &Schedule, date: NaiveDate) -> &[Opening] {
    let weekday = usize::try_from(date.weekday().num_days_from_monday()).unwrap();
    schedule.exceptions.get(&date).unwrap_or(&schedule.week[weekday])
}

/// When the schedule's clocks show a minute of a day; where they leave it out, when they go on.
fn at(schedule: &Schedule, date: NaiveDate, minute: i64) -> i64 {
    instant_of(schedule.zone, date.and_time(chrono::NaiveTime::MIN) + Duration::minutes(minute))
}

/// Tells the API the schedule.
pub async fn tell(world: &World, schedule: &Schedule) {
    let clock = |minute: i64| format!("{:02}:{:02}", minute / 60, minute % 60);
    let interval = |(from, to): &Opening| format!(r#"from: "{}", to: "{}""#, clock(*from), clock(*to));
    let mut weekly = String::new();
    for (day, openings) in (1..).zip(&schedule.week) {
        for opening in openings {
            weekly.push_str(&format!("{{weekday: {day}, {}}} ", interval(opening)));
        }
    }
    let mut exceptions = String::new();
    for (date, openings) in &schedule.exceptions {
        let intervals: Vec<String> = openings.iter().map(|opening| format!("{{{}}}", interval(opening))).collect();
        exceptions.push_str(&format!(r#"{{date: "{date}", intervals: [{}]}} "#, intervals.join(" ")));
    }
    let mutation = format!(
        r#"mutation {{ setBusinessHours(input: {{timezone: "{}", weekly: [{weekly}], exceptions: [{exceptions}]}}) {{ timezone }} }}"#,
        schedule.zone.name()
    );
    world.ask(&world.manager(), &mutation).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::instant;

    #[test]
    fn an_evenings_question_is_answered_in_the_first_minutes_of_the_next_working_day() {
        let week = (0..7).map(|day| if day < 5 { vec![(9 * 60, 18 * 60)] } else { Vec::new() }).collect();
        let schedule = Schedule { zone: Tz::Europe__Berlin, week, exceptions: BTreeMap::new() };
        // A Friday and the Monday after it; the clocks went forward in between.
        let (asked, answered) = (instant("2026-03-27T17:58:00+01:00"), instant("2026-03-30T09:03:00+02:00"));
        assert_eq!(business_millis(&schedule, asked, answered), 300_000);
    }
}
