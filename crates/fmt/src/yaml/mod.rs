//! YAML text → the same YAML, laid out.
//!
//! ```text
//! text ── tree ──▶ nodes with places, comments ── write ──▶ lines ── lines ──▶ text
//!                                       │ scalar: SQL is laid out by `sql`, all else stays as written
//!                                       │ flow:   maps and lists on one line, rows in columns
//! ```

mod comments;
mod flow;
mod lines;
mod same;
mod scalar;
mod sections;
mod tree;
mod write;

pub(crate) use same::same;
pub(crate) use tree::read;
pub(crate) use write::write;

/// Columns that a line takes at most, where that can be.
pub(crate) const WIDTH: usize = 120;

/// Columns by which what is inside is indented.
pub(crate) const INDENT: usize = 2;
