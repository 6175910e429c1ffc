//! How long what a tenant sends is kept. Pure arithmetic of days: it removes nothing, see `ingest::retention`.

use std::collections::BTreeMap;

use super::clock::{DAY_MS, Millis};

/// Days behind `history` for which everything stays all the same, because figures of the days that are kept need them: a
/// conversion can be due to a dialog of 90 days before (the longest `windowDays`), a contact's leaving to a message of 3 days before.
const MARGIN_DAYS: i64 = 93;

/// How long a tenant's data is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    // Invariant: `0 < history_days <= log_days`, so that who sends again what was removed is known or refused.
    history_days: i64,
    log_days: i64,
}

impl Keep {
    /// `None` when the log would know less than what is counted.
    pub fn new(history_days: u16, log_days: Option<u16>) -> Option<Self> {
        let log_days = log_days.unwrap_or(history_days);
        let keep = Self { history_days: i64::from(history_days), log_days: i64::from(log_days) };
        (0 < history_days && history_days <= log_days).then_some(keep)
    }

    /// The instant from which on figures are whole, and before which events are refused.
    pub fn since(self, now: Millis) -> Millis {
        now - self.history_days * DAY_MS
    }

    /// What has been silent since before this instant is removed.
    pub fn history_ends(self, now: Millis) -> Millis {
        now - (self.history_days + MARGIN_DAYS) * DAY_MS
    }

    /// What the log has from before this instant is removed, if nothing is kept of what it is about.
    pub fn log_ends(self, now: Millis) -> Millis {
        now - self.log_days.max(self.history_days + MARGIN_DAYS) * DAY_MS
    }

    pub fn history_days(self) -> i64 {
        self.history_days
    }
}

/// What is configured for whom; the default keeps everything of everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// `None` keeps everything, whatever holds for others.
    of_tenants: BTreeMap<String, Option<Keep>>,
    of_others: Option<Keep>,
}

impl Retention {
    pub fn new(of_tenants: BTreeMap<String, Option<Keep>>, of_others: Option<Keep>) -> Self {
        Self { of_tenants, of_others }
    }

    /// How long this tenant's data is kept; `None` is for ever.
    pub fn of(&self, tenant: &str) -> Option<Keep> {
        self.of_tenants.get(tenant).copied().unwrap_or(self.of_others)
    }

    /// The instant from which on the tenant's data is kept.
    pub fn since(&self, tenant: &str, now: Millis) -> Option<Millis> {
        self.of(tenant).map(|keep| keep.since(now))
    }

    /// Whether everything of everybody is kept.
    pub fn is_for_ever(&self) -> bool {
        self.of_others.is_none() && self.of_tenants.values().all(Option::is_none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_kept_as_long_as_what_is_counted_and_both_have_a_margin() {
        assert_eq!((Keep::new(0, None), Keep::new(30, Some(29))), (None, None));
        let now = 1_000 * DAY_MS;
        let check = |history, log: Option<u16>| {
            let keep = Keep::new(history, log).unwrap();
            [keep.since(now), keep.history_ends(now), keep.log_ends(now)].map(|at| (now - at) / DAY_MS)
        };
        assert_eq!(check(30, None), [30, 123, 123]);
        assert_eq!(check(30, Some(100)), [30, 123, 123]);
        assert_eq!(check(30, Some(200)), [30, 123, 200]);
    }

    #[test]
    fn a_tenant_of_its_own_goes_before_all_others() {
        let keep = |days| Keep::new(days, None).unwrap();
        let retention = Retention::new(
            BTreeMap::from([("acme".to_owned(), Some(keep(30))), ("archive".to_owned(), None)]),
            Some(keep(60)),
        );
        assert_eq!((retention.of("acme"), retention.of("other")), (Some(keep(30)), Some(keep(60))));
        assert_eq!(retention.of("archive"), None);
        assert_eq!(Retention::default().since("acme", 0), None);
    }
}
