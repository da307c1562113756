//! Rate limits: a token bucket per logical host.
//!
//! Owns: counting; the caller responds with 429.

use std::time::Duration;

/// Limit of requests per host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Sustained requests per second.
    pub per_second: f64,
    /// Burst size.
    pub burst: f64,
}

/// The state of one host's limit.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    left: f64,
    /// In the server's uptime.
    filled: Duration,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(rate: Rate, now: Duration) -> Self {
        Self { left: rate.burst, filled: now }
    }

    /// Takes a token if available.
    pub(crate) fn take(&mut self, rate: Rate, now: Duration) -> bool {
        let passed = now.saturating_sub(self.filled);
        self.left = (self.left + passed.as_secs_f64() * rate.per_second).min(rate.burst);
        self.filled = now;
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let rate = Rate { per_second: 2.0, burst: 2.0 };
        let start = Duration::from_secs(7);
        let mut bucket = Bucket::new(rate, start);
        assert!(bucket.take(rate, start));
        assert!(bucket.take(rate, start));
        assert!(!bucket.take(rate, start));
        assert!(!bucket.take(rate, start + Duration::from_millis(400)));
        assert!(bucket.take(rate, start + Duration::from_secs(1)));
    }
}
