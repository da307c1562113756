//! Shared calls: made once per statement, however often they are read.
//!
//! Owns: the pages of such calls, kept for the statement and fetched on demand by the first reader.
//! Refuses: calls with a single reader; their pages are not kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use strataql_diag::Report;

use crate::pager::{self, PageAddress, Pager};
use crate::stream::{RawPage, Reader};

/// The pages of the calls that one statement shares, by the identity of the call.
#[derive(Default)]
pub struct SharedChains {
    calls: Mutex<HashMap<String, Arc<KeptPages>>>,
}

impl SharedChains {
    /// The pages of a call; the first to ask brings the page driver.
    pub(crate) fn of(&self, identity: String, pager: &Pager) -> Arc<KeptPages> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(calls.entry(identity).or_insert_with(|| Arc::new(KeptPages::new(pager.clone()))))
    }

    /// Bytes of all pages kept.
    pub fn bytes(&self) -> usize {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<Arc<KeptPages>> = calls.values().map(Arc::clone).collect();
        drop(calls);
        all.iter().map(|pages| pages.bytes()).sum()
    }
}

impl std::fmt::Debug for SharedChains {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedChains").field("bytes", &self.bytes()).finish()
    }
}

/// The pages of one call.
pub(crate) struct KeptPages {
    progress: Mutex<Progress>,
}

struct Progress {
    /// The request after the last fetched page; `None` at the end of the list.
    next: Option<Next>,
    /// The page in flight.
    flight: Option<Flight>,
    pages: Vec<Arc<RawPage>>,
    failed: Option<Box<Report>>,
    bytes: usize,
}

#[derive(Clone)]
struct Next {
    pager: Pager,
    address: PageAddress,
}

/// A page and the request after it. Every waiting reader drives it, so that a reader that is not
/// polled cannot block the others.
type Flight = Shared<BoxFuture<'static, Result<Arc<Landed>, Box<Report>>>>;

/// A page, and what comes after it: the next one, the end, or why the list is not complete.
struct Landed {
    page: Arc<RawPage>,
    next: Result<Option<Next>, Box<Report>>,
}

impl KeptPages {
    fn new(pager: Pager) -> Self {
        let next = Some(Next { pager, address: PageAddress::First });
        let pages = Vec::new();
        let progress = Progress { next, flight: None, pages, failed: None, bytes: 0 };
        Self { progress: Mutex::new(progress) }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self) -> usize {
        self.progress().bytes
    }

    /// The page at `index`, fetched if necessary; `None` after the last.
    pub(crate) async fn page(
        &self,
        index: usize,
        reader: &Reader,
    ) -> Result<Option<Arc<RawPage>>, Box<Report>> {
        loop {
            let (number, flight) = {
                let mut progress = self.progress();
                if let Some(page) = progress.pages.get(index) {
                    return Ok(Some(Arc::clone(page)));
                }
                if let Some(report) = &progress.failed {
                    return Err(report.clone());
                }
                let number = progress.pages.len();
                match (&progress.flight, &progress.next) {
                    (Some(flight), _) => (number, flight.clone()),
                    (None, None) => return Ok(None),
                    (None, Some(next)) => {
                        let flight = fetch(next.clone(), number, reader.clone()).boxed().shared();
                        progress.flight = Some(flight.clone());
                        (number, flight)
                    }
                }
            };
            let landed = flight.await;
            let mut progress = self.progress();
            // the first waiting reader stores it
            if progress.flight.is_some() && progress.pages.len() == number {
                progress.flight = None;
                match landed {
                    Ok(landed) => {
                        progress.bytes += landed.page.size();
                        progress.pages.push(Arc::clone(&landed.page));
                        match &landed.next {
                            Ok(next) => progress.next.clone_from(next),
                            Err(report) => progress.failed = Some(report.clone()),
                        }
                    }
                    Err(report) => progress.failed = Some(report),
                }
            }
        }
    }
}

async fn fetch(next: Next, index: usize, reader: Reader) -> Result<Arc<Landed>, Box<Report>> {
    let Next { mut pager, address } = next;
    let raw = reader.fetch(&address, index).await?;
    let decoded = reader.decode_facts(&raw)?;
    let after = pager.next(&reader.facts(&raw, &decoded)).map_err(|report| raw.blamed(report))?;
    let next = match after {
        pager::Next::Page(address) => Ok(Some(Next { pager, address })),
        pager::Next::End => Ok(None),
        pager::Next::Cut(report) => Err(raw.blamed(report)),
    };
    Ok(Arc::new(Landed { page: Arc::new(raw), next }))
}

impl std::fmt::Debug for KeptPages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptPages").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}
