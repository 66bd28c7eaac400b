//! Plan → frames → staged marts. Only this crate names Polars types.
//!
//! ```text
//! files ──input──▶ frames ──table──▶ tables ──measure──▶ entity frames ──cube──▶ cells ──output──▶ staged marts
//!        contracts,         SQL, money          facts, scores,           grouping sets,      sorted, audited
//!        rollups                                 period by period        KPI formulas
//! ```

mod attribution;
pub mod cache;
mod cells;
mod check;
mod codes;
pub mod context;
mod cube;
mod error;
pub mod explain;
mod grouping;
mod input;
mod job;
mod measure;
mod money;
mod output;
mod period;
mod read;
pub mod remote;
mod review;
mod run;
mod scope;
mod sql;
mod table;

pub use cells::{CellsWanted, cells};
pub use check::{MartColumns, check, schemas};
pub use error::EngineError;
pub use input::finding::Finding;
pub use input::rollup::Shelf;
pub use output::alerts::OpenAlert;
pub use read::SourceRows;
pub use review::review;
pub use run::{Outcome, StageTime, Target, run};
