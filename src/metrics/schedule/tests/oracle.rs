//! Business hours against a plain, slow computation: every minute of some days is asked whether it is open.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const DAYS: i64 = 6;

/// What the clocks of a zone show at every minute from a while before the window on.
struct Clocks {
    first: Millis,
    shown: Vec<NaiveDateTime>,
}

impl Clocks {
    fn new(zone: Tz, window: Millis) -> Self {
        let first = window - 3 * 24 * HOUR_MS;
        let minutes = (DAYS + 6) * DAY_MINUTES;
        let show = |minute: i64| {
            let at = DateTime::from_timestamp_millis(first + minute * MINUTE_MS).unwrap();
            at.with_timezone(&zone).naive_local()
        };
        Self { first, shown: (0..minutes).map(show).collect() }
    }

    /// The first minute at which the clocks show this time or a later one: the earlier of two, the end of a gap.
    fn first_at(&self, local: NaiveDateTime) -> Millis {
        let minute = self.shown.iter().position(|shown| local <= *shown).unwrap_or(self.shown.len());
        self.first + i64::try_from(minute).unwrap() * MINUTE_MS
    }
}

/// Whether each minute of the window is open by this draft.
fn open_minutes(draft: &Draft, window: Millis) -> Vec<bool> {
    let clocks = Clocks::new(draft.timezone.parse().unwrap(), window);
    let mut open = vec![false; usize::try_from(DAYS * DAY_MINUTES).unwrap()];
    let monday = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();
    let first = clocks.shown[0].date();
    for date in first.succ_opt().unwrap().iter_days().take(usize::try_from(DAYS).unwrap() + 4) {
        let weekday = (date - monday).num_days().rem_euclid(7) + 1;
        let weekly = draft.weekly.iter().filter(|hours| hours.weekday == weekday);
        let mut intervals: Vec<(&str, &str)> = weekly.map(|hours| (&*hours.from, &*hours.to)).collect();
        if let Some(exception) = draft.exceptions.iter().find(|exception| exception.date == date.to_string()) {
            intervals = exception.intervals.iter().map(|hours| (&*hours.from, &*hours.to)).collect();
        }
        for (from, to) in intervals {
            let local = |text: &str| {
                let (hour, minute) = text.split_once(':').unwrap();
                let minutes = hour.parse::<i64>().unwrap() * 60 + minute.parse::<i64>().unwrap();
                date.and_hms_opt(0, 0, 0).unwrap() + TimeDelta::minutes(minutes)
            };
            let end = if to <= from { local(to) + TimeDelta::days(1) } else { local(to) };
            let (start, end) = (clocks.first_at(local(from)), clocks.first_at(end));
            for (minute, is_open) in (0..).zip(open.iter_mut()) {
                let at = window + minute * MINUTE_MS;
                *is_open |= start <= at && at < end;
            }
        }
    }
    open
}

fn time(latest: u32) -> impl Strategy<Value = String> {
    // Around the changes of clocks as often as anywhere else.
    prop_oneof![0..=latest, 0..=240_u32].prop_map(|minute| format!("{:02}:{:02}", minute / 60, minute % 60))
}

fn draft() -> impl Strategy<Value = Draft> {
    let zone = select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Cairo"]);
    let weekly = prop::collection::vec((1..=7_i64, time(1439), time(1440)), 1..12)
        .prop_map(|list| list.into_iter().map(|(weekday, from, to)| WeeklyHours { weekday, from, to }).collect());
    let dates = select(vec![(3, 27), (3, 28), (3, 29), (10, 24), (10, 25), (4, 4), (4, 5), (3, 8), (4, 24)]);
    let day = prop::collection::vec((time(1439), time(1440)), 0..3);
    let exceptions = prop::collection::btree_map(dates, day, 0..4).prop_map(|dates: BTreeMap<(u32, u32), Vec<_>>| {
        let exception = |((month, day), list): ((u32, u32), Vec<(String, String)>)| Exception {
            date: format!("2026-{month:02}-{day:02}"),
            note: None,
            intervals: list.into_iter().map(|(from, to)| DayHours { from, to }).collect(),
        };
        dates.into_iter().map(exception).collect()
    });
    (zone, weekly, exceptions).prop_map(|(zone, weekly, exceptions)| Draft {
        timezone: zone.to_owned(),
        weekly,
        exceptions,
    })
}

/// Three days before a night on which the clocks of one of the zones change.
fn window() -> impl Strategy<Value = Millis> {
    let nights = ["2026-03-29", "2026-10-25", "2026-04-05", "2026-03-08", "2026-04-24"];
    select(nights.map(|night| at(&format!("{night}T00:00:00Z")) - 3 * 24 * HOUR_MS).to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn open_time_is_the_count_of_open_minutes(
        window in window(),
        drafts in prop::collection::vec((draft(), -1_000..9_000_i64), 1..4),
        ends in prop::collection::vec((0..DAYS * DAY_MINUTES, 0..DAYS * DAY_MINUTES), 1..20),
    ) {
        let valid_from = |minute: i64| window + minute * MINUTE_MS;
        let versions: Vec<Version> = drafts.iter().zip(0..)
            .map(|((draft, minute), set_at)| Version { set_at, ..version(valid_from(*minute), draft.clone()) })
            .collect();
        let hours = BusinessHours::new(versions).unwrap();

        // A minute goes by the draft with the latest beginning at or before it, else by the earliest draft of all; of
        // equal ones by the last.
        let by_draft: Vec<Vec<bool>> = drafts.iter().map(|(draft, _)| open_minutes(draft, window)).collect();
        let earliest = drafts.iter().map(|(_, minute)| *minute).min().unwrap();
        let open: Vec<bool> = (0..DAYS * DAY_MINUTES).map(|minute| {
            let begun = drafts.iter().map(|(_, from)| *from).filter(|from| *from <= minute).max().unwrap_or(earliest);
            let draft = drafts.iter().rposition(|(_, from)| *from == begun).unwrap();
            by_draft[draft][usize::try_from(minute).unwrap()]
        }).collect();

        let to = valid_from(DAYS * DAY_MINUTES);
        let boundaries = hours.boundaries(window, to).unwrap();
        prop_assert!(boundaries.list()[0].at <= window);
        prop_assert!(boundaries.list().windows(2).all(|pair| pair[0].at < pair[1].at && pair[0].is_open != pair[1].is_open));
        for (one, other) in ends {
            let (from, to) = (one.min(other), one.max(other));
            let minutes = open[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()].iter().filter(|open| **open);
            let expect = i64::try_from(minutes.count()).unwrap() * MINUTE_MS;
            prop_assert_eq!(boundaries.open_ms_between(valid_from(from), valid_from(to)), expect);
            // A range of its own gives the same.
            let spans = hours.open_spans(valid_from(from), valid_from(to));
            prop_assert!(spans.windows(2).all(|pair| pair[0].1 < pair[1].0));
            prop_assert_eq!(spans.iter().map(|(start, end)| end - start).sum::<i64>(), expect);
        }
    }
}
