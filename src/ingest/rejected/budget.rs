//! How much of rejected lines a tenant may have kept on one day, so that nobody fills the disk with what is no event.
//!
//! It counts in memory and for one process: after a restart a day begins anew.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::RejectedBy;
use crate::model::clock::{DAY_MS, Millis};

/// Bytes of invalid lines of a tenant and day: 32,000 lines of 1 KiB. In 30 days 2 GiB, and with the codec a third of it.
pub const INVALID_DAY_BYTES_MAX: u64 = 64 << 20;

/// The same of events that the engine refused. They are nobody's nonsense and are lost if they are not kept, and there are few
/// of them, or something is wrong that somebody has to see to within the day.
pub const REFUSED_DAY_BYTES_MAX: u64 = 256 << 20;

/// What a row takes beside its text: its reason, its names and its key.
const ROW_BYTES: u64 = 1 << 10;

/// What was kept today, by tenant. There are as many as tokens are issued for.
#[derive(Debug, Default)]
pub struct Budget(Mutex<HashMap<String, Spent>>);

#[derive(Debug, Default)]
struct Spent {
    day: i64,
    invalid_bytes: u64,
    refused_bytes: u64,
    unkept: u64,
}

impl Budget {
    /// Whether a line of so many bytes is kept; it is counted in either case.
    pub fn take(&self, tenant: &str, by: RejectedBy, bytes: usize, now: Millis) -> bool {
        let day = now.div_euclid(DAY_MS);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(tenant).is_none_or(|spent| spent.day != day) {
            all.retain(|_, spent| spent.day == day);
            all.insert(tenant.to_owned(), Spent { day, ..Spent::default() });
        }
        let Some(spent) = all.get_mut(tenant) else { return false };
        let (of, most) = match by {
            RejectedBy::Rules => (&mut spent.invalid_bytes, INVALID_DAY_BYTES_MAX),
            RejectedBy::Engine | RejectedBy::Views => (&mut spent.refused_bytes, REFUSED_DAY_BYTES_MAX),
        };
        let after = of.saturating_add(ROW_BYTES).saturating_add(bytes as u64);
        if after <= most {
            *of = after;
            return true;
        }
        if spent.unkept == 0 {
            tracing::warn!(
                tenant,
                "a tenant has had its day's budget of rejected lines: further ones are only counted"
            );
        }
        spent.unkept += 1;
        false
    }

    /// Lines of a tenant that were not kept today.
    pub fn unkept_today(&self, tenant: &str, now: Millis) -> u64 {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(tenant).filter(|spent| spent.day == now.div_euclid(DAY_MS)).map_or(0, |spent| spent.unkept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_its_bytes_and_the_next_one_begins_anew() {
        let budget = Budget::default();
        let mebibyte = (1 << 20) - usize::try_from(ROW_BYTES).unwrap();
        let take = |tenant: &str, by, now| budget.take(tenant, by, mebibyte, now);
        assert_eq!((0..70).filter(|_| take("acme", RejectedBy::Rules, 5)).count(), 64);
        assert_eq!(budget.unkept_today("acme", 5), 6);
        // Neither what the engine refused nor another tenant pays for it.
        assert!(take("acme", RejectedBy::Engine, 5) && take("other", RejectedBy::Rules, 5));
        assert_eq!(budget.unkept_today("other", 5), 0);
        assert!(take("acme", RejectedBy::Rules, DAY_MS));
        assert_eq!(budget.unkept_today("acme", DAY_MS), 0);
    }
}
