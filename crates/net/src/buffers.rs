//! Reuse of body buffers.
//!
//! Owns: the buffers that bodies are received into, and returning them when a body is dropped.
//! Surprise: if every page allocated its own, buffers of some hundred kilobytes would fragment the
//! heap of a long list, with holes of twice their size. A handful of reused buffers does not.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Smaller bodies are left to the allocator.
const SMALL: usize = 16 << 10;

/// Larger buffers are not kept.
const MAX_KEPT: usize = 4 << 20;

/// Number of buffers that are kept: the usual number of requests in flight.
const KEPT: usize = 16;

/// Spare buffers of a transport. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Buffers {
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Buffers {
    /// An empty buffer with capacity for `wanted` bytes; 0 when the length is unknown.
    pub(crate) fn take(&self, wanted: usize) -> Buffer {
        let spare = if wanted > 0 && wanted < SMALL { None } else { self.spare().pop() };
        let mut bytes = spare.unwrap_or_default();
        bytes.reserve_exact(wanted);
        Buffer { bytes, home: self.clone() }
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A borrowed buffer.
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    home: Buffers,
}

impl Buffer {
    /// The bytes; the buffer is returned when their last copy is dropped.
    pub(crate) fn into_bytes(self) -> Bytes {
        // a small body must not keep a large buffer alive
        if self.bytes.len() < self.bytes.capacity() / 2 {
            return Bytes::copy_from_slice(&self.bytes);
        }
        Bytes::from_owner(self)
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if !(SMALL..=MAX_KEPT).contains(&self.bytes.capacity()) {
            return;
        }
        let mut spare = self.home.spare();
        if spare.len() < KEPT {
            let mut bytes = std::mem::take(&mut self.bytes);
            bytes.clear();
            spare.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(buffers: &Buffers, wanted: usize, length: usize) -> Bytes {
        let mut buffer = buffers.take(wanted);
        buffer.extend(std::iter::repeat_n(7, length));
        buffer.into_bytes()
    }

    #[test]
    fn a_dropped_body_gives_its_buffer_back() {
        let buffers = Buffers::default();
        let page = body(&buffers, 100_000, 100_000);
        let copy = page.clone();
        let address = page.as_ptr();
        drop(page);
        assert_eq!(buffers.spare().len(), 0, "a copy is still read");
        drop(copy);
        let next = body(&buffers, 0, 90_000);
        assert_eq!((next.as_ptr(), next.len()), (address, 90_000));
        assert!(next.iter().all(|byte| *byte == 7));
    }

    #[test]
    fn small_and_huge_buffers_are_not_kept() {
        let buffers = Buffers::default();
        drop(body(&buffers, 100, 100));
        drop(body(&buffers, MAX_KEPT + 1, MAX_KEPT + 1));
        assert_eq!(buffers.spare().len(), 0);
        drop(body(&buffers, 100_000, 100_000));
        let small = body(&buffers, 0, 10);
        assert_eq!(buffers.spare().len(), 1, "a small body does not hold a large buffer");
        assert_eq!(small.len(), 10);
    }
}
