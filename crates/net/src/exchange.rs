//! One exchange: credential, gate, attempts, redirects.
//!
//! Owns: the loop around attempts and its time budget.
//! Refuses: deciding what is transient (`retry`), writing to connections (`wire`), obtaining
//! credentials (`auth`).
//! Surprise: the budget starts when the first permit is held, so that a long queue in front of the
//! gate does not count as slowness of the server. Permits are given back during back-off, and every
//! answer passes the gate on its way back.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::HeaderMap;
use http::header::{DATE, LOCATION, RETRY_AFTER};
use strataql_diag::{Code, Redactor, Report};
use strataql_spec::HttpVerb;
use url::Url;

use crate::attempt::Answer;
use crate::auth::{Authorised, Credential};
use crate::buffers::Buffers;
use crate::client::Clients;
use crate::clock::Clock;
use crate::failure::{Cause, Failure};
use crate::gate::Gates;
use crate::origin::{self, Origin, check_same_origin};
use crate::request::{Facts, Repeat, Response, SigningScope};
use crate::retry::{Outcome, Retry};
use crate::sender::{Errand, Sender};
use crate::settings::Settings;
use crate::status::leaves_open;
use crate::trace::Purpose;
use crate::wire::{self, Broken};

/// Services accept signatures and assertions whose time differs from theirs by a few minutes.
const MAX_SKEW: Duration = Duration::from_mins(4);

/// Maximum number of redirects.
const MAX_REDIRECTS: u32 = 5;

/// State shared by all requests of a transport.
pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) redactor: Redactor,
    pub(crate) clients: Clients,
    pub(crate) gates: Gates,
    pub(crate) buffers: Buffers,
}

/// A request in flight, with its credential.
pub(crate) struct Outgoing {
    pub(crate) provider: String,
    pub(crate) purpose: Purpose,
    pub(crate) verb: HttpVerb,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) repeat: Repeat,
    pub(crate) scope: Option<Arc<SigningScope>>,
    pub(crate) credential: Arc<Credential>,
}

impl Sender for Core {
    fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    fn send(self: Arc<Self>, errand: Errand) -> BoxFuture<'static, Result<Response, Failure>> {
        let credential = match errand.signer {
            Some(signer) => Credential::Signer(signer),
            None => Credential::Anonymous,
        };
        let outgoing = Outgoing {
            provider: errand.provider,
            purpose: Purpose::Token,
            verb: errand.verb,
            url: errand.url,
            headers: errand.headers,
            body: errand.body,
            repeat: errand.repeat,
            scope: errand.scope,
            credential: Arc::new(credential),
        };
        async move { self.exchange(outgoing).await }.boxed()
    }
}

/// Progress so far.
struct Tally {
    first_permit: Option<Instant>,
    attempts: u32,
    retries: u32,
    redirects: u32,
    received: u64,
    status: Option<u16>,
    waited: Duration,
    maybe_sent: bool,
    /// The last attempt may have arrived, and its outcome is unknown.
    is_lost: bool,
    /// An attempt before the last may have arrived.
    was_lost: bool,
    is_refreshed: bool,
}

/// The next step after an attempt.
enum Next {
    Again(Duration),
    Follow(Url),
    Refresh,
    Done,
}

impl Core {
    /// Sends a request until there is a response to return, or retrying is pointless.
    pub(crate) async fn exchange(
        self: &Arc<Self>,
        outgoing: Outgoing,
    ) -> Result<Response, Failure> {
        let mut run = Run::new(self, &outgoing);
        loop {
            let authorised = run.authorised().await?;
            let result = run.attempt(&authorised).await?;
            match run.next(&result, &authorised)? {
                Next::Done => return run.finish(result),
                Next::Follow(url) => {
                    run.url = url;
                    run.tally.redirects += 1;
                }
                Next::Refresh => {
                    outgoing.credential.forget(&authorised);
                    run.tally.is_refreshed = true;
                    run.tally.retries += 1;
                }
                Next::Again(delay) => {
                    self.clock.sleep(delay).await;
                    run.tally.waited += delay;
                    run.tally.retries += 1;
                }
            }
        }
    }

