//! The capacity that builders of a page's columns begin with.
//!
//! Surprise: the estimate is what the previous page needed, since the pages of a call are similar.
//! A wrong estimate costs a copy and never a row.

use std::sync::atomic::{AtomicUsize, Ordering};

use strataql_spec::RowShape;

/// Capacity of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capacity {
    pub(super) rows: usize,
    /// Bytes of text.
    pub(super) bytes: usize,
}

/// Capacity of all columns, as the last page used it.
#[derive(Debug)]
pub(super) struct Capacities {
    rows: AtomicUsize,
    bytes: Vec<AtomicUsize>,
}

impl Capacities {
    /// Before the first page: an object is one row, a list may have any number.
    pub(super) fn new(shape: &RowShape, columns: usize) -> Self {
        let (rows, bytes) =
            if matches!(shape, RowShape::Object { .. }) { (1, 64) } else { (256, 4096) };
        let bytes = std::iter::repeat_with(|| AtomicUsize::new(bytes)).take(columns).collect();
        Self { rows: AtomicUsize::new(rows), bytes }
    }

    /// The capacity for a column, a little more than the last page used.
    pub(super) fn of(&self, column: usize) -> Capacity {
        let rows = self.rows.load(Ordering::Relaxed);
        let bytes = self.bytes.get(column).map_or(0, |bytes| bytes.load(Ordering::Relaxed));
        Capacity { rows, bytes: bytes + bytes / 16 }
    }

    /// Records the size of a page.
    pub(super) fn used(&self, rows: usize, bytes: impl Iterator<Item = usize>) {
        self.rows.store(rows, Ordering::Relaxed);
        for (last, bytes) in self.bytes.iter().zip(bytes) {
            last.store(bytes, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_tells_the_next() {
        let capacities = Capacities::new(&RowShape::List { path: vec![] }, 2);
        capacities.used(1000, [1600, 0].into_iter());
        assert_eq!(capacities.of(0), Capacity { rows: 1000, bytes: 1700 });
        assert_eq!(capacities.of(1), Capacity { rows: 1000, bytes: 0 });
        let lookup = Capacities::new(&RowShape::Object { path: vec![] }, 1);
        assert_eq!(lookup.of(0).rows, 1);
    }
}
