//! Calls that a statement makes once however often it reads them.
//!
//! Owns: the pages of such calls, kept for the statement, fetched on demand by whichever reader is
//! first.
//! Refuses: calls with a single reader; their pages pass through and are dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use strataql_diag::Report;

use crate::pager::{PageAddress, Pager};
use crate::stream::{RawPage, Reader};

/// The shared calls of one statement, by their identity.
#[derive(Default)]
pub struct SharedChains {
    chains: Mutex<HashMap<String, Arc<Chain>>>,
}

impl SharedChains {
    /// The chain of a call; the first to ask brings the page driver.
    pub fn chain(&self, identity: String, pager: &Pager) -> Arc<Chain> {
        let mut chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(chains.entry(identity).or_insert_with(|| Arc::new(Chain::new(pager.clone()))))
    }

    /// Bytes of all pages kept.
    pub fn bytes(&self) -> usize {
        let chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<Arc<Chain>> = chains.values().map(Arc::clone).collect();
        drop(chains);
        all.iter().map(|chain| chain.bytes()).sum()
    }
}

impl std::fmt::Debug for SharedChains {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedChains").field("bytes", &self.bytes()).finish()
    }
}

/// The pages of one call, kept.
pub struct Chain {
    progress: tokio::sync::Mutex<Progress>,
    bytes: std::sync::atomic::AtomicUsize,
}

struct Progress {
    pager: Pager,
    next: Option<PageAddress>,
    pages: Vec<Arc<RawPage>>,
    failed: Option<Box<Report>>,
}

impl Chain {
    fn new(pager: Pager) -> Self {
        Self {
            progress: tokio::sync::Mutex::new(Progress {
                pager,
                next: Some(PageAddress::First),
                pages: Vec::new(),
                failed: None,
            }),
            bytes: std::sync::atomic::AtomicUsize::new(0),
        }
    }

    fn bytes(&self) -> usize {
        self.bytes.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The page at `index`, fetched if nobody did yet; `None` after the last.
    pub(crate) async fn page(
        &self,
        index: usize,
        reader: &Reader,
    ) -> Result<Option<Arc<RawPage>>, Box<Report>> {
        let mut progress = self.progress.lock().await;
        while progress.pages.len() <= index {
            if let Some(report) = &progress.failed {
                return Err(report.clone());
            }
            let Some(address) = progress.next.take() else { return Ok(None) };
            match Self::advance(&mut progress, &address, reader).await {
                Ok(page) => {
                    self.bytes.fetch_add(page.size(), std::sync::atomic::Ordering::Relaxed);
                    progress.pages.push(page);
                }
                Err(report) => {
                    progress.failed = Some(report.clone());
                    return Err(report);
                }
            }
        }
        Ok(Some(Arc::clone(&progress.pages[index])))
    }

    async fn advance(
        progress: &mut Progress,
        address: &PageAddress,
        reader: &Reader,
    ) -> Result<Arc<RawPage>, Box<Report>> {
        let raw = reader.fetch(address).await?;
        let decoded = reader.decode_facts(&raw)?;
        progress.next = progress.pager.next(&raw.facts(&decoded))?;
        Ok(Arc::new(raw))
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}