    /// The replacement endpoint of a provider, without credentials in its URL.
    fn endpoint(&self, provider: &str) -> Option<Box<str>> {
        self.settings.endpoints.get(provider).map(|url| url.origin().ascii_serialization().into())
    }

    fn shown(&self, url: &Url) -> String {
        self.redactor.redact(&origin::shown(url)).into_owned()
    }
}

/// By how much the clock of this machine differs from the service's, if that is enough to be refused.
fn skew(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let skew = match now.duration_since(date) {
        Ok(skew) => skew,
        Err(error) => error.duration(),
    };
    Some(skew).filter(|skew| *skew > MAX_SKEW)
}

/// True when the response states that the request was not processed.
fn is_refusal(answer: &Answer) -> bool {
    match answer.status {
        401 | 429 => true,
        503 => answer.headers.contains_key(RETRY_AFTER),
        _ => false,
    }
}

/// The state of one exchange.
struct Run<'a> {
    core: &'a Arc<Core>,
    outgoing: &'a Outgoing,
    url: Url,
    retry: Retry,
    tally: Tally,
}

impl<'a> Run<'a> {
    fn new(core: &'a Arc<Core>, outgoing: &'a Outgoing) -> Self {
        Self {
            core,
            outgoing,
            url: outgoing.url.clone(),
            retry: Retry::new(&core.settings.retry, outgoing.repeat),
            tally: Tally {
                first_permit: None,
                attempts: 0,
                retries: 0,
                redirects: 0,
                received: 0,
                status: None,
                waited: Duration::ZERO,
                maybe_sent: false,
                is_lost: false,
                was_lost: false,
                is_refreshed: false,
            },
        }
    }

    /// The credential, after fetching a token if necessary.
    async fn authorised(&self) -> Result<Authorised, Failure> {
        let credential = &self.outgoing.credential;
        let sender: Arc<dyn Sender> = Arc::<Core>::clone(self.core);
        let authorised = credential.authorise(&sender, Some(&self.outgoing.url)).await;
        authorised.map_err(|mut failure| {
            if failure.url.is_empty() {
                // no request was sent for the credential
                failure.verb = self.outgoing.verb;
                failure.url = self.core.shown(&self.url);
            }
            // the token request is not the user's write, but an earlier attempt may have been one
            failure.maybe_sent = self.tally.maybe_sent && !self.outgoing.verb.is_safe();
            failure
        })
    }

    /// Waits for a permit and makes one attempt.
    async fn attempt(
        &mut self,
        authorised: &Authorised,
    ) -> Result<Result<Answer, Broken>, Failure> {
        let origin = Origin::of(&self.url).ok_or_else(|| {
            let report = Report::new(
                Code::BadDocument,
                format!("`{}` is no http address", self.core.shown(&self.url)),
            )
            .with_help("correct the servers of the provider document");
            self.failure(Cause::Unsendable(Box::new(report)))
        })?;
        let clock = &self.core.clock;
        let before = clock.now();
        let credential = self.outgoing.credential.identity();
        let gates = &self.core.gates;
        let entered = gates.enter(origin, credential, &**clock, self.remaining()).await;
        let now = clock.now();
        self.tally.waited += now.saturating_duration_since(before);
        let permit =
            entered.map_err(|closed| self.failure(Cause::Throttled { wait: closed.wait }))?;
        self.tally.first_permit.get_or_insert(now);
        self.tally.attempts += 1;
        let shipment = wire::Shipment {
            core: self.core,
            outgoing: self.outgoing,
            url: &self.url,
            shown: self.core.shown(&self.url),
            authorised,
            attempt: self.tally.attempts,
            remaining: self.remaining(),
        };
        let result = shipment.send().await;
        if let Ok(answer) = &result {
            permit.observe(answer, &**clock);
        }
        drop(permit);
        self.tally.was_lost |= self.tally.is_lost;
        self.tally.is_lost = match &result {
            Ok(answer) => leaves_open(answer.status, &answer.headers),
            Err(broken) => broken.maybe_sent,
        };
        match &result {
            Ok(answer) => {
                self.tally.received += answer.received;
                self.tally.status = Some(answer.status);
                self.tally.maybe_sent |= !is_refusal(answer);
            }
            Err(broken) => {
                self.tally.received += broken.received;
                self.tally.status = broken.status;
                self.tally.maybe_sent |= broken.maybe_sent;
            }
        }
        Ok(result)
    }

