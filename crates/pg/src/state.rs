//! What the connections of a server share, and how one cancels the statement of another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use crate::backend::Backend;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::users::random;

/// What the connections of a server share.
pub(crate) struct State {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) options: Options,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stop: watch::Sender<bool>,
    next: AtomicI32,
    sessions: Mutex<HashMap<i32, (Bytes, Arc<Cancel>)>>,
}

/// A request to cancel what a session runs. It also counts for a statement that waits for nothing.
#[derive(Debug, Default)]
pub(crate) struct Cancel {
    asked: AtomicBool,
    told: Notify,
}

impl Cancel {
    /// Forgets requests that came while nothing ran.
    pub(crate) fn begin(&self) {
        self.asked.store(false, Ordering::Relaxed);
    }

    /// True if there was a request since the beginning.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Returns at the next request.
    pub(crate) async fn asked(&self) {
        self.told.notified().await;
    }

    fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.told.notify_waiters();
    }
}

/// A session that can be cancelled; forgotten when this is dropped.
pub(crate) struct Registration {
    state: Arc<State>,
    process: i32,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.state.sessions().remove(&self.process);
    }
}

impl State {
    /// What the connections of a new server share.
    pub(crate) fn new(backend: Arc<dyn Backend>, options: Options, metrics: Arc<Metrics>) -> Self {
        Self {
            backend,
            options,
            metrics,
            stop: watch::Sender::new(false),
            next: AtomicI32::new(1),
            sessions: Mutex::new(HashMap::new()),
        }
    }

    /// A number and a key with which other connections can cancel statements of a session.
    pub(crate) fn register(state: &Arc<Self>) -> Option<(i32, Bytes, Arc<Cancel>, Registration)> {
        let process = state.next.fetch_add(1, Ordering::Relaxed) & i32::MAX;
        let key = Bytes::from(random(4).ok()?);
        let cancel = Arc::new(Cancel::default());
        state.sessions().insert(process, (key.clone(), Arc::clone(&cancel)));
        Some((process, key, cancel, Registration { state: Arc::clone(state), process }))
    }

    /// Cancels the statement that a session runs, if it runs one.
    pub(crate) fn cancel(&self, process: i32, key: &[u8]) {
        if let Some((known, cancel)) = self.sessions().get(&process)
            && known.len() == key.len()
            // as long for a wrong key as for one that is nearly right
            && known.iter().zip(key).fold(0, |all, (a, b)| all | (a ^ b)) == 0
        {
            self.metrics.cancelled();
            cancel.ask();
        }
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<i32, (Bytes, Arc<Cancel>)>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns once the server stops.
pub(crate) async fn stopping(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stops| *stops).await.is_err() {
        std::future::pending::<()>().await;
    }
}
