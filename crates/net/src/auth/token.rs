//! Access tokens and temporary keys: kept while they are good, renewed before they expire.
//!
//! Owns: the cache of tokens by audience and their renewal. Where tokens come from is the
//! [`Grant`]'s business.
//! Refuses: token requests.
//! Surprise: at most one token request is in flight per source and audience. Whoever needs a token
//! meanwhile waits for that one and shares its error; after an error the next request tries anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use url::Url;

use super::grant::Grant;
use super::header::header_value;
use super::parts::{Part, Parts};
use super::sign::Sign;
use super::trail::Tried;
use crate::attempt::Answer;
use crate::failure::Failure;
use crate::sender::Sender;

/// A token is renewed this long before it expires, or at half of a shorter life.
const RENEW_BEFORE: Duration = Duration::from_mins(1);

type Fetching = BoxFuture<'static, Result<Arc<Token>, Failure>>;

type Flight = Shared<Fetching>;

/// An access token, or temporary keys.
pub(super) struct Token {
    signer: Arc<dyn Sign>,
    /// The token itself, for services that exchange it for another.
    secret: Option<SecretString>,
    authorization: Option<HeaderValue>,
    /// Headers that are sent with it.
    beside: Vec<(HeaderName, HeaderValue)>,
    usable_until: Option<Instant>,
    /// When it expires.
    ends: Option<Instant>,
    /// Where it came from, in words.
    source: String,
    /// Whom it belongs to, where the source knows more than the configuration.
    owner: Option<String>,
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
        let parts = Parts::new(vec![Part::Header(AUTHORIZATION, value.clone())]);
        let this = Self::signing(parts, asked, life);
        Some(Self { secret: Some(secret.clone()), authorization: Some(value), ..this })
    }

    /// Anything that signs requests, known at `asked` and valid for `life`.
    pub(super) fn signing(signer: Arc<dyn Sign>, asked: Instant, life: Option<Duration>) -> Self {
        let good_for = |life: Duration| life.saturating_sub(RENEW_BEFORE.min(life / 2));
        Self {
            signer,
            secret: None,
            authorization: None,
            beside: Vec::new(),
            usable_until: life.and_then(|life| asked.checked_add(good_for(life))),
            ends: life.and_then(|life| asked.checked_add(life)),
            source: String::new(),
            owner: None,
        }
    }

    /// The same with the place where it was found.
    pub(super) fn from(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// The same with a header beside it.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.beside.push((name, value));
        let beside =
            self.beside.iter().map(|(name, value)| Part::Header(name.clone(), value.clone()));
        if let Some(authorization) = &self.authorization {
            let own = Part::Header(AUTHORIZATION, authorization.clone());
            self.signer = Parts::new(std::iter::once(own).chain(beside).collect());
        }
        self
    }

    /// The token itself.
    pub(super) fn secret(&self) -> Option<&SecretString> {
        self.secret.as_ref()
    }

    /// The same with the name of its owner.
    pub(super) fn of(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// What puts it into requests.
    pub(super) fn signer(&self) -> Arc<dyn Sign> {
        Arc::clone(&self.signer)
    }

    /// Where it was found; empty if there is only one possibility.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Whom it belongs to, as far as the signer knows.
    pub(super) fn owner(&self) -> Option<String> {
        self.owner.clone()
    }

    /// How long it is valid from `now`.
    pub(super) fn life(&self, now: Instant) -> Option<Duration> {
        Some(self.ends?.saturating_duration_since(now))
    }

    fn is_usable(&self, now: Instant) -> bool {
        self.usable_until.is_none_or(|until| now < until)
    }
}

/// The tokens of one credential.
pub(crate) struct TokenSource {
    grant: Box<dyn Grant>,
    /// By audience; there is one for each kind of host, so there are few.
    states: Mutex<HashMap<String, State>>,
}

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    flight: Option<WeakShared<Fetching>>,
}

impl TokenSource {
    /// A source that has no token yet.
    pub(super) fn new(grant: Box<dyn Grant>) -> Arc<Self> {
        Arc::new(Self { grant, states: Mutex::default() })
    }

    /// Equal for equal credentials that ask for the same scopes and audiences.
    pub(super) fn identity(&self) -> u64 {
        self.grant.identity()
    }

