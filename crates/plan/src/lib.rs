//! Project + listing → what will run. Planning does no I/O; what it needs to know of the store is handed to it.
//!
//! ```text
//! project ─┐
//! listing ─┼─▶ Plan: as_of, periods, buckets, files of every source, and why each is read
//! footers ─┴─▶ contract findings: missing, retyped, renamed columns
//! ```

pub mod buckets;
pub mod calendar;
pub mod contract;
mod effort;
mod error;
pub mod layout;
mod narrow;
mod period_text;
pub mod plan;

pub use effort::Effort;
pub use error::PlanError;
pub use period_text::{PeriodError, parse_period, period_text};
pub use plan::{Plan, PlannedFile, SourcePlan};
