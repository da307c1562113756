//! The public interface of the ledger.

mod common;
mod concurrency;
mod crash;
mod tampering;
mod writes;
