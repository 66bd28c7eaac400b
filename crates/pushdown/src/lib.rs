//! Rollups as SQL that another engine runs over the files of the lake, so that only their results travel.
//!
//! ```text
//! rollup (YAML) ──► expression ──► Rollup: keys, measures, filter ─┐
//! contract + footer of a file ──► FileInput: columns, doubts ──────┴─► query: text, and the columns that come back
//! ```
//!
//! What is written here means the same to every engine that speaks Spark's SQL, and the same as Polars' rendering of the
//! same definition: counts, sums of whole numbers, least and greatest values, over columns whose type is said. Sums of
//! floats travel as three sums of whole numbers, so that they are the same to the last bit in whatever order the engine
//! adds. What could mean something else is refused, with its place in the YAML.
//!
//! The contract of a source is not rendered a second time. The engine tells rows that surely keep it from those that may
//! not; the latter are brought here, to the one place that knows what becomes of them.

mod expression;
mod input;
mod kind;
mod query;
mod rollup;

pub use expression::{Refusal, Rendered, render};
pub use input::{FileInput, Found, Slice};
pub use kind::Kind;
pub use query::{Asked, Form, GREATEST_SUMMAND, Output, Query, doubtful, repeating, rolled, survey};
pub use rollup::{Key, Measure, Reduction, Rollup, check, rollup};
