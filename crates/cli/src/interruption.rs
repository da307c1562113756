//! Ctrl-C and SIGTERM.
//!
//! Owns: waiting for them beside the command, which then has a moment to end in order.
//! Surprise: the command runs in a thread of its own. If it does not end, whatever it does or waits
//! for, `main` returns without it, and the process ends.

use std::thread;
use std::time::Duration;

use strataql_diag::{Code, Report};
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};

use crate::console::Console;
use crate::exit::Exit;

/// How long an interrupted command may take to end.
const GRACE: Duration = Duration::from_millis(900);

/// The stack of the command, for expressions that are nested deeply: DataFusion goes down chains of 10,000 conditions.
/// Only what is used takes memory.
pub(crate) const STACK: usize = 64 << 20;

/// Whether the command is interrupted.
#[derive(Debug, Clone)]
pub(crate) struct Interruption(watch::Receiver<bool>);

impl Interruption {
    /// One that does not come.
    pub(crate) fn never() -> Self {
        Self(watch::channel(false).1)
    }

    /// Returns once the user or the system asks the process to end.
    pub(crate) async fn received(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|is_received| *is_received).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The report of an interrupted run.
pub(crate) fn interrupted() -> Box<Report> {
    Box::new(Report::new(Code::Cancelled, "the run was interrupted").with_note(
        "requests in flight were abandoned; rows printed so far are not the whole result",
    ))
}

/// Runs a command that learns of Ctrl-C and SIGTERM, and ends the process if it does not end then.
pub(crate) fn interruptible(
    console: &Console,
    command: impl FnOnce(Interruption) -> Exit + Send + 'static,
) -> Exit {
    let (signal, received) = watch::channel(false);
    let (done, mut ended) = oneshot::channel();
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return console.fail(&no_threads(&error), None),
    };
    let thread = thread::Builder::new().name("command".to_owned()).stack_size(STACK).spawn(|| {
        let exit = command(Interruption(received));
        // the end of the thread says the same
        let _ignored = done.send(());
        exit
    });
    let thread = match thread {
        Ok(thread) => thread,
        Err(error) => return console.fail(&no_threads(&error), None),
    };
    let has_ended = runtime.block_on(async {
        tokio::select! {
            // also when it fails: the end of the thread says how
            _ = &mut ended => return true,
            () = signalled() => {}
        }
        signal.send_replace(true);
        tokio::time::timeout(GRACE, ended).await.is_ok()
    });
    if has_ended {
        return thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
    let report = interrupted();
    let exit = Exit::from(report.code);
    let console = console.clone();
    // stderr may be what the command is stuck at
    let shown = thread::spawn(move || console.fail(&report, None));
    let waited = std::time::Instant::now();
    while !shown.is_finished() && waited.elapsed() < Duration::from_millis(50) {
        thread::yield_now();
    }
    exit
}

/// Returns after Ctrl-C or SIGTERM.
async fn signalled() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupt => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    if let Ok(mut terminate) = signal(SignalKind::terminate()) {
        terminate.recv().await;
    } else {
        std::future::pending::<()>().await;
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending::<()>().await;
}

/// The report of threads that the system does not give.
pub(crate) fn no_threads(error: &std::io::Error) -> Box<Report> {
    Box::new(Report::new(Code::LocalIo, format!("the process cannot start its threads: {error}")))
}
