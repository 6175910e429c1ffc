//! When things happen: the hours of a plan, with their weight in local time.

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;

use crate::model::clock::Millis;

pub(super) const HOUR_MS: i64 = 3_600_000;

/// Client activity by local hour: asleep, a late-morning peak, a lower one in the evening.
const BY_HOUR: [f64; 24] = [
    0.4, 0.2, 0.15, 0.1, 0.1, 0.2, 0.5, 1.2, 2.4, 4.0, 5.2, 5.6, 4.8, 4.4, 4.7, 4.9, 4.6, 4.2, 4.0, 4.3, 4.1, 3.2, 1.9,
    0.9,
];
/// By weekday, from Monday.
const BY_WEEKDAY: [f64; 7] = [1.2, 1.1, 1.05, 1.05, 1.0, 0.65, 0.55];

/// One hour, whole on the UTC clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hour {
    pub start: Millis,
    pub weight: f64,
    pub local_hour: u32,
    /// 0 is Monday.
    pub weekday: u32,
    /// Days since the common era: names the local day.
    pub day: i32,
}

impl Hour {
    pub fn at(instant: Millis, zone: Tz) -> Self {
        let start = instant.div_euclid(HOUR_MS) * HOUR_MS;
        let local = DateTime::<Utc>::from_timestamp_millis(start).unwrap_or_default().with_timezone(&zone);
        let weekday = local.weekday().num_days_from_monday();
        let weight = BY_HOUR[local.hour() as usize] * BY_WEEKDAY[weekday as usize];
        Self { start, weight, local_hour: local.hour(), weekday, day: local.num_days_from_ce() }
    }

    /// Campaigns go out on Tuesday and Thursday at eleven.
    pub fn is_broadcast(self) -> bool {
        self.local_hour == 11 && (self.weekday == 1 || self.weekday == 3)
    }
}

/// The hours from one instant to another.
pub(super) struct Rhythm {
    next: Millis,
    to: Millis,
    zone: Tz,
}

impl Rhythm {
    pub fn new(from: Millis, to: Millis, zone: Tz) -> Self {
        Self { next: from, to, zone }
    }

    pub fn next(&mut self) -> Option<Hour> {
        if self.to <= self.next {
            return None;
        }
        let hour = Hour::at(self.next, self.zone);
        self.next = hour.start + HOUR_MS;
        Some(hour)
    }

    pub fn total_weight(&self) -> f64 {
        self.hours().map(|hour| hour.weight).sum()
    }

    pub fn broadcast_hours(&self) -> u32 {
        self.hours().map(|hour| u32::from(hour.is_broadcast())).sum()
    }

    fn hours(&self) -> impl Iterator<Item = Hour> {
        let mut hours = Self { ..*self };
        std::iter::from_fn(move || hours.next())
    }
}
