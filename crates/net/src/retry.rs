//! Whether and when a request is retried.
//!
//! Owns: which outcomes are transient, back-off with full jitter, `Retry-After`.
//! Refuses: sleeping and reading clocks; the transport does.
//! Surprise: throttled requests (429, or 503 with `Retry-After`) are retried until the time budget
//! is spent; all others are limited by the number of attempts. Nothing is ever sent earlier than
//! `Retry-After` allows.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use http::HeaderMap;
use http::header::RETRY_AFTER;

use crate::failure::{Cause, Phase};
use crate::request::Repeat;
use crate::settings::RetrySettings;

/// The wait when a server throttles without `Retry-After`.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Maximum random addition to `Retry-After`.
const THROTTLE_JITTER: Duration = Duration::from_secs(1);

/// The retries of one request.
pub(crate) struct Retry {
    repeat: Repeat,
    max_attempts: u32,
    failures: u32,
    plain: ExponentialBackoff,
    jittered: ExponentialBackoff,
    throttle: ExponentialBackoff,
}

/// The result of an attempt, for the retry decision.
pub(crate) enum Outcome<'a> {
    /// A response.
    Answered { status: u16, headers: &'a HeaderMap },
    /// No usable response.
    Failed(&'a Cause),
}

impl Retry {
    /// No attempt has been made yet.
    pub(crate) fn new(settings: &RetrySettings, repeat: Repeat) -> Self {
        let seed = RandomState::new().hash_one(0_u8);
        let steps = ExponentialBuilder::new()
            .with_factor(2.0)
            .with_min_delay(settings.initial)
            .with_max_delay(settings.max)
            .without_max_times();
        let throttle = ExponentialBuilder::new()
            .with_factor(1.0)
            .with_min_delay(THROTTLE_JITTER)
            .without_max_times();
        Self {
            repeat,
            max_attempts: settings.max_attempts,
            failures: 0,
            plain: steps.build(),
            jittered: steps.with_jitter().with_jitter_seed(seed).build(),
            throttle: throttle.with_jitter().with_jitter_seed(!seed).build(),
        }
    }

    /// The wait before the next attempt; `None` when there is none.
    pub(crate) fn delay(&mut self, outcome: &Outcome<'_>, wall: SystemTime) -> Option<Duration> {
        let retry_after = match outcome {
            Outcome::Answered { headers, .. } => retry_after(headers, wall),
            Outcome::Failed(_) => None,
        };
        let repeats_failures = matches!(self.repeat, Repeat::Safe | Repeat::WithKey);
        match (outcome, self.repeat) {
            (_, Repeat::Never) => None,
            (Outcome::Answered { status: 429 | 503, .. }, _) if retry_after.is_some() => {
                retry_after.map(|wait| self.throttled(wait))
            }
            (Outcome::Answered { status: 429, .. }, _) if repeats_failures => {
                Some(self.throttled(DEFAULT_RETRY_AFTER))
            }
            (Outcome::Answered { status: 408 | 502 | 503 | 504, .. }, _) if repeats_failures => {
                self.backed_off()
            }
            (Outcome::Failed(cause), _) if repeats_failures && is_transient(cause) => {
                self.backed_off()
            }
            _ => None,
        }
    }

    /// The larger of `wait` and the plain back-off, plus a random addition.
    fn throttled(&mut self, wait: Duration) -> Duration {
        let (step, _) = self.step();
        let jitter = self.throttle.next().unwrap_or_default().saturating_sub(THROTTLE_JITTER);
        wait.max(step).saturating_add(jitter)
    }

    /// A random part of the back-off (full jitter), while attempts are left.
    fn backed_off(&mut self) -> Option<Duration> {
        self.failures += 1;
        if self.failures >= self.max_attempts {
            return None;
        }
        let (_, jitter) = self.step();
        Some(jitter)
    }

    /// The next back-off, and a random part of it.
    fn step(&mut self) -> (Duration, Duration) {
        let plain = self.plain.next().unwrap_or_default();
        // `backon` adds a random part to each step; the addition alone is full jitter
        let jitter = self.jittered.next().unwrap_or_default().saturating_sub(plain);
        (plain, jitter)
    }
}

fn is_transient(cause: &Cause) -> bool {
    match cause {
        Cause::Timeout { phase, .. } => *phase != Phase::Total,
        Cause::Dns
        | Cause::Refused
        | Cause::Unreachable { .. }
        | Cause::Reset
        | Cause::Truncated { .. } => true,
        _ => false,
    }
}

/// The value of `Retry-After`: seconds or an HTTP date.
pub(crate) fn retry_after(headers: &HeaderMap, wall: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds >= 0.0)
            .then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(wall).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn wall() -> SystemTime {
        httpdate::parse_http_date("Fri, 02 Jan 2026 10:00:00 GMT").expect("a date")
    }

    fn headers(after: Option<&'static str>) -> HeaderMap {
        after.map(|text| (RETRY_AFTER, HeaderValue::from_static(text))).into_iter().collect()
    }

    fn first(repeat: Repeat, status: u16, after: Option<&'static str>) -> Option<Duration> {
        let headers = headers(after);
        let outcome = Outcome::Answered { status, headers: &headers };
        Retry::new(&RetrySettings::default(), repeat).delay(&outcome, wall())
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_date() {
        let check = |text, expected: Option<u64>| {
            let got = retry_after(&headers(Some(text)), wall());
            assert_eq!(got, expected.map(Duration::from_secs), "{text}");
        };
        check("7", Some(7));
        check(" 0 ", Some(0));
        check("Fri, 02 Jan 2026 10:00:30 GMT", Some(30));
        check("Fri, 02 Jan 2026 09:00:00 GMT", Some(0));
        check("-1", None);
        check("soon", None);
        check("NaN", None);
        assert_eq!(retry_after(&headers(Some("1e300")), wall()), Some(Duration::MAX));
    }

    #[test]
    fn throttling_is_waited_for_never_shorter_than_asked() {
        for _ in 0..50 {
            let wait = first(Repeat::Safe, 429, Some("7")).expect("again");
            assert!(wait >= Duration::from_secs(7) && wait <= Duration::from_secs(8), "{wait:?}");
        }
        assert!(first(Repeat::Safe, 429, None).expect("again") >= DEFAULT_RETRY_AFTER);
        assert!(first(Repeat::RefusedOnly, 503, Some("2")).is_some());
        assert!(first(Repeat::RefusedOnly, 503, None).is_none());
        assert!(first(Repeat::RefusedOnly, 429, None).is_none());
        assert!(first(Repeat::Never, 429, Some("2")).is_none());
    }

    #[test]
    fn only_transient_statuses_of_repeatable_requests_are_repeated() {
        for status in [408, 502, 503, 504] {
            assert!(first(Repeat::Safe, status, None).is_some(), "{status}");
            assert!(first(Repeat::WithKey, status, None).is_some(), "{status}");
            assert!(first(Repeat::RefusedOnly, status, None).is_none(), "{status}");
        }
        for status in [200, 301, 400, 401, 403, 404, 409, 500, 501] {
            assert!(first(Repeat::Safe, status, Some("1")).is_none(), "{status}");
        }
    }

    #[test]
    fn back_off_doubles_with_full_jitter_and_ends_after_the_attempts() {
        let settings = RetrySettings { max_attempts: 9, ..RetrySettings::default() };
        let mut longest = [Duration::ZERO; 8];
        for _ in 0..200 {
            let mut retry = Retry::new(&settings, Repeat::Safe);
            for slot in &mut longest {
                let delay = retry.delay(&Outcome::Failed(&Cause::Reset), wall()).expect("again");
                *slot = delay.max(*slot);
            }
            assert!(retry.delay(&Outcome::Failed(&Cause::Reset), wall()).is_none());
        }
        for (slot, nominal) in
            longest.iter().zip([500_u32, 1000, 2000, 4000, 8000, 10000, 10000, 10000])
        {
            let nominal = Duration::from_millis(u64::from(nominal));
            assert!(*slot <= nominal && *slot > nominal / 2, "{slot:?} of {nominal:?}");
        }
    }

    #[test]
    fn causes_that_would_come_again_are_final() {
        for cause in [
            Cause::Tls { detail: String::new() },
            Cause::TooLarge { limit: 1 },
            Cause::Redirects { limit: 5 },
            Cause::Timeout { phase: Phase::Total, limit: Duration::ZERO },
        ] {
            let mut retry = Retry::new(&RetrySettings::default(), Repeat::Safe);
            assert!(retry.delay(&Outcome::Failed(&cause), wall()).is_none(), "{cause:?}");
        }
    }
}
