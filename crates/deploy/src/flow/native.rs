//! Resources without a query file: what to send comes from the provider's document.
//!
//! Owns: finding the object, comparing what is declared with what is there, and the statements that
//! create, change, replace and delete it.
//! Surprise: only declared fields are compared. Lists are read once per run, however many resources
//! are looked for in them.

mod read;
mod shape;
mod statement;
mod values;
mod write;

pub(super) use self::read::Difference;
pub(crate) use self::shape::alike;
