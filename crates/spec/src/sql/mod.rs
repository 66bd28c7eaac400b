//! SQL inside YAML: parsing, the places of its errors, the tables that a query reads, what an expression is made of.

mod functions;
mod locate;
mod mistakes;
mod parse;
mod reads;
mod shape;

pub use functions::{AGGREGATES, PERIOD_FUNCTIONS, RUN_FUNCTIONS, aggregates, near_function};
pub(crate) use locate::between;
pub use locate::{Located, locate};
pub(crate) use mistakes::{Mistake, mistakes};
pub use parse::generated;
pub(crate) use parse::{expression, query};
pub(crate) use shape::{Call, Column, Parts, parts, query_parts};
pub use shape::{arguments, join_constraint};
