//! When to ask next: pure bookkeeping of failures and pauses. It never sleeps and reads no clock.

use crate::ingest::connector::errands::Place;
use crate::model::clock::Millis;
use crate::outbound::{RetryAfter, pause};

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something was asked and answered; there may be more.
    Worked,
    /// There was nothing to ask.
    Idle,
    /// The platform did not answer, or the store did not take it.
    Failed { retry_after: Option<RetryAfter> },
}

/// How asking one platform goes.
#[derive(Debug, Default)]
pub struct Rhythm {
    /// In a row.
    failures: u32,
}

impl Rhythm {
    /// The instant of the next step.
    pub fn next(&mut self, outcome: Outcome, now: Millis, place: &Place) -> Millis {
        match outcome {
            Outcome::Worked => {
                self.failures = 0;
                now.saturating_add(place.pace)
            }
            Outcome::Idle => now.saturating_add(place.every),
            Outcome::Failed { retry_after } => {
                self.failures = self.failures.saturating_add(1);
                let after_pause = now.saturating_add(pause::after_failures(self.failures));
                retry_after.map_or(after_pause, |after| after.earliest(now).max(now.saturating_add(place.pace)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::Address;

    fn place() -> Place {
        let address = Address::parse("https://crm.example.com").unwrap();
        Place { address, ca_file: None, pace: 500, every: 60_000 }
    }

    fn check(outcomes: &[Outcome], expected: Millis) {
        let mut rhythm = Rhythm::default();
        let mut last = 0;
        for outcome in outcomes {
            last = rhythm.next(*outcome, 1_000_000, &place());
        }
        assert_eq!(last - 1_000_000, expected, "{outcomes:?}");
    }

    #[test]
    fn work_goes_on_at_the_platforms_pace_and_idleness_waits() {
        check(&[Outcome::Worked], 500);
        check(&[Outcome::Idle], 60_000);
    }

    #[test]
    fn failures_wait_longer_each_time_and_one_success_ends_that() {
        let failed = Outcome::Failed { retry_after: None };
        check(&[failed], 5_000);
        check(&[failed, failed, failed], 20_000);
        check(&[failed; 40], 900_000);
        check(&[failed, failed, Outcome::Worked, failed], 5_000);
        // Nothing to ask says nothing of the platform.
        check(&[failed, Outcome::Idle, failed], 10_000);
    }

    #[test]
    fn what_the_platform_asks_for_counts_more_than_our_own_pause() {
        let later = |retry_after| Outcome::Failed { retry_after: Some(retry_after) };
        check(&[later(RetryAfter::Wait(7_000))], 7_000);
        check(&[Outcome::Failed { retry_after: None }, later(RetryAfter::Wait(0))], 500);
        check(&[later(RetryAfter::At(1_030_000))], 30_000);
        check(&[later(RetryAfter::At(0))], 500);
    }
}
