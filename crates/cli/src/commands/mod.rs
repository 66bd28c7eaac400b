//! One file a command.

pub mod add;
pub mod backfill;
pub mod completions;
pub mod diff;
pub mod docs;
pub mod explain;
pub mod fmt;
pub mod gc;
pub mod init;
pub mod lineage;
pub mod ls;
pub mod man;
pub mod plan;
pub mod run;
pub mod sample;
pub mod schema;
pub mod status;
pub mod test;
pub mod validate;
