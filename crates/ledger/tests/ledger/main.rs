//! The ledger as its users meet it.

mod common;
mod concurrency;
mod crash;
mod tampering;
mod writes;
