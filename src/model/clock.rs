//! The time of day, injected so that tests can set it. The only place that reads it.

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = i64;

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
