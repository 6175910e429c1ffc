//! How much one bearer, and one tenant, may ask: points in a minute and requests at once.
//!
//! The budgets refill evenly. Both are asked before anything of a request runs; what is refused says when to come again.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, Reference};
use governor::middleware::{NoOpMiddleware, StateInformationMiddleware};
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::bearers::{Bearer, Counts};
use super::errors::{ApiError, Code};
use super::limits::{Limits, LimitsByRole, check_limit};

use crate::auth::{Role, Viewer};
use crate::model::Clock;
use crate::model::clock::Millis;

/// After so many requests budgets that are full again are forgotten.
const SWEEP_AFTER: usize = 4_096;

type Budgets<Key> = RateLimiter<Key, HashMapStateStore<Key>, Ticks, StateInformationMiddleware>;

/// The budgets of a server.
pub struct Rates {
    ticks: Ticks,
    /// Of bearers, for each role: roles can have limits of their own.
    bearers: HashMap<Role, Budgets<Bearer>>,
    tenants: Budgets<Arc<str>>,
    running: Arc<Mutex<Counts>>,
    entered: AtomicUsize,
}

/// A request that may run; its place is given back when it is dropped.
pub struct Place {
    pub bearer: Bearer,
    running: Arc<Mutex<Counts>>,
}

/// What a request has cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    pub points: usize,
    /// What its bearer, or the tenant if that is less, has left of the minute's points.
    pub left: usize,
}

impl Rates {
    pub fn new(limits: &LimitsByRole, clock: Arc<dyn Clock>) -> Self {
        let ticks = Ticks::new(clock);
        let bearers = Role::ALL.map(|role| (role, budgets(limits.of(role).cost_per_minute, &ticks)));
        Self {
            bearers: bearers.into(),
            tenants: budgets(limits.of_all().tenant_cost_per_minute, &ticks),
            running: Arc::default(),
            entered: AtomicUsize::new(0),
            ticks,
        }
    }

    /// Takes a place among the requests that run, before anything of this one is read.
    ///
    /// # Errors
    /// When the bearer or its tenant has too many that run.
    pub fn enter(&self, viewer: &Viewer, limits: &Limits) -> Result<Place, ApiError> {
        self.sweep();
        let bearer = Bearer::of(viewer);
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let (of_tenant, of_bearer) = running.of(&bearer);
        check_running("requestsAtOnce", limits.requests_at_once, of_bearer)?;
        check_running("tenantRequestsAtOnce", limits.tenant_requests_at_once, of_tenant)?;
        running.enter(&bearer);
        Ok(Place { bearer, running: Arc::clone(&self.running) })
    }

