//! Whether one more request may be sent towards one origin with one credential.
//!
//! Owns: the permits for requests in flight, and what answers teach: a server that asks to be left
//! alone is left alone by every request, not only by the one that it told so.
//! How wide and how fast is in `pace`.
//! Refuses: deciding whether a request is repeated (`retry`).
//! Surprise: gates are also keyed by credential, because services meter per principal. Two
//! providers that share origin and credential share the gate.

mod pace;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::attempt::Answer;
use crate::clock::Clock;
use crate::origin::Origin;
use crate::retry::retry_after;
use pace::{Pace, exhausted};

/// The longest time that one answer closes a gate for: a mistaken header must not end a session.
const LONGEST: Duration = Duration::from_hours(1);

/// All gates of a transport.
pub(crate) struct Gates {
    permits: usize,
    gates: Mutex<HashMap<(Origin, u64), Arc<Gate>>>,
}

/// The gate in front of one origin for one credential.
struct Gate {
    permits: Arc<Semaphore>,
    /// Nothing is sent before this moment.
    closed_until: Mutex<Option<Instant>>,
    pace: Mutex<Pace>,
    /// Permits that have to go once they come back.
    surplus: AtomicUsize,
}

/// The right to have one request in flight.
pub(crate) struct Permit {
    gate: Arc<Gate>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let fewer = |surplus: usize| surplus.checked_sub(1);
        let is_surplus =
            self.gate.surplus.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer).is_ok();
        if let Some(permit) = self.permit.take().filter(|_| is_surplus) {
            permit.forget();
        }
    }
}

/// The server wants to be left alone for longer than the request can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed {
    /// For how long.
    pub(crate) wait: Duration,
}

impl Gates {
    /// Gates of `permits` each.
    pub(crate) fn new(permits: usize) -> Self {
        Self { permits: permits.max(1), gates: Mutex::default() }
    }

    /// Waits until one more request may be sent. Behind other requests for as long as it takes, for
    /// a closed gate no longer than `patience`.
    ///
    /// # Errors
    /// The gate stays closed for longer than that.
    pub(crate) async fn enter(
        &self,
        origin: Origin,
        credential: u64,
        clock: &dyn Clock,
        patience: Duration,
    ) -> Result<Permit, Closed> {
        let gate = self.gate(origin, credential);
        let patient_until = clock.now().checked_add(patience);
        loop {
            let permits = Arc::clone(&gate.permits);
            let permit = permits.acquire_owned().await.expect("gates keep their semaphore open");
            let now = clock.now();
            let Some(open) = gate.closed_until().filter(|open| *open > now) else {
                let turn = gate.pace().turn(now);
                let wait = turn.saturating_duration_since(now);
                if !wait.is_zero() {
                    clock.sleep(wait).await;
                }
                return Ok(Permit { gate, permit: Some(permit) });
            };
            drop(permit);
            let wait = open.saturating_duration_since(now);
            if patient_until.is_some_and(|until| open >= until) {
                return Err(Closed { wait });
            }
            clock.sleep(wait).await;
        }
    }

    fn gate(&self, origin: Origin, credential: u64) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry((origin, credential)).or_insert_with(|| {
            Arc::new(Gate {
                permits: Arc::new(Semaphore::new(self.permits)),
                closed_until: Mutex::default(),
                pace: Mutex::new(Pace::new(self.permits)),
                surplus: AtomicUsize::new(0),
            })
        });
        Arc::clone(gate)
    }
}

impl Gate {
    fn closed_until(&self) -> Option<Instant> {
        *self.closed_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets so many fewer requests through: those that are free at once, the others when they are.
    fn narrow(&self, fewer: usize) {
        let free = self.permits.forget_permits(fewer);
        self.surplus.fetch_add(fewer - free, Ordering::AcqRel);
    }

    /// Lets one more request through.
    fn widen(&self) {
        let fewer = |surplus: usize| surplus.checked_sub(1);
        if self.surplus.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer).is_err() {
            self.permits.add_permits(1);
        }
    }

