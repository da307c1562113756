//! Faults: simulated failures of a service.
//!
//! Owns: the kinds, their syntax, and the decision whether a fault applies to a request.
//! Refuses: performing them (see `reply` and `pages`).
//! Surprise: probability is deterministic; the n-th request of a server always gets the same
//! result.

use std::time::Duration;

use serde_json::Value as Json;
use strataql_diag::{Code, Report, did_you_mean};

use crate::random::{derive, happens, mix};

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// An error status in the provider's format.
    Status(u16),
    /// The connection is reset before the first byte of the response.
    Reset,
    /// The connection ends before the body is complete.
    Truncate,
    /// No response, ever.
    Stall,
    /// The server is held: no response to this request, and later ones are not read, until it is
    /// released.
    Hold,
    /// 200 with an HTML page.
    Html,
    /// Half a JSON document in a complete HTTP body.
    Half,
    /// 200 with the provider's error object.
    ErrorOk,
    /// 200 with an unrelated object.
    OtherObject,
    /// 200 with `null`.
    Null,
    /// 200 with an empty body.
    Empty,
    /// The next-page token or URL is the one of the request.
    RepeatToken,
    /// The next-page URL names another origin.
    CrossOriginLink,
    /// The list always has another page; without paging, like `endless_body`.
    Endless,
    /// The body never ends.
    EndlessBody,
}

/// Kinds without a status, by name.
const KINDS: &[(&str, FaultKind)] = &[
    ("reset", FaultKind::Reset),
    ("truncate", FaultKind::Truncate),
    ("stall", FaultKind::Stall),
    ("hold", FaultKind::Hold),
    ("html", FaultKind::Html),
    ("half", FaultKind::Half),
    ("error_200", FaultKind::ErrorOk),
    ("other_object", FaultKind::OtherObject),
    ("null", FaultKind::Null),
    ("empty", FaultKind::Empty),
    ("repeat_token", FaultKind::RepeatToken),
    ("cross_origin_link", FaultKind::CrossOriginLink),
    ("endless", FaultKind::Endless),
    ("endless_body", FaultKind::EndlessBody),
];

impl FaultKind {
    /// Parses a kind: an HTTP status from 300 on, or a name such as `reset` (`-` counts as `_`).
    ///
    /// # Errors
    /// `usage` when there is no such kind.
    pub fn parse(text: &str) -> Result<Self, Box<Report>> {
        if let Ok(status) = text.parse::<u16>()
            && (300..600).contains(&status)
        {
            return Ok(Self::Status(status));
        }
        let wanted = text.replace('-', "_");
        let names = || KINDS.iter().map(|(name, _)| *name);
        let found = KINDS.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, kind)| *kind).ok_or_else(|| {
            Box::new(
                Report::new(Code::Usage, format!("`{text}` is not a kind of fault"))
                    .with_help_if(did_you_mean(&wanted, names()))
                    .with_help(format!(
                        "give a status such as `503`, or one of {}",
                        names().collect::<Vec<_>>().join(", ")
                    )),
            )
        })
    }

    /// True for kinds that change the pages of a list and not the response as such.
    pub(crate) const fn is_paging(self) -> bool {
        matches!(self, Self::RepeatToken | Self::CrossOriginLink | Self::Endless)
    }

    /// True for kinds that need the real response.
    pub(crate) const fn needs_answer(self) -> bool {
        self.is_paging() || matches!(self, Self::Truncate | Self::Half)
    }
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Self::Status(status) = self {
            return write!(f, "{status}");
        }
        let name = KINDS.iter().find(|(_, kind)| kind == self).map_or("", |(name, _)| *name);
        f.write_str(name)
    }
}

/// A fault and the requests it applies to.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The kind.
    pub kind: FaultKind,
    /// Only requests of this method: a method key, or any longer suffix of
    /// `provider.service.resource.method`.
    pub method: Option<String>,
    /// Only requests whose path contains this text.
    pub path: Option<String>,
    /// Only the page of this number (from 1) of a list.
    pub page: Option<usize>,
    /// Only the matching request of this number (from 1).
    pub request: Option<usize>,
    /// At most this many times.
    pub times: Option<usize>,
    /// With this probability.
    pub probability: Option<f64>,
    /// `Retry-After` of the response.
    pub retry_after: Option<Duration>,
    /// Body of the response instead of the default.
    pub body: Option<Json>,
    /// Whether the request takes effect first: a write is done and its response is lost.
    pub when: When,
}

/// When a fault applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum When {
    /// Before the request has any effect.
    #[default]
    Before,
    /// After it took effect.
    After,
    /// After it took effect and its response was sent; only for `hold`.
    Answered,
}

impl Fault {
    /// A fault that applies to every request.
    pub fn always(kind: FaultKind) -> Self {
        Self {
            kind,
            method: None,
            path: None,
            page: None,
            request: None,
            times: None,
            probability: None,
            retry_after: None,
            body: None,
            when: When::Before,
        }
    }

    /// Parses `503:2%` (two in a hundred) or `reset` (always).
    ///
    /// # Errors
    /// `usage` for any other form.
    pub fn parse(text: &str) -> Result<Self, Box<Report>> {
        let (kind, chance) = match text.split_once(':') {
            Some((kind, chance)) => (kind, Some(chance)),
            None => (text, None),
        };
        let probability = chance.map(|chance| percent(chance, text)).transpose()?;
        Ok(Self { probability, ..Self::always(FaultKind::parse(kind.trim())?) })
    }

