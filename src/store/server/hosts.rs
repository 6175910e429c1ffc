//! Which host comes next: pure bookkeeping of which of them failed lately. It opens no connection.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a host that failed comes after the others. It is not left out: if all have failed, all are tried.
const SHUNNED: Duration = Duration::from_secs(10);

/// The hosts, by their place in the configuration.
pub(super) struct Hosts {
    /// Until when each comes last.
    shunned: Mutex<Vec<Option<Instant>>>,
}

impl Hosts {
    pub fn new(count: usize) -> Self {
        Self { shunned: Mutex::new(vec![None; count]) }
    }

    /// All hosts, those that failed lately last. The order is otherwise always the same: who writes to a host and then asks
    /// finds what it has written, also where the hosts take some time to copy from each other.
    pub fn in_order(&self, now: Instant) -> Vec<usize> {
        let shunned = self.shunned.lock().expect("no holder of this lock panics");
        let is_shunned = |host: &usize| shunned[*host].is_some_and(|until| now < until);
        let (last, first): (Vec<usize>, Vec<usize>) = (0..shunned.len()).partition(is_shunned);
        first.into_iter().chain(last).collect()
    }

    pub fn failed(&self, host: usize, now: Instant) {
        self.shunned.lock().expect("no holder of this lock panics")[host] = Some(now + SHUNNED);
    }

    pub fn answered(&self, host: usize) {
        self.shunned.lock().expect("no holder of this lock panics")[host] = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_failed_comes_last_until_its_time_is_over_or_it_answers() {
        let (hosts, now) = (Hosts::new(3), Instant::now());
        assert_eq!(hosts.in_order(now), [0, 1, 2]);
        hosts.failed(0, now);
        assert_eq!(hosts.in_order(now), [1, 2, 0]);
        assert_eq!(hosts.in_order(now + SHUNNED), [0, 1, 2]);
        hosts.failed(1, now);
        hosts.answered(0);
        assert_eq!(hosts.in_order(now), [0, 2, 1]);
    }
}
