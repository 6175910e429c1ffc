//! Which messages failed by themselves, and how often: pure bookkeeping, for one worker.
//!
//! Another worker may have stored one meanwhile, and nobody tells: what has not failed for long is forgotten.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What failed, by its place in the stream.
#[derive(Debug)]
pub(super) struct Failures {
    by_sequence: HashMap<u64, Failure>,
    /// Longer than a message that failed is away before it comes again.
    remembered: Duration,
}

/// How a message fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub count: u32,
    /// How many messages were stored when it failed first.
    pub stored_before: u64,
    last: Instant,
}

impl Failures {
    pub fn remembered_for(remembered: Duration) -> Self {
        Self { by_sequence: HashMap::new(), remembered }
    }

    /// Counts one more.
    pub fn note(&mut self, sequence: u64, stored: u64, now: Instant) -> Failure {
        self.by_sequence.retain(|_, failure| now.saturating_duration_since(failure.last) < self.remembered);
        let first = Failure { count: 0, stored_before: stored, last: now };
        let failure = self.by_sequence.entry(sequence).or_insert(first);
        failure.count = failure.count.saturating_add(1);
        failure.last = now;
        *failure
    }

    /// It is stored, or put aside.
    pub fn forget(&mut self, sequence: u64) {
        self.by_sequence.remove(&sequence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_counted_and_forgotten_when_it_does_not_come_again() {
        let start = Instant::now();
        let mut failures = Failures::remembered_for(Duration::from_secs(60));
        let mut note = |sequence, stored, seconds| {
            let failure = failures.note(sequence, stored, start + Duration::from_secs(seconds));
            (failure.count, failure.stored_before, failures.by_sequence.len())
        };
        assert_eq!(note(1, 0, 0), (1, 0, 1));
        assert_eq!(note(1, 5, 50), (2, 0, 1));
        assert_eq!(note(2, 5, 100), (1, 5, 2));
        // Another worker stored the first.
        assert_eq!(note(2, 7, 110), (2, 5, 1));
        failures.forget(2);
        assert_eq!(failures.note(2, 9, start).count, 1);
    }
}
