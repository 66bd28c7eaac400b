//! Why figures differ between two runs, and what readers of the marts have to change between two versions of a project.
//!
//! ```text
//! cells of BEFORE ─┐
//! cells on the way ─┼──compare──▶ Comparison: every changed cell, its change in parts that add up to it
//! cells of AFTER  ─┘
//!
//! project, columns of its marts ─┐
//!                                ├──definitions──▶ Change: breaking ones first, each with both places
//! project, columns of its marts ─┘
//! ```
//!
//! Nothing is computed or read here: cells and columns are handed in.

mod cell;
mod compare;
pub mod definitions;
mod exact;

pub use cell::{Cells, Cut, Figure, Key};
pub use compare::{Cause, Cell, Comparison, KpiSummary, PeriodKey, Step, Tally, compare};