    /// Parses a comma-separated list such as `503:2%,reset:1%`.
    ///
    /// # Errors
    /// `usage` when an entry is not of the form of [`Fault::parse`].
    pub fn parse_list(text: &str) -> Result<Vec<Self>, Box<Report>> {
        text.split(',').map(|entry| Self::parse(entry.trim())).collect()
    }
}

fn percent(chance: &str, text: &str) -> Result<f64, Box<Report>> {
    chance
        .trim()
        .strip_suffix('%')
        .and_then(|number| number.parse::<f64>().ok())
        .filter(|number| (0.0..=100.0).contains(number))
        .map(|number| number / 100.0)
        .ok_or_else(|| {
            Box::new(
                Report::new(Code::Usage, format!("`{text}` has no percentage after the colon"))
                    .with_help("write for example `503:2%`, or `503` for every request"),
            )
        })
}

/// The properties of a request that faults match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstance<'a> {
    /// Number of the request, from 1.
    pub(crate) number: usize,
    /// Every `provider.service.resource.method` of the route.
    pub(crate) methods: &'a [String],
    /// The path.
    pub(crate) path: &'a str,
    /// The page requested, from 1.
    pub(crate) page: usize,
}

/// The faults of a server and how often each was applied.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    fault: Fault,
    seen: usize,
    struck: usize,
}

impl Fates {
    /// The faults, none applied yet.
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        let entry = |fault| Entry { fault, seen: 0, struck: 0 };
        Self { entries: faults.into_iter().map(entry).collect() }
    }

    /// The first fault that applies to this request.
    pub(crate) fn decide(&mut self, at: Circumstance<'_>) -> Option<Fault> {
        for (position, entry) in self.entries.iter_mut().enumerate() {
            if !concerns(&entry.fault, at) {
                continue;
            }
            entry.seen += 1;
            let fault = &entry.fault;
            // a fault of a numbered request applies once unless it has `times`
            let limit = fault.times.or(fault.request.map(|_| 1));
            let numbered = fault.request.is_none_or(|first| entry.seen >= first);
            let lucky = fault.probability.is_none_or(|probability| {
                let seed = derive(mix(at.number as u64), &position.to_string());
                happens(seed, probability)
            });
            if numbered && lucky && limit.is_none_or(|limit| entry.struck < limit) {
                entry.struck += 1;
                return Some(fault.clone());
            }
        }
        None
    }
}

fn concerns(fault: &Fault, at: Circumstance<'_>) -> bool {
    let by_method = fault.method.as_deref().is_none_or(|wanted| {
        at.methods.iter().any(|full| {
            full.strip_suffix(wanted).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    });
    by_method
        && fault.path.as_deref().is_none_or(|wanted| at.path.contains(wanted))
        && fault.page.is_none_or(|page| page == at.page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: usize, methods: &[String]) -> Circumstance<'_> {
        Circumstance { number, methods, path: "/apps", page: 2 }
    }

    #[test]
    fn faults_are_read_from_text() {
        let faults = Fault::parse_list("503:2%, reset:0.5%,cross-origin-link").expect("valid");
        assert_eq!(faults[0].kind, FaultKind::Status(503));
        assert_eq!(faults[0].probability, Some(0.02));
        assert_eq!(faults[2], Fault::always(FaultKind::CrossOriginLink));
        let report = Fault::parse("rest:1%").expect_err("no kind");
        assert_eq!(report.code, Code::Usage);
        assert_eq!(report.help[0], "did you mean `reset`?");
        assert!(Fault::parse("503:2").is_err());
        assert!(Fault::parse("200").is_err());
    }

    #[test]
    fn methods_are_named_by_any_tail() {
        let methods = ["p.s.apps.list".to_owned()];
        let strikes = |method: &str| {
            let method = Some(method.to_owned());
            Fates::new(vec![Fault { method, ..Fault::always(FaultKind::Reset) }])
                .decide(at(1, &methods))
                .is_some()
        };
        assert!(strikes("list"));
        assert!(strikes("apps.list"));
        assert!(strikes("p.s.apps.list"));
        assert!(!strikes("st"));
        assert!(!strikes("get"));
    }

    #[test]
    fn a_numbered_fault_strikes_from_there_on_as_often_as_it_says() {
        let fate = |fault: Fault| {
            let mut fates = Fates::new(vec![fault]);
            (1..=5).map(|n| fates.decide(at(n, &[])).is_some()).collect::<Vec<_>>()
        };
        let always = Fault::always(FaultKind::Reset);
        assert_eq!(
            fate(Fault { request: Some(2), ..always.clone() }),
            [false, true, false, false, false]
        );
        assert_eq!(
            fate(Fault { request: Some(2), times: Some(2), ..always.clone() }),
            [false, true, true, false, false]
        );
        assert_eq!(
            fate(Fault { times: Some(1), ..always.clone() }),
            [true, false, false, false, false]
        );
        assert_eq!(fate(Fault { page: Some(3), ..always }), [false; 5]);
    }
}
