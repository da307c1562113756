//! Answers that are kept for a while: `SET cache.ttl = '5m'`.
//!
//! Owns: the answers of reads in this session, their age and their size; one request for all who ask
//! the same at the same time.
//! Refuses: writes, and everything that is not a successful GET of a query. What the server forbids
//! to store is not stored.
//! Surprise: a write to a provider drops all that is kept of it, before it is sent and after.

mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use strataql_call::{Exchange, Layer, WriteFailure};
use strataql_diag::Report;
use strataql_net::{Request, Response};
use strataql_spec::HttpVerb;

use self::store::{Key, Store};
use crate::outcome::Outcome;

/// Bytes of all answers together.
const ROOM: usize = 64 << 20;

type Flight = BoxFuture<'static, Result<Response, Box<Report>>>;

/// The answers that a session keeps.
pub(crate) struct ResponseCache {
    store: Mutex<Store>,
    /// Requests on their way. Nobody's request is kept alive by being listed here.
    flights: Mutex<HashMap<Key, WeakShared<Flight>>>,
}

impl Default for ResponseCache {
    fn default() -> Self {
        Self { store: Mutex::new(Store::new(ROOM)), flights: Mutex::default() }
    }
}

impl ResponseCache {
    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.store().clear();
    }

    fn store(&self) -> std::sync::MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request that is on its way, or a new one.
    fn flight(
        &self,
        key: &Key,
        inner: &Arc<dyn Exchange>,
        request: Request,
    ) -> (Shared<Flight>, bool) {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(key).and_then(WeakShared::upgrade) {
            return (flight, false);
        }
        flights.retain(|_, flight| flight.upgrade().is_some());
        let inner = Arc::clone(inner);
        let flight = async move { inner.exchange(request).await }.boxed().shared();
        flights.extend(flight.downgrade().map(|weak| (key.clone(), weak)));
        (flight, true)
    }
}

/// The exchange of a query, which asks only for what is not kept.
pub(crate) struct KeepingExchange {
    pub(crate) inner: Arc<dyn Exchange>,
    pub(crate) response_cache: Arc<ResponseCache>,
    pub(crate) ttl: Duration,
    pub(crate) outcome: Outcome,
}

impl Layer for KeepingExchange {
    fn inner(&self) -> &Arc<dyn Exchange> {
        &self.inner
    }

    fn exchange(&self, request: Request) -> BoxFuture<'_, Result<Response, Box<Report>>> {
        if request.verb != HttpVerb::Get {
            return self.inner.exchange(request);
        }
        Box::pin(async move {
            let key = Key::of(&request);
            let kept = self.response_cache.store().get(&key, self.ttl);
            if let Some((response, age)) = kept {
                self.outcome.count_kept(age);
                return Ok(unsent(response));
            }
            let provider = request.provider.clone();
            let generation = self.response_cache.store().generation(&provider);
            let (flight, is_first) = self.response_cache.flight(&key, &self.inner, request);
            let response = flight.await?;
            if !is_first {
                return Ok(unsent(response));
            }
            if response.is_success() && may_be_stored(&response) {
                // an answer that a write overtook may be old
                self.response_cache.store().put(key, &response, Instant::now(), generation);
            }
            Ok(response)
        })
    }
}

/// The exchange of a write, which makes kept answers of its provider useless.
pub(crate) struct ForgettingExchange {
    pub(crate) inner: Arc<dyn Exchange>,
    pub(crate) response_cache: Arc<ResponseCache>,
}

impl Layer for ForgettingExchange {
    fn inner(&self) -> &Arc<dyn Exchange> {
        &self.inner
    }

    fn write(&self, request: Request) -> BoxFuture<'_, Result<Response, WriteFailure>> {
        Box::pin(async move {
            let provider = request.provider.clone();
            self.response_cache.store().forget(&provider);
            let result = self.inner.write(request).await;
            self.response_cache.store().forget(&provider);
            result
        })
    }
}

/// An answer for which nothing was sent.
fn unsent(mut response: Response) -> Response {
    response.attempts = 0;
    response.retries = 0;
    response.received = 0;
    response.waited = Duration::ZERO;
    response
}

fn may_be_stored(response: &Response) -> bool {
    let control = response.headers.get_all("cache-control");
    !control.iter().any(|value| {
        value.to_str().is_ok_and(|text| {
            text.split(',').any(|part| part.trim().eq_ignore_ascii_case("no-store"))
        })
    })
}
