//! The KPI cube: aggregates once at the finest cut, rolled up through every grouping set, KPIs evaluated per cell.
//!
//! ```text
//! entity frames ──finest──▶ one row a period and leaf cell ──sets──▶ all cuts ──cells──▶ KPI values
//! ```

pub mod cells;
pub mod compile;
pub mod finest;
pub mod sets;
pub mod values;
