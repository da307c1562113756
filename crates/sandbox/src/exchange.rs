//! Handling of a request, from routing to the response.
//!
//! Owns: the order of steps: log, rate limit, tokens, route, credential, fault, checks, state.
//! Refuses: bytes on the wire (see `reply`).
//! Surprise: a request is handled under one lock and without waiting, so that requests have an
//! order and the same order gives the same responses.

use std::collections::HashMap;

use serde_json::Value as Json;
use strataql_spec::Provider;

use crate::access::Access;
use crate::clock::{self, Uptime};
use crate::crud::{Call, Success, perform};
use crate::fault::{Circumstance, Fates, Fault, FaultKind, When};
use crate::log::LogEntry;
use crate::options::Options;
use crate::original::original;
use crate::pages;
use crate::problem::{Form, Problem};
use crate::random::derive;
use crate::rate::{Bucket, Rate};
use crate::reply::Reply;
use crate::request::Incoming;
use crate::routes::{Found, Routes};
use crate::state::State;
use crate::store::{Rules, Store, place};
use crate::task::Tasks;
use crate::validate;

/// The state of a server.
pub(crate) struct Exchange {
    /// Routes.
    pub(crate) routes: Routes,
    /// Every request.
    pub(crate) log: Vec<LogEntry>,
    store: Store,
    tasks: Tasks,
    access: Access,
    fates: Fates,
    faults: Vec<Fault>,
    rate: Option<Rate>,
    buckets: HashMap<String, Bucket>,
    uptime: Uptime,
    /// The server is held.
    held: bool,
}

impl Exchange {
    /// A server without requests.
    pub(crate) fn new(routes: Routes, options: &Options) -> Self {
        let scenario = options.scenario.as_ref();
        let mut faults = options.faults.clone();
        faults.extend(scenario.iter().flat_map(|scenario| scenario.faults.clone()));
        let providers = routes.providers.iter().map(AsRef::<Provider>::as_ref);
        Self {
            access: Access::new(options, providers),
            store: Store::new(Rules::new(options), &options.state),
            tasks: Tasks::new(scenario.map(|scenario| scenario.slow.clone()).unwrap_or_default()),
            fates: Fates::new(faults.clone()),
            faults,
            rate: options.rate.or(scenario.and_then(|scenario| scenario.rate)),
            buckets: HashMap::new(),
            log: Vec::new(),
            uptime: Uptime::begin(),
            held: false,
            routes,
        }
    }

    /// Resets data, tokens, faults, limits and log.
    pub(crate) fn reset(&mut self) {
        self.store.reset();
        self.tasks.reset();
        self.access.reset();
        self.fates = Fates::new(self.faults.clone());
        self.buckets.clear();
        self.log.clear();
        self.held = false;
    }

    /// What requests have changed.
    pub(crate) fn state(&self) -> State {
        self.store.state()
    }

    /// True while the server is held.
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// Releases the server.
    pub(crate) fn release(&mut self) {
        self.held = false;
    }

    /// Handles a request.
    pub(crate) fn answer(&mut self, request: &Incoming) -> Reply {
        let number = self.log.len() + 1;
        let at_ms = u64::try_from(self.uptime.passed().as_millis()).unwrap_or(u64::MAX);
        let mut entry = LogEntry::new(number, at_ms, request);
        let request_id = request_id(number);
        let mut reply = self.decide(request, number, &request_id, &mut entry);
        reply.headers.push(("x-request-id".to_owned(), request_id));
        reply.headers.push(("date".to_owned(), clock::http(self.store.rules.clock)));
        entry.status = reply.visible_status();
        self.log.push(entry);
        reply
    }

    fn decide(
        &mut self,
        request: &Incoming,
        number: usize,
        request_id: &str,
        entry: &mut LogEntry,
    ) -> Reply {
        if let Some((status, body)) = self.access.answer(request) {
            entry.auth = true;
            return Reply::json(status, &body, None);
        }
        let found = self.routes.find(request).or_else(|| self.tasks.found(request));
        let form = self.form(found.as_ref());
        let refuse = |problem: Problem| refused(form, &problem, request_id);
        if self.is_too_fast(request) {
            return refuse(Problem::new(429, "too many requests").with_header("retry-after", "1"));
        }
        let Some(found) = found else {
            let what = format!("no operation answers {} {}", request.verb_text, request.path);
            return refuse(Problem::new(404, what));
        };
        entry.method = found.route.methods.first().cloned();
        entry.undocumented = validate::undocumented(&found.route, request);
        let auth = found.route.provider.auth.as_ref();
        if let Some(name) = auth.and_then(|auth| auth.name.as_deref()) {
            entry.mask(name);
        }
        if let Err(problem) = self.access.check(&found.route.provider, request) {
            return refuse(problem);
        }
        let limit = self.store.rules.page_size;
        let page = pages::requested(&found.route, request, limit).map_or(1, |window| window.page());
        let fault = self.fates.decide(Circumstance {
            number,
            methods: &found.route.methods,
            path: &request.path,
            page,
        });
        if let Some(fault) = &fault {
            entry.fault = Some(fault.kind.to_string());
        }
        self.with_fault(&found, request, fault, &refuse)
    }

