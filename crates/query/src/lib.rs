//! One statement: text in, a logical plan, operators, Arrow batches out.
//!
//! Owns: names, method choice, predicates as parameters, scans, bind joins, EXPLAIN, the outcome of a
//! statement; everything that touches DataFusion but the functions (`functions`).
//! Refuses: what lasts longer than a statement (`engine`: sessions, transactions, writes, local
//! tables), HTTP and decoding (`call`, `net`), reading documents (`registry`, `spec`), printing.
//! Surprise: DataFusion never sees SQL text. Our front turns text into a logical plan, DataFusion
//! optimises it, and our query planner chooses which method each scan calls just before the
//! physical plan is made.

pub mod activity;
pub mod assertion;
pub mod budget;
pub mod catalog;
pub mod error;
pub mod explain;
pub mod front;
pub mod journal;
pub mod operators;
pub mod outcome;
pub mod parameters;
mod partial;
pub mod plan;
pub mod predicate;
pub mod query_engine;
pub mod resource;
mod resource_table;
mod response_cache;
pub mod result_set;
pub mod run;
pub mod settings;
pub mod statement;
pub mod task;
pub mod text_table;
pub mod trace;
pub mod traffic;
