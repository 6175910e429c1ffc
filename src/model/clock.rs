//! The time of day, injected so that tests can set it. The only place that reads it.

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = i64;

/// A day of 24 hours. Days of a calendar can be an hour shorter or longer: see `metrics::calendar`.
pub const DAY_MS: Millis = 24 * 60 * 60 * 1_000;
pub const DAY_SECONDS: i64 = DAY_MS / 1_000;

/// Where "now" comes from.
pub trait Clock: Send + Sync {
    /// The present instant in milliseconds since the Unix epoch.
    fn now(&self) -> Millis;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this module is where time is read")]
    fn now(&self) -> Millis {
        chrono::Utc::now().timestamp_millis()
    }
}
