//! When keys are good, when to fetch them again, and when to leave a source alone. No IO, no clock: it is told the time.

use std::sync::Arc;

use crate::auth::jwks::KeySet;
use crate::model::clock::Millis;
use crate::outbound::pause;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Issuers announce a new key hours before they use it, and withdraw a stolen one at once.
const DUE_AFTER_MS: i64 = HOUR_MS;

/// Keys that nobody has asked for since then are not used before the source was asked: after a quiet night, a key that
/// was withdrawn must not be good once more.
const NEEDED_AFTER_MS: i64 = 2 * HOUR_MS;

/// As long as a token may live: a source that is down longer than that is no more a reason to believe old keys.
const KEPT_MS: i64 = 24 * HOUR_MS;

/// Anybody can make up names of keys, so they cost the source one question a minute and no more.
const UNKNOWN_NAME_EVERY_MS: i64 = MINUTE_MS;

/// Why the source is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There are no keys, or they are old.
    Due,
    /// A token names a key that is not among them.
    UnknownName,
}

/// Whether to ask the source before the keys are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    Fresh,
    /// They are good; ask beside.
    Due,
    /// Ask first.
    Needed,
}

/// The keys that were fetched last, and how asking went.
#[derive(Debug, Default)]
pub struct Cached {
    keys: Option<(Arc<KeySet>, Millis)>,
    /// When the last fetch began.
    tried: Option<Millis>,
    /// In a row.
    failures: u32,
    is_fetching: bool,
}

impl Cached {
    pub fn is_fetching(&self) -> bool {
        self.is_fetching
    }

    pub fn freshness(&self, now: Millis) -> Freshness {
        // An age below zero: the clock was set back, and nobody knows how old they are.
        let age = self.keys.as_ref().map(|(_, at)| now - at).filter(|age| 0 <= *age);
        match age {
            Some(age) if age < DUE_AFTER_MS => Freshness::Fresh,
            // While a source is down it is asked again and again, and nobody need wait for each time.
            Some(age) if age < KEPT_MS && self.since_tried(now).is_some_and(|since| since < NEEDED_AFTER_MS) => {
                Freshness::Due
            }
            _ => Freshness::Needed,
        }
    }

    /// The keys, unless they are too old to be believed.
    pub fn usable(&self, now: Millis) -> Option<Arc<KeySet>> {
        self.keys.as_ref().filter(|(_, at)| now - at < KEPT_MS).map(|(keys, _)| Arc::clone(keys))
    }

    /// Notes that a fetch begins, unless it may not yet.
    pub fn begin(&mut self, now: Millis, why: Why) -> bool {
        if self.since_tried(now).is_some_and(|since| since < self.pause_ms(why)) {
            return false;
        }
        self.tried = Some(now);
        self.is_fetching = true;
        true
    }

    pub fn succeed(&mut self, keys: KeySet) {
        // As old as the question: the answer may have been made at once and have come late.
        self.keys = self.tried.map(|at| (Arc::new(keys), at));
        self.failures = 0;
        self.is_fetching = false;
    }

    pub fn fail(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.is_fetching = false;
    }

    /// When it is worth to come again, at least a second from now.
    /// Whether the last fetch failed.
    pub fn is_failing(&self) -> bool {
        0 < self.failures
    }

    pub fn retry_after_seconds(&self, now: Millis) -> u32 {
        let left = self.pause_ms(Why::Due) - self.since_tried(now).unwrap_or(0);
        u32::try_from((left + SECOND_MS - 1).div_euclid(SECOND_MS)).unwrap_or(1).max(1)
    }

    /// `None` if never, or at a time that the clock has not reached again.
    fn since_tried(&self, now: Millis) -> Option<i64> {
        self.tried.map(|tried| now - tried).filter(|since| 0 <= *since)
    }

    /// How long after a fetch began the next one must not.
    fn pause_ms(&self, why: Why) -> i64 {
        let after_failure = pause::after_failures(self.failures);
        match why {
            Why::Due => after_failure,
            Why::UnknownName => after_failure.max(UNKNOWN_NAME_EVERY_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_keys() -> KeySet {
        KeySet::parse(br#"{"keys":[]}"#).unwrap()
    }

    fn fetched_at(now: Millis) -> Cached {
        let mut cached = Cached::default();
        assert!(cached.begin(now, Why::Due));
        cached.succeed(no_keys());
        cached
    }

    #[test]
    fn keys_are_fresh_for_an_hour_and_good_for_a_day() {
        let cached = fetched_at(0);
        assert_eq!(cached.freshness(HOUR_MS - 1), Freshness::Fresh);
        assert_eq!(cached.freshness(HOUR_MS), Freshness::Due);
        assert!(cached.usable(24 * HOUR_MS - 1).is_some());
        assert!(cached.usable(24 * HOUR_MS).is_none());
        assert_eq!(Cached::default().freshness(0), Freshness::Needed);
        assert!(Cached::default().usable(0).is_none());
    }

    #[test]
    fn after_a_quiet_time_the_source_is_asked_first() {
        let mut cached = fetched_at(0);
        assert_eq!(cached.freshness(2 * HOUR_MS - 1), Freshness::Due);
        assert_eq!(cached.freshness(2 * HOUR_MS), Freshness::Needed);
        // It was asked and is down: from now on nobody waits for it.
        assert!(cached.begin(2 * HOUR_MS, Why::Due));
        cached.fail();
        assert_eq!(cached.freshness(3 * HOUR_MS), Freshness::Due);
    }

    #[test]
    fn unknown_names_cost_one_fetch_a_minute() {
        let mut cached = fetched_at(0);
        assert!(!cached.begin(MINUTE_MS - 1, Why::UnknownName));
        assert!(cached.begin(MINUTE_MS, Why::UnknownName));
        cached.succeed(no_keys());
        assert!(!cached.begin(2 * MINUTE_MS - 1, Why::UnknownName));
    }

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour_and_end_with_a_success() {
        let mut cached = Cached::default();
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..10 {
            assert!(cached.begin(now, Why::Due));
            cached.fail();
            let pause = i64::from(cached.retry_after_seconds(now));
            assert!(!cached.begin(now + pause * SECOND_MS - 1, Why::Due));
            now += pause * SECOND_MS;
            pauses.push(pause);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert!(cached.begin(now, Why::UnknownName));
        cached.succeed(no_keys());
        assert_eq!(cached.freshness(now), Freshness::Fresh);
        assert_eq!(cached.retry_after_seconds(now), 1);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_block_the_source() {
        let mut cached = fetched_at(HOUR_MS);
        assert_eq!(cached.freshness(0), Freshness::Needed);
        assert!(cached.usable(0).is_some());
        assert!(cached.begin(0, Why::Due));
    }
}
