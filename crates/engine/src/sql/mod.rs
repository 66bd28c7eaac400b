//! The user's SQL on its way to Polars: rewritten, aggregates taken apart, run over lazy frames.

pub mod aggregate;
pub mod formula;
mod lookup;
pub mod names;
pub mod prepared;
pub mod query;
pub mod rewrite;
pub mod select;
mod shape;
