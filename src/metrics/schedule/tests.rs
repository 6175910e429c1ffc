//! Business hours against cases counted by hand; random ones are in `oracle`.

mod oracle;

use super::*;
use crate::metrics::calendar::HOUR_MS;
use crate::model::clock::Millis;

const MINUTE_MS: i64 = 60_000;

/// An instant with its offset.
fn at(text: &str) -> Millis {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

/// `"5 22:00 02:00"`: Friday from 22:00 to 02:00.
fn weekly(text: &str) -> WeeklyHours {
    let [weekday, from, to] = text.split(' ').collect::<Vec<_>>().try_into().unwrap();
    WeeklyHours { weekday: weekday.parse().unwrap(), from: from.to_owned(), to: to.to_owned() }
}

/// `"2026-12-24 09:00 13:00"`, or a date alone for a day that is closed.
fn exception(text: &str) -> Exception {
    let parts: Vec<_> = text.split(' ').map(str::to_owned).collect();
    let intervals = parts[1..].chunks(2).map(|pair| DayHours { from: pair[0].clone(), to: pair[1].clone() }).collect();
    Exception { date: parts[0].clone(), note: None, intervals }
}

fn berlin(hours: &[&str], exceptions: &[&str]) -> Draft {
    Draft {
        timezone: "Europe/Berlin".to_owned(),
        weekly: hours.iter().map(|text| weekly(text)).collect(),
        exceptions: exceptions.iter().map(|text| exception(text)).collect(),
    }
}

fn version(valid_from: Millis, draft: Draft) -> Version {
    Version { valid_from, set_at: 0, set_by: "tester".to_owned(), schedule: Schedule::new(draft).unwrap() }
}

fn hours(draft: Draft) -> BusinessHours {
    BusinessHours::new(vec![version(0, draft)]).unwrap()
}

const OFFICE: [&str; 5] = ["1 09:00 18:00", "2 09:00 18:00", "3 09:00 18:00", "4 09:00 18:00", "5 09:00 18:00"];
const ALWAYS: [&str; 7] = [
    "1 00:00 24:00",
    "2 00:00 24:00",
    "3 00:00 24:00",
    "4 00:00 24:00",
    "5 00:00 24:00",
    "6 00:00 24:00",
    "7 00:00 24:00",
];

/// The open time between two instants, found by both ways.
fn open_ms(hours: &BusinessHours, from: &str, to: &str) -> i64 {
    let (from, to) = (at(from), at(to));
    let boundaries = hours.boundaries(from - 3 * 24 * HOUR_MS, to + 24 * HOUR_MS).unwrap();
    let found = boundaries.open_ms_between(from, to);
    assert_eq!(found, hours.open_spans(from, to).iter().map(|(start, end)| end - start).sum::<i64>());
    found
}

#[test]
fn the_fourth_worked_example_counts_two_minutes_and_three() {
    let office = hours(berlin(&OFFICE, &[]));
    // Thursday 17:58 to 18:00 and Friday 09:00 to 09:03; then the same over a weekend.
    assert_eq!(open_ms(&office, "2026-03-19T17:58:00+01:00", "2026-03-20T09:03:00+01:00"), 300_000);
    assert_eq!(open_ms(&office, "2026-03-20T17:58:00+01:00", "2026-03-23T09:03:00+01:00"), 300_000);
    // Inside one interval every millisecond counts; outside none does.
    assert_eq!(open_ms(&office, "2026-03-19T10:00:00.250+01:00", "2026-03-19T10:00:01+01:00"), 750);
    assert_eq!(open_ms(&office, "2026-03-21T10:00:00+01:00", "2026-03-22T20:00:00+01:00"), 0);
}

#[test]
fn an_interval_over_midnight_belongs_to_the_day_on_which_it_begins() {
    let bar = hours(berlin(&["5 22:00 02:00"], &[]));
    // Saturday 01:00 to 02:00.
    assert_eq!(open_ms(&bar, "2026-03-21T01:00:00+01:00", "2026-03-21T12:00:00+01:00"), HOUR_MS);
    // Friday 22:00 to Saturday 02:00.
    assert_eq!(open_ms(&bar, "2026-03-20T00:00:00+01:00", "2026-03-22T00:00:00+01:00"), 4 * HOUR_MS);
    // A closed Saturday closes nothing that began on Friday; a closed Friday closes the night too.
    let closed_on = |date| hours(berlin(&["5 22:00 02:00"], &[date]));
    let night = |hours| open_ms(&hours, "2026-03-20T00:00:00+01:00", "2026-03-22T00:00:00+01:00");
    assert_eq!((night(closed_on("2026-03-21")), night(closed_on("2026-03-20"))), (4 * HOUR_MS, 0));
    // From 09:00 to 09:00 is a whole day.
    let day = hours(berlin(&["5 09:00 09:00"], &[]));
    assert_eq!(open_ms(&day, "2026-03-20T00:00:00+01:00", "2026-03-22T00:00:00+01:00"), 24 * HOUR_MS);
}

#[test]
fn a_night_on_which_clocks_change_has_an_hour_less_or_more() {
    // Saturday 22:00 to Sunday 06:00 are 8 hours, 7 on 2026-03-29 (02:00 becomes 03:00), 9 on 2026-10-25.
    let night = hours(berlin(&["6 22:00 06:00"], &[]));
    assert_eq!(open_ms(&night, "2026-03-28T12:00:00+01:00", "2026-03-29T12:00:00+02:00"), 7 * HOUR_MS);
    assert_eq!(open_ms(&night, "2026-10-24T12:00:00+02:00", "2026-10-25T12:00:00+01:00"), 9 * HOUR_MS);
    // Times that the clocks skip are the end of the gap: 03:00 to 04:00 are left of this.
    let early = hours(berlin(&["7 02:30 04:00"], &[]));
    assert_eq!(open_ms(&early, "2026-03-29T00:00:00+01:00", "2026-03-29T12:00:00+02:00"), HOUR_MS);
    let gap = hours(berlin(&["7 02:15 02:45"], &[]));
    assert_eq!(open_ms(&gap, "2026-03-29T00:00:00+01:00", "2026-03-29T12:00:00+02:00"), 0);
    // Times that they show twice are the first: 00:30Z to 02:30Z for 02:30 to 03:30, 00:15Z to 00:45Z for the gap's.
    let twice = hours(berlin(&["7 02:30 03:30"], &[]));
    assert_eq!(
        twice.open_spans(at("2026-10-25T00:00:00+02:00"), at("2026-10-25T12:00:00+01:00")),
        [(at("2026-10-25T00:30:00Z"), at("2026-10-25T02:30:00Z"))]
    );
    assert_eq!(open_ms(&gap, "2026-10-25T00:00:00+02:00", "2026-10-25T12:00:00+01:00"), 30 * MINUTE_MS);
}

#[test]
fn an_exception_replaces_all_of_its_date() {
    let exceptions = ["2026-12-24 09:00 13:00 12:00 14:00", "2026-12-25", "2026-12-26 10:00 12:00"];
    let office = hours(berlin(&OFFICE, &exceptions));
    // Wednesday 9 h, Thursday 09:00 to 14:00 (two that overlap), Friday closed, Saturday 2 h, Sunday closed: 16 h.
    assert_eq!(open_ms(&office, "2026-12-23T00:00:00+01:00", "2026-12-28T00:00:00+01:00"), 16 * HOUR_MS);
}

#[test]
fn around_the_clock_is_one_span_also_where_clocks_change() {
    let (from, to) = (at("2026-03-27T10:30:00Z"), at("2026-11-01T10:30:00Z"));
    let always = hours(berlin(&ALWAYS, &[]));
    assert_eq!(always.open_spans(from, to), [(from, to)]);
    let boundaries = always.boundaries(from, to).unwrap();
    assert_eq!(boundaries.open_ms_between(from + 5, to - 5), to - from - 10);
    // Clocks of Beirut go forward at midnight, those of Havana back to it.
    for zone in ["Asia/Beirut", "America/Havana", "Pacific/Apia"] {
        let draft = Draft { timezone: zone.to_owned(), ..berlin(&ALWAYS, &[]) };
        let (from, to) = (at("2011-06-01T00:00:00Z"), at("2024-06-01T00:00:00Z"));
        assert_eq!(hours(draft).open_spans(from, to), [(from, to)], "{zone}");
    }
    // Without business hours nothing is closed.
    assert_eq!(Boundaries::always().open_ms_until(from), from);
    assert_eq!(Boundaries::always().open_ms_between(from, to), to - from);
}

#[test]
fn a_version_holds_from_its_instant_on_and_the_first_one_before_too() {
    // Until Wednesday 12:00 it opens at 09:00 and closes at 18:00, then it closes at 20:00.
    let late = berlin(&["1 09:00 20:00", "2 09:00 20:00", "3 09:00 20:00", "4 10:00 20:00"], &[]);
    let change = at("2026-03-18T12:00:00+01:00");
    let changed = BusinessHours::new(vec![
        version(change, late.clone()),
        version(at("2026-03-17T00:00:00+01:00"), berlin(&OFFICE, &[])),
    ]);
    let changed = changed.unwrap();
    // Monday, before the first version: 9 h. Tuesday 9 h. Wednesday 09:00 to 20:00, 3 h of it by the old one: 11 h.
    // Thursday 10:00 to 20:00: 10 h.
    assert_eq!(open_ms(&changed, "2026-03-16T00:00:00+01:00", "2026-03-17T00:00:00+01:00"), 9 * HOUR_MS);
    assert_eq!(open_ms(&changed, "2026-03-16T00:00:00+01:00", "2026-03-20T00:00:00+01:00"), 39 * HOUR_MS);
    // The cut leaves no seam: both are open at noon.
    assert_eq!(changed.open_spans(change - HOUR_MS, change + HOUR_MS), [(change - HOUR_MS, change + HOUR_MS)]);
    assert_eq!(changed.in_force_at(change - 1).schedule.draft(), &berlin(&OFFICE, &[]));
    assert_eq!(changed.in_force_at(change).schedule.draft(), &late);
    // A new version cuts a night that the old one would have stayed open: 22:00 to midnight are left.
    let midnight = at("2026-03-21T00:00:00+01:00");
    let cut = BusinessHours::new(vec![
        version(0, berlin(&["5 22:00 02:00"], &[])),
        version(midnight, berlin(&["1 09:00 18:00"], &[])),
    ]);
    assert_eq!(open_ms(&cut.unwrap(), "2026-03-20T00:00:00+01:00", "2026-03-22T00:00:00+01:00"), 2 * HOUR_MS);
}

#[test]
fn of_two_versions_of_one_instant_the_one_set_later_wins() {
    let first = version(1_000, berlin(&OFFICE, &[]));
    let second = Version { set_at: 1, ..version(1_000, berlin(&ALWAYS, &[])) };
    for versions in [vec![first.clone(), second.clone()], vec![second.clone(), first.clone()]] {
        let hours = BusinessHours::new(versions).unwrap();
        assert_eq!([0, 999, 1_000, 2_000].map(|at| hours.in_force_at(at).set_at), [1, 1, 1, 1]);
        assert_eq!(hours.newest_first().map(|version| version.set_at).collect::<Vec<_>>(), [1, 0]);
        assert_eq!(hours.open_spans(0, 5_000), [(0, 5_000)]);
    }
    assert_eq!(BusinessHours::new(Vec::new()), None);
}

#[test]
fn boundaries_travel_as_three_texts_of_one_length() {
    let draft = Draft { timezone: "UTC".to_owned(), ..berlin(&["4 00:00 00:01", "4 00:02 00:03"], &[]) };
    let day = hours(draft);
    // 1970-01-01 was a Thursday.
    let boundaries = day.boundaries(0, HOUR_MS).unwrap();
    let texts = [boundaries.at_text(), boundaries.is_open_text(), boundaries.open_ms_text()];
    assert_eq!(texts, ["0,60000,120000,180000", "1,0,1,0", "0,60000,60000,120000"]);
    // A range that begins closed has a boundary at its beginning; one that is closed all through has no other.
    assert_eq!(day.boundaries(90_000, HOUR_MS).unwrap().at_text(), "90000,120000,180000");
    assert_eq!(day.boundaries(HOUR_MS, 2 * HOUR_MS).unwrap().at_text(), "3600000");
    assert_eq!(day.boundaries(HOUR_MS, HOUR_MS).unwrap().at_text(), "3600000");
    assert_eq!(boundaries.list().len(), 4);
}

#[test]
fn too_many_boundaries_are_refused() {
    let times = (1..=10).map(|hour| format!("{hour:02}:00 {hour:02}:30"));
    let busy: Vec<String> = times.flat_map(|time| (1..=7).map(move |day| format!("{day} {time}"))).collect();
    let draft = berlin(&busy.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    let busy = hours(Draft { timezone: "UTC".to_owned(), ..draft });
    let day = 24 * HOUR_MS;
    // Ten intervals a day: 2,499 days have 2 * 24,990 boundaries and one at the beginning; 2,500 days have too many.
    assert_eq!(busy.boundaries(0, 2_499 * day).unwrap().list().len(), 49_981);
    let refused = busy.boundaries(0, 2_500 * day).unwrap_err();
    assert!(refused.to_string().contains("`businessHoursBoundaries` is 50000"), "{refused}");
}

#[test]
fn a_draft_that_cannot_be_is_refused_by_what_and_where() {
    let check = |draft: Draft, expect: &str| assert_eq!(Schedule::new(draft).unwrap_err().to_string(), expect);
    check(
        Draft { timezone: "Berlin".to_owned(), ..berlin(&OFFICE, &[]) },
        "there is no time zone `Berlin`: give an IANA name such as `Europe/Berlin`, or `UTC`",
    );
    for number in [0, 8, -1, i64::MIN, i64::MAX] {
        let expect = format!("`weekly[1].weekday` is {number}: give 1 (Monday) to 7 (Sunday)");
        check(berlin(&["1 09:00 18:00", &format!("{number} 09:00 18:00")], &[]), &expect);
    }
    for wrong in ["9:00", "24:00", "09:60", "-1:00", "0900", "09:00:00", "९९:००", ""] {
        let expect = format!("`weekly[0].from` is `{wrong}`: give a time of day as HH:MM, 00:00 to 23:59");
        check(berlin(&[&format!("1 {wrong} 18:00")], &[]), &expect);
    }
    check(
        berlin(&OFFICE, &["2026-12-24 09:00 10:00 11:00 24:01"]),
        "`exceptions[0].intervals[1].to` is `24:01`: give a time of day as HH:MM, 00:00 to 24:00",
    );
    for wrong in ["2026-02-29", "2026-2-1", "24.12.2026", "+2026-01-01", "tomorrow"] {
        let expect = format!("`exceptions[1].date` is `{wrong}`: give a date such as 2026-12-25");
        check(berlin(&OFFICE, &["2026-12-24", wrong]), &expect);
    }
    check(
        berlin(&OFFICE, &["2026-12-24", "2026-12-24 10:00 12:00"]),
        "`exceptions[1].date` is 2026-12-24, which an exception before it has: put all intervals of a date into one",
    );
    let never = "the schedule is never open: give at least one interval in `weekly` or in an exception";
    check(berlin(&[], &[]), never);
    check(berlin(&[], &["2026-12-24"]), never);
    assert!(Schedule::new(berlin(&[], &["2026-12-24 10:00 12:00"])).is_ok());
}

#[test]
fn limits_allow_themselves_and_no_more() {
    let ten = ["1 09:00 18:00"; INTERVALS_MAX];
    assert!(Schedule::new(berlin(&ten, &[])).is_ok());
    let error = Schedule::new(berlin(&[&ten[..], &["1 10:00 11:00"]].concat(), &[])).unwrap_err();
    assert_eq!(error.to_string(), "weekday 1 has 11 intervals; the limit `businessHoursIntervals` is 10");
    let dates: Vec<String> =
        NaiveDate::from_ymd_opt(2026, 1, 1).unwrap().iter_days().take(401).map(|date| date.to_string()).collect();
    let dates: Vec<&str> = dates.iter().map(String::as_str).collect();
    assert!(Schedule::new(berlin(&OFFICE, &dates[..400])).is_ok());
    let error = Schedule::new(berlin(&OFFICE, &dates)).unwrap_err();
    assert_eq!(error.to_string(), "there are 401 exceptions; the limit `businessHoursExceptions` is 400");
    let mut noted = berlin(&OFFICE, &["2026-12-24"]);
    noted.exceptions[0].note = Some("ё".repeat(NOTE_CHARS_MAX));
    assert!(Schedule::new(noted.clone()).is_ok());
    noted.exceptions[0].note = Some("ё".repeat(NOTE_CHARS_MAX + 1));
    let error = Schedule::new(noted).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`exceptions[0].note` has 201 characters; the limit `businessHoursNoteCharacters` is 200"
    );
}

#[test]
fn rows_have_the_columns_of_the_table() {
    let table = include_str!("../../../sql/migrations/0025_business_hours.sql");
    let columns = table.lines().filter_map(|line| line.strip_prefix("    ")?.split(' ').next());
    let row = stored::row("acme", &version(0, berlin(&OFFICE, &["2026-12-24"]))).unwrap();
    let schema = row.schema();
    assert_eq!(
        schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(),
        columns.collect::<Vec<_>>()
    );
}
