//! Access tokens: kept while they are good, renewed before they expire.
//!
//! Owns: the cache of one token and its renewal. Where tokens come from is the [`Grant`]'s business.
//! Refuses: token requests.
//! Surprise: at most one token request is in flight per source. Whoever needs a token meanwhile
//! waits for that one and shares its error; after an error the next request tries anew.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use http::header::AUTHORIZATION;
use secrecy::SecretString;

use super::grant::Grant;
use super::parts::{Part, Parts, header_value};
use super::sign::Sign;
use crate::exchange::Core;
use crate::failure::Failure;

/// A token is renewed this long before it expires, or at half of a shorter life.
const RENEW_BEFORE: Duration = Duration::from_mins(1);

type Fetching = BoxFuture<'static, Result<Arc<Token>, Failure>>;

type Flight = Shared<Fetching>;

/// An access token.
pub(super) struct Token {
    parts: Arc<Parts>,
    usable_until: Option<Instant>,
}

impl Token {
    /// A token that was asked for at `asked` and lives for `life`; `None` if no header can carry it.
    pub(super) fn new(
        scheme: &str,
        secret: &SecretString,
        asked: Instant,
        life: Option<Duration>,
    ) -> Option<Self> {
        let value = header_value(&format!("{scheme} "), secret)?;
        let good_for = |life: Duration| life.saturating_sub(RENEW_BEFORE.min(life / 2));
        Some(Self {
            parts: Parts::new(vec![Part::Header(AUTHORIZATION, value)]),
            usable_until: life.and_then(|life| asked.checked_add(good_for(life))),
        })
    }

    /// What puts it into requests.
    pub(super) fn signer(&self) -> Arc<dyn Sign> {
        Arc::<Parts>::clone(&self.parts)
    }

    fn is_usable(&self, now: Instant) -> bool {
        self.usable_until.is_none_or(|until| now < until)
    }
}

/// The tokens of one credential for one set of scopes and audiences.
pub(crate) struct TokenSource {
    grant: Box<dyn Grant>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    flight: Option<WeakShared<Fetching>>,
}

impl TokenSource {
    /// A source that has no token yet.
    pub(super) fn new(grant: Box<dyn Grant>) -> Arc<Self> {
        Arc::new(Self { grant, state: Mutex::default() })
    }

    /// Equal for equal credentials that ask for the same scopes and audiences.
    pub(super) fn identity(&self) -> u64 {
        self.grant.identity()
    }

    /// On whose behalf tokens are issued.
    pub(super) fn principal(&self) -> &str {
        self.grant.principal()
    }

    /// A usable token, and whether it had been there already.
    pub(super) fn token(
        self: &Arc<Self>,
        core: &Arc<Core>,
    ) -> BoxFuture<'static, Result<(Arc<Token>, bool), Failure>> {
        let now = core.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = state.token.as_ref().filter(|token| token.is_usable(now)) {
            return futures::future::ready(Ok((Arc::clone(token), true))).boxed();
        }
        let running = state.flight.as_ref().and_then(WeakShared::upgrade);
        let flight = running.unwrap_or_else(|| {
            let flight = self.flight(core);
            state.flight = flight.downgrade();
            flight
        });
        flight.map(|result| result.map(|token| (token, false))).boxed()
    }

    /// Drops a token that the service refused, unless it was replaced meanwhile.
    pub(super) fn forget(&self, token: &Arc<Token>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.token.take_if(|current| Arc::ptr_eq(current, token));
    }

    /// One token request, whose end is noted in the state.
    fn flight(self: &Arc<Self>, core: &Arc<Core>) -> Flight {
        let (source, core) = (Arc::clone(self), Arc::clone(core));
        async move {
            let result = source.grant.fetch(&core).await.map(Arc::new);
            let mut state = source.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.token = result.as_ref().ok().cloned();
            state.flight = None;
            result
        }
        .boxed()
        .shared()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use strataql_diag::Redactor;

    use super::*;
    use crate::clock::{Clock, ManualClock};
    use crate::settings::Settings;
    use crate::transport::Transport;

    /// A grant that numbers its tokens.
    struct Numbering {
        life: Option<Duration>,
        asked: Arc<AtomicUsize>,
    }

    impl Grant for Numbering {
        fn identity(&self) -> u64 {
            7
        }

        fn principal(&self) -> &'static str {
            "ada"
        }

        fn fetch<'a>(&'a self, core: &'a Arc<Core>) -> BoxFuture<'a, Result<Token, Failure>> {
            async move {
                let asked = core.clock.now();
                // the request takes a while, so that others come and wait
                core.clock.sleep(Duration::from_secs(1)).await;
                let number = self.asked.fetch_add(1, Ordering::Relaxed);
                let secret = SecretString::from(format!("token-{number}"));
                Ok(Token::new("Bearer", &secret, asked, self.life).expect("a header value"))
            }
            .boxed()
        }
    }

    async fn requests_after(life: Option<u64>, pause: u64) -> usize {
        let clock = ManualClock::default();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let transport = Transport::new(Settings::default(), shared, Redactor::new());
        let core = Arc::clone(transport.expect("settings").core());
        let asked = Arc::new(AtomicUsize::new(0));
        let life = life.map(Duration::from_secs);
        let source = TokenSource::new(Box::new(Numbering { life, asked: Arc::clone(&asked) }));
        let first = futures::future::join_all((0..5).map(|_| source.token(&core))).await;
        for result in first {
            let (_, was_there) = result.expect("a token");
            assert!(!was_there);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1, "one request for all");
        clock.advance(Duration::from_secs(pause));
        source.token(&core).await.expect("a token");
        asked.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn a_token_is_renewed_a_minute_before_its_end_or_at_half_of_a_short_life() {
        // one second of each pause has passed while the token was fetched
        assert_eq!(requests_after(Some(3600), 3538).await, 1);
        assert_eq!(requests_after(Some(3600), 3539).await, 2);
        assert_eq!(requests_after(Some(20), 8).await, 1);
        assert_eq!(requests_after(Some(20), 9).await, 2);
        assert_eq!(requests_after(None, 1_000_000).await, 1);
    }
}