    /// The response, with a fault before, in or after it.
    fn with_fault(
        &mut self,
        found: &Found,
        request: &Incoming,
        fault: Option<Fault>,
        refuse: &dyn Fn(Problem) -> Reply,
    ) -> Reply {
        let Some(fault) = fault else {
            return match self.perform(found, request, None) {
                Ok(success) => shown(found, success),
                Err(problem) => refuse(problem),
            };
        };
        let mut kind = fault.kind;
        if kind == FaultKind::Endless && !pages::is_paged(&found.route) {
            kind = FaultKind::EndlessBody;
        }
        let wanted =
            fault.when != When::Before || kind.needs_answer() || kind == FaultKind::EndlessBody;
        let answer = if wanted {
            match self.perform(found, request, kind.is_paging().then_some(kind)) {
                Ok(success) => shown(found, success),
                Err(problem) => return refuse(problem),
            }
        } else {
            Reply::json(200, &Json::Object(serde_json::Map::new()), None)
        };
        if kind == FaultKind::Hold {
            self.held = true;
            if fault.when == When::Answered {
                return answer;
            }
        }
        let status = if let FaultKind::Status(status) = kind { status } else { 500 };
        let error = refuse(Problem::new(status, "a fault of the sandbox"));
        let mut struck = answer.struck(kind, &error.body_json());
        if let Some(body) = &fault.body {
            struck = Reply::json(struck.status, body, None);
        }
        if let Some(wait) = fault.retry_after {
            struck.headers.push(("retry-after".to_owned(), wait.as_secs().to_string()));
        }
        struck
    }

    fn perform(
        &mut self,
        found: &Found,
        request: &Incoming,
        trick: Option<FaultKind>,
    ) -> Result<Success, Problem> {
        if let Some(answer) = self.tasks.asked(request) {
            return Ok(answer);
        }
        if let Some((name, value)) = self.store.unknown_parent(&found.values) {
            return Err(Problem::missing(name, value));
        }
        validate::parameters(&found.route, request)?;
        validate::body(&found.route, request)?;
        let call = Call { routes: &self.routes, found, request, trick };
        let answer = perform(call, &mut self.store);
        let answer = self.tasks.shown(found, request, answer)?;
        Ok(self.tasks.begin(found, request, answer))
    }

    fn is_too_fast(&mut self, request: &Incoming) -> bool {
        let Some(rate) = self.rate else { return false };
        let now = self.uptime.passed();
        let bucket = self.buckets.entry(place(request)).or_insert_with(|| Bucket::new(rate, now));
        !bucket.take(rate, now)
    }

    /// The error format of the route's provider; without a route, of the only provider.
    fn form(&self, found: Option<&Found>) -> Form {
        match (found, self.routes.providers.as_slice()) {
            (Some(found), _) => Form::of(&found.route.provider.name),
            (None, [first, rest @ ..]) => {
                let form = Form::of(&first.name);
                let agreed = rest.iter().all(|other| Form::of(&other.name) == form);
                if agreed { form } else { Form::StatusObject }
            }
            (None, []) => Form::StatusObject,
        }
    }
}

fn shown(found: &Found, success: Success) -> Reply {
    let method = found.route.method();
    let body = original(method, success.body);
    let media_type = method.response.media_type.as_deref();
    let mut reply = Reply::json(success.status, &body, media_type);
    reply.headers = success.headers;
    reply
}

fn refused(form: Form, problem: &Problem, request_id: &str) -> Reply {
    let body = form.body(problem.status, &problem.message, request_id);
    let mut reply = Reply::json(problem.status, &body, None);
    let headers = problem.headers.iter();
    reply.headers.extend(headers.map(|(name, value)| ((*name).to_owned(), value.clone())));
    reply
}

/// The identifier of the n-th request.
fn request_id(number: usize) -> String {
    crate::identity::identifier(crate::identity::IdKind::Uuid, derive(0, "request"), number)
}