    /// Takes the points of a request. What a tenant refuses its bearer has paid for all the same: who goes on asking is refused
    /// by its own budget soon, and takes nothing from its colleagues.
    ///
    /// # Errors
    /// When it costs more than a minute's points, or the bearer or its tenant has spent them.
    pub fn spend(&self, place: &Place, role: Role, limits: &Limits, points: usize) -> Result<Spent, ApiError> {
        check_limit("costPerMinute", limits.cost_per_minute, points)?;
        let cost = NonZeroU32::new(u32::try_from(points).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
        let limit = ("costPerMinute", limits.cost_per_minute);
        let left = self.take(&self.bearers[&role], &place.bearer, cost, limit)?;
        let limit = ("tenantCostPerMinute", limits.tenant_cost_per_minute);
        let left_of_tenant = self.take(&self.tenants, &place.bearer.tenant, cost, limit)?;
        Ok(Spent { points, left: left.min(left_of_tenant) })
    }

    fn take<Key: Clone + std::hash::Hash + Eq>(
        &self,
        budgets: &Budgets<Key>,
        key: &Key,
        cost: NonZeroU32,
        (name, limit): (&'static str, usize),
    ) -> Result<usize, ApiError> {
        match budgets.check_key_n(key, cost) {
            Ok(Ok(state)) => Ok(state.remaining_burst_capacity() as usize),
            Ok(Err(not_until)) => Err(spent(name, limit, cost, not_until.wait_time_from(self.ticks.now()))),
            // More than the whole budget: it never fits.
            Err(_) => Err(check_limit(name, limit, cost.get() as usize)
                .err()
                .unwrap_or_else(|| spent(name, limit, cost, MINUTE))),
        }
    }

    fn sweep(&self) {
        if self.entered.fetch_add(1, Ordering::Relaxed) % SWEEP_AFTER == SWEEP_AFTER - 1 {
            self.bearers.values().for_each(RateLimiter::retain_recent);
            self.tenants.retain_recent();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).leave(&self.bearer);
    }
}

const MINUTE: Duration = Duration::from_secs(60);

fn budgets<Key: Clone + std::hash::Hash + Eq>(per_minute: usize, ticks: &Ticks) -> Budgets<Key> {
    let per_minute = NonZeroU32::new(u32::try_from(per_minute).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
    let plain: RateLimiter<Key, HashMapStateStore<Key>, Ticks, NoOpMiddleware<At>> =
        RateLimiter::new(Quota::per_minute(per_minute), HashMapStateStore::default(), ticks.clone());
    plain.with_middleware::<StateInformationMiddleware>()
}

fn check_running(name: &'static str, limit: usize, running: usize) -> Result<(), ApiError> {
    if running < limit {
        return Ok(());
    }
    let message = format!("{running} requests run already; the limit `{name}` is {limit}: wait for one of them");
    Err(ApiError { retry_after: Some(1), ..ApiError::new(Code::RateLimited, message) })
}

fn spent(name: &'static str, limit: usize, cost: NonZeroU32, wait: Duration) -> ApiError {
    let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
    let message = format!(
        "the request costs {cost} points, and fewer are left of the limit `{name}`, {limit}: ask again in {seconds} s"
    );
    ApiError { retry_after: Some(seconds), ..ApiError::new(Code::RateLimited, message) }
}

/// The time that has passed by the house's clock, for the library. A clock that is set back takes nothing from anybody: time
/// goes on from there.
#[derive(Clone)]
struct Ticks {
    clock: Arc<dyn Clock>,
    passed: Arc<Mutex<Passed>>,
}

struct Passed {
    last: Millis,
    at: At,
}

/// Nanoseconds since the server started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct At(u64);

impl Ticks {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let passed = Passed { last: clock.now(), at: At(0) };
        Self { clock, passed: Arc::new(Mutex::new(passed)) }
    }
}

impl governor::clock::Clock for Ticks {
    type Instant = At;

    fn now(&self) -> At {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let milliseconds = u64::try_from(now.saturating_sub(passed.last)).unwrap_or(0);
        passed.last = now;
        passed.at.0 = passed.at.0.saturating_add(milliseconds.saturating_mul(1_000_000));
        passed.at
    }
}

impl std::ops::Add<Nanos> for At {
    type Output = At;

    fn add(self, other: Nanos) -> At {
        At(self.0.saturating_add(other.as_u64()))
    }
}

impl Reference for At {
    fn duration_since(&self, earlier: At) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> At {
        At(self.0.saturating_sub(duration.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use super::*;
    use crate::auth::{Authenticator, Grant, Secret, TokenConfig, issue};
    use crate::model::clock::Millis;

    /// A clock that a test sets.
    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Millis {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn limits() -> Limits {
        Limits {
            cost_per_minute: 60,
            tenant_cost_per_minute: 100,
            requests_at_once: 2,
            tenant_requests_at_once: 3,
            ..Limits::default()
        }
    }

    async fn viewer(clock: &Arc<Hand>, tenant: &str, sub: &str) -> Viewer {
        let grant = Grant {
            sub: sub.to_owned(),
            tenant: tenant.to_owned(),
            role: Role::Manager,
            operator: None,
            teams: Vec::new(),
        };
        let secret = Secret::new("0123456789abcdef0123456789abcdef").unwrap();
        let config = TokenConfig::default();
        let token = issue(&secret, &config, &grant, clock.now(), Duration::from_secs(60)).unwrap();
        Authenticator::new(&secret, config, clock.clone()).verify(&token).await.unwrap()
    }

    fn rates() -> (Rates, Arc<Hand>) {
        let clock = Arc::new(Hand(AtomicI64::new(1_790_000_000_000)));
        (Rates::new(&limits().into(), clock.clone()), clock)
    }

    /// Asks and is done at once.
    fn ask(rates: &Rates, viewer: &Viewer, points: usize) -> Result<Spent, ApiError> {
        let place = rates.enter(viewer, &limits())?;
        rates.spend(&place, viewer.role(), &limits(), points)
    }

    fn refusal<Done>(result: Result<Done, ApiError>) -> (Code, Option<u32>, String) {
        let error = result.err().expect("refused");
        (error.code, error.retry_after, error.message)
    }

    #[tokio::test]
    async fn points_are_spent_by_bearer_and_by_tenant_and_come_back_with_time() {
        let (rates, clock) = rates();
        let (anna, bob) = (viewer(&clock, "acme", "anna").await, viewer(&clock, "acme", "bob").await);
        assert_eq!(ask(&rates, &anna, 50).unwrap().left, 10);
        let (code, seconds, message) = refusal(ask(&rates, &anna, 20));
        assert_eq!((code, seconds), (Code::RateLimited, Some(11)));
        assert!(message.contains("costs 20 points") && message.contains("`costPerMinute`, 60"), "{message}");
        // The tenant has 50 left, whoever of it asks.
        let (_, seconds, message) = refusal(ask(&rates, &bob, 60));
        assert!(message.contains("`tenantCostPerMinute`, 100"), "{message}");
        assert_eq!(seconds, Some(7));
        assert!(ask(&rates, &viewer(&clock, "other", "anna").await, 60).is_ok());
        clock.0.fetch_add(10_000, Ordering::Relaxed);
        assert_eq!(ask(&rates, &anna, 20).unwrap().left, 0);
    }

    #[tokio::test]
    async fn what_costs_more_than_a_minute_has_is_refused_for_good() {
        let (rates, clock) = rates();
        let anna = viewer(&clock, "acme", "anna").await;
        let (code, seconds, message) = refusal(ask(&rates, &anna, 61));
        assert_eq!((code, seconds), (Code::LimitExceeded, None));
        assert_eq!(message, "the limit `costPerMinute` is 60, and the request has 61");
        assert_eq!(ask(&rates, &anna, 1).unwrap().left, 59, "it has cost nothing");
    }

    #[tokio::test]
    async fn so_many_run_at_once_and_a_place_comes_back_when_one_ends() {
        let (rates, clock) = rates();
        let (anna, bob) = (viewer(&clock, "acme", "anna").await, viewer(&clock, "acme", "bob").await);
        let first = rates.enter(&anna, &limits()).unwrap();
        let _second = rates.enter(&anna, &limits()).unwrap();
        let (code, seconds, message) = refusal(rates.enter(&anna, &limits()));
        assert_eq!((code, seconds), (Code::RateLimited, Some(1)));
        assert!(message.contains("`requestsAtOnce` is 2"), "{message}");
        let third = rates.enter(&bob, &limits()).unwrap();
        assert!(refusal(rates.enter(&bob, &limits())).2.contains("`tenantRequestsAtOnce` is 3"));
        drop(first);
        drop(rates.enter(&anna, &limits()).unwrap());
        drop((_second, third));
        assert!(rates.running.lock().unwrap().is_empty(), "who was refused, and who has ended, holds no place");
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_takes_nobodys_points() {
        let (rates, clock) = rates();
        let anna = viewer(&clock, "acme", "anna").await;
        assert_eq!(ask(&rates, &anna, 60).unwrap().left, 0);
        clock.0.fetch_sub(3_600_000, Ordering::Relaxed);
        assert_eq!(refusal(ask(&rates, &anna, 10)).1, Some(11));
        clock.0.fetch_add(10_000, Ordering::Relaxed);
        assert_eq!(ask(&rates, &anna, 10).unwrap().left, 0);
    }

    #[tokio::test]
    async fn budgets_that_are_full_again_are_forgotten() {
        let (rates, clock) = rates();
        for count in 0..SWEEP_AFTER - 1 {
            let _ = ask(&rates, &viewer(&clock, &format!("t{}", count % 50), &format!("s{count}")).await, 1);
        }
        assert!(1_000 < rates.bearers[&Role::Manager].len());
        clock.0.fetch_add(60_000, Ordering::Relaxed);
        ask(&rates, &viewer(&clock, "t", "s").await, 1).unwrap();
        assert_eq!(rates.bearers[&Role::Manager].len(), 1);
    }
}
