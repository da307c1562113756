//! Precise delays.
//!
//! Surprise: one thread sleeps for all connections. The runtime's own timers count whole
//! milliseconds and wake up to two late, which would be three percent of the simulated latency.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// One and the same wait for every request.
pub(super) struct Delay {
    latency: Duration,
    waiting: Sender<(Instant, oneshot::Sender<()>)>,
}

impl Delay {
    pub(super) fn new(latency: Duration) -> Self {
        let (waiting, queue) = channel();
        if !latency.is_zero() {
            spawn(move || wake(&queue));
        }
        Self { latency, waiting }
    }

    /// Waits until the latency has passed since the request arrived.
    pub(super) async fn pass(&self, arrived: Instant) {
        if self.latency.is_zero() {
            return;
        }
        let (sender, receiver) = oneshot::channel();
        if self.waiting.send((arrived + self.latency, sender)).is_ok() {
            let _woken = receiver.await;
        }
    }
}

/// Wakes requests in the order of their arrival, which is that of their deadlines.
fn wake(queue: &Receiver<(Instant, oneshot::Sender<()>)>) {
    while let Ok((deadline, sender)) = queue.recv() {
        sleep(deadline.saturating_duration_since(Instant::now()));
        // a client that went away waits no more
        let _gone = sender.send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_wait_side_by_side_and_no_longer_than_asked() {
        let latency = Duration::from_millis(20);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let started = Instant::now();
        runtime.block_on(async {
            let delay = Delay::new(latency);
            tokio::join!(delay.pass(started), delay.pass(started), delay.pass(started));
        });
        let elapsed = started.elapsed();
        assert!(elapsed >= latency, "{elapsed:?}");
        assert!(elapsed < latency * 2, "{elapsed:?}");
    }
}
