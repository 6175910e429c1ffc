//! The business hours of the demonstration's company: a week, its holidays, and a short Christmas Eve.

use anyhow::Result;
use chrono::{DateTime, Datelike};

use super::{DAYS, TENANT, ZONE};
use crate::metrics::schedule::{DayHours, Draft, Exception, Schedule, Version, WeeklyHours, stored};
use crate::model::clock::{DAY_MS, Millis};
use crate::store::Store;

/// Germany's holidays that have a date of their own.
const HOLIDAYS: [(&str, &str); 5] = [
    ("01-01", "New Year's Day"),
    ("05-01", "Labour Day"),
    ("10-03", "Day of German Unity"),
    ("12-25", "Christmas Day"),
    ("12-26", "Boxing Day"),
];

/// Sets them unless the tenant has some, whoever set them.
///
/// # Errors
/// When the store fails.
pub async fn set_if_none(store: &dyn Store, now: Millis) -> Result<()> {
    if stored::read(&store.query(stored::select(TENANT)).await?)?.is_some() {
        return Ok(());
    }
    let from = now - DAYS * DAY_MS;
    let schedule = Schedule::new(draft(from, now))?;
    let version = Version { valid_from: from, set_at: now, set_by: "rapport demo".to_owned(), schedule };
    store.insert(stored::TABLE, stored::row(TENANT, &version)?, None).await?;
    println!("Business hours are set: Monday to Friday 09:00 to 18:00, Saturday 10:00 to 14:00, holidays closed.");
    Ok(())
}

fn draft(from: Millis, now: Millis) -> Draft {
    let workdays = (1..=5).map(|weekday| (weekday, "09:00", "18:00"));
    let weekly = workdays.chain([(6, "10:00", "14:00")]).map(|(weekday, from, to)| WeeklyHours {
        weekday,
        from: from.to_owned(),
        to: to.to_owned(),
    });
    let year = |at| DateTime::from_timestamp_millis(at).unwrap_or_default().with_timezone(&ZONE).year();
    let mut exceptions = Vec::new();
    for year in year(from)..=year(now) + 1 {
        let day = |date: &str, note: &str, intervals| Exception {
            date: format!("{year:04}-{date}"),
            note: Some(note.to_owned()),
            intervals,
        };
        exceptions.extend(HOLIDAYS.map(|(date, note)| day(date, note, Vec::new())));
        let morning = DayHours { from: "09:00".to_owned(), to: "13:00".to_owned() };
        exceptions.push(day("12-24", "Christmas Eve", vec![morning]));
    }
    Draft { timezone: ZONE.name().to_owned(), weekly: weekly.collect(), exceptions }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstrations_hours_hold_and_know_the_next_christmas() {
        // 2027-01-02: the 90 days before it begin in 2026.
        let now = 1_798_848_000_000;
        let schedule = Schedule::new(draft(now - DAYS * DAY_MS, now)).unwrap();
        let dates: Vec<&str> = schedule.draft().exceptions.iter().map(|exception| exception.date.as_str()).collect();
        assert_eq!((dates.len(), dates[0], dates[17]), (18, "2026-01-01", "2028-12-24"));
    }
}
