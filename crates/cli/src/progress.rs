//! A progress line on the terminal for statements that take long.
//!
//! Owns: the request counters, and the line that shows them and the statement's own counters.
//! Refuses: pipes and logs; the line is for a person at a terminal.
//! Surprise: nothing is shown within the first second, and the line is removed before results are
//! printed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use strataql_engine::{Activity, Outcome};

/// Statements shorter than this show no line.
const PATIENCE: Duration = Duration::from_secs(1);
/// Refresh interval of the line.
const TICK: Duration = Duration::from_millis(200);

/// Shared counters.
#[derive(Debug, Default)]
pub(crate) struct ProgressState {
    /// Requests that were sent.
    pub(crate) requests: AtomicU64,
    /// Milliseconds until the next request may be sent; 0 when nothing is waiting.
    pub(crate) waiting_ms: AtomicU64,
    /// What the session is waiting for.
    pub(crate) activity: OnceLock<Activity>,
}

impl ProgressState {
    /// The line after that time.
    fn line(&self, elapsed: Duration, pages: u64, rows: u64) -> String {
        if let Some(line) = self.activity.get().and_then(Activity::line) {
            return line;
        }
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut parts = vec![
            counted(pages, "page"),
            counted(rows, "row"),
            rate(count(&self.requests), elapsed),
        ];
        match count(&self.waiting_ms) {
            0 => {}
            left => parts.push(format!("waiting {} s", left.div_ceil(1000))),
        }
        parts.join(", ")
    }
}

/// `1 page`, `1,200 rows`.
fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// The number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Requests per second, with one more digit for low rates.
fn rate(requests: u64, elapsed: Duration) -> String {
    let tenths = u128::from(requests) * 10_000 / elapsed.as_millis().max(1);
    if tenths < 100 {
        format!("{}.{} requests/s", tenths / 10, tenths % 10)
    } else {
        format!("{} requests/s", grouped(u64::try_from(tenths / 10).unwrap_or(u64::MAX)))
    }
}

/// The line; removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Starts the line. Without a terminal on stderr nothing is shown.
    pub(crate) fn start(state: Arc<ProgressState>, outcome: Outcome, is_terminal: bool) -> Self {
        if !is_terminal {
            return Self { thread: None };
        }
        let (stop, stopped) = mpsc::channel();
        let started = Instant::now();
        let thread = thread::spawn(move || {
            if stopped.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let line = ProgressBar::new_spinner().with_style(style());
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let totals = outcome.totals();
                line.set_message(state.line(started.elapsed(), totals.pages, totals.rows));
                line.tick();
            }
            line.finish_and_clear();
        });
        Self { thread: Some((stop, thread)) }
    }

    /// Removes the line before something else is printed.
    pub(crate) fn finish(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            drop(stop);
            // failing to draw the line is not an error
            drop(thread.join());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_counts_and_groups() {
        let state = ProgressState::default();
        state.requests.store(68, Ordering::Relaxed);
        let line = |state: &ProgressState| state.line(Duration::from_secs(2), 12, 1_234_567);
        assert_eq!(line(&state), "12 pages, 1,234,567 rows, 34 requests/s");
        state.waiting_ms.store(2_400, Ordering::Relaxed);
        assert!(line(&state).ends_with(", waiting 3 s"));
    }

    #[test]
    fn few_requests_show_a_fraction() {
        let state = ProgressState::default();
        state.requests.store(1, Ordering::Relaxed);
        assert_eq!(
            state.line(Duration::from_millis(2_500), 1, 0),
            "1 page, 0 rows, 0.4 requests/s"
        );
        assert_eq!(state.line(Duration::ZERO, 1, 0), "1 page, 0 rows, 1,000 requests/s");
    }

    #[test]
    fn a_short_statement_ends_without_delay() {
        let started = Instant::now();
        let mut progress = Progress::start(Arc::default(), Outcome::default(), true);
        progress.finish();
        progress.finish();
        drop(Progress::start(Arc::default(), Outcome::default(), false));
        assert!(started.elapsed() < PATIENCE);
    }
}
