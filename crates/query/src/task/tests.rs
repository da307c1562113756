use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use datafusion::arrow::datatypes::Schema;
use strataql_diag::Code;

use super::*;
use crate::settings::Settings;

/// A runtime for work, which is not that of the test.
fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().expect("threads")
}

fn budget(name: &str, value: &str) -> Arc<Budget> {
    let mut settings = Settings::default();
    settings.set_text(name, value).expect("a setting");
    Arc::new(Budget::new(&settings))
}

fn batches(made: &Arc<AtomicUsize>, count: usize) -> Batches {
    let made = Arc::clone(made);
    let batch = move |_| {
        made.fetch_add(1, Ordering::SeqCst);
        Ok(RecordBatch::new_empty(Arc::new(Schema::empty())))
    };
    futures::stream::iter((0..count).map(batch)).boxed()
}

#[tokio::test]
async fn a_computation_without_a_pause_is_abandoned_in_time() {
    let runtime = runtime();
    let workers = Workers::default().on(runtime.handle().clone());
    for (name, value, code) in
        [("timeout", "100ms", Code::Timeout), ("budget.seconds", "0.1", Code::Budget)]
    {
        let begun = Instant::now();
        let busy = async {
            std::thread::sleep(Duration::from_secs(2));
            Ok(())
        };
        let report = workers.run(&budget(name, value), busy).await.expect_err("late");
        assert_eq!(report.code, code);
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
    runtime.shutdown_background();
}

#[tokio::test]
async fn rows_are_made_when_they_are_wanted() {
    let made = Arc::new(AtomicUsize::new(0));
    let workers = Workers::default();
    let budget = Arc::new(Budget::new(&Settings::default()));
    let mut rows = workers.rows(budget, batches(&made, 3), Span::none());
    assert_eq!(made.load(Ordering::SeqCst), 0);
    rows.next().await.expect("a batch").expect("no failure");
    tokio::task::yield_now().await;
    assert_eq!(made.load(Ordering::SeqCst), 1);
    rows.next().await.expect("a batch").expect("no failure");
    rows.next().await.expect("a batch").expect("no failure");
    assert!(rows.next().await.is_none());
    assert!(rows.next().await.is_none(), "the end is the end");
    workers.idle(Duration::from_secs(5)).await;
    assert_eq!(*workers.running.borrow(), 0);
}

#[tokio::test]
async fn what_is_dropped_ends() {
    let workers = Workers::default();
    let budget = Arc::new(Budget::new(&Settings::default()));
    let never = futures::stream::pending().boxed();
    let mut rows = workers.rows(Arc::clone(&budget), never, Span::none());
    assert!(futures::poll!(rows.next()).is_pending());
    assert_eq!(*workers.running.borrow(), 1);
    drop(rows);
    workers.idle(Duration::from_secs(5)).await;
    assert_eq!(*workers.running.borrow(), 0);
    let work = workers.run(&budget, std::future::pending::<Result<(), _>>());
    assert!(tokio::time::timeout(Duration::from_millis(10), work).await.is_err());
    workers.idle(Duration::from_secs(5)).await;
    assert_eq!(*workers.running.borrow(), 0);
}

#[tokio::test]
async fn a_panic_is_a_report() {
    let workers = Workers::default();
    let budget = Arc::new(Budget::new(&Settings::default()));
    let broken = async { if is_odd(1) { panic!("an assertion") } else { Ok(()) } };
    let report = workers.run(&budget, broken).await.expect_err("a failure");
    assert_eq!(report.code, Code::Internal);
    assert!(report.message.contains("an assertion"), "{report}");
    let rows = futures::stream::iter([1]).map(|number| {
        assert!(!is_odd(number), "a batch");
        Ok(RecordBatch::new_empty(Arc::new(Schema::empty())))
    });
    let mut rows = workers.rows(budget, rows.boxed(), Span::none());
    let report = rows.next().await.expect("an end").expect_err("a failure");
    assert_eq!(report.code, Code::Internal);
    assert!(report.message.contains("a batch"), "{report}");
    assert!(rows.next().await.is_none());
}

/// A condition that the compiler does not know.
fn is_odd(number: u32) -> bool {
    std::hint::black_box(number) % 2 == 1
}
