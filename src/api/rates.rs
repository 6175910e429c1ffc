//! How much one bearer, and one tenant, may ask: points in a minute and requests at once.
//!
//! The budgets refill evenly. Both are asked before anything of a request runs; what is refused says when to come again.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as Ticks, Reference};
use governor::middleware::{NoOpMiddleware, StateInformationMiddleware};
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::errors::{ApiError, Code};
use super::limits::{Limits, LimitsByRole, check_limit};
use super::turns::Bearer;
use crate::auth::{Role, Viewer};
use crate::model::Clock;

/// After so many requests budgets that are full again are forgotten.
const SWEEP_AFTER: usize = 4_096;

type Budgets<Key> = RateLimiter<Key, HashMapStateStore<Key>, Wall, StateInformationMiddleware>;

/// The budgets of a server.
pub struct Rates {
    clock: Wall,
    /// Of bearers, for each role: roles can have limits of their own.
    bearers: HashMap<Role, Budgets<Bearer>>,
    tenants: Budgets<Arc<str>>,
    running: Arc<Mutex<Running>>,
    admitted: AtomicUsize,
}

/// Requests that run.
#[derive(Default)]
struct Running {
    bearers: HashMap<Bearer, usize>,
    tenants: HashMap<Arc<str>, usize>,
}

/// A request that may run; dropped when it has.
pub struct Admission {
    pub bearer: Bearer,
    /// What it costs.
    pub points: usize,
    /// What its bearer has left of the minute's points.
    pub left: usize,
    running: Arc<Mutex<Running>>,
}

impl Rates {
    pub fn new(limits: &LimitsByRole, clock: Arc<dyn Clock>) -> Self {
        let clock = Wall(clock);
        let bearers = Role::ALL.map(|role| (role, budgets(limits.of(role).cost_per_minute, &clock)));
        Self {
            bearers: bearers.into(),
            tenants: budgets(limits.of_all().tenant_cost_per_minute, &clock),
            running: Arc::default(),
            admitted: AtomicUsize::new(0),
            clock,
        }
    }

