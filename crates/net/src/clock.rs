//! Time as a parameter.
//!
//! Owns: the monotonic and the wall clock, and sleeping; the only module that asks the system.
//! Refuses: deciding how long to wait.
//! Surprise: limits on how long a *remote* may take use the runtime's own timer, because real
//! sockets need real time. This clock is for the waits that strataql itself chooses.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures::FutureExt;
use futures::future::BoxFuture;

/// A source of time, and of sleeping.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The monotonic time.
    fn now(&self) -> Instant;

    /// The calendar time.
    fn wall(&self) -> SystemTime;

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the calendar")]
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that waits")]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed()
    }
}

/// A clock for tests that advances only on demand: a sleep advances it and returns at once.
#[derive(Debug, Clone)]
pub struct ManualClock {
    start: Instant,
    wall: SystemTime,
    state: Arc<Mutex<ManualState>>,
}

#[derive(Debug, Default)]
struct ManualState {
    passed: Duration,
    sleeps: Vec<Duration>,
}

impl ManualClock {
    /// A clock whose calendar starts at `wall`.
    pub fn new(wall: SystemTime) -> Self {
        Self { start: Instant::now(), wall, state: Arc::default() }
    }

    /// Advances the clock.
    pub fn advance(&self, by: Duration) {
        self.with(|state| state.passed = state.passed.saturating_add(by));
    }

    /// Every sleep so far, in order.
    pub fn sleeps(&self) -> Vec<Duration> {
        self.with(|state| state.sleeps.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut ManualState) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for ManualClock {
    /// Starts on 2026-01-01 at midnight UTC.
    fn default() -> Self {
        Self::new(SystemTime::UNIX_EPOCH + Duration::from_hours(490_896))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        self.start + self.with(|state| state.passed)
    }

    fn wall(&self) -> SystemTime {
        self.wall + self.with(|state| state.passed)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        async move {
            clock.with(|state| {
                state.passed = state.passed.saturating_add(duration);
                state.sleeps.push(duration);
            });
            // other tasks run, as they would during a real sleep
            tokio::task::yield_now().await;
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_moves_by_its_sleeps() {
        let clock = ManualClock::default();
        let (now, wall) = (clock.now(), clock.wall());
        clock.sleep(Duration::from_secs(90)).await;
        clock.advance(Duration::from_secs(10));
        assert_eq!(clock.now() - now, Duration::from_secs(100));
        assert_eq!(clock.wall().duration_since(wall).ok(), Some(Duration::from_secs(100)));
        assert_eq!(clock.sleeps(), [Duration::from_secs(90)]);
    }
}
