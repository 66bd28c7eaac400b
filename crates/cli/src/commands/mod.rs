//! One file a command.

pub mod backfill;
pub mod completions;
pub mod explain;
pub mod gc;
pub mod plan;
pub mod run;
pub mod sample;
pub mod schema;
pub mod status;
pub mod validate;