    /// On whose behalf tokens are issued.
    pub(super) fn principal(&self) -> String {
        self.grant.principal()
    }

    /// True if an answer says that the token is no longer valid.
    pub(super) fn is_expired(&self, answer: &Answer) -> bool {
        self.grant.is_expired(answer)
    }

    /// The sources that the latest token request tried.
    pub(super) fn tried(&self) -> Vec<Tried> {
        self.grant.tried()
    }

    /// A usable token for a request to `url`, and whether it had been there already.
    pub(super) fn token(
        self: &Arc<Self>,
        core: &Arc<dyn Sender>,
        url: Option<&Url>,
    ) -> BoxFuture<'static, Result<(Arc<Token>, bool), Failure>> {
        let now = core.clock().now();
        let audience = self.grant.audience(url);
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let state = states.entry(audience.clone()).or_default();
        if let Some(token) = state.token.as_ref().filter(|token| token.is_usable(now)) {
            return futures::future::ready(Ok((Arc::clone(token), true))).boxed();
        }
        let running = state.flight.as_ref().and_then(WeakShared::upgrade);
        let flight = running.unwrap_or_else(|| {
            let flight = self.flight(core, audience);
            state.flight = flight.downgrade();
            flight
        });
        flight.map(|result| result.map(|token| (token, false))).boxed()
    }

    /// Drops a token that the service refused, unless it was replaced meanwhile.
    pub(super) fn forget(&self, token: &Arc<Token>) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(clippy::iter_over_hash_type, reason = "at most one of them holds this token")]
        for state in states.values_mut() {
            state.token.take_if(|current| Arc::ptr_eq(current, token));
        }
    }

    /// One token request, whose end is noted in the state.
    fn flight(self: &Arc<Self>, core: &Arc<dyn Sender>, audience: String) -> Flight {
        let (source, core) = (Arc::clone(self), Arc::clone(core));
        async move {
            let result = source.grant.fetch(&core, &audience).await.map(Arc::new);
            let mut states = source.states.lock().unwrap_or_else(PoisonError::into_inner);
            let state = states.entry(audience).or_default();
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

        fn principal(&self) -> String {
            "ada".to_owned()
        }

        fn audience(&self, url: Option<&Url>) -> String {
            url.and_then(Url::host_str).unwrap_or_default().to_owned()
        }

        fn fetch<'a>(
            &'a self,
            core: &'a Arc<dyn Sender>,
            _: &'a str,
        ) -> BoxFuture<'a, Result<Token, Failure>> {
            async move {
                let asked = core.clock().now();
                // the request takes a while, so that others come and wait
                core.clock().sleep(Duration::from_secs(1)).await;
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
        let core = transport.expect("settings").sender();
        let asked = Arc::new(AtomicUsize::new(0));
        let life = life.map(Duration::from_secs);
        let source = TokenSource::new(Box::new(Numbering { life, asked: Arc::clone(&asked) }));
        let first = futures::future::join_all((0..5).map(|_| source.token(&core, None))).await;
        for result in first {
            let (_, was_there) = result.expect("a token");
            assert!(!was_there);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1, "one request for all");
        clock.advance(Duration::from_secs(pause));
        source.token(&core, None).await.expect("a token");
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

    #[tokio::test]
    async fn each_audience_has_a_token_of_its_own() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let transport = Transport::new(Settings::default(), clock, Redactor::new());
        let core = transport.expect("settings").sender();
        let asked = Arc::new(AtomicUsize::new(0));
        let source =
            TokenSource::new(Box::new(Numbering { life: None, asked: Arc::clone(&asked) }));
        for (url, requests) in
            [("https://a.test/1", 1), ("https://a.test/2", 1), ("https://b.test/", 2)]
        {
            let url = Url::parse(url).expect("a URL");
            let (token, was_there) = source.token(&core, Some(&url)).await.expect("a token");
            assert_eq!(asked.load(Ordering::Relaxed), requests, "{url}");
            if was_there {
                source.forget(&token);
            }
        }
        let url = Url::parse("https://a.test/3").expect("a URL");
        source.token(&core, Some(&url)).await.expect("a token");
        assert_eq!(asked.load(Ordering::Relaxed), 3, "the token was refused");
    }
}