    /// Takes the points of a request and a place among those that run.
    ///
    /// # Errors
    /// When it costs more than a minute's points, or the bearer or its tenant has spent them, or has too many that run.
    pub fn admit(&self, viewer: &Viewer, limits: &Limits, points: usize) -> Result<Admission, ApiError> {
        self.sweep();
        check_limit("costPerMinute", limits.cost_per_minute, points)?;
        let bearer = Bearer { tenant: viewer.tenant().into(), sub: viewer.sub().into() };
        // The place first: it is given back if the points are not to be had.
        let mut admission = self.place(bearer, limits, points)?;
        let cost = NonZeroU32::new(u32::try_from(points).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
        let budgets = &self.bearers[&viewer.role()];
        let limit = ("costPerMinute", limits.cost_per_minute);
        admission.left = self.spend(budgets, &admission.bearer, cost, limit)?;
        let limit = ("tenantCostPerMinute", limits.tenant_cost_per_minute);
        let left_of_tenant = self.spend(&self.tenants, &admission.bearer.tenant, cost, limit)?;
        admission.left = admission.left.min(left_of_tenant);
        Ok(admission)
    }

    fn spend<Key: Clone + std::hash::Hash + Eq>(
        &self,
        budgets: &Budgets<Key>,
        key: &Key,
        cost: NonZeroU32,
        (name, limit): (&'static str, usize),
    ) -> Result<usize, ApiError> {
        match budgets.check_key_n(key, cost) {
            Ok(Ok(state)) => Ok(state.remaining_burst_capacity() as usize),
            Ok(Err(not_until)) => Err(spent(name, limit, cost, not_until.wait_time_from(self.clock.now()))),
            // More than the whole budget: it never fits.
            Err(_) => Err(check_limit(name, limit, cost.get() as usize)
                .err()
                .unwrap_or_else(|| spent(name, limit, cost, MINUTE))),
        }
    }

    fn place(&self, bearer: Bearer, limits: &Limits, points: usize) -> Result<Admission, ApiError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let of_bearer = running.bearers.get(&bearer).copied().unwrap_or(0);
        let of_tenant = running.tenants.get(&bearer.tenant).copied().unwrap_or(0);
        check_running("requestsAtOnce", limits.requests_at_once, of_bearer)?;
        check_running("tenantRequestsAtOnce", limits.tenant_requests_at_once, of_tenant)?;
        *running.bearers.entry(bearer.clone()).or_default() += 1;
        *running.tenants.entry(Arc::clone(&bearer.tenant)).or_default() += 1;
        Ok(Admission { bearer, points, left: 0, running: Arc::clone(&self.running) })
    }

    fn sweep(&self) {
        if self.admitted.fetch_add(1, Ordering::Relaxed) % SWEEP_AFTER == SWEEP_AFTER - 1 {
            self.bearers.values().for_each(RateLimiter::retain_recent);
            self.tenants.retain_recent();
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Running { bearers, tenants } = &mut *running;
        leave(bearers, &self.bearer);
        leave(tenants, &self.bearer.tenant);
    }
}

fn leave<Key: std::hash::Hash + Eq>(counts: &mut HashMap<Key, usize>, key: &Key) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

fn budgets<Key: Clone + std::hash::Hash + Eq>(per_minute: usize, clock: &Wall) -> Budgets<Key> {
    let per_minute = NonZeroU32::new(u32::try_from(per_minute).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
    let plain: RateLimiter<Key, HashMapStateStore<Key>, Wall, NoOpMiddleware<At>> =
        RateLimiter::new(Quota::per_minute(per_minute), HashMapStateStore::default(), clock.clone());
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

/// The house's clock for the library. One that is set back stands still meanwhile.
#[derive(Clone)]
struct Wall(Arc<dyn Clock>);

/// Nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct At(u64);

impl Ticks for Wall {
    type Instant = At;

    fn now(&self) -> At {
        At(u64::try_from(self.0.now()).unwrap_or(0).saturating_mul(1_000_000))
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

    fn refusal(result: Result<Admission, ApiError>) -> (Code, Option<u32>, String) {
        let error = result.err().expect("refused");
        (error.code, error.retry_after, error.message)
    }

    #[tokio::test]
    async fn points_are_spent_by_bearer_and_by_tenant_and_come_back_with_time() {
        let (rates, clock) = rates();
        let (anna, bob) = (viewer(&clock, "acme", "anna").await, viewer(&clock, "acme", "bob").await);
        assert_eq!(rates.admit(&anna, &limits(), 50).unwrap().left, 10);
        let (code, seconds, message) = refusal(rates.admit(&anna, &limits(), 20));
        assert_eq!((code, seconds), (Code::RateLimited, Some(11)));
        assert!(message.contains("costs 20 points") && message.contains("`costPerMinute`, 60"), "{message}");
        // The tenant has 50 left, whoever of it asks.
        let (_, seconds, message) = refusal(rates.admit(&bob, &limits(), 60));
        assert!(message.contains("`tenantCostPerMinute`, 100"), "{message}");
        assert_eq!(seconds, Some(7));
        assert!(rates.admit(&viewer(&clock, "other", "anna").await, &limits(), 60).is_ok());
        clock.0.fetch_add(10_000, Ordering::Relaxed);
        assert_eq!(rates.admit(&anna, &limits(), 20).unwrap().left, 0);
    }

    #[tokio::test]
    async fn what_costs_more_than_a_minute_has_is_refused_for_good() {
        let (rates, clock) = rates();
        let anna = viewer(&clock, "acme", "anna").await;
        let (code, seconds, message) = refusal(rates.admit(&anna, &limits(), 61));
        assert_eq!((code, seconds), (Code::LimitExceeded, None));
        assert_eq!(message, "the limit `costPerMinute` is 60, and the request has 61");
        assert_eq!(rates.admit(&anna, &limits(), 1).unwrap().left, 59, "it has cost nothing");
    }

    #[tokio::test]
    async fn so_many_run_at_once_and_a_place_comes_back_when_one_ends() {
        let (rates, clock) = rates();
        let (anna, bob) = (viewer(&clock, "acme", "anna").await, viewer(&clock, "acme", "bob").await);
        let first = rates.admit(&anna, &limits(), 1).unwrap();
        let _second = rates.admit(&anna, &limits(), 1).unwrap();
        let (code, seconds, message) = refusal(rates.admit(&anna, &limits(), 1));
        assert_eq!((code, seconds), (Code::RateLimited, Some(1)));
        assert!(message.contains("`requestsAtOnce` is 2"), "{message}");
        let _third = rates.admit(&bob, &limits(), 1).unwrap();
        assert!(refusal(rates.admit(&bob, &limits(), 1)).2.contains("`tenantRequestsAtOnce` is 3"));
        drop(first);
        assert!(rates.admit(&anna, &limits(), 1).is_ok());
        let running = rates.running.lock().unwrap();
        assert_eq!(running.tenants.values().sum::<usize>(), 2, "who was refused, and who has ended, holds no place");
    }

    #[tokio::test]
    async fn budgets_that_are_full_again_are_forgotten() {
        let (rates, clock) = rates();
        for count in 0..SWEEP_AFTER - 1 {
            let limits = Limits { cost_per_minute: 60, ..limits() };
            drop(rates.admit(&viewer(&clock, &format!("t{}", count % 50), &format!("s{count}")).await, &limits, 1));
        }
        assert!(1_000 < rates.bearers[&Role::Manager].len());
        clock.0.fetch_add(60_000, Ordering::Relaxed);
        drop(rates.admit(&viewer(&clock, "t", "s").await, &limits(), 1));
        assert_eq!(rates.bearers[&Role::Manager].len(), 1);
    }
}
