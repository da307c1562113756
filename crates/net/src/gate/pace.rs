//! How fast and how wide one gate lets requests through: learned from answers.
//!
//! Owns: what `RateLimit-*` and `X-RateLimit-*` headers say, the width (requests in flight; halved when a server
//! throttles, one more after as many answers), and the spacing of requests where a server throttles without
//! saying for how long.
//! Refuses: waiting; the gate does.
//! Surprise: nothing is slowed down before a server throttles or says that nothing is left.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::HeaderMap;

/// The time over which accepted requests are counted.
const WINDOW: Duration = Duration::from_secs(1);
/// How much slower than what was accepted a throttled gate begins.
const CAUTION: f64 = 1.05;
/// How much faster each accepted request makes it.
const GROWTH: f64 = 0.997;
/// A spacing that no longer matters.
const SHORTEST: Duration = Duration::from_micros(200);
/// The longest spacing.
const LONGEST: Duration = Duration::from_secs(5);
/// Resets from this number on are moments, not seconds from now.
const EPOCH_FROM: f64 = 1e9;

/// What a gate has learned.
#[derive(Debug)]
pub(super) struct Pace {
    /// Requests that may be in flight, and the most that ever may.
    width: usize,
    most: usize,
    /// Answers since the width last grew.
    answers: usize,
    /// When requests were accepted, within the window.
    accepted: VecDeque<Instant>,
    /// The time between two requests.
    spacing: Option<Duration>,
    /// When the next request may be sent.
    next: Option<Instant>,
    /// When the last throttling was taken to heart.
    slowed: Option<Instant>,
}

impl Pace {
    /// A gate that knows nothing.
    pub(super) fn new(most: usize) -> Self {
        Self {
            width: most,
            most,
            answers: 0,
            accepted: VecDeque::new(),
            spacing: None,
            next: None,
            slowed: None,
        }
    }

    /// The moment at which the next request may be sent; the one after it waits for its turn.
    pub(super) fn turn(&mut self, now: Instant) -> Instant {
        let Some(spacing) = self.spacing else { return now };
        let turn = self.next.map_or(now, |next| next.max(now));
        self.next = turn.checked_add(spacing);
        turn
    }

    /// Counts an accepted request; true if one more may be in flight.
    pub(super) fn accept(&mut self, now: Instant) -> bool {
        self.forget(now);
        self.accepted.push_back(now);
        if let Some(spacing) = self.spacing {
            let shorter = spacing.mul_f64(GROWTH);
            self.spacing = (shorter > SHORTEST).then_some(shorter);
        }
        self.answers += 1;
        if self.width == self.most || self.answers < self.width {
            return false;
        }
        self.answers = 0;
        self.width += 1;
        true
    }

    /// Slows down after a throttled request; gives by how many fewer may be in flight. `is_told` if the server
    /// said how long to wait, so that no spacing has to be guessed.
    pub(super) fn throttle(&mut self, now: Instant, is_told: bool) -> usize {
        // several answers to one burst count once
        let pause = self.spacing.map_or(WINDOW / 10, |spacing| spacing * 4);
        if self.slowed.is_some_and(|slowed| now.saturating_duration_since(slowed) < pause) {
            return 0;
        }
        self.slowed = Some(now);
        self.forget(now);
        if !is_told {
            let accepted = u32::try_from(self.accepted.len().max(1)).unwrap_or(u32::MAX);
            let seen = (WINDOW / accepted).mul_f64(CAUTION);
            let own = self.spacing.map_or(seen, |spacing| spacing.mul_f64(CAUTION).max(seen));
            self.spacing = Some(own.min(LONGEST));
        }
        self.answers = 0;
        let width = (self.width / 2).max(1);
        let fewer = self.width - width;
        self.width = width;
        fewer
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |at: &Instant| now.saturating_duration_since(*at) >= WINDOW;
        while self.accepted.front().is_some_and(is_old) {
            self.accepted.pop_front();
        }
    }
}

/// How long a server wants to be left alone, since nothing of its limit is left.
pub(super) fn exhausted(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let number = |names: &[&str]| {
        names.iter().find_map(|name| {
            let text = headers.get(*name)?.to_str().ok()?;
            let text = text.split([',', ';']).next().unwrap_or_default().trim();
            text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
        })
    };
    let left = number(&["ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining"])?;
    if left >= 1.0 {
        return None;
    }
    let reset = number(&["ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset"])?;
    let since = now.duration_since(UNIX_EPOCH).ok()?.as_secs_f64();
    let wait = if reset >= EPOCH_FROM { reset - since } else { reset };
    Duration::try_from_secs_f64(wait).ok().filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    /// A server that accepts `rate` requests a second, and as many at once.
    struct Server {
        rate: f64,
        tokens: f64,
        at: Instant,
    }

    impl Server {
        fn accepts(&mut self, now: Instant) -> bool {
            let passed = now.saturating_duration_since(self.at).as_secs_f64();
            self.tokens = passed.mul_add(self.rate, self.tokens).min(self.rate);
            self.at = now;
            let accepts = self.tokens >= 1.0;
            self.tokens -= f64::from(u8::from(accepts));
            accepts
        }
    }

    #[test]
    fn a_silent_limit_is_met_closely_and_seldom_exceeded() {
        let start = Instant::now();
        let (mut pace, mut now) = (Pace::new(32), start);
        let mut server = Server { rate: 50.0, tokens: 50.0, at: start };
        let (mut sent, mut refused, mut late) = (0u32, 0u32, 0u32);
        while sent - refused < 1000 {
            now = pace.turn(now).max(now);
            sent += 1;
            if server.accepts(now) {
                pace.accept(now);
            } else {
                refused += 1;
                late += u32::from(sent > 200);
                pace.throttle(now, false);
            }
            now += Duration::from_millis(1);
        }
        let best = (1000.0 - 50.0) / 50.0;
        let took = now.saturating_duration_since(start).as_secs_f64();
        assert!(took <= best * 1.25, "{took} s, at best {best} s");
        assert!(f64::from(late) <= f64::from(sent) * 0.05, "{late} of {sent} refused");
    }

    #[test]
    fn the_width_halves_and_grows_by_one() {
        let now = Instant::now();
        let mut pace = Pace::new(8);
        assert_eq!(pace.throttle(now, true), 4);
        // the same burst
        assert_eq!(pace.throttle(now, true), 0);
        assert_eq!(pace.throttle(now + WINDOW, true), 2);
        assert_eq!(pace.turn(now), now, "a server that says how long needs no guess");
        let grown = (0..2).filter(|_| pace.accept(now + WINDOW)).count();
        assert_eq!((grown, pace.width), (1, 3));
        for _ in 0..1000 {
            pace.accept(now + WINDOW);
        }
        assert_eq!(pace.width, 8);
    }

    #[test]
    fn headers_say_when_nothing_is_left() {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let wait = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            exhausted(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(wait(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "7")]), Some(7));
        assert_eq!(
            wait(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000009")]),
            Some(9)
        );
        assert_eq!(wait(&[("ratelimit-remaining", "1"), ("ratelimit-reset", "7")]), None);
        assert_eq!(wait(&[("ratelimit-remaining", "0")]), None);
        assert_eq!(wait(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "soon")]), None);
        assert_eq!(wait(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")]), Some(1));
    }
}
