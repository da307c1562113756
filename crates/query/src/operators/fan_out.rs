//! Several calls of one scan: read at once, delivered in order.
//!
//! Owns: the window of calls that run, and the memory that calls ahead of their turn may fill.
//! Surprise: the call whose turn it is never waits for memory, so the order cannot deadlock. The
//! memory grows only if pages come from afar: what a near server sends, and what waits for a slow
//! consumer (an output, a sort), gains nothing by being there early.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::common::{DataFusionError, Result};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// The batches of one call.
pub(crate) type CallStream = BoxStream<'static, Result<RecordBatch>>;

/// Kilobytes that calls ahead of their turn may hold together at first …
const AHEAD_KB: u32 = 8 << 10;

/// … and at most.
const AHEAD_LIMIT_KB: u32 = 64 << 10;

/// Kilobytes that a wait of the consumer adds.
const GROWTH_KB: u32 = 8 << 10;

/// Pages that never come faster than this come from afar. The fastest counts, since any page may
/// have waited for a thread or for its turn at the gate.
const FAR: Duration = Duration::from_millis(10);

/// Pages that must have come before anything is concluded: the first wait for connections and tokens.
const JUDGED: usize = 32;

/// The batches of all calls: `width` of them run at once.
pub(crate) fn run(
    calls: Vec<CallStream>,
    width: usize,
    arrival_order: bool,
) -> impl Stream<Item = Result<RecordBatch>> + Send {
    if width <= 1 || calls.len() <= 1 {
        return futures::stream::iter(calls).flatten().boxed();
    }
    if arrival_order {
        return futures::stream::iter(calls).flatten_unordered(width).boxed();
    }
    in_order(calls, width).boxed()
}

struct Ahead {
    waiting: VecDeque<CallStream>,
    running: VecDeque<mpsc::UnboundedReceiver<Delivery>>,
    tasks: JoinSet<()>,
    turn: watch::Sender<usize>,
    capacity: Arc<Semaphore>,
    room_kb: u32,
    /// Microseconds that the fastest page took.
    fastest: Arc<AtomicU64>,
    /// Pages that have come.
    pages: Arc<AtomicUsize>,
    started: usize,
}

/// A batch and the memory it counts against.
type Delivery = (Result<RecordBatch>, Option<OwnedSemaphorePermit>);

fn in_order(
    calls: Vec<CallStream>,
    width: usize,
) -> impl Stream<Item = Result<RecordBatch>> + Send {
    let mut ahead = Ahead {
        waiting: calls.into(),
        running: VecDeque::new(),
        tasks: JoinSet::new(),
        turn: watch::Sender::new(0),
        capacity: Arc::new(Semaphore::new(AHEAD_KB as usize)),
        room_kb: AHEAD_KB,
        fastest: Arc::new(AtomicU64::new(u64::MAX)),
        pages: Arc::default(),
        started: 0,
    };
    for _ in 0..width {
        ahead.start();
    }
    futures::stream::try_unfold(ahead, |mut ahead| async move {
        loop {
            let Some(current) = ahead.running.front_mut() else { return Ok(None) };
            let since = Instant::now();
            let delivery = current.recv().await;
            if since.elapsed() >= FAR {
                ahead.grow();
            }
            if let Some((batch, capacity)) = delivery {
                drop(capacity);
                return Ok::<_, DataFusionError>(Some((batch?, ahead)));
            }
            ahead.running.pop_front();
            ahead.turn.send_modify(|turn| *turn += 1);
            ahead.start();
        }
    })
}

impl Ahead {
    /// Gives calls ahead of their turn more memory.
    fn grow(&mut self) {
        let is_far = Duration::from_micros(self.fastest.load(Ordering::Relaxed)) >= FAR;
        if self.pages.load(Ordering::Relaxed) < JUDGED || !is_far {
            return;
        }
        let more = GROWTH_KB.min(AHEAD_LIMIT_KB - self.room_kb);
        self.capacity.add_permits(more as usize);
        self.room_kb += more;
    }

    /// Starts the next call that waits.
    fn start(&mut self) {
        let Some(mut call) = self.waiting.pop_front() else { return };
        let (sender, receiver) = mpsc::unbounded_channel();
        let number = self.started;
        let mut turn = self.turn.subscribe();
        let capacity = Arc::clone(&self.capacity);
        let fastest = Arc::clone(&self.fastest);
        let pages = Arc::clone(&self.pages);
        self.tasks.spawn(async move {
            loop {
                let since = Instant::now();
                let Some(batch) = call.next().await else { return };
                let took = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
                fastest.fetch_min(took, Ordering::Relaxed);
                pages.fetch_add(1, Ordering::Relaxed);
                let kilobytes =
                    batch.as_ref().map_or(0, |batch| batch.get_array_memory_size() >> 10);
                let wanted = u32::try_from(kilobytes).unwrap_or(AHEAD_KB).clamp(1, AHEAD_KB);
                let permit = tokio::select! {
                    biased;
                    _ = turn.wait_for(|turn| *turn >= number) => None,
                    permit = Arc::clone(&capacity).acquire_many_owned(wanted) => permit.ok(),
                };
                if sender.send((batch, permit)).is_err() {
                    return;
                }
            }
        });
        self.started += 1;
        self.running.push_back(receiver);
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{AsArray, Int64Array};
    use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
    use futures::TryStreamExt;

    use super::*;

    fn call(values: Vec<i64>, wait: usize) -> CallStream {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        futures::stream::iter(values)
            .then(move |value| {
                let schema = Arc::clone(&schema);
                async move {
                    for _ in 0..wait {
                        tokio::task::yield_now().await;
                    }
                    let column = Arc::new(Int64Array::from(vec![value]));
                    RecordBatch::try_new(schema, vec![column]).map_err(DataFusionError::from)
                }
            })
            .boxed()
    }

    async fn values(width: usize) -> Vec<i64> {
        let calls: Vec<CallStream> = (0..20)
            .map(|n| call(vec![n * 10, n * 10 + 1], usize::try_from(20 - n).unwrap()))
            .collect();
        let batches: Vec<RecordBatch> = run(calls, width, false).try_collect().await.unwrap();
        batches
            .iter()
            .flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec())
            .collect()
    }

    #[tokio::test]
    async fn calls_run_together_and_arrive_in_order() {
        let expected: Vec<i64> = (0..20).flat_map(|n| [n * 10, n * 10 + 1]).collect();
        for width in [1, 3, 64] {
            assert_eq!(values(width).await, expected, "width {width}");
        }
    }
}