    fn next(
        &mut self,
        result: &Result<Answer, Broken>,
        authorised: &Authorised,
    ) -> Result<Next, Failure> {
        let outcome = match result {
            Ok(answer) => {
                if let Some(location) = self.redirect(answer) {
                    return self.follow(&location).map(Next::Follow);
                }
                let may_refresh = self.outgoing.credential.is_expired(authorised, answer)
                    && !self.tally.is_refreshed
                    && self.outgoing.repeat != Repeat::Never;
                if may_refresh {
                    return Ok(Next::Refresh);
                }
                Outcome::Answered { status: answer.status, headers: &answer.headers }
            }
            Err(broken) => Outcome::Failed(&broken.cause),
        };
        let delay = self.retry.delay(&outcome, self.core.clock.wall());
        Ok(match delay {
            Some(delay) if delay.saturating_add(self.least()) < self.remaining() => {
                Next::Again(delay)
            }
            _ => Next::Done,
        })
    }

    /// Where an answer sends a GET that only reads; other requests are not redirected.
    fn redirect(&self, answer: &Answer) -> Option<String> {
        let redirects = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        let only_reads =
            self.outgoing.verb == HttpVerb::Get && self.outgoing.repeat == Repeat::Safe;
        if !redirects || !only_reads {
            return None;
        }
        let location = answer.headers.get(LOCATION)?;
        Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
    }

    fn follow(&self, location: &str) -> Result<Url, Failure> {
        if self.tally.redirects >= MAX_REDIRECTS {
            return Err(self.failure(Cause::Redirects { limit: MAX_REDIRECTS }));
        }
        check_same_origin(&self.url, location, &[]).map_err(|report| {
            let report = report.redacted(&self.core.redactor);
            self.failure(Cause::CrossOrigin(Box::new(report)))
        })
    }

    /// The remaining time budget.
    fn remaining(&self) -> Duration {
        let spent = self
            .tally
            .first_permit
            .map_or(Duration::ZERO, |start| self.core.clock.now().saturating_duration_since(start));
        self.core.settings.retry.budget.saturating_sub(spent)
    }

    /// The minimum time budget of an attempt. With less, the server's last response is a better
    /// result than an attempt that cannot finish in time.
    fn least(&self) -> Duration {
        (self.core.settings.retry.budget / 10).min(Duration::from_secs(1))
    }

    fn finish(self, result: Result<Answer, Broken>) -> Result<Response, Failure> {
        let answer = match result {
            Ok(answer) => answer,
            Err(broken) => return Err(self.failure(broken.cause)),
        };
        // a server that stands in for another may have a clock of its own
        let stands_in = self.core.settings.endpoints.contains_key(&self.outgoing.provider);
        let skew = if answer.status < 400 || stands_in {
            None
        } else {
            skew(&answer.headers, self.core.clock.wall())
        };
        Ok(Response {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
            attempts: self.tally.attempts,
            retries: self.tally.retries,
            received: self.tally.received,
            waited: self.tally.waited,
            followed_loss: self.tally.was_lost,
            skew,
            facts: Facts {
                provider: self.outgoing.provider.clone(),
                purpose: self.outgoing.purpose,
                verb: self.outgoing.verb,
                url: self.core.shown(&self.url),
            },
            url: self.url,
            redactor: self.core.redactor.clone(),
        })
    }

    fn failure(&self, cause: Cause) -> Failure {
        Failure {
            cause,
            verb: self.outgoing.verb,
            url: self.core.shown(&self.url),
            endpoint: self.core.endpoint(&self.outgoing.provider),
            token_of: (self.outgoing.purpose == Purpose::Token)
                .then(|| self.outgoing.provider.as_str().into()),
            status: self.tally.status,
            attempts: self.tally.attempts,
            waited: self.tally.waited,
            maybe_sent: self.tally.maybe_sent,
        }
    }
}