    /// Nothing is sent for that long.
    fn close(&self, wait: Duration, clock: &dyn Clock) {
        let Some(open) = clock.now().checked_add(wait.min(LONGEST)) else { return };
        let mut closed = self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
        // an earlier answer may have asked for more
        *closed = (*closed).max(Some(open));
    }
}

impl Permit {
    /// Learns from the answer to the request that went through.
    pub(crate) fn observe(&self, answer: &Answer, clock: &dyn Clock) {
        let left = exhausted(&answer.headers, clock.wall());
        if !matches!(answer.status, 429 | 503) {
            if self.gate.pace().accept(clock.now()) {
                self.gate.widen();
            }
            if let Some(wait) = left {
                self.gate.close(wait, clock);
            }
            return;
        }
        let wait = retry_after(&answer.headers, clock.wall()).or(left);
        let fewer = self.gate.pace().throttle(clock.now(), wait.is_some());
        self.gate.narrow(fewer);
        if let Some(wait) = wait {
            self.gate.close(wait, clock);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::RETRY_AFTER;
    use http::{HeaderMap, HeaderValue};
    use url::Url;

    use super::*;
    use crate::clock::ManualClock;

    const PATIENCE: Duration = Duration::from_mins(5);

    fn origin(host: &str) -> Origin {
        let url = Url::parse(&format!("https://{host}/")).expect("a URL");
        Origin::of(&url).expect("an http address")
    }

    fn answer(status: u16, after: Option<&'static str>) -> Answer {
        let headers: HeaderMap =
            after.map(|text| (RETRY_AFTER, HeaderValue::from_static(text))).into_iter().collect();
        Answer { status, headers, body: Bytes::new(), received: 0 }
    }

    struct Bench {
        gates: Gates,
        clock: ManualClock,
    }

    impl Bench {
        fn new() -> Self {
            Self { gates: Gates::new(2), clock: ManualClock::default() }
        }

        async fn enter(&self, host: &str, credential: u64) -> Result<Permit, Closed> {
            self.gates.enter(origin(host), credential, &self.clock, PATIENCE).await
        }

        async fn told(&self, status: u16, after: Option<&'static str>) {
            let permit = self.enter("a.example", 1).await.expect("an open gate");
            permit.observe(&answer(status, after), &self.clock);
        }
    }

    #[tokio::test]
    async fn a_server_that_asks_for_time_gets_it_from_every_request_of_that_credential() {
        for status in [429, 503] {
            let bench = Bench::new();
            bench.told(status, Some("7")).await;
            bench.enter("b.example", 1).await.expect("another origin");
            bench.enter("a.example", 2).await.expect("another credential");
            assert!(bench.clock.sleeps().is_empty());
            bench.enter("a.example", 1).await.expect("open after the wait");
            assert_eq!(bench.clock.sleeps(), [Duration::from_secs(7)]);
            bench.enter("a.example", 1).await.expect("open");
            assert_eq!(bench.clock.sleeps().len(), 1);
        }
    }

    #[tokio::test]
    async fn other_answers_and_headers_close_nothing() {
        let bench = Bench::new();
        for (status, after) in [(200, Some("7")), (500, Some("7")), (429, Some("0"))] {
            bench.told(status, after).await;
            bench.enter("a.example", 1).await.expect("an open gate");
            assert!(bench.clock.sleeps().is_empty(), "{status} {after:?}");
        }
    }

    #[tokio::test]
    async fn the_longest_wait_counts_within_bounds() {
        let bench = Bench::new();
        let [first, second] =
            [bench.enter("a.example", 1).await, bench.enter("a.example", 1).await];
        first.expect("open").observe(&answer(429, Some("9")), &bench.clock);
        second.expect("open").observe(&answer(429, Some("4")), &bench.clock);
        bench.enter("a.example", 1).await.expect("open after the wait");
        assert_eq!(bench.clock.sleeps(), [Duration::from_secs(9)]);
        // nobody waits for longer than a request may take, and one answer says nothing for good
        bench.told(429, Some("1e300")).await;
        let closed = bench.enter("a.example", 1).await.err().expect("closed");
        assert_eq!(closed.wait, LONGEST);
        bench.clock.advance(LONGEST);
        bench.enter("a.example", 1).await.expect("open again");
    }
}
